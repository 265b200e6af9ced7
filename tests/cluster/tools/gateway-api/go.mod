// The Gateway API whose ReferenceGrant the cluster tests install: YAML out of a pinned module, of which nothing is compiled.
// A module of its own, so that what it requires changes no version in the Kubernetes beside it.
module beamlit-operator.invalid/tests/cluster/tools/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.3
