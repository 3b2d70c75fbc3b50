"""What a worker remembers of its calls."""

from __future__ import annotations

import unittest
from time import monotonic_ns
from unittest import mock

from snakepit import _history, _wire
from snakepit._history import KEPT_NS, MAX_KEPT, MAX_KEPT_BYTES, REMEMBERED, History
from snakepit._slot import Answer


def answer(number: int, size: int = 1) -> Answer:
    """Return the answer of a call, with a body of some size."""
    return Answer(_wire.RESULT, number, number.to_bytes(16, "big"), b"", b"x" * size)


def kept(history: History) -> list[int]:
    """Return the numbers of the kept answers."""
    return [int(i, 16) for i in history.told()["kept"]]


class HistoryTest(unittest.TestCase):
    def test_the_last_answers_are_kept(self) -> None:
        history = History()
        for number in range(MAX_KEPT + 5):
            history.add(answer(number))
            history.sent()
        self.assertEqual(kept(history), list(range(5, MAX_KEPT + 5)))

    def test_bytes_are_bounded(self) -> None:
        history = History()
        for number in range(5):
            history.add(answer(number, MAX_KEPT_BYTES // 2))
            history.sent()
        self.assertEqual(kept(history), [3, 4])

    def test_a_large_answer_is_kept_until_it_is_sent(self) -> None:
        history = History()
        history.add(answer(1))
        history.sent()
        history.add(answer(2, MAX_KEPT_BYTES + 1))
        self.assertEqual((kept(history), history.unsent), ([2], True))
        history.sent()
        self.assertEqual((kept(history), history.unsent), ([], False))
        history.add(answer(3))
        history.sent()
        self.assertEqual(kept(history), [3])

    def test_old_answers_are_forgotten(self) -> None:
        history, now = History(), 1
        with mock.patch.object(_history, "monotonic_ns", side_effect=lambda: now):
            history.add(answer(1))
            history.sent()
            now += KEPT_NS
            history.add(answer(2))
            history.sent()
            self.assertEqual(kept(history), [1, 2])
            now += 1
            history.add(answer(3, MAX_KEPT_BYTES - 1))
            history.sent()
            self.assertEqual(kept(history), [2, 3], "the room of the first is free again")
            self.assertEqual(len(history.told()["executed"]), 3)

    def test_what_is_forgotten_is_dated(self) -> None:
        history = History()
        for number in range(REMEMBERED):
            history.add(answer(number))
        self.assertEqual(history.complete_since, 0)
        began = monotonic_ns()
        for number in range(REMEMBERED):
            history.add(answer(number))
        told = history.told()
        self.assertEqual(len(told["executed"]), REMEMBERED)
        self.assertLess(told["complete_since_ns"], began)
        history.add(answer(1))
        self.assertGreaterEqual(history.told()["complete_since_ns"], began)


if __name__ == "__main__":
    unittest.main()
