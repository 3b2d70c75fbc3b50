"""Lengths in the unit that the pool's environment names."""

from __future__ import annotations

import os

from snakepit import command

METRES = {"m": 1.0, "ft": 0.3048}

UNIT = os.environ["LENGTH_UNIT"]


@command(idempotent=True)
def from_metres(metres: float) -> dict:
    """Convert metres to the pool's unit."""
    return {"value": round(metres / METRES[UNIT], 6), "unit": UNIT}


@command(idempotent=True)
def to_metres(value: float) -> dict:
    """Convert a length in the pool's unit to metres."""
    return {"value": round(value * METRES[UNIT], 6), "unit": "m"}
