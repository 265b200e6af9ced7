//! `MD001` to `MD019`: what holds for a ModelDeployment as a whole.

use super::rules;

rules! {
    MD001: Error Invalid Everywhere ModelDeployment,
        "a model's name can stand in a URL",
        "The name becomes one segment of the path under which Beamlit serves the model. White space, control, invisible and bidirectional characters, and any of / \\ ? # % would make it another path, or one that only looks the same; . and .. would leave the path.",
        bad: "spec:\n  model: team/my-model\n",
        good: "spec:\n  model: team-my-model\n";
    MD002: Error Required Everywhere ModelDeployment,
        "offloading names the Service whose traffic it takes",
        "Weights are put on a Service. Without serviceRef nobody could tell whose traffic is meant.",
        bad: "spec:\n  serviceRef: null\n  offloadingConfig:\n    behavior:\n      percentage: 50\n",
        good: "spec:\n  serviceRef:\n    name: my-model\n  offloadingConfig:\n    behavior:\n      percentage: 50\n";
    MD003: Error Duplicate Everywhere World,
        "a model is served by one ModelDeployment in each environment",
        "The workspace has one model of a name and environment: two objects would take turns in overwriting it. That holds across namespaces, and for objects that are not enabled. Only an object of one's own namespace is named.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: first\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: other\n    targetPort: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: second\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: first\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: other\n    targetPort: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: second\nspec:\n  model: my-other-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n";
    MD004: Error Duplicate Everywhere World,
        "a Service is routed by one ModelDeployment",
        "Weights are put on the Service, which has only one set of them. Only an object of one's own namespace is named.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: first\nspec:\n  model: my-other-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: second\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: first\nspec:\n  model: my-other-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: other\n    targetPort: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: second\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n";
}
