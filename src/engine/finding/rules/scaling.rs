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
}
