"""Spectra and trends of series of numbers, with numpy."""

from __future__ import annotations

import numpy
from snakepit import InvalidArgument, command


@command(idempotent=True)
def spectrum(values: list[float], rate: float = 1.0, top: int = 3) -> list:
    """List the frequencies that a series is made of, the strongest first; rate is values a second."""
    if len(values) < 2:
        raise InvalidArgument(f"values: want two at least, got {len(values)}")
    series = numpy.asarray(values)
    heights = numpy.abs(numpy.fft.rfft(series - series.mean())) * 2 / len(series)
    frequencies = numpy.fft.rfftfreq(len(series), 1 / rate)
    return [
        {"frequency": round(float(frequencies[at]), 6), "amplitude": round(float(heights[at]), 6)}
        for at in numpy.argsort(heights)[::-1][:top]
    ]


@command(idempotent=True)
def trend(path: str, column: str) -> dict:
    """Fit a straight line to a column of a .csv file, row by row, and say how much of its variance that explains."""
    try:
        rows = numpy.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    except OSError as err:
        raise InvalidArgument(f"path: cannot read {path}: {getattr(err, 'strerror', None) or err}") from err
    if column not in (rows.dtype.names or ()):
        raise InvalidArgument(f"column: {path} has {', '.join(rows.dtype.names or ())}, not {column}")
    series = rows[column]
    if not numpy.issubdtype(series.dtype, numpy.number):
        raise InvalidArgument(f"column: {column} of {path} is no column of numbers")
    at = numpy.arange(len(series))
    slope, start = numpy.polyfit(at, series, 1)
    explained = 1 - (series - (start + slope * at)).var() / series.var()
    return {"rows": len(series), "start": round(start, 3), "slope": round(slope, 3), "explained": round(explained, 3)}
