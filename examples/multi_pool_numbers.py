"""Statistics of lists of numbers: a module whose functions are the commands."""

from __future__ import annotations

import os
import statistics
import sys

from snakepit import InvalidArgument, command

DIGITS = int(os.environ.get("DIGITS", "6"))


@command(idempotent=True)
def summary(values: list) -> dict:
    """Return count, smallest, largest, mean, median and standard deviation."""
    if not values:
        raise InvalidArgument("values is empty: there is nothing to summarise")
    return {
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "mean": round(statistics.fmean(values), DIGITS),
        "median": statistics.median(values),
        "stdev": round(statistics.pstdev(values), DIGITS),
    }


@command(idempotent=True)
def about() -> dict:
    """Tell how many digits are kept, and which interpreter and process serve the call."""
    return {"digits": DIGITS, "python": sys.executable, "pid": os.getpid()}
