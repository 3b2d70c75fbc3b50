"""Type hints as a contract: each hint is compiled once, when the adapter is loaded.

A hint that cannot be checked is an AdapterError then, never a surprise in a
call. The same pass makes the JSON Schema.
"""

from __future__ import annotations

import sys

from ._contract import (
    ANYTHING,
    NAMES,
    NONE,
    SCALARS,
    Contract,
    built,
    is_plain,
    mismatch,
    of_dict,
    of_enum,
    of_fields,
    of_list,
    of_literal,
    of_set,
)
from ._errors import AdapterError, InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._contract import Check, Schema

LISTS = ("Sequence", "Iterable", "Collection", "MutableSequence")
ABSTRACT = "collections.abc."
MAPPINGS = (ABSTRACT + "Mapping", ABSTRACT + "MutableMapping")
SETS = (ABSTRACT + "Set", ABSTRACT + "MutableSet")


class Hints:
    """Hints compiles the hints of one adapter; a class compiles once, and may name itself.

    definitions holds the JSON Schema of each class that was met, by its name.
    """

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self._named: dict[object, tuple[str, list[Check]]] = {}

    def compile(self, hint: Any, where: str) -> Contract:
        """Return the contract for hint, which stands at where in the adapter."""
        typing = sys.modules.get("typing")
        if hint is object or (typing is not None and hint is typing.Any):
            return ANYTHING
        if hint is None:
            hint = NONE
        if isinstance(hint, type) and hint in SCALARS:
            return SCALARS[hint]
        origin = getattr(hint, "__origin__", None)
        if origin is None:
            origin = _union_of(hint) or hint
        if hasattr(hint, "__metadata__"):  # Annotated[T, …]
            from ._bounds import bounded

            return bounded(self.compile(origin, where), hint.__metadata__, where)
        if hasattr(hint, "__supertype__"):  # NewType
            return self.compile(hint.__supertype__, where)
        if type(hint).__name__ == "TypeAliasType":  # type Name = …
            return self._compile_alias(hint, where)
        return self._compile_generic(hint, origin, where)

    def complete(self, schema: Schema) -> Schema:
        """Return a schema with the definitions that it refers to, directly or through others."""
        used: dict[str, Schema] = {}
        waiting = [schema]
        while waiting:
            for name in _references(waiting.pop()):
                if name not in used:
                    used[name] = self.definitions[name]
                    waiting.append(used[name])
        return {**schema, "$defs": used} if used else schema

    def _compile_generic(self, hint: Any, origin: Any, where: str) -> Contract:
        args: tuple[Any, ...] = getattr(hint, "__args__", ())
        name = getattr(origin, "__module__", "") + "." + getattr(origin, "__qualname__", str(origin).rpartition(".")[2])
        if name in ("types.UnionType", "typing.Union"):
            return self._compile_union(args, where)
        if name in ("typing.Required", "typing.NotRequired", "typing.Final"):
            return self.compile(args[0], where)
        if name == "typing.Literal":
            if not all(is_plain(arg) for arg in args):
                raise AdapterError(f"{where}: a Literal of strings, numbers, booleans and None can be checked")
            return of_literal(args)
        if origin is list or name in LIST_NAMES:
            return of_list(self._item(args, where))
        if origin in (set, frozenset) or name in SETS:
            return of_set(self._item(args, where), frozenset if origin is frozenset else set)
        if origin is tuple:
            return self._compile_tuple(args, where)
        if origin is dict or name in MAPPINGS:
            if args and args[0] not in (str, getattr(sys.modules.get("typing"), "Any", str)):
                raise AdapterError(f"{where}: the keys of a JSON object are strings; write dict[str, …]")
            return of_dict(self._item(args[1:], where))
        if isinstance(hint, type):
            return self._compile_class(hint, where)
        raise _unknown(hint, where)

    def _item(self, args: tuple[Any, ...], where: str) -> Contract:
        return self.compile(args[0], where) if args else ANYTHING

    def _compile_union(self, args: tuple[Any, ...], where: str) -> Contract:
        members = [self.compile(arg, where) for arg in args]
        want = " or ".join(dict.fromkeys(text(arg) if arg not in NAMES else NAMES[arg] for arg in args))
        checks = [member.check for member in members]
        if None in checks:
            return ANYTHING
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

        return Contract(check, {"anyOf": [member.schema for member in members]})

    def _compile_tuple(self, args: tuple[Any, ...], where: str) -> Contract:
        if len(args) == 2 and args[1] is Ellipsis:
            args = args[:1]
        elif args == ((),):  # Tuple[()] before 3.11
            args = ()
        elif args:
            return self._compile_items(args, where)
        items = of_list(self._item(args, where))
        return Contract(lambda value, path: tuple(items.check(value, path)), items.schema)  # type: ignore[misc]

    def _compile_items(self, args: tuple[Any, ...], where: str) -> Contract:
        members = [self.compile(arg, where) for arg in args]
        checks = [member.check for member in members]

        def check(value: Any, path: str) -> Any:
            if not isinstance(value, (list, tuple)):
                raise mismatch(value, path, "list")
            if len(value) != len(checks):
                raise InvalidArgument(f"{path}: want {len(checks)} items, got {len(value)}")
            pairs = enumerate(zip(checks, value))
            return tuple(item if check is None else check(item, f"{path}[{i}]") for i, (check, item) in pairs)

        count = len(members)
        schemas = [member.schema for member in members]
        return Contract(check, {"type": "array", "prefixItems": schemas, "minItems": count, "maxItems": count})

    def _compile_class(self, cls: Any, where: str) -> Contract:
        if hasattr(cls, "model_validate"):
            return self._compile_model(cls)
        from ._texts import of_text

        textual = of_text(cls)
        if textual is not None:
            return textual
        enum = sys.modules.get("enum")
        if enum is not None and issubclass(cls, enum.Enum):
            odd = [member.name for member in cls if not is_plain(member.value)]
            if odd:
                raise AdapterError(f"{where}: {text(cls)}.{odd[0]} can never be given: its value is not a JSON scalar")
            return of_enum(cls)
        if hasattr(cls, "__dataclass_fields__"):
            return self._compile_fields(cls, where, _dataclass_fields(cls), lambda fields: cls(**fields))
        if issubclass(cls, dict) and hasattr(cls, "__required_keys__"):
            return self._compile_fields(cls, where, _typed_dict_fields(cls, where), dict)
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):
            return self._compile_named_tuple(cls, where)
        raise _unknown(cls, where)

    def _compile_model(self, cls: Any) -> Contract:
        """Compile a class that validates by itself; pydantic's brings its schema, too."""
        schema: Schema = {}
        if hasattr(cls, "model_json_schema"):
            schema = dict(cls.model_json_schema())
            self.definitions.update(schema.pop("$defs", {}))
        return Contract(lambda value, path: built(cls.model_validate, value, path), schema)

    def _compile_fields(
        self, cls: Any, where: str, fields: dict[str, tuple[Any, bool]], build: Callable[..., Any]
    ) -> Contract:
        """Compile a class with fields {name: (hint, required)}."""

        def make() -> Contract:
            members = {name: self.compile(hint, f"{where}.{name}") for name, (hint, _) in fields.items()}
            rows = {name: (member.check, fields[name][1]) for name, member in members.items()}
            return Contract(of_fields(rows, text(cls), build), schema_of_fields(members, fields))

        return self._once(cls, make)

    def _compile_named_tuple(self, cls: Any, where: str) -> Contract:
        """Compile a NamedTuple: its list, which results are written as, or an object."""

        def make() -> Contract:
            hints = resolve(cls, where)
            fields = {name: (hints.get(name, object), name not in cls._field_defaults) for name in cls._fields}
            members = {name: self.compile(hint, f"{where}.{name}") for name, (hint, _) in fields.items()}
            rows = {name: (member.check, fields[name][1]) for name, member in members.items()}
            by_name = of_fields(rows, text(cls), lambda values: cls(**values))

            def check(value: Any, path: str) -> Any:
                if type(value) is not list:
                    return by_name(value, path)
                if len(value) > len(fields):
                    raise InvalidArgument(f"{path}: want {len(fields)} items, got {len(value)}")
                return by_name(dict(zip(fields, value)), path)

            listed = {
                "type": "array",
                "prefixItems": [member.schema for member in members.values()],
                "minItems": sum(needed for _, needed in fields.values()),
                "maxItems": len(fields),
            }
            return Contract(check, {"anyOf": [listed, schema_of_fields(members, fields)]})

        return self._once(cls, make)

    def _compile_alias(self, hint: Any, where: str) -> Contract:
        return self._once(hint, lambda: self.compile(hint.__value__, where))

    def _once(self, named: Any, make: Callable[[], Contract]) -> Contract:
        """Compile what has a name, once; it may name itself inside."""
        if named not in self._named:
            name = base = getattr(named, "__qualname__", named.__name__).rpartition("<locals>.")[2]
            number = 1
            while name in self.definitions:
                number += 1
                name = f"{base}_{number}"
            holder: list[Check] = []
            self.definitions[name] = {}
            self._named[named] = name, holder
            try:
                contract = make()
            except AdapterError:
                del self._named[named], self.definitions[name]
                raise
            holder.append(contract.check)
            self.definitions[name] = contract.schema
        name, holder = self._named[named]
        reference = {"$ref": f"#/$defs/{name}"}
        if holder:
            return Contract(holder[0], reference)

        def check(value: Any, path: str) -> Any:  # it is being compiled further up
            later = holder[0]
            return value if later is None else later(value, path)

        return Contract(check, reference)


def _references(schema: Any) -> list[str]:
    """Return the names of the definitions that a schema mentions."""
    if isinstance(schema, dict):
        found = [name for value in schema.values() for name in _references(value)]
        target = schema.get("$ref")
        return [*found, target[len("#/$defs/") :]] if isinstance(target, str) else found
    if isinstance(schema, list):
        return [name for value in schema for name in _references(value)]
    return []


def schema_of_fields(members: dict[str, Contract], fields: dict[str, tuple[Any, bool]]) -> Schema:
    """Return the schema of an object with these fields, {name: (anything, required)}, and no others."""
    schema: Schema = {"type": "object", "properties": {name: member.schema for name, member in members.items()}}
    required = [name for name, (_, needed) in fields.items() if needed]
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


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


LIST_NAMES = tuple(ABSTRACT + name for name in LISTS)
PLAIN = {*SCALARS, list, dict, tuple, set, frozenset, bytes, object}


def _needs_evaluation(hint: object) -> bool:
    """Whether a hint is or may contain a string; plain classes do without typing's import."""
    return not (hint is None or (isinstance(hint, type) and hint in PLAIN))


def _union_of(hint: Any) -> Any:
    return type(hint) if type(hint).__name__ in ("UnionType", "Union") else None


def _unknown(hint: Any, where: str) -> AdapterError:
    known = (
        "bool, int, float, str, bytes, list, dict, tuple, set, Optional, Union, Literal, Enum, dataclass, TypedDict, "
        "NamedTuple, datetime, UUID, Path, Decimal, Any, or a class with model_validate"
    )
    return AdapterError(f"{where}: cannot check values of type {text(hint)}; use one of {known}")


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
