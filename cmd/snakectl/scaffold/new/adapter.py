"""The commands of the pool "NAME". Every function marked with @command is one."""

from __future__ import annotations

from dataclasses import dataclass

import snakepit
from snakepit import Context, InvalidArgument, command


@dataclass
class State:
    """State is what a worker keeps: each worker has its own."""

    greeting: str
    calls: int = 0


@snakepit.init
def start(ctx: Context) -> State:
    """Run once in each worker, before it is ready; the result is ctx.state."""
    return State(greeting=ctx.config.get("greeting", "Hello"))


@command(idempotent=True)
def greet(name: str, ctx: Context) -> str:
    """Greet somebody in the words of the pool's config."""
    if not name:
        raise InvalidArgument("name is empty")
    ctx.state.calls += 1
    return f"{ctx.state.greeting}, {name}!"


@command(timeout="1m")
def count(words: list[str], ctx: Context) -> dict[str, int]:
    """Count words, and tell how far that is."""
    counts: dict[str, int] = {}
    for done, word in enumerate(words):
        ctx.check()
        ctx.progress(done, len(words))
        counts[word] = counts.get(word, 0) + 1
    return counts
