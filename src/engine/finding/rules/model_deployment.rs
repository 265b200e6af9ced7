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
}
