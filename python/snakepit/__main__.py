"""The entry of `python -m snakepit` and of a worker process.

A supervisor starts this file by its path; then the directory of the package
itself stands first on sys.path, where `_json.py` and its like would be found
as top-level modules, and is replaced by the one above.
"""

import sys

if not __package__:
    sys.path[0] = __file__.rpartition("/")[0].rpartition("/")[0]


def main() -> int:
    """Run a worker, or an adapter without a supervisor."""
    if sys.argv[1:2] == ["worker"]:
        from snakepit._boot import boot

        return boot()
    from snakepit._cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
