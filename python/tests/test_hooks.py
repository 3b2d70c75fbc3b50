"""Hooks, progress, and handlers that are stopped: with a real worker."""

from __future__ import annotations

import os
import signal
import time
import unittest
from typing import Any

from snakepit import AdapterError, _wire
from snakepit._adapter import Adapter

from .harness import LIMIT, Connection, Failure, WorkerCase

HOOKS = """
    import os, threading
    import snakepit
    from snakepit import Context, command

    def note(text):
        with open("life", "a") as f:
            f.write(f"{text} {threading.current_thread() is threading.main_thread()}\\n")

    class Adapter:
        @snakepit.init
        def begin(self, ctx: Context):
            note("init")
            return {"greeting": ctx.config["greeting"]}

        @snakepit.thread_init
        def enter(self, ctx):
            note("thread_init " + ctx.state["greeting"])
            return {"calls": 0}

        @snakepit.health
        def well(self):
            if os.path.exists("ill"):
                raise RuntimeError("the model is gone")
            return not os.path.exists("weak")

        @snakepit.thread_exit
        def leave(self, ctx):
            note(f"thread_exit {ctx.local['calls']}")
            if ctx.local["calls"] > 1:
                raise ValueError("cannot leave")

        @snakepit.exit
        def end(self, ctx):
            note("exit " + ctx.state["greeting"])

        @command
        def count(self, ctx: Context):
            ctx.local["calls"] += 1
            return ctx.local["calls"]

        @command
        def forked(self):
            pid = os.fork()
            if pid == 0:
                return None
            return os.waitpid(pid, 0)[1]
"""


class HookTest(WorkerCase):
    def begin(self, **launch: Any) -> tuple[Any, Connection, Connection]:
        return self.ready(HOOKS, reference="./adapter.py:Adapter", config={"greeting": "Hi"}, **launch)

    def life(self) -> list[str]:
        return (self.dir / "life").read_text().splitlines()

    def test_the_life_of_a_worker(self) -> None:
        worker, _, slot = self.begin()
        self.assertEqual(self.life(), ["init True", "thread_init Hi True"])
        self.assertEqual([self.exec(slot, "count") for _ in range(1)], [1])
        slot.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertEqual(self.life()[2:], ["thread_exit 1 True", "exit Hi True"])

    def test_a_hook_of_the_end_that_raises_keeps_no_other_from_running(self) -> None:
        worker, _, slot = self.begin()
        self.exec(slot, "count")
        self.exec(slot, "count")
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertEqual(self.life()[2:], ["thread_exit 2 True", "exit Hi True"])
        self.assertIn("@thread_exit raised", self.stderr())
        self.assertIn("ValueError: cannot leave", self.stderr())

    def test_a_forked_child_runs_no_hook(self) -> None:
        _, _, slot = self.begin()
        self.assertEqual(self.exec(slot, "forked"), 0)
        self.assertEqual(self.life(), ["init True", "thread_init Hi True"])

    def test_health_decides_about_pings(self) -> None:
        _, control, _ = self.begin()
        control.send(_wire.PING, 0, b"1")
        self.assertEqual(control.receive(), (_wire.PONG, 0, 0, b"1"))
        (self.dir / "ill").touch()
        control.send(_wire.PING, 0, b"2")
        control.send(_wire.PING, 0, b"3")
        self.wait_for_text("@health raised RuntimeError: the model is gone")
        os.unlink(self.dir / "ill")
        (self.dir / "weak").touch()
        control.send(_wire.PING, 0, b"4")
        self.wait_for_text("@health returned False")
        os.unlink(self.dir / "weak")
        control.send(_wire.PING, 0, b"5")
        self.assertEqual(control.receive(), (_wire.PONG, 0, 0, b"5"))
        self.wait_for_text("well again")
        self.assertEqual(self.stderr().count("model is gone"), 1)

    def wait_for_text(self, text: str) -> None:
        end = time.monotonic() + LIMIT
        while text not in self.stderr():
            self.assertLess(time.monotonic(), end, self.stderr())
            time.sleep(0.005)

    def test_a_worker_that_begins_ill_does_not_start(self) -> None:
        (self.dir / "ill").touch()
        worker = self.spawn(HOOKS, reference="./adapter.py:Adapter", config={"greeting": "Hi"})
        control = self.supervisor.accept("control")
        control.welcome()
        error = self.event(control)["error"]
        self.assertEqual(error["message"], "@health raised RuntimeError: the model is gone")
        self.assertEqual(worker.wait(LIMIT), 1)

    def test_one_hook_of_each_kind(self) -> None:
        import types

        import snakepit

        for mark in (snakepit.init, snakepit.exit, snakepit.health, snakepit.thread_init, snakepit.thread_exit):
            module = types.ModuleType("m")
            for name in ("a", "b"):
                exec(f"def {name}(): pass", vars(module))
                mark(vars(module)[name])
            module.run = snakepit.command(lambda: None)  # type: ignore[attr-defined]
            with self.assertRaisesRegex(AdapterError, f"adapter m has more than one @{mark.__name__}: a, b"):
                Adapter("m", module, {})

        async def later() -> None:
            return None

        module = types.ModuleType("m")
        module.later = snakepit.exit(later)  # type: ignore[attr-defined]
        with self.assertRaisesRegex(AdapterError, "@exit later: it must be a plain function"):
            Adapter("m", module, {})
        with self.assertRaisesRegex(TypeError, "@health marks a function, not an object of type int"):
            snakepit.health(3)  # type: ignore[type-var]


STOPPED = """
    import asyncio, pathlib, time
    from snakepit import Context, command

    @command
    def quick(n: int = 0):
        return n

    @command(interrupt=True)
    def spin():
        pathlib.Path("started").touch()
        while True:
            pass

    @command(interrupt=True)
    def stubborn():
        pathlib.Path("started").touch()
        caught = 0
        try:
            while True:
                pass
        except Exception as err:
            return f"{type(err).__name__}: {err}"

    @command(interrupt=True)
    def short(n: int):
        return n

    @command
    def deaf(ctx: Context):
        pathlib.Path("started").touch()
        while not ctx.cancelled:
            pass
        return "ended by itself"

    @command
    async def waits():
        pathlib.Path("started").touch()
        try:
            await asyncio.sleep(600)
        finally:
            pathlib.Path("cleaned").touch()

    @command
    async def cancels_itself():
        raise asyncio.CancelledError("mine")

    @command
    def steps(n: int, ctx: Context):
        for i in range(n):
            ctx.progress(i, n, "step é\\ud800")
        ctx.progress(n, n)
        ctx.progress(0.5)
"""


class StopTest(WorkerCase):
    def setUp(self) -> None:
        super().setUp()
        self.worker, self.control, self.slot = self.ready(STOPPED)

    def cancel(self, command: str, deadline: int = 0) -> Any:
        """Begin a call, cancel it once it runs, and return what comes of it."""
        call_id = os.urandom(16)
        self.slot.call(command, call_id=call_id, deadline=deadline)
        self.wait_for("started")
        if deadline:
            time.sleep(max(0, deadline - time.monotonic_ns()) / 1e9)
        self.control.send(_wire.CANCEL, 0, call_id)
        return self.slot.answer()[1]

    def test_a_loop_is_interrupted_where_it_allows_that(self) -> None:
        error = self.cancel("spin")
        self.assertIsInstance(error, Failure)
        self.assertEqual(
            (error["category"], error["message"]), ("cancelled", "the caller gave up, and the handler was interrupted")
        )
        self.assertEqual(self.exec(self.slot, "quick", [7]), 7)

    def test_a_handler_may_catch_it(self) -> None:
        self.assertEqual(self.cancel("stubborn"), "Interrupted: the caller gave up, and the handler was interrupted")
        self.assertEqual(self.exec(self.slot, "quick", [7]), 7)

    def test_other_handlers_are_not_interrupted(self) -> None:
        self.assertEqual(self.cancel("deaf"), "ended by itself")

    def test_a_late_interrupt_hits_nothing(self) -> None:
        for n in range(300):
            call_id = os.urandom(16)
            self.slot.call("short", [n], call_id=call_id)
            self.control.send(_wire.CANCEL, 0, call_id)
            answer = self.slot.answer()[1]
            if isinstance(answer, Failure):
                self.assertEqual(answer["category"], "cancelled")
            else:
                self.assertEqual(answer, n)
            self.assertEqual(self.exec(self.slot, "quick", [n]), n)
        self.assertIsNone(self.worker.poll())

    def test_a_coroutine_is_cancelled(self) -> None:
        error = self.cancel("waits")
        self.assertEqual((error["category"], error["message"]), ("cancelled", "the caller cancelled the call"))
        self.assertTrue((self.dir / "cleaned").exists())
        self.assertEqual(self.exec(self.slot, "quick", [7]), 7)

    def test_a_coroutine_past_its_deadline(self) -> None:
        self.exec(self.slot, "cancels_itself")  # imports asyncio, which may take longer than the deadline
        error = self.cancel("waits", deadline=time.monotonic_ns() + 2_000_000_000)
        self.assertEqual(error["category"], "deadline_exceeded")

    def test_a_coroutine_that_cancels_itself_raised(self) -> None:
        error = self.exec(self.slot, "cancels_itself")
        self.assertEqual(error["category"], "raised")
        self.assertIn("CancelledError", error["type"])

    def test_progress_is_told_but_not_too_often(self) -> None:
        call_id = os.urandom(16)
        self.assertIsNone(self.exec(self.slot, "steps", [20_000], call_id=call_id))
        told = [self.event(self.control)]
        while told[-1]["done"] != 20_000:
            told.append(self.event(self.control))
        self.assertEqual(
            told[0],
            {"event": "progress", "call": call_id.hex(), "done": 0.0, "total": 20_000.0, "note": "step é?"},
        )
        self.assertLess(len(told), 200)
        self.assertNotIn("note", told[-1])


ERRORS = """
    import dataclasses, datetime, decimal, enum, pathlib, uuid
    from snakepit import command

    class Busy(Exception):
        retryable = True

    class Model:
        def __init__(self, n):
            self.n = n

        def model_dump(self):
            return {"n": self.n, "when": datetime.date(2024, 2, 29)}

    class Array:
        def tolist(self):
            return [[1, 2.5], [float("nan")]] if self.odd else [[1, 2.5]]

        def __init__(self, odd):
            self.odd = odd

    class Color(enum.Enum):
        RED = "red"

    @dataclasses.dataclass
    class Box:
        color: Color
        inside: object = None

    def deep():
        raise Busy("later")

    @command
    def busy():
        try:
            try:
                deep()
            except Busy as err:
                raise KeyError("k") from err
        except KeyError:
            late = Busy("at last")
            if hasattr(late, "add_note"):
                late.add_note("a note")
            else:
                late.__notes__ = ["a note"]
            raise late

    @command
    def objects():
        return [Box(Color.RED, Model(1)), Array(False), {1}, b"hi", uuid.UUID(int=1), decimal.Decimal("1.10"),
                pathlib.PurePosixPath("a/b"), datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)]

    @command(markers=True)
    def marked():
        loop = []
        loop.append(loop)
        return {"fine": 1, "odd": object, "nan": [float("nan")], (1, 2): Array(True), "loop": loop, "s": "\\ud800"}

    @command
    def unmarked():
        return {"model": Model(Array(True))}
"""


class ResultTest(WorkerCase):
    def setUp(self) -> None:
        super().setUp()
        _, _, self.slot = self.ready(ERRORS)

    def test_errors_have_parts(self) -> None:
        error = self.exec(self.slot, "busy")
        self.assertEqual((error["category"], error["type"], error["retryable"]), ("raised", "adapter.Busy", True))
        self.assertEqual(error["notes"], ["a note"])
        causes = [{"type": "KeyError", "message": "'k'"}, {"type": "adapter.Busy", "message": "later"}]
        self.assertEqual(error["causes"], causes)
        (frame,) = error["frames"]
        self.assertEqual((frame["function"], frame["file"]), ("busy", str(self.dir / "adapter.py")))
        self.assertGreater(frame["line"], 1)

    def test_objects_become_what_they_are_in_json(self) -> None:
        want = [
            {"color": "red", "inside": {"n": 1, "when": "2024-02-29"}},
            [[1, 2.5]],
            [1],
            "aGk=",
            "00000000-0000-0000-0000-000000000001",
            "1.10",
            "a/b",
            "2024-02-29T12:00:00+00:00",
        ]
        self.assertEqual(self.exec(self.slot, "objects"), want)

    def test_markers_where_a_command_asks_for_them(self) -> None:
        got = self.exec(self.slot, "marked")
        nan = {"$unserializable": "float", "repr": "nan"}
        self.assertEqual((got["fine"], got["nan"], got["(1, 2)"]), (1, [nan], [[1, 2.5], [nan]]))
        self.assertEqual(got["odd"], {"$unserializable": "type", "repr": "<class 'object'>"})
        self.assertEqual(got["loop"][0]["$unserializable"], "list")
        self.assertEqual(got["s"], "\\ud800")

    def test_an_odd_value_is_found_inside_objects(self) -> None:
        error = self.exec(self.slot, "unmarked")
        self.assertEqual(error["message"], "result.model.n[1][0]: nan is not JSON, which has finite numbers only")


if __name__ == "__main__":
    unittest.main()
