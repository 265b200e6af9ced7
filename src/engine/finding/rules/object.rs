//! `OB…`: what holds for any object, whatever its kind.

use super::rules;

rules! {
    OB001: Error TypeInvalid Everywhere ModelDeployment,
        "a field holds a value of its own type",
        "Every field has one type: a string, an integer, a boolean, a list or a map. YAML decides the type by the way a value is written: `50` is an integer, `\"50\"` is a string.",
        bad: "spec:\n  offloadingConfig:\n    behavior:\n      percentage: \"50\"\n",
        good: "spec:\n  offloadingConfig:\n    behavior:\n      percentage: 50\n";
    OB002: Error Required Everywhere ModelDeployment,
        "a required field is there and not empty",
        "Without the field nobody could tell what is meant. An empty text or an empty list is as good as none where a value is needed.",
        bad: "spec:\n  modelSourceRef:\n    name: \"\"\n",
        good: "spec:\n  modelSourceRef:\n    name: my-model\n";
    OB003: Error NotSupported Everywhere ModelDeployment,
        "a field with a closed set of values holds one of them",
        "Letter case counts in every closed set, except in country and continent codes.",
        bad: "spec:\n  environment: prod\n",
        good: "spec:\n  environment: production\n";
    OB004: Error Invalid Everywhere ModelDeployment,
        "a number lies within its limits",
        "`kubectl explain` shows the limits of every field.",
        bad: "spec:\n  offloadingConfig:\n    behavior:\n      percentage: 150\n",
        good: "spec:\n  offloadingConfig:\n    behavior:\n      percentage: 100\n";
    OB005: Error TooLong Everywhere ModelDeployment,
        "a text is not longer than its limit",
        "Names become parts of URLs, labels and DNS names, all of which have limits.",
        bad: "spec:\n  serviceRef:\n    name: a-service-name-that-is-longer-than-the-sixty-three-characters-of-a-dns-label\n",
        good: "spec:\n  serviceRef:\n    name: a-service-name-of-a-dns-label\n";
    OB006: Error Invalid Everywhere ModelDeployment,
        "a quantity is a number with an optional suffix",
        "Quantities are written as Kubernetes writes them: an integer, or a string with a number and one of the suffixes n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or an exponent.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: memory\n        target:\n          type: AverageValue\n          averageValue: 1GB\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: memory\n        target:\n          type: AverageValue\n          averageValue: 1G\n";
    OB007: Error Unknown InFiles ModelDeployment,
        "every field is one that the resource has",
        "A field that the schema does not have would be dropped without a word, and what it was meant to say with it. `kubectl apply` refuses it too (strict field validation).",
        bad: "spec:\n  offloadingConfig:\n    behaviour:\n      percentage: 50\n",
        good: "spec:\n  offloadingConfig:\n    behavior:\n      percentage: 50\n";
    OB008: Error Duplicate InFiles Documents,
        "a key stands only once in its map",
        "kubectl takes the last of several equal keys and says nothing about the others.",
        bad: "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: my-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n    name: fr\n",
        good: "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: my-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n  - type: country\n    name: fr\n";
}
