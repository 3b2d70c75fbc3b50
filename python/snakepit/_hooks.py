"""Hooks: functions of an adapter that run at the turning points of a worker's life.

    init         once, before the worker is ready; its result is ctx.state
    thread_init  once for each slot, in the thread that runs the slot's calls; its result is ctx.local
    health       when the worker is asked whether it is well
    thread_exit  once for each slot, in its thread, after its last call
    exit         once, after the last slot

A worker of the process profile has one slot, whose thread is the main one: all
five run there too. `preload` and `after_fork` belong to a fork server, see
`_preload.py`.
"""

from __future__ import annotations

from ._errors import AdapterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._context import Context

KINDS = ("init", "thread_init", "health", "thread_exit", "exit")
GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200


def mark_of(kind: str) -> str:
    """Return the attribute that marks a function as a hook of this kind."""
    return f"__snakepit_{kind}__"


MARKS = {kind: mark_of(kind) for kind in KINDS}


class Hooks:
    """Hooks are those of one adapter: at most one of each kind."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._functions: dict[str, Callable[..., Any]] = {}

    def take(self, function: Callable[..., Any]) -> None:
        """Take a function of the adapter up, if it is marked as a hook."""
        for kind, mark in MARKS.items():
            if not getattr(function, mark, False):
                continue
            if kind in self._functions:
                names = f"{self._functions[kind].__name__}, {function.__name__}"
                raise AdapterError(f"adapter {self._reference} has more than one @{kind}: {names}")
            self._functions[kind] = plain(function, kind)

    def __contains__(self, kind: str) -> bool:
        return kind in self._functions

    def run(self, kind: str, context: Context) -> Any:
        """Run the hook of this kind, if there is one, and return its result; what it raises is the caller's."""
        function = self._functions.get(kind)
        if function is None:
            return None
        code = unwrap(function).__code__
        takes = code.co_argcount - (getattr(function, "__self__", None) is not None)
        return function(context) if takes else function()


def plain(function: Callable[..., Any], mark: str) -> Callable[..., Any]:
    """Return the function, or raise AdapterError when calling it would not run it."""
    code = getattr(unwrap(function), "__code__", None)
    if code is None:
        raise AdapterError(f"@{mark} {function.__name__}: it is not a Python function")
    if code.co_flags & (GENERATOR | COROUTINE | ASYNC_GENERATOR):
        raise AdapterError(f"@{mark} {function.__name__}: it must be a plain function")
    return function


def unwrap(function: Any) -> Any:
    """Return the plain function below bound methods and functools.wraps decorators."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return getattr(function, "__func__", function)
