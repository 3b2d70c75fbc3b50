"""The decorators: they mark a function and leave it as it is.

An adapter is a module with `@command` functions or a class with `@command`
methods. What a mark means is read when the adapter is loaded (`_adapter.py`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., Any])

COMMAND_MARK = "__snakepit_command__"
INIT_MARK = "__snakepit_init__"
PRELOAD_MARK = "__snakepit_preload__"
AFTER_FORK_MARK = "__snakepit_after_fork__"
UNITS_MS = (("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000))


if TYPE_CHECKING:

    @overload
    def command(function: Function) -> Function: ...
    @overload
    def command(
        *, name: str = "", timeout: str | float | None = None, idempotent: bool = False
    ) -> Callable[[Function], Function]: ...


def command(
    function: Any = None, *, name: str = "", timeout: str | float | None = None, idempotent: bool = False
) -> Any:
    """Offer a function or method as a command of its adapter, under its own name or `name`.

    timeout ("5s", "250ms", or seconds) bounds a call that brings no deadline of
    its own; idempotent says that running a call twice does no harm, so that one
    whose worker dies runs once more, on another worker.
    """
    mark = {"name": name, "timeout_ms": duration_ms(timeout), "idempotent": bool(idempotent)}

    def decorate(function: Function) -> Function:
        if not callable(function) and not isinstance(function, (staticmethod, classmethod)):
            raise TypeError(f"@command marks a function, not an object of type {type(function).__name__}")
        target = getattr(function, "__func__", function)
        setattr(target, COMMAND_MARK, mark)
        return function

    return decorate if function is None else decorate(function)


def init(function: Function) -> Function:
    """Run a function or method once in each worker, before it is ready.

    It may take the context; what it returns is `ctx.state` in every call.
    """
    setattr(getattr(function, "__func__", function), INIT_MARK, True)
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
