# The image of the operator: one static program and nothing else.
#
#   docker build --tag beamlit-operator:0.1.0 .
#
# Any builder of OCI images does. The images that this starts from, and the crates, are the only things that it fetches.

# The version that Cargo.toml asks for, on the Debian whose C library is linked in.
FROM rust:1.95-bookworm AS build
WORKDIR /build

# The dependencies are built by themselves first, from the manifest and the lock file alone and with empty sources in place
# of ours: as long as these two do not change, the layer is reused and only our own code is compiled.
COPY Cargo.toml Cargo.lock ./
# Static, so that it needs no file beside it: without a named target, `crt-static` would hold for build scripts and
# procedural macros too, which cannot be built so. Paths are left out of the program, so that it is the same wherever it
# was built.
ENV CARGO_TARGET_DIR=/build/target \
    CARGO_INCREMENTAL=0 \
    RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=${CARGO_HOME}=cargo --remap-path-prefix=/build=."
RUN mkdir -p src benches \
    && touch benches/judgement.rs benches/decision.rs \
    && echo '//! Nothing yet.' >src/lib.rs \
    && printf '//! Nothing yet.\nfn main() {}\n' >src/main.rs \
    && cargo build --locked --release --target "$(rustc --print host-tuple)" \
    && cargo clean --locked --release --target "$(rustc --print host-tuple)" --package beamlit-operator

COPY src src
RUN cargo build --locked --release --target "$(rustc --print host-tuple)" \
    && install -D -m 0555 "target/$(rustc --print host-tuple)/release/beamlit-operator" /image/beamlit-operator

# No shell, no package manager, no C library, no certificates of anybody: what is not there needs no update and cannot be
# used against the cluster.
FROM scratch
LABEL org.opencontainers.image.title="beamlit-operator" \
      org.opencontainers.image.description="Kubernetes admission webhook for ModelDeployment and Policy" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=0:0 /image/beamlit-operator /beamlit-operator
# By number: without /etc/passwd there are no names, and the kubelet can tell only of a number that it is not root.
USER 65532:65532
# The webhook; probes and metrics.
EXPOSE 9443 8081
ENTRYPOINT ["/beamlit-operator"]
CMD ["serve"]
