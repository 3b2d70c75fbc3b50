"""The commands of the pool "NAME". Every function marked with @command is one."""

from __future__ import annotations

from snakepit import command


@command
def hello(name: str = "world") -> str:
    """Greet somebody."""
    return f"Hello, {name}!"


@command
def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b
