"""Transcripts packed into the page: compressed, base64, failing runs first, up to a budget.

Knows nothing of the page: it hands back text of the base64 alphabet.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.outcome import Outcome
from ossay.core.records import RunRecord
from ossay.core.task import Transcript
from ossay.reports.transcript import blocks


class Embedded(Struct, frozen=True):
    """`packed` maps run id to its blocks; `left_out` holds runs for which no room was left."""

    packed: dict[str, str]
    left_out: frozenset[str]


def embed(
    runs: Sequence[RunRecord], transcripts: Callable[[str], Transcript | None], budget: int
) -> Embedded:
    """Pack as many transcripts as fit into `budget` characters; one that is too long is skipped."""
    packed: dict[str, str] = {}
    left_out = set()
    for run in sorted(runs, key=_urgency):
        transcript = transcripts(run.id)
        if transcript is None:
            continue
        text = pack(list(blocks(transcript)))
        if len(text) > budget:
            left_out.add(run.id)
            continue
        budget -= len(text)
        packed[run.id] = text
    return Embedded(packed, frozenset(left_out))


def pack(thing: Any) -> str:
    """Compress a value's JSON to text; the same value gives the same text."""
    return base64.b64encode(gzip.compress(msgspec.json.encode(thing), 6, mtime=0)).decode()


def _urgency(run: RunRecord) -> int:
    """Failures first: those are the runs one wants to read."""
    if run.outcome is Outcome.PASSED:
        return 2
    return 1 if run.outcome is Outcome.INFRASTRUCTURE_ERROR else 0
