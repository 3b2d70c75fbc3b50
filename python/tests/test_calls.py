"""Calls to a real worker: results, errors, bodies, deadlines, and handlers that misbehave."""

from __future__ import annotations

import os
import sys
import time
import unittest
from typing import Any

from snakepit import _wire

from .harness import LIMIT, Failure, WorkerCase

ADAPTER = """
    import asyncio, os, pathlib, sys, time
    import snakepit
    from snakepit import Context, command

    class Odd(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    class Raises:
        def to_dict(self):
            raise LookupError("no way")

    @command
    def echo(value=None):
        return value

    @command
    def add(a: int, b: int = 1) -> int:
        return a + b

    @command
    def fail(message: str):
        raise ValueError(message)

    @command
    def chained():
        try:
            {}["key"]
        except KeyError as err:
            raise RuntimeError("outer") from err

    @command
    def odd():
        raise Odd()

    @command
    def refuse():
        raise snakepit.InvalidArgument("path: want a file")

    @command
    def give(what: str):
        loop = []
        loop.append(loop)
        return {"object": {"items": [1, 2, 3, object()]}, "nan": [float("nan")], "loop": loop,
                "keys": {(1,): 2}, "surrogate": {"a": "\\ud800"}, "raises": Raises()}[what]

    @command
    def starve(mib: int):
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (mib << 20, hard))
        parts = []
        while True:
            parts.append(str(len(parts)) * 50)

    @command
    def leave(code=None):
        sys.exit(code)

    @command
    def die(code: int):
        os._exit(code)

    @command
    def fork(how: str):
        pid = os.fork()
        if pid == 0:
            if how == "return":
                return "child"
            if how == "raise":
                raise ValueError("child")
            if how == "exit":
                sys.exit(5)
            os._exit(6)
        return os.WEXITSTATUS(os.waitpid(pid, 0)[1])

    @command
    def ask():
        return input()

    @command
    async def later(n: int):
        await asyncio.sleep(0)
        return n, id(asyncio.get_running_loop())

    @command
    def about(ctx: Context):
        left = ctx.remaining()
        ctx.log.warning("looked at")
        return [ctx.call_id, ctx.worker_id, ctx.session, ctx.config, ctx.command,
                None if left is None else 0 < left <= 60, ctx.cancelled]

    @command
    def until_told(ctx: Context):
        pathlib.Path("started").touch()
        while True:
            ctx.check()
            time.sleep(0.002)

    @command
    def big(size: int):
        return "x" * (size - 2)

    @command
    def deep(levels: int):
        value = []
        for _ in range(levels):
            value = [value]
        return value
"""


class CallTest(WorkerCase):
    def setUp(self) -> None:
        super().setUp()
        self.worker, self.control, self.slot = self.ready(ADAPTER, config={"a": 1})

    def fails(self, command: str, args: Any = None, **envelope: Any) -> Failure:
        got = self.exec(self.slot, command, args, **envelope)
        self.assertIsInstance(got, Failure)
        self.assertEqual(got["origin"], "worker")
        self.assertEqual(got["worker"], "pool.test/0@7f2c")
        failure: Failure = got
        return failure

    def still_serves(self) -> None:
        self.assertEqual(self.exec(self.slot, "add", [40, 2]), 42)

    def test_values_survive(self) -> None:
        for value in (None, True, 0, -1, 2**70, 1.5, "", "é\n\U0001f40d", [], [1, [2]], {}, {"a": {"b": None}}):
            with self.subTest(value=value):
                self.assertEqual(self.exec(self.slot, "echo", {"value": value}), value)
        self.assertEqual(self.exec(self.slot, "echo"), None)

    def test_exec_time_and_stream(self) -> None:
        self.slot.call("echo", [1], stream=(1 << 64) - 1)
        type, flags, stream, payload = self.slot.receive()
        self.assertEqual((type, flags, stream), (_wire.RESULT, _wire.FLAG_END, (1 << 64) - 1))
        queue_ns, exec_ns, codec, worker, body = _wire.parse_result(payload)
        self.assertEqual((queue_ns, codec, worker, body), (0, 1, "pool.test/0@7f2c", b"1"))
        self.assertTrue(0 < exec_ns < 10**9)

    def test_raise(self) -> None:
        error = self.fails("fail", ["no é \ud800"])
        self.assertEqual((error["code"], error["category"], error["type"]), (2, "raised", "ValueError"))
        self.assertEqual(error["message"], "no é \\ud800")
        self.assertTrue(error["started"])
        self.assertFalse(error["retryable"])
        self.assertRegex(error["traceback"], r'(?s)^Traceback.*adapter\.py", line \d+, in fail\n.*ValueError: no')
        self.assertNotIn("_slot.py", error["traceback"])
        self.still_serves()

    def test_raise_in_unusual_ways(self) -> None:
        chained = self.fails("chained")["traceback"]
        self.assertIn("KeyError: 'key'", chained)
        self.assertIn("direct cause", chained)
        odd = self.fails("odd")
        self.assertEqual(
            (odd["type"], odd["message"]), ("adapter.Odd", "<no message: its __str__ raised RuntimeError>")
        )
        long = self.fails("fail", ["x" * 300_000])
        self.assertLess(len(long["message"]), 70_000)
        self.assertLess(len(self.fails("fail", ["\x00" * 300_000])["message"]), 70_000)
        refused = self.fails("refuse")
        self.assertEqual((refused["category"], refused["message"]), ("invalid_argument", "path: want a file"))
        self.still_serves()

    def test_results_that_cannot_be_encoded(self) -> None:
        for what, message in (
            ("object", "result.items[3]: object of type object is not JSON serialisable"),
            ("nan", "result[0]: nan is not JSON, which has finite numbers only"),
            ("loop", "result[0]: the object contains itself"),
            ("keys", "result: a key of type tuple is not JSON serialisable"),
            ("surrogate", "result.a: the string holds a lone surrogate and cannot be encoded as UTF-8"),
            ("raises", "result: no way"),
        ):
            with self.subTest(what=what):
                error = self.fails("give", [what])
                self.assertEqual((error["category"], error["type"], error["message"]), ("raised", "TypeError", message))
        self.assertIn("nested more than 200 levels deep", self.fails("deep", [100_000])["message"])
        self.still_serves()

    def test_arguments_that_do_not_fit(self) -> None:
        error = self.fails("add", {"a": "x"})
        self.assertEqual((error["code"], error["category"], error["started"]), (3, "invalid_argument", False))
        usage = "add(a: int, b: int = 1) -> int"
        self.assertEqual(error["message"], f"a: want integer, got string: {usage}")
        self.assertEqual(self.fails("add", {})["message"], f"missing argument a: {usage}")
        self.assertEqual(self.fails("add", {"a": 1, "c": 1})["message"], f"unexpected argument c: {usage}")

    def test_arguments_that_are_not_json(self) -> None:
        head = _wire.pack_call(_wire.Call(command="echo", call_id=bytes(16)))
        for body in (b"{", b"[NaN]", b"[1] 2", b'"\xff"', b"[" * 200_000, b'{"value":' + b"9" * 100_000 + b"x}"):
            with self.subTest(body=body[:20]):
                self.slot.sock.sendall(_wire.frame(_wire.CALL, 1, head, body, flags=_wire.FLAG_END))
                error = self.slot.answer()[1]
                self.assertEqual(error["category"], "invalid_argument")
                self.assertIn("the arguments are not JSON", error["message"])
        self.still_serves()

    def test_unknown_command(self) -> None:
        error = self.fails("ad")
        self.assertEqual((error["code"], error["category"], error["started"]), (12, "unknown_command", False))
        self.assertRegex(error["message"], "there is no command 'ad'. Did you mean add\\? Available: about, add, ask,")

    def test_unknown_codec(self) -> None:
        head = _wire.pack_call(_wire.Call(command="echo", call_id=bytes(16), codec=9))
        self.slot.sock.sendall(_wire.frame(_wire.CALL, 1, head, flags=_wire.FLAG_END))
        self.assertEqual(self.slot.answer()[1]["message"], "the worker does not speak codec 9")
        self.still_serves()

    @unittest.skipUnless(sys.platform == "linux", "RLIMIT_DATA holds nobody elsewhere")
    def test_memory_error_leaves_room_to_tell(self) -> None:
        for _ in range(2):
            error = self.fails("starve", {"mib": 96})
            self.assertEqual(error["type"], "MemoryError")
            self.assertIn("in starve", error["traceback"])
            self.assertIn("limits.memory", error["hint"])
        self.still_serves()

    def test_sys_exit(self) -> None:
        error = self.fails("leave", [3])
        self.assertEqual((error["type"], error["message"]), ("SystemExit", "the adapter called sys.exit(3)"))
        self.still_serves()

    def test_os_exit_kills_the_worker(self) -> None:
        self.slot.call("die", [9])
        self.assertTrue(self.slot.at_end())
        self.assertEqual(self.worker.wait(LIMIT), 9)

    def test_fork(self) -> None:
        for how, status in (("return", 0), ("raise", 1), ("exit", 5), ("_exit", 6)):
            with self.subTest(how=how):
                self.assertEqual(self.exec(self.slot, "fork", [how]), status)
        self.still_serves()

    def test_input_is_at_its_end(self) -> None:
        self.assertEqual(self.fails("ask")["type"], "EOFError")

    def test_coroutines_share_one_loop(self) -> None:
        first, second = (self.exec(self.slot, "later", [n]) for n in (1, 2))
        self.assertEqual((first[0], second[0]), (1, 2))
        self.assertEqual(first[1], second[1])
        self.slot.send(_wire.DRAIN)
        self.assertEqual(self.worker.wait(LIMIT), 0)
        self.assertEqual(self.stderr(), "")  # the loop was closed

    def test_context(self) -> None:
        deadline = time.monotonic_ns() + 60 * 10**9
        got = self.exec(self.slot, "about", call_id=bytes(range(16)), deadline=deadline)
        self.assertEqual(got, [bytes(range(16)).hex(), "pool.test/0@7f2c", "", {"a": 1}, "about", True, False])
        self.assertRegex(self.stderr(), r"^\S+Z WARNING \[00010203\] looked at\n$")
        self.assertIsNone(self.exec(self.slot, "about")[5])

    def test_deadline_that_has_passed(self) -> None:
        error = self.fails("die", [9], deadline=time.monotonic_ns() - 1)
        self.assertEqual((error["code"], error["category"], error["started"]), (4, "deadline_exceeded", False))
        self.still_serves()

    def test_deadline_within_a_call(self) -> None:
        error = self.fails("until_told", deadline=time.monotonic_ns() + 20_000_000)
        self.assertEqual((error["category"], error["started"]), ("deadline_exceeded", True))
        self.still_serves()

    def test_cancel_a_running_call(self) -> None:
        self.slot.call("until_told", call_id=bytes(range(16)))
        self.wait_for("started")
        self.control.send(_wire.CANCEL, payload=bytes(range(16)))
        error = self.slot.answer()[1]
        self.assertEqual((error["code"], error["category"], error["started"]), (1, "cancelled", True))
        self.still_serves()

    def test_cancel_a_waiting_call(self) -> None:
        for n in range(300):  # ids of calls that never come must not pile up
            self.control.send(_wire.CANCEL, payload=n.to_bytes(16, "big"))
        self.control.send(_wire.CANCEL, payload=b"b" * 16)
        self.control.send(_wire.PING)
        self.assertEqual(self.control.receive()[0], _wire.PONG)
        error = self.fails("die", [9], call_id=b"b" * 16)
        self.assertEqual((error["category"], error["started"]), ("cancelled", False))
        self.assertEqual(self.exec(self.slot, "add", [1], call_id=bytes(16)), 2)
        self.still_serves()

    def test_pipelined_calls_are_answered_in_order(self) -> None:
        for n in range(200):
            self.slot.call("add", [n], stream=n + 1)
        self.assertEqual([self.slot.answer() for _ in range(200)], [(n + 1, n + 1) for n in range(200)])

    def test_a_megabyte_both_ways(self) -> None:
        text = os.urandom(1 << 19).hex()
        self.assertEqual(self.exec(self.slot, "echo", [text]), text)
        self.still_serves()

    def test_results_around_the_frame_limit(self) -> None:
        head = len(_wire.pack_result(0, b"pool.test/0@7f2c"))
        for size in (
            _wire.MAX_FRAME - head - 1,
            _wire.MAX_FRAME - head,
            _wire.MAX_FRAME - head + 1,
            2 * _wire.MAX_FRAME - head,
        ):
            with self.subTest(size=size):
                self.assertEqual(len(self.exec(self.slot, "big", [size])), size - 2)


class CapTest(WorkerCase):
    """Bodies over the cap that the supervisor names in its welcome."""

    def setUp(self) -> None:
        super().setUp()
        self.spawn(ADAPTER)
        control = self.supervisor.accept("control")
        control.welcome()
        self.event(control)
        self.slot = self.supervisor.accept("slot")
        self.slot.welcome(max_body=300_000)

    def test_result_over_the_cap(self) -> None:
        error = self.exec(self.slot, "big", [300_001])
        self.assertEqual((error["code"], error["category"], error["started"]), (8, "too_large", True))
        self.assertEqual(error["message"], "the result of big has 300001 bytes, the limit is 300000")
        self.assertEqual(len(self.exec(self.slot, "big", [300_000])), 299_998)

    def test_arguments_over_the_cap(self) -> None:
        error = self.exec(self.slot, "echo", ["x" * 600_000])
        self.assertEqual((error["category"], error["started"]), ("too_large", False))
        self.assertEqual(self.exec(self.slot, "add", [1]), 2)


if __name__ == "__main__":
    unittest.main()
