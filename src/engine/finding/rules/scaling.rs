//! `MD020` to `MD039`: how the model scales on Beamlit, and how fast the weight moves here.

use super::rules;

rules! {
    MD020: Error Invalid Everywhere ModelDeployment,
        "minNumReplicas is not above maxNumReplicas",
        "The fewest replicas cannot be more than the most. Absent, they are 0 and 10.",
        bad: "spec:\n  serverlessConfig:\n    minNumReplicas: 1\n    maxNumReplicas: 0\n",
        good: "spec:\n  serverlessConfig:\n    minNumReplicas: 1\n    maxNumReplicas: 5\n";
    MD021: Warning Invalid Everywhere ModelDeployment,
        "minNumReplicas is 0 or 1",
        "Beamlit itself takes 0 (scale to zero) or 1 (keep one warm), and may refuse or lower anything above.",
        bad: "spec:\n  serverlessConfig:\n    minNumReplicas: 2\n",
        good: "spec:\n  serverlessConfig:\n    minNumReplicas: 1\n";
    MD022: Warning Invalid Everywhere ModelDeployment,
        "scaleUpMinimum is not above maxNumReplicas",
        "The replicas that a model starts with once it leaves zero would be more than it may ever have.",
        bad: "spec:\n  serverlessConfig:\n    maxNumReplicas: 3\n    scaleUpMinimum: 4\n",
        good: "spec:\n  serverlessConfig:\n    maxNumReplicas: 4\n    scaleUpMinimum: 4\n";
    MD023: Error Invalid Everywhere ModelDeployment,
        "a serverless duration is written in Go's form, with a unit, and is not negative",
        "Numbers with units, the largest first: `300ms`, `30s`, `5m`, `1h30m`. The largest unit is the hour: a day is `24h`. A number alone has no unit, and nobody could tell seconds from minutes.",
        bad: "spec:\n  serverlessConfig:\n    scaleDownDelay: 1d\n",
        good: "spec:\n  serverlessConfig:\n    scaleDownDelay: 24h\n";
    MD024: Error Invalid Everywhere ModelDeployment,
        "serverlessConfig.target is a number in a string",
        "Beamlit's API holds the target as a text with a plain number in it, without unit or percent sign; what it counts is decided by `metric`.",
        bad: "spec:\n  serverlessConfig:\n    metric: cpu\n    target: 70%\n",
        good: "spec:\n  serverlessConfig:\n    metric: cpu\n    target: \"70\"\n";
    MD030: Error Invalid Everywhere ModelDeployment,
        "a tolerance is 0 or more",
        "The tolerance is by how much of its target a metric must pass it before the weight moves: `\"0.1\"` is a tenth.",
        bad: "spec:\n  offloadingConfig:\n    behavior:\n      scaleDown:\n        tolerance: \"-0.1\"\n",
        good: "spec:\n  offloadingConfig:\n    behavior:\n      scaleDown:\n        tolerance: \"0.1\"\n";
    MD031: Warning Invalid Everywhere World,
        "beside an autoscaler on the same metric the strategy is Proportional",
        "A HorizontalPodAutoscaler of the same workload adds replicas for the load that it sees. Step (the default) sends all of `percentage` away once a target is reached, so that the autoscaler sees less than there is: it does not scale up, or scales down, and the traffic stays remote. Proportional sends away only what is above the target, until new replicas have taken it over. A container's resource counts as that of the pods; an autoscaler without metrics scales on cpu. Metrics that offloading does not lower (memory, Object, External) are met too: there Step only reacts before the autoscaler has. An autoscaler of another namespace is named where a ReferenceGrant allows the use of its workload.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: my-model\nspec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: my-model\n  maxReplicas: 10\n  metrics:\n  - type: Resource\n    resource:\n      name: cpu\n      target:\n        type: Utilization\n        averageUtilization: 70\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  offloadingConfig:\n    behavior:\n      percentage: 50\n      strategy: Step\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: my-model\nspec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: my-model\n  maxReplicas: 10\n  metrics:\n  - type: Resource\n    resource:\n      name: cpu\n      target:\n        type: Utilization\n        averageUtilization: 70\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  offloadingConfig:\n    behavior:\n      percentage: 50\n      strategy: Proportional\n    metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n          type: Utilization\n          averageUtilization: 90\n";
}
