"""Following the two models of a `[stop]`, item by item: who is better, or when to give up.

Items count in the plan's own order only: item k is looked at once it and all before it are finished
on both sides, whatever was finished beyond. So the decision depends on the outcomes alone, and not
on how many runs there were at once, or on kills and resumes. `design/adaptive.md` says what holds.
Knows nothing of how runs are carried out, or of when evidence is enough: `campaign.watch` does.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ossay.campaign.order import item_of, shuffled
from ossay.campaign.plan import Plan, parse_plan
from ossay.campaign.progress import Evidence
from ossay.campaign.stop import Stop
from ossay.campaign.watch import Look, Watch
from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey
from ossay.stats.sequential import Bet, Winner
from ossay.stats.sequential_verdict import Ending, Race, sequential_verdict
from ossay.stats.verdict import Verdict


class Followed(Struct, frozen=True):
    """How far two models were told apart, and what that saved.

    Attributes:
        a, b: The models, as the plan names them.
        reason: 'decided', 'tied', 'futile' (given up), 'used_up' (no items left), or 'open'.
        winner: 'a' or 'b' where one is better, else None.
        decided_at: The item, counted from 1 in the plan's order, that decided or showed the tie.
        items: Items that count, up to the decision; those beyond it tell nothing here.
        planned: Items of the plan.
        pairs: Items that count and have an outcome on both sides.
        without_result: Items that count and have none on a side: infrastructure errors.
        only_a, only_b: Pairs that one of the two alone passed.
        e_value: At the end.
        path: The state at each differing pair, and at the last item that counts.
        chance: Of the items left to decide, where it was given up for that.
        runs_saved: Runs of the plan, other models' included, that needn't be made any more.
        alpha, futility, margin, bet: As in the plan.
        verdict: What that allows one to say.
    """

    a: str
    b: str
    reason: Ending
    winner: Winner | None
    decided_at: int | None
    items: int
    planned: int
    pairs: int
    without_result: int
    only_a: int
    only_b: int
    e_value: float
    path: tuple[Look, ...]
    chance: float | None
    runs_saved: int
    alpha: float
    futility: float
    margin: float | None
    bet: Bet
    verdict: Verdict


class Follower:
    """Takes outcomes in any order, and looks at items in the plan's. A run costs about O(1)."""

    def __init__(self, plan: Plan, stop: Stop, keys: Iterable[RunKey]) -> None:
        self.a, self.b = stop.pair(plan.models)
        self._stop = stop
        keys = list(keys)
        self._unfinished = len(keys)
        order = shuffled({item_of(key) for key in keys}, plan.seed)
        self._place = {item: place for place, item in enumerate(order)}
        self._watch = Watch(stop, len(order))
        self._outcomes: tuple[dict[int, Outcome], dict[int, Outcome]] = ({}, {})
        self._seen: set[RunKey] = set()

    @property
    def over(self) -> bool:
        """Whether nothing that is still to come can change anything."""
        return self._watch.over

    @property
    def stopped(self) -> str:
        """Why the campaign should stop, as in `CampaignRecord`; '' where it should not."""
        if self._watch.reason in ("decided", "tied"):
            return "decided"
        return "undecidable" if self._watch.reason == "futile" else ""

    @property
    def taken(self) -> int:
        """How many runs were taken."""
        return len(self._seen)

    @property
    def evidence(self) -> Evidence:
        """The state now, for whoever watches."""
        watch, bar = self._watch, 1.0 / self._stop.alpha
        now = watch.look
        return Evidence(now.items, watch.planned, now.only_a, now.only_b, now.e_value, bar)

    def note(self, key: RunKey, outcome: Outcome) -> None:
        """Take a finished run of any model; one that was taken before changes nothing."""
        if key in self._seen:
            return
        self._seen.add(key)
        self._unfinished -= 1
        place = self._place.get(item_of(key))
        if place is None or key.model not in (self.a, self.b):
            return
        self._outcomes[key.model == self.b][place] = outcome
        first, second = self._outcomes
        watch = self._watch
        while not watch.over and watch.items in first and watch.items in second:
            watch.take(_passed(first.pop(watch.items)), _passed(second.pop(watch.items)))

    def followed(self) -> Followed:
        """Return everything as others may keep it."""
        stop, watch = self._stop, self._watch
        race = Race(
            self.a,
            self.b,
            watch.only_a,
            watch.only_b,
            watch.pairs,
            stop.alpha,
            stop.bet,
            stop.margin,
        )
        left = watch.planned - watch.items
        return Followed(
            a=self.a,
            b=self.b,
            reason=watch.reason,
            winner=watch.winner,
            decided_at=watch.items if watch.reason in ("decided", "tied") else None,
            items=watch.items,
            planned=watch.planned,
            pairs=watch.pairs,
            without_result=watch.items - watch.pairs,
            only_a=watch.only_a,
            only_b=watch.only_b,
            e_value=watch.look.e_value,
            path=watch.path,
            chance=watch.chance,
            runs_saved=self._unfinished if self.stopped else 0,
            alpha=stop.alpha,
            futility=stop.futility,
            margin=stop.margin,
            bet=stop.bet,
            verdict=sequential_verdict(race, watch.reason, left=left, chance=watch.chance),
        )


def _passed(outcome: Outcome) -> bool | None:
    """Whether a run passed; None where it says nothing of the model."""
    return outcome is Outcome.PASSED if outcome.counts else None


def follow(record: CampaignRecord) -> Followed | None:
    """Work out from a campaign's plan and runs alone how far its models were told apart.

    None where the plan has no `[stop]`.
    """
    follower = follower_of(record)
    return None if follower is None else follower.followed()


def follower_of(record: CampaignRecord) -> Follower | None:
    """The follower of a campaign, with all its finished runs taken; None without `[stop]`."""
    plan = parse_plan(record.plan_toml, source=f"campaign {record.name!r}")
    if plan.stop is None:
        return None
    follower = Follower(plan, plan.stop, (run.key for run in record.runs))
    for run in record.runs:
        if run.state == "finished" and run.outcome is not None:
            follower.note(run.key, run.outcome)
    return follower
