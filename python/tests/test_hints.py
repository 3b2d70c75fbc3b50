"""Typed arguments: what fits, what does not, and where it says so."""

from __future__ import annotations

import sys
import types
import typing
import unittest
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from datetime import time as clock
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import (
    Any,
    Dict,
    FrozenSet,
    List,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypedDict,
    Union,
)
from uuid import UUID

from snakepit import AdapterError, Context, InvalidArgument, command
from snakepit._adapter import Adapter
from snakepit._hints import Hints

if sys.version_info >= (3, 11):
    from typing import Annotated, NotRequired
else:
    from typing import Annotated

UserId = NewType("UserId", int)


class Color(Enum):
    RED = "red"
    ONE = 1


@dataclass
class Box:
    w: int
    h: float = 1.0
    tags: List[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.w < 0:
            raise ValueError("w is negative")


@dataclass
class Node:
    name: str
    children: List[Node] = field(default_factory=list)


class Point(TypedDict):
    x: int
    y: float


class Model:
    """Stands for a pydantic model: all that is asked of one is model_validate."""

    def __init__(self, value: Any) -> None:
        self.value = value

    @classmethod
    def model_validate(cls, value: Any) -> Model:
        if value != "good":
            raise ValueError("not good")
        return cls(value)


class Pair(NamedTuple):
    name: str
    share: float = 0.5


class Bound:
    """Stands for annotated_types' classes: attributes of their names are all that counts."""

    def __init__(self, **bounds: float) -> None:
        vars(self).update(bounds)


FITS: list[tuple[Any, Any, Any]] = [
    (Any, [1], [1]),
    (object, None, None),
    (int, 3, 3),
    (float, 2, 2.0),
    (float, 2.5, 2.5),
    (str, "x", "x"),
    (bool, True, True),
    (None, None, None),
    (list, [1, "a"], [1, "a"]),
    (List[int], [1, 2], [1, 2]),
    (list[float], [1], [1.0]),
    (Sequence[str], ["a"], ["a"]),
    (dict, {"a": 1}, {"a": 1}),
    (Dict[str, int], {"a": 1}, {"a": 1}),
    (dict[str, Any], {"a": [1]}, {"a": [1]}),
    (tuple, [1, "a"], (1, "a")),
    (Tuple[int, str], [1, "a"], (1, "a")),
    (Tuple[int, ...], [1, 2, 3], (1, 2, 3)),
    (Optional[int], None, None),
    (Optional[int], 4, 4),
    (Union[int, str], "x", "x"),
    (Union[float, List[int]], [1], [1]),
    (Union[str, float], 1, 1.0),
    (Literal["a", 1], 1, 1),
    (Color, "red", Color.RED),
    (Color, 1, Color.ONE),
    (Box, {"w": 1}, Box(1, 1.0, [])),
    (Box, {"w": 1, "h": 2, "tags": ["a"]}, Box(1, 2.0, ["a"])),
    (Node, {"name": "a", "children": [{"name": "b"}]}, Node("a", [Node("b")])),
    (Point, {"x": 1, "y": 2}, {"x": 1, "y": 2.0}),
    (Annotated[int, "metres"], 5, 5),
    (UserId, 5, 5),
    (bytes, "aGk=", b"hi"),
    (bytearray, "", bytearray()),
    (set, [1, "a"], {1, "a"}),
    (Set[int], [1, 2], {1, 2}),
    (FrozenSet[str], ["a"], frozenset("a")),
    (Pair, ["a", 2], Pair("a", 2.0)),
    (Pair, ["a"], Pair("a", 0.5)),
    (Pair, {"name": "a", "share": 1}, Pair("a", 1.0)),
    (datetime, "2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=timezone.utc)),
    (date, "2024-02-29", date(2024, 2, 29)),
    (clock, "12:30:00", clock(12, 30)),
    (UUID, "12345678-1234-5678-1234-567812345678", UUID(int=0x12345678123456781234567812345678)),
    (Decimal, "1.10", Decimal("1.10")),
    (Decimal, 1.1, Decimal("1.1")),
    (Decimal, 3, Decimal(3)),
    (Optional[date], None, None),
    (Annotated[int, Bound(ge=1, le=3)], 3, 3),
]

REFUSED: list[tuple[Any, Any, str]] = [
    (int, "x", "v: want integer, got string"),
    (int, True, "v: want integer, got boolean"),
    (int, 1.0, "v: want integer, got number"),
    (int, None, "v: want integer, got null"),
    (float, "1", "v: want number, got string"),
    (float, False, "v: want number, got boolean"),
    (float, 10**400, "v: the integer is too large for a number"),
    (str, 1, "v: want string, got integer"),
    (str, {}, "v: want string, got object"),
    (bool, 0, "v: want boolean, got integer"),
    (list, {}, "v: want list, got object"),
    (List[int], [1, "x"], "v[1]: want integer, got string"),
    (Dict[str, int], {"a": "x"}, "v.a: want integer, got string"),
    (Tuple[int, str], [1], "v: want 2 items, got 1"),
    (Tuple[int, str], [1, 2], "v[1]: want string, got integer"),
    (Tuple[int, ...], "ab", "v: want list, got string"),
    (Optional[int], "x", "v: want integer or null, got string"),
    (Union[int, Box], "x", "v: want integer or Box, got string"),
    (Union[int, Box], {"w": "x"}, "v.w: want integer, got string"),
    (Literal["a", 1], True, "v: want 'a' or 1, got True"),
    (Color, "blue", "v: want 'red' or 1, got 'blue'"),
    (Color, True, "v: want 'red' or 1, got True"),
    (Box, [], "v: want object, got list"),
    (Box, {}, "v.w: missing"),
    (Box, {"w": "x"}, "v.w: want integer, got string"),
    (Box, {"w": 1, "tags": [1]}, "v.tags[0]: want string, got integer"),
    (Box, {"w": 1, "d": 1}, "v.d: unknown; Box has w, h, tags"),
    (Box, {"w": -1}, "v: w is negative"),
    (Node, {"name": "a", "children": [{}]}, "v.children[0].name: missing"),
    (Point, {"x": 1}, "v.y: missing"),
    (Model, "bad", "v: not good"),
    (bytes, "a", "v: want base64, got 'a'"),
    (bytes, "a~==", "v: want base64, got 'a~=='"),
    (bytes, 3, "v: want base64, got integer"),
    (Set[int], [1, 1, 2], "v: want each item once, got 1 repeated"),
    (Set[int], [1, "x"], "v[1]: want integer, got string"),
    (set, [[]], "v: unhashable type: 'list'"),
    (Pair, [], "v.name: missing"),
    (Pair, ["a", "b"], "v.share: want number, got string"),
    (Pair, ["a", 1, 2], "v: want 2 items, got 3"),
    (datetime, "yesterday", "v: want an ISO 8601 date-time, got 'yesterday'"),
    (datetime, "", "v: want an ISO 8601 date-time, got ''"),
    (date, 20240229, "v: want an ISO 8601 date, got integer"),
    (UUID, "x", "v: want a UUID, got 'x'"),
    (Path, "a\0b", "v: want a path, got 'a\\x00b'"),
    (Decimal, "NaN", "v: want a decimal number, got 'NaN'"),
    (Decimal, True, "v: want a decimal number, got boolean"),
    (Annotated[int, Bound(ge=1, le=3)], 4, "v: want at most 3, got 4"),
    (Annotated[int, Bound(ge=1, le=3)], "x", "v: want integer, got string"),
    (Annotated[str, Bound(min_length=1)], "", "v: want a length of at least 1, got ''"),
    (List[Annotated[float, Bound(gt=0)]], [1.0, 0], "v[1]: want more than 0, got 0.0"),
]


class CheckTest(unittest.TestCase):
    def check(self, hint: Any, value: Any) -> Any:
        check = Hints().compile(hint, "command f: v").check
        return value if check is None else check(value, "v")

    def test_fits(self) -> None:
        for hint, value, want in FITS:
            with self.subTest(hint=hint, value=value):
                got = self.check(hint, value)
                self.assertEqual(got, want)
                self.assertIs(type(got), type(want))

    def test_refused(self) -> None:
        for hint, value, message in REFUSED:
            with self.subTest(hint=hint, value=value), self.assertRaises(InvalidArgument) as caught:
                self.check(hint, value)
            self.assertEqual(str(caught.exception), message)

    def test_models_build_themselves(self) -> None:
        self.assertEqual(self.check(Model, "good").value, "good")

    def test_unknown_hints_are_refused_by_name(self) -> None:
        for hint, name in ((complex, "complex"), (types.ModuleType, "module"), (range, "range")):
            with (
                self.subTest(hint=hint),
                self.assertRaisesRegex(AdapterError, f"command f: v: cannot check .* {name};"),
            ):
                Hints().compile(hint, "command f: v")
        with self.assertRaisesRegex(AdapterError, "keys of a JSON object are strings"):
            Hints().compile(Dict[int, str], "command f: v")
        with self.assertRaisesRegex(AdapterError, "cannot check"):
            Hints().compile(typing.Callable[[], int], "command f: v")

    def test_paths(self) -> None:
        self.assertEqual(self.check(Path, "a/b"), Path("a/b"))

    def test_enums_and_literals_that_no_json_can_name(self) -> None:
        Odd = Enum("Odd", {"PAIR": (1, 2)})
        with self.assertRaisesRegex(AdapterError, "command f: v: Odd.PAIR can never be given"):
            Hints().compile(Odd, "command f: v")
        with self.assertRaisesRegex(AdapterError, "command f: v: a Literal of strings"):
            Hints().compile(Literal[b"x"], "command f: v")

    @unittest.skipIf(sys.version_info < (3, 12), "type X = … needs 3.12")
    def test_aliases_may_name_themselves(self) -> None:
        scope: dict[str, Any] = {}
        exec("type Tree = dict[str, Tree] | int", scope)
        hints = Hints()
        contract = hints.compile(scope["Tree"], "command f: v")
        assert contract.check is not None
        self.assertEqual(contract.check({"a": {"b": 1}}, "v"), {"a": {"b": 1}})
        with self.assertRaisesRegex(InvalidArgument, r"v\.a\.b: want"):
            contract.check({"a": {"b": "x"}}, "v")
        self.assertEqual(
            hints.complete(contract.schema)["$defs"]["Tree"]["anyOf"][0],
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/Tree"}},
        )

    @unittest.skipIf(sys.version_info < (3, 10), "X | Y needs 3.10")
    def test_new_unions(self) -> None:
        self.assertEqual(self.check(eval("int | None"), None), None)
        with self.assertRaisesRegex(InvalidArgument, "v: want integer or string, got list"):
            self.check(eval("int | str"), [])

    @unittest.skipIf(sys.version_info < (3, 11), "NotRequired needs 3.11")
    def test_fields_that_are_not_required(self) -> None:
        Named = TypedDict("Named", {"x": int, "name": NotRequired[str]})  # noqa: UP013
        self.assertEqual(self.check(Named, {"x": 1}), {"x": 1})
        with self.assertRaisesRegex(InvalidArgument, "v.name: want string, got integer"):
            self.check(Named, {"x": 1, "name": 1})


def adapter(*functions: Any) -> Adapter:
    """Return the adapter whose commands are these functions."""
    module = types.ModuleType("adapter")
    for function in functions:
        setattr(module, function.__name__, command(function))
    return Adapter("adapter", module, {})


def plain(a, b=2, *, c=3):  # type: ignore[no-untyped-def]
    return [a, b, c]


def placed(a: int, /, b: float = 0.5, *rest: str, last: bool = False):  # type: ignore[no-untyped-def]
    return [a, b, list(rest), last]


def open_ended(a: str, **more: int):  # type: ignore[no-untyped-def]
    return {"a": a, **more}


def with_context(n: int, context: Context, ctx: str = "mine") -> List[Any]:
    return [n, context, ctx]


def context_first(ctx, n=1):  # type: ignore[no-untyped-def]
    return [ctx, n]


BINDS: list[tuple[Any, Any, Any]] = [
    (plain, {"a": 1}, [1, 2, 3]),
    (plain, {"a": 1, "c": 5, "b": 0}, [1, 0, 5]),
    (plain, [1], [1, 2, 3]),
    (plain, [1, 4], [1, 4, 3]),
    (placed, [1], [1, 0.5, [], False]),
    (placed, [1, 2, "x", "y"], [1, 2.0, ["x", "y"], False]),
    (placed, {"a": 1, "last": True}, [1, 0.5, [], True]),
    (open_ended, {"a": "x", "n": 1}, {"a": "x", "n": 1}),
    (open_ended, ["x"], {"a": "x"}),
    (with_context, {"n": 1}, [1, "context", "mine"]),
    (with_context, [1, "yours"], [1, "context", "yours"]),
    (context_first, None, ["context", 1]),
    (context_first, [2], ["context", 2]),
]

UNBOUND: list[tuple[Any, Any, str]] = [
    (plain, None, "missing argument a: plain(a, b=2, *, c=3)"),
    (plain, {"a": 1, "d": 1, "e": 2}, "unexpected arguments d, e: plain(a, b=2, *, c=3)"),
    (plain, [1, 2, 3], "plain takes at most 2 positional arguments, got 3: plain(a, b=2, *, c=3)"),
    (plain, "x", "the arguments of plain are a JSON object or a list, not a string: plain(a, b=2, *, c=3)"),
    (placed, {"b": 1}, "missing argument a: placed(a: int, b: float = 0.5, *rest: str, last: bool = False)"),
    (
        placed,
        [1, 2, "x", 3],
        "rest[1]: want string, got integer: placed(a: int, b: float = 0.5, *rest: str, last: bool = False)",
    ),
    (open_ended, {"a": "x", "n": "y"}, "n: want integer, got string: open_ended(a: str, **more: int)"),
    (
        with_context,
        {"n": 1, "context": 1},
        "unexpected argument context: with_context(n: int, ctx: str = 'mine') -> List[Any]",
    ),
    (context_first, {"ctx": 1}, "unexpected argument ctx: context_first(n=1)"),
]


class BindTest(unittest.TestCase):
    def bind(self, function: Any, arguments: Any) -> Any:
        offered = adapter(function).commands[function.__name__]
        context: Any = "context" if offered.signature.wants_context else None
        args, kwargs = offered.signature.bind(arguments, context)
        return offered.handler(*args, **kwargs)

    def test_binds(self) -> None:
        for function, arguments, want in BINDS:
            with self.subTest(function=function.__name__, arguments=arguments):
                self.assertEqual(self.bind(function, arguments), want)

    def test_does_not_bind(self) -> None:
        for function, arguments, message in UNBOUND:
            with self.subTest(function=function.__name__, arguments=arguments):
                with self.assertRaises(InvalidArgument) as caught:
                    self.bind(function, arguments)
                self.assertEqual(str(caught.exception), message)

    @unittest.skipIf(sys.version_info >= (3, 10), "the advice is for 3.9")
    def test_unions_on_3_9_get_advice(self) -> None:
        def modern(n: int | None = None) -> None:
            return None

        with self.assertRaisesRegex(AdapterError, r"write Optional\[int\] for"):
            adapter(modern)

    def test_hints_that_cannot_be_evaluated(self) -> None:
        def f(n: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821
            return None

        with self.assertRaisesRegex(AdapterError, "command f: cannot evaluate the hints.*Missing"):
            adapter(f)


SCHEMAS: list[tuple[Any, Any]] = [
    (int, {"type": "integer"}),
    (Any, {}),
    (Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    (List[float], {"type": "array", "items": {"type": "number"}}),
    (Set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
    (Dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    (
        Tuple[int, str],
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
    ),
    (Literal["a", 1], {"enum": ["a", 1]}),
    (Color, {"enum": ["red", 1]}),
    (datetime, {"type": "string", "format": "date-time"}),
    (bytes, {"type": "string", "contentEncoding": "base64"}),
    (Model, {}),
    (Annotated[int, "metres", Bound(ge=0)], {"type": "integer", "description": "metres", "minimum": 0}),
    (
        Node,
        {
            "$ref": "#/$defs/Node",
            "$defs": {
                "Node": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                    },
                    "required": ["name"],
                    "additionalProperties": False,
                }
            },
        },
    ),
]


class SchemaTest(unittest.TestCase):
    def test_hints(self) -> None:
        for hint, want in SCHEMAS:
            with self.subTest(hint=hint):
                hints = Hints()
                self.assertEqual(hints.complete(hints.compile(hint, "v").schema), want)

    def test_a_command_brings_what_it_refers_to(self) -> None:
        def draw(box: Box, ctx: Context, name: str = "x", odd: Any = float("inf")) -> Color:
            return Color.RED

        def other(n: int) -> types.ModuleType:
            return types

        table = {row["name"]: row["schema"] for row in adapter(draw, other).table()}
        arguments = table["draw"]["arguments"]
        self.assertEqual(arguments["properties"]["name"], {"type": "string", "default": "x"})
        self.assertEqual(arguments["properties"]["odd"], {})
        self.assertEqual((arguments["required"], list(arguments["$defs"])), (["box"], ["Box"]))
        self.assertEqual(table["draw"]["result"], {"enum": ["red", 1]})
        self.assertNotIn("result", table["other"])

    def test_two_classes_of_one_name(self) -> None:
        def make() -> Any:
            @dataclass
            class Box:
                n: int

            return Box

        hints = Hints()
        first, second = (hints.compile(make(), "v").schema["$ref"] for _ in range(2))
        self.assertNotEqual(first, second)


if __name__ == "__main__":
    unittest.main()
