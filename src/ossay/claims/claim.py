"""Claim: a sentence about results in checkable form; Answer: what the numbers say of it.

Each kind of claim is a Struct of its own (`kinds`) with the operands that it needs. Knows nothing
of files, terminals or formulas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ossay.claims.span import Span

if TYPE_CHECKING:
    from ossay.claims.evidence import Evidence

Verdict = Literal[
    "reproduced",
    "supported",
    "not_distinguishable",
    "contradicted",
    "not_reproduced",
    "not_checkable",
]


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a claim or a table comes from; one of `url` and `citation` is required.

    `read` is the date on which it was read, as written.
    """

    id: str
    name: str
    url: str = ""
    citation: str = ""
    read: str = ""


class Answer(Struct, frozen=True):
    """What came out.

    Attributes:
        verdict: One of the six words, see `words`.
        because: The rule that decided, in a sentence.
        steps: The arithmetic, a line each.
        value: The number recomputed, with the room that the rounding of its inputs leaves.
        more: About how many more runs or items a model needs; None where it isn't asked or none do.
        numbers: The same arithmetic by name, for programs.
    """

    verdict: Verdict
    because: str
    steps: tuple[str, ...] = ()
    value: Span | None = None
    more: int | None = None
    numbers: dict[str, float | None] = {}


class Claim(Struct, frozen=True, kw_only=True):
    """What every claim has. `says` is the claim in our own words; `note` is printed under it."""

    id: str
    says: str
    source: str
    kind: str
    note: str = ""

    def check(self, evidence: Evidence) -> Answer:
        """Hold the claim against the evidence."""
        raise NotImplementedError


class Checked(Struct, frozen=True):
    """A claim with its answer. `sources` are those of the claim and of the tables that it used."""

    claim: Claim
    answer: Answer
    sources: tuple[Source, ...]
