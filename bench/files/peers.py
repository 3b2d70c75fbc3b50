"""What the standard library offers instead. Reads "NAME COUNT" a line; answers a JSON
list of nanoseconds, one for each call of a function that returns its argument."""

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter_ns

BODY = "x" * 90


def echo(x):
    return x


def serve(pipe):
    while True:
        x = pipe.recv()
        if x is None:
            return
        pipe.send(echo(x))


def timed(call, count):
    out = []
    for _ in range(count):
        begin = perf_counter_ns()
        call()
        out.append(perf_counter_ns() - begin)
    return out


def main():
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there,))
    process.start()
    with ProcessPoolExecutor(1, mp_context=context) as executor:

        def by_pipe():
            here.send(BODY)
            here.recv()

        calls = {"pipe": by_pipe, "executor": lambda: executor.submit(echo, BODY).result()}
        for line in sys.stdin:
            name, count = line.split()
            print(json.dumps(timed(calls[name], int(count))), flush=True)
    here.send(None)
    process.join()


if __name__ == "__main__":
    main()
