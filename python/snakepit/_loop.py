"""One event loop for the coroutines of all slots, in a thread of its own.

It begins with the first coroutine: asyncio is not imported before.
"""

from __future__ import annotations

from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine
    from typing import Any


class SharedLoop:
    """SharedLoop runs coroutines for threads that wait for them. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Job:
        """Begin a coroutine, with the context variables of this thread."""
        return Job(self._running(), coroutine)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                import asyncio
                import threading

                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="snakepit-loop", daemon=True).start()
            return self._loop


class Job:
    """Job is one coroutine on a loop: one thread waits for its result, others may cancel it."""

    __slots__ = ("_coroutine", "_done", "_error", "_loop", "_task", "_value")

    def __init__(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._loop = loop
        self._coroutine = coroutine
        self._task: asyncio.Task[None] | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._done = allocate_lock()
        self._done.acquire()
        loop.call_soon_threadsafe(self._begin)

    def cancel(self) -> None:
        """Cancel the coroutine, which may take its time to end."""
        self._loop.call_soon_threadsafe(self._cancel)

    def result(self) -> Any:
        """Wait for the end and return the result, or raise what the coroutine raised."""
        self._done.acquire()
        if self._error is not None:
            raise self._error
        return self._value

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:  # it has begun: callbacks run in their order
            self._task.cancel()

    async def _run(self) -> None:
        try:
            self._value = await self._coroutine
        except BaseException as err:  # a SystemExit would end the loop that all slots share
            self._error = err

    def _end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # before its first step
            import asyncio

            self._coroutine.close()
            self._error = asyncio.CancelledError()
        self._done.release()
