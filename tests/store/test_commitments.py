"""Predictions are in the ledger before a run can start, and nothing changes them afterwards."""

import asyncio
import subprocess
import sys

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ossay.core.errors import LedgerError, UsageError
from ossay.core.predictions import Committed, Prediction, digest_of
from ossay.store.address import parse_address
from ossay.store.engine import open_engine
from ossay.store.ledger import open_ledger

HALF = Prediction("it passes half", "range", 0.8, "lab/one", low=1 / 3, high=0.6)
BEATS = Prediction("one beats two", "comparison", 0.55, "lab/one", over="lab/two", by=0.1)


def committed_to(campaign, *predictions, forecaster="ada", at=1_000.25):
    bare = Committed(campaign, forecaster, at, predictions)
    return msgspec.structs.replace(bare, digest=digest_of(bare))


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        yield ledger


@pytest.fixture
def enter(ledger, header, planned):
    """Enters a campaign of which that was predicted; returns the header that is then there."""

    def enter(committed, name=None, runs=2):
        name = name or committed.campaign
        foreseen = msgspec.structs.replace(header(name), committed=committed)
        return asyncio.run(ledger.plan(foreseen, planned(name, runs)))

    return enter


def test_they_are_entered_with_the_campaign_and_come_back_with_their_digest(ledger_url, enter):
    committed = committed_to("night", HALF, BEATS)
    assert enter(committed).committed is committed
    with open_ledger(ledger_url, create=False) as again:
        assert again.campaign("night").committed == committed
        assert again.commitments() == [committed]
        assert digest_of(again.campaign("night").committed) == committed.digest


def test_a_campaign_without_predictions_has_none(ledger, enter):
    enter(None, name="night")
    assert ledger.campaign("night").committed is None
    assert ledger.commitments() == []


def test_the_digest_is_worked_out_where_nobody_did(ledger, enter):
    committed = committed_to("night", HALF)
    enter(msgspec.structs.replace(committed, digest=""))
    assert ledger.campaign("night").committed == committed


def test_they_are_listed_the_oldest_first(ledger, enter):
    for name, at in (("b", 30.5), ("c", 10.5), ("a", 20.5), ("d", 20.5)):
        enter(committed_to(name, HALF, at=at))
    assert [one.campaign for one in ledger.commitments()] == ["c", "a", "d", "b"]


def test_none_can_be_added_or_changed_later(ledger, enter):
    enter(None, name="without")
    first = committed_to("night", HALF)
    enter(first)
    late = committed_to("without", HALF)
    assert enter(late).committed is None
    other = committed_to("night", HALF, BEATS)
    assert enter(other).committed == first
    asyncio.run(ledger.amend("night", plan_toml="name = 'night'", stopped="decided"))
    assert ledger.commitments() == [first]


def test_a_digest_of_something_else_enters_nothing(ledger, enter):
    wrong = msgspec.structs.replace(committed_to("night", HALF), predictions=(BEATS,))
    with pytest.raises(UsageError, match="campaign 'night' are not those of their digest"):
        enter(wrong)
    with pytest.raises(UsageError, match="'night' cannot be entered with campaign 'day'"):
        enter(committed_to("night", HALF), name="day")
    assert ledger.campaigns() == []
    assert ledger.commitments() == []


def test_a_text_that_no_database_holds_is_refused(enter, ledger):
    for odd in ("a\0", "\ud800"):
        with pytest.raises(UsageError, match="is no name; give another"):
            enter(Committed("night", odd, 1.0, (HALF,)))
    with pytest.raises(UsageError, match="hold half a character"):
        enter(Committed("night", "ada", 1.0, (msgspec.structs.replace(HALF, task="\ud800"),)))
    nul = committed_to("night", msgspec.structs.replace(HALF, statement="a\0b"))
    assert enter(nul).committed == nul
    assert ledger.commitments() == [nul]


def test_a_number_that_would_come_back_as_another_is_refused(ledger, enter):
    odd = msgspec.structs.replace(HALF, high=float("nan"))
    with pytest.raises(UsageError, match="as finite floats"):
        enter(committed_to("night", odd))
    assert ledger.campaigns() == []


def test_a_whole_number_comes_back_as_itself(ledger, enter):
    whole = committed_to("night", msgspec.structs.replace(HALF, high=1))
    enter(whole)
    assert ledger.commitments() == [whole]


def test_who_is_refused_takes_nobody_along(ledger, header, planned):
    wrong = msgspec.structs.replace(committed_to("night", HALF), digest="0" * 64)

    async def enter_three():
        return await asyncio.gather(
            ledger.plan(header("dusk"), planned("dusk", 1)),
            ledger.plan(msgspec.structs.replace(header("night"), committed=wrong), ()),
            ledger.plan(header("dawn"), planned("dawn", 1)),
            return_exceptions=True,
        )

    dusk, refused, dawn = asyncio.run(enter_three())
    assert isinstance(refused, UsageError)
    assert (dusk.name, dawn.name) == ("dusk", "dawn")
    assert sorted(row.name for row in ledger.campaigns()) == ["dawn", "dusk"]


CHANGES = (
    "predictions = replace(predictions, '0.8', '0.9')",
    "predictions = replace(predictions, '0.6', '0.61')",
    "predictions = replace(predictions, 'half', 'half ')",
    "predictions = '[]'",
    "forecaster = 'bob'",
    "committed_at = committed_at - 0.25",
    "digest = substr(digest, 2)",
    "digest = ''",
)


def change(url, name, how):
    engine = open_engine(parse_address(url), create=False)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE commitments SET {how} WHERE campaign = '{name}'"))
    engine.dispose()


def test_whoever_changed_them_is_found_out(ledger_url, ledger, enter):
    enter(committed_to("day", HALF))
    for number, how in enumerate(CHANGES):
        name = f"night-{number}"
        enter(committed_to(name, HALF, BEATS))
        change(ledger_url, name, how)
        for read in (ledger.campaign, lambda name: enter(None, name)):
            with pytest.raises(LedgerError, match=f"campaign '{name}' were changed in the ledger"):
                read(name)
    with pytest.raises(LedgerError, match="were changed in the ledger"):
        ledger.commitments()
    assert ledger.campaign("day").committed is not None
    assert len(ledger.campaigns()) == 1 + len(CHANGES)


def test_broken_predictions_are_one_clear_error(ledger_url, ledger, enter):
    for number, broken in enumerate(("", "{", "[1]", '[{"statement":"x","surprise":1}]')):
        name = f"night-{number}"
        enter(committed_to(name, HALF))
        change(ledger_url, name, f"predictions = '{broken}'".replace(":", "\\:"))
        with pytest.raises(LedgerError, match=f"campaign '{name}' are damaged in the ledger"):
            ledger.campaign(name)


# Enters a campaign with predictions and kills itself before the statement of that kind.
ENTER = """
import asyncio, os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from ossay.core.predictions import Committed, Prediction
from ossay.core.records import CampaignRecord, RunKey
from ossay.store.ledger import open_ledger

url, moment = sys.argv[1:]

@event.listens_for(Engine, "before_cursor_execute")
def before(connection, cursor, statement, *_):
    if statement.startswith(moment):
        os.kill(os.getpid(), 9)

async def main():
    with open_ledger(url, create=True) as ledger:
        event.listen(Engine, "commit", lambda *_: moment == "commit" and os.kill(os.getpid(), 9))
        committed = Committed("night", "ada", 1.0, (Prediction("x", "boolean", 0.5, "m", low=0.5),))
        header = CampaignRecord("night", 1.0, "", "", (), {}, {}, (), committed=committed)
        await ledger.plan(header, [("run-1", RunKey("m", "s", "t", 0, 1))])

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["INSERT INTO runs", "commit"])
def test_killed_in_the_middle_there_is_neither_campaign_nor_prediction(
    ledger_url, ledger, enter, moment
):
    killed = subprocess.run([sys.executable, "-c", ENTER, ledger_url, moment], check=False)
    assert killed.returncode == -9
    assert ledger.campaigns() == []
    assert ledger.commitments() == []
    enter(committed_to("night", HALF))
    assert ledger.commitments() == [committed_to("night", HALF)]
    assert len(ledger.campaign("night").runs) == 2


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = TEXT.filter(lambda text: "\0" not in text)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.one_of(st.none(), FLOATS)
PREDICTIONS = st.builds(
    Prediction,
    TEXT,
    st.sampled_from(["range", "point", "boolean", "comparison"]),
    FLOATS,
    TEXT,
    st.sampled_from(["score", "passes", "cost_usd"]),
    TEXT,
    MAYBE,
    MAYBE,
    MAYBE,
    MAYBE,
    TEXT,
    FLOATS,
)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(NAMES, FLOATS, st.lists(PREDICTIONS, max_size=4).map(tuple))
def test_any_commitment_comes_back_with_its_digest(ledger, header, forecaster, at, predictions):
    name = f"c{len(ledger.campaigns())}"
    committed = committed_to(name, *predictions, forecaster=forecaster, at=at + 0.0)
    foreseen = msgspec.structs.replace(header(name), committed=committed)
    asyncio.run(ledger.plan(foreseen, ()))
    assert ledger.campaign(name).committed == committed
    assert committed in ledger.commitments()
