#!/bin/sh
# Runs the tests of one build preset and prints one summary line: "N passed, N failed, N skipped".
# usage: run-tests.sh PRESET [unit|blackbox|conformance]
set -u

preset=$1
what=${2:-all}
root=$(cd "$(dirname "$0")/.." && pwd)
build="$root/build/$preset"
jobs=$(nproc)
passed=0
failed=0
skipped=0
status=0

run_unit() {
  log="$build/ctest.log"
  filter=""
  [ "$what" = conformance ] && filter="-R Conformance -V"
  # shellcheck disable=SC2086
  ctest --test-dir "$build" --output-on-failure -j "$jobs" $filter >"$log" 2>&1 || status=1
  # ctest's closing line: "97% tests passed, 3 tests failed out of 100".
  total=$(sed -n 's/.*tests failed out of \([0-9]*\).*/\1/p' "$log" | tail -1)
  bad=$(sed -n 's/.* \([0-9]*\) tests failed out of .*/\1/p' "$log" | tail -1)
  skip=$(grep -cE '\*\*\*Skipped' "$log")
  [ -n "$total" ] || { tail -40 "$log"; echo "run-tests: ctest did not finish"; total=1; bad=1; status=1; }
  [ "$what" = conformance ] && grep -E '[a-z0-9_]+: [0-9]+ passed, [0-9]+ failed' "$log" | sed 's/^[0-9]*: //'
  if [ "$bad" -gt 0 ]; then
    sed -n '/The following tests FAILED/,$p' "$log"
    grep -E '(: Failure$|: error:|^ERROR|==[0-9]+==ERROR|: [0-9]+ columns|terminate called)' "$log" | sort -u | head -40
    status=1
  fi
  # Counted by ctest as passed, but worth saying: what recorded data was left out.
  grep -hE 'left out|SKIPPED' "$log" | sort -u | head -20
  passed=$((passed + total - bad - skip))
  failed=$((failed + bad))
  skipped=$((skipped + skip))
}

run_blackbox() {
  python=$(python3 "$root/tests/cloud/servers.py" path python)
  log="$build/pytest.log"
  SQUALL_BINARY="$build/squall" "$python" -m pytest -q -p no:cacheprovider --durations=10 "$root/tests" >"$log" 2>&1
  code=$?
  last=$(grep -E '^[0-9]+ (passed|failed)|^.*[0-9]+ (passed|failed|error).* in ' "$log" | tail -1)
  count() { printf '%s\n' "$last" | sed -n "s/.*[^0-9]*\b\([0-9][0-9]*\) $1.*/\1/p"; }
  p=$(count passed); f=$(count failed); e=$(count error); s=$(count skipped)
  passed=$((passed + ${p:-0}))
  failed=$((failed + ${f:-0} + ${e:-0}))
  skipped=$((skipped + ${s:-0}))
  if [ "$code" -ne 0 ]; then
    tail -80 "$log"
    status=1
    [ $((${f:-0} + ${e:-0})) -gt 0 ] || failed=$((failed + 1))
  fi
  grep -E '^SKIPPED' "$log"
}

# Which recorded answers the tests read; src/value/conformance.hpp and tests/blackbox/squall_server.py look at the same places.
if [ -n "${SQUALL_CONFORMANCE:-}" ]; then
  if [ ! -d "$SQUALL_CONFORMANCE" ]; then
    echo "recorded answers: SQUALL_CONFORMANCE names $SQUALL_CONFORMANCE, which is no folder; what needs them is left out"
    [ -z "${CI:-}" ] || { echo "run-tests: under CI they must be there" >&2; exit 1; }
  fi
elif [ ! -d "$root/../shared/conformance" ]; then
  echo "recorded answers: the copy in tests/conformance; left out: orquesta and orquesta-rehearsals (texts of the StackStorm project)"
fi

case $what in
  all) run_unit; run_blackbox ;;
  unit | conformance) run_unit ;;
  blackbox) run_blackbox ;;
  *) echo "run-tests: unknown part '$what'" >&2; exit 2 ;;
esac

echo "$passed passed, $failed failed, $skipped skipped"
exit $status
