"""Where Snakepit's adapters find ThreadSafeAdapter."""

from __future__ import annotations

from snakepit.compat import BaseAdapter, ThreadSafeAdapter, thread_safe_method, tool

__all__ = ["BaseAdapter", "ThreadSafeAdapter", "thread_safe_method", "tool"]
