"""What a scorer said, as a number or the reason why there is none.

Letters count as Inspect's `accuracy` counts them: C 1, P 0.5, I and N 0. NaN is its mark for a
sample that could not be scored, and is missing here. Knows nothing of logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ossay.records.cell import MAX_TEXT, number_of
from ossay.records.inspect_wire import Score

LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}

# Why there is no score: the harness gave none, or what it gave is no number, or no finite one.
UNSCORED, UNPARSED, INFINITE = "unscored", "unparsed", "infinite"
_REASON_CHARS = 60


def scores_of(scorer: str, said: Score) -> Iterator[tuple[str, float | None, str]]:
    """Give (metric, score, why there is none) for each value that a scorer of Inspect gave.

    A scorer that gives one value is a metric; of one that gives several each key is, as
    'scorer/key'. Raises ValueError where a name is far too long.
    """
    value = said.value
    if isinstance(value, dict):
        named = [(f"{scorer}/{key}", one) for key, one in value.items()]
    elif isinstance(value, list):
        named = [(f"{scorer}/{number}", one) for number, one in enumerate(value, 1)]
    else:
        named = [(scorer, value)]
    for metric, one in named:
        if len(metric) > MAX_TEXT:
            raise ValueError(f"a scorer's name has {len(metric):,} characters")
        letter = LETTERS.get(one) if isinstance(one, str) else None
        score, missing = score_of(one) if letter is None else (letter, "")
        if missing == UNSCORED and isinstance(said.reason, str) and said.reason:
            missing = said.reason[:_REASON_CHARS]
        yield metric, score, missing


def score_of(value: Any) -> tuple[float | None, str]:
    """Return (score, why there is none) for a value out of JSON."""
    if value is None:
        return None, UNSCORED
    if value in ("Infinity", "-Infinity"):
        return None, INFINITE
    if not isinstance(value, str | bool | int | float):
        return None, UNPARSED
    try:
        score = number_of(value)
    except ValueError:
        infinite = not isinstance(value, str)
        return None, INFINITE if infinite else UNPARSED
    return score, "" if score is not None else "empty"
