"""Imports the extension modules of one package, and tells whether the GIL came on.

Reads {"paths": […], "modules": […]} as JSON from standard input; writes one line of
JSON, {"culprit": …, "imported": …, "failure": …}, to the descriptor 3. The first
extension module that turns the GIL on is the culprit, whichever package it is of.
"""

import importlib
import importlib.machinery
import json
import os
import resource
import sys

told = {"culprit": "", "imported": 0, "failure": ""}


def finish():
    os.write(3, json.dumps(told).encode() + b"\n")
    os._exit(0)


def watch(method):
    """Look at the GIL whenever an extension module was made or executed."""
    original = getattr(importlib.machinery.ExtensionFileLoader, method)

    def load(self, argument):
        result = original(self, argument)
        if sys._is_gil_enabled():
            told["culprit"] = getattr(argument, "name", None) or getattr(argument, "__name__", "?")
            finish()
        return result

    setattr(importlib.machinery.ExtensionFileLoader, method, load)


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a module that crashes leaves nothing behind
    asked = json.load(sys.stdin)
    for method in ("create_module", "exec_module"):
        watch(method)
    for name in asked["modules"]:
        try:
            importlib.import_module(name)
            told["imported"] += 1
        except BaseException as err:
            first = (str(err).strip().splitlines() or [""])[0]
            told["failure"] = told["failure"] or "%s cannot be imported: %s: %s" % (name, type(err).__name__, first[:200])
    finish()


main()
