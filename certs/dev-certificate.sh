#!/usr/bin/env bash
# Makes a CA and a certificate for the webhook's Service, for development only: the CA's key lies beside it, and nothing
# renews either. It fills the CA into both webhook configurations and prints them, or applies them with kubectl.
#
#   certs/dev-certificate.sh                 make what is missing in certs/dev
#   certs/dev-certificate.sh --print         … and print both configurations with caBundle filled in
#   certs/dev-certificate.sh --apply         … and apply them with kubectl, and store the pair as a Secret
#   certs/dev-certificate.sh --dir DIR …     keep the files in DIR
#   certs/dev-certificate.sh --renew …       make all of it anew
set -euo pipefail
umask 077
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$here/dev
service=beamlit-operator-webhook
namespace=beamlit-system
action=make
days=365

usage() { sed -n '5,9s/^# *//p' "${BASH_SOURCE[0]}" >&2; }
while [ $# -gt 0 ]; do
  case $1 in
    --print) action=print ;;
    --apply) action=apply ;;
    --renew) renew=yes ;;
    --dir)
      [ $# -ge 2 ] || { usage; exit 64; }
      dir=$2
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) usage; exit 64 ;;
  esac
  shift
done

command -v openssl >/dev/null || { echo "openssl is needed: apt-get install openssl" >&2; exit 1; }
mkdir -p "$dir"

# A pair that ends within a day is as good as none.
usable() { [ -s "$1" ] && [ -s "$2" ] && openssl x509 -in "$1" -noout -checkend 86400 >/dev/null; }

[ -z "${renew-}" ] || rm -f "$dir"/{ca,tls}.{pem,key}
if ! usable "$dir/ca.pem" "$dir/ca.key"; then
  rm -f "$dir"/tls.{pem,key}
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$days" -sha256 \
    -subj "/CN=beamlit-operator development CA" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
  echo "made $dir/ca.pem" >&2
fi
if ! usable "$dir/tls.pem" "$dir/tls.key"; then
  request=$(mktemp)
  trap 'rm -f "$request"' EXIT
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -subj "/CN=$service.$namespace.svc" \
    -keyout "$dir/tls.key" -out "$request" 2>/dev/null
  # The API server calls SERVICE.NAMESPACE.svc; localhost is for a person with curl.
  openssl x509 -req -in "$request" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -days "$days" -sha256 -out "$dir/tls.pem" \
    -extfile <(printf '%s\n' \
      "basicConstraints=critical,CA:FALSE" \
      "keyUsage=critical,digitalSignature" \
      "extendedKeyUsage=serverAuth" \
      "subjectAltName=DNS:$service.$namespace.svc,DNS:$service.$namespace.svc.cluster.local,DNS:$service.$namespace,DNS:localhost,IP:127.0.0.1,IP:::1") \
    2>/dev/null
  echo "made $dir/tls.pem and $dir/tls.key" >&2
fi

# Both configurations as they are shipped, with caBundle put first into every clientConfig.
configurations() {
  local bundle
  bundle=$(base64 <"$dir/ca.pem" | tr -d '\n')
  for file in mutating validating; do
    echo "---"
    awk -v bundle="$bundle" '{ print }
      /^ *clientConfig:$/ { match($0, /^ */); print substr($0, 1, RLENGTH) "  caBundle: " bundle }' \
      "$here/../webhook-config/$file.yaml"
  done
}

case $action in
  make) echo "beamlit-operator serve --tls-cert $dir/tls.pem --tls-key $dir/tls.key" >&2 ;;
  print) configurations ;;
  apply)
    command -v kubectl >/dev/null || { echo "kubectl is needed" >&2; exit 1; }
    kubectl create namespace "$namespace" --dry-run=client --output yaml | kubectl apply -f -
    kubectl create secret tls "$service-tls" --namespace "$namespace" --cert "$dir/tls.pem" --key "$dir/tls.key" \
      --dry-run=client --output yaml | kubectl apply -f -
    configurations | kubectl apply -f -
    ;;
esac
