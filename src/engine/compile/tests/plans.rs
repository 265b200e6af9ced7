//! Whole plans, as they are to be read.

use serde_json::json;

use super::{compiled, full, object};

#[test]
fn a_plan_with_everything_left_out_has_everything_written_out() {
    insta::assert_json_snapshot!(compiled(&object(json!({"offloadingConfig": {}}))), @r#"
    {
      "autoscaler": {
        "scaleTargetRef": {
          "apiVersion": "apps/v1",
          "kind": "Deployment",
          "namespace": "default",
          "name": "my-model"
        },
        "minRemoteWeight": 0,
        "maxRemoteWeight": 100,
        "metrics": [],
        "behavior": {
          "strategy": "Step",
          "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "tolerance": "0",
            "selectPolicy": "Max",
            "policies": [
              {
                "type": "Percent",
                "value": 100,
                "periodSeconds": 15
              }
            ]
          },
          "scaleDown": {
            "stabilizationWindowSeconds": 300,
            "tolerance": "0.1",
            "selectPolicy": "Max",
            "policies": [
              {
                "type": "Percent",
                "value": 25,
                "periodSeconds": 15
              }
            ]
          },
          "probe": {
            "afterSeconds": 600,
            "maxAfterSeconds": 3600,
            "idlePercent": 25
          },
          "failover": {
            "recoverySeconds": 30
          }
        },
        "route": {
          "service": {
            "namespace": "default",
            "name": "my-model",
            "port": 80
          },
          "remote": {
            "scheme": "https",
            "host": "run.beamlit.com",
            "pathPrefix": "/$workspace/models/my-model",
            "query": "environment=production",
            "headers": [
              "Authorization"
            ]
          }
        }
      },
      "routing": {
        "namespace": "default",
        "name": "my-model",
        "annotations": {
          "routing.beamlit.com/local-weight": "100",
          "routing.beamlit.com/managed-by": "default/my-model",
          "routing.beamlit.com/remote-backend": "https://run.beamlit.com/$workspace/models/my-model",
          "routing.beamlit.com/remote-weight": "0"
        }
      },
      "beamlit": {
        "metadata": {
          "name": "my-model",
          "environment": "production",
          "labels": {
            "managed-by": "beamlit-operator",
            "offloading": "false",
            "offloading-enabled": "true",
            "team": "a"
          }
        },
        "spec": {
          "enabled": true,
          "policies": [],
          "runtime": {
            "servingPort": 8080,
            "metricPort": 8080
          },
          "podTemplate": {
            "metadata": {
              "labels": {
                "app": "my-model"
              }
            },
            "spec": {
              "containers": [
                {
                  "name": "server",
                  "image": "registry.example.com/my-model:1",
                  "env": [
                    {
                      "name": "TOKEN",
                      "value": "(redacted)"
                    }
                  ],
                  "ports": [
                    {
                      "name": "http",
                      "containerPort": 8080
                    },
                    {
                      "name": "metrics",
                      "containerPort": 9090
                    }
                  ]
                }
              ]
            }
          }
        }
      }
    }
    "#);
}

#[test]
fn a_plan_with_everything_in_use() {
    insta::assert_json_snapshot!(compiled(&full()), @r#"
    {
      "autoscaler": {
        "scaleTargetRef": {
          "apiVersion": "apps/v1",
          "kind": "Deployment",
          "namespace": "default",
          "name": "my-model"
        },
        "minRemoteWeight": 0,
        "maxRemoteWeight": 50,
        "metrics": [
          {
            "type": "Resource",
            "resource": {
              "name": "cpu",
              "target": {
                "type": "Utilization",
                "averageUtilization": 90
              }
            }
          },
          {
            "type": "Pods",
            "pods": {
              "metric": {
                "name": "rps",
                "selector": {
                  "matchLabels": {
                    "a": "b"
                  }
                }
              },
              "target": {
                "type": "AverageValue",
                "averageValue": "100"
              }
            }
          },
          {
            "type": "External",
            "external": {
              "metric": {
                "name": "queue"
              },
              "target": {
                "type": "Value",
                "value": "10"
              }
            }
          },
          {
            "type": "Object",
            "object": {
              "describedObject": {
                "kind": "Ingress",
                "name": "i"
              },
              "metric": {
                "name": "hits"
              },
              "target": {
                "type": "Value",
                "value": "2k"
              }
            }
          },
          {
            "type": "ContainerResource",
            "containerResource": {
              "name": "memory",
              "container": "server",
              "target": {
                "type": "AverageValue",
                "averageValue": "1Gi"
              }
            }
          }
        ],
        "behavior": {
          "strategy": "Proportional",
          "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "tolerance": "0",
            "selectPolicy": "Min",
            "policies": [
              {
                "type": "Percent",
                "value": 10,
                "periodSeconds": 30
              }
            ]
          },
          "scaleDown": {
            "stabilizationWindowSeconds": 60,
            "tolerance": "0.1",
            "selectPolicy": "Max",
            "policies": [
              {
                "type": "Percent",
                "value": 25,
                "periodSeconds": 15
              }
            ]
          },
          "probe": {
            "afterSeconds": 600,
            "maxAfterSeconds": 3600,
            "idlePercent": 25
          },
          "failover": {
            "recoverySeconds": 30
          }
        },
        "route": {
          "service": {
            "namespace": "default",
            "name": "my-model",
            "port": 80
          },
          "remote": {
            "scheme": "https",
            "host": "models.example.com",
            "pathPrefix": "/v1/my-model",
            "query": "",
            "headers": [
              "Authorization",
              "X-A",
              "x-b"
            ]
          }
        }
      },
      "routing": {
        "namespace": "default",
        "name": "my-model",
        "annotations": {
          "routing.beamlit.com/local-weight": "100",
          "routing.beamlit.com/managed-by": "default/my-model",
          "routing.beamlit.com/remote-backend": "https://models.example.com/v1/my-model",
          "routing.beamlit.com/remote-weight": "0"
        }
      },
      "beamlit": {
        "metadata": {
          "name": "my-model",
          "environment": "development",
          "labels": {
            "managed-by": "beamlit-operator",
            "offloading": "false",
            "offloading-enabled": "true",
            "team": "a"
          }
        },
        "spec": {
          "enabled": true,
          "policies": [
            "us",
            "on-beamlit"
          ],
          "runtime": {
            "servingPort": 8080,
            "metricPort": 9090
          },
          "serverlessConfig": {
            "minNumReplicas": 1,
            "maxNumReplicas": 10,
            "scaleUpMinimum": 2,
            "metric": "cpu",
            "target": "70",
            "stableWindow": "60s"
          },
          "podTemplate": {
            "metadata": {
              "labels": {
                "app": "my-model"
              }
            },
            "spec": {
              "containers": [
                {
                  "name": "server",
                  "image": "registry.example.com/my-model:1",
                  "env": [
                    {
                      "name": "TOKEN",
                      "value": "(redacted)"
                    }
                  ],
                  "ports": [
                    {
                      "name": "http",
                      "containerPort": 8080
                    },
                    {
                      "name": "metrics",
                      "containerPort": 9090
                    }
                  ]
                }
              ]
            }
          }
        }
      }
    }
    "#);
}

#[test]
fn without_offloading_there_is_a_model_and_nothing_else() {
    insta::assert_json_snapshot!(compiled(&object(json!({}))), @r#"
    {
      "autoscaler": null,
      "routing": null,
      "beamlit": {
        "metadata": {
          "name": "my-model",
          "environment": "production",
          "labels": {
            "managed-by": "beamlit-operator",
            "offloading": "false",
            "team": "a"
          }
        },
        "spec": {
          "enabled": true,
          "policies": [],
          "runtime": {
            "servingPort": 8080,
            "metricPort": 8080
          },
          "podTemplate": {
            "metadata": {
              "labels": {
                "app": "my-model"
              }
            },
            "spec": {
              "containers": [
                {
                  "name": "server",
                  "image": "registry.example.com/my-model:1",
                  "env": [
                    {
                      "name": "TOKEN",
                      "value": "(redacted)"
                    }
                  ],
                  "ports": [
                    {
                      "name": "http",
                      "containerPort": 8080
                    },
                    {
                      "name": "metrics",
                      "containerPort": 9090
                    }
                  ]
                }
              ]
            }
          }
        }
      }
    }
    "#);
}
