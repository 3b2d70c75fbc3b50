"""Commands that note their execution before they do anything else."""

import os
import signal
import time

from snakepit import Context, command

log = -1


def note(ctx: Context, token: str) -> None:
    """Append one line, in one write: several workers share the file."""
    global log
    if log < 0:
        log = os.open(ctx.config["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(log, f"{token} {os.getpid()}\n".encode())


@command
def work(token: str, ms: int, ctx: Context) -> dict:
    note(ctx, token)
    time.sleep(ms / 1000)
    return {"token": token, "pid": os.getpid()}


@command
def fail(token: str, ctx: Context) -> None:
    note(ctx, token)
    raise ValueError(token)


@command
def crash(token: str, ctx: Context) -> None:
    note(ctx, token)
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(1)
