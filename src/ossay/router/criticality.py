"""How much a mistake would cost: what was declared, and what raised it.

Route, key and header each may declare; the highest holds. Detectors look at the request and may
raise it further. Nothing lowers it. Knows nothing of plans.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from msgspec import Struct

from ossay.core.decision import Criticality
from ossay.core.types import Request

LEVELS: tuple[Criticality, ...] = ("low", "medium", "high")
DeclaredBy = Literal["route", "key", "header"]


class Raised(Struct, frozen=True):
    """A detector's finding: it asks for at least `to`, and says why in one sentence."""

    detector: str
    to: Criticality
    reason: str

    def __str__(self) -> str:
        """As the log keeps it."""
        return f"{self.detector} ({self.to}): {self.reason}"


class Detector(Protocol):
    """Looks at a request for something that makes mistakes dear."""

    @property
    def name(self) -> str:
        """What it looks for, as it is named in the configuration and in the log."""
        ...

    def look(self, request: Request) -> Raised | None:
        """Return what it found, None for nothing."""
        ...


class Assessed(Struct, frozen=True):
    """What a request is treated as, and why."""

    criticality: Criticality
    declared: Criticality
    declared_by: DeclaredBy
    raised: tuple[Raised, ...] = ()


def assess(
    request: Request,
    *,
    route: Criticality,
    key: Criticality | None = None,
    header: Criticality | None = None,
    detectors: Iterable[Detector] = (),
) -> Assessed:
    """Return the highest level that anybody declares or finds.

    `declared_by` is the first of route, key and header to declare that level. Only detectors that
    raise it above what was declared are in `raised`.
    """
    declared: Criticality = route
    by: DeclaredBy = "route"
    said: tuple[tuple[Criticality | None, DeclaredBy], ...] = ((key, "key"), (header, "header"))
    for level, who in said:
        if level is not None and _above(level, declared):
            declared, by = level, who
    found = (detector.look(request) for detector in detectors)
    raised = tuple(one for one in found if one is not None and _above(one.to, declared))
    highest = max((declared, *(one.to for one in raised)), key=LEVELS.index)
    return Assessed(highest, declared, by, raised)


def _above(one: Criticality, other: Criticality) -> bool:
    return LEVELS.index(one) > LEVELS.index(other)
