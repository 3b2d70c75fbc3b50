"""Noticing that the GIL of a free-threaded interpreter came on, and which module did it.

Importing one extension module that does not declare that it can do without turns
the GIL on for the whole process, for good, even late inside a handler. The
warning about it can be silenced, so looking is the only sure way.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

MAX_NAMED = 8
SUFFIXES = (".so", ".pyd")


class GilWatch:
    """GilWatch remembers which modules were there while the GIL was off, and tells once when it is on.

    Any thread may look; a look that finds nothing new costs two function calls.
    """

    def __init__(self, tell: Callable[[list[str]], None]) -> None:
        self.culprits: list[str] | None = None
        self._tell = tell
        self.is_on: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
        self._lock = allocate_lock()
        self._known = set(sys.modules)

    def look(self) -> None:
        """Tell when the GIL came on since the last look."""
        if self.culprits is not None:
            return
        if not self.is_on():
            if len(sys.modules) != len(self._known):
                self._known = set(sys.modules)
            return
        with self._lock:
            if self.culprits is not None:
                return
            self.culprits = self._suspects()
        self._tell(self.culprits)

    def _suspects(self) -> list[str]:
        """Return the extension modules that are new since the last look, else all; Python's own can do without."""
        foreign = [name for name, file in _files() if file.endswith(SUFFIXES) and "/lib-dynload/" not in file]
        fresh = [name for name in foreign if name not in self._known]
        return (fresh or foreign)[:MAX_NAMED]


def _files() -> list[tuple[str, str]]:
    """Return the names of all modules that come from a file, with it."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            found.append((name, file))
    return found


def explain(culprits: list[str]) -> str:
    """Say in one sentence why the GIL is on."""
    if not culprits:
        return "the GIL is on, and no extension module is to blame: look for PYTHON_GIL and -X gil"
    names = ", ".join(culprits)
    return f"the GIL is on: {names} {'was' if len(culprits) == 1 else 'were'} imported and cannot do without it"
