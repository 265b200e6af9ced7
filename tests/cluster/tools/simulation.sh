#!/usr/bin/env bash
# Builds the pinned kwok (kwok/go.mod) and metrics-server (metrics-server/go.mod), by which pods without containers have usage that a
# Metrics API tells of, into a cache outside the tree and prints that folder on its last line. A second call finds them built and
# returns at once.
#
# Modules and a folder of their own: what they require changes no version in the Kubernetes beside them, and a change here does not
# have that built again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/beamlit-operator
pins=("$here"/{kwok,metrics-server}/go.{mod,sum})
# A changed go.sum is another set of tools, so that an old build is never mistaken for the pinned one.
bin=$cache/simulation-$(cat "${pins[@]}" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-12)

say() { printf 'simulation: %s\n' "$*" >&2; }

mkdir -p "$bin"
exec 9>"$bin/.lock"
flock 9

for tool in kwok metrics-server; do
  [ -x "$bin/$tool" ] && continue
  version=$(sed -n "s#^[[:space:]]*sigs.k8s.io/$tool \(v[0-9.]*\).*#\1#p" "$here/$tool/go.mod")
  if ! command -v go >/dev/null; then
    say "Go $(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' "$here/$tool/go.mod") or newer is needed to build $tool $version, and no 'go' is on the PATH; install Go"
    exit 1
  fi
  say "building $tool $version from source; the first time this takes a minute or two on two cores"
  began=$SECONDS
  (cd "$here/$tool" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "-s -w" -o "$bin/.$tool.part" "sigs.k8s.io/$tool/cmd/$tool") ||
    { say "$tool $version could not be built, so the tests with simulated pods cannot run; see the lines above"; exit 1; }
  mv "$bin/.$tool.part" "$bin/$tool"
  say "built $tool in $((SECONDS - began)) s"
done
printf '%s\n' "$bin"
