"""Snakepit's import name: the aliases of `snakepit.compat`, where Snakepit's adapters look for them."""

from __future__ import annotations

from snakepit.compat import BaseAdapter, SessionContext, ThreadSafeAdapter, thread_safe_method, tool

__all__ = ["BaseAdapter", "SessionContext", "ThreadSafeAdapter", "thread_safe_method", "tool"]
