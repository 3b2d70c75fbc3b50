"""A contract: what one hint demands of decoded JSON, as a check and as a JSON Schema.

A check takes a value and its path and returns the value the handler gets, or
raises InvalidArgument with the path: `box.w: want integer, got string`. None
instead of a check means that anything fits.
"""

from __future__ import annotations

from ._errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    Check = Optional[Callable[[Any, str], Any]]
    Schema = dict[str, Any]

NONE = type(None)
NAMES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
    NONE: "null",
}


class Contract:
    """Contract is a compiled hint. Its schema may refer to `#/$defs/NAME`."""

    __slots__ = ("check", "schema")

    def __init__(self, check: Check, schema: Schema) -> None:
        self.check = check
        self.schema = schema


def kind(value: object) -> str:
    """Return what JSON calls a value."""
    return NAMES.get(type(value), type(value).__name__)


def is_plain(value: object) -> bool:
    """Whether a value is a scalar that JSON can express."""
    if type(value) is float:
        return value - value == 0.0
    return type(value) in (bool, int, str, NONE)


def mismatch(value: object, path: str, want: str) -> InvalidArgument:
    """Return the error for a value of another kind than wanted."""
    return InvalidArgument(f"{path}: want {want}, got {kind(value)}")


def built(build: Callable[[Any], Any], value: Any, path: str) -> Any:
    """Build a user's object; what its own validation raises is an invalid argument."""
    try:
        return build(value)
    except (TypeError, ValueError) as err:
        raise InvalidArgument(f"{path}: {err}") from None


def of_list(item: Contract) -> Contract:
    """Return the contract of a list whose items have one contract."""
    inner = item.check

    def check(value: Any, path: str) -> Any:
        if type(value) is not list:
            raise mismatch(value, path, "list")
        return value if inner is None else [inner(v, f"{path}[{i}]") for i, v in enumerate(value)]

    return Contract(check, {"type": "array", "items": item.schema} if item.schema else {"type": "array"})


def of_set(item: Contract, make: Callable[[Any], Any]) -> Contract:
    """Return the contract of a set or frozenset, which JSON writes as a list without repetitions."""
    items = of_list(item)

    def check(value: Any, path: str) -> Any:
        out = built(make, items.check(value, path), path)  # type: ignore[misc]
        if len(out) != len(value):
            raise InvalidArgument(f"{path}: want each item once, got {len(value) - len(out)} repeated")
        return out

    return Contract(check, {**items.schema, "uniqueItems": True})


def of_dict(item: Contract) -> Contract:
    """Return the contract of an object whose values have one contract."""
    inner = item.check

    def check(value: Any, path: str) -> Any:
        if type(value) is not dict:
            raise mismatch(value, path, "object")
        return value if inner is None else {k: inner(v, f"{path}.{k}") for k, v in value.items()}

    schema: Schema = {"type": "object"}
    if item.schema:
        schema["additionalProperties"] = item.schema
    return Contract(check, schema)


def of_literal(values: tuple[Any, ...]) -> Contract:
    """Return the contract of one of some values."""
    want = " or ".join(map(repr, values))

    def check(value: Any, path: str) -> Any:
        if any(value == one and type(value) is type(one) for one in values):
            return value
        raise InvalidArgument(f"{path}: want {want}, got {value!r:.60}")

    return Contract(check, {"enum": list(values)})


def of_enum(cls: Any) -> Contract:
    """Return the contract of a member of an Enum, named by its value."""
    want = " or ".join(repr(member.value) for member in cls)

    def check(value: Any, path: str) -> Any:
        for member in cls:
            if member.value == value and type(member.value) is type(value):
                return member
        raise InvalidArgument(f"{path}: want {want}, got {value!r:.60}")

    return Contract(check, {"enum": [member.value for member in cls]})


def of_fields(fields: dict[str, tuple[Check, bool]], name: str, build: Callable[..., Any]) -> Callable[[Any, str], Any]:
    """Return the check of an object with fields {name: (check, required)}, from which build makes the value."""
    required = [field for field, (_, needed) in fields.items() if needed]

    def check(value: Any, path: str) -> Any:
        if type(value) is not dict:
            raise mismatch(value, path, "object")
        for field in required:
            if field not in value:
                raise InvalidArgument(f"{path}.{field}: missing")
        out = {}
        for field, item in value.items():
            if field not in fields:
                raise InvalidArgument(f"{path}.{field}: unknown; {name} has {', '.join(fields)}")
            inner = fields[field][0]
            out[field] = item if inner is None else inner(item, f"{path}.{field}")
        return built(build, out, path)

    return check


def _of_scalar(cls: type) -> Contract:
    want = NAMES[cls]

    def check(value: Any, path: str) -> Any:
        if type(value) is cls:
            return value
        raise mismatch(value, path, want)

    return Contract(check, {"type": want})


def _check_float(value: Any, path: str) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise mismatch(value, path, "number")
    try:
        return float(value)
    except OverflowError:
        raise InvalidArgument(f"{path}: the integer is too large for a number") from None


ANYTHING = Contract(None, {})
SCALARS: dict[type, Contract] = {cls: _of_scalar(cls) for cls in (bool, int, str, NONE)}
SCALARS[float] = Contract(_check_float, {"type": "number"})
