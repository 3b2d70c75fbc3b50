"""The harness that adapters are tested with."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import threading
import types
import unittest
from pathlib import Path

import snakepit
from snakepit import AdapterError, CallError, Context, command
from snakepit.testing import Harness, Progress, requires

try:
    import pytest
except ImportError:
    pytest = None  # type: ignore[assignment]


class Shop:
    def __init__(self) -> None:
        self.life: list[str] = []

    @snakepit.init
    def begin(self, ctx: Context) -> dict[str, float]:
        self.life.append("init")
        return {"rate": ctx.config["rate"]}

    @snakepit.health
    def well(self) -> bool:
        return len(self.life) < 5

    @snakepit.exit
    def end(self) -> None:
        self.life.append("exit")

    @command
    def price(self, amount: float, ctx: Context) -> tuple[float, str]:
        ctx.progress(1, 2, "half")
        return amount * ctx.state["rate"], ctx.session

    @command
    def fail(self) -> None:
        raise KeyError("k")

    @command(interrupt=True, timeout="1m")
    def spin(self, ctx: Context) -> None:
        STARTED.set()
        while True:
            pass

    @command(timeout="20ms")
    def slow(self, ctx: Context) -> None:
        while True:
            ctx.check()


STARTED = threading.Event()


class HarnessTest(unittest.TestCase):
    def test_calls_go_the_way_of_a_worker(self) -> None:
        shop = Shop()
        with Harness(shop, {"rate": 2}) as adapter:
            self.assertEqual(adapter.call("price", amount=3), [6.0, ""])
            self.assertEqual(adapter.call("price", 3), [6.0, ""])
            self.assertEqual(adapter.execute("price", {"amount": 3}, session="ada"), [6.0, "ada"])
            self.assertEqual(adapter.progress, [Progress(1.0, 2.0, "half")])
            with self.assertRaises(CallError) as caught:
                adapter.call("price", amount="x")
            self.assertEqual(caught.exception.category, "invalid_argument")
            with self.assertRaises(CallError) as caught:
                adapter.call("fail")
            self.assertEqual((caught.exception.type, caught.exception.started), ("KeyError", True))
            self.assertIsInstance(caught.exception.__cause__, KeyError)
            self.assertEqual(caught.exception.frames[0]["function"], "fail")
            with self.assertRaises(CallError) as caught:
                adapter.call("slow")
            self.assertEqual(caught.exception.category, "deadline_exceeded")
            with self.assertRaisesRegex(CallError, "there is no command 'prise'. Did you mean price"):
                adapter.call("prise")
            with self.assertRaises(TypeError):
                adapter.call("price", 1, amount=2)
            self.assertEqual(adapter.commands["price"]["arguments"]["required"], ["amount"])
            self.assertEqual((adapter.state, adapter.ailment), ({"rate": 2}, ""))
        self.assertEqual(shop.life, ["init", "exit"])
        with self.assertRaisesRegex(AdapterError, "the harness is not started"):
            adapter.call("fail")

    def test_cancel(self) -> None:
        with Harness(Shop, {"rate": 1}) as adapter:
            STARTED.clear()
            thread = threading.Thread(target=lambda: (STARTED.wait(30), adapter.cancel()))
            thread.start()
            with self.assertRaises(CallError) as caught:
                adapter.call("spin")
            thread.join()
            self.assertEqual(caught.exception.category, "cancelled")
            self.assertEqual(adapter.call("price", 1), [1.0, ""])

    def test_an_ill_adapter_does_not_start(self) -> None:
        shop = Shop()
        shop.life = ["x"] * 5
        with self.assertRaisesRegex(AdapterError, "@health returned False"):
            Harness(shop, {"rate": 1}).start()

    def test_modules_and_files(self) -> None:
        module = types.ModuleType("m")
        module.one = command(lambda: 1)  # type: ignore[attr-defined]
        module.one.__name__ = "one"
        with Harness(module) as adapter:
            self.assertEqual(adapter.call("one"), 1)
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "harnessed.py").write_text(
                "from snakepit import command\n@command\ndef two(): return 2\n"
            )
            with Harness("./harnessed.py", root=directory) as adapter:
                self.assertEqual(adapter.call("two"), 2)
            del sys.modules["harnessed"]
            sys.path.remove(directory)

    def test_requires(self) -> None:
        ran = []

        def test() -> None:
            ran.append(1)

        requires("3.9")(test)()
        with self.assertRaisesRegex(unittest.SkipTest, "needs Python 99 or later"):
            requires("99")(test)()
        with self.assertRaisesRegex(ValueError, "cannot read the version"):
            requires("new")
        free = sysconfig.get_config_var("Py_GIL_DISABLED") and not sys._is_gil_enabled()
        if free:
            requires("3.13t")(test)()
        else:
            with self.assertRaisesRegex(unittest.SkipTest, "free-threaded"):
                requires("3.13t")(test)()
        self.assertEqual(len(ran), 2 if free else 1)


@unittest.skipIf(pytest is None, "pytest is not installed")
class PluginTest(unittest.TestCase):
    def test_the_fixture(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            files = {
                "adapter.py": """
                    import snakepit

                    @snakepit.exit
                    def end():
                        open("ended", "w").close()

                    @snakepit.command
                    def greet(name: str, ctx: snakepit.Context) -> str:
                        return f"{ctx.config['greeting']}, {name}!"
                """,
                "test_it.py": """
                    def test_greet(snakepit_adapter):
                        adapter = snakepit_adapter("./adapter.py", config={"greeting": "Hi"})
                        assert adapter.call("greet", name="Ada") == "Hi, Ada!"
                """,
            }
            for name, text in files.items():
                (Path(directory) / name).write_text(textwrap.dedent(text))
            environment = {**os.environ, "PYTHONPATH": str(Path(snakepit.__file__).resolve().parents[1])}
            argv = [sys.executable, "-m", "pytest", "-q", "-p", "snakepit.pytest_plugin", "-p", "no:cacheprovider"]
            done = subprocess.run(argv, cwd=directory, env=environment, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("1 passed", done.stdout)
            self.assertTrue((Path(directory) / "ended").exists())


if __name__ == "__main__":
    unittest.main()
