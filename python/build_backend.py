"""Builds the wheel of the SDK with nothing but the standard library.

pip calls the functions below (PEP 517, PEP 660). Two pure packages need no more
than a zip file with metadata, and `pip install ./python` needs neither an index
nor setuptools.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGES = ("snakepit", "snakepit_bridge")
METADATA = """\
Metadata-Version: 2.1
Name: snakepit
Version: {version}
Summary: Write commands in Python; snakectl runs them in pools of workers
License: MIT
Requires-Python: >=3.9
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: snakepit-build-backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
ENTRY_POINTS = "[pytest11]\nsnakepit = snakepit.pytest_plugin\n"
EPOCH = (1980, 1, 1, 0, 0, 0)


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """Write the wheel into a directory and return its name."""
    files = {
        path.relative_to(HERE).as_posix(): path.read_bytes()
        for package in PACKAGES
        for path in sorted((HERE / package).iterdir())
        if path.suffix == ".py" or path.name == "py.typed"
    }
    return _write(wheel_directory, files)


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """Write a wheel that points to this directory and return its name."""
    return _write(wheel_directory, {"snakepit.pth": f"{HERE}\n".encode()})


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what pip has to install first: nothing."""
    return []


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """Return what pip has to install first: nothing."""
    return []


def version() -> str:
    """Return `__version__` of the package, which is not imported for that."""
    tree = ast.parse((HERE / "snakepit" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return str(ast.literal_eval(node.value))
    raise LookupError("snakepit/__init__.py has no __version__")


def _write(directory: str, files: dict[str, bytes]) -> str:
    info = f"snakepit-{version()}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": METADATA.format(version=version()).encode(),
        f"{info}/WHEEL": WHEEL.encode(),
        f"{info}/entry_points.txt": ENTRY_POINTS.encode(),
    }
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    name = f"snakepit-{version()}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, data)
    return name


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
