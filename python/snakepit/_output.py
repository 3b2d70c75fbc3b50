"""Where a worker writes: its log, which is set aside as it grows, and the stacks of its threads."""

from __future__ import annotations

import faulthandler
import os
import sys
from _signal import SIGUSR1  # type: ignore[import-not-found]  # signal brings in enum

STDOUT, STDERR = 1, 2


def current_call() -> bytes:
    """Return the id of the call that executes, empty for none; a worker puts its own function here."""
    return b""


APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW


def dump_on_signal(path: str) -> None:
    """Have SIGUSR1 write the stacks of all threads to a file, whatever they are doing.

    The handler is C code that needs neither the GIL nor memory. The file is open
    from now on; without a path, or where it cannot be opened, stderr takes its place.
    """
    fd = STDERR
    if path:
        try:
            fd = os.open(path, APPEND, 0o600)
        except OSError:
            pass
    try:
        faulthandler.register(SIGUSR1, file=fd, all_threads=True)
    except (AttributeError, OSError, RuntimeError, ValueError):
        pass  # the platform has no such signal


class Log:
    """Log is the file that stdout and stderr go to, as they were when the worker began."""

    def __init__(self) -> None:
        self._file = _identity(STDERR)
        self._spare = _spare()

    def reopen(self, path: str) -> None:
        """Let both go to another file from now on; the former one was set aside.

        A stream that was directed elsewhere meanwhile stays there. When the file
        cannot be opened everything stays as it is: nothing that is written gets lost.
        """
        try:
            fd = os.open(path, APPEND, 0o600)
        except OSError:
            return
        try:
            for stream in (STDOUT, STDERR):
                if _identity(stream) == self._file:
                    os.dup2(fd, stream)
            self._file = _identity(fd)
            if self._spare is not None:
                os.dup2(fd, self._spare, inheritable=False)
        finally:
            os.close(fd)

    def mend(self) -> list[str]:
        """Give stdout and stderr their file back where a handler closed them; return their names.

        A number that something else has taken meanwhile is left to it.
        """
        mended = []
        for name, stream in (("stdout", STDOUT), ("stderr", STDERR)):
            given = _identity(stream) is None and self._give(stream)
            written = getattr(sys, name)
            if getattr(written, "closed", False) and written is getattr(sys, f"__{name}__"):
                given = True
                text = open(stream, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
                setattr(sys, name, text)
                setattr(sys, f"__{name}__", text)
            if given:
                mended.append(name)
        return mended

    def _give(self, stream: int) -> bool:
        """Put the log under a number that is free, and report whether it still was."""
        got = _copy(self._spare, stream) if self._spare is not None else None
        if got == stream:
            os.set_inheritable(stream, True)
            return True
        if got is not None:
            os.close(got)
        return False


def _spare() -> int | None:
    """Return a copy of the log's descriptor above the standard ones; None for a closed one."""
    try:
        fd = os.dup(STDERR)
    except OSError:
        return None
    if fd > STDERR:
        return fd
    os.close(fd)
    return _copy(STDERR, STDERR + 1)


def _copy(fd: int, least: int) -> int | None:
    """Return a copy of a descriptor under the first free number that is at least so high; None for a closed one."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    try:
        return fcntl(fd, F_DUPFD_CLOEXEC, least)
    except OSError:
        return None


def _identity(fd: int) -> tuple[int, int] | None:
    """Return what names the file of a descriptor; None for one that is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino
