"""A fixture for pytest, which finds it by itself where the package is installed.

    def test_hello(snakepit_adapter):
        adapter = snakepit_adapter("./adapter.py", config={"greeting": "Hi"})
        assert adapter.call("hello", name="Ada") == "Hi, Ada!"

Without an installation, put `pytest_plugins = ["snakepit.pytest_plugin"]` into conftest.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Callable

import pytest  # type: ignore[import-not-found,unused-ignore]

from .testing import Harness

__all__ = ["snakepit_adapter"]


@pytest.fixture  # type: ignore[untyped-decorator,unused-ignore]
def snakepit_adapter(request: Any) -> Iterator[Callable[..., Harness]]:
    """Start adapters as `snakepit.testing.Harness` does, files below the directory of the test; end them after it."""
    with ExitStack() as stack:

        def start(adapter: Any, config: dict[str, Any] | None = None, root: str | None = None) -> Harness:
            return stack.enter_context(Harness(adapter, config, root or str(request.path.parent)))

        yield start
