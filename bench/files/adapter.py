"""The commands that are measured."""

import time

from snakepit import command


@command
def echo(x=None):
    return x


@command
def spin(us: int):
    end = time.perf_counter_ns() + us * 1000
    while time.perf_counter_ns() < end:
        pass
    return us


@command
def wait(ms: int):
    time.sleep(ms / 1000)
    return ms
