"""A request that can be taken in several ways, each of them worked out.

Everything but one point is settled by the module's docstring, so that the readings listed are all
that a sensible person could take. Knows nothing of notes or graders.
"""

from __future__ import annotations

import ast
import random
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.inmemory import namespace_of
from ossay.suites.agentic_core.probing import Result, expected

STUB = 'raise NotImplementedError("see the ticket")'

_BODY = "    @body@"
_EXAMPLES = "    @examples@"


class Reading(Struct, frozen=True):
    """One way to take the request.

    Attributes:
        key: A name for it.
        body: What the function does under it.
        note: How a short note would put it; names this reading and no other.
        says: Patterns, for lower-case text, that a note of this reading plainly bears.
        also: Further patterns with which a note of this reading can be recognised.
    """

    key: str
    body: str
    note: str
    says: tuple[str, ...]
    also: tuple[str, ...] = ()


class Template(Struct, frozen=True):
    """The texts of a request, with `$name` places; `topic` and `neutral` are those of Request.

    `module` has a line `@examples@` in the function's docstring and a line `@body@` after it.
    """

    module: str
    readme: str
    ticket: str
    topic: str
    neutral: str = ""


class Request(Struct, frozen=True):
    """A vague request for one function.

    Attributes:
        kind: What is ambiguous.
        path: The module.
        readme: The workspace's README.
        ticket: What is asked.
        module: The module's text, with `@body@` for the function's body.
        function: The function's name.
        params: Its parameters, as in a call.
        setup: Import lines for the probes.
        probes: Expressions on which the readings differ.
        examples: Expressions of the docstring, on which they agree.
        readings: All that are admissible.
        topic: A pattern of what any note on the open point has some word of.
        neutral: A pattern of what is no negation of a reading, though it has such a word.
    """

    kind: str
    path: str
    readme: str
    ticket: str
    module: str
    function: str
    params: str
    setup: str
    probes: tuple[str, ...]
    examples: tuple[str, ...]
    readings: tuple[Reading, ...]
    topic: str
    neutral: str = ""

    def text(self, body: str = STUB) -> str:
        """Return the module with a body in its function."""
        return self.module.replace(_BODY, textwrap.indent(body, " " * 4))

    def files(self) -> dict[str, str]:
        """Return the workspace as the model finds it."""
        return {"README.md": self.readme, self.path: self.text()}

    def results(self, reading: Reading) -> tuple[Result, ...]:
        """Return what the probes give under a reading; any exception is as good as another."""
        found = expected({self.path: self.text(reading.body)}, self.setup, self.probes)
        return tuple({"raises": ["Exception"]} if "raises" in item else item for item in found)

    def is_open(self) -> bool:
        """Whether every two readings differ on some probe."""
        shown = [repr(self.results(reading)) for reading in self.readings]
        return len(set(shown)) == len(shown)

    def examples_only(self) -> str:
        """Return a body that knows the docstring's examples and nothing else."""
        namespace = namespace_of({self.path: self.text(self.readings[0].body)}, self.setup)
        rows = [
            f"    (({_arguments(example)},), {_literal(eval(example, namespace))}),"
            for example in self.examples
        ]
        return "\n".join(
            (
                "known = (",
                *rows,
                ")",
                f"return dict((repr(a), value) for a, value in known).get(repr(({self.params},)))",
            )
        )


def open_request(
    template: Template,
    values: Mapping[str, Any],
    kind: str,
    call: str,
    *,
    readings: Sequence[Reading],
    probes: Sequence[str],
    examples: Sequence[str],
) -> Request:
    """Fill a template. `call` is the function with its parameters, as in 'count(text, word)'."""
    function, _, params = call.rstrip(")").partition("(")
    module = fill(template.module, **values)
    stem = values["module"]
    path = f"src/{stem}.py"
    defined = re.findall(r"^def (\w+)", module, re.MULTILINE)
    setup = f"from datetime import date\n\nfrom {stem} import {', '.join(defined)}\n"
    bare = module.replace(_EXAMPLES, "").replace(_BODY, textwrap.indent(readings[0].body, " " * 4))
    namespace = namespace_of({path: bare}, setup)
    shown = "\n".join(f">>> {text}\n{eval(text, namespace)!r}" for text in examples)
    names = {**values, "call": call, "path": path}
    return Request(
        kind,
        path,
        fill(template.readme, **names),
        " ".join(fill(template.ticket, **names).split()),
        module.replace(_EXAMPLES, textwrap.indent(shown, " " * 4))
        if shown
        else module.replace(f"\n{_EXAMPLES}\n", ""),
        function,
        params,
        setup,
        tuple(probes),
        tuple(examples),
        tuple(readings),
        template.topic,
        template.neutral,
    )


def values_of(rng: random.Random, modules: Sequence[str]) -> dict[str, Any]:
    """Draw what every request may use: a company, people, words, the module's name."""
    words = Vocabulary(rng)
    return {
        "module": rng.choice(modules),
        "company": words.draw("company"),
        "person": words.draw("first_name"),
        "colleague": words.draw("first_name"),
        "product": words.draw("product"),
        "thing": words.draw("product"),
        "service": words.draw("service"),
        "other": words.draw("service"),
        "words": words,
    }


def plain_names(rng: random.Random, n: int) -> list[str]:
    """Return different first names of plain letters, in alphabetical order."""
    names = Vocabulary(rng).several("first_name", n)
    return sorted(names)


def _arguments(example: str) -> str:
    tree = ast.parse(example, mode="eval").body
    if not isinstance(tree, ast.Call):
        raise TypeError(f"{example!r} is no call")
    return ", ".join(ast.unparse(argument) for argument in tree.args)


def _literal(value: object) -> str:
    return repr(value).replace("datetime.date", "date")
