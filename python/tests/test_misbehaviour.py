"""Handlers that do to their process what they should not: the worker goes on, or ends as it should."""

from __future__ import annotations

import json
import os
import signal
import time
import unittest
from typing import Any

from snakepit import _wire

from .harness import LIMIT, WorkerCase

ADAPTER = """
    import os, signal, sys
    from snakepit import command

    @command
    def say(text: str):
        print(text)
        print(text + " loudly", file=sys.stderr)
        return text

    @command
    def close(how: str):
        if how == "fd":
            os.close(1)
        elif how == "both":
            os.close(1)
            os.close(2)
        else:
            sys.stdout.close()

    @command
    def take_the_number():
        os.close(1)
        return os.open("taken", os.O_WRONLY | os.O_CREAT)

    @command
    def ignore_signals():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, lambda *_: None)

    @command
    def alarm():
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)

    @command
    def move(where: str):
        os.chdir(where)
        return os.getcwd()

    @command
    def where():
        return os.getcwd()
"""


class MisbehaviourTest(WorkerCase):
    def setUp(self) -> None:
        super().setUp()
        self.worker, self.control, self.slot = self.ready(ADAPTER)

    def ping(self) -> None:
        self.control.send(_wire.PING, 0, b"x")
        self.assertEqual(self.control.receive()[0], _wire.PONG)

    def drained(self) -> None:
        self.slot.send(_wire.DRAIN)
        self.assertEqual(self.worker.wait(LIMIT), 0)

    def test_a_closed_stdout_is_given_back(self) -> None:
        for how in ("fd", "object", "both"):
            with self.subTest(how=how):
                self.assertIsNone(self.exec(self.slot, "close", [how]))
                self.ping()
                self.assertEqual(self.exec(self.slot, "say", [f"after {how}"]), f"after {how}")
                self.assertIn(f"after {how} loudly\n", self.stderr())
                self.assertIn(f"after {how}\n", self.stdout() + self.stderr())
        self.assertIn("a handler closed stdout; it goes to the log again", self.stderr())
        self.drained()

    def test_a_number_that_is_taken_is_left_alone(self) -> None:
        self.assertEqual(self.exec(self.slot, "take_the_number"), 1)
        self.ping()
        self.assertEqual(self.exec(self.slot, "say", ["here"]), "here")
        self.assertEqual((self.dir / "taken").read_text(), "here\n")
        self.drained()

    def test_connections_never_take_the_place_of_stdout(self) -> None:
        self.assertIsNone(self.exec(self.slot, "close", ["both"]))
        path = self.supervisor.path
        self.supervisor.close()
        supervisor = type(self.supervisor)(path)
        self.addCleanup(supervisor.close)
        control, slot = supervisor.accept_both()
        control.welcome()
        slot.welcome()
        self.assertIsNone(slot.answer()[1])  # that of close, which nobody has confirmed
        targets = {os.readlink(f"/proc/{self.worker.pid}/fd/{n}") for n in os.listdir(f"/proc/{self.worker.pid}/fd")}
        self.assertTrue(any(target.startswith("socket:") for target in targets))
        for number in ("1", "2"):
            target = f"/proc/{self.worker.pid}/fd/{number}"
            if os.path.lexists(target):
                self.assertFalse(os.readlink(target).startswith("socket:"))
        control.send(_wire.PING, 0, b"x")
        self.assertEqual(control.receive()[0], _wire.PONG)
        self.assertEqual(self.exec(slot, "say", ["again"]), "again")

    def test_changed_signals_keep_nobody_from_draining(self) -> None:
        self.assertIsNone(self.exec(self.slot, "ignore_signals"))
        self.worker.send_signal(signal.SIGTERM)
        self.assertEqual(self.exec(self.slot, "say", ["still here"]), "still here")
        self.drained()

    def test_a_timer_that_interrupts_every_read(self) -> None:
        self.assertIsNone(self.exec(self.slot, "alarm"))
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            self.assertEqual(self.exec(self.slot, "say", ["x"]), "x")
        self.ping()

    def test_another_directory_is_the_next_calls_too(self) -> None:
        here = self.exec(self.slot, "where")
        self.assertEqual(self.exec(self.slot, "move", ["/"]), "/")
        self.assertEqual(self.exec(self.slot, "where"), "/")
        event: dict[str, Any] = {"event": "reopen", "path": str(self.dir / "next.log")}

        self.control.send(_wire.EVENT, 0, json.dumps(event).encode(), flags=_wire.FLAG_IGNORABLE)
        self.ping()
        self.assertEqual(self.exec(self.slot, "say", ["elsewhere"]), "elsewhere")
        self.assertIn("elsewhere loudly", (self.dir / "next.log").read_text())
        self.assertNotEqual(here, "/")
        self.drained()


if __name__ == "__main__":
    unittest.main()
