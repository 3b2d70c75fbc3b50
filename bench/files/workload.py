"""Calls a command of an example without a pool: in this process, and in a ProcessPoolExecutor
whose processes are forked when the adapter is imported and has preloaded.

    python workload.py ADAPTER COMMAND ARGUMENTS PROCESSES

Reads "SUBJECT CALLERS" a line; calls from so many threads for half a second and answers a
JSON list of nanoseconds, one for each call.
"""

import asyncio
import importlib
import inspect
import json
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.util import Finalize
from time import perf_counter_ns
from types import SimpleNamespace

BURST = 500_000_000


def load(adapter, command):
    """Return the function of a command, after the hook for the memory that processes share."""
    module, _, name = adapter.partition(":")
    provider = importlib.import_module(module)
    if name:
        provider = getattr(provider, name)()
    if hasattr(provider, "train"):
        provider.train()
    return getattr(provider, command)


class Loop:
    """Loop runs coroutines for the threads of this process."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


class Call:
    """Call is the command in the process where it is called; a coroutine runs on one loop there."""

    def __init__(self, function):
        self.function = function
        self.loop = None
        self.lock = threading.Lock()
        self.more = {"ctx": SimpleNamespace(remaining=lambda: 30)} if inspect.iscoroutinefunction(function) else {}

    def __call__(self, arguments):
        result = self.function(**arguments, **self.more)
        if not self.more:
            return result
        with self.lock:
            if self.loop is None:
                self.loop = Loop()
                Finalize(None, self.function.__self__.close, exitpriority=1)  # also in a process of the executor
        return self.loop.run(result)


CALL = Call(load(sys.argv[1], sys.argv[2]))


def call(arguments):
    return CALL(arguments)


def burst(once, callers):
    took = []
    end = perf_counter_ns() + BURST

    def caller():
        begin = perf_counter_ns()
        while begin < end:
            once()
            now = perf_counter_ns()
            took.append(now - begin)
            begin = now

    threads = [threading.Thread(target=caller) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def main():
    arguments, processes = json.loads(sys.argv[3]), int(sys.argv[4])
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, mp_context=context) as executor:
        for done in [executor.submit(call, arguments) for _ in range(4 * processes)]:
            done.result()
        call(arguments)
        subjects = {
            "process": lambda: call(arguments),
            "executor": lambda: executor.submit(call, arguments).result(),
        }
        for line in sys.stdin:
            subject, callers = line.split()
            print(json.dumps(burst(subjects[subject], int(callers))), flush=True)


if __name__ == "__main__":
    main()
