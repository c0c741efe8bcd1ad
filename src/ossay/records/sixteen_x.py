"""The JSON that 16x Eval exports and imports: evals, experiments, contexts, prompts.

The fields are those of its public exports of 2025; no specification of them is published. What a
file lacks is None or empty here, and what it has beyond these fields is skipped. Knows nothing of
campaigns or ledgers.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
from msgspec import Struct, field

from ossay.records.json_text import decode

Id = str | int
Moment = str | float | None  # a date as text, or milliseconds since 1970

MOST_ROWS = 200_000  # evals of a file


class Tokens(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Tokens of an eval; `None` where the provider did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_without_thoughts: int | None = None
    thoughts_tokens: int | None = None
    total_tokens: int | None = None


class Eval(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One answer of one model with its rating.

    `rating` is on the experiment's scale, mostly 0 to 10; None where nobody rated. `duration_ms` is
    of the whole request. `prompt_structure` 'F' puts the prompt first, before the contexts.
    """

    id: Id
    experiment_id: Id | None = None
    created_at: Moment = None
    prompt: Any = None
    full_prompt: str | None = None
    context: list[Any] | None = None
    context_id: list[Id] | None = None
    images: list[Any] | None = None
    prompt_structure: str | None = None
    model: str | None = None
    provider: str | None = None
    base_url: str | None = field(default=None, name="baseURL")
    api_version: str | None = None
    response: str | None = None
    reasoning: str | None = None
    rating: float | None = None
    notes: str | None = None
    usage: Tokens | None = None
    duration_ms: float | None = None


class Experiment(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What several models were asked. `rubrics` is the text that people rate by."""

    id: Id
    name: str | None = None
    category: str | None = None
    created_at: Moment = None
    rubrics: str | None = None
    eval_function_id: Id | None = None


class Context(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A text or an image that goes with a prompt."""

    id: Id
    name: str | None = None
    type: str | None = None
    content: str | None = None


class Prompt(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A prompt. `hash` is eight hexadecimal digits; of what is not published."""

    id: Id
    name: str | None = None
    content: str | None = None
    category: str | None = None
    created_at: Moment = None
    hash: str | None = None


class Document(Struct, frozen=True, omit_defaults=True):
    """A whole file."""

    evals: list[Eval] = []
    experiments: list[Experiment] = []
    contexts: list[Context] = []
    prompts: list[Prompt] = []


def decode_document(data: bytes) -> Document:
    """Read a file's bytes; raises ValueError with what is wrong."""
    document = decode(data, Document)
    if not document.evals:
        raise ValueError("no evals: an export of 16x Eval has an array of that name")
    if len(document.evals) > MOST_ROWS:
        raise ValueError(f"more than {MOST_ROWS:,} evals; split it")
    for one in document.evals:
        for name in ("rating", "duration_ms"):
            number = getattr(one, name)
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{name} of eval {str(one.id)[:60]!r} is no number")
    known = [one.id for one in document.experiments]
    if len(set(known)) < len(known):
        raise ValueError("two experiments have one id")
    return document


def encode_document(document: Document) -> bytes:
    """The file of a document, indented, with a newline at its end."""
    top = {
        name: [msgspec.to_builtins(one) for one in getattr(document, name)]
        for name in Document.__struct_fields__  # all four, empty or not
    }
    return msgspec.json.format(msgspec.json.encode(top), indent=2) + b"\n"
