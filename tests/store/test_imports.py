"""Imported results: they come back to the last bit, once, under a name of their own."""

import asyncio
import struct

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.core.errors import UnknownName, UsageError
from ossay.core.results import Count, Records, Result, Source, Stated
from ossay.store.imports import ImportRow, Kept
from ossay.store.intake import ready_to_keep
from ossay.store.ledger import open_ledger
from ossay.store.text import is_storable

LOG = Source(
    "swe-bench", "csv", "results.csv", "ab" * 32, 1_700.25, 1_600.5, {"temperature": "0"},
    {"item": "instance_id"}, ("3 rows without a model were skipped.",),
)  # fmt: skip
RECORDS = Records(
    (LOG,),
    (
        Result("one", "b", 1.0, "resolved", 2, "django", "", 0.1, 10, 20, 1.5, "run-1", LOG.name),
        Result("two", "b", None, missing="empty", source=LOG.name),
        Result("one", "a", 0.0, source=LOG.name),
    ),
    (Count("one", 3, 5, "add", "resolved", 0.25, LOG.name), Count("three", 0, 0, source=LOG.name)),
    (Stated("one", 2 / 3, "resolved", 1, 500, LOG.name), Stated("two", 0.1, source=LOG.name)),
)


def named(records, name, **changes):
    """The same records as another import."""
    return Records(
        (msgspec.structs.replace(records.sources[0], name=name, **changes),),
        *(
            tuple(msgspec.structs.replace(row, source=name) for row in rows)
            for rows in (records.results, records.counts, records.stated)
        ),
    )


@pytest.fixture
def ledger(ledger_url):
    times = iter(range(1_000, 2_000))
    with open_ledger(ledger_url, create=True, clock=lambda: float(next(times))) as ledger:
        yield ledger


def test_an_import_comes_back_as_it_was(ledger_url, ledger):
    assert ledger.keep(RECORDS) == [Kept("swe-bench", 7, already=False)]
    with open_ledger(ledger_url, create=False) as again:
        assert again.records("swe-bench") == RECORDS
        assert again.imports() == [
            ImportRow("swe-bench", "csv", "results.csv", 1_700.25, rows=5, models=3, items=3)
        ]


def test_what_a_source_does_not_say_stays_unknown(ledger):
    bare = Records((Source("bare", "lm_eval"),), (Result("m", "i", None, source="bare"),))
    ledger.keep(bare)
    assert ledger.records("bare") == bare
    assert ledger.imports()[0].read_at is None


def test_an_import_may_be_empty(ledger):
    empty = Records((Source("empty", "csv"),))
    assert ledger.keep(empty) == [Kept("empty", 0, already=False)]
    assert ledger.records("empty") == empty
    assert ledger.imports() == [ImportRow("empty", "csv", "", None, 0, 0, 0)]
    assert ledger.keep(Records(())) == []


def test_imports_are_listed_the_oldest_first(ledger):
    for name in ("zebra", "ant", "mole"):
        ledger.keep(named(RECORDS, name, sha256=""))
    assert [row.name for row in ledger.imports()] == ["zebra", "ant", "mole"]


def test_the_same_file_again_is_told_and_not_written(ledger):
    ledger.keep(RECORDS)
    later = named(RECORDS, "swe-bench", read_at=9_999.0)
    assert ledger.keep(later) == [Kept("swe-bench", 7, already=True)]
    assert ledger.keep(later, again=True) == [Kept("swe-bench", 7, already=True)]
    assert ledger.records("swe-bench") == RECORDS
    assert len(ledger.imports()) == 1


def test_the_same_file_read_another_way_is_refused(ledger):
    ledger.keep(RECORDS)
    with pytest.raises(UsageError, match="other rows were read then"):
        ledger.keep(msgspec.structs.replace(RECORDS, results=RECORDS.results[:1]))
    assert ledger.records("swe-bench") == RECORDS


def test_the_same_file_under_another_name_only_if_told(ledger):
    ledger.keep(RECORDS)
    with pytest.raises(UsageError, match=r"'results\.csv' was imported before, as 'swe-bench'"):
        ledger.keep(named(RECORDS, "other"))
    assert len(ledger.imports()) == 1
    ledger.keep(named(RECORDS, "other"), again=True)
    assert ledger.records("other") == named(RECORDS, "other")


def test_a_name_that_another_import_has_is_refused(ledger):
    for name, mine, other in (("log", "cd" * 32, "ef" * 32), ("made", "", "")):
        ledger.keep(named(RECORDS, name, sha256=mine))
        late = named(RECORDS, name, sha256=other, file="other.csv")
        for again in (False, True):
            with pytest.raises(UsageError, match=rf"'results\.csv' are called '{name}'; give 'oth"):
                ledger.keep(late, again=again)


def test_a_name_that_a_campaign_has_is_refused(ledger, header, planned):
    asyncio.run(ledger.plan(header("night"), planned("night", 1)))
    with pytest.raises(UsageError, match="a campaign is called 'night'; give the import another"):
        ledger.keep(named(RECORDS, "night"))
    assert ledger.imports() == []


def test_no_campaign_gets_the_name_of_an_import(ledger, header, planned):
    ledger.keep(named(RECORDS, "night"))

    async def enter_both():
        return await asyncio.gather(
            ledger.plan(header("night"), planned("night", 1)),
            ledger.plan(header("day"), planned("day", 1)),
            return_exceptions=True,
        )

    refused, entered = asyncio.run(enter_both())
    assert isinstance(refused, UsageError)
    assert "no campaign can be called 'night'" in str(refused)
    assert "'results.csv'" in str(refused)
    assert entered.name == "day"
    assert [row.name for row in ledger.campaigns()] == ["day"]


def test_several_sources_come_in_together_or_not_at_all(ledger):
    ledger.keep(named(RECORDS, "there", sha256="", file="there.csv"))
    parts = [named(RECORDS, name, sha256=name, file=f"{name}.csv") for name in ("a", "b", "there")]

    def joined(parts):
        fields = ("sources", "results", "counts", "stated")
        return Records(*(sum((getattr(p, f) for p in parts), ()) for f in fields))

    with pytest.raises(UsageError, match=r"'there\.csv' are called 'there'"):
        ledger.keep(joined(parts))
    assert [row.name for row in ledger.imports()] == ["there"]
    # However the rows are mixed, each keeps its place within its source.
    mixed = joined(parts[:2])
    mixed = msgspec.structs.replace(mixed, results=mixed.results[::-1])
    assert [kept.name for kept in ledger.keep(mixed)] == ["a", "b"]
    assert ledger.records("b").results == parts[1].results[::-1]
    assert ledger.records("a").counts == parts[0].counts


def test_an_import_is_forgotten_with_all_its_rows(ledger):
    ledger.keep(RECORDS)
    ledger.keep(named(RECORDS, "other"), again=True)
    ledger.forget("swe-bench")
    assert [row.name for row in ledger.imports()] == ["other"]
    with pytest.raises(UnknownName, match="no import 'swe-bench'"):
        ledger.records("swe-bench")
    assert ledger.records("other") == named(RECORDS, "other")
    ledger.keep(RECORDS, again=True)
    assert ledger.records("swe-bench") == RECORDS


def test_an_unknown_import_is_told_the_nearest(ledger):
    ledger.keep(RECORDS)
    for ask in (ledger.records, ledger.forget):
        with pytest.raises(UnknownName, match="no import 'swebench'; did you mean 'swe-bench'"):
            ask("swebench")
    for nothing in ("", "\0", "\ud800", "%", "SWE-BENCH"):
        with pytest.raises(UnknownName):
            ledger.records(nothing)
        with pytest.raises(UnknownName):
            ledger.forget(nothing)


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "x" * 101, "\ud800", "a\0"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(UsageError, match="names no import"):
        ready_to_keep(named(RECORDS, name))


def test_a_row_belongs_to_a_source(ledger):
    astray = (Result("m", "i", 1.0, source="nowhere"),)
    with pytest.raises(UsageError, match="'nowhere', which is not among the sources 'swe-bench'"):
        ledger.keep(msgspec.structs.replace(RECORDS, results=astray))
    two = (LOG, msgspec.structs.replace(LOG, name="b"))
    with pytest.raises(UsageError, match="give every row its source"):
        ledger.keep(Records(two, (Result("m", "i", 1.0),)))
    with pytest.raises(UsageError, match="two sources are called 'swe-bench'"):
        ledger.keep(Records((LOG, LOG)))
    # Of the only source, if it names none.
    ledger.keep(Records((LOG,), (Result("m", "i", 1.0),)))
    assert ledger.records(LOG.name).results == (Result("m", "i", 1.0, source=LOG.name),)


@pytest.mark.parametrize("field", ["score", "cost_usd", "seconds", "input_tokens", "attempt"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2**63])
def test_a_number_that_is_none_is_refused(field, value):
    if isinstance(value, int) and field in ("score", "cost_usd", "seconds"):
        value = float("nan")
    bent = msgspec.structs.replace(RECORDS.results[0], **{field: value})
    with pytest.raises(UsageError, match=f"{field} of model 'one' is .*correct the file"):
        ready_to_keep(msgspec.structs.replace(RECORDS, results=(bent,)))


def test_texts_that_no_database_holds_come_back_readable(ledger):
    hostile = "\0 \ud800 \x1b[31m '; DROP TABLE runs; -- \u202e "
    shown = "␀ � \x1b[31m '; DROP TABLE runs; -- \u202e "
    source = Source(
        "bad", "csv", hostile, "", None, None, {hostile: hostile}, {"item": hostile}, (hostile,)
    )
    row = Result(hostile, hostile, 1.0, hostile, 1, hostile, hostile, run_id=hostile)
    ledger.keep(Records((source,), (row,), (Count(hostile, 1, 1, hostile, hostile),)))
    back = ledger.records("bad")
    assert back.sources[0] == Source(
        "bad", "csv", shown, "", None, None, {shown: shown}, {"item": shown}, (shown,)
    )
    assert back.results[0] == Result(
        shown, shown, 1.0, shown, 1, shown, shown, run_id=shown, source="bad"
    )
    assert back.counts[0] == Count(shown, 1, 1, shown, shown, source="bad")
    ledger.forget("bad")
    once = Records((msgspec.structs.replace(source, sha256="ab"),), (row,))
    assert [ledger.keep(once)[0].already for _ in range(2)] == [False, True]


def test_two_items_never_become_one():
    rows = tuple(Result("m", item, 1.0) for item in ("a\ud800", "a\ud801"))
    with pytest.raises(UsageError, match=r"'a\\ud800' and 'a\\ud801' only differ"):
        ready_to_keep(Records((LOG,), rows))
    rows = tuple(Result("m", item, 1.0) for item in ("a␀", "a\0"))
    with pytest.raises(UsageError, match="only differ"):
        ready_to_keep(Records((LOG,), rows))
    keys = msgspec.structs.replace(LOG, made_with=dict.fromkeys(("\ud800", "\ud801"), ""))
    with pytest.raises(UsageError, match="only differ"):
        ready_to_keep(Records((keys,)))


NAMES = st.sampled_from(["alpha", "beta-2", "Gamma.3", "9_"])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
ANY_TEXT = st.one_of(TEXT, st.text(st.characters(), max_size=4), st.just("\ud800\0"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**63) + 1, 2**63 - 1)


def rows_of(texts, names):
    source = st.sampled_from(names)
    maybe = st.one_of(st.none(), FLOATS)
    count = st.one_of(st.none(), INTS)
    results = st.builds(
        Result, texts, texts, maybe, texts, INTS, st.one_of(st.none(), texts), texts, maybe, count,
        count, maybe, texts, source,
    )  # fmt: skip
    counts = st.builds(Count, texts, INTS, INTS, texts, texts, maybe, source)
    stated = st.builds(Stated, texts, FLOATS, texts, count, count, source)
    return [st.lists(rows, max_size=6).map(tuple) for rows in (results, counts, stated)]


@st.composite
def any_records(draw, texts):
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    pairs = st.dictionaries(texts, texts, max_size=3)
    maybe = st.one_of(st.none(), FLOATS)
    kinds = st.sampled_from(["campaign", "csv", "parquet", "inspect", "lm_eval", "counts"])
    notes = st.lists(texts, max_size=2).map(tuple)
    sources = tuple(
        draw(
            st.builds(Source, st.just(name), kinds, texts, texts, maybe, maybe, pairs, pairs, notes)
        )
        for name in names
    )
    return Records(sources, *(draw(rows) for rows in rows_of(texts, names)))


def bits(value):
    """The same for equal values, but for floats only if they are equal to the last bit."""
    if isinstance(value, float):
        return struct.pack(">d", value + 0.0)  # -0.0 comes back as 0.0
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    return [bits(item) for item in value] if isinstance(value, list | tuple) else value


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_records_come_back_to_the_last_bit(ledger, data):
    records = data.draw(any_records(TEXT))
    ledger.keep(records, again=True)
    for source in records.sources:
        back = ledger.records(source.name)
        mine = [tuple(row for row in rows if row.source == source.name)
                for rows in (records.results, records.counts, records.stated)]  # fmt: skip
        assert bits(msgspec.to_builtins(back)) == bits(
            msgspec.to_builtins(Records((source,), *mine))
        )
        assert type(back.results) is tuple
        ledger.forget(source.name)
    assert ledger.imports() == []


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_the_texts_they_come_back_as_made_ready_or_are_refused(ledger, data):
    records = data.draw(any_records(ANY_TEXT))
    try:
        ready = ready_to_keep(records)
    except UsageError as error:
        assert "only differ in characters" in str(error)  # noqa: PT017  # either is right
        with pytest.raises(UsageError):
            ledger.keep(records, again=True)
        return
    assert is_storable(repr(msgspec.to_builtins(ready)))
    ledger.keep(records, again=True)
    for part in ready:
        name = part.sources[0].name
        assert ledger.records(name) == part
        ledger.forget(name)
