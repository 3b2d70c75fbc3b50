"""The name of a forked process where others look for it: /proc/PID/environ and /proc/PID/cmdline.

Both files show the memory that execve filled, which a fork copies. Written over,
it tells of the worker itself, and so do the processes that it forks in turn.
"""

from __future__ import annotations

import os
import sys

from ._launch import Launch

MARKER = "SNAKEPIT_WORKER"
ARGUMENTS, ENVIRONMENT = 45, 47  # arg_start and env_start of proc(5), counted after the name


class Nameplate:
    """Nameplate knows where the server's names stand; OSError when they cannot be written over."""

    def __init__(self, server: Launch) -> None:
        self._server = server
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        marker = os.fsencode(f"{MARKER}={os.environ.get(MARKER, '')}")
        self._places = [
            _find(fields, ENVIRONMENT, marker),
            _find(fields, ARGUMENTS, b"forkserver\0" + os.fsencode(server.address)),
        ]
        for at, text in self._places:
            _write(at, text)

    def become(self, worker: Launch) -> None:
        """Show the worker's names in place of the server's, here and to what this process executes."""
        marker = os.environ[MARKER].replace(self._server.worker_id, worker.worker_id)
        os.environ[MARKER] = marker
        texts = (os.fsencode(f"{MARKER}={marker}"), b"worker\0" + os.fsencode(worker.address))
        for (at, former), text in zip(self._places, texts):
            _write(at, text[: len(former)].ljust(len(former), b"\0"))
        sys.argv[1:3] = ["worker", worker.address]


def _find(fields: list[bytes], area: int, text: bytes) -> tuple[int, bytes]:
    start, end = int(fields[area]), int(fields[area + 1])
    memory = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        at = os.pread(memory, end - start, start).find(text)
    finally:
        os.close(memory)
    if at < 0:
        raise OSError("the kernel does not show where the process's names are")
    return start + at, text


def _write(at: int, text: bytes) -> None:
    memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        os.pwrite(memory, text, at)
    finally:
        os.close(memory)
