"""What a worker writes: its log as it is set aside, lines of logging, and the stacks of its threads."""

from __future__ import annotations

import json
import signal
import time
import unittest

from snakepit import _wire

from .harness import LIMIT, WorkerCase

ADAPTER = """
    import logging, re, sys
    from snakepit import command

    @command
    def says(text: str):
        print(text, file=sys.stderr)

    @command
    def logs(text: str):
        logging.getLogger("mine").warning(text)

    @command
    def holds(letters: int):
        open("holding", "w").close()
        re.match(r"(a+)+$", "a" * letters + "b")
"""


class OutputTest(WorkerCase):
    def test_reopens_its_log(self) -> None:
        _, control, slot = self.ready(ADAPTER)
        self.exec(slot, "says", ["one"])
        (self.dir / "stderr").rename(self.dir / "stderr.1")
        self.exec(slot, "says", ["two"])
        event = {"event": "reopen", "path": str(self.dir / "stderr")}
        control.send(_wire.EVENT, 0, json.dumps(event).encode())
        control.send(_wire.PING, 0, b"x")
        self.assertEqual(control.receive()[0], _wire.PONG)  # it has turned to the new file
        self.exec(slot, "says", ["three"])
        self.assertEqual((self.dir / "stderr.1").read_text(), "one\ntwo\n")
        self.assertEqual(self.stderr(), "three\n")
        nowhere = {"event": "reopen", "path": str(self.dir / "none" / "log")}
        control.send(_wire.EVENT, 0, json.dumps(nowhere).encode())
        control.send(_wire.PING, 0, b"x")
        self.assertEqual(control.receive()[0], _wire.PONG)
        self.exec(slot, "says", ["four"])
        self.assertEqual(self.stderr(), "three\nfour\n")

    def test_log_records_name_their_call(self) -> None:
        _, _, slot = self.ready(ADAPTER)
        self.exec(slot, "logs", ["careful"], call_id=bytes(range(16)))
        self.assertRegex(self.stderr(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING \[00010203\] careful\n$")

    def test_handlers_of_its_own_stay(self) -> None:
        adapter = ADAPTER.replace("@command", 'logging.basicConfig(format="mine %(message)s")\n\n    @command', 1)
        _, _, slot = self.ready(adapter)
        self.exec(slot, "logs", ["careful"])
        self.assertEqual(self.stderr(), "mine careful\n")

    def test_tells_its_stacks_while_it_holds_the_lock(self) -> None:
        path = self.dir / "stacks"
        worker, _, slot = self.ready(ADAPTER, stacks=str(path))
        slot.call("holds", [26])
        self.wait_for("holding")
        worker.send_signal(signal.SIGUSR1)
        end = time.monotonic() + LIMIT
        while "in <module>" not in path.read_text():
            self.assertLess(time.monotonic(), end, path.read_text())
            time.sleep(0.005)
        self.assertIn("in holds\n", path.read_text())
        slot.answer()
        self.assertEqual(self.stderr(), "")


if __name__ == "__main__":
    unittest.main()
