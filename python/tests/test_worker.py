"""The life of a worker, seen from the supervisor's side of its sockets."""

from __future__ import annotations

import signal
import time
import unittest

from snakepit import _wire

from .harness import LIMIT, WorkerCase

ADAPTER = """
    import os, pathlib, sys, time
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
    def echo(value=None):
        return value

    @command
    def wait_for(path: str, started: str = "started"):
        pathlib.Path(started).touch()
        while not os.path.exists(path):
            time.sleep(0.005)
        return "waited"
"""


class LifeTest(WorkerCase):
    def test_ready_call_drain(self) -> None:
        worker, control, slot = self.ready(ADAPTER, config={"greeting": "Salve"})
        self.assertEqual(control.hello["worker"]["state"], "starting")
        self.assertEqual(control.hello["worker"]["token"], "c0ffee")
        self.assertEqual(control.hello["worker"]["pid"], worker.pid)
        self.assertEqual(slot.hello["worker"]["slot"], 0)
        hello = self.commands[0]
        self.assertEqual(hello["name"], "hello")
        self.assertEqual(hello["signature"], "(name: str, tone: str = 'plain') -> str")
        self.assertEqual(hello["doc"], "Greet somebody.")
        self.assertEqual((hello["timeout_ms"], hello["idempotent"]), (5000, True))
        self.assertEqual(self.exec(slot, "hello", {"name": "Ada"}), "Salve, Ada!")
        slot.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertTrue(slot.at_end())
        self.assertEqual(self.stderr(), "")


if __name__ == "__main__":
    unittest.main()
