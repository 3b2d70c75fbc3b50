"""A worker: one process, one slot; the main thread reads calls and runs them."""

from __future__ import annotations

import os
import sys
import time
from _signal import SIG_IGN, SIGINT, SIGTERM, signal  # type: ignore[import-not-found]  # signal brings in enum

from . import _output, _wire
from ._adapter import Adapter, load
from ._codec import Codec
from ._control import HANDSHAKE, RETRY, Control
from ._errors import AdapterError, WireError
from ._history import History
from ._launch import Launch
from ._link import Link, Refused, goaway_message
from ._preload import Preload
from ._report import report, trace
from ._slot import Slot, Terminated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


class Worker:
    """Worker lives from launch to drain. `run` returns the exit status.

    It exits with 0 when it was drained, sent away, or left alone for the grace;
    with 1 when its adapter cannot be loaded or the protocol was broken; with 143
    when SIGTERM interrupts a call.
    """

    def __init__(self, launch: Launch, preload: Preload, forked: bool = False) -> None:
        self._launch = launch
        self._preload = preload
        self._by_fork = forked
        self._slot: Slot | None = None
        self._link: Link | None = None
        self._codec = Codec()
        self._history = History()
        self._control = Control(launch, self._running)
        self._forked = False

    def run(self) -> int:
        """Serve until the worker is drained or nobody wants it any more."""
        signal(SIGINT, SIG_IGN)
        signal(SIGTERM, self._terminate)
        _output.dump_on_signal(self._launch.stacks)
        os.register_at_fork(after_in_child=self._abandon)
        try:
            self._control.start()
        except (OSError, WireError) as err:
            complain(f"cannot reach the supervisor at {self._launch.socket}: {err}")
            return 1
        adapter = self._load()
        if adapter is None or self._slot is None:
            return 1
        try:
            return self._serve(self._slot)
        finally:
            if not self._forked:
                self._end(adapter, self._slot)

    def _load(self) -> Adapter | None:
        """Load and start the adapter and tell the supervisor how it went."""
        launch = self._launch
        try:
            self._preload.all()
            self._preload.module(launch.adapter)
            if self._by_fork:
                self._preload.after_fork()
            adapter = load(launch.adapter, launch.code_root, launch.config, launch.worker_id)
            adapter.start()
            self._bridge()
            table = adapter.table()
            slot = Slot(adapter, launch.worker_id, self._control.cancelled, self._codec, self._control.announce)
            slot.enter()
            ailment = adapter.ailment()
            if ailment:
                raise AdapterError(ailment)
        except Terminated:
            raise
        except BaseException as err:
            if self._forked:
                os._exit(1)
            self._control.announce_failed(report(err))
            complain(f"cannot start adapter {launch.adapter}: {type(err).__name__}: {err}")
            return None
        self._slot = slot
        self._control.attend(adapter.ailment if "health" in adapter.hooks else None, slot.stop)
        self._control.announce_ready(table)
        return adapter

    def _end(self, adapter: Adapter, slot: Slot) -> None:
        """Run the hooks of the end; what they raise is for the log, and keeps no other from running."""
        for name, hook in (("thread_exit", slot.leave), ("exit", adapter.stop)):
            try:
                hook()
            except Exception as err:
                complain(f"@{name} raised:\n{trace(err)}")

    def _bridge(self) -> None:
        """Have log records written with the call they belong to, if the adapter uses logging."""
        _output.current_call = self._call
        if "logging" in sys.modules:
            from . import _logging

            _logging.install()

    def _call(self) -> bytes:
        return self._slot.current if self._slot is not None else b""

    def _serve(self, slot: Slot) -> int:
        """Take calls from one connection after the other."""
        while True:
            link = self._connect()
            if link is None:
                return 0
            try:
                self._history.resend(link)
                if self._control.draining:
                    return 0
                self._take(link, slot)
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

    def _take(self, link: Link, slot: Slot) -> None:
        """Answer calls until the slot is drained; OSError when the connection ends before."""
        receive, execute, history, growth = link.receive, slot.execute, self._history, self._control.growth
        while True:
            frame = receive()
            if frame is None:
                raise ConnectionError("the supervisor closed the connection")
            type, flags, stream, payload = frame
            if type == _wire.CALL:
                answer = execute(link, payload, flags, stream)
                if self._forked:
                    answer.end_child()
                history.add(answer)
                answer.send(link)
                history.sent()
                if growth.step:
                    self._tell_growth()
            elif type == _wire.DRAIN:
                return
            else:
                self._answer_other(link, type, flags, payload)

    def _tell_growth(self) -> None:
        """Tell the supervisor, beside the answer, when the process has grown."""
        resident = self._control.growth.grown()
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
            worker = {**self._launch.identity(), "slot": 0, "calls": self._slot.calls if self._slot else 0}
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

    def _running(self) -> dict[str, Any]:
        """Return what the control connection tells of the call that runs; nothing while none does.

        A call that runs is the last one that the former supervisor gave: the slot's
        connection holds no other, and the history lacks nothing.
        """
        slot = self._slot
        call_id = slot.current if slot is not None else b""
        if not call_id:
            return {}
        return {"running": [{"slot": 0, "id": call_id.hex()}], "history": self._history.told()}

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        idle = self._slot is not None and not self._slot.running
        raise Terminated(0 if idle else 128 + number)

    def _abandon(self) -> None:
        """In a child that a handler forked: the connections are the parent's."""
        self._forked = True
        self._control.close()
        if self._link is not None:
            self._link.close()


def complain(message: str) -> None:
    """Write one line to the worker's log."""
    print(f"snakepit: {message}", file=sys.stderr, flush=True)
