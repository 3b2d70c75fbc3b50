"""What the SDK adds to a call: medians of rounds that take turns, in one process.

    python3 python/benchmarks/call_cost.py

Prints microseconds: the bare loop (decode the body, call the handler, encode the
result) and a slot that executes the same call, what the slot adds, and what
checking two floats costs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from statistics import median
from time import process_time_ns
from types import ModuleType
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from snakepit import Context, command
from snakepit._adapter import Adapter
from snakepit._codec import Codec
from snakepit._slot import Slot

ROUNDS, CALLS = 41, 2000
BODY = b'{"w":2.5,"h":4.0}'


def area(w: float, h: float = 1.0) -> float:
    """Return a product, which costs next to nothing."""
    return w * h


def area_with_context(w: float, h: float, ctx: Context) -> float:
    """Do the same, with a context."""
    return w * h


def cost(function: Callable[[], object]) -> float:
    """Return the processor time of one call in microseconds."""
    began = process_time_ns()
    for _ in range(CALLS):
        function()
    return (process_time_ns() - began) / CALLS / 1000


def main() -> None:
    """Measure in turns and print medians."""
    module = ModuleType("adapter")
    for handler in (area, area_with_context):
        setattr(module, handler.__name__, command(handler))
    adapter = Adapter("adapter", module, {})
    codec = Codec()
    slot = Slot(adapter, "pool.bench/0@7f2c", {}, codec)
    bind = adapter.commands["area"].signature.bind
    call_id = os.urandom(16)
    checks = [check for _, check in adapter.commands["area"].signature._checks]

    def validate() -> None:
        for check in checks:
            check(2.5, "w")

    cases: dict[str, Callable[[], object]] = {
        "bare loop": lambda: codec.encode(area(**codec.decode(BODY))),  # type: ignore[arg-type]
        "slot": lambda: slot.run("area", BODY, call_id=call_id),
        "slot, with context": lambda: slot.run("area_with_context", BODY, call_id=call_id),
        "decoded only": lambda: codec.decode(BODY),
        "decoded and bound": lambda: bind(codec.decode(BODY), None),
        "two floats checked": validate,
        "nothing": lambda: None,
    }
    rounds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, function in cases.items():
            rounds[name].append(cost(function))
    result = {name: round(median(times), 2) for name, times in rounds.items()}
    result["slot over the bare loop"] = round(result["slot"] - result["bare loop"], 2)
    result["context over none"] = round(result["slot, with context"] - result["slot"], 2)
    result["two floats, net"] = round(result["two floats checked"] - result["nothing"], 2)
    print(json.dumps({"python": sys.version.split()[0], **result}, indent=2))


if __name__ == "__main__":
    main()
