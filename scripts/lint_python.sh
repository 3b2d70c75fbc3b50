#!/usr/bin/env bash
# Checks the Python sources with the pinned ruff and mypy, and with pyright that every
# public name has a type, in an environment of their own under .bin: nothing of it is
# needed to build, run or test.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
env=.bin/py
pins=tools/python-lint.txt

if ! cmp -s "$pins" "$env/pins.txt"; then
  rm -rf "$env"
  "$python" -m venv "$env"
  "$env/bin/python" -m pip install --quiet --only-binary :all: -r "$pins"
  cp "$pins" "$env/pins.txt"
fi

sources=(python examples test scripts)
if [ "${1:-}" = --fix ]; then
  "$env/bin/ruff" check --fix --config python/pyproject.toml "${sources[@]}"
  "$env/bin/ruff" format --config python/pyproject.toml "${sources[@]}"
  exit 0
fi
"$env/bin/ruff" check --config python/pyproject.toml "${sources[@]}"
"$env/bin/ruff" format --check --config python/pyproject.toml "${sources[@]}"
cd python
"../$env/bin/mypy" --strict snakepit snakepit_bridge build_backend.py benchmarks
for package in snakepit snakepit_bridge; do
  # It looks for the package where the first python on the PATH would.
  verified=$(PATH="$PWD/../$env/bin:$PATH" PYTHONPATH=$PWD basedpyright --verifytypes "$package") ||
    { printf '%s\n' "$verified"; exit 1; }
  printf '%s: %s\n' "$package" "$(grep '^Type completeness score' <<<"$verified")"
done
