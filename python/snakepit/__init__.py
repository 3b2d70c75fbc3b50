"""Write commands in Python; snakectl runs them in pools of workers.

    from snakepit import Context, command

    @command
    def hello(name: str, ctx: Context) -> str:
        return f"Hello, {name}, from {ctx.worker_id}"

An adapter is a module with such functions, or a class with such methods. Try one
with no supervisor: `python -m snakepit ./adapter.py call hello name=Ada`.
"""

from __future__ import annotations

from ._command import after_fork, command, exit, health, init, preload, thread_exit, thread_init
from ._context import Context
from ._errors import (
    AdapterError,
    CallError,
    Cancelled,
    DeadlineExceeded,
    InvalidArgument,
    SnakepitError,
    TooLarge,
    UnknownCommand,
    WireError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._client import Client

__version__ = "0.1.0"
__all__ = [
    "AdapterError",
    "CallError",
    "Cancelled",
    "Client",
    "Context",
    "DeadlineExceeded",
    "InvalidArgument",
    "SnakepitError",
    "TooLarge",
    "UnknownCommand",
    "WireError",
    "after_fork",
    "command",
    "exit",
    "health",
    "init",
    "preload",
    "thread_exit",
    "thread_init",
]


def __getattr__(name: str) -> object:
    """Import the client when it is asked for: workers do not need it."""
    if name == "Client":
        from ._client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
