#!/usr/bin/env bash
# Builds the pinned control plane (go.mod beside this file) into a cache outside the tree and prints
# that folder on its last line. A second call finds everything built and returns at once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(sed -n 's#^[[:space:]]*k8s.io/kubernetes v\([0-9.]*\).*#\1#p' "$here/go.mod")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/beamlit-operator
# A changed go.sum is another set of tools, so that an old build is never mistaken for the pinned one.
bin=$cache/kubernetes-$version-$(sha256sum "$here/go.sum" "$here/go.mod" "$here/build.sh" | cut -d' ' -f1 | sha256sum | cut -c1-12)

say() { printf 'control plane: %s\n' "$*" >&2; }

mkdir -p "$bin"
exec 9>"$bin/.lock"
flock 9

missing=()
for tool in etcd kube-apiserver kube-controller-manager kubectl; do
  [ -x "$bin/$tool" ] || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  need=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' "$here/go.mod")
  if ! command -v go >/dev/null; then
    say "Go $need or newer is needed to build it, and no 'go' is on the PATH; install Go, or point KUBEBUILDER_ASSETS at a folder with these tools in version $version"
    exit 1
  fi
  minor=${version%.*}
  minor=${minor#1.}
  ldflags="-s -w -X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"
  say "building ${missing[*]} (Kubernetes $version) from source; the first time this takes about five minutes on two cores"
  for tool in "${missing[@]}"; do
    case $tool in
      etcd) package=go.etcd.io/etcd/server/v3 ;;
      *) package=k8s.io/kubernetes/cmd/$tool ;;
    esac
    began=$SECONDS
    say "building $tool …"
    (cd "$here" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "$ldflags" -o "$bin/.$tool.part" "$package")
    mv "$bin/.$tool.part" "$bin/$tool"
    say "built $tool in $((SECONDS - began)) s"
  done
fi
printf '%s\n' "$bin"
