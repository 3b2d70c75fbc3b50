"""Loading an adapter: from what the configuration names to a table of commands."""

from __future__ import annotations

import sys
from _thread import allocate_lock
from os.path import abspath, basename, dirname, exists, join

from ._command import COMMAND_MARK
from ._context import Context
from ._errors import AdapterError, UnknownCommand
from ._hints import Hints
from ._hooks import ASYNC_GENERATOR, COROUTINE, GENERATOR, Hooks, unwrap
from ._signature import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable


class Command:
    """Command is one operation an adapter offers."""

    __slots__ = (
        "bind",
        "doc",
        "handler",
        "idempotent",
        "interrupt",
        "is_async",
        "is_plain",
        "markers",
        "name",
        "signature",
        "timeout_ms",
        "turn",
        "wants_context",
    )

    def __init__(self, name: str, handler: Callable[..., Any], mark: dict[str, Any], hints: Hints) -> None:
        code = getattr(unwrap(handler), "__code__", None)
        flags = code.co_flags if code is not None else 0
        if flags & (GENERATOR | ASYNC_GENERATOR):
            raise AdapterError(f"command {name}: it is a generator, and commands that yield are not supported")
        self.name = name
        self.handler = handler
        self.is_async = bool(flags & COROUTINE)
        self.signature = Signature(name, handler, hints)
        self.bind = self.signature.bind
        self.wants_context = self.signature.wants_context
        self.timeout_ms = mark["timeout_ms"]
        self.idempotent = mark["idempotent"]
        self.markers = mark["markers"]
        self.interrupt = mark["interrupt"] and not self.is_async  # a coroutine can be cancelled anyway
        if self.interrupt:
            from ._interrupt import prepare

            prepare(name)
        self.turn = allocate_lock() if mark["serial"] else None
        self.is_plain = not (self.is_async or self.interrupt or self.turn)
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
        self.hooks = Hooks(reference)
        for function in _members(target):
            self.hooks.take(function)
            mark = getattr(function, COMMAND_MARK, None)
            if mark is not None:
                name = mark["name"] or function.__name__
                if name in self.commands:
                    raise AdapterError(f"adapter {reference} has two commands named {name}")
                self.commands[name] = Command(name, function, mark, hints)
        if not self.commands:
            raise AdapterError(f"adapter {reference} has no commands: {_advice(reference, target)}")

    def start(self) -> None:
        """Run the adapter's @init; what it raises is the caller's."""
        self.state = self.hooks.run("init", self._context())

    def enter(self) -> Any:
        """Run @thread_init in the thread of a slot and return the slot's ctx.local."""
        return self.hooks.run("thread_init", self._context())

    def ailment(self) -> str:
        """Ask @health and return what is wrong, or nothing."""
        try:
            well = self.hooks.run("health", self._context()) if "health" in self.hooks else True
        except Exception as err:
            return f"@health raised {type(err).__name__}: {err}"
        return "@health returned False" if well is False else ""

    def leave(self, local: Any) -> None:
        """Run @thread_exit in the thread of a slot."""
        self.hooks.run("thread_exit", self._context(local))

    def stop(self) -> None:
        """Run @exit."""
        self.hooks.run("exit", self._context())

    def _context(self, local: Any = None) -> Context:
        return Context(self.config, self.state, self.worker_id, local=local)

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
            if _size(rows) > limit:
                for row in rows:
                    del row[member]
        if _size(rows) > limit:
            raise AdapterError(f"adapter {self.reference} has {len(rows)} commands, which is too many to announce")
        return rows


def _size(rows: list[dict[str, Any]]) -> int:
    """Return about how many bytes rows take."""
    return sum(len(repr(row).encode("utf-8", "replace")) for row in rows)


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
