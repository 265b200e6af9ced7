//! `RF…`: references to other objects.

use super::rules;

rules! {
    RF001: Error Invalid Everywhere ModelDeployment,
        "a reference names an object with a name that it can have",
        "Workloads, policies and Secrets have DNS-1123 subdomains as names (lower-case letters, digits, - and .), Services DNS-1123 labels (the same without .).",
        bad: "spec:\n  modelSourceRef:\n    name: My_Model\n",
        good: "spec:\n  modelSourceRef:\n    name: my-model\n";
    RF002: Error Invalid Everywhere ModelDeployment,
        "a reference names a namespace with a name that it can have",
        "Namespaces have DNS-1123 labels as names: lower-case letters, digits and -.",
        bad: "spec:\n  modelSourceRef:\n    name: my-model\n    namespace: Team.A\n",
        good: "spec:\n  modelSourceRef:\n    name: my-model\n";
    RF003: Error Forbidden Everywhere ModelDeployment,
        "a reference stays in the object's own namespace",
        "The operator may read and route Services everywhere. If a reference could cross namespaces freely, anyone could send another team's traffic to a host of their own. A ReferenceGrant of the other team will allow it once grants are looked up; until then it is refused.",
        bad: "spec:\n  serviceRef:\n    name: my-model\n    namespace: team-b\n",
        good: "spec:\n  serviceRef:\n    name: my-model\n";
    RF004: Error NotSupported Everywhere ModelDeployment,
        "a local policy is a Policy of authorization.beamlit.com/v1alpha1",
        "Policies of other groups have the same kind and another meaning.",
        bad: "spec:\n  policies:\n  - refType: localPolicy\n    name: my-policy\n    kind: ClusterPolicy\n",
        good: "spec:\n  policies:\n  - refType: localPolicy\n    name: my-policy\n    kind: Policy\n";
    RF005: Error Duplicate Everywhere ModelDeployment,
        "a policy is named only once",
        "Naming a policy twice changes nothing, and is most likely a slip: another policy was meant.",
        bad: "spec:\n  policies:\n  - name: my-policy\n  - name: my-policy\n",
        good: "spec:\n  policies:\n  - name: my-policy\n  - name: my-other-policy\n";
}
