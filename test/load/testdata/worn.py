import os
import time

from snakepit import command

calls = 0


@command
def work() -> dict:
    """Take five milliseconds and say which call of this process it was."""
    global calls
    calls += 1
    time.sleep(0.005)
    return {"pid": os.getpid(), "call": calls}
