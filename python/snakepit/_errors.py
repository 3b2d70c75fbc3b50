"""The exception tree, and the call error that crosses the wire.

    SnakepitError
    ├── AdapterError        the adapter cannot be loaded or started
    ├── InvalidArgument     the arguments do not fit the signature
    ├── UnknownCommand      the adapter has no such command
    ├── TooLarge            a body exceeds the cap
    ├── Cancelled           the caller gave up
    ├── DeadlineExceeded    the call's time is over
    ├── WireError           a peer broke the protocol
    └── CallError           a call through `Client` failed; it tells everything the worker told

A handler may raise any of them. InvalidArgument, Cancelled and DeadlineExceeded
reach the caller under the category of the same name; every other exception
reaches it as `raised`, with type, message and traceback, and as `retryable` if
it has an attribute of that name that is True.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_TEXT = 64 << 10

CODES = {
    "cancelled": 1,
    "raised": 2,
    "invalid_argument": 3,
    "deadline_exceeded": 4,
    "unknown_pool": 5,
    "saturated": 8,
    "queue_timeout": 8,
    "too_large": 8,
    "unknown_command": 12,
    "protocol": 13,
    "internal": 13,
    "unavailable": 14,
    "worker_died": 14,
}


class SnakepitError(Exception):
    """SnakepitError is the root of every exception that this package raises."""

    category = "raised"


class AdapterError(SnakepitError):
    """AdapterError says why an adapter cannot be loaded and what to change."""


class InvalidArgument(SnakepitError):
    """InvalidArgument names the argument that does not fit: `box.w: want integer, got string`."""

    category = "invalid_argument"


class UnknownCommand(SnakepitError):
    """UnknownCommand names the closest commands that the adapter does have."""

    category = "unknown_command"


class TooLarge(SnakepitError):
    """TooLarge says that a body exceeds the cap of the connection."""

    category = "too_large"


class Cancelled(SnakepitError):
    """Cancelled is raised by `Context.check` when the caller gave up."""

    category = "cancelled"


class DeadlineExceeded(SnakepitError):
    """DeadlineExceeded is raised by `Context.check` when the call's time is over."""

    category = "deadline_exceeded"


class WireError(SnakepitError):
    """WireError says how a peer broke the protocol; the connection is of no further use."""

    category = "protocol"


class CallError(SnakepitError):
    """CallError is a failed call as its caller sees it.

    `details` holds every field of the call error; those that programs branch on
    are attributes: category, code, type, message, traceback, started, retryable,
    notes (what add_note added), causes and frames (dicts: type and message; file,
    line and function), and death, which tells how the worker died where it did: class, exit_code,
    signal, user_us, system_us, peak_rss_bytes, lifetime_us, call, stack, stderr.
    """

    def __init__(self, details: dict[str, object]) -> None:
        self.details = details
        self.category: str = str(details.get("category", "internal"))
        self.code: object = details.get("code", 13)
        self.type: str = str(details.get("type", ""))
        self.message: str = str(details.get("message", ""))
        self.traceback: str = str(details.get("traceback", ""))
        self.hint: str = str(details.get("hint", ""))
        self.started: bool = bool(details.get("started", False))
        self.retryable: bool = bool(details.get("retryable", False))
        self.notes: list[str] = _listed(details.get("notes"))
        self.causes: list[dict[str, str]] = _listed(details.get("causes"))
        self.frames: list[dict[str, object]] = _listed(details.get("frames"))
        death = details.get("death")
        self.death: dict[str, object] | None = death if isinstance(death, dict) else None
        text = f"{self.type}: {self.message}" if self.type else self.message
        super().__init__(f"{self.category}: {text}")


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


for _class in (SnakepitError, *SnakepitError.__subclasses__()):
    _class.__module__ = "snakepit"  # where it is imported from, and what a traceback calls it


def call_error(category: str, message: str, **fields: object) -> dict[str, object]:
    """Return the JSON form of a call error; fields that are empty stay out."""
    error: dict[str, object] = {
        "code": CODES[category],
        "category": category,
        "origin": "worker",
        "message": cut(message),
        "started": False,
        "retryable": False,
    }
    error.update((key, value) for key, value in fields.items() if value != "")
    return error


def cut(text: str, limit: int = MAX_TEXT) -> str:
    """Return the last `limit` characters of text: the end of a traceback says most."""
    if len(text) <= limit:
        return text
    return f"[{len(text) - limit} characters cut]\n{text[-limit:]}"
