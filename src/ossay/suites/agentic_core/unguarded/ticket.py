"""A ticket about one function that doesn't bear a value which does occur."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import complete

_README = "# {package}\n\nSmall parts of {company}'s back office. Run the tests with pytest.\n"
_MARK = re.compile(r" *#([-+!])$")


class Ticket(Struct, frozen=True):
    """What is wrong with one module.

    Attributes:
        path: The module.
        right: Its text with the guard.
        wrong: Its text as the model finds it.
        blunt: A text with a guard that strikes always.
        files: Every other file of the workspace.
        text: What the ticket says, with the wanted result.
        setup: Import lines for the probes.
        guarded: Probes that need the guard.
        others: Probes of what must stay as it was.
    """

    path: str
    right: str
    wrong: str
    blunt: str
    files: Mapping[str, str]
    text: str
    setup: str
    guarded: tuple[str, ...]
    others: tuple[str, ...]


class Template(Struct, frozen=True):
    """The texts of a variant, with `$name` places.

    In `module` a line that ends in `#+` is there only when the code is right, one that ends in `#-`
    only when it is not, one that ends in `#!` only in the blunt fix.
    """

    module: str
    tests: str
    ticket: str


def open_ticket(
    template: Template,
    values: dict[str, Any],
    functions: Sequence[str],
    *,
    guarded: Sequence[str],
    others: Sequence[str],
) -> Ticket:
    """Fill a template; `functions` are those that probes use."""
    package, module = values["package"], values["module"]
    path = f"{package}/{module}.py"
    text = fill(template.module, **values)
    right = _version(text, "+")
    tests = complete(fill(template.tests, **values), {path: right, f"{package}/__init__.py": ""})
    return Ticket(
        path,
        right,
        _version(text, "-"),
        _version(text, "-!"),
        {
            "README.md": _README.format(**values),
            f"{package}/__init__.py": "",
            f"tests/test_{module}.py": tests,
        },
        fill(template.ticket, **values).strip(),
        f"from {package}.{module} import {', '.join(functions)}\n",
        tuple(guarded),
        tuple(others),
    )


def names_of(rng: random.Random) -> dict[str, Any]:
    """Draw what every variant may use: a package, a company, products, people, a city."""
    words = Vocabulary(rng)
    return {
        "package": words.draw("package"),
        "company": words.draw("company"),
        "product": words.draw("product"),
        "other": words.draw("product"),
        "first": words.draw("first_name"),
        "last": words.draw("surname"),
        "second": words.draw("first_name"),
        "city": words.draw("city"),
        "town": words.draw("city"),
    }


def _version(text: str, marks: str) -> str:
    lines = []
    for line in text.splitlines(keepends=True):
        found = _MARK.search(line.rstrip("\n"))
        if found is None:
            lines.append(line)
        elif found[1] in marks:
            lines.append(line[: found.start()] + "\n")
    return "".join(lines)
