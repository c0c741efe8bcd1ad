"""Finding code that stands in two places, whatever its local variables are called.

A graders' program: it runs in the sandbox before anything of the workspace is imported, because it
reads what a model wrote. Standard library only. Knows nothing of any one project.
"""

from __future__ import annotations

import ast
import copy
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_MAX_FILES = 300
_MAX_BYTES = 300_000
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Statement(NamedTuple):
    """A statement without its body: where it stands and what it is, names taken out."""

    path: str
    line: int
    text: str


def survey(root: str, size: int) -> dict[str, Any]:
    """Look at all Python code below `root` but in its folder tests.

    Returns 'repeated': two places 'path:line' from which `size` statements are the same, or None;
    'imports': path -> what it imports, dots in front where relative; 'statements': path -> how
    many it has, those left out by `sequences` not counted; 'executing': paths that run code kept
    in strings; 'unreadable': paths.
    """
    repeated, imports, statements = None, {}, {}
    executing, unreadable = [], []
    seen: _Seen = {}
    number = 0
    for path in _python_files(root):
        try:
            tree = _parsed(os.path.join(root, path))
            found = list(sequences(tree, path))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
            unreadable.append(path)
            continue
        imports[path] = sorted(_imports(tree))
        statements[path] = sum(map(len, found))
        if _executes(tree):
            executing.append(path)
        for row in found:
            number += 1
            repeated = repeated or _repeated(row, number, size, seen)
    return {
        "repeated": repeated,
        "imports": imports,
        "statements": statements,
        "executing": executing,
        "unreadable": unreadable,
    }


def closure(start: Iterable[str], imports: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the paths that `start` comes to by imports, itself included.

    `imports` is that of `survey`. What leads to no path of it is passed over.
    """
    reached: set[str] = set()
    todo = list(start)
    while todo:
        path = todo.pop()
        if path in imports and path not in reached:
            reached.add(path)
            todo += [found for name in imports[path] for found in _targets(name, path)]
    return reached


def _targets(name: str, importer: str) -> list[str]:
    """Return the paths that importing `name` may load, seen from a module."""
    level = len(name) - len(name.lstrip("."))
    package = importer.split("/")[:-1]
    if level > len(package) + 1:
        return []
    base = package[: len(package) - level + 1] if level else []
    parts = [*base, *filter(None, name[level:].split("."))]
    stems = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return [path for stem in stems for path in (f"{stem}.py", f"{stem}/__init__.py")]


def _parsed(place: str) -> ast.Module:
    with open(place, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError(f"{place!r} is larger than {_MAX_BYTES} bytes")
    return ast.parse(data)


def sequences(tree: ast.Module, path: str) -> Iterator[list[Statement]]:
    """Yield the statements of each function, class body and the module, nested ones in order.

    Docstrings, other bare constants, `pass` and imports are left out.
    """
    scopes: list[tuple[list[ast.stmt], frozenset[str]]] = [(tree.body, _local_names(tree.body))]
    while scopes:
        body, names = scopes.pop()
        row: list[Statement] = []
        for statement in _flat(body):
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner = _local_names([statement])
                scopes.append((statement.body, names_inside(names, inner, body is tree.body)))
            elif isinstance(statement, ast.ClassDef):
                scopes.append((statement.body, frozenset()))
            elif not _is_nothing(statement):
                row.append(Statement(path, statement.lineno, _head(statement, names)))
        yield row


def names_inside(outer: frozenset[str], inner: frozenset[str], top: bool) -> frozenset[str]:
    """The local names of a function: its own, and those of a function around it."""
    return inner if top else outer | inner


# Window -> number of the sequence, position in it, first statement.
_Seen = dict[tuple[str, ...], tuple[int, int, Statement]]


def _repeated(row: list[Statement], number: int, size: int, seen: _Seen) -> list[str] | None:
    """Look for the windows of a sequence among those seen before, and remember them."""
    for start in range(len(row) - size + 1):
        window = tuple(statement.text for statement in row[start : start + size])
        sequence, position, first = seen.setdefault(window, (number, start, row[start]))
        apart = sequence != number or start - position >= size
        if apart:
            return [f"{place.path}:{place.line}" for place in (first, row[start])]
    return None


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and those nested in them, but not the bodies of functions and classes."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for field in ("body", "handlers", "orelse", "finalbody", "cases"):
            for inner in getattr(statement, field, ()):
                yield from _flat(inner.body if not isinstance(inner, ast.stmt) else [inner])


def _head(statement: ast.stmt, names: frozenset[str]) -> str:
    """Write a statement down without its body, with local names taken out."""
    bare = copy.copy(statement)
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        if hasattr(bare, field):
            setattr(bare, field, [])
    if isinstance(bare, ast.AnnAssign) and bare.value is not None:
        bare = ast.Assign([bare.target], bare.value)
    return ast.dump(_Anonymous(names).visit(copy.deepcopy(bare)))


class _Anonymous(ast.NodeTransformer):
    """Gives every local name the same name."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("_", node.ctx) if node.id in self.names else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg("_")


def _local_names(body: Iterable[ast.stmt]) -> frozenset[str]:
    """The names that are assigned, or are parameters, anywhere in these statements."""
    names = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
    return frozenset(names)


def _is_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Pass, ast.Import, ast.ImportFrom)):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            glue = "." if node.module else ""
            # A name that is imported may be a module.
            found |= {module, *(f"{module}{glue}{alias.name}" for alias in node.names)}
    return found


def _executes(tree: ast.Module) -> bool:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return not names.isdisjoint(("exec", "eval", "compile"))


def _python_files(root: str) -> list[str]:
    paths = []
    for folder, folders, names in os.walk(root):
        left_out = ("__pycache__", "tests") if folder == root else ("__pycache__",)
        folders[:] = sorted(n for n in folders if n not in left_out and not n.startswith("."))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".py") and os.path.isfile(path) and not os.path.islink(path):
                paths.append(os.path.relpath(path, root))
    return paths[:_MAX_FILES]


if __name__ == "<check>":
    globals()["emit"]({"survey": survey(".", globals()["payload"]["size"])})
