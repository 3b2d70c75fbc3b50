"""How the arguments of a call become the arguments of a handler.

The parameters are read from the code object by hand: inspect would double the
time a worker takes to start.
"""

from __future__ import annotations

from . import _hints
from ._context import Context
from ._contract import ANYTHING, is_plain, kind
from ._errors import AdapterError, InvalidArgument
from ._hooks import unwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._contract import Contract, Schema

VARARGS, VARKEYWORDS = 4, 8
# A decorator that wants the context for itself puts the keyword for it here, on what it returns.
CONTEXT_MARK = "__snakepit_context_keyword__"


class Signature:
    """Signature binds decoded arguments to one handler and checks them against its hints.

    text is what a person reads: `(name: str, tone: str = 'plain') -> str`; schema
    holds the JSON Schema of the arguments and, where its hint has one, of the result. The
    context is not part of it; it is passed if wants_context, which says that the
    handler has a parameter for it.
    """

    __slots__ = (
        "_allowed",
        "_checks",
        "_context",
        "_defaults",
        "_extra",
        "_extra_check",
        "_keyword_check",
        "_keyword_extra",
        "_name",
        "_needed",
        "_placed",
        "_positional",
        "_required",
        "schema",
        "text",
        "wants_context",
    )

    def __init__(self, name: str, function: Callable[..., Any], hints: _hints.Hints) -> None:
        inner = unwrap(function)
        code = getattr(inner, "__code__", None)
        if code is None:
            raise AdapterError(f"command {name}: it is not a Python function, so its arguments cannot be read")
        bound = 0 if getattr(function, "__self__", None) is None else 1
        end = code.co_argcount + code.co_kwonlyargcount
        names = code.co_varnames[bound:end]
        stars = list(code.co_varnames[end:])
        self._name = name
        self._extra = stars.pop(0) if code.co_flags & VARARGS else ""
        self._keyword_extra = stars.pop(0) if code.co_flags & VARKEYWORDS else ""
        self._positional = code.co_varnames[bound : code.co_argcount]
        self._placed = bool(self._extra) or code.co_posonlyargcount > bound
        self._defaults = _defaults(inner, code)
        annotations = _hints.resolve(inner, f"command {name}")
        self._context = getattr(function, CONTEXT_MARK, "") or _context_parameter(names, annotations)
        self._allowed = frozenset(names) - {self._context}
        self.wants_context = bool(self._context)
        self._required = self._allowed - self._defaults.keys()
        self._needed = len(self._required)
        contracts = {
            parameter: hints.compile(annotations[parameter], f"command {name}: {parameter}")
            if parameter in annotations
            else ANYTHING
            for parameter in (*names, self._extra, self._keyword_extra)
            if parameter != self._context
        }
        contracts.pop("", None)
        self.schema = self._schema(contracts, hints, annotations)
        checks = {parameter: contract.check for parameter, contract in contracts.items()}
        self._extra_check = checks.pop(self._extra, None)
        self._keyword_check = checks.pop(self._keyword_extra, None)
        self._checks = tuple((parameter, check) for parameter, check in checks.items() if check is not None)
        self.text = self._describe(names, annotations)

    def bind(self, arguments: Any, context: Context | None) -> tuple[Any, dict[str, Any]]:
        """Return what to call the handler with; InvalidArgument says what does not fit, and how the command is called.

        arguments is a decoded body: an object, a list, or None for no arguments.
        """
        extra: list[Any] = []
        try:
            if arguments is None:
                arguments = {}
            elif type(arguments) is list:
                arguments, extra = self._named(arguments)
            elif type(arguments) is not dict:
                raise InvalidArgument(
                    f"the arguments of {self._name} are a JSON object or a list, not a {kind(arguments)}"
                )
            if arguments.keys() != self._allowed:
                self._count(arguments)
            for name, check in self._checks:
                if name in arguments:
                    arguments[name] = check(arguments[name], name)
            if self.wants_context:
                arguments[self._context] = context
            if self._placed:
                return self._place(arguments, extra)
            return extra, arguments
        except InvalidArgument as err:
            raise InvalidArgument(f"{err}: {self._name}{self.text}") from None

    def _named(self, values: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        """Give positional values the names of their parameters; return what is left over, too."""
        names = [name for name in self._positional if name != self._context]
        extra = values[len(names) :]
        if extra and not self._extra:
            raise InvalidArgument(f"{self._name} takes at most {len(names)} positional arguments, got {len(values)}")
        return dict(zip(names, values)), extra

    def _count(self, arguments: dict[str, Any]) -> None:
        """Look whether all that is needed is there and nothing else, where not everything is."""
        admitted = 0
        for name in arguments:
            if name in self._required:
                admitted += 1
            elif name not in self._allowed:
                admitted = -1
                break
        if admitted != self._needed:
            self._admit(arguments)

    def _admit(self, arguments: dict[str, Any]) -> None:
        """Refuse missing and unexpected arguments; check those that a ** parameter takes."""
        missing = sorted(self._required - arguments.keys())
        if missing:
            raise InvalidArgument(f"missing {_listed(missing)}")
        unexpected = sorted(arguments.keys() - self._allowed)
        if self._context in unexpected or not self._keyword_extra:
            raise InvalidArgument(f"unexpected {_listed(unexpected)}")
        if self._keyword_check is not None:
            for name in unexpected:
                arguments[name] = self._keyword_check(arguments[name], name)

    def _place(self, arguments: dict[str, Any], extra: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Move what has a position out of arguments; a parameter left out takes its default."""
        placed = [arguments.pop(name) if name in arguments else self._defaults.get(name) for name in self._positional]
        if self._extra_check is not None:
            extra = [self._extra_check(value, f"{self._extra}[{i}]") for i, value in enumerate(extra)]
        return placed + extra, arguments

    def _schema(self, contracts: dict[str, Contract], hints: _hints.Hints, annotations: dict[str, Any]) -> Schema:
        """Return the JSON Schema of the arguments by name, and of the result where its hint has one."""
        named = {name: contract for name, contract in contracts.items() if name in self._allowed}
        arguments = _hints.schema_of_fields(named, {name: (None, name in self._required) for name in named})
        for name in named.keys() & self._defaults.keys():
            if is_plain(self._defaults[name]):
                arguments["properties"][name] = {**named[name].schema, "default": self._defaults[name]}
        if self._keyword_extra:
            arguments["additionalProperties"] = contracts[self._keyword_extra].schema
        schema: Schema = {"arguments": hints.complete(arguments)}
        if "return" in annotations:
            try:
                schema["result"] = hints.complete(hints.compile(annotations["return"], f"command {self._name}").schema)
            except AdapterError:
                pass  # a result is not checked, so its hint may be anything
        return schema

    def _describe(self, names: tuple[str, ...], annotations: dict[str, Any]) -> str:
        parts = [self._show(name, annotations) for name in names if name != self._context]
        positional = sum(name != self._context for name in self._positional)
        if self._extra:
            parts.insert(positional, "*" + self._show(self._extra, annotations))
        elif positional < len(parts):
            parts.insert(positional, "*")
        if self._keyword_extra:
            parts.append("**" + self._show(self._keyword_extra, annotations))
        result = f" -> {_hints.text(annotations['return'])}" if "return" in annotations else ""
        return f"({', '.join(parts)}){result}"

    def _show(self, name: str, annotations: dict[str, Any]) -> str:
        shown = name
        if name in annotations:
            shown += f": {_hints.text(annotations[name])}"
        if name in self._defaults:
            shown += f" = {self._defaults[name]!r:.40}" if name in annotations else f"={self._defaults[name]!r:.40}"
        return shown


def _defaults(function: Any, code: Any) -> dict[str, Any]:
    values = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    return {**dict(zip(positional[len(positional) - len(values) :], values)), **(function.__kwdefaults__ or {})}


def _context_parameter(names: tuple[str, ...], annotations: dict[str, Any]) -> str:
    """Return the name of the parameter that takes the context, or nothing."""
    for name in names:
        if annotations.get(name) is Context:
            return name
    return "ctx" if "ctx" in names and "ctx" not in annotations else ""


def _listed(names: list[str]) -> str:
    plural = "s" if len(names) > 1 else ""
    return f"argument{plural} {', '.join(names)}"
