"""The policy as a file: reads back to itself, names what changed, refuses what was edited."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ossay.core.errors import ConfigError
from ossay.router.calibrate import Aim, Provenance, calibrate
from ossay.router.policy import (
    Change,
    Chooser,
    Thresholds,
    changed,
    digest_of,
)
from ossay.router.policy_file import decode_policy, encode_policy
from ossay.router.promise import overall, promise, saved

PINS = {"data": "d0", "cheap": "small@1", "strong": "large@7", "prompts": "p0"}


@pytest.fixture(scope="module")
def policy(traffic):
    made = Provenance("small", "large", pins=PINS, made_at=1e9, made_with="0.1.0")
    rows = traffic(1_500, strata=("chat", "mail"))
    return calibrate(rows, Aim(0.05), made, np.random.default_rng(0)).policy


def test_it_reads_back_to_itself(policy):
    data = encode_policy(policy)
    again = decode_policy(data, source="policy.json")
    assert again == policy
    assert again.digest == digest_of(policy)
    assert digest_of(replace(policy, made_at=2e9)) == policy.digest
    assert Chooser(again).choose("please sort", stratum="chat") == Chooser(policy).choose(
        "please sort", stratum="chat"
    )


def test_it_expires_when_what_it_pins_changes(policy):
    now = {"cheap": "small@1", "strong": "large@7", "prompts": "p0"}
    assert changed(policy, now) == ()
    assert changed(policy, {**now, "strong": "large@8"}) == (
        Change("strong", "large@7", "large@8"),
    )
    del now["prompts"]
    assert changed(policy, now) == (Change("prompts", "p0", ""),)
    other = replace(policy, gate=replace(policy.gate, centre=(9.0,) * 8))
    assert [one.what for one in changed(other, {**now, "prompts": "p0"})] == ["gate"]


def test_two_thresholds_make_three_plans():
    cuts = Thresholds(publish=0.9, validate=0.5)
    assert [cuts.plan(score) for score in (0.95, 0.9, 0.6, 0.5, 0.4)] == [
        *("publish", "publish", "validate", "validate", "redo")
    ]
    assert Thresholds(None, None).plan(1.0) == "redo"
    assert Thresholds(None, 0.5).plan(1.0) == "validate"


def edited(policy, **changes):
    tree = msgspec.to_builtins(policy)
    for path, value in changes.items():
        node = tree
        *way, last = path.split("__")
        for step in way:
            node = node[int(step) if step.isdigit() else step]
        node[last] = value
    return msgspec.json.encode(tree)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"gate__cheap__intercept": 9.0}, "the gate is not the one that was calibrated"),
        ({"strata__1__name": "chat"}, "two strata have one name"),
        ({"strata__1__thresholds__publish": 0.1}, "edited after it was calibrated"),
        ({"alpha": 0.01}, "edited after it was calibrated"),
        ({"format": 2}, "a policy of format 2"),
        ({"alhpa": 0.1}, "alhpa"),
        ({"alpha": "small"}, "alpha"),
        ({"pins": {}}, "the gate is not the one"),
    ],
)
def test_an_edited_file_is_refused(policy, change, says):
    with pytest.raises(ConfigError, match=says) as caught:
        decode_policy(edited(policy, **change), source="policy.json")
    assert str(caught.value).startswith("policy.json: ")


def test_weights_that_do_not_fit_are_refused_even_with_their_hash(policy):
    gate = replace(policy.gate, cheap=replace(policy.gate.cheap, words=b"\0\0"))
    forged = replace(policy, gate=gate, pins={**policy.pins, "gate": gate.digest()})
    forged = replace(forged, digest=digest_of(forged))
    with pytest.raises(ConfigError, match="weights"):
        decode_policy(encode_policy(forged), source="p")


@settings(max_examples=50)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_with_one_error(data):
    with pytest.raises(ConfigError):
        decode_policy(data, source="p")


def test_the_promise_names_its_estimand(policy):
    assert promise(policy) == (
        "With 90% confidence, at most 5% of all requests get a wrong answer from small where "
        "large would have been right, in each stratum at once."
    )
    selective = replace(policy, estimand="selective", strata=policy.strata[:1], alpha=0.125)
    assert promise(selective) == (
        "With 90% confidence, at most 12.5% of the answers that small gives are wrong."
    )
    none = replace(policy, strata=tuple(replace(one, infeasible="why") for one in policy.strata))
    assert promise(none).startswith("Infeasible: it cannot be promised that at most 5% of all")


def test_all_traffic_is_the_mean_of_its_strata(policy):
    whole = overall(policy)
    n = sum(one.n for one in policy.strata)
    by_hand = sum(one.n * one.expected.policy.cost for one in policy.strata) / n
    assert whole.policy.cost == pytest.approx(by_hand)
    assert saved(whole) == pytest.approx(1 - by_hand)
    assert whole.best_single == whole.always_strong
