"""Type hints as a contract: each hint is compiled once into a check of decoded JSON.

A check takes a value and its path and returns the value the handler gets, or
raises InvalidArgument with the path: `box.w: want integer, got string`. None
instead of a check means that anything fits. A hint that cannot be checked is an
AdapterError when the adapter is loaded, never a surprise in a call.
"""

from __future__ import annotations

import sys

from ._errors import AdapterError, InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    Check = Optional[Callable[[Any, str], Any]]

NAMES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
    type(None): "null",
}
NONE = type(None)


def kind(value: object) -> str:
    """Return what JSON calls a value."""
    return NAMES.get(type(value), type(value).__name__)


def mismatch(value: object, path: str, want: str) -> InvalidArgument:
    """Return the error for a value of another kind than wanted."""
    return InvalidArgument(f"{path}: want {want}, got {kind(value)}")


class Hints:
    """Hints compiles the hints of one adapter; classes that name themselves compile once."""

    def __init__(self) -> None:
        self._classes: dict[object, list[Check]] = {}

    def compile(self, hint: Any, where: str) -> Check:
        """Return the check for hint, which stands at where in the adapter."""
        typing = sys.modules.get("typing")
        if hint is object or (typing is not None and hint is typing.Any):
            return None
        if hint is None:
            hint = NONE
        if isinstance(hint, type) and hint in SCALARS:
            return SCALARS[hint]
        origin = getattr(hint, "__origin__", None)
        if origin is None:
            origin = _union_of(hint) or hint
        if hasattr(hint, "__metadata__"):  # Annotated[T, …]
            return self.compile(origin, where)
        if hasattr(hint, "__supertype__"):  # NewType
            return self.compile(hint.__supertype__, where)
        return self._compile_generic(hint, origin, where)

    def _compile_generic(self, hint: Any, origin: Any, where: str) -> Check:
        args: tuple[Any, ...] = getattr(hint, "__args__", ())
        name = getattr(origin, "__module__", "") + "." + getattr(origin, "__qualname__", str(origin).rpartition(".")[2])
        if name in ("types.UnionType", "typing.Union"):
            return self._compile_union(args, where)
        if name in ("typing.Required", "typing.NotRequired"):
            return self.compile(args[0], where)
        if name == "typing.Literal":
            return _check_literal(args)
        if origin is list or name in ("collections.abc.Sequence", "collections.abc.Iterable"):
            return _check_list(self.compile(args[0], where) if args else None)
        if origin is tuple:
            return self._compile_tuple(args, where)
        if origin is dict or name in ("collections.abc.Mapping", "collections.abc.MutableMapping"):
            if args and args[0] not in (str, getattr(sys.modules.get("typing"), "Any", str)):
                raise AdapterError(f"{where}: the keys of a JSON object are strings; write dict[str, …]")
            return _check_dict(self.compile(args[1], where) if args else None)
        if isinstance(hint, type):
            return self._compile_class(hint, where)
        raise _unknown(hint, where)

    def _compile_union(self, args: tuple[Any, ...], where: str) -> Check:
        checks = [self.compile(arg, where) for arg in args]
        want = " or ".join(dict.fromkeys(text(arg) if arg not in NAMES else NAMES[arg] for arg in args))
        if None in checks:
            return None
        exact = {arg for arg in args if arg in SCALARS}

        def check(value: Any, path: str) -> Any:
            if type(value) in exact:
                return value
            deeper = None
            for check in checks:
                try:
                    return check(value, path)  # type: ignore[misc]
                except InvalidArgument as err:
                    if not str(err).startswith(path + ": want"):
                        deeper = err  # the value had the right kind, its inside did not
            raise deeper or mismatch(value, path, want)

        return check

    def _compile_tuple(self, args: tuple[Any, ...], where: str) -> Check:
        if len(args) == 2 and args[1] is Ellipsis:
            items = _check_list(self.compile(args[0], where))
            return lambda value, path: tuple(items(value, path))
        if not args:
            items = _check_list(None)
            return lambda value, path: tuple(items(value, path))
        if args == ((),):  # Tuple[()] before 3.11
            args = ()
        checks = [self.compile(arg, where) for arg in args]

        def check(value: Any, path: str) -> Any:
            if not isinstance(value, (list, tuple)):
                raise mismatch(value, path, "list")
            if len(value) != len(checks):
                raise InvalidArgument(f"{path}: want {len(checks)} items, got {len(value)}")
            pairs = enumerate(zip(checks, value))
            return tuple(item if check is None else check(item, f"{path}[{i}]") for i, (check, item) in pairs)

        return check

    def _compile_class(self, cls: Any, where: str) -> Check:
        if hasattr(cls, "model_validate"):
            return _check_model(cls)
        enum = sys.modules.get("enum")
        if enum is not None and issubclass(cls, enum.Enum):
            return _check_enum(cls)
        if hasattr(cls, "__dataclass_fields__"):
            return self._compile_once(cls, where, _dataclass_fields(cls), lambda fields: cls(**fields))
        if issubclass(cls, dict) and hasattr(cls, "__required_keys__"):
            return self._compile_once(cls, where, _typed_dict_fields(cls, where), dict)
        raise _unknown(cls, where)

    def _compile_once(
        self, cls: Any, where: str, fields: dict[str, tuple[Any, bool]], build: Callable[..., Any]
    ) -> Check:
        """Compile a class with fields {name: (hint, required)}; it may name itself in them."""
        if cls in self._classes:
            holder = self._classes[cls]
            return lambda value, path: holder[0](value, path)  # type: ignore[misc]
        holder = self._classes[cls] = []
        checks = {name: self.compile(hint, f"{where}.{name}") for name, (hint, _) in fields.items()}
        required = [name for name, (_, needed) in fields.items() if needed]

        def check(value: Any, path: str) -> Any:
            if type(value) is not dict:
                raise mismatch(value, path, "object")
            for name in required:
                if name not in value:
                    raise InvalidArgument(f"{path}.{name}: missing")
            out = {}
            for name, item in value.items():
                if name not in checks:
                    raise InvalidArgument(f"{path}.{name}: unknown; {text(cls)} has {', '.join(checks)}")
                inner = checks[name]
                out[name] = item if inner is None else inner(item, f"{path}.{name}")
            return _built(build, out, path)

        holder.append(check)
        return check


def resolve(target: Any, where: str) -> dict[str, Any]:
    """Return the hints of a function or class with the strings among them evaluated."""
    raw = getattr(target, "__annotations__", None) or {}
    if not isinstance(target, type) and not any(_needs_evaluation(hint) for hint in raw.values()):
        return dict(raw)
    import typing

    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception as err:
        advice = '; on Python 3.9 write Optional[int] for "int | None"' if sys.version_info < (3, 10) else ""
        shown = ", ".join(f"{name}: {hint}" for name, hint in raw.items())
        raise AdapterError(f"{where}: cannot evaluate the hints ({shown}): {err}{advice}") from None


def text(hint: Any) -> str:
    """Return a hint as a person writes it."""
    if hint is NONE or hint is None:
        return "None"
    if isinstance(hint, type) and not getattr(hint, "__args__", ()):
        return hint.__qualname__
    return str(hint).replace("typing.", "").replace("NoneType", "None")


def _needs_evaluation(hint: object) -> bool:
    """Whether a hint is or may contain a string; plain classes do without typing's import."""
    return not (hint is None or (isinstance(hint, type) and hint in PLAIN))


def _union_of(hint: Any) -> Any:
    return type(hint) if type(hint).__name__ in ("UnionType", "Union") else None


def _unknown(hint: Any, where: str) -> AdapterError:
    known = "bool, int, float, str, list, dict, tuple, Optional, Union, Literal, Enum, dataclass, TypedDict, Any"
    return AdapterError(f"{where}: cannot check values of type {text(hint)}; use one of {known}")


def _check_scalar(cls: type) -> Callable[[Any, str], Any]:
    want = NAMES[cls]

    def check(value: Any, path: str) -> Any:
        if type(value) is cls:
            return value
        raise mismatch(value, path, want)

    return check


def _check_float(value: Any, path: str) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise mismatch(value, path, "number")
    try:
        return float(value)
    except OverflowError:
        raise InvalidArgument(f"{path}: the integer is too large for a number") from None


SCALARS: dict[type, Callable[[Any, str], Any]] = {cls: _check_scalar(cls) for cls in (bool, int, str, NONE)}
SCALARS[float] = _check_float
PLAIN = {*SCALARS, list, dict, tuple, object}


def _check_list(item: Check) -> Callable[[Any, str], Any]:
    def check(value: Any, path: str) -> Any:
        if type(value) is not list:
            raise mismatch(value, path, "list")
        return value if item is None else [item(v, f"{path}[{i}]") for i, v in enumerate(value)]

    return check


def _check_dict(item: Check) -> Check:
    def check(value: Any, path: str) -> Any:
        if type(value) is not dict:
            raise mismatch(value, path, "object")
        return value if item is None else {k: item(v, f"{path}.{k}") for k, v in value.items()}

    return check


def _check_literal(args: tuple[Any, ...]) -> Check:
    want = " or ".join(map(repr, args))

    def check(value: Any, path: str) -> Any:
        if any(value == arg and type(value) is type(arg) for arg in args):
            return value
        raise InvalidArgument(f"{path}: want {want}, got {value!r:.60}")

    return check


def _check_enum(cls: Any) -> Check:
    want = " or ".join(repr(member.value) for member in cls)

    def check(value: Any, path: str) -> Any:
        for member in cls:
            if member.value == value and type(member.value) is type(value):
                return member
        raise InvalidArgument(f"{path}: want {want}, got {value!r:.60}")

    return check


def _check_model(cls: Any) -> Check:
    return lambda value, path: _built(cls.model_validate, value, path)


def _built(build: Callable[[Any], Any], value: Any, path: str) -> Any:
    """Build a user's object; what its own validation raises is an invalid argument."""
    try:
        return build(value)
    except (TypeError, ValueError) as err:
        raise InvalidArgument(f"{path}: {err}") from None


def _typed_dict_fields(cls: Any, where: str) -> dict[str, tuple[Any, bool]]:
    """Return the fields; NotRequired is looked for in the evaluated hint, since a postponed one hides it from cls."""
    out = {}
    for name, hint in resolve(cls, where).items():
        marked = str(getattr(hint, "__origin__", "")).endswith(".NotRequired")
        out[name] = (hint, name in cls.__required_keys__ and not marked)
    return out


def _dataclass_fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    import dataclasses

    hints = resolve(cls, cls.__qualname__)
    missing = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(cls)
        if field.init
    }
