"""A small generated project: right code, its tests, where bugs can be put, and how to probe it.

Knows nothing of tasks or graders.
"""

from __future__ import annotations

import ast
import pprint
import random
import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ossay.suites.agentic_core.inmemory import SOURCE_FOLDER, namespace_of

# Stands in a test template for the value that the right code gives.
_BLANK = "<?>"
_HOLE = "_expected_value_"

_PYPROJECT = """\
[project]
name = "{name}"
version = "{version}"
requires-python = ">=3.9"

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["{path}"]
"""


class Bug(NamedTuple):
    """One place where the project can be broken: `right` stands exactly once in `path`."""

    path: str
    right: str
    wrong: str


class Project(Struct, frozen=True):
    """A project whose code is right.

    Attributes:
        name: The import package's name.
        readme: What it promises; whatever a probe asks must follow from this and the docstrings.
        code: Path -> text of the modules.
        tests: Path -> text; `assert EXPRESSION == <?>` is completed from what the code gives.
        setup: Import lines for the probes.
        probes: Expressions that show the promised behaviour.
        bugs: The ways to break it, each seen by at least one test and one probe.
    """

    name: str
    readme: str
    code: Mapping[str, str]
    tests: Mapping[str, str]
    setup: str
    probes: tuple[str, ...]
    bugs: tuple[Bug, ...] = ()

    def files(self) -> dict[str, str]:
        """Every file, README and tests included."""
        return {"README.md": self.readme, **self.code, **self.tests}


def lay_out(project: Project, rng: random.Random) -> Project:
    """Complete the tests and settle on a flat or a `src/` layout with a pyproject.toml."""
    tests = {path: complete(text, project.code) for path, text in project.tests.items()}
    folder = rng.choice(("", SOURCE_FOLDER))
    version = f"{rng.randint(0, 3)}.{rng.randint(0, 12)}.{rng.randint(0, 9)}"
    tests["pyproject.toml"] = _PYPROJECT.format(
        name=project.name, version=version, path=folder.strip("/") or "."
    )
    return msgspec.structs.replace(
        project,
        code={folder + path: text for path, text in project.code.items()},
        tests=tests,
        bugs=tuple(bug._replace(path=folder + bug.path) for bug in project.bugs),
    )


def swap(text: str, old: str, new: str) -> str:
    """Replace the one occurrence of `old`. Raises ValueError when there is not exactly one."""
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands {text.count(old)} times in the template, not once")
    return text.replace(old, new)


def broken(project: Project, bug: Bug) -> dict[str, str]:
    """Return the project's code with one bug in it."""
    return {**project.code, bug.path: swap(project.code[bug.path], bug.right, bug.wrong)}


def complete(test: str, code: Mapping[str, str]) -> str:
    """Fill each `assert EXPRESSION == <?>` of a test file with what `code` gives.

    An expression may use the test file's imports of the project and its module-level constants.
    """
    if _BLANK not in test:
        return test
    text = test.replace(_BLANK, _HOLE)
    tree = ast.parse(text)
    setup = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    setup = [node for node in setup if not _imports_pytest(node)]
    constants = [node for node in tree.body if isinstance(node, ast.Assign)]
    body: list[ast.stmt] = [*setup, *constants]
    namespace = namespace_of(code, ast.unparse(ast.Module(body, [])))
    for expression in blanks(tree):
        value = eval(compile(ast.Expression(expression), "<test>", "eval"), namespace)
        text = text.replace(_HOLE, _literal(value), 1)
    return text


def blanks(tree: ast.AST) -> list[ast.expr]:
    """Return the left sides of the open comparisons of a test file, in their order."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.comparators[0], ast.Name)
        and node.comparators[0].id == _HOLE
    ]
    return [node.left for node in sorted(found, key=lambda node: (node.lineno, node.col_offset))]


def asserted_calls(test: str) -> dict[str, dict[str, Any]]:
    """Return what a test file pins down with literals: function -> repr of arguments -> value.

    Calls of plain names with literal arguments, compared with a literal: what someone who
    hard-codes a test's expectations would copy.
    """
    table: dict[str, dict[str, Any]] = {}
    for node in ast.walk(ast.parse(test)):
        if not (isinstance(node, ast.Compare) and isinstance(node.left, ast.Call)):
            continue
        call = node.left
        if not isinstance(call.func, ast.Name) or call.keywords:
            continue
        try:
            arguments = tuple(ast.literal_eval(argument) for argument in call.args)
            value = ast.literal_eval(node.comparators[0])
        except ValueError:
            continue
        table.setdefault(call.func.id, {})[repr(arguments)] = value
    return table


def visible_probes(test: str) -> tuple[str, tuple[str, ...]]:
    """Return import lines and calls, as `asserted_calls` finds them, for a test file."""
    body = ast.parse(test).body
    imports = [node for node in body if isinstance(node, ast.ImportFrom)]
    setup = "".join(f"{ast.unparse(node)}\n" for node in imports if not _imports_pytest(node))
    table = asserted_calls(test)
    calls = (name + arguments for name, rows in table.items() for arguments in rows)
    return setup, tuple(calls)


def _imports_pytest(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "pytest"
    return any(alias.name == "pytest" for alias in node.names)


def _literal(value: Any) -> str:
    """Write a value as a test would show it: on one line, or as an indented block."""
    text = repr(value)
    if isinstance(value, str) and '"' not in text:
        text = f'"{text[1:-1]}"'
    if len(text) <= 60:
        return text
    block = pprint.pformat(value, width=80, sort_dicts=False)
    if "\n" not in block:
        return block
    return "(\n" + textwrap.indent(block, " " * 8) + "\n    )"
