"""What a worker remembers of its calls for a supervisor that comes later."""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found]  # collections brings in more
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._link import Link
    from ._slot import Answer

REMEMBERED = 256
# A caller who is slow to read leaves answers in the supervisor's memory, which die
# with it: some MiB, and one answer for each of its callers.
MAX_KEPT = 64
MAX_KEPT_BYTES = 8 << 20
KEPT_NS = 10_000_000_000
LEAST_REMEMBERED = 32
LEAST_ROOM = 64 << 10


class History:
    """History holds the answers that may not have arrived and the ids of the calls executed last.

    Sent is not delivered: a supervisor may die with an answer unread, or read and
    not passed on. So the last answers stay until newer ones take their place or ten
    seconds have passed; one that could not be sent stays in any case. The slots of a
    worker share the room. The slot's thread alone changes a history: HELLO names the
    answers in the order in which they follow it. `told` may be called by another one.
    """

    __slots__ = ("_ended", "_kept", "_remembered", "_room", "_size", "complete_since", "unsent")

    def __init__(self, slots: int = 1) -> None:
        self._remembered = max(REMEMBERED // slots, LEAST_REMEMBERED)
        self._room = max(MAX_KEPT_BYTES // slots, LEAST_ROOM)
        self.unsent = False  # the newest answer has not left whole
        self.complete_since = 0  # when the newest call ended that is forgotten here; 0: none is
        self._kept: deque[tuple[Answer, int]] = deque()  # with the time of its end
        self._size = 0
        self._ended: deque[tuple[bytes, int]] = deque()

    def add(self, answer: Answer) -> None:
        """Take up an answer that is about to be sent."""
        ended = self._ended
        if len(ended) == self._remembered:
            self.complete_since = ended.popleft()[1]
        now = monotonic_ns()
        ended.append((answer.call_id, now))
        kept = self._kept
        old = now - KEPT_NS
        while kept and (kept[0][1] < old or len(kept) == MAX_KEPT):
            self._size -= len(kept.popleft()[0].body)
        kept.append((answer, now))
        self._size += len(answer.body)
        self.unsent = True
        while self._size > self._room and len(kept) > 1:
            self._size -= len(kept.popleft()[0].body)

    def sent(self) -> None:
        """Note that the newest answer has left; one that is too large is not kept any longer."""
        self.unsent = False
        if self._size > self._room:
            self._kept.clear()
            self._size = 0

    def resend(self, link: Link) -> None:
        """Send the kept answers, in the order that `told` names them."""
        for answer, _ in list(self._kept):
            answer.send(link)
        self.sent()

    def told(self) -> dict[str, Any]:
        """Return what HELLO tells of it."""
        return {
            "kept": [answer.call_id.hex() for answer, _ in list(self._kept)],
            "executed": [call_id.hex() for call_id, _ in list(self._ended)],
            "complete_since_ns": self.complete_since,
        }
