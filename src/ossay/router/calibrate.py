"""From graded queries to a policy: train the gate on some rows, test thresholds on the others.

The two halves are split by chance and meet nowhere: gate, sigmoids, thresholds and the order of the
tests come from the training rows; the calibration rows are only counted. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ossay.core.errors import UsageError
from ossay.core.graded import Graded
from ossay.router.costs import Prices, costs_of
from ossay.router.gate import Estimand, chances, fit_gate, texts_of
from ossay.router.ladder import Graph, Target, build, failing
from ossay.router.policy import Policy, Stratum, digest_of
from ossay.router.stratum import Tuned, settle, tuned
from ossay.router.validator import Errors, errors_of

if TYPE_CHECKING:
    import numpy as np

    from ossay.stats.arrays import Floats

# Rows below which a half is too small to look at: a gate of fewer foresees nothing.
LEAST = 50


class Aim(Struct, frozen=True):
    """What the user asks for.

    Attributes:
        alpha: The largest share of failures that is acceptable.
        delta: The chance that the promise may fail, by an unlucky draw of calibration rows.
        estimand: What counts as a failure, and of what; see `Policy`.
        approve_from: The validator's score from which a draft is approved.
        train_share: Share of the rows that fit the gate.
    """

    alpha: float
    delta: float = 0.1
    estimand: Estimand = "escape"
    approve_from: float = 0.5
    train_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("alpha", "delta", "train_share"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise UsageError(f"{name} {value!r} is outside (0, 1); 0.05 means 5 %")
        if not 0.0 <= self.approve_from <= 1.0:
            raise UsageError(f"approve_from {self.approve_from!r} is outside [0, 1]")


class Provenance(Struct, frozen=True):
    """What a policy names but can't know itself: see `Policy`."""

    cheap: str
    strong: str
    validator: str = ""
    pins: Mapping[str, str] = {}
    made_at: float = 0.0
    made_with: str = ""


class Calibrated(Struct, frozen=True):
    """A policy, how well its gate foresees, and what other ways of tuning would have said.

    `auc`: of a calibration row where the cheap model is right and one where it is wrong, how often
    the first has the larger chance; None where all are right or all wrong. `auc_score`: the same of
    rows that would fail by the estimand if published, and the score that thresholds are for.
    `naive` and `conformal` go stratum by stratum, as the policy's. `validator` is None without one.
    """

    policy: Policy
    auc: float | None
    auc_score: float | None
    naive: tuple[Tuned, ...]
    conformal: tuple[Tuned, ...]
    validator: Errors | None


def calibrate(
    rows: Sequence[Graded],
    aim: Aim,
    provenance: Provenance,
    rng: np.random.Generator,
    *,
    prices: Prices | None = None,
) -> Calibrated:
    """Calibrate a policy on rows drawn from the traffic that it is for, independently.

    Raises:
        UsageError: too few rows, a validator's score for some rows only, costs for some only.
    """
    import numpy as np

    cut = round(len(rows) * aim.train_share)
    if min(cut, len(rows) - cut) < LEAST:
        raise UsageError(
            f"{len(rows):,} rows, of which {cut:,} train the gate: both parts need at least {LEAST}"
        )
    graph = graph_of(rows, aim, prices)
    texts = texts_of(rows)
    order = rng.permutation(len(rows))
    train, test = np.sort(order[:cut]), np.sort(order[cut:])
    gate, left_out = fit_gate(
        texts.take(train), graph.cheap_right[train], graph.strong_right[train], aim.estimand, rng
    )
    found = chances(gate, texts.take(test))
    seen = replace(graph.take(train), score=left_out.score)
    held = replace(graph.take(test), score=found.score)
    names = sorted({row.stratum for row in rows})
    of_row = np.array([row.stratum for row in rows])
    strata: list[Stratum] = []
    naive: list[Tuned] = []
    conformal: list[Tuned] = []
    for name in names:
        mine, theirs = np.flatnonzero(of_row[train] == name), np.flatnonzero(of_row[test] == name)
        part = held.take(theirs)
        # An order learnt on few rows of its own is worse than one learnt on all.
        learnt = seen.take(mine) if mine.size >= LEAST else seen
        target = Target(aim.estimand, aim.alpha, aim.delta / len(names))
        ladder = build(learnt, target, theirs.size)
        strata.append(settle(name, part, ladder, target))
        naive.append(tuned("naive", name, part, ladder, target))
        if aim.estimand == "escape" and graph.approved is None:
            conformal.append(tuned("conformal", name, part, ladder, target))
    policy = Policy(
        estimand=aim.estimand,
        alpha=aim.alpha,
        delta=aim.delta,
        n=int(test.size),
        trained_on=int(train.size),
        cheap=provenance.cheap,
        strong=provenance.strong,
        validator=provenance.validator,
        approve_from=aim.approve_from,
        unit=graph.costs.unit,
        strata=tuple(strata),
        gate=gate,
        pins={**provenance.pins, "gate": gate.digest()},
        made_at=provenance.made_at,
        made_with=provenance.made_with,
    )
    return Calibrated(
        replace(policy, digest=digest_of(policy)),
        auc(found.cheap, held.cheap_right),
        auc(held.score, 1.0 - failing(held, aim.estimand)),
        tuple(naive),
        tuple(conformal),
        errors_of(held),
    )


def graph_of(rows: Sequence[Graded], aim: Aim, prices: Prices | None) -> Graph:
    """The rows as arrays, with no score yet.

    Raises:
        UsageError: a validator's score for some rows only, costs for some only.
    """
    import numpy as np

    approvals = [row.approval for row in rows]
    missing = sum(one is None for one in approvals)
    if 0 < missing < len(rows):
        raise UsageError(
            f"{missing:,} of {len(rows):,} rows lack the validator's score: a draft that it did "
            "not judge is neither approved nor rejected; leave those rows out, or have them judged"
        )
    approved = None
    if not missing:
        approved = (np.array(approvals, dtype=np.float64) >= aim.approve_from).astype(np.float64)
    return Graph(
        score=np.zeros(len(rows)),
        cheap_right=np.array([row.cheap_right for row in rows], dtype=np.float64),
        strong_right=np.array([row.strong_right for row in rows], dtype=np.float64),
        approved=approved,
        costs=costs_of(rows, prices, validated=approved is not None),
    )


def auc(score: Floats, right: Floats) -> float | None:
    """The area under the receiver operating characteristic; ties count half. None for one class.

    As a rank sum: J. A. Hanley and B. J. McNeil, Radiology 143 (1982), 29-36.
    """
    import numpy as np

    good = float(right.sum())
    bad = right.size - good
    if not good or not bad:
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2.0)[place]
    return float((rank @ right - good * (good + 1.0) / 2.0) / (good * bad))
