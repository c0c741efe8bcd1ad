"""Pins: a policy expires when a model, a prompt or a check is another one, and only then."""

import hashlib
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ossay.core.types import ModelCard
from ossay.gateway.file import CheckTable, RouteTable
from ossay.gateway.pins import changes_of, pins_of, told

ROUTE = RouteTable("here/small?slots=2", "there/large", validator="there/judge")
CARDS = {
    "here/small?slots=2": ModelCard("here/small", details={"sha256": "1f", "slots": "2"}),
    "there/large": ModelCard("there/large", details={"base_url": "https://there.example/v1"}),
    "there/judge": ModelCard("there/judge"),
}


class Policy:
    """What is looked at of one."""

    class gate:
        tasks = ()

        @staticmethod
        def digest():
            return "gate"

    def __init__(self, **pins):
        self.pins = {"data": "gone", "gate": "gate", **pins}


def whats(policy, route=ROUTE, cards=CARDS, check=None):
    return [change.what for change in changes_of(policy, route, cards, check)]


def test_what_is_pinned():
    pins = pins_of(ROUTE, CARDS)
    assert list(pins) == ["cheap", "strong", "validator", "prompts"]
    assert pins["validator"] == "there/judge"  # nothing more is known of it
    assert pins["cheap"].startswith("here/small?slots=2#")
    assert len(pins["prompts"]) == len(hashlib.sha256().hexdigest()) // 4


def test_a_policy_of_today_has_not_expired():
    assert whats(Policy(**pins_of(ROUTE, CARDS))) == []


def test_other_weights_expire_it_and_other_slots_do_not():
    policy = Policy(**pins_of(ROUTE, CARDS))
    more = replace(CARDS["here/small?slots=2"], details={"sha256": "1f", "slots": "8"})
    other = replace(CARDS["here/small?slots=2"], details={"sha256": "2e", "slots": "2"})
    assert whats(policy, cards={**CARDS, "here/small?slots=2": more}) == []
    assert whats(policy, cards={**CARDS, "here/small?slots=2": other}) == ["cheap"]


@pytest.mark.parametrize(
    ("change", "what"),
    [({"rules": "Be brief."}, "prompts"), ({"validator": None}, "prompts validator"),
     ({"strong": ("there/judge", "there/large")}, "strong")],
)  # fmt: skip
def test_what_the_owner_changes_expires_it(change, what):
    policy = Policy(**pins_of(ROUTE, CARDS))
    assert whats(policy, replace(ROUTE, **change)) == what.split()


def test_a_fallback_more_is_no_change():
    policy = Policy(**pins_of(ROUTE, CARDS))
    assert whats(policy, replace(ROUTE, strong=("there/large", "there/judge"))) == []


def test_who_pinned_names_is_held_to_names():
    policy = Policy(cheap="here/small", strong="there/large", validator="there/judge")
    assert whats(policy) == []
    assert whats(policy, replace(ROUTE, strong="there/judge")) == ["strong"]


def test_another_schema_is_another_check():
    route = replace(ROUTE, check=CheckTable(schema="answer.json"))
    policy = Policy(**pins_of(route, CARDS, b"{}"))
    assert whats(policy, route, check=b"{}") == []
    assert whats(policy, route, check=b'{"type": "object"}') == ["check"]
    assert whats(policy, ROUTE) == ["check"]


def test_a_gate_that_knows_tasks_expires_it():
    """No request names its task, so scores in service would not be those of the calibration."""
    policy = Policy(**pins_of(ROUTE, CARDS))
    policy.gate = SimpleNamespace(digest=Policy.gate.digest, tasks=("bills", "code", "law", "x"))
    (change,) = changes_of(policy, ROUTE, CARDS)
    assert (change.what, change.pinned) == ("tasks", "bills, code, law and 1 more")
    assert "trained with tasks ('bills, code, law and 1 more')" in told(change)


def test_a_change_in_words():
    (change,) = changes_of(Policy(cheap="here/other"), ROUTE, CARDS)
    assert told(change).startswith("cheap was 'here/other' and is 'here/small")
