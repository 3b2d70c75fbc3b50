"""Where Snakepit's adapters find BaseAdapter and tool."""

from __future__ import annotations

from snakepit.compat import BaseAdapter, tool

__all__ = ["BaseAdapter", "tool"]
