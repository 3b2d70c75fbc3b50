"""The SDK installed into an environment of its own, without an index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import snakepit

SOURCES = Path(snakepit.__file__).resolve().parents[1]
CHECK = """
import importlib.metadata, snakepit, snakepit_bridge, snakepit.testing, pathlib, sys
assert pathlib.Path(snakepit.__file__).is_relative_to(sys.argv[1]), snakepit.__file__
assert (pathlib.Path(snakepit.__file__).parent / "py.typed").exists()
assert (pathlib.Path(snakepit_bridge.__file__).parent / "py.typed").exists()
assert importlib.metadata.version("snakepit") == snakepit.__version__
(entry,) = [e for e in importlib.metadata.distribution("snakepit").entry_points if e.group == "pytest11"]
assert entry.value == "snakepit.pytest_plugin", entry
"""


class InstallTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="snakepit-")
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name).resolve()
        self.python = self.dir / "env" / "bin" / "python"
        made = self.run_python(sys.executable, "-m", "venv", "--without-pip", str(self.dir / "env"))
        self.assertEqual(made.returncode, 0, made.stderr)

    def run_python(self, *argv: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
        environment = {**kept, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull}
        return subprocess.run(argv, cwd=self.dir, env=environment, capture_output=True, text=True, timeout=120)

    def pip(self, *argv: str) -> None:
        done = self.run_python(sys.executable, "-m", "pip", "--python", str(self.python), *argv)
        self.assertEqual(done.returncode, 0, done.stderr)

    def checked(self, where: Path) -> None:
        done = self.run_python(str(self.python), "-c", CHECK, str(where))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_pip_install_and_uninstall(self) -> None:
        self.pip("install", "--quiet", str(SOURCES))
        self.checked(self.dir / "env")
        (self.dir / "adapter.py").write_text("from snakepit import command\n@command\ndef two() -> int: return 2\n")
        called = self.run_python(str(self.python), "-m", "snakepit", "./adapter.py", "call", "two")
        self.assertEqual((called.stdout, called.returncode), ("2\n", 0), called.stderr)
        self.pip("uninstall", "--quiet", "--yes", "snakepit")
        self.assertNotEqual(self.run_python(str(self.python), "-c", "import snakepit").returncode, 0)

    def test_pip_install_editable(self) -> None:
        copy = self.dir / "sources"
        shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        self.pip("install", "--quiet", "--editable", str(copy))
        self.checked(copy)


if __name__ == "__main__":
    unittest.main()
