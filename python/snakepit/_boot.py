"""The start of a worker process or a fork server: standard streams, launch document, life."""

from __future__ import annotations

import faulthandler
import sys

from ._errors import SnakepitError
from ._launch import Launch, read_launch
from ._preload import Preload
from ._service import complain
from ._worker import Worker


def boot() -> int:
    """Become the worker that the inherited launch document describes; return the exit status."""
    launch = _begin()
    return 1 if launch is None else Worker(launch, Preload(launch)).run()


def boot_server() -> int:
    """Become the fork server that the inherited launch document describes, or a worker it forks."""
    from ._forkserver import ForkServer

    launch = _begin()
    if launch is None:
        return 1
    preload = Preload(launch)
    forked = ForkServer(launch, preload).run()
    if isinstance(forked, int):
        return forked
    return Worker(forked, preload, forked=True).run()


def _begin() -> Launch | None:
    for stream in (sys.stdout, sys.stderr):
        # A log is read line by line while the worker runs, and no print may fail for its letters.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    try:
        launch = read_launch()
    except (OSError, ValueError, SnakepitError) as err:
        complain(f"cannot read the launch document: {err}; workers are started by snakectl")
        return None
    if launch.check:
        from ._writes import begin

        begin(launch)
    return launch
