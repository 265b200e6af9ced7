# What one does with this project; `make help` lists it. Everything is cached outside the tree and starts at once the
# second time.

SHELL := /bin/bash
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/beamlit-operator
export CARGO_TARGET_DIR ?= $(CACHE)/target

.DEFAULT_GOAL := help
.PHONY: help demo test check cluster-test crds schema plots bench bench-scale fuzz tools rust

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: tools rust ## a local Kubernetes with the operator: what it refuses, and traffic that leaves and comes home (with KEEP=1 it stays)
	@echo "demo: building the operator and the demo (minutes the first time) …" >&2
	@cargo test --test demo --no-run
	@cargo test --quiet --test demo

test: rust ## everything that CI runs
	@.ci/checks

check: rust ## the quick part: formatting, clippy, unit tests
	cargo fmt --check
	cargo clippy --all-targets --all-features -- -D warnings
	cargo test --quiet --lib --bins

cluster-test: tools rust ## the tests on a real Kubernetes alone
	cargo test --test cluster

crds: rust ## write crds/ anew, from the types in src/api
	cargo run --quiet -- crds --output-dir crds

schema: rust ## write the JSON Schema of the operator's configuration anew, from the types in src/api
	cargo build --quiet
	cargo run --quiet -- schema > deploy/configuration/operator-configuration.schema.json

plots: rust ## draw the plots of docs/ anew, and write the figures beside them
	WRITE_PLOTS=1 cargo test --quiet --test simulate documents::

bench: rust ## how long a judgement, a plan and a decision take, and how much the gate carries over TLS (needs wrk)
	@command -v wrk >/dev/null || { echo "wrk is needed: apt-get install wrk" >&2; exit 1; }
	cargo bench --bench judgement
	cargo bench --bench decision
	cargo bench --bench load

bench-scale: tools rust ## what the reconciler costs beside 10,000 ModelDeployments, on a real API server (half an hour; MODELS=N for fewer)
	MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072 cargo bench --bench scale -- $(if $(MODELS),--models $(MODELS))

fuzz: rust ## the fuzz targets, each for FUZZ_SECONDS (60)
	@fuzz/run.sh

# etcd, kube-apiserver, kube-controller-manager and kubectl of the pinned version, unless KUBEBUILDER_ASSETS has them, the CRD of
# ReferenceGrant, kwok and metrics-server.
tools:
	@[ -n "$$KUBEBUILDER_ASSETS" ] || tests/cluster/tools/build.sh >/dev/null
	@tests/cluster/tools/gateway-api.sh >/dev/null
	@tests/cluster/tools/simulation.sh >/dev/null

rust:
	@command -v cargo >/dev/null || { echo "cargo is needed: install Rust 1.95 or newer with rustup, or run .ci/run on a bare Debian" >&2; exit 1; }
