"""What serves one slot: its connection, the calls that come on it, and what is remembered of them."""

from __future__ import annotations

import sys
import time

from . import _wire
from ._codec import Codec
from ._control import HANDSHAKE, RETRY, Control
from ._errors import WireError
from ._history import History
from ._launch import Launch
from ._link import Link, Refused, goaway_message
from ._slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._memory import Growth

SHUT_RDWR = 2


class Service:
    """Service connects a slot and answers its calls, all in the thread that calls `run`.

    In a process that a handler forked it has `forked` set, and answers nothing more.
    """

    def __init__(self, number: int, slot: Slot, launch: Launch, control: Control, calls: Callable[[], int]) -> None:
        self.number = number
        self.slot = slot
        self.forked = False
        self._launch = launch
        self._control = control
        self._calls = calls
        self._codec = Codec()
        self._history = History(launch.slots)
        self._link: Link | None = None

    def run(self) -> int:
        """Take calls from one connection after the other until nobody has any; return an exit status."""
        while True:
            link = self._connect()
            if link is None:
                return 0
            try:
                self._history.resend(link)
                if self._control.draining:
                    return 0
                self._take(link)
                return 0
            except OSError:
                pass
            except Refused as err:
                complain(f"the supervisor sent this worker away: {err}")
                return 0
            except WireError as err:
                link.send_away(err)
                complain(f"the supervisor broke the protocol: {err}")
                return 1
            finally:
                link.close()

    def running(self) -> dict[str, Any]:
        """Return which call runs and what is remembered; nothing while none does. Any thread may ask.

        A call that runs is the last one that the former supervisor gave: the slot's
        connection holds no other, and the history lacks nothing.
        """
        call_id = self.slot.current
        if not call_id:
            return {}
        return {"slot": self.number, "call": call_id.hex(), "history": self._history.told()}

    def hang_up(self) -> None:
        """End the connection from another thread, so that a slot that waits for a call ends."""
        if self._link is not None:
            try:
                self._link.socket.shutdown(SHUT_RDWR)
            except OSError:
                pass

    def abandon(self) -> None:
        """In a child that a handler forked: the connection is the parent's."""
        self.forked = True
        if self._link is not None:
            self._link.close()

    def _take(self, link: Link) -> None:
        """Answer calls until the slot is drained; OSError when the connection ends before."""
        receive, execute, history, control = link.receive, self.slot.execute, self._history, self._control
        gil = control.gil
        while True:
            frame = receive()
            if frame is None:
                raise ConnectionError("the supervisor closed the connection")
            type, flags, stream, payload = frame
            if type == _wire.CALL:
                answer = execute(link, payload, flags, stream)
                if self.forked:
                    answer.end_child()
                history.add(answer)
                answer.send(link)
                history.sent()
                if control.growth is not None:
                    self._tell_growth(control.growth)
                if gil is not None:
                    gil.look()
            elif type == _wire.DRAIN:
                return
            else:
                self._answer_other(link, type, flags, payload)

    def _tell_growth(self, growth: Growth) -> None:
        """Tell the supervisor, beside the answer, when the process has grown."""
        resident = growth.grown() if growth.step else 0
        if resident:
            self._control.announce_memory(resident)

    def _answer_other(self, link: Link, type: int, flags: int, payload: memoryview) -> None:
        if type == _wire.PING:
            link.sendall(_wire.frame(_wire.PONG, 0, payload))
        elif type == _wire.GOAWAY:
            raise Refused(goaway_message(self._codec, payload))
        elif type != _wire.CANCEL and not flags & _wire.FLAG_IGNORABLE:
            raise WireError(f"a slot does not take frames of type {type}")

    def _connect(self) -> Link | None:
        """Connect the slot; None when it was sent away or nobody came back within the grace."""
        end = time.monotonic() + self._launch.orphan_grace
        while time.monotonic() < end:
            if self._control.draining and not self._history.unsent:
                return None
            worker = {**self._launch.identity(), "slot": self.number, "calls": self._calls()}
            worker["history"] = self._history.told()
            link = None
            try:
                link = self._link = Link(self._launch.socket, self._codec, HANDSHAKE)
                link.greet({"role": "slot", "worker": worker})
                return link
            except Refused as err:
                complain(f"the supervisor sent this worker away: {err}")
                return None
            except (OSError, WireError):
                if link is not None:
                    link.close()
                time.sleep(RETRY)
        return None


def complain(message: str) -> None:
    """Write one line to the worker's log."""
    print(f"snakepit: {message}", file=sys.stderr, flush=True)
