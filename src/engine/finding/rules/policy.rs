//! `PL…`: what a Policy allows.

use super::rules;

rules! {
    PL001: Error Required Everywhere Policy,
        "a policy lists at least one option of its own type",
        "A policy lists what is allowed. One that lists nothing would allow nothing, and refuse every ModelDeployment that names it; to allow everything, have no policy of that type.",
        bad: "spec:\n  locations: []\n",
        good: "spec:\n  locations:\n  - type: continent\n    name: eu\n";
    PL002: Error Forbidden Everywhere Policy,
        "a policy lists no option of the other type",
        "A location policy says where traffic may go, a flavor policy on what hardware. What one lists for the other type would not count. Write two policies, and name both: policies of different types narrow each other.",
        bad: "spec:\n  flavors:\n  - type: gpu\n    name: t4\n",
        good: "spec:\n  flavors: []\n";
    PL003: Error NotSupported Everywhere Policy,
        "a continent is one of af, an, as, eu, na, oc and sa",
        "Continents are named by two letters: Africa, Antarctica, Asia, Europe, North America, Oceania, South America. Letter case does not count.",
        bad: "spec:\n  locations:\n  - type: continent\n    name: europe\n",
        good: "spec:\n  locations:\n  - type: continent\n    name: eu\n";
    PL004: Error Invalid Everywhere Policy,
        "a country is an officially assigned ISO 3166-1 alpha-2 code",
        "Countries are named by two letters, as ISO 3166-1 assigns them: `gb`, not `uk`; `us`, not `usa`. Codes that are reserved, user-assigned or withdrawn name no country. Letter case does not count.",
        bad: "spec:\n  locations:\n  - type: country\n    name: uk\n",
        good: "spec:\n  locations:\n  - type: country\n    name: gb\n";
    PL005: Error Invalid Everywhere Policy,
        "a location's name is letters, digits, dots, underscores and hyphens",
        "Locations have names of their own on Beamlit. A name starts and ends with an ASCII letter or digit. Letter case counts.",
        bad: "spec:\n  locations:\n  - type: location\n    name: us pdx 1\n",
        good: "spec:\n  locations:\n  - type: location\n    name: us-pdx-1\n";
    PL006: Error Invalid Everywhere Policy,
        "a flavor's name is letters, digits, dots, underscores and hyphens",
        "Flavors have names of their own on Beamlit. A name starts and ends with an ASCII letter or digit. Letter case counts.",
        bad: "spec:\n  type: flavor\n  locations: []\n  flavors:\n  - type: gpu\n    name: nvidia/t4\n",
        good: "spec:\n  type: flavor\n  locations: []\n  flavors:\n  - type: gpu\n    name: t4\n";
    PL007: Warning Duplicate Everywhere Policy,
        "a policy lists an option only once",
        "A repeated entry allows nothing more, and may stand where another was meant. Country and continent codes are compared regardless of letter case, names of locations and flavors letter by letter.",
        bad: "spec:\n  locations:\n  - type: country\n    name: us\n  - type: country\n    name: US\n",
        good: "spec:\n  locations:\n  - type: country\n    name: us\n  - type: country\n    name: ca\n";
    PL008: Warning Duplicate Everywhere Policy,
        "a policy lists no place that lies in another place of its list",
        "The country lies in the continent, or the location in the country, that is listed too: it allows nothing more, and may stand where a narrower policy was meant. Where locations lie, the operator's configuration says.",
        bad: "spec:\n  locations:\n  - type: country\n    name: us\n  - type: continent\n    name: na\n",
        good: "spec:\n  locations:\n  - type: country\n    name: us\n  - type: continent\n    name: eu\n";
    PL010: Error Invalid Everywhere World,
        "the policies that apply leave something",
        "Policies of one type widen each other, and the environment's policies bound them: what the object's policies allow beyond these does not count. If nothing is left, no traffic could ever be sent away.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - refType: localPolicy\n      namespace: beamlit-system\n      name: us-only\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: us-only\n  namespace: beamlit-system\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - refType: localPolicy\n      namespace: beamlit-system\n      name: us-only\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: us-only\n  namespace: beamlit-system\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: na-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: na\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: na-only\n";
    PL011: Warning Invalid Everywhere World,
        "the policies that apply leave processors or accelerators, not both",
        "A model runs on several cpu flavors or on several gpu flavors, never on both: Beamlit picks a side.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: any\nspec:\n  type: flavor\n  flavors:\n  - type: cpu\n    name: x86\n  - type: gpu\n    name: t4\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: any\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: t4-only\nspec:\n  type: flavor\n  flavors:\n  - type: gpu\n    name: t4\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: t4-only\n";
    PL012: Error NotFound InCluster World,
        "the policies of an environment are there",
        "The operator's configuration names policies that every object of an environment has. Without them nobody knows what the environment allows, so nothing is admitted to it. Files do not show what else is in the cluster, so that `check` lists such a policy as unknown.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - refType: localPolicy\n      namespace: beamlit-system\n      name: us-only\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - refType: localPolicy\n      namespace: beamlit-system\n      name: us-only\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: us-only\n  namespace: beamlit-system\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n";
    PL013: Warning Invalid InCluster Update,
        "a policy that is relied on goes on to allow what it did",
        "It is admitted: whoever may write the policy decides. ModelDeployments that it no longer covers send no more traffic away, and their next change is judged by what it then says. Objects of the policy's own namespace are named.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: country\n    name: fr\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n  - type: country\n    name: us\n";
    PL014: Warning Invalid InCluster Deletion,
        "a policy that is deleted is relied on by nobody",
        "It is deleted all the same: a deletion is never refused. ModelDeployments that name it send no traffic away until it is back. Objects of its own namespace are named.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: us-only\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n";
}
