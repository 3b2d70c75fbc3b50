"""How far a call has come, told to the supervisor at most ten times a second."""

from __future__ import annotations

from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

PAUSE_NS = 100_000_000
MAX_NOTE = 200


class Progress:
    """Progress tells of the calls of one slot. What comes too soon after the last word is left out.

    The first word of a call is never left out, nor one that says it is done.
    """

    __slots__ = ("_call", "_last", "_tell")

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._call = b""
        self._last = 0

    def report(self, call: bytes, done: float, total: float | None, note: str) -> None:
        """Tell that a call has done so much of total, which is None where nobody knows."""
        now = monotonic_ns()
        if call == self._call and now - self._last < PAUSE_NS and done != total:
            return
        self._call = call
        self._last = now
        event: dict[str, Any] = {"event": "progress", "call": call.hex(), "done": float(done)}
        if total is not None:
            event["total"] = float(total)
        if note:
            event["note"] = note[:MAX_NOTE].encode("utf-8", "replace").decode()
        self._tell(event)
