"""Escaped: published drafts, the audits drawn of them, and how often they were found wrong.

An audit is paired with its decision through the chance that both carry. Knows nothing of why a
draft was published.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from msgspec import Struct

from ossay.core.decision import Audit, Decision
from ossay.stats.audits import Audited, EscapeRate, escape_rate


class Escapes(Struct, frozen=True):
    """What audits say of the answers that went out.

    A wrong one is one that the auditor did not approve: a verdict, no truth. That the strong model
    would have been right is not looked at, so this counts at least what an escape counts.

    Attributes:
        requests: Answered by the strong model, or by a draft that had a chance of audit: what the
            rate is a share of.
        excluded: Those answered by the strong model, which can't have escaped.
        not_covered: Published drafts without a chance of audit; the rate says nothing of them.
        drawn: Audits that were to be.
        labelled: Audits with a verdict.
        unlabelled: Audits that failed, were not asked, or never came into the log.
        wrong: Labelled ones not approved, and `mendable`, those of them that a repair would mend.
        estimate: None where no request had a chance.
    """

    requests: int
    excluded: int
    not_covered: int
    drawn: int
    labelled: int
    unlabelled: int
    wrong: int
    mendable: int
    estimate: EscapeRate | None


class Escaped:
    """Add decisions and their audits; ask for the rate at any time."""

    def __init__(self) -> None:
        self._excluded = 0
        self._not_covered = 0
        self._mendable = 0
        self._published: Counter[float] = Counter()
        self._drawn: Counter[float] = Counter()
        self._labelled: Counter[float] = Counter()
        self._wrong: Counter[float] = Counter()

    def add(self, decision: Decision) -> None:
        """Count one request; embeddings ('ROUTE/embeddings') can't be wrong and are none."""
        if decision.route.endswith("/embeddings"):
            return
        if decision.ending == "strong":
            self._excluded += 1
        elif decision.ending in ("draft", "repair"):
            chance = _rounded(decision.audit_chance)
            if chance > 0.0:
                self._published[chance] += 1
                self._drawn[chance] += decision.audited
            else:
                self._not_covered += 1

    def add_audit(self, audit: Audit) -> None:
        """Count an audit of a decision that was added."""
        if audit.wrong is None or audit.chance <= 0.0:
            return
        chance = _rounded(audit.chance)
        self._labelled[chance] += 1
        self._wrong[chance] += audit.wrong
        self._mendable += audit.ruling == "repair"

    def summary(self, level: float = 0.95) -> Escapes:
        """The counts, and the rate with its bound."""
        labelled, wrong = +self._labelled, +self._wrong
        missing = self._drawn - self._labelled
        covered = self._published.total()
        requests = self._excluded + covered
        estimate = None
        if covered:
            floor = min(self._published)
            estimate = escape_rate(Audited(requests, wrong, missing, labelled, floor), level)
        return Escapes(
            requests,
            self._excluded,
            self._not_covered,
            self._drawn.total(),
            labelled.total(),
            missing.total(),
            wrong.total(),
            self._mendable,
            estimate,
        )


@lru_cache(maxsize=256)
def _rounded(chance: float) -> float:
    """To four digits, so that there are few of them however often a share is changed."""
    return float(f"{chance:.4g}")
