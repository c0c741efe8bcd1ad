"""Finding entries, on each kind of database: by what they are about, by time, by an id's start."""

import asyncio

import pytest

from ossay.core.decision import Trip
from ossay.core.errors import UsageError
from ossay.store.decisions import open_decisions
from ossay.store.decisions_find import Wanted


@pytest.fixture
def log(ledger_url, decision, audit):
    entries = [decision(n, id=f"aa%{n}", audit_chance=0.5) for n in range(4)]
    entries += [
        audit(entries[1], id="bb1"),
        decision(5, id="bb2", route="mail", plan="strong", ending="strong", criticality="high"),
        Trip("cc1", 1_006.0, "support", "support/low", "lab/small", 0.05, 0.05, 30.0, 9, 3, 4.0),
    ]

    async def write(log):
        for entry in entries:
            await log.append(entry, {}, durable=True)

    with open_decisions(ledger_url, create=True) as log:
        asyncio.run(write(log))
        yield log


def ids(found):
    return [one.entry.id for one in found]


def test_the_last_in_the_order_of_the_log(log):
    assert ids(log.last(3)) == ["bb1", "bb2", "cc1"]
    assert ids(log.last(2, Wanted(kinds=("decision",)))) == ["aa%3", "bb2"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(route="mail"), ["bb2"]),
        (Wanted(plan="cheap", after=2), ["aa%2", "aa%3"]),
        (Wanted(criticality="high", ending="strong"), ["bb2"]),
        (Wanted(kinds=("audit", "trip")), ["bb1", "cc1"]),
        (Wanted(audit_of="aa%1"), ["bb1"]),
        (Wanted(since=1_005.0), ["bb2", "cc1"]),
        (Wanted(key="' OR 1=1"), []),
    ],
)
def test_those_that_are_wanted(log, wanted, found):
    assert ids(log.scan(wanted)) == found


def test_each_comes_with_its_place_in_the_chain(log):
    assert log.last(1)[0].head == log.head()


def test_the_start_of_an_id_is_enough_where_no_other_starts_so(log):
    assert log.find("aa%2").entry.id == "aa%2"
    assert log.find("cc").entry.id == "cc1"
    assert log.find("zz") is log.find("") is log.find("a\0") is None
    with pytest.raises(UsageError, match=r"more than one entry starts with 'aa%'"):
        log.find("aa%")
    assert log.find("a_") is None  # no wildcard


def test_walking_tells_how_far_it_is(log):
    heard = []
    assert log.verify(now=5e9, walked=heard.append).findings == ()
    assert heard == [7]
