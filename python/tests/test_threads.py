"""Workers of the thread profile: several slots, each with its own thread."""

from __future__ import annotations

import os
import re
import signal
import sys
import unittest
from typing import Any

from snakepit import _wire
from snakepit._gil import GilWatch, explain

from .harness import Connection, WorkerCase

ADAPTER = """
    import asyncio, os, threading, time
    import snakepit
    from snakepit import command

    @snakepit.thread_init
    def slot(): return {"thread": threading.get_ident(), "calls": 0}

    @snakepit.thread_exit
    def bye(ctx): print("bye", threading.current_thread().name)

    @command
    def nap(seconds: float) -> list:
        began = time.monotonic()
        time.sleep(seconds)
        return [began, time.monotonic()]

    @command
    async def doze(seconds: float) -> list:
        began = time.monotonic()
        await asyncio.sleep(seconds)
        return [began, time.monotonic(), threading.get_ident()]

    @command(serial=True)
    def alone() -> list: return nap(0.05)

    @command(serial=True)
    async def alone_async() -> list: return await doze(0.05)

    @command
    def where(ctx) -> list:
        ctx.local["calls"] += 1
        return [ctx.local["thread"] == threading.get_ident(), ctx.local["calls"]]

    @command
    def forget(ctx): raise SystemExit(3)

    @command
    async def leave(): raise SystemExit(3)

    @command
    def say(ctx): ctx.log.info("said"); print(snakepit._output.current_call().hex())

    @command
    async def whose():
        from snakepit import _output
        return _output.current_call().hex()

    @command
    def wait_for(path: str):
        open(path + ".begun", "w").close()
        while not os.path.exists(path): time.sleep(0.002)
        return path
"""


def overlap(intervals: list[Any]) -> float:
    """Return for how long all intervals lie in one another."""
    return float(min(end for _, end, *_ in intervals) - max(begin for begin, *_ in intervals))


class ThreadCase(WorkerCase):
    """A worker with slots, the test being its supervisor."""

    def crew(self, slots: int, adapter: str = ADAPTER, **launch: Any) -> list[Connection]:
        self.worker = self.spawn(adapter, slots=slots, profile="thread", **launch)
        self.control = self.supervisor.accept("control")
        self.control.welcome()
        event = self.event(self.control)
        self.assertEqual(event["event"], "ready", event)
        return self.link(slots)

    def link(self, slots: int) -> list[Connection]:
        """Accept the connections of that many slots, in the order of their numbers."""
        found = {}
        for _ in range(slots):
            slot = self.supervisor.accept("slot")
            slot.welcome()
            found[slot.hello["worker"]["slot"]] = slot
        self.assertEqual(sorted(found), list(range(slots)))
        return [found[number] for number in range(slots)]

    def together(self, slots: list[Connection], command: str, args: Any = None) -> list[Any]:
        for slot in slots:
            slot.call(command, args)
        return [slot.answer()[1] for slot in slots]


class ThreadTest(ThreadCase):
    def test_sleeping_calls_overlap(self) -> None:
        slots = self.crew(4)
        naps = self.together(slots, "nap", [0.5])
        self.assertGreater(overlap(naps), 0, naps)

    def test_coroutines_share_one_loop(self) -> None:
        slots = self.crew(200)
        naps = self.together(slots, "doze", [1.0])
        self.assertGreater(overlap(naps), 0)
        self.assertEqual(len({thread for _, _, thread in naps}), 1, "one thread runs all coroutines")

    def test_serial_commands_take_turns(self) -> None:
        slots = self.crew(3)
        for command in "alone", "alone_async":
            naps = sorted(self.together(slots, command))
            for (_, end, *_), (begin, *_) in zip(naps, naps[1:]):
                self.assertLessEqual(end, begin, f"{command} ran twice at one time: {naps}")

    def test_local_state_belongs_to_the_thread(self) -> None:
        slots = self.crew(3)
        for n in 1, 2:
            self.assertEqual(self.together(slots, "where"), [[True, n]] * 3)

    def test_a_handler_cannot_end_its_neighbours(self) -> None:
        slots = self.crew(2)
        for command in "forget", "leave":
            error = self.exec(slots[0], command)
            self.assertEqual((error["category"], error["type"]), ("raised", "SystemExit"))
        self.assertEqual(len(self.exec(slots[1], "doze", [0.0])), 3)

    def test_log_records_name_the_call_of_their_thread(self) -> None:
        slots = self.crew(2)
        ids = [os.urandom(16), os.urandom(16)]
        for slot, call_id in zip(slots, ids):
            slot.call("whose", call_id=call_id)
        self.assertEqual([slot.answer()[1] for slot in slots], [call_id.hex() for call_id in ids])

    def test_drain_ends_each_slot_behind_its_call(self) -> None:
        slots = self.crew(3)
        slots[0].call("nap", [0.1])
        for slot in slots:
            slot.send(_wire.DRAIN)
        self.assertEqual(len(slots[0].answer()[1]), 2)
        self.assertTrue(all(slot.at_end() for slot in slots))
        self.assertEqual(self.worker.wait(30), 0, self.stderr())
        # print writes a text and its newline apart: lines of threads that end together may interleave.
        words = re.findall(r"bye|slot-\d", self.stdout())
        self.assertEqual(sorted(words), ["bye"] * 3 + ["slot-0", "slot-1", "slot-2"])

    def test_sigterm_ends_an_idle_worker_in_order(self) -> None:
        self.crew(3)
        self.worker.send_signal(signal.SIGTERM)
        self.assertEqual(self.worker.wait(30), 0, self.stderr())
        self.assertEqual(self.stdout().count("bye"), 3)

    def test_sigterm_ends_a_busy_worker(self) -> None:
        slots = self.crew(2)
        slots[0].call("wait_for", [str(self.dir / "never")])
        self.wait_for("never.begun")
        self.worker.send_signal(signal.SIGTERM)
        self.assertEqual(self.worker.wait(30), 143, self.stderr())

    def test_thread_init_that_raises_fails_the_start(self) -> None:
        adapter = ADAPTER.replace("def slot(): return", 'def slot(): raise LookupError("no key") or')
        self.worker = self.spawn(adapter, slots=3, profile="thread")
        control = self.supervisor.accept("control")
        control.welcome()
        event = self.event(control)
        self.assertEqual((event["event"], event["error"]["type"]), ("failed", "LookupError"))
        self.assertEqual(self.worker.wait(30), 1)

    def test_a_new_supervisor_learns_of_every_call(self) -> None:
        slots = self.crew(3)
        self.exec(slots[2], "where")
        ids = [os.urandom(16) for _ in range(2)]
        for slot, call_id in zip(slots, ids):
            slot.call("wait_for", [str(self.dir / f"go{slot.hello['worker']['slot']}")], call_id=call_id)
        self.wait_for("go0.begun")
        self.wait_for("go1.begun")
        self.exec(slots[2], "where")
        for connection in (self.control, *slots):
            connection.close()
        told, links = {}, {}
        while len(told) < 2 or len(links) < 1:
            connection = self.supervisor.accept("control", "slot")
            connection.welcome()
            if connection.hello["role"] == "slot":
                links[connection.hello["worker"]["slot"]] = connection
                continue
            self.assertNotIn("running", connection.hello["worker"])
            for _ in range(2):
                event = self.event(connection)
                self.assertEqual(event["event"], "running")
                told[event["slot"]] = event["call"]
        self.assertEqual(told, {0: ids[0].hex(), 1: ids[1].hex()})
        self.assertEqual((list(links), links[2].hello["worker"]["calls"]), ([2], 4))
        self.assertEqual(len(links[2].hello["worker"]["history"]["executed"]), 2)
        (self.dir / "go0").write_text("")
        (self.dir / "go1").write_text("")
        for _ in range(2):
            slot = self.supervisor.accept("slot")
            number = slot.hello["worker"]["slot"]
            self.assertEqual(slot.hello["worker"]["history"]["kept"], [ids[number].hex()])
            slot.welcome()
            self.assertEqual(slot.answer()[1], str(self.dir / f"go{number}"))


class GilTest(unittest.TestCase):
    """What GilWatch says; that a real module has it say so is tested where there is a free-threaded build."""

    def test_names_the_module_that_came_with_it(self) -> None:
        told: list[list[str]] = []
        watch = GilWatch(told.append)
        on = False
        watch.is_on = lambda: on
        watch.look()
        module = type(sys)("late_module")
        module.__file__ = "/somewhere/late_module.so"
        sys.modules["late_module"] = module
        self.addCleanup(sys.modules.pop, "late_module")
        on = True
        watch.look()
        watch.look()
        self.assertEqual(told, [["late_module"]])
        self.assertIn("late_module was imported", explain(told[0]))

    def test_a_variable_may_be_to_blame(self) -> None:
        self.assertIn("PYTHON_GIL", explain([]))


if __name__ == "__main__":
    unittest.main()
