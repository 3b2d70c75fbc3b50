"""Runs the SDK's tests on every CPython from 3.9 up that this machine has.

    python3 python/run_tests.py [PATTERN …]

A pattern is what `unittest -k` takes. One run per version: explicit
interpreters first, then pyenv's, then those on PATH. Prints what unittest says
last for each, then a total; exits with 1 when one of them fails or none is found.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

FLOOR = (3, 9)
HERE = Path(__file__).resolve().parent
LIMIT = 300  # seconds for one interpreter
PROBE = """
import sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print(sys.implementation.name, "%d.%d.%d" % sys.version_info[:3] + free)
"""


def candidates() -> list[str]:
    """Return every path that may be an interpreter, best first."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = sorted(glob.glob("/opt/snakepit/python/*/bin/python3"))
    found += sorted(glob.glob(os.path.join(root, "versions/*/bin/python3")))
    names = ["python3", *(f"python3.{minor}{free}" for minor in range(FLOOR[1], 20) for free in ("", "t"))]
    found += [path for path in map(shutil.which, names) if path]
    return [sys.executable, *found]


def interpreters() -> dict[str, str]:
    """Return version -> path of the interpreters that can run the tests."""
    found: dict[str, str] = {}
    for path in dict.fromkeys(map(os.path.abspath, candidates())):
        try:
            probe = subprocess.run([path, "-I", "-c", PROBE], capture_output=True, text=True, timeout=20, check=True)
            name, version = probe.stdout.split()
        except (OSError, ValueError, subprocess.SubprocessError):
            continue  # a shim without a version behind it, or no interpreter at all
        numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
        if name == "cpython" and numbers >= FLOOR:
            found.setdefault(version, path)
    return dict(sorted(found.items(), key=lambda item: [int(n) for n in re.findall(r"\d+", item[0])]))


def run(version: str, path: str, patterns: list[str]) -> tuple[int, bool, str]:
    """Run the tests on one interpreter; return how many ran, whether all passed, and what to print."""
    argv = [path, "-W", "error", "-m", "unittest", "discover", "-t", ".", "-s", "tests"]
    argv += [word for pattern in patterns for word in ("-k", pattern)]
    try:
        done = subprocess.run(argv, cwd=HERE, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return 0, False, f"CPython {version}: no end after {LIMIT} s"
    ran = re.search(r"^Ran (\d+) tests? in .*$", done.stderr, re.MULTILINE)
    count = int(ran.group(1)) if ran else 0
    passed = done.returncode == 0 and count > 0
    last = done.stderr.rstrip().rpartition("\n")[2]
    text = f"CPython {version}: {ran.group(0) if ran else 'no test ran'}: {last}"
    return count, passed, text if passed else f"{done.stderr.rstrip()}\n{text}"


def main() -> int:
    """Run everything and say how it went."""
    found = interpreters()
    total = failed = 0
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        for count, passed, text in pool.map(run, found.keys(), found.values(), repeat(sys.argv[1:])):
            print(text, flush=True)
            total += count
            failed += not passed
    print(f"Python SDK: {total} tests on {len(found)} interpreters ({', '.join(found)}), {failed} failed")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
