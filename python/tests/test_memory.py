"""Growth notices a process that grows, and costs little."""

from __future__ import annotations

import sys
import unittest

from snakepit._memory import Growth

STEP = 1 << 20


@unittest.skipUnless(sys.platform.startswith("linux"), "only Linux tells a process its size")
class GrowthTest(unittest.TestCase):
    def test_tells_of_each_step_once(self) -> None:
        growth = Growth()
        growth.watch(STEP)
        first = growth.grown()
        self.assertGreater(first, STEP, "what the process holds when it is first asked counts as growth")
        self.assertEqual(growth.grown(), 0)
        kept = bytearray(b"x") * (16 * STEP)
        second = growth.grown()
        self.assertGreater(second, first + 8 * STEP)
        self.assertEqual(growth.grown(), 0)
        del kept
        self.assertEqual(growth.grown(), 0, "a process that shrinks is no news")
        growth.watch(STEP)
        self.assertGreater(growth.grown(), 0, "a new limit begins anew")


if __name__ == "__main__":
    unittest.main()
