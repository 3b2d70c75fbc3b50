"""Checks what demo.sh claims: facts.py STAGE FACT [ARGUMENT...].

A fact that holds exits with 0 and may print a detail; one that does not hold exits
with 1 and prints what is the case instead. STAGE is a directory for what facts
remember: the status as NAME.json, and every process that was ever seen.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

POOL = "pool.profile"
PATIENCE = 10.0  # seconds until a fact that takes a moment counts as false
OURS = re.compile(r"snakectl\S* supervisor run|snakepit worker")  # how the command lines of an instance look


class Untrue(Exception):
    """The fact does not hold; the text says what is the case."""


def demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Untrue(otherwise)


class Stage:
    """What the demo has seen so far."""

    def __init__(self, directory: str) -> None:
        self.dir = Path(directory)
        self.instance = os.environ["SNAKECTL_INSTANCE"]

    def status(self) -> dict:
        """Return the status now, and note its processes."""
        done = subprocess.run(["snakectl", "status", "--json"], capture_output=True, text=True, timeout=PATIENCE)
        demand(done.returncode == 0, f"snakectl status exits with {done.returncode}: {done.stderr.strip()}")
        status = json.loads(done.stdout)
        with open(self.dir / "seen", "a") as seen:
            seen.write(f"supervisor {status['supervisor']['pid']} {status['supervisor']['lineage']}\n")
            for worker in workers(status).values():
                seen.write(f"worker {worker['pid']} {worker['address']}\n")
        return status

    def recall(self, name: str) -> dict:
        return json.loads((self.dir / f"{name}.json").read_text())

    def seen(self, kind: str) -> dict[int, str]:
        """Return the processes of a kind that were ever seen, with what was noted."""
        try:
            lines = (self.dir / "seen").read_text().splitlines()
        except FileNotFoundError:
            return {}
        rows = (line.split(" ") for line in lines)
        return {int(pid): note for what, pid, note in rows if what == kind}

    def running(self) -> dict[int, str]:
        """Return the processes of the instance that run now, seen before or not."""
        found = {pid: command(pid) for kind in ("supervisor", "worker") for pid in self.seen(kind)}
        found = {pid: line for pid, line in found.items() if OURS.search(line)}  # a number may be used again
        marks = [f"SNAKEPIT_WORKER={lineage}:".encode() for lineage in set(self.seen("supervisor").values())]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environ = (process / "environ").read_bytes()
            except OSError:
                continue  # ended meanwhile, or not ours to read
            line = command(int(process.name))
            if line and (any(mark in environ for mark in marks) or (self.instance in line and OURS.search(line))):
                found[int(process.name)] = line
        return found


def workers(status: dict) -> dict[str, dict]:
    """Return the workers that have a process, by address."""
    pools = [pool for pool in status["pools"] if pool["address"] == POOL]
    return {w["address"]: w for pool in pools for w in pool.get("workers", []) if w.get("pid")}


def pids(status: dict) -> set[int]:
    return {worker["pid"] for worker in workers(status).values()}


def command(pid: int) -> str:
    """Return the command line of a process, "" when none runs under this number."""
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/cmdline").read_bytes()  # empty for a zombie
        except OSError:
            return ""
        return text.replace(b"\0", b" ").decode(errors="replace").strip()
    done = subprocess.run(["ps", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True)
    state, _, args = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else args.strip()


def eventually(holds, otherwise) -> None:
    """Wait until holds() is true, at most PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not holds():
        demand(time.monotonic() < end, otherwise())
        time.sleep(0.02)


def ready(stage: Stage, size: str, revision: str) -> str:
    status = stage.status()
    demand(status["revision"] == int(revision), f"this is revision {status['revision']}")
    pool = next((p for p in status["pools"] if p["address"] == POOL), {"size": 0, "ready": 0})
    demand(pool["size"] == pool["ready"] == int(size), f"{pool['ready']} of {pool['size']} are ready")
    live = {pid for pid in pids(status) if command(pid)}
    demand(len(live) == int(size), f"{len(live)} processes run")
    return "pids " + ", ".join(map(str, sorted(live)))


def busy(stage: Stage) -> None:
    last = {}

    def all_busy() -> bool:
        (last["pool"],) = (p for p in stage.status()["pools"] if p["address"] == POOL)
        return last["pool"]["busy"] == last["pool"]["ready"] > 0

    eventually(all_busy, lambda: f"{last['pool']['busy']} of {last['pool']['ready']} are")


def remember(stage: Stage, name: str) -> None:
    (stage.dir / f"{name}.json").write_text(json.dumps(stage.status()))


def pid(stage: Stage, name: str, address: str) -> str:
    return str(workers(stage.recall(name))[address]["pid"])


def kept(stage: Stage, name: str, count: str) -> str:
    before, now = pids(stage.recall(name)), pids(stage.status())
    demand(len(before) == int(count) and before <= now, f"they were {sorted(before)}, now there are {sorted(now)}")
    return "pids " + ", ".join(map(str, sorted(before)))


def replaced(stage: Stage, name: str, count: str) -> str:
    before, now = pids(stage.recall(name)), pids(stage.status())
    demand(not before & now, f"{sorted(before & now)} are old")
    demand(len(now) == int(count), f"there are {len(now)}")
    demand(not any(map(command, before)), f"of the old ones run {[p for p in before if command(p)]}")
    return "pids " + ", ".join(map(str, sorted(now)))


def watch(stage: Stage, name: str) -> None:
    """Look at the pool again and again until the callers have had enough."""
    with open(stage.dir / f"{name}.ready", "w") as looks:
        enough = False
        while not enough:
            enough = Path("enough").exists()
            looks.write(f"{next(p['ready'] for p in stage.status()['pools'] if p['address'] == POOL)}\n")
            time.sleep(0.1)


def never_below(stage: Stage, name: str, floor: str) -> str:
    looks = [int(line) for line in (stage.dir / f"{name}.ready").read_text().split()]
    demand(bool(looks), "nobody looked")
    demand(min(looks) >= int(floor), f"there were {min(looks)}")
    return f"looked {len(looks)} times"


def noticed(stage: Stage, victim: str) -> None:
    eventually(lambda: int(victim) not in pids(stage.status()), lambda: f"status still lists pid {victim}")


def repaired(stage: Stage, name: str, address: str) -> str:
    before, now = workers(stage.recall(name)), workers(stage.status())
    demand(set(now) == set(before), f"there are {sorted(now)}")
    was, new = before[address], now[address]
    demand(new["pid"] != was["pid"], f"it is still pid {was['pid']}")
    demand(new["state"] == "ready" and command(new["pid"]) != "", f"pid {new['pid']} is {new['state']}")
    changed = [other for other in before if now[other]["incarnation"] != before[other]["incarnation"]]
    demand(changed == [address], f"these changed: {changed}")
    return f"pid {was['pid']} became {new['pid']}"


def served(stage: Stage, name: str) -> str:
    rounds = load(name)
    made, failed = sum(r["calls"] for r in rounds), sum(r["failed"] for r in rounds)
    demand(made > 0, "no call was made")
    demand(failed == 0, f"{failed} of {made} failed: {rounds[-1].get('errors')}")
    demand(sum(r["ok"] for r in rounds) == made, "some calls have no outcome")
    return f"{made} calls, the slowest took {max(r['max_ms'] for r in rounds):.0f} ms"


def counted(stage: Stage, single: str, *names: str) -> str:
    made = int(single) + sum(r["ok"] for name in names for r in load(name))
    (pool,) = (p for p in stage.status()["pools"] if p["address"] == POOL)
    counts = {name: n for name, n in pool["calls"].items() if n}
    demand(counts == {"ok": made}, f"{made} calls were answered, status counts {counts}")
    return f"{made}"


def load(name: str) -> list[dict]:
    """Return the reports of a crowd of callers, one a round."""
    return [json.loads(line) for line in Path(f"{name}.jsonl").read_text().splitlines()]


def described(stage: Stage, path: str, answered: str) -> str:
    answer = json.loads(Path(answered).read_text())
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    demand(answer["rows"] == len(rows), f"{len(rows)} rows, the answer is {answer['rows']}")
    demand([c["name"] for c in answer["columns"]] == list(rows[0]), "the columns have other names")
    compared = 0
    for column in answer["columns"]:
        cells = [row[column["name"]] for row in rows if row[column["name"]]]
        demand(column["missing"] == len(rows) - len(cells), f"{column['name']} misses {len(rows) - len(cells)}")
        if column["type"] not in ("integer", "number"):
            continue
        numbers = list(map(float, cells))
        q1, median, q3 = statistics.quantiles(numbers, n=4, method="inclusive")
        wanted = {"min": min(numbers), "q1": q1, "median": median, "q3": q3, "max": max(numbers)}
        wanted["mean"] = statistics.fmean(numbers)
        for name, value in wanted.items():
            told = column[name]
            demand(abs(told - value) < 1e-5, f"{name} of {column['name']} is {value}, the answer is {told}")
            compared += 1
    demand(compared > 0, "the answer has no figure")
    return f"{compared} figures compared"


def worded(stage: Stage, path: str, top: str) -> None:
    words = re.sub(r"[^\w']|_", " ", Path(path).read_text(encoding="utf-8").lower()).split()
    counts = Counter(filter(None, (word.strip("'") for word in words)))
    wanted = sorted(((-n, word) for word, n in counts.items()))[: int(top)]
    answer = [(-pair["count"], pair["value"]) for pair in json.loads((stage.dir / "said").read_text())]
    demand(answer == wanted, f"they are {[(word, -n) for n, word in wanted]}")


def gone(stage: Stage, what: str) -> str:
    seen = {**stage.seen("worker"), **(stage.seen("supervisor") if what == "all" else {})}
    demand(bool(seen), "none was ever seen")
    left: dict[int, str] = {}

    def none() -> bool:
        left.clear()
        left.update(stage.running())
        for pid in stage.seen("supervisor") if what == "workers" else ():
            left.pop(pid, None)
        return not left

    eventually(none, lambda: f"these run: {left}")
    return f"{len(seen)} came and went"


def sweep(stage: Stage, binary: str) -> None:
    """End what is left of the instance: politely, then not."""
    if Path(stage.instance).exists():
        try:
            subprocess.run([binary, "supervisor", "stop"], capture_output=True, timeout=PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            pass
    for _ in range(50):  # a supervisor may just be starting a worker
        left = stage.running()
        if not left:
            return
        for number in left:
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


FACTS = (
    *(ready, busy, remember, pid, kept, replaced, watch, never_below, noticed, repaired),
    *(served, counted, described, worded, gone, sweep),
)


def main() -> int:
    directory, name, *arguments = sys.argv[1:]
    fact = {f.__name__: f for f in FACTS}[name]
    try:
        detail = fact(Stage(directory), *arguments)
    except Untrue as err:
        print(err)
        return 1
    if detail:
        print(detail)
    return 0


if __name__ == "__main__":
    sys.exit(main())
