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
    OB009: Error NotSupported InFiles Documents,
        "apiVersion and kind name a resource that exists",
        "ModelDeployment and OffloadAutoscaler belong to `deployment.beamlit.com/v1alpha1`, Policy to `authorization.beamlit.com/v1alpha1`. Resources of other groups are passed over, unless the group is nearly one of ours.",
        bad: "apiVersion: authorization.beamlit.dev/v1alpha1\nkind: Policy\nmetadata:\n  name: my-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n",
        good: "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: my-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n";
    OB010: Error Invalid InFiles Policy,
        "the name of an object is a DNS-1123 subdomain",
        "Names become parts of URLs and labels. `generateName` may end with a hyphen, because the server adds to it.",
        bad: "metadata:\n  name: My_Policy\n",
        good: "metadata:\n  name: my-policy\n";
    OB011: Error Invalid InFiles Policy,
        "a namespace is a DNS-1123 label",
        "Lower-case letters, digits and hyphens, 63 characters at the most; no dots.",
        bad: "metadata:\n  namespace: team.a\n",
        good: "metadata:\n  namespace: team-a\n";
    OB012: Error Invalid InFiles Policy,
        "the key of a label is a qualified name",
        "A name of at most 63 characters, with an optional DNS subdomain and `/` before it.",
        bad: "metadata:\n  labels:\n    example.com/team/name: a\n",
        good: "metadata:\n  labels:\n    example.com/team-name: a\n";
    OB013: Error Invalid InFiles Policy,
        "the value of a label is a short word",
        "Empty, or at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends. Text for people belongs in an annotation.",
        bad: "metadata:\n  labels:\n    team: team A\n",
        good: "metadata:\n  labels:\n    team: team-a\n";
    OB014: Error Invalid InFiles Policy,
        "the key of an annotation is a qualified name",
        "As for labels, except that the letter case of the subdomain does not count.",
        bad: "metadata:\n  annotations:\n    my note: a\n",
        good: "metadata:\n  annotations:\n    my-note: a\n";
    OB015: Error Invalid InFiles Policy,
        "a finalizer is a qualified name",
        "A finalizer keeps an object until whoever owns the name has cleaned up; nobody could own a name of another form. `orphan` and `foregroundDeletion` exclude each other.",
        bad: "metadata:\n  finalizers:\n  - my finalizer\n",
        good: "metadata:\n  finalizers:\n  - example.com/my-finalizer\n";
    OB016: Error Invalid InFiles Policy,
        "an owner reference names an owner that can be one",
        "At most one owner is the controller, and an Event owns nothing.",
        bad: "metadata:\n  ownerReferences:\n  - apiVersion: v1\n    kind: Event\n    name: a\n    uid: b\n",
        good: "metadata:\n  ownerReferences:\n  - apiVersion: apps/v1\n    kind: Deployment\n    name: a\n    uid: b\n";
    OB017: Error Duplicate InFiles Documents,
        "an object stands only once among all files",
        "Of two objects with one kind, namespace and name the later takes the place of the earlier.",
        bad: "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: my-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: my-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n",
        good: "apiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: my-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: my-other-policy\nspec:\n  type: location\n  locations:\n  - type: country\n    name: us\n";
    OB018: Warning Forbidden Everywhere Documents,
        "an OffloadAutoscaler is written by the operator alone",
        "It is what a ModelDeployment is compiled to, with every default written out. Whatever others write there is overwritten, or decides nothing. Write a ModelDeployment; `beamlit-operator compile` shows what becomes of it.",
        bad: "apiVersion: deployment.beamlit.com/v1alpha1\nkind: OffloadAutoscaler\nmetadata:\n  name: my-model\nspec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    namespace: default\n    name: my-model\n  minRemoteWeight: 0\n  maxRemoteWeight: 50\n  metrics: []\n  behavior:\n    strategy: Step\n    scaleUp:\n      stabilizationWindowSeconds: 0\n      tolerance: \"0\"\n      selectPolicy: Max\n      policies:\n      - type: Percent\n        value: 100\n        periodSeconds: 15\n    scaleDown:\n      stabilizationWindowSeconds: 300\n      tolerance: \"0.1\"\n      selectPolicy: Max\n      policies:\n      - type: Percent\n        value: 25\n        periodSeconds: 15\n    probe:\n      afterSeconds: 600\n      maxAfterSeconds: 3600\n      idlePercent: 25\n    failover:\n      recoverySeconds: 30\n  route:\n    service:\n      namespace: default\n      name: my-model\n      port: 8080\n    remote:\n      scheme: https\n      host: models.example.com\n      pathPrefix: \"\"\n      query: \"\"\n      headers: []\n",
        good: "apiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  offloadingConfig:\n    behavior:\n      percentage: 50\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n";
    OB019: Warning Forbidden InCluster World,
        "the stamps of the operator are written by nobody else",
        "`offloading.beamlit.com/autoscaler` and `routing.beamlit.com/weights` show what a ModelDeployment was compiled to. Whatever is written there is overwritten when the object is stored, and nobody trusts it. Where the annotations of an object would grow beyond the 262144 bytes that Kubernetes allows, there is no stamp; `beamlit-operator compile` shows what would be in it.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\n  annotations:\n    routing.beamlit.com/weights: local=0,remote=100\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n";
}
