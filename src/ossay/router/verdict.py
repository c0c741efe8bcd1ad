"""Verdict: approve a draft, repair it by exact replacements, or reject it; read strictly.

What is not exactly a verdict is none, and none is never an approval. Knows nothing of who judges.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.decision import Ruling
from ossay.core.types import Message

# Beyond these a verdict is none: a validator that writes so much is not judging.
MAX_CHARS = 200_000
MAX_EDITS = 100


class Edit(Struct, frozen=True, forbid_unknown_fields=True):
    """Replace `find`, which occurs exactly once in the draft, by `replace`."""

    find: str
    replace: str


class Verdict(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of a draft.

    `score` is how sure the judge is that the draft, as it stands, may go out: 0 to 1. `edits` are
    those of a repair, and empty otherwise. `reason` is never shown to the caller.
    """

    verdict: Ruling
    score: float
    reason: str
    edits: tuple[Edit, ...] = ()


class Malformed(ValueError):
    """A text that is no verdict; says why without quoting it."""


# All required, nothing else allowed: what providers call strict.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["approve", "repair", "reject"]},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "reason": {"type": "string"},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"find": {"type": "string"}, "replace": {"type": "string"}},
                "required": ["find", "replace"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["verdict", "score", "reason", "edits"],
    "additionalProperties": False,
}


def parse_verdict(text: str) -> Verdict:
    """Read a verdict; raises `Malformed`.

    One JSON object and nothing around it; a key that comes twice, a score that is no number from 0
    to 1, an approval with edits, a repair without, a rejection without a reason are all malformed.
    """
    if len(text) > MAX_CHARS:
        raise Malformed(f"longer than {MAX_CHARS:,} characters")
    try:
        plain = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        if not isinstance(plain, dict) or set(plain) != set(SCHEMA["required"]):
            raise Malformed("not an object with exactly the keys of a verdict")
        verdict = msgspec.convert(plain, Verdict)
    except msgspec.ValidationError as error:
        raise Malformed("a field of the wrong type or value") from error
    except (ValueError, RecursionError, OverflowError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed("not one JSON object") from error
    wrong = fault_of(verdict)
    if wrong:
        raise Malformed(wrong)
    return verdict


def fault_of(verdict: Verdict) -> str:
    """Why a verdict contradicts itself, '' where it does not."""
    if not (math.isfinite(verdict.score) and 0.0 <= verdict.score <= 1.0):
        return "a score that is not from 0 to 1"
    if verdict.verdict == "repair":
        if not 0 < len(verdict.edits) <= MAX_EDITS:
            return f"a repair with {len(verdict.edits)} edits"
    elif verdict.edits:
        return f"{verdict.verdict!r} with edits"
    if verdict.verdict == "reject" and not verdict.reason.strip():
        return "a rejection without a reason"
    return ""


def repaired(draft: Message, edits: tuple[Edit, ...]) -> Message | None:
    """Apply every edit to the draft's text, or none: None where one does not fit.

    Each `find` must occur exactly once in the draft as it was written, and no two may overlap, so
    that the order of edits cannot matter. Tool calls are not edited.
    """
    text = draft.content
    places: list[tuple[int, int, str]] = []
    for edit in edits:
        at = text.find(edit.find) if edit.find else -1
        if at < 0 or text.find(edit.find, at + 1) >= 0:
            return None
        places.append((at, at + len(edit.find), edit.replace))
    places.sort()
    parts: list[str] = []
    done = 0
    for start, end, new in places:
        if start < done:
            return None
        parts += [text[done:start], new]
        done = end
    changed = "".join([*parts, text[done:]])
    if changed == text or not (changed.strip() or draft.tool_calls):
        return None
    return msgspec.structs.replace(draft, content=changed)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("a key comes twice")
    return found


def _no_constant(name: str) -> float:
    raise Malformed(f"{name} is no number")
