"""Commands that end in every way a call can end."""

import os
import time

from snakepit import command


@command
def echo(value: int) -> int:
    return value


@command
def raises() -> None:
    raise ValueError("as asked")


@command
def nap(ms: int) -> int:
    time.sleep(ms / 1000)
    return ms


@command
def dies() -> None:
    os._exit(3)
