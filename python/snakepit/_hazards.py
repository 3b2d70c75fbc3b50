"""What makes a process unfit to be forked: threads, a graphics driver, descriptors that siblings must not share."""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable

TASKS = "/proc/self/task"
DESCRIPTORS = "/proc/self/fd"
SHARED = ("socket:", "pipe:", "anon_inode:[event", "anon_inode:[io_uring")
DRIVER = "/dev/nvidia"


class Hazards:
    """Hazards watches the imports within its `with` block and says afterwards what they left running or open.

    A lock that another thread holds when a process is forked is never released in
    the child. The watch costs one look at the number of threads for each module, so
    that the one which started them can be named.
    """

    def __init__(self, share_descriptors: bool = False) -> None:
        self._culprits: list[str] = []
        self._share = share_descriptors
        self._before = set(_descriptors())
        self._seen = os.stat(TASKS).st_nlink
        self._importing: list[str] = []

    def __enter__(self) -> Hazards:
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)
        self._look()

    def begin(self, reference: str) -> None:
        """Hold what follows against this module of the pool, where no other imports meanwhile."""
        self._look()
        self._importing[:] = [reference]

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        """Find a module as if this finder was not there, and look when it is loaded (see importlib.abc)."""
        self._look()
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                self._watch(name, spec.loader)
                return spec
        return None

    def _watch(self, name: str, loader: Any) -> None:
        """Look after both steps of a load: a shared library starts its threads in the first."""
        for step in ("create_module", "exec_module"):
            method = getattr(loader, step, None)
            try:
                if method is not None:
                    setattr(loader, step, self._watched(name, loader, step, method))
            except (AttributeError, TypeError):
                return  # loaders of builtin modules are shared and start nothing

    def _watched(self, name: str, loader: Any, step: str, method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        if isinstance(loader, type):
            raise TypeError("a loader that is a class is shared")

        def load(argument: Any) -> Any:
            delattr(loader, step)
            self._look()
            self._importing.append(name)
            try:
                return method(argument)
            finally:
                self._look()
                self._importing.pop()

        return load

    def _look(self) -> None:
        now = os.stat(TASKS).st_nlink  # the kernel counts threads as links of a directory: cheaper than a list
        if now > self._seen and self._importing and self._importing[-1] not in self._culprits:
            self._culprits.append(self._importing[-1])
        self._seen = now

    def found(self) -> str:
        """Say why this process must not be forked, "" when nothing is known against it."""
        threaded = self.threaded()
        if threaded:
            return threaded
        opened = sorted(_descriptors() - self._before)
        if any(path.startswith(DRIVER) for path in opened):
            return "preloading initialised CUDA"
        shared = [path for path in opened if path.startswith(SHARED)]
        if shared and not self._share:
            return f"preloading left {shared[0]} open, which all workers would share"
        return ""

    def threaded(self) -> str:
        """Say who started threads, "" when there are none: all that can still change when preloading is over."""
        running = threads() - 1
        if running <= 0:
            return ""
        by = f"importing {' and '.join(self._culprits[:3])}" if self._culprits else "preloading"
        return f"{by} started {running} thread{'s' * (running > 1)}"


def threads() -> int:
    """Return how many threads this process has, when those that were joined are gone from the kernel, too."""
    for _ in range(20):
        if len(os.listdir(TASKS)) == 1:
            return 1
        time.sleep(0.005)
    return len(os.listdir(TASKS))


def _descriptors() -> set[str]:
    """Return what the open descriptors lead to."""
    found = set()
    for name in os.listdir(DESCRIPTORS):
        try:
            found.add(os.readlink(f"{DESCRIPTORS}/{name}"))
        except OSError:
            pass  # the one that listed the directory
    return found
