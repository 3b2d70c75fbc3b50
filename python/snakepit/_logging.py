"""The standard library's log records as lines of the worker's log: TIME LEVEL [call] text.

Nothing imports this module, and with it logging, before an adapter does.
"""

from __future__ import annotations

import logging
import time

from . import _output

SHOWN = 8  # letters of a call id


class Lines(logging.Formatter):
    """Lines puts the time in UTC, the level and the call in front of what was logged."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and those of the traceback below it."""
        call = getattr(record, "call", "") or _output.current_call().hex()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{at}.{int(record.msecs):03d}Z {record.levelname} "
        return head + (f"[{call[:SHOWN]}] " if call else "") + super().format(record)


def install() -> logging.Logger:
    """Have records written as lines, unless the adapter set up handlers of its own; return the adapter's logger."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(Lines("%(message)s"))
        root.addHandler(handler)
    logger = logging.getLogger("snakepit.adapter")
    if logger.level == logging.NOTSET and root.level > logging.INFO:
        logger.setLevel(logging.INFO)
    return logger
