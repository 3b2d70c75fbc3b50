"""Adapters as they were written for Snakepit, in a real worker."""

from __future__ import annotations

import unittest

from snakepit import _wire

from .harness import LIMIT, Failure, WorkerCase

ADAPTER = """
    import asyncio, os
    from typing import Any, Dict
    from snakepit_bridge.base_adapter import tool
    from snakepit_bridge.base_adapter_threaded import ThreadSafeAdapter, thread_safe_method
    from snakepit_bridge.session_context import SessionContext

    class Shop(ThreadSafeAdapter):
        def __init__(self):
            super().__init__()
            self.session_context = None
            self.log = []
            self.rates = None

        def set_session_context(self, session_context):
            self.session_context = session_context

        async def initialize(self):
            await asyncio.sleep(0)
            self.rates = {"EUR": 1.0}

        def cleanup(self):
            open("cleaned", "w").close()

        @tool(description="Add two numbers")
        def add(self, a: float, b: float = 1.0) -> float:
            return a + b

        @tool
        def session(self) -> dict:
            "Tell about the call."
            assert isinstance(self.session_context, SessionContext)
            return {"id": self.session_context.session_id, "tools": self.session_context.elixir_tools,
                    "worker": self.session_context.request_metadata["worker_id"], "rates": self.rates}

        @tool(description="The same, later")
        async def later(self) -> str:
            await asyncio.sleep(0)
            return self.session_context.session_id

        @thread_safe_method
        @tool(description="Count", required_variables=["PATH"])
        def count(self, text: str) -> Dict[str, Any]:
            seen = self.get_thread_local("seen", 0) + 1
            self.set_thread_local("seen", seen)
            with self.acquire_lock():
                self.log.append(text)
            return {"seen": seen, "log": self.log, "stats": self.get_stats()}

        @tool(description="Ask the host")
        def ask(self) -> Any:
            return self.session_context.call_elixir_tool("validate", data=1)
"""


class CompatTest(WorkerCase):
    def test_a_snakepit_adapter_runs(self) -> None:
        worker, _, slot = self.ready(ADAPTER, reference="./adapter.py:Shop")
        described = {row["name"]: (row["signature"], row["doc"]) for row in self.commands}
        self.assertEqual(described["add"], ("(a: float, b: float = 1.0) -> float", "Add two numbers"))
        self.assertEqual(described["session"], ("() -> dict", "Tell about the call."))
        self.assertEqual(self.exec(slot, "add", {"a": 1}), 2.0)
        want = {"id": "", "tools": {}, "worker": "pool.test/0@7f2c", "rates": {"EUR": 1.0}}
        self.assertEqual(self.exec(slot, "session"), want)
        self.assertEqual(self.exec(slot, "later"), "")
        self.exec(slot, "count", ["a"])
        got = self.exec(slot, "count", ["b"])
        self.assertEqual((got["seen"], got["log"], got["stats"]["tracker"]["total_requests"]), (2, ["a", "b"], 2))
        refused = self.exec(slot, "ask")
        self.assertIsInstance(refused, Failure)
        self.assertIn("cannot call the host's tool validate", refused["message"])
        wrong = self.exec(slot, "add", {"a": 1, "snakepit_context": 1})
        self.assertEqual(wrong["category"], "invalid_argument")
        slot.send(_wire.DRAIN)
        self.assertEqual(worker.wait(LIMIT), 0)
        self.assertTrue((self.dir / "cleaned").exists(), self.stderr())

    def fails(self, source: str) -> str:
        worker = self.spawn(source, reference="./adapter.py:A")
        control = self.supervisor.accept("control")
        control.welcome()
        error = self.event(control)["error"]
        self.assertEqual(worker.wait(LIMIT), 1)
        message: str = error["message"]
        return message

    def test_what_does_not_exist_is_refused_by_name(self) -> None:
        message = self.fails(
            """
            from snakepit_bridge import BaseAdapter, tool
            class A(BaseAdapter):
                @tool(supports_streaming=True)
                def rows(self): yield 1
            """
        )
        self.assertEqual(message, "tool rows: streaming is not supported; return the whole result")

    def test_missing_variables_are_named_at_the_start(self) -> None:
        message = self.fails(
            """
            from snakepit_bridge import BaseAdapter, tool
            class A(BaseAdapter):
                @tool(required_variables=["NO_SUCH_KEY", "PATH"])
                def ask(self): return 1
            """
        )
        self.assertEqual(message, "the environment lacks NO_SUCH_KEY: set env of the pool")


if __name__ == "__main__":
    unittest.main()
