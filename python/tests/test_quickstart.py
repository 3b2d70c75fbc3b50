"""The adapter of examples/quickstart.hcl, on the data beside it."""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

from .harness import PACKAGE

EXAMPLES = PACKAGE.parents[1] / "examples"


class QuickstartTest(unittest.TestCase):
    def call(self, command: str, *words: str) -> Any:
        argv = [sys.executable, "-W", "error", "-m", "snakepit", "./quickstart_adapter.py", "call", command, *words]
        env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(argv, cwd=EXAMPLES, env=env, capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()

    def test_profile_of_numbers(self) -> None:
        with open(EXAMPLES / "data/nile.csv", encoding="utf-8") as file:
            flow = [int(row["flow"]) for row in csv.DictReader(file)]
        q1, median, q3 = statistics.quantiles(flow, n=4, method="inclusive")
        got = self.call("profile", "path=data/nile.csv")
        self.assertEqual((got["rows"], [c["name"] for c in got["columns"]]), (100, ["year", "flow", "period"]))
        want = {"name": "flow", "type": "integer", "missing": 0, "distinct": len(set(flow)), "mean": 919.35}
        want.update(min=456.0, q1=q1, median=median, q3=q3, max=1370.0)
        self.assertEqual(got["columns"][1], want)
        top = [{"value": "with the dam", "count": 69}, {"value": "before the dam", "count": 31}]
        self.assertEqual(got["columns"][2]["top"], top)

    def test_profile_of_mixed_columns(self) -> None:
        got = {column.pop("name"): column for column in self.call("profile", "path=data/planets.csv")["columns"]}
        kinds = ["text", "text", "number", "integer", "number", "number", "integer", "number", "boolean", "date"]
        self.assertEqual([column["type"] for column in got.values()], kinds)
        self.assertEqual(got["mass_e24kg"]["types"], {"number": 5, "integer": 3})
        self.assertEqual((got["pressure_bar"]["missing"], got["pressure_bar"]["median"]), (4, 0.505))
        self.assertEqual(got["found"]["missing"], 6)

    def test_columns(self) -> None:
        want = [
            {"name": "year", "type": "integer"},
            {"name": "flow", "type": "integer"},
            {"name": "period", "type": "text"},
        ]
        self.assertEqual(self.call("columns", "path=data/nile.csv"), want)

    def test_text(self) -> None:
        text = (EXAMPLES / "data/README.md").read_text(encoding="utf-8")
        got = self.call("profile", "path=data/README.md", "top=1")
        self.assertEqual(got["lines"], len(text.splitlines()))
        self.assertEqual(got["words"], self.call("words", "path=data/README.md", "top=1"))
        self.assertEqual(got["words"], [{"value": "the", "count": text.lower().split().count("the")}])

    def test_version_and_wait(self) -> None:
        self.assertEqual(self.call("version"), 1)
        self.assertGreaterEqual(self.call("wait", "seconds=0.02"), 0.02)

    def test_missing_file(self) -> None:
        want = "invalid_argument: path: cannot read data/none.csv: No such file or directory"
        self.assertEqual(self.call("profile", "path=data/none.csv"), want)

    def test_configuration_names_the_adapter(self) -> None:
        text = Path(EXAMPLES, "quickstart.hcl").read_text(encoding="utf-8")
        self.assertIn('adapter = "./quickstart_adapter.py"', text)


if __name__ == "__main__":
    unittest.main()
