"""Checked claims as JSON, for other programs. Plain ASCII; what isn't a number is null.

Knows nothing of how they were checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from ossay.claims.claim import Checked


def claims_json(title: str, file: str, checked: Sequence[Checked]) -> str:
    """One object: title, file, summary (verdict -> count), together and the claims."""
    from ossay.claims.together import together
    from ossay.claims.words import ORDER

    verdicts = [one.answer.verdict for one in checked]
    fields = {
        "title": title,
        "file": file,
        "summary": {word: verdicts.count(word) for word in ORDER},
        "together": msgspec.to_builtins(together(checked)),
        "claims": [_claim(one) for one in checked],
    }
    return json.dumps(fields, indent=2, allow_nan=False)


def _claim(one: Checked) -> dict[str, Any]:
    answer, value = one.answer, one.answer.value
    return {
        "id": one.claim.id,
        "kind": one.claim.kind,
        "says": one.claim.says,
        "verdict": answer.verdict,
        "because": answer.because,
        "more": answer.more,
        "value": None if value is None else _finite(value.value),
        "value_low": None if value is None else _finite(value.low),
        "value_high": None if value is None else _finite(value.high),
        "steps": answer.steps,
        "numbers": {name: _finite(number) for name, number in answer.numbers.items()},
        "note": one.claim.note or None,
        "sources": [msgspec.to_builtins(source) for source in one.sources],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
