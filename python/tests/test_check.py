"""The thread-safety checker: check = true names what two slots write without a common lock, and where."""

from __future__ import annotations

import ast
import os
import textwrap
import traceback
import types
import unittest
from typing import Any

from snakepit import _rewrite, _writes

from .harness import Connection
from .test_threads import ThreadCase

ADAPTER = """
    import threading
    import snakepit
    from snakepit import command

    TOTAL = 0
    LOCK = threading.Lock()


    class Adapter:
        shared = 0

        def __init__(self):
            self.bare = self.guarded = self.reentrant = self.turns = self.other = 0
            self.lock, self.again, self.wrong = threading.Lock(), threading.RLock(), threading.Lock()
            self.ready = threading.Condition()
            self.own = threading.local()
            self.rows = {}

        @snakepit.init
        def start(self): return {"calls": 0, "by_slot": {}}

        @snakepit.thread_init
        def slot(self): return {"calls": 0}

        @command
        def careless(self): self.bare += 1

        @command
        def careful(self, ctx):
            global TOTAL
            with LOCK:
                TOTAL += 1
            with self.lock:
                self.guarded += 1
            with self.again, self.again:
                self.reentrant += 1
            with self.ready:
                self.rows["x"] = 1
                self.ready.notify()
            self.own.value = 1
            ctx.local["calls"] += 1
            local = {}
            local["a"] = [0]
            local["a"][0] = 1
            class Box: pass
            box = Box()
            box.value = ctx.worker_id
            ctx.state["by_slot"][threading.current_thread().name] = 1

        @command(serial=True)
        def turn(self): self.turns += 1

        @command
        def one_lock(self):
            with self.lock:
                self.other = 1

        @command
        def another_lock(self):
            with self.wrong:
                self.other = 2

        @command
        def variable(self):
            global TOTAL
            TOTAL = 5

        @command
        def item(self, ctx, key: str):
            ctx.state[key] = 1

        @command
        def of_class(self): type(self).shared += 1

        @command
        async def coroutine(self): self.bare = 0

        @command
        async def coroutines(self): self.rows["async"] = 1
"""


class CheckTest(ThreadCase):
    def check(self, adapter: str = ADAPTER, reference: str = "./adapter.py:Adapter", **launch: Any) -> list[Connection]:
        return self.crew(2, adapter, reference=reference, check=True, **launch)

    def in_turn(self, slots: list[Connection], command: str, args: Any = None) -> None:
        """Call in one slot after the other: what is unsafe is found though the calls never meet."""
        for slot in slots:
            slot.call(command, args)
            answer = slot.answer()[1]
            self.assertNotIsInstance(answer, dict, answer)

    def finding(self) -> dict[str, Any]:
        event = self.event(self.control)
        self.assertEqual(event["event"], "unsafe", event)
        found: dict[str, Any] = event["finding"]
        return found

    def line(self, text: str) -> str:
        """Return adapter.py:N of the only line that holds text."""
        lines = (self.dir / "adapter.py").read_text().splitlines()
        (number,) = (at for at, line in enumerate(lines, 1) if text in line)
        return f"adapter.py:{number}"

    def test_an_attribute_and_its_line_are_named(self) -> None:
        slots = self.check()
        self.in_turn(slots, "careless")
        found = self.finding()
        place = self.line("self.bare += 1") + " in careless"
        self.assertEqual(
            found, {"attribute": "adapter.Adapter.bare", "place": place, "other": place, "slots": ["slot 0", "slot 1"]}
        )
        self.in_turn(slots, "careless")
        self.in_turn(slots, "of_class")
        self.assertEqual(self.finding()["attribute"], "adapter.Adapter.shared", "told once each")
        said = f"adapter.Adapter.bare is written by slot 0 and slot 1 without a common lock: {place}."
        self.assertIn(said, self.stderr())

    def test_what_is_written_with_care_is_not_named(self) -> None:
        slots = self.check()
        self.in_turn(slots, "careful")
        self.together(slots, "careful")
        self.in_turn(slots, "turn")
        self.in_turn(slots, "coroutines")
        self.in_turn(slots[:1], "careless")
        self.in_turn(slots[:1], "careless")
        self.in_turn(slots, "one_lock")
        self.in_turn(slots, "of_class")
        self.assertEqual(self.finding()["attribute"], "adapter.Adapter.shared", "nothing was found before")
        self.assertEqual(self.stderr().count("without a common lock"), 1)

    def test_locks_must_be_the_same(self) -> None:
        slots = self.check()
        self.in_turn(slots[:1], "one_lock")
        self.in_turn(slots[1:], "another_lock")
        found = self.finding()
        self.assertEqual(found["attribute"], "adapter.Adapter.other")
        self.assertEqual(found["place"], self.line("self.other = 2") + " in another_lock")
        self.assertEqual(found["other"], self.line("self.other = 1") + " in one_lock")

    def test_global_variables_and_items(self) -> None:
        slots = self.check()
        self.in_turn(slots[:1], "item", ["a"])
        self.in_turn(slots[1:], "item", ["b"])
        self.in_turn(slots, "variable")
        self.assertEqual(self.finding()["attribute"], "adapter.TOTAL", "two keys of a dict are two things")
        self.in_turn(slots, "item", ["calls"])
        self.assertEqual(self.finding()["attribute"], "ctx.state[key]")

    def test_a_coroutine_and_a_thread(self) -> None:
        slots = self.check()
        self.in_turn(slots[:1], "careless")
        self.in_turn(slots[1:], "coroutine")
        self.assertEqual(self.finding()["slots"], ["slot 0", "the event loop"])

    def test_a_module_beside_the_adapter(self) -> None:
        (self.dir / "store.py").write_text("class Store:\n    def put(self):\n        self.last = 1\nSTORE = Store()\n")
        (self.dir / "site-packages").mkdir()
        (self.dir / "site-packages" / "other.py").write_text((self.dir / "store.py").read_text())
        adapter = """
            import store
            import other
            from snakepit import command
            @command
            def put():
                other.STORE.put()
                store.STORE.put()
        """
        paths = [str(self.dir), str(self.dir / "site-packages")]
        slots = self.check(adapter, "./adapter.py", sys_path=paths, code_root=str(self.dir))
        self.in_turn(slots, "put")
        found = self.finding()
        self.assertEqual((found["attribute"], found["place"]), ("store.Store.last", "store.py:3 in put"))
        self.assertFalse((self.dir / "__pycache__" / "store.cpython-39.pyc").exists())

    def test_without_check_code_is_as_it_was(self) -> None:
        slots = self.crew(2, ADAPTER, reference="./adapter.py:Adapter")
        self.in_turn(slots, "careless")
        self.in_turn(slots, "turn")
        self.assertNotIn("without a common lock", self.stderr())

    def test_the_next_supervisor_is_told_again(self) -> None:
        slots = self.check()
        self.in_turn(slots, "careless")
        self.finding()
        self.control.close()
        control = self.supervisor.accept("control")
        control.welcome()
        self.assertEqual(self.event(control)["finding"]["attribute"], "adapter.Adapter.bare")


PROGRAM = """
    from __future__ import annotations
    def run(log):
        global G, H
        class Box: pass
        def note(value):
            log.append(value)
            return value
        box, rows = Box(), {}
        def owner():
            note("owner")
            return box
        owner().x = note(1)
        owner().x += 1
        rows[note("k")] = [1, 2, 3]
        rows["k"][note(0):2] = [9]
        for owner().y in range(2): pass
        (box.a, rows[1]), *box.rest = (1, 2), 3, 4
        with open("/dev/null") as box.file: pass
        box.n: int = 5
        def inner():
            rows[note("recursive")] = 1
            return "outer"
        rows[inner()] = 2
        del box.n, rows[1]
        G = H = 7
        for G in range(3):
            H += G
        if True:
            try: raise ValueError
            except ValueError: G = 8
        return box.x, rows, box.y, box.a, box.rest, hasattr(box, "n"), G, H
"""


class RewriteTest(unittest.TestCase):
    def test_code_does_what_it_did(self) -> None:
        source = textwrap.dedent(PROGRAM)
        plain: dict[str, Any] = {}
        exec(compile(source, "p.py", "exec", dont_inherit=True), plain)
        wants: list[Any] = []
        want = plain["run"](wants), wants
        told: list[str] = []

        class Recorder(_writes.Watch):
            def _note(self, owner: Any, key: Any, place: str, text: str = "") -> None:
                told.append(f"{text or type(owner).__name__ + '.' + key} {place.partition(' ')[0]}")

            def variable(self, module: str, name: str, place: str) -> None:
                told.append(f"{module}.{name}")

        checked: dict[str, Any] = {_rewrite.NAME: Recorder()}
        exec(_rewrite.compile_module(source.encode(), "p.py", "p"), checked)
        got: list[Any] = []
        self.assertEqual((checked["run"](got), got), want)
        names = [line.rpartition(" ")[0] or line for line in told]
        for name in ("rows[note('k')]", "rows['k'][note(0):2]", "rows[1]", "rows[inner()]", "p.G", "p.H"):
            self.assertIn(name, names)
        self.assertEqual(sum(name.endswith("Box.x") for name in names), 2)
        self.assertIn("rows[inner()] p.py:24", told, "lines stay what they are")

    def test_lines_and_errors_stay(self) -> None:
        source = b"def f(a):\n    a.x = 1\n    a.y = 1 / 0\n"
        space: dict[str, Any] = {_rewrite.NAME: _writes.Watch()}
        exec(_rewrite.compile_module(source, "p.py", "p"), space)
        lines = []
        try:
            space["f"](types.SimpleNamespace())
        except ZeroDivisionError as err:
            lines = [trace.lineno for trace in traceback.extract_tb(err.__traceback__)]
        self.assertEqual(lines[1:], [3])
        with self.assertRaises(SyntaxError):
            _rewrite.compile_module(b"def f(:\n", "p.py", "p")

    def test_the_standard_library_compiles(self) -> None:
        for name in ("ast", "argparse", "typing", "dataclasses", "asyncio/base_events", "collections/__init__"):
            path = os.path.join(os.path.dirname(ast.__file__), name + ".py")
            with open(path, "rb") as file:
                _rewrite.compile_module(file.read(), path, name)


class WatchTest(unittest.TestCase):
    def test_objects_are_told_apart(self) -> None:
        """An object that comes to lie where another one was is another one; lists are kept, but not for ever."""
        watch = _writes.Watch()
        told: list[Any] = []
        watch._tell = told.append
        for round in range(3000):
            watch._slots = {_writes.threading.get_ident(): f"slot {round % 2}"}
            watch.attribute(types.SimpleNamespace(), "x", "a.py:1 in f")
            watch.items([], "rows[:]", "a.py:2 in f")
        self.assertEqual(told, [])
        self.assertLess(len(watch._entries), 2000)


if __name__ == "__main__":
    unittest.main()
