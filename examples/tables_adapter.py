"""Profiles CSV files column by column, and compares groups of their rows, with pandas.

Paths start at the pool's working directory, which is that of the configuration.
"""

from __future__ import annotations

import pandas
from snakepit import InvalidArgument, command


@command(idempotent=True)
def profile(path: str, top: int = 3) -> dict:
    """Describe a .csv file column by column: types, missing values, quartiles or frequent values."""
    table = read(path)
    return {"file": path, "rows": len(table), "columns": [describe(table[name], top) for name in table.columns]}


@command(idempotent=True)
def groups(path: str, by: str, column: str) -> list:
    """Compare a column of numbers between the groups that another column makes."""
    table = read(path)
    for name in (by, column):
        if name not in table.columns:
            raise InvalidArgument(f"{path} has no column {name}: it has {', '.join(table.columns)}")
    if not pandas.api.types.is_numeric_dtype(table[column]):
        raise InvalidArgument(f"column: {column} of {path} is no column of numbers")
    figures = table.groupby(by)[column].agg(["count", "mean", "std"]).round(3).reset_index()
    return figures.astype(object).where(figures.notna(), None).to_dict("records")


def read(path: str) -> pandas.DataFrame:
    """Return the table of a .csv file."""
    try:
        return pandas.read_csv(path)
    except (OSError, ValueError) as err:
        raise InvalidArgument(f"path: cannot read {path}: {getattr(err, 'strerror', None) or err}") from err


def describe(column: pandas.Series, top: int) -> dict:
    """Return what there is to say about one column."""
    out = {
        "name": column.name,
        "type": str(column.dtype),
        "missing": int(column.isna().sum()),
        "distinct": int(column.nunique()),
    }
    if pandas.api.types.is_numeric_dtype(column) and not pandas.api.types.is_bool_dtype(column):
        figures = column.describe().round(6)
        out.update((name, float(figures[name])) for name in FIGURES if column.count())
    else:
        counts = column.value_counts().head(top)
        out["top"] = [{"value": str(value), "count": int(count)} for value, count in counts.items()]
    return out


FIGURES = ("mean", "min", "25%", "50%", "75%", "max")
