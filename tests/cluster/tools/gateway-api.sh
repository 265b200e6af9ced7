#!/usr/bin/env bash
# Copies the CRD of ReferenceGrant out of the pinned Gateway API (gateway-api/go.mod) into a cache outside the tree and prints
# its path on the last line. A second call finds it there and returns at once.
#
# $KUBEBUILDER_ASSETS is asked first, but what the ecosystem puts there has no Gateway API: with such a folder alone, Go is needed
# for this file, or the file has to be put there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/gateway-api
file=gateway.networking.k8s.io_referencegrants.yaml
version=$(sed -n 's#^require sigs.k8s.io/gateway-api \(v[0-9.]*\)$#\1#p' "$here/go.mod")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/beamlit-operator/gateway-api-$version

say() { printf 'Gateway API: %s\n' "$*" >&2; }

if grep -qsF "bundle-version: $version" "${KUBEBUILDER_ASSETS:-/nonexistent}/$file"; then
  printf '%s\n' "$KUBEBUILDER_ASSETS/$file"
  exit 0
fi
if [ ! -s "$cache/$file" ]; then
  if ! command -v go >/dev/null; then
    say "Go is needed to fetch it, and no 'go' is on the PATH; install Go, or put $file of version $version into the folder that KUBEBUILDER_ASSETS names"
    exit 1
  fi
  say "fetching $version"
  # Held to go.sum, which stays as it is.
  module=$(cd "$here" && go mod download sigs.k8s.io/gateway-api && go list -mod=readonly -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)
  mkdir -p "$cache"
  part=$(mktemp "$cache/.part.XXXXXX")
  cp "$module/config/crd/standard/$file" "$part"
  chmod 644 "$part"
  mv "$part" "$cache/$file"
fi
printf '%s\n' "$cache/$file"
