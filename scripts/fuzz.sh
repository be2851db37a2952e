#!/usr/bin/env bash
# Fuzzes each target for SECONDS, two at a time, and prints what each did.
#   scripts/fuzz.sh SECONDS [TARGET...]
# What is found along the way stays in fuzz/target/found/TARGET and is read again by the next run; what
# breaks a promise goes to fuzz/artifacts/TARGET, and the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
targets=("$@")
[ $# -gt 0 ] || targets=(directory manifest member_name pack uri)
logs=fuzz/target/logs
mkdir -p "$logs"

# No code of ours can break memory; without a sanitizer the fuzzer tries several times as much.
cargo +nightly fuzz build --sanitizer none

fuzz_one() {
    local target=$1 seconds=$2 dictionary
    case $target in
    directory | pack) dictionary=pack ;;
    manifest) dictionary=manifest ;;
    *) dictionary=names ;;
    esac
    mkdir -p "fuzz/target/found/$target" "fuzz/artifacts/$target"
    # A call that takes 5 s, or memory of 256 MB, breaks a promise too.
    nice -n 15 "fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release/$target" \
        "fuzz/target/found/$target" "fuzz/corpus/$target" \
        -dict="fuzz/dictionaries/$dictionary.dict" -artifact_prefix="fuzz/artifacts/$target/" \
        -max_total_time="$seconds" -timeout=5 -rss_limit_mb=256 -max_len=8192 -print_final_stats=1 \
        >"fuzz/target/logs/$target.log" 2>&1
}
export -f fuzz_one

code=0
printf '%s\n' "${targets[@]}" | xargs -I{} -P 2 bash -c "fuzz_one {} $seconds" || code=1
for target in "${targets[@]}"; do
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target.log")
    covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$logs/$target.log" | tail -1)
    broken=$(find "fuzz/artifacts/$target" -type f | wc -l)
    echo "$target: ${executions:-no} executions, ${covered:-0} edges covered, $broken inputs in fuzz/artifacts"
done
exit $code
