"""The names of Snakepit's Python side, so that its adapters run here with few edits.

    from snakepit_bridge.base_adapter import BaseAdapter, tool

    class Shop(BaseAdapter):
        @tool(description="Add two numbers")
        def add(self, a: float, b: float) -> float:
            return a + b

What differs: a worker makes one object of the class, which lives as long as the
worker; `initialize` runs once before it is ready, `cleanup` when it ends. Tools
do not stream, and there is no host whose tools could be called back.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Callable, TypeVar, overload

from ._command import command, exit, init
from ._context import Context
from ._errors import AdapterError, SnakepitError
from ._signature import CONTEXT_MARK

__all__ = ["BaseAdapter", "SessionContext", "ThreadSafeAdapter", "thread_safe_method", "tool"]

Function = TypeVar("Function", bound=Callable[..., Any])

REQUIRED_MARK = "__snakepit_required_variables__"
PARAMETER = "snakepit_context"
COROUTINE = 0x80
_current: ContextVar[SessionContext | None] = ContextVar("snakepit_session_context", default=None)


class SessionContext:
    """SessionContext is what a tool knows about its call: a Context under Snakepit's names.

    session_id is the caller's session key, or "" without one; request_metadata
    holds ids of call and worker; context is the Context itself.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.session_id: str = context.session
        self.request_metadata: dict[str, str] = {"call_id": context.call_id, "worker_id": context.worker_id}

    @property
    def elixir_tools(self) -> dict[str, Any]:
        """The tools of the host: there are none."""
        return {}

    def call_elixir_tool(self, name: str, **arguments: Any) -> Any:
        """Refuse: a worker cannot call its host back."""
        raise SnakepitError(f"cannot call the host's tool {name}: let the caller do that, and pass the result on")


@overload
def tool(function: Function) -> Function: ...
@overload
def tool(
    function: None = None,
    *,
    description: str = "",
    supports_streaming: bool = False,
    required_variables: list[str] | None = None,
) -> Callable[[Function], Function]: ...
def tool(
    function: Any = None,
    *,
    description: str = "",
    supports_streaming: bool = False,
    required_variables: list[str] | None = None,
) -> Any:
    """Offer a method as a command. Its description is its doc string, unless it is given.

    The environment must have the required variables when the worker starts.
    supports_streaming must be False: an adapter that streams is not loaded.
    """

    def decorate(method: Any) -> Any:
        if supports_streaming:
            raise AdapterError(f"tool {method.__name__}: streaming is not supported; return the whole result")
        wrapper = _with_session(method)
        if description:
            wrapper.__doc__ = description
        setattr(wrapper, REQUIRED_MARK, list(required_variables or ()))
        return command(wrapper)

    return decorate if function is None else decorate(function)


def _with_session(method: Any) -> Any:
    """Return a method that knows its call's SessionContext while it runs."""
    if method.__code__.co_flags & COROUTINE:

        @functools.wraps(method)
        async def later(self: Any, *args: Any, **kwargs: Any) -> Any:
            _begin(self, kwargs)
            return await method(self, *args, **kwargs)

        wrapper: Any = later
    else:

        @functools.wraps(method)
        def now(self: Any, *args: Any, **kwargs: Any) -> Any:
            _begin(self, kwargs)
            return method(self, *args, **kwargs)

        wrapper = now
    setattr(wrapper, CONTEXT_MARK, PARAMETER)
    return wrapper


def _begin(adapter: Any, arguments: dict[str, Any]) -> None:
    """Hand the session over as Snakepit does; a tool that another tool calls keeps the one there is."""
    context = arguments.pop(PARAMETER, None)
    if context is not None and isinstance(adapter, BaseAdapter):
        adapter.set_session_context(SessionContext(context))


class BaseAdapter:
    """BaseAdapter is the base of Snakepit's adapters. One object of a subclass serves all calls of a worker."""

    def __init__(self) -> None:
        """Do nothing; subclasses call it."""

    @property
    def session_context(self) -> SessionContext | None:
        """The SessionContext of the call that this thread or task executes; None outside of one."""
        return _current.get()

    @session_context.setter
    def session_context(self, session_context: SessionContext | None) -> None:
        _current.set(session_context)

    def set_session_context(self, session_context: SessionContext) -> None:
        """Take the session of the call that begins."""
        self.session_context = session_context

    @init
    def _snakepit_begin(self) -> None:
        missing = {
            name
            for member in dir(type(self))
            for name in getattr(getattr(type(self), member, None), REQUIRED_MARK, ())
            if name not in os.environ
        }
        if missing:
            raise AdapterError(f"the environment lacks {', '.join(sorted(missing))}: set env of the pool")
        _finish(getattr(self, "initialize", None))

    @exit
    def _snakepit_end(self) -> None:
        _finish(getattr(self, "cleanup", None))


def _finish(hook: Callable[[], Any] | None) -> None:
    """Run initialize or cleanup, which may be a coroutine."""
    result = hook() if hook is not None else None
    if hasattr(result, "__await__"):
        import asyncio

        asyncio.run(_wait(result))


async def _wait(awaitable: Any) -> None:
    await awaitable


class ThreadSafeAdapter(BaseAdapter):
    """ThreadSafeAdapter adds a lock and storage of one's own for each thread."""

    __thread_safe__ = True

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._local = threading.local()
        self._requests = 0
        self._active = 0

    @contextmanager
    def acquire_lock(self) -> Iterator[None]:
        """Hold the adapter's lock; a thread that holds it may take it again."""
        with self._lock:
            yield

    def get_thread_local(self, key: str, default: Any = None) -> Any:
        """Return what this thread stored under a key."""
        return getattr(self._local, key, default)

    def set_thread_local(self, key: str, value: Any) -> None:
        """Store a value for this thread alone."""
        setattr(self._local, key, value)

    def clear_thread_local(self, key: str | None = None) -> None:
        """Forget one key of this thread, or all."""
        if key is None:
            vars(self._local).clear()
        else:
            vars(self._local).pop(key, None)

    @contextmanager
    def track_request(self, request_id: str | None = None) -> Iterator[Any]:
        """Count a request while it runs; yields its id, or its number."""
        with self._lock:
            self._requests += 1
            self._active += 1
            number = self._requests
        try:
            yield request_id or number
        finally:
            with self._lock:
                self._active -= 1

    def get_stats(self) -> dict[str, Any]:
        """Return how many requests were tracked, and how many of them run."""
        with self._lock:
            tracker = {"total_requests": self._requests, "total_active_requests": self._active}
        return {"adapter_class": type(self).__name__, "thread_safe": self.__thread_safe__, "tracker": tracker}


def thread_safe_method(function: Function) -> Function:
    """Track each run of a method of a ThreadSafeAdapter in its stats."""

    @functools.wraps(function)
    def tracked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.track_request():
            return function(self, *args, **kwargs)

    return tracked  # type: ignore[return-value]
