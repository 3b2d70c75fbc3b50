"""Where Snakepit's adapters find SessionContext."""

from __future__ import annotations

from snakepit.compat import SessionContext

__all__ = ["SessionContext"]
