"""The start of a worker process: standard streams, launch document, life."""

from __future__ import annotations

import faulthandler
import sys

from ._errors import SnakepitError
from ._launch import read_launch
from ._worker import Worker, complain


def boot() -> int:
    """Become the worker that the inherited launch document describes; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A log is read line by line while the worker runs, and no print may fail for its letters.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    try:
        launch = read_launch()
    except (OSError, ValueError, SnakepitError) as err:
        complain(f"cannot read the launch document: {err}; workers are started by snakectl")
        return 1
    return Worker(launch).run()
