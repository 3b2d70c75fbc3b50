#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME each (10s), one after another.
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
limit=${FUZZTIME:-10s}

grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
  "$go" test -list '^Fuzz' "$dir" | grep '^Fuzz' | while read -r target; do
    echo "== $dir $target ($limit)"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzzminimizetime 100x -fuzztime "$limit" "$dir"
  done
done
