"""Prints what the command `profile` found out about a CSV file as a table."""

from __future__ import annotations

import json
import sys
from typing import Callable

FIGURES = ("min", "q1", "median", "q3", "max", "mean")


def main() -> None:
    found = json.load(sys.stdin)
    rows = [("column", "type", "missing", *FIGURES)]
    for column in found["columns"]:
        rows.append((column["name"], column["type"], str(column["missing"] or ""), *map(figure(column), FIGURES)))
        if "top" in column:
            rows[-1] = (*rows[-1][:3], ", ".join(f"{top['value']}: {top['count']}" for top in column["top"]))
    widths = [max(len(row[i]) for row in rows if len(row) == len(rows[0])) for i in range(len(rows[0]))]
    print(f"{found['file']}: {found['rows']} rows")
    for row in rows:
        if len(row) < len(widths):
            cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3]]
        else:
            left, right = row[:2], row[2:]
            cells = [text.ljust(width) for text, width in zip(left, widths)]
            cells += [text.rjust(width) for text, width in zip(right, widths[2:])]
        print("  ".join(cells).rstrip())


def figure(column: dict) -> Callable[[str], str]:
    """Return what tells a figure of the column by its name, "" if it has none."""
    return lambda name: format(column[name], ".6g") if name in column else ""


main()
