"""Loading adapters: modules, classes, files; and what is wrong with those that do not load."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

import snakepit
from snakepit import AdapterError, UnknownCommand
from snakepit._adapter import load
from snakepit._command import duration_ms

CLASS = """
    import functools
    from snakepit import command, init

    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return ["logged", function(*args, **kwargs)]
        return wrapper

    class Base:
        @command
        def inherited(self):
            return "base"

        @command
        def replaced(self):
            return "base"

    class Adapter(Base):
        def __init__(self):
            self.count = 0

        @init
        def start(self, ctx):
            self.count = ctx.config.get("from", 0)
            return "state"

        @command
        def add(self, n: int = 1):
            self.count += n
            return self.count

        @command(name="other")
        def replaced_name(self):
            return "other"

        @command
        def replaced(self):
            return "derived"

        @command
        @staticmethod
        def fixed(n: int):
            return n

        @command
        @classmethod
        def named(cls):
            return cls.__name__

        @command
        @logged
        def wrapped(self, n: int):
            return n

    class Nested:
        class Inner:
            @command
            def deep(self):
                return "deep"
"""

BROKEN = [
    ("x = 1", "", "has no commands: put @snakepit.command above a function"),
    (CLASS, "", 'has no commands: name its class, "./broken_{n}.py:Base"'),
    (CLASS, ":Missing", "has no Missing; classes with commands: Base, Adapter"),
    ("from snakepit import command\n@command\ndef gen():\n    yield 1", "", "command gen: it is a generator"),
    ("from snakepit import command\n@command\nasync def gen():\n    yield 1", "", "command gen: it is a generator"),
    (
        "from snakepit import command\n@command\ndef f(x: complex): pass",
        "",
        "command f: x: cannot check values of type complex",
    ),
    (
        "from snakepit import command\n@command\ndef f(): pass\n@command(name='f')\ndef g(): pass",
        "",
        "has two commands named f",
    ),
    (
        "from snakepit import command, init\n@command\ndef f(): pass\n@init\ndef a(): pass\n@init\ndef b(): pass",
        "",
        "has more than one @init: a, b",
    ),
]


class LoadTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name
        path, modules = list(sys.path), set(sys.modules)
        self.addCleanup(lambda: [sys.modules.pop(name) for name in set(sys.modules) - modules])
        self.addCleanup(lambda: sys.path.__setitem__(slice(None), path))

    def write(self, name: str, source: str) -> None:
        path = Path(self.dir, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source))
        importlib.invalidate_caches()

    def load(self, reference: str, config: Any = None) -> Any:
        loaded = load(reference, self.dir, config or {}, "pool.test/0@1")
        loaded.start()
        return loaded

    def call(self, loaded: Any, name: str, *args: Any) -> Any:
        args, kwargs = loaded.command(name).signature.bind(list(args), None)
        return loaded.command(name).handler(*args, **kwargs)

    def test_class_in_a_file(self) -> None:
        self.write("shop.py", CLASS)
        loaded = self.load("./shop.py:Adapter", {"from": 40})
        self.assertEqual(list(loaded.commands), ["inherited", "replaced", "add", "other", "fixed", "named", "wrapped"])
        self.assertEqual(loaded.state, "state")
        self.assertEqual(self.call(loaded, "add", 2), 42)
        self.assertEqual(self.call(loaded, "replaced"), "derived")
        self.assertEqual(self.call(loaded, "fixed", 3), 3)
        self.assertEqual(self.call(loaded, "named"), "Adapter")
        self.assertEqual(self.call(loaded, "wrapped", 1), ["logged", 1])
        self.assertEqual(loaded.command("wrapped").signature.text, "(n: int)")
        self.assertIn("shop", sys.modules)

    def test_modules_and_nested_names(self) -> None:
        self.write("store/__init__.py", "")
        self.write(
            "store/api.py",
            "from snakepit import command\n@command\ndef f():\n    '''Doc.\n\n    More.'''\n    return __name__",
        )
        sys.path.insert(0, self.dir)
        loaded = self.load("store.api")
        self.assertEqual(self.call(loaded, "f"), "store.api")
        self.assertEqual(loaded.table()[0]["doc"], "Doc.")
        self.write("nested.py", CLASS)
        self.assertEqual(list(self.load("./nested.py:Nested.Inner").commands), ["deep"])

    def test_a_file_imports_its_neighbours(self) -> None:
        self.write("sub/neighbour.py", "VALUE = 7")
        self.write(
            "sub/main-file.py",
            "import neighbour\nfrom snakepit import command\n@command\ndef f(): return neighbour.VALUE",
        )
        self.assertEqual(self.call(self.load("./sub/main-file.py"), "f"), 7)

    def test_broken_adapters_say_what_to_change(self) -> None:
        for n, (source, name, message) in enumerate(BROKEN):
            self.write(f"broken_{n}.py", source)
            with self.subTest(n=n), self.assertRaises(AdapterError) as caught:
                self.load(f"./broken_{n}.py{name}")
            self.assertIn(message.format(n=n), str(caught.exception))

    def test_missing_files_and_modules(self) -> None:
        with self.assertRaisesRegex(AdapterError, "there is no file .*/missing.py"):
            self.load("./missing.py")
        with self.assertRaisesRegex(ModuleNotFoundError, "missing_module"):
            self.load("missing_module")
        self.write("json.py", "")
        import json

        with self.assertRaisesRegex(AdapterError, "a module named json is already loaded; rename the file"):
            self.load("./json.py")
        self.assertTrue(json.dumps)

    def test_a_failed_import_leaves_no_module(self) -> None:
        self.write("half.py", "1/0")
        with self.assertRaises(ZeroDivisionError):
            self.load("./half.py")
        self.assertNotIn("half", sys.modules)

    def test_unknown_command_names_the_closest(self) -> None:
        self.write("near.py", CLASS)
        with self.assertRaises(UnknownCommand) as caught:
            self.load("./near.py:Adapter").command("ad")
        names = "add, fixed, inherited, named, other, replaced, wrapped"
        self.assertEqual(str(caught.exception), f"there is no command 'ad'. Did you mean add? Available: {names}")

    def test_a_long_table_goes_without_docs(self) -> None:
        body = "\n".join(f"@command\ndef f{i}():\n    '''{'long ' * 60}'''" for i in range(200))
        self.write("long.py", f"from snakepit import command\n{body}")
        loaded = self.load("./long.py")
        rows = loaded.table()
        self.assertEqual((len(rows), "doc" in rows[0], "schema" in rows[0]), (200, False, False))
        with self.assertRaisesRegex(AdapterError, "200 commands, which is too many"):
            loaded.table(limit=1000)


class DecoratorTest(unittest.TestCase):
    def test_durations(self) -> None:
        for value, want in (
            (None, 0),
            (2, 2000),
            (0.5, 500),
            ("5s", 5000),
            ("250ms", 250),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
        ):
            with self.subTest(value=value):
                self.assertEqual(duration_ms(value), want)
        for bad in ("5", "s", "", "1x", "1..5s", 0, -1, "0s", "5 s"):
            with self.subTest(value=bad), self.assertRaises(ValueError):
                duration_ms(bad)

    def test_only_functions_are_commands(self) -> None:
        with self.assertRaisesRegex(TypeError, "@command marks a function, not an object of type int"):
            snakepit.command(3)  # type: ignore[type-var]

    def test_exports_are_sorted_and_exist(self) -> None:
        self.assertEqual(snakepit.__all__, sorted(snakepit.__all__))
        for name in snakepit.__all__:
            self.assertTrue(getattr(snakepit, name).__doc__, name)
        modules = {name for name, value in vars(snakepit).items() if isinstance(value, type(snakepit))}
        public = {name for name in vars(snakepit) if not name.startswith("_")}
        public -= {"annotations", "TYPE_CHECKING", *modules}
        self.assertLessEqual(public, set(snakepit.__all__))
        with self.assertRaises(AttributeError):
            snakepit.nothing  # noqa: B018

    def test_the_boot_path_is_short(self) -> None:
        code = (
            "import sys; before = set(sys.modules); import snakepit._boot;"
            "heavy = {'asyncio','logging','inspect','dataclasses','typing','re','enum','json','socket','threading',"
            "'traceback','concurrent','importlib.metadata','importlib.util'};"
            "print(sorted(heavy & (set(sys.modules) - before)))"
        )
        env = {**os.environ, "PYTHONPATH": str(Path(snakepit.__file__).parents[1])}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
        self.assertEqual(done.stdout.strip(), "[]")


if __name__ == "__main__":
    unittest.main()
