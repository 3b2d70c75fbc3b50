"""Commands that write down, before all else, that they were executed."""

import os
import time

from snakepit import Context, command


@command
def work(token: str, ms: int, ctx: Context, pad: str = "", size: int = 0) -> dict:
    line = f"{token}\n".encode()
    log = os.open(ctx.config["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(log, line)
    finally:
        os.close(log)
    time.sleep(ms / 1000)
    return {"token": token, "got": len(pad), "pad": "y" * size}


@command
def padding(size: int = 300_000) -> str:
    return "z" * size
