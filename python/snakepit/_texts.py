"""Values that JSON writes as text: bytes, dates and times, UUID, Path, Decimal.

Each has one form, which arguments are read from and results are written in. The
modules of these classes are never imported here: whoever names one has it.
"""

from __future__ import annotations

from ._contract import Contract, mismatch
from ._errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

DECIMAL = "decimal.Decimal"
PATHS = ("Path", "PurePath", "PosixPath", "PurePosixPath")


def qualified(cls: type) -> str:
    """Return the name of a class by which it is known here; pathlib's move between modules."""
    if cls.__module__.partition(".")[0] == "pathlib" and cls.__name__ in PATHS:
        return "pathlib.Path"
    return f"{cls.__module__}.{cls.__qualname__}"


def of_text(cls: Any) -> Contract | None:
    """Return the contract of a class that JSON writes as text; None for another one."""
    name = qualified(cls)
    if name not in FORMS:
        return None
    want, schema, read = FORMS[name]

    def check(value: Any, path: str) -> Any:
        if type(value) is not str and not (name == DECIMAL and type(value) in (int, float)):
            raise mismatch(value, path, want)
        try:
            return read(cls, str(value))
        except (ValueError, ArithmeticError, TypeError):
            raise InvalidArgument(f"{path}: want {want}, got {value!r:.60}") from None

    return Contract(check, schema)


def write_text(value: object) -> str | None:
    """Return the text of a value, None for one of a class that has no such form."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        from binascii import b2a_base64

        return b2a_base64(value, newline=False).decode()
    for cls in type(value).__mro__:
        name = qualified(cls)
        if name in FORMS:
            return value.isoformat() if name in DATES else str(value)  # type: ignore[attr-defined]
    return None


def _read_bytes(cls: Any, text: str) -> Any:
    from binascii import a2b_base64

    if len(text) % 4 or not text.isascii():
        raise ValueError("not base64")
    data = a2b_base64(text)
    if len(data) != len(text) // 4 * 3 - text[-2:].count("="):
        raise ValueError("not base64")  # letters that do not belong were skipped
    return cls(data)


def _read_iso(cls: Any, text: str) -> Any:
    if text[-1:] in ("Z", "z"):  # which fromisoformat takes from 3.11 on
        text = text[:-1] + "+00:00"
    return cls.fromisoformat(text)


def _read_uuid(cls: Any, text: str) -> Any:
    return cls(text)


def _read_path(cls: Any, text: str) -> Any:
    if "\0" in text:
        raise ValueError("a path holds no NUL")
    return cls(text)


def _read_decimal(cls: Any, text: str) -> Any:
    number = cls(text)
    if not number.is_finite():
        raise ValueError("not finite")
    return number


BASE64 = {"type": "string", "contentEncoding": "base64"}
DATES = ("datetime.datetime", "datetime.date", "datetime.time")
FORMS: dict[str, tuple[str, dict[str, Any], Callable[[Any, str], Any]]] = {
    "builtins.bytes": ("base64", BASE64, _read_bytes),
    "builtins.bytearray": ("base64", BASE64, _read_bytes),
    "datetime.datetime": ("an ISO 8601 date-time", {"type": "string", "format": "date-time"}, _read_iso),
    "datetime.date": ("an ISO 8601 date", {"type": "string", "format": "date"}, _read_iso),
    "datetime.time": ("an ISO 8601 time", {"type": "string", "format": "time"}, _read_iso),
    "uuid.UUID": ("a UUID", {"type": "string", "format": "uuid"}, _read_uuid),
    "pathlib.Path": ("a path", {"type": "string", "format": "path"}, _read_path),
    DECIMAL: ("a decimal number", {"type": ["string", "number"], "format": "decimal"}, _read_decimal),
}
