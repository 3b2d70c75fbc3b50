"""JSON to bytes and back, strict both ways, with the place of what does not fit.

The C accelerators behind the json module are used directly: importing json
brings in re and enum, which cost more than all the rest of a worker's start,
and a prepared encoder saves building one for every call. json itself is
imported when something is wrong, for its message.
"""

from __future__ import annotations

from _json import encode_basestring, make_encoder, make_scanner

SPACE = " \t\n\r"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class EncodeError(TypeError):
    """EncodeError names the place of a value that JSON cannot express: `result.items[3]`."""


class Codec:
    """Codec encodes and decodes JSON. A codec belongs to one thread."""

    __slots__ = ("_chunks", "_scan")

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int

    def __init__(self) -> None:
        self._scan = make_scanner(self)  # type: ignore[arg-type]  # it takes anything with these attributes
        self._chunks = make_encoder(None, _natural, encode_basestring, None, ":", ",", False, False, False)

    @staticmethod
    def parse_constant(name: str) -> float:
        """Refuse NaN, Infinity and -Infinity, which are not JSON."""
        raise ValueError(f"{name} is not JSON")

    def decode(self, data: bytes | bytearray | memoryview) -> object:
        """Return the value that data expresses; ValueError says where it is not JSON."""
        text = str(data, "utf-8")
        try:
            value, end = self._scan(text, 0)
        except (StopIteration, SystemError):
            # 3.10 and 3.11 look for json.decoder among the loaded modules to raise its error.
            return self._explain(text)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if end == len(text) or not text[end:].strip(SPACE):
            return value
        return self._explain(text)

    def encode(self, value: object, name: str = "result") -> bytes:
        """Return the UTF-8 JSON of value; EncodeError names the odd place below name."""
        try:
            return "".join(self._chunks(value, 0)).encode()
        except Exception as err:  # an object's own to_dict may raise anything
            raise EncodeError(_locate(value, name, ()) or f"{name}: {err}") from None

    def encode_error(self, error: dict[str, object], limit: int = 192 << 10) -> bytes:
        """Return the JSON of a call error, which always succeeds and stays below limit.

        A lone surrogate in a text is escaped; texts give way when escapes make them too long.
        """
        for room in (limit, limit // 16):
            shown = {key: _printable(value, room) for key, value in error.items()}
            data = self.encode(shown, "error")
            if len(data) <= limit:
                break
        return data

    def _explain(self, text: str) -> object:
        """Decode what the quick way did not take: space in front, or an error with its column."""
        import json

        return json.loads(text, parse_constant=self.parse_constant)


def _natural(value: Any) -> Any:
    """Return what stands for an object in JSON: most results hold nothing but what JSON knows."""
    from ._natural import natural

    return natural(value)


def _printable(value: object, room: int) -> object:
    if isinstance(value, list):
        return [_printable(item, room // 16) for item in value]
    if isinstance(value, dict):
        return {key: _printable(item, room // 16) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    return value[-room:].encode("utf-8", "backslashreplace").decode()


def _locate(value: object, path: str, parents: tuple[int, ...]) -> str:
    """Return what is wrong with the first odd object below value, or nothing."""
    if id(value) in parents:
        return f"{path}: the object contains itself"
    if len(parents) > 200:
        return f"{path}: nested more than 200 levels deep"
    if isinstance(value, dict):
        below = (*parents, id(value))
        for key, item in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                return f"{path}: a key of type {type(key).__name__} is not JSON serialisable"
            odd = _odd_scalar(key, f"{path}: key {key!r}") or _locate(item, f"{path}.{key}", below)
            if odd:
                return odd
        return ""
    if isinstance(value, (list, tuple)):
        below = (*parents, id(value))
        return next(filter(None, (_locate(v, f"{path}[{i}]", below) for i, v in enumerate(value))), "")
    if isinstance(value, (str, int, float)) or value is None:
        return _odd_scalar(value, path)
    try:
        stands = _natural(value)
    except Exception as err:
        return f"{path}: {err}"
    return _locate(stands, path, (*parents, id(value)))


def _odd_scalar(value: object, path: str) -> str:
    if isinstance(value, float):
        finite = value - value == 0.0
        return "" if finite else f"{path}: {value!r} is not JSON, which has finite numbers only"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"{path}: the string holds a lone surrogate and cannot be encoded as UTF-8"
        return ""
    return ""
