"""What the packages offer to their users: named, documented, and what it says it is."""

from __future__ import annotations

import importlib
import inspect
import unittest
from typing import Any

from snakepit import CallError, command
from snakepit.testing import Harness

try:
    import pydantic
except ImportError:
    pydantic = None  # type: ignore[assignment]

MODULES = (
    "snakepit",
    "snakepit.compat",
    "snakepit.pytest_plugin",
    "snakepit.testing",
    "snakepit_bridge",
    "snakepit_bridge.base_adapter",
    "snakepit_bridge.base_adapter_threaded",
    "snakepit_bridge.session_context",
)


def members(owner: Any) -> list[Any]:
    """Return the public functions, properties and classes of a class."""
    found = []
    for name, value in vars(owner).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not name.startswith("_") and callable(function):
            found.append(function)
    return found


class PublicTest(unittest.TestCase):
    def test_every_public_name_is_there_sorted_and_documented(self) -> None:
        for name in MODULES:
            with self.subTest(name):
                try:
                    module = importlib.import_module(name)
                except ModuleNotFoundError as err:
                    self.assertEqual(err.name, "pytest")  # what the plugin is for
                    continue
                self.assertTrue(module.__doc__)
                names = getattr(module, "__all__", [])
                self.assertEqual(names, sorted(names))
                for public in (getattr(module, public) for public in names):
                    if not isinstance(public, str):
                        self.assertTrue(inspect.getdoc(public), public)
                    if inspect.isclass(public):
                        for member in members(public):
                            self.assertTrue(inspect.getdoc(member), f"{name}.{public.__name__}: {member}")

    @unittest.skipIf(pydantic is None, "pydantic is not installed")
    def test_pydantic_models_are_contracts(self) -> None:
        class Box(pydantic.BaseModel):
            w: float = pydantic.Field(gt=0)
            label: str = "plain"

        class Shop:
            @command
            def area(self, box: Box, n: int = 1) -> float:
                assert type(box) is Box
                return box.w * n

        Shop.area.__annotations__ = {"box": Box, "n": int, "return": float}
        with Harness(Shop) as adapter:
            self.assertEqual(adapter.call("area", box={"w": 2.5}, n=2), 5.0)
            with self.assertRaisesRegex(CallError, "box") as caught:
                adapter.call("area", box={"w": -1})
            self.assertEqual(caught.exception.category, "invalid_argument")
            schema = adapter.commands["area"]["arguments"]["properties"]["box"]
            self.assertEqual(schema["properties"]["w"]["exclusiveMinimum"], 0)


if __name__ == "__main__":
    unittest.main()
