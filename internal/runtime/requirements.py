"""Write the packages of a pylock.toml or pyproject.toml as requirements that pip and uv read.

usage: requirements.py FILE allow_sdist|wheels PIP, where PIP is a wheel of pip or nothing:
Pythons before 3.11 cannot read TOML without it. What is wrong goes to stderr, status 1.
"""

import os
import sys

path, sources, pip = sys.argv[1:4]
if pip:
    sys.path.append(pip)
try:
    import tomllib
except ImportError:
    if not pip:
        sys.exit("This Python reads TOML from 3.11 on, or with the pip that comes with it, which it lacks.")
    from pip._vendor import tomli as tomllib

NAME = os.path.basename(path)


def locked(lock):
    """Yield a line for each package of a lock (PEP 751)."""
    if not str(lock.get("lock-version", "")).startswith("1."):
        sys.exit(f"{NAME}: its lock-version is {lock.get('lock-version')!r}, and 1.0 is what is read.")
    for package in lock.get("packages", []):
        name, version, marker = package.get("name"), package.get("version"), package.get("marker", "")
        if "extras" in marker or "dependency_groups" in marker:
            sys.exit(f"{NAME}: {name} is for some extras or groups alone; lock what is to be installed, and no more.")
        files = list(package.get("wheels", []))
        if sources == "allow_sdist" and "sdist" in package:
            files.append(package["sdist"])
        hashes = [f"--hash=sha256:{f['hashes']['sha256']}" for f in files if "sha256" in f.get("hashes", {})]
        if not version or not hashes:
            sys.exit(f"{NAME}: {name} has no wheel with a version and a sha256; others are not installed from a lock.")
        yield " ".join([f"{name}=={version}", *([f"; {marker}"] if marker else []), *hashes])


def declared(document):
    """Yield the dependencies of a project (PEP 621)."""
    project = document.get("project", {})
    if "dependencies" in project.get("dynamic", []):
        sys.exit(f"{NAME}: its dependencies are dynamic: only a build of the project would tell them.")
    if not project.get("dependencies"):
        sys.exit(f"{NAME}: [project] has no dependencies.")
    yield from project["dependencies"]


try:
    with open(path, "rb") as text:
        content = tomllib.load(text)
except tomllib.TOMLDecodeError as err:
    sys.exit(f"{NAME}: {err}")
for line in declared(content) if NAME == "pyproject.toml" else locked(content):
    print(line)
