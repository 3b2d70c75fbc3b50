#!/usr/bin/env bash
# Locks the packages of the examples anew, with the hashes of their files for every
# platform and for Python 3.11 and later. Needs uv (python3 -m pip install uv).
set -euo pipefail
cd "$(dirname "$0")/../examples"

if ! command -v uv >/dev/null; then
  echo "lock: cannot find uv: install it (python3 -m pip install uv) and try again" >&2
  exit 1
fi

# lock EXAMPLE PACKAGE...
lock() {
  local file="$1_requirements.txt"
  shift
  {
    echo "# $*, with all that it needs. Made by scripts/lock_examples.sh."
    printf '%s\n' "$@" | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -
  } >"$file.new"
  mv "$file.new" "$file"
}

lock digits scikit-learn
lock fetch aiohttp
lock meaning wordllama
lock tables pandas
lock waves numpy
