"""The launch document: what a supervisor tells a worker before its first word."""

from __future__ import annotations

import os
import sys

from ._codec import Codec
from ._errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LAUNCH_FD = 3


class Launch:
    """Launch is the document that a worker reads from an inherited descriptor.

    It is handed over on a descriptor because it holds the token: what stands in
    the environment or the arguments can be read by others.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        try:
            if document["version"] != 1:
                raise WireError(f"the launch document has version {document['version']}, this worker reads 1")
            self.socket: str = document["socket"]
            self.address: str = document["address"]
            self.incarnation: str = document["incarnation"]
            self.token: str = document["token"]
            self.adapter: str = document["adapter"]
        except KeyError as err:
            raise WireError(f"the launch document has no {err}") from None
        self.launch_hash: str = document.get("launch_hash", "")
        self.boot_id: str = document.get("boot_id", "")
        self.config: dict[str, Any] = document.get("config") or {}
        self.code_root: str = document.get("code_root") or os.getcwd()
        self.sys_path: list[str] = document.get("sys_path") or []
        self.stacks: str = document.get("stacks") or ""
        self.preload: list[str] = [self.adapter] if document.get("preload") is None else document["preload"]
        self.share_descriptors: bool = document.get("share_descriptors", False)
        self.profile: str = document.get("profile") or "process"
        self.slots: int = document.get("slots") or 1
        self.gil: str = document.get("gil") or "warn"
        self.check: bool = document.get("check", False)
        self.environ: dict[str, str] = document.get("environ") or {}
        self.orphan_grace = document.get("orphan_grace_ms", 30_000) / 1000

    @property
    def worker_id(self) -> str:
        """The incarnation's address: pool.api/0@7f2c."""
        return f"{self.address}@{self.incarnation}"

    def identity(self) -> dict[str, Any]:
        """Return the worker member of a HELLO: who this is, and the proof."""
        return {
            "address": self.address,
            "incarnation": self.incarnation,
            "token": self.token,
            "launch_hash": self.launch_hash,
            "pid": os.getpid(),
            "start_time": start_time(),
            "boot_id": self.boot_id,
        }


def read_launch(fd: int = LAUNCH_FD) -> Launch:
    """Read the launch document from fd to its end and close it."""
    data = bytearray()
    while True:
        part = os.read(fd, 1 << 16)
        if not part:
            break
        data += part
    os.close(fd)
    document = Codec().decode(bytes(data))
    if not isinstance(document, dict):
        raise WireError("the launch document is not a JSON object")
    return Launch(document)


def start_time() -> int:
    """Return when this process started, in clock ticks since boot; 0 where the kernel does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    with open("/proc/self/stat", "rb") as stat:
        # The name in brackets may hold spaces and brackets; field 22 counts from after it.
        return int(stat.read().rpartition(b")")[2].split()[19])
