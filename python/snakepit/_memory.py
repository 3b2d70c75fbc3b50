"""Noticing that this process has grown, for pools with a max_memory."""

from __future__ import annotations

import os


class Growth:
    """Growth compares the resident size of this process with the one that was told last.

    The control thread sets `step`, the thread of a slot asks after each call; both
    by single assignments. A step of 0 is off. The kernel's figure may be off by some
    hundred KiB, so a step should be at least 1 MiB.
    """

    def __init__(self) -> None:
        self.step = 0
        self._told = 0
        self._statm = -1

    def watch(self, step: int) -> None:
        """Begin anew with a step in bytes; the next call counts as growth."""
        self._told = 0
        self.step = step

    def grown(self) -> int:
        """Return the resident size in bytes where it is a step above the one returned last, else 0."""
        try:
            if self._statm < 0:
                self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
            resident = int(os.pread(self._statm, 64, 0).split(None, 2)[1]) * PAGE
        except OSError:
            self.step = 0  # the system does not tell: the supervisor looks by itself, less often
            return 0
        if resident < self._told + self.step:
            return 0
        self._told = resident
        return resident


PAGE = os.sysconf("SC_PAGE_SIZE")
