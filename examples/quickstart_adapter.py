"""Profiles CSV and text files: column types, missing values, quantiles, frequent values and words.

    snakectl exec profile profile '{"path": "data/planets.csv"}'
    cd examples; PYTHONPATH=../python python3 -m snakepit ./quickstart_adapter.py call words path=data/README.md top=3

Paths start at the pool's working directory, which is that of the configuration.
"""

import csv
import time
from collections import Counter

from snakepit import Context, InvalidArgument, command

VERSION = 1


@command(idempotent=True)
def profile(path: str, top: int = 3) -> dict:
    "Describe a .csv file column by column; any other file by its lines and words."
    if not path.endswith(".csv"):
        lines = read(path).splitlines()
        longest = max(map(len, lines), default=0)
        return {"file": path, "lines": len(lines), "longest_line": longest, "words": words(path, top)}
    header, rows = table(path)
    described = [describe(name, [row[i] for row in rows], top) for i, name in enumerate(header)]
    return {"file": path, "rows": len(rows), "columns": described}


@command(idempotent=True)
def columns(path: str) -> list:
    "List the columns of a .csv file and the type that most of their values have."
    header, rows = table(path)
    return [{"name": name, "type": main_type([row[i] for row in rows])} for i, name in enumerate(header)]


@command(idempotent=True)
def words(path: str, top: int = 10) -> list:
    "Count the words of a text file; the most frequent come first."
    letters = "".join(c if c.isalnum() or c == "'" else " " for c in read(path).lower())
    counts = Counter(filter(None, (word.strip("'") for word in letters.split())))
    return ranked(counts, top)


@command(idempotent=True)
def version() -> int:
    "Return the version of this adapter."
    return VERSION


@command
def wait(seconds: float, ctx: Context) -> float:
    "Take this long, like a slow file; return how long it was."
    began = time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        ctx.check()
        time.sleep(min(left, 0.01))
    return time.monotonic() - began


def read(path: str) -> str:
    """Return the text of a file."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidArgument(f"path: cannot read {path}: {getattr(err, 'strerror', None) or err}") from err


def table(path: str) -> tuple:
    """Return the header and the rows of a .csv file; short rows are filled with missing values."""
    rows = list(csv.reader(read(path).splitlines()))
    if not rows:
        raise InvalidArgument(f"path: {path} has no header")
    header, *rows = rows
    return header, [row + [""] * (len(header) - len(row)) for row in rows if row]


def describe(name: str, cells: list, top: int) -> dict:
    """Return what there is to say about one column."""
    present = [cell for cell in cells if cell]
    kind = main_type(cells)
    out = {"name": name, "type": kind, "missing": len(cells) - len(present), "distinct": len(set(present))}
    types = Counter(map(type_of, present))
    if len(types) > 1:
        out["types"] = dict(types.most_common())
    if kind in ("integer", "number"):
        numbers = sorted(float(cell) for cell in present if type_of(cell) in ("integer", "number"))
        out["mean"] = round(sum(numbers) / len(numbers), 6)
        out.update((label, quantile(numbers, q)) for label, q in QUANTILES)
    else:
        out["top"] = ranked(Counter(present), top)
    return out


QUANTILES = (("min", 0.0), ("q1", 0.25), ("median", 0.5), ("q3", 0.75), ("max", 1.0))


def quantile(numbers: list, q: float) -> float:
    """Return a quantile of sorted numbers, between the two nearest where it falls between."""
    at = (len(numbers) - 1) * q
    low = int(at)
    high = min(low + 1, len(numbers) - 1)
    return round(numbers[low] + (numbers[high] - numbers[low]) * (at - low), 6)


def main_type(cells: list) -> str:
    """Return the type of most cells that hold something."""
    types = Counter(type_of(cell) for cell in cells if cell)
    if set(types) == {"integer", "number"}:
        return "number"
    return types.most_common(1)[0][0] if types else "empty"


def type_of(cell: str) -> str:
    """Return the type of a cell's text."""
    for name, convert in (("integer", int), ("number", finite), ("date", date)):
        try:
            convert(cell)
        except ValueError:
            continue
        return name
    return "boolean" if cell.lower() in ("yes", "no", "true", "false") else "text"


def finite(cell: str) -> float:
    """Return a number; ValueError for nan and inf, which spreadsheets do not mean."""
    number = float(cell)
    if number - number != 0:
        raise ValueError(cell)
    return number


def date(cell: str) -> tuple:
    """Return year, month and day of 2026-01-31; ValueError for anything else."""
    parsed = time.strptime(cell, "%Y-%m-%d")
    return parsed[:3]


def ranked(counts: Counter, top: int) -> list:
    """Return the most frequent values; equals in the order of the alphabet, so that answers repeat."""
    pairs = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"value": value, "count": count} for value, count in pairs[:top]]
