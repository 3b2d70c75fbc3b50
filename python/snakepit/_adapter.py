"""Loading an adapter: from what the configuration names to a table of commands."""

from __future__ import annotations

import sys
from os.path import abspath, basename, dirname, exists, join

from ._command import COMMAND_MARK, INIT_MARK
from ._context import Context
from ._errors import AdapterError, UnknownCommand
from ._hints import Hints
from ._signature import Signature, unwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200


class Command:
    """Command is one operation an adapter offers."""

    __slots__ = ("doc", "handler", "idempotent", "is_async", "name", "signature", "timeout_ms")

    def __init__(self, name: str, handler: Callable[..., Any], mark: dict[str, Any], hints: Hints) -> None:
        code = getattr(unwrap(handler), "__code__", None)
        flags = code.co_flags if code is not None else 0
        if flags & (GENERATOR | ASYNC_GENERATOR):
            raise AdapterError(f"command {name}: it is a generator, and commands that yield are not supported")
        self.name = name
        self.handler = handler
        self.is_async = bool(flags & COROUTINE)
        self.signature = Signature(name, handler, hints)
        self.timeout_ms = mark["timeout_ms"]
        self.idempotent = mark["idempotent"]
        self.doc = " ".join((handler.__doc__ or "").strip().partition("\n\n")[0].split())

    def row(self) -> dict[str, Any]:
        """Return the command's line of the table that the supervisor gets."""
        return {
            "name": self.name,
            "signature": self.signature.text,
            "doc": self.doc[:400],
            "timeout_ms": self.timeout_ms,
            "idempotent": self.idempotent,
            "schema": self.signature.schema,
        }


class Adapter:
    """Adapter is a loaded module or class instance: its commands by name, and its state once started."""

    def __init__(self, reference: str, target: Any, config: dict[str, Any], worker_id: str = "") -> None:
        hints = Hints()
        self.reference = reference
        self.config = config
        self.worker_id = worker_id
        self.state: Any = None
        self.commands: dict[str, Command] = {}
        self._inits = []
        for function in _members(target):
            if getattr(function, INIT_MARK, False):
                self._inits.append(function)
            mark = getattr(function, COMMAND_MARK, None)
            if mark is not None:
                name = mark["name"] or function.__name__
                if name in self.commands:
                    raise AdapterError(f"adapter {reference} has two commands named {name}")
                self.commands[name] = Command(name, function, mark, hints)
        if not self.commands:
            raise AdapterError(f"adapter {reference} has no commands: {_advice(reference, target)}")
        if len(self._inits) > 1:
            names = ", ".join(f.__name__ for f in self._inits)
            raise AdapterError(f"adapter {reference} has more than one @init: {names}")

    def start(self) -> None:
        """Run the adapter's @init; what it raises is the caller's."""
        for function in self._inits:
            code = unwrap(plain(function, "init")).__code__
            takes = code.co_argcount - (getattr(function, "__self__", None) is not None)
            context = Context(self.config, worker_id=self.worker_id)
            self.state = function(context) if takes else function()

    def command(self, name: str) -> Command:
        """Return the command, or raise UnknownCommand that names the closest."""
        try:
            return self.commands[name]
        except KeyError:
            pass
        from difflib import get_close_matches

        close = get_close_matches(name, self.commands, n=1)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise UnknownCommand(f"there is no command {name!r}.{meant} Available: {', '.join(sorted(self.commands))}")

    def table(self, limit: int = 48 << 10) -> list[dict[str, Any]]:
        """Return the rows of all commands; schemas, then docs, are left out when the rows would exceed limit bytes."""
        rows = [command.row() for command in self.commands.values()]
        for member in ("schema", "doc"):
            if sum(len(repr(row)) for row in rows) > limit:
                for row in rows:
                    del row[member]
        if sum(len(repr(row)) for row in rows) > limit:
            raise AdapterError(f"adapter {self.reference} has {len(rows)} commands, which is too many to announce")
        return rows


def load(reference: str, root: str, config: dict[str, Any], worker_id: str = "") -> Adapter:
    """Import the adapter that reference names and return it, not started yet.

    reference is "./file.py", "./file.py:Name", "pkg.mod" or "pkg.mod:Name"; a file
    is found below root. An exception of the adapter's own code passes through.
    """
    source, _, name = reference.partition(":")
    module = import_source(reference, root)
    target: Any = module
    for part in filter(None, name.split(".")):
        try:
            target = getattr(target, part)
        except AttributeError:
            found = ", ".join(_classes(module)) or "none"
            raise AdapterError(f"adapter {reference}: {source} has no {name}; classes with commands: {found}") from None
    if isinstance(target, type):
        target = target()
    return Adapter(reference, target, config, worker_id)


def import_source(reference: str, root: str) -> Any:
    """Return the module of a reference; one that is loaded already is not loaded again."""
    source = reference.partition(":")[0]
    return _import_file(source, root) if source.endswith(".py") else _import_module(source)


def plain(function: Callable[..., Any], mark: str) -> Callable[..., Any]:
    """Return the function, or raise AdapterError when calling it would not run it."""
    code = getattr(unwrap(function), "__code__", None)
    if code is not None and code.co_flags & (GENERATOR | COROUTINE | ASYNC_GENERATOR):
        raise AdapterError(f"@{mark} {function.__name__}: it must be a plain function")
    return function


def _import_module(name: str) -> Any:
    __import__(name)
    return sys.modules[name]


def _import_file(source: str, root: str) -> Any:
    """Import a file under its stem, as `import stem` beside it would.

    importlib.util has a function for this, and costs more to import than the
    worker's own modules together; the parts it uses are in the interpreter already.
    """
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import SourceFileLoader

    path = abspath(join(root, source))
    if not exists(path):
        raise AdapterError(f"adapter {source}: there is no file {path}")
    stem = basename(path)[: -len(".py")]
    loaded = sys.modules.get(stem)
    if loaded is not None and getattr(loaded, "__file__", None) == path:
        return loaded
    if loaded is not None:
        raise AdapterError(f"adapter {source}: a module named {stem} is already loaded; rename the file")
    if dirname(path) not in sys.path:
        sys.path.insert(0, dirname(path))
    loader = SourceFileLoader(stem, path)
    module = type(sys)(stem)
    module.__file__ = path
    module.__loader__ = loader
    module.__spec__ = ModuleSpec(stem, loader, origin=path)
    module.__spec__.has_location = True
    module.__package__ = ""
    sys.modules[stem] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[stem]
        raise
    return module


def _members(target: Any) -> Iterator[Any]:
    """Yield the functions of a module, or the bound methods of an object, as they are defined."""
    if isinstance(target, type(sys)):
        yield from (value for value in vars(target).values() if callable(value) and not isinstance(value, type))
        return
    seen = {}
    for cls in reversed(type(target).__mro__):
        seen.update(dict.fromkeys(vars(cls)))
    for name in seen:
        raw = next(vars(cls)[name] for cls in type(target).__mro__ if name in vars(cls))
        if callable(raw) or isinstance(raw, (staticmethod, classmethod)):
            yield getattr(target, name)


def _classes(module: Any) -> list[str]:
    """Return the names of the classes of a module that have commands."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and any(hasattr(unwrap(m), COMMAND_MARK) for m in vars(value).values())
    ]


def _advice(reference: str, target: Any) -> str:
    found = _classes(target) if isinstance(target, type(sys)) else []
    if found:
        return f'name its class, "{reference}:{found[0]}"'
    return "put @snakepit.command above a function"
