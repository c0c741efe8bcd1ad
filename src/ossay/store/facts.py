"""A grade's facts as the ledger's JSON and back, and its artefacts: bounded, so they can be kept.

Knows nothing of what a fact means, or of what is in an artefact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import msgspec

from ossay.core.errors import LedgerError
from ossay.core.rubric import Fact, Facts
from ossay.store.text import storable

MOST_FACTS = 200
MOST_ARTEFACTS = 16
MOST_BYTES = 8 << 20  # of a run's artefacts together
_MOST_CHARS = 1_000  # of a fact that is a text, and of a name
_decoder = msgspec.json.Decoder(dict[str, Fact])
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


def pack_facts(facts: Facts) -> str:
    """Return facts as JSON. Numbers that are not finite are left out, and what is too many."""
    kept = {
        storable(name, _MOST_CHARS): storable(fact, _MOST_CHARS) if isinstance(fact, str) else fact
        for name, fact in list(facts.items())[:MOST_FACTS]
        if not isinstance(fact, float) or math.isfinite(fact)
    }
    return msgspec.json.encode(kept).decode()


def unpack_facts(text: str) -> dict[str, Fact]:
    """Undo `pack_facts`; raises `LedgerError` on anything else."""
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise LedgerError(f"facts of a run are damaged in the ledger: {error}") from error


def within_bounds(artefacts: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The artefacts that are kept: plain names, the first ones, as long as all are small enough."""
    left = MOST_BYTES
    for name, content in list(artefacts.items())[:MOST_ARTEFACTS]:
        if _NAME.fullmatch(name) and len(content) <= left:
            left -= len(content)
            yield name, content
