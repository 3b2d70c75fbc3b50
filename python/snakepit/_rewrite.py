"""Having the user's modules tell where they write: the half of `check = true` that reads code.

While a module is compiled, each place that an attribute, an item or a global
variable is written gets a call of `__snakepit_writes__`, a `_writes.Watch` among
the builtins. `self.total += 1` becomes
`__snakepit_writes__.attribute(self, "total", …).total += 1`: each owner is
evaluated once and in its turn, lines stay what they are, and so does what the
code does. A module that was not compiled here costs nothing.
"""

from __future__ import annotations

import ast
import builtins
from os.path import basename, realpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from ._launch import Launch
    from ._writes import Watch

NAME = "__snakepit_writes__"
FOREIGN = ("/site-packages/", "/dist-packages/")
MAX_TEXT = 80
KEYLESS = (ast.Slice, ast.Starred, ast.Await, ast.Yield, ast.YieldFrom)  # a call around it would not be the same


def install(launch: Launch, watch: Watch) -> None:
    """Compile the modules of an adapter that are imported from now on so that watch is told of their writes."""
    from _frozen_importlib_external import SourceFileLoader

    roots = tuple(realpath(path).rstrip("/") + "/" for path in (launch.code_root, *launch.sys_path))
    source = launch.adapter.partition(":")[0]
    package = "" if source.endswith(".py") else source.partition(".")[0]
    load = SourceFileLoader.get_code

    def get_code(loader: Any, name: str) -> CodeType | None:
        path = realpath(loader.get_filename(name))
        ours = path.startswith(roots) and not any(part in path for part in FOREIGN)
        if not ours and name.partition(".")[0] != package:
            return load(loader, name)
        return compile_module(loader.get_data(path), path, name)

    loaders: Any = SourceFileLoader
    loaders.get_code = get_code
    setattr(builtins, NAME, watch)


def compile_module(source: bytes, path: str, name: str) -> CodeType:
    """Return the code of a module, which tells of its writes. SyntaxError as when it is imported."""
    tree = ast.fix_missing_locations(Rewriter(path, name).visit(ast.parse(source, path)))
    code: CodeType = compile(tree, path, "exec", dont_inherit=True)
    return code


class Rewriter(ast.NodeTransformer):
    """Rewriter puts the calls into one module."""

    def __init__(self, path: str, module: str) -> None:
        self._file = basename(path)
        self._module = module
        self._functions: list[tuple[str, frozenset[str]]] = []  # those around, with the names that each declares global

    def visit_FunctionDef(self, node: Any) -> Any:
        """Remember where we are, and what is global there."""
        declared = frozenset(name for child in _own(node.body) if isinstance(child, ast.Global) for name in child.names)
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        self._functions.append((node.name, declared))
        node.body = self._block(node.body)
        self._functions.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the blocks of compound statements as lists, where calls can be put between statements."""
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, field, self._block(value))
            elif isinstance(value, list):
                setattr(node, field, [self.visit(item) if isinstance(item, ast.AST) else item for item in value])
            elif isinstance(value, ast.AST):
                setattr(node, field, self.visit(value))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Wrap the owner of an attribute that is written."""
        self.generic_visit(node)
        if self._functions and isinstance(node.ctx, (ast.Store, ast.Del)):
            node.value = self._call("attribute", node, node.value, ast.Constant(node.attr))
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Wrap the container, and the key if it is a plain one, of an item that is written."""
        if not self._functions or not isinstance(node.ctx, (ast.Store, ast.Del)):
            return self.generic_visit(node)
        text = ast.Constant(_text(node))
        self.generic_visit(node)
        keyed = not any(isinstance(part, KEYLESS) for part in ast.walk(node.slice))
        node.value = self._call("container" if keyed else "items", node, node.value, text)
        if keyed:
            node.slice = self._call("key", node, node.slice)
        return node

    def _block(self, body: list[Any]) -> list[Any]:
        """Return statements, with a call before each that writes a global variable."""
        out: list[Any] = []
        for statement in body:
            written = self._globals(statement) if self._functions else []
            for name in written:
                call = self._call("variable", statement, ast.Constant(self._module), ast.Constant(name))
                out.append(ast.copy_location(ast.Expr(call), statement))
            out.append(self.visit(statement))
        return out

    def _globals(self, statement: ast.stmt) -> list[str]:
        """Return the global variables that a statement writes itself, not in a block below it."""
        declared = self._functions[-1][1]
        if not declared:
            return []
        names: dict[str, None] = {}
        for node in _head(statement):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and node.id in declared:
                names[node.id] = None
        return list(names)

    def _call(self, method: str, at: Any, *args: Any) -> ast.Call:
        function = ast.Attribute(ast.Name(NAME, ast.Load()), method, ast.Load())
        place = ast.Constant(f"{self._file}:{at.lineno} in {self._functions[-1][0]}")
        return ast.copy_location(ast.Call(function, [*args, place], []), at)


def _own(body: list[Any]) -> list[ast.AST]:
    """Return the nodes of a function without those of functions and classes within it."""
    found: list[ast.AST] = []
    left: list[ast.AST] = list(body)
    while left:
        node = left.pop()
        found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            left.extend(ast.iter_child_nodes(node))
    return found


def _head(statement: ast.stmt) -> list[ast.AST]:
    """Return the nodes of a statement without the blocks below it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return []
    found: list[ast.AST] = []
    left: list[ast.AST] = [node for node in ast.iter_child_nodes(statement) if not _is_block(node)]
    while left:
        node = left.pop()
        found.append(node)
        left.extend(ast.iter_child_nodes(node))
    return found


def _is_block(node: ast.AST) -> bool:
    return isinstance(node, (ast.stmt, ast.ExceptHandler)) or type(node).__name__ == "match_case"


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
