#!/usr/bin/env bash
# Runs every fuzz target, one after the other, and says what each has executed and covered; `make fuzz` calls it.
# What is found stays in the cache: the corpora go on where they were, and a crash leaves the input that made it.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/beamlit-operator
seconds=${FUZZ_SECONDS:-60}
sanitizer=${FUZZ_SANITIZER:-none}
read -r -a targets <<<"${FUZZ_TARGETS:-review yaml defaults judgement}"
# The version whose flags are used here.
cargo_fuzz=0.13.2
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$cache/fuzz/target}
PATH=$PATH:$cache/tools/bin

fail() {
  printf 'fuzz: %s\n' "$@" >&2
  exit 1
}

[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "FUZZ_SECONDS must be a number of seconds for each target, not \"$seconds\""
command -v c++ >/dev/null || fail "a C++ compiler is needed, for libFuzzer (Debian: g++)"
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "fuzz: installing cargo-fuzz $cargo_fuzz (a minute, once) …" >&2
  env -u CARGO_TARGET_DIR cargo install --quiet --locked --root "$cache/tools" --version "$cargo_fuzz" cargo-fuzz ||
    fail "cargo-fuzz cannot be installed"
fi

# There is no unsafe code in the project, so that a sanitizer has only dependencies to look at, and costs speed.
# Without one the ordinary toolchain will do.
toolchain=()
if [ "$sanitizer" != none ]; then
  cargo +nightly --version >/dev/null 2>&1 ||
    fail "FUZZ_SANITIZER=$sanitizer needs a nightly toolchain: rustup toolchain install nightly" \
      "without a sanitizer the ordinary toolchain will do"
  toolchain=(+nightly)
fi

echo "fuzz: building the targets (minutes the first time) …" >&2
cargo "${toolchain[@]}" fuzz build --fuzz-dir . --sanitizer "$sanitizer" >&2 || fail "the targets cannot be built"

status=0
rows=()
for target in "${targets[@]}"; do
  # The dictionary of the format; both kinds of object are JSON.
  case $target in
    review | yaml) dictionary=dictionaries/$target.dict ;;
    *) dictionary=dictionaries/json.dict ;;
  esac
  corpus=$cache/fuzz/$target/corpus
  artifacts=$cache/fuzz/$target/artifacts
  log=$cache/fuzz/$target/last.log
  mkdir -p "$corpus" "$artifacts"
  echo "fuzz: $target for $seconds s, log in $log" >&2
  # Of several folders libFuzzer writes into the first alone: the seeds stay as they are.
  cargo "${toolchain[@]}" fuzz run --fuzz-dir . --sanitizer "$sanitizer" "$target" "$corpus" "seeds/$target" -- \
    -max_total_time="$seconds" -dict="$dictionary" -artifact_prefix="$artifacts/" \
    -timeout=20 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 >"$log" 2>&1
  result=$?
  verdict='nothing found'
  if [ "$result" -ne 0 ]; then
    status=1
    verdict=$(sed -n 's/.*Test unit written to //p' "$log" | head -n 1)
    verdict="BROKEN: ${verdict:-see $log}"
    grep -a -m 1 -A 6 -E 'panicked at|ERROR: libFuzzer' "$log" >&2
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  read -r edges features inputs < <(sed -nE 's|^#[0-9]+.* cov: ([0-9]+) ft: ([0-9]+) corp: ([0-9]+)/.*|\1 \2 \3|p' "$log" | tail -n 1)
  rows+=("$(printf '%-10s %12s %8s %9s %8s  %s' "$target" "${runs:-?}" "${edges:-?}" "${features:-?}" "${inputs:-?}" "$verdict")")
done

printf '\n%-10s %12s %8s %9s %8s\n' target executions edges features inputs
printf '%s\n' "${rows[@]}"
exit "$status"
