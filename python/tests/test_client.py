"""The client, against a supervisor that relays to a real worker; and the command line without either."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from typing import Any
from unittest import mock

import snakepit
from snakepit import CallError, _wire
from snakepit._client import default_socket

from .harness import PACKAGE, Supervisor, WorkerCase
from .test_calls import ADAPTER


class Relay(threading.Thread):
    """Forwards the frames between one client and one slot, as a supervisor would."""

    def __init__(self, front: Supervisor, slot: Any) -> None:
        super().__init__(daemon=True)
        self.front, self.slot = front, slot
        self.calls: list[_wire.Call] = []

    def run(self) -> None:
        client = self.front.accept("client")
        client.welcome()
        try:
            while True:
                self.forward(client, self.slot)
                client.send(_wire.PING)
                self.forward(self.slot, client)
                assert client.receive()[0] == _wire.PONG
        except (EOFError, OSError):
            pass

    def forward(self, source: Any, target: Any) -> None:
        flags = 0
        while not flags & _wire.FLAG_END:
            type, flags, stream, payload = source.receive()
            if type == _wire.CALL:
                call = _wire.parse_call(payload)
                self.calls.append(call)
                payload = bytes(8) + payload[8:]  # the deadline of the worker's side: none
            target.send(type, stream, payload, flags)


class ClientTest(WorkerCase):
    def setUp(self) -> None:
        super().setUp()
        _, _, slot = self.ready(ADAPTER)
        self.front = Supervisor(str(self.dir / "supervisor.sock"))
        self.addCleanup(self.front.close)
        self.relay = Relay(self.front, slot)
        self.relay.start()
        self.client = snakepit.Client(self.front.path)
        self.addCleanup(self.relay.join, 10)
        self.addCleanup(self.client.close)

    def test_exec(self) -> None:
        self.assertEqual(self.client.exec("api", "add", {"a": 1, "b": 2}), 3)
        self.assertEqual(self.client.exec("", "add", (4,), timeout=2.5, session="s", idempotent=True), 5)
        self.assertIsNone(self.client.exec("api", "echo"))
        first, second, _ = self.relay.calls
        self.assertEqual((first.pool, first.command, first.deadline, first.bits), ("api", "add", 0, 0))
        self.assertEqual((second.session, second.bits), ("s", 1))
        self.assertTrue(2_000_000_000 < second.deadline <= 2_500_000_000, second.deadline)
        self.assertNotEqual(first.call_id, second.call_id)

    def test_large_bodies(self) -> None:
        text = "y" * 700_000
        self.assertEqual(self.client.exec("api", "echo", [text]), text)

    def test_errors_tell_everything(self) -> None:
        with self.assertRaises(CallError) as caught:
            self.client.exec("api", "fail", ["no"])
        error = caught.exception
        self.assertEqual((error.category, error.code, error.type, error.message), ("raised", 2, "ValueError", "no"))
        self.assertIn("in fail", error.traceback)
        self.assertEqual(error.details["worker"], "pool.test/0@7f2c")
        self.assertEqual(self.client.exec("api", "add", [1]), 2)

    def test_arguments_that_cannot_be_encoded(self) -> None:
        with self.assertRaisesRegex(TypeError, r"args\.a\[1\]: object of type object"):
            self.client.exec("api", "echo", {"a": [1, object()]})
        self.assertEqual(self.client.exec("api", "add", [1]), 2)

    def test_nobody_answers(self) -> None:
        with self.assertRaisesRegex(snakepit.SnakepitError, "start the supervisor with `snakectl supervisor start`"):
            snakepit.Client(self.dir / "nothing.sock")

    def test_default_socket(self) -> None:
        for env, want in (
            ({"SNAKECTL_INSTANCE": "/i"}, "/i/supervisor.sock"),
            ({"XDG_STATE_HOME": "/state"}, "/state/snakectl/supervisor.sock"),
        ):
            with self.subTest(env=env), mock.patch.dict(os.environ, env, clear=True):
                self.assertEqual(default_socket(), want)


class Scripted(threading.Thread):
    """A supervisor whose connections are each served by one function."""

    def __init__(self, path: str, *scripts: Any) -> None:
        super().__init__(daemon=True)
        self.front = Supervisor(path)
        self.scripts = scripts
        self.calls: list[_wire.Call] = []
        self.claims: list[dict[str, Any]] = []
        self.start()

    def run(self) -> None:
        for script in self.scripts:
            link = self.front.accept("client")
            ack = {"version": 1, "capabilities": link.hello["capabilities"]}
            link.send(_wire.HELLO_ACK, 0, json.dumps(ack).encode())
            try:
                script(self, link)
            except (EOFError, OSError):
                pass
            link.close()
        self.front.close()

    def take(self, link: Any) -> int:
        """Read a CALL or an ATTACH and return its stream."""
        type, flags, stream, payload = link.receive()
        if type == _wire.ATTACH:
            self.claims += json.loads(payload)["calls"]
            return int(self.claims[-1]["stream"])
        assert type == _wire.CALL
        assert flags & _wire.FLAG_END
        self.calls.append(_wire.parse_call(payload))
        return int(stream)

    def vanish(self, link: Any) -> None:
        self.take(link)

    def answer(self, link: Any) -> None:
        stream = self.take(link)
        link.send(_wire.RESULT, stream, _wire.pack_result(1, b"w") + b'"done"', _wire.FLAG_END)

    def half(self, link: Any) -> None:
        stream = self.take(link)
        link.send(_wire.RESULT, stream, _wire.pack_result(1, b"w") + b'"do')

    def unstarted(self, link: Any) -> None:
        self.fail(link, started=False, retryable=True)
        self.answer(link)

    def unknown(self, link: Any) -> None:
        self.fail(link, started=True, retryable=False)

    def again(self, link: Any) -> None:
        self.fail(link, started=True, retryable=True)
        self.answer(link)

    def fail(self, link: Any, **how: bool) -> None:
        error = {"code": 14, "category": "unavailable", "origin": "supervisor", "message": "gone", **how}
        link.send(_wire.ERROR, self.take(link), json.dumps(error).encode(), _wire.FLAG_END)


class ReconnectTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "supervisor.sock")

    def client(self, *scripts: Any, **options: Any) -> tuple[snakepit.Client, Scripted]:
        server = Scripted(self.path, *scripts)
        self.addCleanup(server.join, 10)
        client = snakepit.Client(self.path, **options)
        self.addCleanup(client.close)
        return client, server

    def test_the_next_supervisor_has_the_answer(self) -> None:
        client, server = self.client(Scripted.vanish, Scripted.answer)
        self.assertEqual(client.exec("api", "work", timeout=60), "done")
        (call,), (claim,) = server.calls, server.claims
        self.assertEqual((claim["id"], claim["pool"], claim["idempotent"]), (call.call_id.hex(), "api", False))
        self.assertTrue(0 < claim["age_ns"] < 30e9 and 30e9 < claim["deadline_ns"] <= 60e9, claim)

    def test_half_an_answer_is_forgotten(self) -> None:
        client, _ = self.client(Scripted.half, Scripted.answer)
        self.assertEqual(client.exec("api", "work"), "done")

    def test_a_call_that_never_started_is_sent_again(self) -> None:
        client, server = self.client(Scripted.vanish, Scripted.unstarted)
        self.assertEqual(client.exec("api", "work"), "done")
        first, second = server.calls
        self.assertEqual(first.call_id, second.call_id)

    def test_a_call_whose_fate_is_unknown_fails(self) -> None:
        client, server = self.client(Scripted.vanish, Scripted.unknown)
        with self.assertRaises(CallError) as caught:
            client.exec("api", "work")
        self.assertTrue(caught.exception.started)
        self.assertEqual(len(server.calls), 1)

    def test_a_call_that_may_run_twice_is_sent_again(self) -> None:
        client, server = self.client(Scripted.vanish, Scripted.again)
        self.assertEqual(client.exec("api", "work", idempotent=True), "done")
        self.assertEqual(len(server.calls), 2)

    def test_retryable_errors_of_the_call_itself_are_the_callers(self) -> None:
        client, server = self.client(Scripted.unstarted)
        with self.assertRaises(CallError):
            client.exec("api", "work")
        self.assertEqual(len(server.calls), 1)
        self.assertEqual(client.exec("api", "work"), "done")

    def test_a_new_connection_for_the_next_call(self) -> None:
        client, server = self.client(Scripted.answer, Scripted.answer)
        self.assertEqual(client.exec("api", "work"), "done")
        self.assertEqual(client.exec("api", "work"), "done")
        self.assertEqual(len(server.calls) + len(server.claims), 2)

    def test_nobody_comes_back(self) -> None:
        client, server = self.client(Scripted.vanish, reconnect=0.05)
        with self.assertRaisesRegex(ConnectionError, "may have been executed"):
            client.exec("api", "work")
        with self.assertRaisesRegex(snakepit.SnakepitError, "cannot connect"):
            client.exec("api", "work")
        self.assertEqual(len(server.calls), 1)

    def test_the_timeout_ends_the_wait(self) -> None:
        client, _ = self.client(Scripted.vanish)
        with self.assertRaisesRegex(ConnectionError, "may have been executed"):
            client.exec("api", "work", timeout=0.05)

    def test_switched_off(self) -> None:
        client, server = self.client(Scripted.vanish, Scripted.answer, reconnect=0)
        with self.assertRaises(ConnectionError):
            client.exec("api", "work")
        self.assertEqual(client.exec("api", "work"), "done")
        self.assertEqual(server.claims, [])

    def test_close_ends_the_wait(self) -> None:
        client, _ = self.client(Scripted.vanish)
        timer = threading.Timer(0.05, client.close)
        timer.start()
        self.addCleanup(timer.join)
        with self.assertRaises(ConnectionError):
            client.exec("api", "work")


class CommandLineTest(WorkerCase):
    def run_cli(self, *argv: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONIOENCODING": "utf-8"}
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "snakepit", *argv],
            cwd=self.dir,
            env=env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def setUp(self) -> None:
        super().setUp()
        self.write(ADAPTER)

    def test_commands(self) -> None:
        done = self.run_cli("./adapter.py", "commands")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("add(a: int, b: int = 1) -> int\n", done.stdout)

    def test_call(self) -> None:
        for words, status, stdout, stderr in (
            (["add", "a=40", "b=2"], 0, "42\n", ""),
            (["add", "[1]"], 0, "2\n", ""),
            (["echo", '{"value": {"a": "é"}}'], 0, '{"a":"é"}\n', ""),
            (["echo", "value=plain text"], 0, '"plain text"\n', ""),
            (["add", "a=x"], 1, "", "invalid_argument: a: want integer, got string: add(a: int, b: int = 1) -> int\n"),
            (["add", "{"], 1, "", "invalid_argument: the arguments are not JSON"),
            (["add", "x"], 1, "", "cannot read argument 'x': write NAME=VALUE, or one JSON object or list"),
            (["nothing"], 1, "", "unknown_command: there is no command 'nothing'"),
            (["fail", "message=no"], 1, "", "ValueError: no"),
            (["about", "--config", '{"k":1}'], 0, '{"k":1}', ""),
        ):
            with self.subTest(words=words):
                done = self.run_cli("./adapter.py", "call", *words)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(stdout, done.stdout)
                self.assertIn(stderr, done.stderr)

    def test_crash_shows_where(self) -> None:
        self.write("import os\nfrom snakepit import command\n\n@command\ndef boom():\n    os.abort()\n")
        done = self.run_cli("./adapter.py", "call", "boom")
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertIn("Fatal Python error: Aborted", done.stderr)
        self.assertRegex(done.stderr, r'adapter\.py", line 6 in boom')

    def test_usage(self) -> None:
        for words, status in (([], 2), (["--help"], 0), (["./adapter.py"], 2), (["./adapter.py", "jump"], 2)):
            with self.subTest(words=words):
                done = self.run_cli(*words)
                self.assertEqual(done.returncode, status)
                self.assertIn("usage: python -m snakepit", done.stdout if status == 0 else done.stderr)

    def test_adapter_that_does_not_load(self) -> None:
        done = self.run_cli("./missing.py", "commands")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no file", done.stderr)


if __name__ == "__main__":
    unittest.main()
