"""Stopping a handler that does not look at its context: an exception thrown into its thread.

The exception arrives between two bytecodes, so neither a sleep nor C code ends
before its time. Only commands that ask for it, `@command(interrupt=True)`, are
interrupted: their handlers may be left at any line.
"""

from __future__ import annotations

from _thread import get_ident
from time import sleep

from ._errors import AdapterError, Cancelled


class Interrupted(Cancelled):
    """Interrupted is a Cancelled that was thrown into the handler."""

    def __init__(self, message: str = "the caller gave up, and the handler was interrupted") -> None:
        super().__init__(message)


class Interrupter:
    """Interrupter may throw Interrupted, once, into the thread that made it, until that disarms it.

    Who throws first takes the permission out of `_armed`, which is one atomic
    step; the thread takes it back when its handler has ended, and if it is gone
    waits until the throw is over and withdraws what has not arrived. So nothing
    is ever thrown into the code around the handler.
    """

    __slots__ = ("_armed", "_thrown")

    def __init__(self) -> None:
        self._armed = [get_ident()]
        self._thrown = False

    def throw(self) -> None:
        """Interrupt the thread, if it was not interrupted yet and has not disarmed; any thread may ask."""
        try:
            thread = self._armed.pop()
        except IndexError:
            return
        _throw(thread, Interrupted)
        self._thrown = True

    def disarm(self) -> None:
        """Let nothing arrive any more; what arrives meanwhile is raised here."""
        try:
            self._armed.pop()
        except IndexError:
            while not self._thrown:
                sleep(0.0001)  # the other thread is between two statements
            _throw(get_ident(), None)


def prepare(command: str) -> None:
    """Import what throwing needs, or raise AdapterError where this Python cannot."""
    try:
        import ctypes

        ctypes.pythonapi.PyThreadState_SetAsyncExc  # noqa: B018
    except (ImportError, AttributeError) as err:
        raise AdapterError(f"command {command}: interrupt=True needs CPython with ctypes: {err}") from None


def _throw(thread: int, what: type[BaseException] | None) -> None:
    """Make an exception pending in a thread; None withdraws one that has not arrived."""
    import ctypes

    thrown = None if what is None else ctypes.py_object(what)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), thrown)
