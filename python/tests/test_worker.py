"""The life of a worker, seen from the supervisor's side of its sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import unittest

from snakepit import _wire

from .harness import LIMIT, PACKAGE, Connection, Supervisor, WorkerCase

ADAPTER = """
    import os, pathlib, time
    import snakepit
    from snakepit import Context, command

    @snakepit.init
    def start(ctx: Context):
        return {"greeting": ctx.config.get("greeting", "Hello")}

    @command(timeout="5s", idempotent=True)
    def hello(name: str, ctx: Context, tone: str = "plain") -> str:
        "Greet somebody."
        return f"{ctx.state['greeting']}, {name}!"

    @command
    def wait_for(path: str, started: str = "started"):
        pathlib.Path(started).touch()
        while not os.path.exists(path):
            time.sleep(0.005)
        return "waited"
"""


class StartTest(WorkerCase):
    def test_ready_call_drain(self) -> None:
        worker, control, slot = self.ready(ADAPTER, config={"greeting": "Salve"})
        who = control.hello["worker"]
        self.assertEqual(
            (who["state"], who["token"], who["pid"], who["boot_id"]), ("starting", "c0ffee", worker.pid, "boot")
        )
        self.assertGreater(who["start_time"], 0)
        self.assertEqual(slot.hello["worker"]["slot"], 0)
        self.assertEqual(slot.hello["worker"]["history"], {"kept": [], "executed": [], "complete_since_ns": 0})
        hello = {
            "name": "hello",
            "signature": "(name: str, tone: str = 'plain') -> str",
            "doc": "Greet somebody.",
            "timeout_ms": 5000,
            "idempotent": True,
            "schema": {
                "arguments": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "tone": {"type": "string", "default": "plain"}},
                    "required": ["name"],
                    "additionalProperties": False,
                },
                "result": {"type": "string"},
            },
        }
        self.assertEqual(self.commands[0], hello)
        self.assertEqual(self.exec(slot, "hello", {"name": "Ada"}), "Salve, Ada!")
        slot.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertTrue(slot.at_end())
        self.assertEqual(self.stderr(), "")

    def test_started_by_the_package_directory(self) -> None:
        self.entry = PACKAGE
        _, _, slot = self.ready(ADAPTER)
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")

    def test_the_sdk_comes_before_what_the_user_calls_snakepit(self) -> None:
        (self.dir / "snakepit.py").write_text("1/0")
        _, _, slot = self.ready(
            ADAPTER + "\n    @command\n    def path(): return sys.path\n    import sys",
            sys_path=[str(self.dir), "/elsewhere"],
        )
        path = self.exec(slot, "path")
        self.assertEqual(path[:3], [str(self.dir), "/elsewhere", str(PACKAGE.parent)])

    def test_grace_is_what_the_supervisor_last_said(self) -> None:
        worker = self.spawn(ADAPTER, orphan_grace_ms=600_000)
        control = self.supervisor.accept("control")
        control.welcome(orphan_grace_ms=100)
        self.event(control)
        self.supervisor.accept("slot").welcome()
        self.supervisor.close()
        self.assertEqual(worker.wait(LIMIT), 0)

    def failed(self, adapter: str, reference: str = "./adapter.py") -> dict[str, str]:
        """Start a worker whose adapter fails and return the call error it announces."""
        worker = self.spawn(adapter, reference)
        control = self.supervisor.accept("control")
        control.welcome()
        event = self.event(control)
        self.assertEqual(event["event"], "failed")
        self.assertTrue(control.at_end())
        self.assertEqual(worker.wait(LIMIT), 1)
        self.assertIn("cannot start adapter", self.stderr())
        error: dict[str, str] = event["error"]
        return error

    def test_import_that_raises(self) -> None:
        error = self.failed("def broken():\n    return {}['key']\nbroken()")
        self.assertEqual((error["type"], error["message"]), ("KeyError", "'key'"))
        self.assertRegex(error["traceback"], r'(?s)^Traceback.*adapter\.py", line 3, in <module>.*line 2, in broken')
        self.assertNotIn("_worker.py", error["traceback"])

    def test_syntax_error(self) -> None:
        error = self.failed("def f(:\n")
        self.assertEqual(error["type"], "SyntaxError")
        self.assertIn('adapter.py", line 1', error["traceback"])

    def test_missing_module(self) -> None:
        error = self.failed("", "no.such.module")
        self.assertEqual(error["type"], "ModuleNotFoundError")

    def test_no_commands(self) -> None:
        error = self.failed("x = 1")
        self.assertEqual(error["type"], "snakepit.AdapterError")
        self.assertEqual(
            error["message"], "adapter ./adapter.py has no commands: put @snakepit.command above a function"
        )

    def test_exit_in_init(self) -> None:
        code = "import sys, snakepit\n@snakepit.command\ndef f(): pass\n@snakepit.init\ndef g(): sys.exit(3)"
        error = self.failed(code)
        self.assertEqual((error["type"], error["message"]), ("SystemExit", "the adapter called sys.exit(3)"))

    def test_prints_go_to_the_log(self) -> None:
        code = ADAPTER + "\n    print('imported \\u00e9 \\ud800', flush=False)\n    os.write(1, b'raw\\n')"
        _, _, slot = self.ready(code)
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")
        self.assertEqual(self.stdout(), "imported é \\ud800\nraw\n")

    def test_ping_while_the_adapter_is_imported(self) -> None:
        worker = self.spawn("import os, time\nwhile not os.path.exists('go'): time.sleep(0.005)\n" + "1/0")
        control = self.supervisor.accept("control")
        control.welcome()
        control.send(_wire.PING, payload=b"12345678")
        self.assertEqual(control.receive(), (_wire.PONG, 0, 0, b"12345678"))
        control.send(99, flags=_wire.FLAG_IGNORABLE)
        (self.dir / "go").touch()
        self.assertEqual(self.event(control)["error"]["type"], "ZeroDivisionError")
        self.assertEqual(worker.wait(LIMIT), 1)

    def test_drain_while_the_adapter_is_imported(self) -> None:
        worker = self.spawn("import time\ntime.sleep(60)")
        control = self.supervisor.accept("control")
        control.welcome()
        control.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)

    def test_refused_at_hello(self) -> None:
        worker = self.spawn(ADAPTER)
        self.supervisor.accept("control").refuse("the token is not this worker's")
        self.assertEqual(worker.wait(LIMIT), 1)
        self.assertIn("the token is not this worker's", self.stderr())

    def test_long_socket_paths(self) -> None:
        deep = self.dir / ("d" * 60) / ("e" * 60)
        deep.mkdir(parents=True)
        handle = os.open(deep, os.O_RDONLY)
        self.addCleanup(os.close, handle)
        self.supervisor.close()
        self.supervisor = Supervisor(f"/proc/self/fd/{handle}/worker.sock")
        _, _, slot = self.ready(ADAPTER, socket=str(deep / "worker.sock"))
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")

    def test_started_by_hand(self) -> None:
        argv = [sys.executable, str(PACKAGE / "__main__.py"), "worker", "pool.api/0"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot read the launch document", done.stderr)


class StopTest(WorkerCase):
    def test_calls_before_the_drain_are_answered(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        for stream in (1, 2, 3):
            slot.call("hello", [str(stream)], stream=stream)
        slot.send(_wire.DRAIN)
        self.assertEqual([slot.answer() for _ in range(3)], [(n, f"Hello, {n}!") for n in (1, 2, 3)])
        self.assertEqual(worker.wait(LIMIT), 0)

    def test_exit_handlers_run_after_a_drain(self) -> None:
        worker, _, slot = self.ready(ADAPTER + "\n    import atexit\n    atexit.register(print, 'bye')")
        slot.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertEqual(self.stdout(), "bye\n")

    def test_sigint_is_ignored(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        worker.send_signal(signal.SIGINT)
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")

    def test_sigterm_when_idle(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        slot.send(_wire.PING)
        self.assertEqual(slot.receive()[0], _wire.PONG)
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(LIMIT), 0)

    def test_sigterm_within_a_call(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        slot.call("wait_for", ["never"])
        self.wait_for("started")
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(LIMIT), 143)
        self.assertTrue(slot.at_end())

    def test_frames_that_a_slot_does_not_take(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        slot.send(99, flags=_wire.FLAG_IGNORABLE)
        slot.send(_wire.WINDOW)
        type, _, _, payload = slot.receive()
        self.assertEqual(type, _wire.GOAWAY)
        self.assertIn(b"frames of type 10", payload)
        self.assertEqual(worker.wait(LIMIT), 1)

    def test_frames_that_are_too_long(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        slot.sock.sendall(_wire.HEADER.pack(_wire.MAX_FRAME + 1, _wire.CALL, 0, 0, 1))
        type, _, _, payload = slot.receive()
        self.assertEqual(type, _wire.GOAWAY)
        self.assertIn(b"exceeds the limit", payload)
        self.assertEqual(worker.wait(LIMIT), 1)


class OrphanTest(WorkerCase):
    """What a worker does when its supervisor is gone."""

    def vanish(self) -> None:
        """Kill the supervisor and put a new one in its place, which accepts nothing yet."""
        path = self.supervisor.path
        self.supervisor.close()
        self.supervisor = Supervisor(path)

    def adopt(self) -> tuple[Connection, Connection]:
        control, slot = self.supervisor.accept_both()
        control.welcome()
        slot.welcome()
        return control, slot

    def test_adopted_when_idle(self) -> None:
        worker, _, _ = self.ready(ADAPTER)
        self.vanish()
        control, slot = self.adopt()
        who = control.hello["worker"]
        self.assertEqual((who["state"], who["pid"], who["token"]), ("ready", worker.pid, "c0ffee"))
        self.assertEqual([row["name"] for row in who["commands"]], ["hello", "wait_for"])
        self.assertEqual(slot.hello["worker"]["history"]["executed"], [])
        self.assertNotIn("running", who)
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")
        control.send(_wire.PING, payload=b"1")
        self.assertEqual(control.receive()[0], _wire.PONG)
        slot.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)

    def test_result_is_kept(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        slot.call("wait_for", ["go"], stream=77, call_id=bytes(range(16)))
        self.wait_for("started")
        self.vanish()
        control = self.supervisor.accept("control")
        control.welcome()
        call_id = bytes(range(16)).hex()
        self.assertEqual(control.hello["worker"]["running"], [{"slot": 0, "id": call_id}])
        self.assertEqual(control.hello["worker"]["history"]["executed"], [])
        (self.dir / "go").touch()
        slot = self.supervisor.accept("slot")
        history = slot.hello["worker"]["history"]
        self.assertEqual((history["kept"], history["executed"]), ([call_id], [call_id]))
        slot.welcome()
        self.assertEqual(slot.answer(), (77, "waited"))
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")
        slot.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)

    def test_drained_while_a_result_is_kept(self) -> None:
        worker, _, slot = self.ready(ADAPTER)
        slot.call("wait_for", ["go"])
        self.wait_for("started")
        self.vanish()
        control = self.supervisor.accept("control")
        control.welcome()
        control.send(_wire.DRAIN)
        control.send(_wire.PING)
        self.assertEqual(control.receive()[0], _wire.PONG)
        (self.dir / "go").touch()
        slot = self.supervisor.accept("slot")
        slot.welcome()
        self.assertEqual(slot.answer()[1], "waited")
        self.assertEqual(worker.wait(LIMIT), 0)

    def test_supervisor_that_is_killed_within_a_body(self) -> None:
        _, _, slot = self.ready(ADAPTER)
        head = _wire.pack_call(_wire.Call(call_id=bytes(16), command="hello"))
        slot.sock.sendall(_wire.frame(_wire.CALL, 1, head, b'["B'))
        self.vanish()
        _, slot = self.adopt()
        self.assertEqual(slot.hello["worker"]["history"]["executed"], [])
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")

    def test_sent_is_not_delivered(self) -> None:
        """What a supervisor may have read and not passed on is sent to the next one again."""
        _, _, slot = self.ready(ADAPTER)
        ids = [bytes([i]) * 16 for i in range(20)]
        for i, call_id in enumerate(ids):
            self.exec(slot, "hello", [f"no {i}"], call_id=call_id)
        self.vanish()
        _, slot = self.adopt()
        history = slot.hello["worker"]["history"]
        self.assertEqual(history["executed"], [i.hex() for i in ids])
        self.assertEqual(history["kept"], [i.hex() for i in ids])
        for i in range(20):
            self.assertEqual(slot.answer()[1], f"Hello, no {i}!")
        self.assertEqual(self.exec(slot, "hello", ["Bo"]), "Hello, Bo!")

    def test_call_that_lies_in_the_old_socket(self) -> None:
        """Only a slot that connects again proves that it is idle."""
        _, _, slot = self.ready(ADAPTER)
        slot.call("hello", ["Cy"], stream=9, call_id=b"c" * 16)
        self.vanish()
        _, slot = self.adopt()
        self.assertEqual(slot.hello["worker"]["history"]["executed"], [(b"c" * 16).hex()])
        self.assertEqual(slot.answer(), (9, "Hello, Cy!"))

    def test_sent_away(self) -> None:
        worker, _, _ = self.ready(ADAPTER)
        self.vanish()
        self.supervisor.accept("control", "slot").refuse("nobody needs this worker")
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertIn("nobody needs this worker", self.stderr())

    def test_nobody_comes_back(self) -> None:
        worker, _, _ = self.ready(ADAPTER, orphan_grace_ms=200)
        began = time.monotonic()
        self.supervisor.close()
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertGreaterEqual(time.monotonic() - began, 0.2)

    def test_nobody_comes_back_for_a_running_call(self) -> None:
        worker, _, slot = self.ready(ADAPTER, orphan_grace_ms=200)
        slot.call("wait_for", ["never"])
        self.wait_for("started")
        self.supervisor.close()
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertIn("given up", self.stderr())

    def test_gone_before_ready(self) -> None:
        worker = self.spawn("import time\ntime.sleep(60)")
        self.supervisor.accept("control").welcome()
        self.supervisor.close()
        self.assertEqual(worker.wait(LIMIT), 1)
        self.assertIn("before this worker was ready", self.stderr())

    def test_no_supervisor_at_all(self) -> None:
        self.supervisor.close()
        worker = self.spawn(ADAPTER)
        self.assertEqual(worker.wait(LIMIT), 1)
        self.assertIn("cannot reach the supervisor at", self.stderr())


if __name__ == "__main__":
    unittest.main()
