"""Exceptions as call errors: type, message, notes, causes, and the user's frames of the traceback.

An exception with an attribute `retryable` that is True says that the same call
may succeed later.
"""

from __future__ import annotations

import errno
import os
from os.path import dirname

from ._errors import SnakepitError, call_error, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

MORE_TIME = "give it more time: with the timeout of the call, or of the command, or with timeouts.call of the pool"
MAX_PARTS = 20  # notes, causes and frames, of each
MAX_PART = 1000  # characters of one of them
OURS = (dirname(__file__), "<frozen importlib", os.path.join(dirname(os.__file__), "asyncio"))


def report(err: BaseException, *, started: bool = True) -> dict[str, object]:
    """Return the call error of an exception that a handler or an adapter's start raised."""
    category = getattr(err, "category", "raised") if isinstance(err, SnakepitError) else "raised"
    if isinstance(err, MemoryError):
        release(err)
    message = describe(err)
    if category != "raised":
        hint = MORE_TIME if category == "deadline_exceeded" else ""
        return call_error(category, message, hint=hint, started=started)
    if isinstance(err, SystemExit):
        message = f"the adapter called sys.exit({message})"
    error = call_error(category, message, type=type_name(err), traceback=trace(err), hint=hint_of(err), started=started)
    error["retryable"] = getattr(err, "retryable", False) is True
    parts = {"notes": notes_of(err), "causes": causes_of(err), "frames": frames_of(err)}
    error.update((name, part) for name, part in parts.items() if part)
    return error


def notes_of(err: BaseException) -> list[str]:
    """Return what add_note added, at most MAX_PARTS."""
    notes = getattr(err, "__notes__", None)
    if not isinstance(notes, (list, tuple)):
        return []
    return [cut(str(note), MAX_PART) for note in notes[:MAX_PARTS] if isinstance(note, str)]


def causes_of(err: BaseException) -> list[dict[str, str]]:
    """Return type and message of the exceptions that an exception comes from, the nearest first."""
    causes: list[dict[str, str]] = []
    seen = {id(err)}
    cause = _cause(err)
    while cause is not None and id(cause) not in seen and len(causes) < MAX_PARTS:
        seen.add(id(cause))
        causes.append({"type": type_name(cause), "message": cut(describe(cause), MAX_PART)})
        cause = _cause(cause)
    return causes


def _cause(err: BaseException) -> BaseException | None:
    return err.__cause__ or (None if err.__suppress_context__ else err.__context__)


def frames_of(err: BaseException) -> list[dict[str, object]]:
    """Return the user's frames, as file, line and function, the innermost last; the last MAX_PARTS of them."""
    frames: list[dict[str, object]] = []
    each = _users(err.__traceback__)
    while each is not None:
        code = each.tb_frame.f_code
        if not code.co_filename.startswith(OURS):
            frames.append({"file": code.co_filename, "line": each.tb_lineno, "function": code.co_name})
        each = each.tb_next
    return frames[-MAX_PARTS:]


def release(err: BaseException) -> None:
    """Drop what the frames of an exception hold, so that there is memory to report it with."""
    cause: BaseException | None = err
    while cause is not None:
        frames = cause.__traceback__
        while frames is not None:
            try:
                frames.tb_frame.clear()
            except RuntimeError:
                pass  # it still executes: one of ours
            frames = frames.tb_next
        cause = cause.__cause__ or cause.__context__


def hint_of(err: BaseException) -> str:
    """Name the limit of the pool that an exception comes from, empty for none."""
    files = isinstance(err, OSError) and err.errno == errno.EMFILE
    if not files and not isinstance(err, MemoryError):
        return ""
    try:
        import resource

        if files:
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            return f"the worker may have {soft} files open; limits.nofile of its pool sets how many"
        soft = resource.getrlimit(resource.RLIMIT_DATA)[0]
    except (ImportError, OSError, ValueError, MemoryError):
        return ""
    if soft == resource.RLIM_INFINITY:
        return ""
    held = f"{soft / (1 << 20):.4g} MiB, the stacks of threads included"
    return f"the worker may hold {held}; limits.memory of its pool sets how much"


def type_name(err: BaseException) -> str:
    """Return the class of an exception, qualified unless it is a builtin."""
    cls = type(err)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def describe(err: BaseException) -> str:
    """Return the message of an exception, whatever its __str__ does."""
    try:
        return str(err)
    except Exception as inner:
        return f"<no message: its __str__ raised {type(inner).__name__}>"


def trace(err: BaseException) -> str:
    """Return the traceback as Python prints it, without our own frames on top; at most 64 KiB."""
    import traceback

    try:
        return cut("".join(traceback.format_exception(type(err), err, _users(err.__traceback__))))
    except Exception as inner:
        return f"<no traceback: formatting it raised {type(inner).__name__}>"


def _users(frames: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the first frame that is the user's."""
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(OURS):
        frames = frames.tb_next
    return frames
