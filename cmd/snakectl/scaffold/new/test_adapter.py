"""Tests of the adapter: python3 -m unittest, or pytest."""

from __future__ import annotations

import unittest
from pathlib import Path

from snakepit import CallError
from snakepit.testing import Harness


class AdapterTest(unittest.TestCase):
    """Calls the commands as a worker does, in this process."""

    def setUp(self) -> None:
        """Start the adapter with a configuration of the test's."""
        self.adapter = Harness(
            "./adapter.py", config={"greeting": "Good morning"}, root=str(Path(__file__).parent)
        ).start()
        self.addCleanup(self.adapter.stop)

    def test_greet(self) -> None:
        """The greeting comes from the configuration."""
        self.assertEqual(self.adapter.call("greet", name="Ada"), "Good morning, Ada!")

    def test_greet_needs_a_name(self) -> None:
        """An empty name is the caller's mistake."""
        with self.assertRaises(CallError) as caught:
            self.adapter.call("greet", name="")
        self.assertEqual(caught.exception.category, "invalid_argument")

    def test_count(self) -> None:
        """Words are counted, and progress is told."""
        self.assertEqual(self.adapter.call("count", words=["a", "b", "a"]), {"a": 2, "b": 1})
        self.assertEqual(self.adapter.progress[0].total, 3)


if __name__ == "__main__":
    unittest.main()
