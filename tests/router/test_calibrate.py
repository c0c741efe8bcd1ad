"""From rows to a policy: no leak, a promise that holds, and 'infeasible' where there is none."""

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.core.errors import UsageError
from ossay.core.graded import Charge, Graded
from ossay.router.calibrate import Aim, Provenance, auc, calibrate
from ossay.router.costs import Prices
from ossay.router.policy import NEVER, Chooser

MADE = Provenance("small", "large", pins={"data": "d"}, made_at=1.0, made_with="0")
PRICES = Prices(0.04, 1.0, 0.15)


def calibrated(rows, aim, seed=0, prices=PRICES):
    return calibrate(rows, aim, MADE, np.random.default_rng(seed), prices=prices)


def test_the_easy_half_goes_to_the_cheap_model(traffic, risk):
    found = calibrated(traffic(3_000), Aim(0.05))
    (stratum,) = found.policy.strata
    assert stratum.feasible
    assert stratum.upper_bound <= 0.05
    assert 0.4 < stratum.published < 0.6  # add and sort; prove alone escapes 10 % of the time
    assert stratum.saved == pytest.approx(stratum.published * 0.96)
    assert (found.policy.n, found.policy.trained_on) == (1_500, 1_500)
    assert risk(found.policy) < 0.06  # at most 0.05 in nine calibrations of ten
    assert found.auc > found.auc_score > 0.7


def test_costs_and_answers_stand_beside_the_plans_without_a_policy(traffic):
    charges = {"cheap": Charge(0.01, 1.0), "strong": Charge(0.2, 9.0)}
    found = calibrated(traffic(2_000, **charges), Aim(0.05), prices=None)
    (stratum,) = found.policy.strata
    beside, share = stratum.expected, stratum.published
    assert beside.always_cheap.cost == pytest.approx(0.01)
    assert beside.always_strong.cost == pytest.approx(0.2)
    assert beside.policy.cost == pytest.approx(0.01 * share + 0.2 * (1 - share))
    assert beside.policy.seconds == pytest.approx(1.0 * share + 9.0 * (1 - share))
    assert beside.best_single == beside.always_strong
    assert beside.always_cheap.right < beside.policy.right < beside.always_strong.right + 0.02
    assert found.policy.unit == "USD"


@pytest.mark.long
def test_the_promise_holds_over_many_calibrations(traffic, risk):
    """200 whole calibrations, each with a gate of its own, held to the truth."""
    broken = [
        risk(calibrated(traffic(600, seed=seed), Aim(0.04, 0.1), seed).policy) > 0.04
        for seed in range(200)
    ]
    assert 0 < sum(broken) <= 0.10 * 200


def test_calibration_rows_decide_nothing_but_the_rung(traffic):
    """Turn every calibration row's results around: gate and order of tests stay as they were."""
    rows = traffic(1_000)
    first = calibrated(rows, Aim(0.05))
    held = np.random.default_rng(0).permutation(1_000)[500:]
    turned = list(rows)
    for place in held:
        row = rows[place]
        turned[place] = replace(row, cheap_right=not row.cheap_right)
    second = calibrated(turned, Aim(0.05))
    assert second.policy.gate == first.policy.gate
    assert second.policy.strata != first.policy.strata
    assert not second.policy.feasible


def test_the_same_rows_and_seed_give_the_same_policy(traffic):
    rows = traffic(600)
    assert calibrated(rows, Aim(0.05)) == calibrated(rows, Aim(0.05))
    assert calibrated(rows, Aim(0.05), seed=1) != calibrated(rows, Aim(0.05))


def test_selective_is_of_the_answers_published(traffic):
    (stratum,) = calibrated(traffic(3_000), Aim(0.1, estimand="selective")).policy.strata
    assert stratum.feasible
    assert stratum.of == round(stratum.published * 1_500)
    assert stratum.upper_bound <= 0.1


def test_delta_is_split_over_strata_and_each_has_its_thresholds(traffic):
    found = calibrated(traffic(4_000, strata=("chat", "mail")), Aim(0.05, 0.1))
    assert [one.name for one in found.policy.strata] == ["chat", "mail"]
    assert [one.delta for one in found.policy.strata] == [0.05, 0.05]
    assert all(one.upper_bound <= 0.05 for one in found.policy.strata)
    chooser = Chooser(found.policy)
    assert chooser.choose("please add it", stratum="mail").plan == "publish"
    unknown = chooser.choose("please add it", stratum="legal")
    assert (unknown.plan, unknown.score) == ("redo", None)


def test_a_stratum_of_few_rows_is_infeasible_and_says_how_many_it_takes(traffic):
    rows = [*traffic(2_000, strata=("chat",)), *traffic(40, seed=5, strata=("legal",))]
    found = calibrated(rows, Aim(0.05, 0.1))
    chat, legal = found.policy.strata
    assert chat.feasible
    assert legal.thresholds == NEVER
    assert "even without a failure it takes 59" in legal.infeasible
    assert found.policy.feasible
    assert Chooser(found.policy).choose("please add it", stratum="legal").plan == "redo"


def test_a_stratum_that_the_calibration_rows_lack_is_infeasible(traffic):
    rows = [*traffic(200, strata=("chat",)), *traffic(1, seed=5, strata=("rare",))]
    found = {calibrated(rows, Aim(0.2), seed).policy.strata[1].n for seed in range(8)}
    assert found == {0, 1}


def test_a_cheap_model_that_is_never_right_is_infeasible(traffic):
    rows = [replace(row, cheap_right=False) for row in traffic(600)]
    found = calibrated(rows, Aim(0.3, estimand="selective"))
    (stratum,) = found.policy.strata
    assert not found.policy.feasible
    assert (stratum.published, stratum.saved, stratum.upper_bound) == (0.0, 0.0, None)
    assert "failed 300 times of 300" in stratum.infeasible
    assert stratum.expected.policy == stratum.expected.always_strong


def test_what_would_help_is_said(traffic):
    (stratum,) = calibrated(traffic(2_000), Aim(0.03, 0.1, "selective")).policy.strata
    assert "more rows, a larger alpha or a better cheap model" in stratum.infeasible


def test_a_cheap_model_that_costs_more_is_infeasible_too(traffic):
    (stratum,) = calibrated(traffic(300), Aim(0.3), prices=Prices(2.0, 1.0)).policy.strata
    assert "saves anything" in stratum.infeasible


def test_a_validator_lets_more_through_and_the_promise_covers_what_it_approves(traffic):
    aim = Aim(0.02)
    plain = calibrated(traffic(4_000), aim).policy.strata[0]
    rows = traffic(4_000, approves=(0.95, 0.1))
    (checked,) = calibrated(rows, aim).policy.strata
    assert checked.validated > 0.1
    assert checked.upper_bound <= 0.02
    assert checked.saved > plain.saved
    assert checked.expected.policy.right > plain.expected.policy.right
    assert checked.break_even == pytest.approx(1 - 0.04 - 0.15)
    assert 0.0 < checked.redone < checked.break_even
    errors = calibrated(rows, aim).validator
    assert errors.false_accept.interval.holds(0.1)
    assert errors.false_reject.interval.holds(0.05)
    assert errors.false_accept.of + errors.false_reject.of == 2_000


def test_a_validator_that_approves_everything_is_seen_through(traffic):
    """What it lets through counts as escaped, so its word alone buys nothing."""
    (stratum,) = calibrated(traffic(3_000, approves=(1.0, 1.0)), Aim(0.02)).policy.strata
    assert stratum.validated == 0.0
    assert stratum.upper_bound is None or stratum.upper_bound <= 0.02


def test_a_draft_that_nobody_judged_is_an_error(traffic):
    rows = [*traffic(200, approves=(1, 0)), *traffic(3)]
    with pytest.raises(UsageError, match="3 of 203 rows lack the validator's score"):
        calibrated(rows, Aim(0.05))


def test_naive_and_conformal_stand_beside(traffic):
    found = calibrated(traffic(2_000), Aim(0.05))
    (naive,), (conformal,) = found.naive, found.conformal
    assert naive.published >= conformal.published >= found.policy.strata[0].published
    assert naive.failures / naive.of <= 0.05
    assert calibrated(traffic(2_000, approves=(1, 0)), Aim(0.05)).conformal == ()


@pytest.mark.parametrize(
    ("aim", "says"),
    [({"alpha": 5}, "alpha 5"), ({"alpha": 0.05, "delta": 0.0}, "delta 0.0")],
)
def test_shares_are_shares(aim, says):
    with pytest.raises(UsageError, match=says):
        Aim(**aim)


def test_too_few_rows(traffic):
    with pytest.raises(UsageError, match="60 rows, of which 30 train the gate"):
        calibrated(traffic(60), Aim(0.05))


def test_queries_without_words():
    rows = [Graded("", place % 2 == 0, True) for place in range(200)]
    assert not calibrated(rows, Aim(0.05)).policy.feasible


def test_the_area_under_the_curve():
    right = np.array([0.0, 0.0, 1.0, 1.0])
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), right) == 0.75
    assert auc(np.full(4, 0.5), right) == 0.5
    assert auc(np.arange(4.0), np.ones(4)) is None
