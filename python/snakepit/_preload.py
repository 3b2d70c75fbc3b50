"""What is imported before a worker is ready: in its fork server, or in the worker itself."""

from __future__ import annotations

import sys

from ._adapter import import_source
from ._command import AFTER_FORK_MARK, PRELOAD_MARK
from ._hooks import plain
from ._launch import Launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable


class Preload:
    """Preload imports modules, each once, and runs their @preload functions.

    A fork server hands its own on to the workers it forks: what is done there is
    not done again. Exceptions of the user's code pass through.
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._modules: list[Any] = []
        self._paths = launch.sys_path

    def all(self, begin: Callable[[str], None] | None = None) -> None:
        """Import the modules that the pool names, from the paths that it names; begin is told of each first."""
        sys.path[:0], self._paths = self._paths, []
        for reference in self._launch.preload:
            if begin is not None:
                begin(reference)
            self.module(reference)

    def module(self, reference: str) -> None:
        """Import the module of a reference and run its @preload functions, unless that is done."""
        module = import_source(reference, self._launch.code_root)
        if module in self._modules:
            return
        self._modules.append(module)
        for function in _marked(module, PRELOAD_MARK):
            plain(function, "preload")()

    def after_fork(self) -> None:
        """Run the @after_fork functions of all modules, in the order of their import."""
        for module in self._modules:
            for function in _marked(module, AFTER_FORK_MARK):
                plain(function, "after_fork")()


def _marked(module: Any, mark: str) -> Iterator[Callable[[], object]]:
    """Yield the functions that a module itself defines and marks."""
    for value in list(vars(module).values()):
        if getattr(value, mark, False) and getattr(value, "__module__", None) == module.__name__:
            yield value
