"""A small project in which one number is written down in many places, and only one of them counts.

A Sketch has marks where the numbers go; `settle` draws them, so that several places hold the very
number that is shown. Knows nothing of the ways in which one place comes to count.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from ossay.suites.agentic_core.common import Vocabulary, fill

_MARK = re.compile(r"@([a-z_]+)@")

_SUBJECTS = (
    ("BATCH_SIZE", "batch size"),
    ("CHUNK_SIZE", "chunk size"),
    ("MAX_OPEN", "open connections"),
    ("PAGE_LENGTH", "rows per page"),
    ("POLL_SECONDS", "seconds between polls"),
    ("QUEUE_DEPTH", "queue depth"),
    ("RETRY_LIMIT", "retries"),
    ("SAMPLE_RATE", "samples per minute"),
    ("TIMEOUT", "timeout in seconds"),
    ("WINDOW", "window in minutes"),
)


class Place(NamedTuple):
    """Where a number is written down: `at` is path:line."""

    at: str
    value: int


class Sketch(Struct, frozen=True):
    """A project with marks for its numbers.

    Attributes:
        files: Path -> text; `@key@` stands for a number, one on a line.
        origin: The key of the number that is shown.
        command: What shows it, run in the project's folder.
        label: What the command prints before the number.
    """

    files: Mapping[str, str]
    origin: str
    command: str
    label: str


class Trace(Struct, frozen=True):
    """A project, what it shows, and where that is written down."""

    files: Mapping[str, str]
    command: str
    label: str
    origin: Place
    decoys: tuple[Place, ...]  # those with the number that is shown come first


def settle(sketch: Sketch, rng: random.Random) -> Trace:
    """Draw the numbers. At least two decoys hold the number that is shown."""
    places = _places(sketch.files)
    decoys = sorted(set(places) - {sketch.origin})
    rng.shuffle(decoys)
    shown, *others = rng.sample(range(12, 980), len(decoys) + 1)
    alike = 2 + sum(rng.random() < 0.5 for _ in decoys[2:])
    values = {sketch.origin: shown, **dict(zip(decoys, others, strict=True))}
    values.update(dict.fromkeys(decoys[:alike], shown))
    files = {
        path: _MARK.sub(lambda mark: str(values[mark[1]]), text)
        for path, text in sketch.files.items()
    }
    found = {key: Place(at, values[key]) for key, at in places.items()}
    return Trace(
        files,
        sketch.command,
        sketch.label,
        found[sketch.origin],
        tuple(found[key] for key in decoys),
    )


def names_of(rng: random.Random) -> dict[str, Any]:
    """Draw what every project may use: its package, its subject, words for modules."""
    words = Vocabulary(rng)
    constant, label = rng.choice(_SUBJECTS)
    name = words.draw("package")
    return {
        "name": name,
        "NAME": name.upper(),
        "CONST": constant,
        "key": constant.lower(),
        "label": label,
        "company": words.draw("company"),
        "service": words.draw("service"),
        "other": words.draw("service"),
        "third": words.draw("service"),
        "word": words.draw("animal"),
        "word_b": words.draw("animal"),
        "word_c": words.draw("animal"),
        "word_d": words.draw("animal"),
    }


def filled(templates: Mapping[str, str], names: Mapping[str, Any]) -> dict[str, str]:
    """Fill `$name` places in the paths and texts of templates."""
    return {fill(path, **names): fill(text, **names) for path, text in templates.items()}


def _places(files: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, text in files.items():
        for number, line in enumerate(text.split("\n"), 1):
            marks = _MARK.findall(line)
            if len(marks) > 1 or found.keys() & set(marks):
                raise ValueError(f"{path}:{number}: {line!r} has a mark too many")
            found.update(dict.fromkeys(marks, f"{path}:{number}"))
    return found
