"""Results as JSON: what an object becomes that JSON has no form for.

Tried in this order: its text (`_texts.py`), a set's list, an Enum's value, a
dataclass's fields, then what the object says itself: model_dump, to_dict,
_asdict, tolist, isoformat. Anything else is an error that names its place, or a
marker in the result of a command that asks for them.
"""

from __future__ import annotations

import sys

from ._texts import write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

METHODS = ("model_dump", "to_dict", "_asdict", "tolist", "isoformat")
MARKER = "$unserializable"
MAX_DEPTH = 100
MAX_REPR = 200


def natural(value: Any) -> Any:
    """Return what stands for an object in JSON; TypeError when nothing does."""
    text = write_text(value)
    if text is not None:
        return text
    if isinstance(value, (set, frozenset)):
        return list(value)
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        return value.value
    cls = type(value)
    for method in METHODS:
        if callable(getattr(cls, method, None)):
            return getattr(value, method)()
    fields = getattr(cls, "__dataclass_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields if hasattr(value, name)}
    raise TypeError(f"object of type {cls.__name__} is not JSON serialisable")


def marked(value: Any, parents: tuple[int, ...] = ()) -> Any:
    """Return a copy of value that JSON can express, with markers for what it cannot."""
    if value is None or type(value) in (bool, int):
        return value
    if isinstance(value, float):
        return value if value - value == 0.0 else _marker(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if id(value) in parents or len(parents) >= MAX_DEPTH:
        return _marker(value)
    below = (*parents, id(value))
    if isinstance(value, dict):
        return {_key(key): marked(item, below) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [marked(item, below) for item in value]
    if isinstance(value, int):
        return int(value)
    try:
        return marked(natural(value), below)
    except Exception:
        return _marker(value)


def _key(key: object) -> str:
    text = key if isinstance(key, str) else _shown(key)
    return text.encode("utf-8", "backslashreplace").decode()


def _marker(value: object) -> dict[str, str]:
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return {MARKER: name, "repr": _shown(value)}


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception as err:
        text = f"<its __repr__ raised {type(err).__name__}>"
    if len(text) > MAX_REPR:
        text = text[:MAX_REPR] + "…"
    return text.encode("utf-8", "backslashreplace").decode()
