"""The same two commands for pools of both profiles."""

from __future__ import annotations

import hashlib
import os
import threading
import time

from snakepit import Context, command


@command(idempotent=True)
def ping() -> dict:
    """Tell which process and thread answer."""
    return {"pid": os.getpid(), "thread": threading.get_native_id()}


@command(idempotent=True)
def compute(rounds: int, ctx: Context) -> dict:
    """Derive a key in so many rounds; hashlib leaves the GIL meanwhile, so threads do it at one time."""
    begin = time.thread_time()
    key = hashlib.pbkdf2_hmac("sha256", b"snake", b"pit", rounds)
    return {"key": key.hex()[:16], "worker": ctx.worker_id, "cpu_seconds": round(time.thread_time() - begin, 3)}
