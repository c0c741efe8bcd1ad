"""The rate of escapes from audits: right on average, and bounds that hold while one looks."""

import numpy as np
import pytest

from ossay.stats.audits import Audited, escape_rate


def rate(requests, found, missing=0, chance=0.1, level=0.95):
    labelled = round(requests * chance) - missing
    seen = Audited(requests, {chance: found}, {chance: missing}, {chance: labelled}, chance)
    return escape_rate(seen, level)


def test_an_escape_counts_as_one_over_its_chance():
    seen = Audited(1_000, {0.1: 2, 0.5: 10}, {}, {0.1: 20, 0.5: 400}, 0.1)
    assert escape_rate(seen).rate == pytest.approx((2 / 0.1 + 10 / 0.5) / 1_000)


def test_no_escape_found_is_no_proof_of_none():
    found = rate(1_000, 0)
    assert (found.rate, found.interval.low) == (0.0, 0.0)
    assert 0.03 < found.at_most < found.interval.high < 0.15
    assert rate(10_000, 0).at_most < found.at_most / 5


def test_ends_enclose_the_estimate_and_close_in():
    few, many = rate(1_000, 5), rate(100_000, 500)
    for one in (few, many):
        assert one.rate == pytest.approx(0.05)
        assert one.interval.low < one.rate < one.at_most < one.interval.high
    assert many.interval.high - many.interval.low < 0.016
    assert rate(100, 100, chance=1.0).at_most == 1.0


def test_missing_labels_widen_both_ways():
    whole, lacking = rate(10_000, 50), rate(10_000, 50, missing=100)
    assert lacking.rate == pytest.approx(50 / 0.1 * 1_000 / 900 / 10_000)
    assert lacking.at_most > whole.at_most + 0.05
    assert lacking.interval.low == pytest.approx(whole.interval.low)


def test_nothing_seen_and_nonsense():
    assert escape_rate(Audited(0, {}, {}, {}, 0.1)) is None
    with pytest.raises(ValueError, match=r"chance 0\.05 is outside \[0\.1, 1\]"):
        escape_rate(Audited(10, {0.05: 1}, {}, {0.05: 1}, 0.1))
    with pytest.raises(ValueError, match="level=95"):
        rate(100, 1, level=95)


def test_the_bound_holds_at_every_look():
    """Two chances of audit, looked at after each 500 of 4,000 requests: never above in 95 %."""
    rng = np.random.default_rng(5)
    true, broken = 0.03, 0
    for _ in range(60):
        chance = rng.choice([0.2, 0.6], 4_000)
        found = (rng.random(4_000) < true) & (rng.random(4_000) < chance)
        broken += any(
            escape_rate(
                Audited(
                    upto,
                    {one: int(found[:upto][chance[:upto] == one].sum()) for one in (0.2, 0.6)},
                    {},
                    {one: upto for one in (0.2, 0.6)},
                    0.2,
                )
            ).at_most
            < true
            for upto in range(500, 4_001, 500)
        )
    assert broken <= 6
