"""Running an adapter without a supervisor: `python -m snakepit ADAPTER call COMMAND`."""

from __future__ import annotations

import faulthandler
import os
import sys
import time

from . import _wire
from ._adapter import Adapter, load
from ._codec import Codec
from ._errors import AdapterError, SnakepitError
from ._report import report
from ._slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USAGE = """\
usage: python -m snakepit ADAPTER commands [--schema]
       python -m snakepit ADAPTER call COMMAND [NAME=VALUE … | JSON] [--config JSON]

ADAPTER is ./file.py, ./file.py:Class, package.module or package.module:Class.
VALUE is JSON if it reads as JSON, else a string; JSON is one object or one list.

  python -m snakepit ./adapter.py call hello name=Ada
  python -m snakepit ./adapter.py call hello '{"name": "Ada"}'
"""


def run(argv: list[str]) -> int:
    """Carry out one command line and return its exit status: 0, 1 failed, 2 usage."""
    try:
        argv, config = _config(argv)
        reference, verb, *rest = argv
        known = rest in ([], ["--schema"]) if verb == "commands" else verb == "call" and rest
        if not known:
            raise UsageError(f"cannot do {' '.join([verb, *rest])!r}")
    except ValueError as err:
        if not argv or argv[0] in ("-h", "--help"):
            print(USAGE, end="", file=sys.stdout if argv else sys.stderr)
            return 0 if argv else 2
        print(f"snakepit: {err}\n{USAGE}", end="", file=sys.stderr)
        return 2
    try:
        adapter = load(reference, os.getcwd(), config, "local@0")
        if verb == "commands":
            return _schemas(adapter) if rest else _list(adapter)
        faulthandler.enable(file=2)  # as in a worker: a crash shows where
        adapter.start()
    except AdapterError as err:
        print(f"snakepit: {err}", file=sys.stderr)
        return 1
    return _call(adapter, rest[0], rest[1:])


class UsageError(ValueError):
    """UsageError is a command line that cannot be carried out."""


def _config(argv: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Split --config JSON from the rest."""
    if "--config" not in argv:
        return argv, {}
    at = argv.index("--config")
    if at + 1 == len(argv):
        raise UsageError("--config needs a JSON object")
    config = Codec().decode(argv[at + 1].encode())
    if not isinstance(config, dict):
        raise UsageError("--config needs a JSON object")
    return argv[:at] + argv[at + 2 :], config


def _list(adapter: Adapter) -> int:
    for command in adapter.commands.values():
        print(f"{command.name}{command.signature.text}")
        if command.doc:
            print(f"    {command.doc}")
    return 0


def _schemas(adapter: Adapter) -> int:
    schemas = {name: command.signature.schema for name, command in adapter.commands.items()}
    print(Codec().encode(schemas, "schema").decode())
    return 0


def _call(adapter: Adapter, name: str, words: list[str]) -> int:
    """Execute one call the way a slot does, and print its result."""
    codec = Codec()
    try:
        arguments = _arguments(words, codec)
        command = adapter.command(name)
    except SnakepitError as err:
        return _fail(codec, report(err, started=False))
    deadline = time.monotonic_ns() + command.timeout_ms * 1_000_000 if command.timeout_ms else 0
    slot = Slot(adapter, adapter.worker_id, {}, codec)
    answer = slot.run(command.name, arguments, call_id=os.urandom(16), deadline=deadline)
    if answer.type == _wire.ERROR:
        error: Any = codec.decode(answer.body)
        return _fail(codec, error)
    print(answer.body.decode())
    return 0


def _arguments(words: list[str], codec: Codec) -> bytes:
    """Return the body that NAME=VALUE words or one JSON word stand for."""
    if len(words) == 1 and words[0].lstrip()[:1] in ("{", "["):
        return words[0].encode()
    arguments = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise SnakepitError(f"cannot read argument {word!r}: write NAME=VALUE, or one JSON object or list")
        try:
            arguments[name] = codec.decode(value.encode())
        except ValueError:
            arguments[name] = value
    return codec.encode(arguments, "arguments")


def _fail(codec: Codec, error: dict[str, Any]) -> int:
    """Show a call error: the traceback if there is one, else what went wrong."""
    print(error.get("traceback") or f"{error['category']}: {error['message']}", file=sys.stderr)
    return 1
