"""The decorators: they mark a function and leave it as it is.

An adapter is a module with `@command` functions or a class with `@command`
methods. What a mark means is read when the adapter is loaded (`_adapter.py`).
"""

from __future__ import annotations

from ._hooks import mark_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., Any])

COMMAND_MARK = "__snakepit_command__"
PRELOAD_MARK = "__snakepit_preload__"
AFTER_FORK_MARK = "__snakepit_after_fork__"
UNITS_MS = (("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000))


if TYPE_CHECKING:

    @overload
    def command(function: Function) -> Function: ...
    @overload
    def command(
        *,
        name: str = "",
        timeout: str | float | None = None,
        idempotent: bool = False,
        interrupt: bool = False,
        markers: bool = False,
        serial: bool = False,
    ) -> Callable[[Function], Function]: ...


def command(
    function: Any = None,
    *,
    name: str = "",
    timeout: str | float | None = None,
    idempotent: bool = False,
    interrupt: bool = False,
    markers: bool = False,
    serial: bool = False,
) -> Any:
    """Offer a function or method as a command of its adapter, under its own name or `name`.

    timeout ("5s", "250ms", or seconds) bounds a call that brings no deadline of
    its own; idempotent says that running a call twice does no harm, so that one
    whose worker dies runs once more, on another worker; interrupt allows that
    Cancelled is raised in the middle of a handler whose caller gave up or whose
    time is over; markers puts `{"$unserializable": TYPE, "repr": TEXT}` into the
    result where JSON has no form for an object, which is an error otherwise;
    serial has the calls of the command run one at a time in a worker with several
    threads.
    """
    mark = {
        "name": name,
        "timeout_ms": duration_ms(timeout),
        "idempotent": bool(idempotent),
        "interrupt": bool(interrupt),
        "markers": bool(markers),
        "serial": bool(serial),
    }

    def decorate(function: Function) -> Function:
        if not callable(function) and not isinstance(function, (staticmethod, classmethod)):
            raise TypeError(f"@command marks a function, not an object of type {type(function).__name__}")
        target = getattr(function, "__func__", function)
        setattr(target, COMMAND_MARK, mark)
        return function

    return decorate if function is None else decorate(function)


def init(function: Function) -> Function:
    """Run a function or method once in each worker, before it is ready.

    It may take the context, as all hooks may; what it returns is `ctx.state` in every call.
    """
    return _hook(function, "init")


def thread_init(function: Function) -> Function:
    """Run a function or method once for each slot, in the thread that runs the slot's calls, after @init.

    What it returns is `ctx.local` in the calls of that slot. A worker of the
    process profile has one slot, in its main thread.
    """
    return _hook(function, "thread_init")


def health(function: Function) -> Function:
    """Ask a function or method whether the worker is well, before it is ready and at every health check.

    It is not when the function raises, or returns False: a worker that is not
    ready then fails to start, one that is ready misses that check. Checks run
    beside the calls, in a thread of their own, and must be quick.
    """
    return _hook(function, "health")


def thread_exit(function: Function) -> Function:
    """Run a function or method once for each slot, in its thread, after its last call."""
    return _hook(function, "thread_exit")


def exit(function: Function) -> Function:
    """Run a function or method once when the worker ends in order: drained, stopped, or sent away.

    It has what is left of the pool's stop_grace. It does not run when the worker is killed or crashes.
    """
    return _hook(function, "exit")


def _hook(function: Function, kind: str) -> Function:
    if not callable(function) and not isinstance(function, (staticmethod, classmethod)):
        raise TypeError(f"@{kind} marks a function, not an object of type {type(function).__name__}")
    setattr(getattr(function, "__func__", function), mark_of(kind), True)
    return function


def preload(function: Function) -> Function:
    """Run a module's function once before its workers are forked, or in each worker that is not forked.

    What it imports and loads is shared by all forked workers. It must leave no
    thread running and no connection open.
    """
    setattr(function, PRELOAD_MARK, True)
    return function


def after_fork(function: Function) -> Function:
    """Run a module's function in each forked worker, before its @init: renew here what workers must not share."""
    setattr(function, AFTER_FORK_MARK, True)
    return function


def duration_ms(value: str | float | None) -> int:
    """Return a duration in milliseconds: None is 0, a number is seconds, a string is "1m30s"."""
    if value is None:
        return 0
    total = _parse_duration(value) if isinstance(value, str) else value * 1000
    if not 0 < total < 1 << 53:
        raise ValueError(f'cannot use {value!r} as a duration: write "250ms", "5s", "1m30s" or seconds')
    return max(1, round(total))


def _parse_duration(text: str) -> float:
    total, number, rest = 0.0, "", text
    while rest:
        if rest[0].isdigit() or rest[0] == ".":
            number, rest = number + rest[0], rest[1:]
            continue
        unit = next((u for u in UNITS_MS if rest.startswith(u[0])), None)
        if unit is None or not number or number.count(".") > 1 or number == ".":
            return -1
        total, number, rest = total + float(number) * unit[1], "", rest[len(unit[0]) :]
    return -1 if number else total
