"""A worker: one process with one slot, or with a thread for each of several."""

from __future__ import annotations

import gc
import os
import sys
from _signal import SIG_IGN, SIGINT, SIGTERM, signal  # type: ignore[import-not-found]  # signal brings in enum

from . import _output
from ._adapter import Adapter, load
from ._codec import Codec
from ._control import Control, leave
from ._errors import AdapterError, WireError
from ._launch import Launch
from ._preload import Preload
from ._report import report, trace
from ._service import Service, complain
from ._slot import Slot, Terminated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from ._threads import Crew


class Worker:
    """Worker lives from launch to drain. `run` returns the exit status.

    It exits with 0 when it was drained, sent away, or left alone for the grace;
    with 1 when its adapter cannot be loaded or the protocol was broken; with 143
    when SIGTERM interrupts a call.

    In the process profile the main thread reads the calls and runs them. In the
    thread profile it waits for the threads of the slots.
    """

    def __init__(self, launch: Launch, preload: Preload, forked: bool = False) -> None:
        self._launch = launch
        self._preload = preload
        self._by_fork = forked
        self._services: list[Service] = []
        self._crew: Crew | None = None
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
        # What is loaded until here lives as long as the process: no collection need look at
        # it, in particular not those at the end of the interpreter. What the adapter makes
        # is collected and flushed as ever.
        gc.freeze()
        adapter = self._load()
        if adapter is None:
            if self._crew is not None:
                leave(1)  # threads of slots that did begin wait for ever
            return 1
        return self._serve(adapter) if self._crew is None else self._wait(adapter, self._crew)

    def _serve(self, adapter: Adapter) -> int:
        """Be the worker of the process profile."""
        service = self._services[0]
        try:
            return service.run()
        finally:
            if not self._forked:
                self._last("thread_exit", service.slot.leave)
                self._last("exit", adapter.stop)

    def _wait(self, adapter: Adapter, crew: Crew) -> int:
        """Be the main thread of the thread profile."""
        try:
            status = crew.run()
        except Terminated as err:
            self._control.draining = True
            crew.dismiss()
            self._last("exit", adapter.stop)
            leave(int(err.code or 0))  # threads may be within calls, which no interpreter can end
        self._last("exit", adapter.stop)
        return status

    def _load(self) -> Adapter | None:
        """Load and start the adapter and tell the supervisor how it went."""
        launch = self._launch
        try:
            self._preload.all()
            self._preload.module(launch.adapter)
            if self._by_fork:
                os.environ.update(launch.environ)
                self._preload.after_fork()
            adapter = load(launch.adapter, launch.code_root, launch.config, launch.worker_id)
            adapter.start()
            self._bridge()
            table = adapter.table()
            self._enter(adapter)
            ailment = adapter.ailment() or self._gil()
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
        self._control.attend(adapter.ailment if "health" in adapter.hooks else None, self._stop)
        self._control.announce_ready(table)
        return adapter

    def _enter(self, adapter: Adapter) -> None:
        """Make the slots and run @thread_init in the thread of each."""
        launch, control = self._launch, self._control
        if launch.profile != "thread":
            slot = Slot(adapter, launch.worker_id, control.cancelled, Codec(), control.announce)
            self._services = [Service(0, slot, launch, control, self._calls)]
            slot.enter()
            return
        from ._loop import SharedLoop
        from ._threads import CALL, Crew, ThreadSlot

        _output.current_call = CALL.get
        loop = SharedLoop()
        kind = ThreadSlot
        if launch.check:
            from ._writes import serve

            kind = serve(adapter, control.announce_unsafe)
        for number in range(launch.slots):
            slot = kind(adapter, launch.worker_id, control.cancelled, Codec(), control.announce, loop)
            self._services.append(Service(number, slot, launch, control, self._calls))
        self._crew = Crew(self._services)
        self._crew.enter()

    def _gil(self) -> str:
        """Look whether the GIL came on; return why that is a fault, or nothing."""
        watch = self._control.gil
        if watch is None:
            return ""
        watch.look()
        if watch.culprits is None or self._launch.gil != "require_off":
            return ""
        from ._gil import explain

        return explain(watch.culprits) + '; gil = "require_off" forbids that'

    def _last(self, name: str, hook: Any) -> None:
        """Run a hook of the end; what it raises is for the log, and keeps no other from running."""
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
        return self._services[0].slot.current if self._services else b""

    def _calls(self) -> int:
        return sum(service.slot.calls for service in self._services)

    def _stop(self, call_id: bytes) -> None:
        for service in self._services:
            service.slot.stop(call_id)

    def _running(self) -> list[dict[str, Any]]:
        """Return what the control connection tells of the calls that run."""
        return [told for told in (service.running() for service in self._services) if told]

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        idle = bool(self._services) and not any(service.slot.running for service in self._services)
        raise Terminated(0 if idle else 128 + number)

    def _abandon(self) -> None:
        """In a child that a handler forked: the connections are the parent's."""
        self._forked = True
        self._control.close()
        for service in self._services:
            service.abandon()
