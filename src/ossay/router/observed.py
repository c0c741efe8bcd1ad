"""Observed: graded queries out of a decision log, from the audits that were drawn by chance.

A published draft that was audited has a label: what the auditor said of it. Each stands for one
over its chance of others. Tests of a policy count rows that are alike, so instead of weights a part
of the rows is taken, each with its stratum's least chance over its own: what is left is as if all
had been audited with the least chance. Where a policy chose by the query which drafts go out,
nobody looked at the others; the same part of those is taken, and their drafts count as wrong. What
the strong model would have answered to a published query nobody knows; it is taken for right. Knows
nothing of where the log is.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import Struct

from ossay.core.decision import Decision, Entry
from ossay.core.graded import Graded
from ossay.core.types import Request
from ossay.router.glance import Glance, answered, stratum_of
from ossay.router.planner import asked

_THINNED = "their audits had a larger chance than those of others in their stratum"
_OTHER = "another model drafted"
_decoder = msgspec.json.Decoder(Request)
Body = Callable[[str], bytes | None]


class Part(Struct, frozen=True):
    """One stratum of the log.

    Attributes:
        name: 'route/criticality'.
        requests: Of it in the log.
        labelled: Rows whose draft was audited.
        wrong: Those of them that the auditor did not approve.
        failed: Rows whose audit failed in a way that may have to do with the answer; in `labelled`
            and in `wrong`.
        unseen: Rows that a policy kept from going out; their drafts count as wrong.
        floor: The least chance of audit; 0 where none was audited, and then there are no rows.
    """

    name: str
    requests: int
    labelled: int
    wrong: int
    failed: int
    unseen: int
    floor: float


class Observed(Struct, frozen=True):
    """What a log gives to calibrate on.

    Attributes:
        rows: One a request, in the order of the log; `strong_right` is True, see the module.
            Costs and seconds are means of the route, none where too few are known.
        parts: By name; those without audits are there too.
        left_out: Why audited requests, or ones that a policy kept from going out, are no rows ->
            how many; of other requests only why there could be no audit.
        cheap, strong: The models that drafted and answered, by the log; '' where none did.
    """

    rows: tuple[Graded, ...]
    parts: tuple[Part, ...]
    left_out: dict[str, int]
    cheap: str
    strong: str


def observe(
    scan: Callable[[], Iterable[Entry]],
    body: Body,
    rng: random.Random,
    *,
    cheap: str = "",
    route: str = "",
) -> Observed:
    """Take rows out of a log.

    Args:
        scan: Gives all entries, in order; called twice.
        body: SHA-256 -> what has that hash, None where it is not kept.
        rng: Takes the part of the rows that stands for all.
        cheap: The model whose drafts count; '': the one that drafted most.
        route: The only route that counts; '': all.
    """
    walk = _Walk(Glance(scan(), route), body, rng, cheap)
    rows = tuple(walk.rows(entry for entry in scan() if isinstance(entry, Decision)))
    seen = walk.seen
    parts = tuple(
        Part(
            name,
            seen.requests[name],
            walk.counts[name]["labelled"],
            walk.counts[name]["wrong"],
            walk.counts[name]["failed"],
            walk.counts[name]["unseen"],
            seen.floor(name, walk.model),
        )
        for name in sorted(seen.requests)
    )
    return Observed(rows, parts, dict(walk.left_out), walk.model, seen.strong)


class _Walk:
    """The second look at the log: takes rows, and counts why others are none."""

    def __init__(self, seen: Glance, body: Body, rng: random.Random, cheap: str) -> None:
        self.seen = seen
        self.model = cheap or seen.cheap
        self.left_out: Counter[str] = Counter()
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._body = body
        self._rng = rng
        self._charges = seen.charges(self.model)

    def rows(self, decisions: Iterable[Decision]) -> Iterator[Graded]:
        for one in decisions:
            name = stratum_of(one)
            if name not in self.seen.requests:
                continue  # of another route
            why = self._why_not(one, name) or self._unlucky(one, name)
            if why is None:
                continue
            query = None if why else self._query(one)
            if query is None:
                self.left_out[why or "their text is not kept (keep_days)"] += 1
                continue
            labelled = one.plan == "cheap"
            wrong = not labelled or bool(self.seen.labels[one.id])
            count = self.counts[name]
            count["labelled" if labelled else "unseen"] += 1
            count["wrong"] += wrong and labelled
            count["failed"] += labelled and one.id in self.seen.failed
            cheap, strong = self._charges[one.route]
            yield Graded(query, not wrong, True, stratum=name, cheap=cheap, strong=strong)

    def _why_not(self, one: Decision, name: str) -> str:
        """Why a request can't be a row, '' where it may."""
        if not self.seen.floor(name, self.model):
            other = self.seen.others(name, self.model)
            return _OTHER if other else "no draft of their stratum had a chance of audit"
        if one.plan != "cheap":
            by_text = one.score is not None
            return "" if by_text else "not by their text, their plan was not to publish"
        if one.ending != "draft":
            return "their draft did not go out: it failed, or the caller left"
        draft = answered(one, "draft")
        if draft is None or draft.model != self.model:
            return _OTHER
        return "" if one.audit_chance else "they had no chance of audit"

    def _unlucky(self, one: Decision, name: str) -> str | None:
        """'' where a request is drawn, None where it is not, or why its label is lost."""
        labelled = one.plan == "cheap"
        if labelled and not one.audited:
            return None
        chance = one.audit_chance if labelled else 1.0
        if self._rng.random() >= self.seen.floor(name, self.model) / chance:
            return _THINNED if labelled else None
        if labelled and self.seen.labels.get(one.id) is None:
            return "their audit was out of reach, or never came into the log"
        return ""

    def _query(self, one: Decision) -> str | None:
        """The text that a gate is asked about, None where it is not kept or can't be read."""
        text = self._body(one.request_hash) if one.kept_until else None
        if text is None:
            return None
        try:
            return asked(_decoder.decode(text))
        except (msgspec.MsgspecError, RecursionError):
            return None
