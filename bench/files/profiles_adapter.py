"""What the profiles are measured with: work that waits, and work that does not."""

import json
import time

from snakepit import command

ROWS = [{"id": i, "name": f"row {i}", "values": [i * 1.5] * 5} for i in range(1000)]
TEXT = json.dumps(ROWS)


@command
def wait(ms: int):
    time.sleep(ms / 1000)
    return ms


@command
def reformat():
    """Read some 70 KB of JSON and write it again: objects that no other thread has."""
    return len(json.dumps(json.loads(TEXT)))
