"""Testing an adapter without a supervisor, in the process of the test.

    from snakepit.testing import Harness

    def test_hello():
        with Harness("./adapter.py") as adapter:
            assert adapter.call("hello", name="Ada") == "Hello, Ada!"

Calls go through what a worker does: arguments and results cross as JSON,
annotations are checked, hooks run. pytest users have it as a fixture, see
`snakepit.pytest_plugin`.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import time
import unittest
from types import TracebackType
from typing import Any, Callable, NamedTuple, TypeVar

from . import _wire
from ._adapter import Adapter, load
from ._codec import Codec
from ._errors import AdapterError, CallError
from ._slot import Slot

__all__ = ["Harness", "Progress", "requires"]

Test = TypeVar("Test", bound=Callable[..., Any])


class Progress(NamedTuple):
    """Progress is one word of `ctx.progress`; total is None where the handler did not say."""

    done: float
    total: float | None
    note: str


class Harness:
    """Harness is a worker without a process: use it as a context manager, or call start and stop.

    adapter is what a pool's `adapter` names, found below root, or a module, a
    class or an object with commands. progress holds what the last call told.
    """

    def __init__(self, adapter: Any, config: dict[str, Any] | None = None, root: str = ".") -> None:
        self.progress: list[Progress] = []
        self._codec = Codec()
        self._cancelled: dict[bytes, bool] = {}
        given: dict[str, Any] = self._round_trip(config or {}, "config")
        if isinstance(adapter, str):
            self._adapter = load(adapter, os.path.abspath(root), given, "test/0@0")
        else:
            target = adapter() if isinstance(adapter, type) else adapter
            self._adapter = Adapter(getattr(adapter, "__name__", type(adapter).__name__), target, given, "test/0@0")
        self._slot = Slot(self._adapter, self._adapter.worker_id, self._cancelled, self._codec, self._told)
        self._running = False

    def start(self) -> Harness:
        """Run the hooks of a worker's start; AdapterError when @health finds something wrong."""
        self._adapter.start()
        self._slot.enter()
        ailment = self._adapter.ailment()
        if ailment:
            raise AdapterError(ailment)
        self._running = True
        return self

    def stop(self) -> None:
        """Run the hooks of a worker's end, once."""
        if self._running:
            self._running = False
            self._slot.leave()
            self._adapter.stop()

    def __enter__(self) -> Harness:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def commands(self) -> dict[str, dict[str, Any]]:
        """The JSON Schema of each command's arguments and result, by name."""
        return {name: command.signature.schema for name, command in self._adapter.commands.items()}

    @property
    def state(self) -> Any:
        """What @init returned."""
        return self._adapter.state

    @property
    def ailment(self) -> str:
        """What @health finds wrong now, or nothing."""
        return self._adapter.ailment()

    def call(self, command: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a command by position or by name and return the result as a caller gets it.

        A failure is a CallError, whose `__cause__` is the exception as it was raised.
        """
        if args and kwargs:
            raise TypeError("a call has arguments by position or by name, not both")
        return self.execute(command, list(args) if args else kwargs)

    def execute(self, command: str, arguments: Any = None, *, session: str = "", timeout: float | None = None) -> Any:
        """Call with an object or a list of arguments, and with a session or so many seconds to live."""
        if not self._running:
            raise AdapterError("the harness is not started: use it in a with statement")
        body = b"" if arguments is None else self._codec.encode(arguments, "arguments")
        self.progress.clear()
        found = self._adapter.commands.get(command)
        if timeout is None and found is not None and found.timeout_ms:
            timeout = found.timeout_ms / 1000
        deadline = time.monotonic_ns() + int(timeout * 1e9) if timeout is not None else 0
        answer = self._slot.run(command, body, call_id=os.urandom(16), deadline=deadline, session=session)
        value: Any = self._codec.decode(answer.body)
        if answer.type == _wire.ERROR:
            raise CallError(value) from answer.cause
        return value

    def cancel(self) -> None:
        """Give up the call that runs, from another thread or from its handler."""
        call_id = self._slot.current
        if call_id:
            self._cancelled[call_id] = True
            self._slot.stop(call_id)

    def _round_trip(self, value: Any, name: str) -> Any:
        return self._codec.decode(self._codec.encode(value, name))

    def _told(self, event: dict[str, Any]) -> None:
        self.progress.append(Progress(event["done"], event.get("total"), event.get("note", "")))


def requires(version: str) -> Callable[[Test], Test]:
    """Skip a test, or a class of them, unless the interpreter is this version or a later one.

    "3.13t" asks for a free-threaded build besides, whose GIL is off.
    """
    numbers, free = version.rstrip("t"), version.endswith("t")
    try:
        floor = tuple(int(part) for part in numbers.split("."))
    except ValueError:
        raise ValueError(f'cannot read the version {version!r}: write "3.12" or "3.13t"') from None
    reason = f"needs Python {numbers} or later" + (", free-threaded, with the GIL off" if free else "")
    return unittest.skipUnless(sys.version_info[: len(floor)] >= floor and (not free or _runs_free()), reason)


def _runs_free() -> bool:
    built = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return built and not getattr(sys, "_is_gil_enabled", lambda: True)()
