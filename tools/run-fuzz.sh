#!/bin/sh
# Runs every fuzzer for FUZZ_SECONDS (default 20) and prints one line for each; exits non-zero for any finding, which is kept in
# build/fuzz/findings/<target>. FUZZ_TARGETS names some of them; with FUZZ_KEEP=1 inputs that reach new code are added
# to tests/fuzz/corpus/<target>, which every build's tests replay.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
build="$root/build/fuzz"
program="$build/tests/fuzz/squall_fuzz"
seconds=${FUZZ_SECONDS:-20}
targets=${FUZZ_TARGETS:-"json yaml literal date jsonpath regex cron jinja yaql workflow chain http"}
status=0

[ -x "$program" ] || { echo "run-fuzz: $program is not there; \"make fuzz\" builds it" >&2; exit 2; }
python3 "$root/tests/fuzz/seeds.py" "$build/seeds" || exit 2

# Deep inputs are limited by the program itself, so the stack of a fuzzer need not be larger than usual. Sanitizers make
# everything some twenty times slower; an input that takes 20 s is an endless one.
export ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=1:handle_abort=1"
export UBSAN_OPTIONS="print_stacktrace=1"
for target in $targets; do
  corpus="$build/corpus/$target"
  kept="$root/tests/fuzz/corpus/$target"
  findings="$build/findings/$target"
  log="$build/fuzz-$target.log"
  mkdir -p "$corpus" "$kept" "$findings"
  dictionary=""
  [ -f "$root/tests/fuzz/$target.dict" ] && dictionary="-dict=$root/tests/fuzz/$target.dict"
  # shellcheck disable=SC2086
  SQUALL_FUZZ_TARGET="$target" "$program" "$corpus" "$kept" "$build/seeds/$target" $dictionary -max_total_time="$seconds" -timeout=20 \
    -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 -verbosity=1 -artifact_prefix="$findings/" >"$log" 2>&1
  code=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  inputs=$(find "$corpus" -type f | wc -l)
  if [ "$code" -eq 0 ]; then
    echo "fuzz $target: ${runs:-0} runs in $seconds s, ${edges:-0} edges, $inputs new inputs, no finding"
  else
    status=1
    what=$(grep -m1 -E '^wrong: |ERROR: |runtime error: ' "$log")
    echo "fuzz $target: FINDING after ${runs:-0} runs: ${what:-exit code $code}"
    echo "  the input is in $findings, the report in $log; to repeat: SQUALL_FUZZ_TARGET=$target $program FILE"
  fi
  if [ -n "${FUZZ_KEEP:-}" ] && [ "$code" -eq 0 ]; then
    # Only what reaches code that the seeds do not.
    merged="$build/merged/$target"
    rm -rf "$merged" && cp -r "$build/seeds/$target" "$merged" && cp -r "$kept/." "$merged/"
    before=$(find "$merged" -type f | sort)
    SQUALL_FUZZ_TARGET="$target" "$program" -merge=1 -max_len=1024 "$merged" "$corpus" >>"$log" 2>&1
    find "$merged" -type f | sort | while read -r file; do
      case "$before" in *"$file"*) ;; *) cp "$file" "$kept/" ;; esac
    done
  fi
done
exit $status
