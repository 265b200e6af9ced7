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
        "a reference into another namespace is granted there",
        "The operator may read and route Services everywhere. If a reference could cross namespaces freely, anyone could send another team's traffic to a host of their own. A ReferenceGrant (gateway.networking.k8s.io) in the other namespace allows it; in `check` the grant must be among the files. Configuration can turn it into a warning in the cluster (missingGrant).",
        bad: "spec:\n  serviceRef:\n    name: my-model\n    namespace: team-b\n",
        good: "spec:\n  serviceRef:\n    name: my-model\n";
    RF004: Error NotSupported Everywhere ModelDeployment,
        "a local policy is a Policy of authorization.beamlit.com/v1alpha1",
        "Policies of other groups have the same kind and another meaning.",
        bad: "spec:\n  policies:\n  - refType: localPolicy\n    name: my-policy\n    kind: ClusterPolicy\n",
        good: "spec:\n  policies:\n  - refType: remotePolicy\n    name: my-policy\n    kind: ClusterPolicy\n";
    RF005: Error Duplicate Everywhere ModelDeployment,
        "a policy is named only once",
        "Naming a policy twice changes nothing, and is most likely a slip: another policy was meant.",
        bad: "spec:\n  policies:\n  - name: my-policy\n  - name: my-policy\n",
        good: "spec:\n  policies:\n  - name: my-policy\n  - name: my-other-policy\n";
    RF006: Warning NotFound Everywhere World,
        "a local policy that is named is there",
        "Objects of one `kubectl apply` arrive in any order, so that a Policy may come after the ModelDeployment that names it: until it is there, no traffic is sent away. Where all files are at hand, in `check`, a missing one is an error; configuration can make it one in the cluster too (missingLocalPolicy).",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n";
    RF007: Warning NotFound InCluster World,
        "the workload and the Service that are named are there",
        "Objects of one `kubectl apply` arrive in any order. Until both are there, no traffic is sent away. Files do not show what else is in the cluster, so that `check` lists what is not among them as unknown.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n";
    RF008: Error Invalid Everywhere World,
        "targetPort is a port of the Service",
        "It is one of the Service's own TCP ports or, if none of these has the number, the port of the pods that exactly one of them leads to. Where a Service's port leads to a name, the containers of the workload say which number that is. A Service that is not there yet is no fault of this rule, nor is a name that the workload does not have.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p80\n    port: 80\n  - name: p443\n    port: 443\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p80\n    port: 80\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n";
    RF009: Error Required Everywhere World,
        "targetPort is named where the Service has several ports",
        "Without targetPort the Service's only port is meant.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p80\n    port: 80\n  - name: p443\n    port: 443\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p80\n    port: 80\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n";
    RF010: Warning Required Everywhere World,
        "a reference that looks like one to a Policy of this cluster says which it is",
        "Without refType a policy on Beamlit is named, and the one of this cluster limits nothing. A namespace, a kind or an apiVersion beside the name, or a Policy of that name in the object's own namespace, tell that another one may have been meant.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - name: eu-only\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n";
}
