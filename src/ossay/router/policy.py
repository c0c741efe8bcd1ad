"""Policy: what was promised, the thresholds that keep it, and all that it was calibrated with.

It expires when anything it pins changes, and whoever serves it asks `changed`. `Chooser` says what
to do with one query. Knows nothing of how it was made, of files or of HTTP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ossay.router.costs import Unit
from ossay.router.gate import Estimand, Gate
from ossay.router.ready import Ready

FORMAT = 1
# What a gate may have been trained with and no request tells.
TASKS = "tasks"
_SHOWN = 3  # tasks that a change names

Plan = Literal["publish", "validate", "redo"]


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """What a request costs on average and how often its answer is right, over calibration rows.

    `seconds` is the mean wait, None where the rows don't tell.
    """

    cost: float
    right: float
    seconds: float | None = None


class Beside(Struct, frozen=True, forbid_unknown_fields=True):
    """A policy's expectations beside the three that need no policy.

    `best_single` is the model with more right answers, the cheaper one if equal.
    """

    policy: Expected
    always_cheap: Expected
    always_strong: Expected
    best_single: Expected


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """Scores from which a draft is published, and from which it is validated first.

    None: never.
    """

    publish: float | None
    validate: float | None

    def plan(self, score: float) -> Plan:
        """What to do with a query of that score."""
        if self.publish is not None and score >= self.publish:
            return "publish"
        if self.validate is not None and score >= self.validate:
            return "validate"
        return "redo"


NEVER = Thresholds(None, None)


class Stratum(Struct, frozen=True, forbid_unknown_fields=True):
    """One part of the traffic, with thresholds and a promise of its own.

    Attributes:
        name: '' where the traffic was not parted.
        n: Calibration rows.
        delta: Its part of the policy's delta.
        thresholds: `NEVER` where nothing could be certified.
        infeasible: Why nothing could be, and what would help; '' where thresholds were certified.
        failures, of: What was seen under the thresholds: of all rows, or of those published.
        upper_bound: The largest risk that these don't refute at delta; at most alpha.
        published: Share of requests answered with the cheap draft.
        validated: Share of requests whose draft the validator sees.
        expected: Costs and right answers, beside the plans that need no policy.
        saved: Share of always-strong's cost that is saved.
        break_even: Share of validated drafts redone above which always-strong would cost less; None
            without a validator.
        redone: That share as seen; None without a validator, or where nothing is validated.
    """

    name: str
    n: int
    delta: float
    thresholds: Thresholds
    infeasible: str
    failures: int
    of: int
    upper_bound: float | None
    published: float
    validated: float
    expected: Beside
    saved: float
    break_even: float | None = None
    redone: float | None = None

    @property
    def feasible(self) -> bool:
        """Whether any draft may be published."""
        return not self.infeasible


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """The calibrated artefact.

    Attributes:
        estimand: 'escape': of all requests, those whose cheap answer went out wrong where the
            strong model would have been right. 'selective': of the cheap answers that went out,
            those that are wrong.
        alpha, delta: With chance 1 - delta over the calibration rows, the risk is at most alpha in
            every stratum at once.
        n: Calibration rows; `trained_on` counts those that fitted the gate and ordered the tests.
        cheap, strong, validator: The models, as the records name them; validator '' where none.
        approve_from: The validator's score from which a draft is approved.
        unit: What costs are in.
        strata: By name. A request of another stratum goes to the strong model.
        gate: The gate whose scores the thresholds are for.
        pins: What this was calibrated with -> its hash: data, gate, cheap, strong, validator,
            prompts. See `changed`.
        made_at: Unix seconds.
        made_with: The version of ossay.
        format: Of this file.
        digest: `digest_of` the rest, which names the policy in a log: the same rows, aim and seed
            make the same one.
    """

    estimand: Estimand
    alpha: float
    delta: float
    n: int
    trained_on: int
    cheap: str
    strong: str
    validator: str
    approve_from: float
    unit: Unit
    strata: tuple[Stratum, ...]
    gate: Gate
    pins: dict[str, str]
    made_at: float
    made_with: str
    format: int = FORMAT
    digest: str = ""

    @property
    def feasible(self) -> bool:
        """Whether any stratum may publish a draft at all."""
        return any(one.feasible for one in self.strata)

    def stratum(self, name: str) -> Stratum | None:
        """The stratum of that name, None where it was not calibrated."""
        return next((one for one in self.strata if one.name == name), None)


class Choice(Struct, frozen=True):
    """What a policy says of one query. `score` is None where the stratum is unknown to it."""

    plan: Plan
    score: float | None = None


class Change(Struct, frozen=True):
    """Something pinned that is no longer what it was; `now` is '' where nobody says what it is."""

    what: str
    pinned: str
    now: str

    @property
    def why(self) -> str:
        """Why that expires a policy, in a few words."""
        if self.what == TASKS:
            return "its gate knows tasks and requests name none"
        return f"{self.what} changed"


class Chooser:
    """A policy made ready to serve. The caller asks `changed` first, and guards what is critical.

    A query of a stratum that the policy doesn't know goes to the strong model.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._ready = Ready(policy.gate)
        self._thresholds = {one.name: one.thresholds for one in policy.strata}

    def choose(self, query: str, *, stratum: str = "", task: str = "") -> Choice:
        """Say what to do with a query."""
        found = self._thresholds.get(stratum)
        if found is None:
            return Choice("redo")
        score = self._ready.score(query, task)
        return Choice(found.plan(score), score)


def changed(policy: Policy, now: Mapping[str, str]) -> tuple[Change, ...]:
    """What is no longer as pinned; a policy with any change is expired: all goes to the strong.

    `now` must tell every pin; what it doesn't tell counts as changed. The gate is in the policy and
    is looked at here; the data are the past and cannot change.
    """
    current = {**now, "gate": policy.gate.digest()}
    return tuple(
        Change(what, pinned, current.get(what, ""))
        for what, pinned in sorted(policy.pins.items())
        if what != "data" and current.get(what, "") != pinned
    )


def untold(policy: Policy) -> tuple[Change, ...]:
    """What the gate was trained with and a request to a gateway does not tell.

    With a task, a score holds that task's prior, so thresholds for such scores promise nothing of
    scores without.
    """
    tasks = policy.gate.tasks
    if not tasks:
        return ()
    more = f" and {len(tasks) - _SHOWN} more" if len(tasks) > _SHOWN else ""
    return (Change(TASKS, ", ".join(tasks[:_SHOWN]) + more, ""),)


def digest_of(policy: Policy) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON without `digest` and `made_at`."""
    bare = replace(policy, digest="", made_at=0.0)
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
