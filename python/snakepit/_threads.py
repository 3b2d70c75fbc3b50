"""The thread profile: the slots of a worker, each with a thread that reads its socket and runs its calls."""

from __future__ import annotations

import threading
from _contextvars import ContextVar
from _thread import allocate_lock
from time import monotonic_ns

from ._errors import AdapterError
from ._report import trace
from ._service import Service, complain
from ._slot import Answer, Slot, Terminated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CALL: ContextVar[bytes] = ContextVar("snakepit_call", default=b"")
FAREWELL = 0.3  # seconds that idle slots have for their @thread_exit when the worker is stopped


class ThreadSlot(Slot):
    """ThreadSlot is a slot beside others: whoever logs finds its call in a context variable."""

    def run(self, name: str, body: Any, stream: int = 0, call_id: bytes = b"", *rest: Any, **named: Any) -> Answer:
        """Execute a call; coroutines that the handler starts inherit the variable."""
        CALL.set(call_id)
        try:
            return super().run(name, body, stream, call_id, *rest, **named)
        finally:
            CALL.set(b"")


class Crew:
    """Crew is the threads of a worker. The main thread waits for them, and takes the signals meanwhile."""

    def __init__(self, services: list[Service]) -> None:
        self._services = services
        self._status = 0
        self._errors: list[BaseException] = []
        self._guard = allocate_lock()  # guards what the threads share: status, errors, counts
        self._absent = len(services)
        self._left = len(services)
        self._entered = allocate_lock()
        self._open = threading.Event()
        self._ended = allocate_lock()
        self._entered.acquire()
        self._ended.acquire()

    def enter(self) -> None:
        """Start the threads and have each run its @thread_init; raise what the first of them raised."""
        for service in self._services:
            thread = threading.Thread(target=self._live, args=(service,), name=f"slot-{service.number}", daemon=True)
            try:
                thread.start()
            except RuntimeError as err:
                raise AdapterError(f"cannot start thread {service.number} of {len(self._services)}: {err}") from None
        self._entered.acquire()
        if self._errors:
            raise self._errors[0]

    def run(self) -> int:
        """Let the slots connect and wait until the last one has ended; return the exit status."""
        self._open.set()
        self._ended.acquire()
        return self._status

    def dismiss(self) -> None:
        """Let the slots that have no call end, and wait for them a little."""
        end = monotonic_ns() + int(FAREWELL * 1e9)
        for service in self._services:
            if not service.slot.running:
                service.hang_up()
        while self._left > sum(s.slot.running for s in self._services) and monotonic_ns() < end:
            if self._ended.acquire(timeout=0.005):
                return

    def _live(self, service: Service) -> None:
        """Be the thread of a slot."""
        entered = False
        try:
            service.slot.enter()
            entered = True
        except BaseException as err:
            self._errors.append(err)
        with self._guard:
            self._absent -= 1
            if self._absent == 0:
                self._entered.release()
        status = 1
        try:
            if entered:
                self._open.wait()
                status = service.run()
        except Terminated as err:
            status = int(err.code or 0)
        except BaseException as err:
            complain(f"slot {service.number} ended:\n{trace(err)}")
        finally:
            self._end(service, status, entered)

    def _end(self, service: Service, status: int, entered: bool) -> None:
        if entered and not service.forked:
            try:
                service.slot.leave()
            except Exception as err:
                complain(f"@thread_exit raised:\n{trace(err)}")
        with self._guard:
            self._status = max(self._status, status)
            self._left -= 1
            if self._left == 0:
                self._ended.release()
