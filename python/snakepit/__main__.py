"""The entry of `python -m snakepit`, of a worker and of a fork server.

A supervisor starts this file by its path; then the directory of the package
itself stands first on sys.path, where `_json` of the standard library would meet
our own modules, and is replaced by the one above.
"""

import gc
import sys

if not __package__:
    here: str = __file__.rpartition("/")[0]
    if sys.path[0] == here:  # it is not there under PYTHONSAFEPATH
        del sys.path[0]
    sys.path.insert(0, here.rpartition("/")[0])


def main() -> int:
    """Run a worker, a fork server, or an adapter without a supervisor."""
    if sys.argv[1:2] in (["worker"], ["forkserver"]):
        # Compiling this package costs more than the rest of a worker's start, and its
        # directory is ours: it is cached even where the user wants no caches of theirs.
        wanted, sys.dont_write_bytecode = sys.dont_write_bytecode, False
        collecting = gc.isenabled()
        gc.disable()  # what is being imported stays: looking for garbage in it costs and finds none
        from snakepit import _boot

        if collecting:
            gc.enable()
        sys.dont_write_bytecode = wanted
        return _boot.boot() if sys.argv[1] == "worker" else _boot.boot_server()
    from snakepit._cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
