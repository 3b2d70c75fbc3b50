#!/usr/bin/env bash
# Runs every test: Go, the Python SDK on every interpreter found, end to end.
# Then breaks a real instance for a minute. Any failure is a failure of the whole,
# but everything always runs.
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
python=${PYTHON:-python3}

for tool in "$go" "$python"; do
  if ! command -v "$tool" >/dev/null; then
    echo "test: cannot find $tool: install it and try again" >&2
    exit 1
  fi
done

race=(-race)
compiler=$("$go" env CC)
if ! command -v "${compiler%% *}" >/dev/null || [ "$(CGO_ENABLED=1 "$go" env CGO_ENABLED)" != 1 ]; then
  echo "test: no C compiler ($compiler): the Go tests run without the race detector" >&2
  race=()
fi
if [ ${#race[@]} -gt 0 ]; then
  export CGO_ENABLED=1
fi

"$go" mod download

status=0
echo "== go test"
"$go" test "${race[@]}" -shuffle=on -timeout=15m ./... || status=1

echo "== python SDK"
"$python" python/run_tests.py || status=1

echo "== chaos"
"$go" run "${race[@]}" ./test/chaos/cmd -seed 1 -seconds 120 || status=1

if [ "$status" != 0 ]; then
  echo "test: FAILED" >&2
fi
exit "$status"
