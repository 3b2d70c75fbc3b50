"""One call of a client, from one connection to the next until it is answered."""

from __future__ import annotations

import os
from random import random
from time import monotonic, monotonic_ns

from . import _wire
from ._errors import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST_PAUSE = 0.005
LAST_PAUSE = 0.25
LASTING = 1.0  # seconds: a connection that lasted so long begins a new outage when it ends
MAX_RESENDS = 5


class Request:
    """Request is one call as it is sent, again perhaps, or asked for.

    sent says that it left whole once; until then it cannot have been executed. asked
    says that the answer that comes is one to ATTACH.
    """

    def __init__(self, pool: str, command: str, body: bytes, timeout: float | None, session: str, bits: int) -> None:
        self.call_id = os.urandom(16)
        self.body = body
        self.sent = False
        self.asked = False
        self._pool = pool
        self._command = command
        self._session = session
        self._bits = bits
        self._sent_at = 0
        self._resends = 0
        self._until = None if timeout is None else monotonic() + timeout

    def remaining(self) -> int:
        """Return the nanoseconds until the deadline, 0 for none; one that has passed leaves 1."""
        if self._until is None:
            return 0
        return int(min(max(1, (self._until - monotonic()) * 1e9), _wire.MAX_DEADLINE))

    @property
    def overdue(self) -> bool:
        """Whether the deadline has passed."""
        return self._until is not None and monotonic() >= self._until

    def head(self) -> bytes:
        """Return the envelope, which is about to be sent."""
        self._sent_at = monotonic_ns()
        call = _wire.Call(
            deadline=self.remaining(),
            call_id=self.call_id,
            bits=self._bits,
            pool=self._pool,
            command=self._command,
            session=self._session,
        )
        return _wire.pack_call(call)

    def claim(self, stream: int) -> dict[str, Any]:
        """Return what ATTACH tells of the call, which is about to be sent."""
        self.asked = True
        return {
            "stream": stream,
            "id": self.call_id.hex(),
            "age_ns": monotonic_ns() - self._sent_at,
            "pool": self._pool,
            "idempotent": bool(self._bits & _wire.BIT_IDEMPOTENT),
            "deadline_ns": self.remaining(),
        }

    def send_again(self, err: CallError) -> bool:
        """Whether the answer to ATTACH means that the call may be sent again, which is noted."""
        if not self.asked or err.category != "unavailable" or not err.retryable:
            return False
        if err.started:
            if self._resends == MAX_RESENDS:
                return False
            self._resends += 1
        self.sent = self.asked = False
        return True


class Outage:
    """Outage measures how long no supervisor has answered, and how long to wait before the next attempt."""

    def __init__(self, within: float) -> None:
        self._within = within
        self._since = 0.0
        self._linked = 0.0
        self._pause = FIRST_PAUSE

    def begin(self) -> None:
        """Note that a connection ended or could not be made."""
        now = monotonic()
        if not self._since or (self._linked and now - self._linked > LASTING):
            self._since, self._pause = now, FIRST_PAUSE
        self._linked = 0.0

    def end(self) -> None:
        """Note that there is a connection."""
        self._linked = monotonic()

    @property
    def over(self) -> bool:
        """Whether it has lasted too long."""
        return monotonic() - self._since >= self._within

    def pause(self) -> float:
        """Return how many seconds to wait now; it grows."""
        pause = self._pause
        self._pause = min(2 * pause, LAST_PAUSE)
        return pause * (0.5 + random() / 2)
