//! `MD040` to `MD069`: metrics, their targets and selectors.

use super::rules;

rules! {
    MD040: Error Required Everywhere ModelDeployment,
        "a metric has the source that its type names",
        "The field is named as the type, in camel case: `resource` for Resource, `containerResource` for ContainerResource, `pods` for Pods, `object` for Object, `external` for External.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n        target:\n          type: Value\n          value: 10\n";
    MD041: Error Forbidden Everywhere ModelDeployment,
        "a metric has no other source than the one its type names",
        "One metric is one source. Two sources are two items of the list.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n      pods:\n        metric:\n          name: queue_length\n        target:\n          type: AverageValue\n          averageValue: 10\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n    - type: Pods\n      pods:\n        metric:\n          name: queue_length\n        target:\n          type: AverageValue\n          averageValue: 10\n";
    MD042: Error Invalid Everywhere ModelDeployment,
        "the name of a metric can be part of a URL path",
        "The Metrics APIs are asked by URL, so a name may not be `.` or `..` and may not contain `/` or `%`. What a PromQL expression computes can be given such a name by a recording rule.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length/workers\n        target:\n          type: Value\n          value: 10\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length_per_worker\n        target:\n          type: Value\n          value: 10\n";
    MD043: Error Invalid Everywhere ModelDeployment,
        "the type of a target is Utilization, Value or AverageValue",
        "The type says how the metric is compared. Left out, it is the one that belongs to the field that is set, so it has to be there when several fields are set.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilisation\n          averageUtilization: 90\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n";
    MD044: Error Invalid Everywhere ModelDeployment,
        "the type of a target does not contradict the field that is set",
        "Utilization belongs to averageUtilization, Value to value, AverageValue to averageValue. A real HPA takes the contradiction and goes by the field; here it is refused, because one of the two is not what its author meant.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: AverageValue\n          averageUtilization: 90\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n";
    MD045: Error Invalid Everywhere ModelDeployment,
        "a target is above 0",
        "A target of 0 or less would always be reached.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Pods\n      pods:\n        metric:\n          name: queue_length\n        target:\n          type: AverageValue\n          averageValue: \"0\"\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Pods\n      pods:\n        metric:\n          name: queue_length\n        target:\n          type: AverageValue\n          averageValue: 10\n";
    MD046: Error Required Everywhere ModelDeployment,
        "a target has a value that its source is compared by",
        "Resource and ContainerResource are compared by averageUtilization or averageValue, Pods by averageValue, Object and External by value or averageValue.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Pods\n      pods:\n        metric:\n          name: queue_length\n        target:\n          type: Value\n          value: 10\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Pods\n      pods:\n        metric:\n          name: queue_length\n        target:\n          type: AverageValue\n          averageValue: 10\n";
    MD047: Error Forbidden Everywhere ModelDeployment,
        "a target has one value where only one can count",
        "Resource and ContainerResource take either averageUtilization or averageValue, External either value or averageValue.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n          averageValue: 500m\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n";
    MD048: Error Invalid Everywhere ModelDeployment,
        "kind and name of a described object can be part of a URL path",
        "The custom Metrics API is asked by URL, so they may not be `.` or `..` and may not contain `/` or `%`.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Object\n      object:\n        describedObject:\n          apiVersion: networking.k8s.io/v1\n          kind: Ingress\n          name: default/my-model\n        metric:\n          name: requests_per_second\n        target:\n          type: Value\n          value: 100\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Object\n      object:\n        describedObject:\n          apiVersion: networking.k8s.io/v1\n          kind: Ingress\n          name: my-model\n        metric:\n          name: requests_per_second\n        target:\n          type: Value\n          value: 100\n";
    MD049: Error Invalid Everywhere ModelDeployment,
        "the apiVersion of a described object is a version, or a group and a version",
        "`v1` for the core group, `networking.k8s.io/v1` for any other.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Object\n      object:\n        describedObject:\n          apiVersion: networking.k8s.io/v1/ingresses\n          kind: Ingress\n          name: my-model\n        metric:\n          name: requests_per_second\n        target:\n          type: Value\n          value: 100\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: Object\n      object:\n        describedObject:\n          apiVersion: networking.k8s.io/v1\n          kind: Ingress\n          name: my-model\n        metric:\n          name: requests_per_second\n        target:\n          type: Value\n          value: 100\n";
    MD050: Error Invalid Everywhere ModelDeployment,
        "the container of a ContainerResource metric is a DNS-1123 label",
        "Containers have names of lower case letters, digits and `-`, at most 63 characters long.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: ContainerResource\n      containerResource:\n        name: cpu\n        container: Server\n        target:\n          type: Utilization\n          averageUtilization: 90\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: ContainerResource\n      containerResource:\n        name: cpu\n        container: server\n        target:\n          type: Utilization\n          averageUtilization: 90\n";
    MD051: Error Invalid Everywhere ModelDeployment,
        "the resource of a ContainerResource metric is one that a container can have",
        "cpu, memory, ephemeral-storage, huge pages (`hugepages-2Mi`), or an extended resource with its prefix, such as `nvidia.com/gpu`.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: ContainerResource\n      containerResource:\n        name: pods\n        container: server\n        target:\n          type: Utilization\n          averageUtilization: 90\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: ContainerResource\n      containerResource:\n        name: cpu\n        container: server\n        target:\n          type: Utilization\n          averageUtilization: 90\n";
    MD052: Error Invalid Everywhere ModelDeployment,
        "the key of a label in a selector is a qualified name",
        "An optional DNS subdomain and `/`, then at most 63 letters, digits, `-`, `_` and `.`. A real HPA takes a bad selector and fails when it runs.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchLabels:\n              my queue: jobs\n        target:\n          type: Value\n          value: 10\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchLabels:\n              my-queue: jobs\n        target:\n          type: Value\n          value: 10\n";
    MD053: Error Invalid Everywhere ModelDeployment,
        "the value of a label in a selector has the form of a label's value",
        "At most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, or nothing at all. A real HPA takes a bad selector and fails when it runs.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchLabels:\n              queue: my jobs\n        target:\n          type: Value\n          value: 10\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchLabels:\n              queue: my-jobs\n        target:\n          type: Value\n          value: 10\n";
    MD054: Error Required Everywhere ModelDeployment,
        "a selector's In and NotIn have values",
        "Without values In matches nothing and NotIn everything. To ask whether the label is there at all, use Exists or DoesNotExist.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchExpressions:\n            - key: queue\n              operator: In\n        target:\n          type: Value\n          value: 10\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchExpressions:\n            - key: queue\n              operator: In\n              values: [jobs]\n        target:\n          type: Value\n          value: 10\n";
    MD055: Error Forbidden Everywhere ModelDeployment,
        "a selector's Exists and DoesNotExist have no values",
        "They only ask whether the label is there. To compare its value, use In or NotIn.",
        bad: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchExpressions:\n            - key: queue\n              operator: Exists\n              values: [jobs]\n        target:\n          type: Value\n          value: 10\n",
        good: "spec:\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchExpressions:\n            - key: queue\n              operator: Exists\n        target:\n          type: Value\n          value: 10\n";
    MD056: Error Invalid Everywhere World,
        "where External metrics come from Prometheus, each is a metric's name or an expression that gives a value",
        "The operator's configuration names a Prometheus, so `metric.name` is asked there: letters, digits, `_` and `:` are the name of a metric, anything else is an expression in PromQL. It gives a scalar or an instant vector, whose series are summed; a range vector (`requests_total[5m]`) needs a function around it. What a name may not contain (`/` and `%`) can be had by a recording rule. Regular expressions, and whether there is such a metric, only Prometheus knows.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: http://prometheus.monitoring.svc:9090\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: sum(rtae(requests_total[5m]))\n        target:\n          type: Value\n          value: 10\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: http://prometheus.monitoring.svc:9090\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: sum(rate(requests_total[5m]))\n        target:\n          type: Value\n          value: 10\n";
    MD057: Error Forbidden Everywhere World,
        "a selector stands beside the name of a metric, not beside an expression",
        "Labels are added to a metric's name. In an expression nobody could tell to which of its metrics they belong: they are written where they belong, as in `queue_length{queue=\"jobs\"}`.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: http://prometheus.monitoring.svc:9090\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: sum(queue_length)\n          selector:\n            matchLabels:\n              queue: jobs\n        target:\n          type: Value\n          value: 10\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: http://prometheus.monitoring.svc:9090\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  offloadingConfig:\n    metrics:\n    - type: External\n      external:\n        metric:\n          name: queue_length\n          selector:\n            matchLabels:\n              queue: jobs\n        target:\n          type: Value\n          value: 10\n";
}
