"""Ratings in the ledger, on each kind of database: rows that are added, once each."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import msgspec
import pytest

from ossay.core.errors import LedgerError, UnknownName, UsageError
from ossay.core.outcome import Outcome
from ossay.core.rating import Form, Shown, current, undo
from ossay.core.records import RunKey, RunRecord
from ossay.core.score import rated
from ossay.core.task import Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.store.address import parse_address
from ossay.store.engine import open_engine, writing
from ossay.store.ledger import open_ledger
from ossay.store.ratings import enter_rating
from ossay.suites.rubrics import rubric_of

RUBRIC = rubric_of("todo_add_feature")
FACTS = {"characters": 1_600, "whole_files": 0, "prose_characters": 3, "tier": "exact", "x": 0.5}


def finished(claim, **changes):
    record = RunRecord(
        claim.run_id, claim.key, "finished", Outcome.PASSED, reason="right", done=2, of=2,
        turns=1, started_at=claim.started_at, seconds=0.5, usage=Usage(10, None, 20), facts=FACTS,
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def said(text):
    reply = Reply(Message("assistant", text), Usage(), Timing(1.0, 0.1))
    step = {"reply": reply, "results": ()}
    return msgspec.convert(
        {"task": "t", "seed": 1, "system": "s", "prompt": "Do it.", "stop": "answered"}
        | {"steps": [msgspec.to_builtins(step)]},
        Transcript,
    )


@pytest.fixture
def ledger(ledger_url, header):
    """A ledger with a campaign 'night': two answers, a spoiled run, one that is planned."""
    with open_ledger(ledger_url, create=True, clock=lambda: 1_001.0) as ledger:
        keys = [
            (f"night-{n}", RunKey("lab/one", "coding", "todo_add_feature", n, 1)) for n in range(4)
        ]

        async def fill():
            await ledger.plan(header("night"), keys)
            worker = await ledger.enlist("night")
            first, second, third = [await worker.claim() for _ in range(3)]
            files = {"screenshot.png": b"\x89PNG", "../evil": b"x"}
            await worker.finish(first, finished(first), said("# one"), artefacts=files)
            wrong = {"outcome": Outcome.WRONG_ANSWER, "done": 0, "facts": {}}
            await worker.finish(second, finished(second, **wrong), said("two"))
            spoiled = {"outcome": Outcome.INFRASTRUCTURE_ERROR}
            await worker.finish(third, finished(third, **spoiled), said(""))
            await worker.leave()
            await ledger.keep_rubric(RUBRIC)

        asyncio.run(fill())
        yield ledger


def made(ledger, token="t1", run="night-0", rater="anna", chosen=(), **more):
    answer = ledger.answer(run).answer
    form = Form("night", run, rater, "human", chosen, 1_002.0, token, **more)
    return rated(RUBRIC, form, answer.facts, id_=f"id-{token}")


def rate(ledger, *ratings):
    async def enter():
        return [await ledger.rate(rating) for rating in ratings]

    return asyncio.run(enter())


def test_answers_are_the_runs_that_were_answered(ledger):
    first, second = ledger.answers("night")
    assert first.run == "night-0"
    assert first.facts == {**FACTS, "passed": True, "done": 2, "of": 2}
    assert (first.key.model, first.reason, first.output_tokens) == ("lab/one", "right", 20)
    assert second.facts == {"passed": False, "done": 0, "of": 2}
    assert ledger.answers("night", limit=1) == [first]
    assert ledger.answers("night", after=first.position) == [second]
    with pytest.raises(UnknownName, match="did you mean 'night'"):
        ledger.answers("nigth")


def test_an_answer_with_its_text_and_what_the_grader_kept(ledger):
    reading = ledger.answer("night-0")
    assert (reading.prompt, reading.text) == ("Do it.", "# one")
    assert reading.artefacts == ("screenshot.png",)
    assert ledger.artefact("night-0", "screenshot.png") == b"\x89PNG"
    for run, name in (("night-0", "../evil"), ("night-1", "screenshot.png"), ("\0", "\0")):
        with pytest.raises(UnknownName):
            ledger.artefact(run, name)
    for run in ("night-2", "night-3", "night", "\ud800"):
        with pytest.raises(UnknownName):
            ledger.answer(run)


def test_a_rating_comes_back_as_it_was_made(ledger):
    shown = Shown(3, blind=False, beside=("night-1",))
    rating = made(ledger, chosen=("raw_time",), notes="a\0b <script>", seconds=12.5, shown=shown)
    assert rating.score == 9.25
    (stored,) = rate(ledger, rating)
    assert stored == msgspec.structs.replace(rating, notes="a␀b <script>")
    assert ledger.ratings("night") == [stored]
    assert ledger.rubrics("night") == {RUBRIC.digest: RUBRIC}


def test_a_form_that_is_sent_twice_is_one_rating(ledger):
    first = made(ledger)
    again = msgspec.structs.replace(first, id="another", notes="typed again")
    assert rate(ledger, first, again, first) == [first] * 3
    assert ledger.ratings("night") == [first]


def test_sent_at_once_over_many_connections_it_is_one_rating(ledger):
    first = made(ledger)

    async def crowd():
        return await asyncio.gather(*[ledger.rate(first) for _ in range(50)])

    assert asyncio.run(crowd()) == [first] * 50
    assert ledger.ratings("night") == [first]


def test_a_token_of_somebody_else_gives_nothing_away(ledger):
    rate(ledger, made(ledger))
    with pytest.raises(UsageError, match="is another rating's"):
        rate(ledger, made(ledger, rater="ben"))
    with pytest.raises(UsageError, match="is another rating's"):
        rate(ledger, made(ledger, run="night-1"))


def test_edits_and_undos_are_rows_and_nothing_is_changed(ledger):
    first = made(ledger)
    second = made(ledger, "t2", chosen=("raw_time",), supersedes=first.id)
    back = undo(second, id_="u", at=1_003.0, token="t3")
    assert rate(ledger, first, second, back) == [first, second, back]
    assert ledger.ratings("night") == [first, second, back]
    assert current(ledger.ratings("night")) == [first]


def test_what_is_picked(ledger):
    rows = [made(ledger), made(ledger, "t2", rater="ben"), made(ledger, "t3", run="night-1")]
    judge = msgspec.structs.replace(rows[0], id="j", token="j", rater="m/j", kind="model")
    rate(ledger, *rows, judge)
    assert [row.token for row in ledger.ratings("night", rater="anna")] == ["t1", "t3"]
    assert [row.token for row in ledger.ratings("night", kind="model")] == ["j"]
    assert ledger.ratings("nigth") == []
    assert ledger.ratings("night", rater="\0") == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"run": "night-9"}, "has no run 'night-9'"),
        ({"campaign": "day"}, "campaign 'day' has no run"),
        ({"run": "night-3"}, "is not finished"),
        ({"rubric_digest": "0" * 64}, "was not entered"),
        ({"supersedes": "nobody"}, "rating 'nobody' is not of rater 'anna'"),
        ({"undone": True}, "an undo names the rating"),
        ({"rater": ""}, "rater '' of a rating is empty"),
        ({"rater": "x" * 201}, "too long"),
        ({"rater": "a\0b"}, "rater"),
        ({"score": float("nan")}, "which no ledger can hold"),
        ({"seconds": float("inf")}, "which no ledger can hold"),
    ],
)
def test_what_cannot_be_entered(ledger, changes, says):
    with pytest.raises(UsageError, match=says):
        rate(ledger, msgspec.structs.replace(made(ledger), **changes))
    assert ledger.ratings("night") == []


def test_a_rating_of_another_rater_cannot_be_replaced(ledger):
    first = made(ledger)
    rate(ledger, first)
    with pytest.raises(UsageError, match="is not of rater 'ben'"):
        rate(ledger, made(ledger, "t2", rater="ben", supersedes=first.id))


def test_one_bad_rating_among_many_spoils_no_other(ledger):
    good = [made(ledger, f"t{n}", rater=f"rater-{n}") for n in range(20)]
    bad = msgspec.structs.replace(good[0], id="bad", token="bad", run="night-9")

    async def crowd():
        jobs = [ledger.rate(rating) for rating in (*good[:10], bad, *good[10:])]
        return await asyncio.gather(*jobs, return_exceptions=True)

    ended = asyncio.run(crowd())
    assert [one for one in ended if not isinstance(one, UsageError)] == good
    assert isinstance(ended[10], UsageError)
    assert len(ledger.ratings("night")) == 20


# Sends the same twenty forms as others do at the same time; prints what it was given back.
SEND = """
import asyncio, sys
from ossay.core.rating import Form
from ossay.core.score import rated
from ossay.store.ledger import open_ledger
from ossay.suites.rubrics import rubric_of

async def rate(ledger):
    rubric, answer = rubric_of("todo_add_feature"), ledger.answer("night-0").answer
    for n in range(20):
        form = Form("night", "night-0", f"rater-{n}", "human", (), 1.0, f"token-{n}")
        rating = rated(rubric, form, answer.facts, id_=f"{sys.argv[2]}-{n}")
        print((await ledger.rate(rating)).id)

with open_ledger(sys.argv[1], create=True) as ledger:
    input()
    asyncio.run(rate(ledger))
"""


def test_many_processes_that_send_the_same_form_make_one_rating(ledger, ledger_url):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    crowd = [
        subprocess.Popen([sys.executable, "-c", SEND, ledger_url, str(n)], **pipes)
        for n in range(3)
    ]
    for process in crowd:
        process.stdin.write("go\n")
        process.stdin.flush()
    given = [process.communicate()[0].split() for process in crowd]
    assert given[0] == given[1] == given[2] == [row.id for row in ledger.ratings("night")]
    assert len(given[0]) == 20


def test_a_form_that_another_process_is_just_writing_is_answered_with_its_row(ledger, ledger_url):
    first, second = made(ledger), msgspec.structs.replace(made(ledger), id="id-late")
    engine = open_engine(parse_address(ledger_url), create=True)
    entered = []

    def enter_late():
        with engine.connect() as other, writing(other) as transaction:
            entered.append(enter_rating(transaction, second))

    with engine.connect() as one, writing(one) as transaction:
        enter_rating(transaction, first)
        late = threading.Thread(target=enter_late)
        late.start()
        late.join(0.3)  # it waits: nothing that it could read is committed
        assert not entered
    late.join()
    engine.dispose()
    assert [row.id for row in entered] == [row.id for row in ledger.ratings("night")] == ["id-t1"]


# Rates run after run, says so when one is durable, until it is killed.
RATE = """
import asyncio, sys
from ossay.core.rating import Form
from ossay.core.score import rated
from ossay.store.ledger import open_ledger
from ossay.suites.rubrics import rubric_of

async def rate(ledger):
    rubric, answer = rubric_of("todo_add_feature"), ledger.answer("night-0").answer
    for n in range(100_000):
        form = Form("night", "night-0", f"rater-{n}", "human", (), 1.0, f"token-{n}")
        await ledger.rate(rated(rubric, form, answer.facts, id_=f"id-{n}"))
        print(n, flush=True)

with open_ledger(sys.argv[1], create=True) as ledger:
    asyncio.run(rate(ledger))
"""


def test_a_killed_process_loses_no_rating_that_it_was_told_of(ledger, ledger_url):
    process = subprocess.Popen(
        [sys.executable, "-c", RATE, ledger_url], stdout=subprocess.PIPE, text=True
    )
    told = [int(process.stdout.readline()) for _ in range(25)]
    process.kill()
    told += [int(line) for line in process.communicate()[0].splitlines()]
    tokens = [row.token for row in ledger.ratings("night")]
    assert tokens[: len(told)] == [f"token-{n}" for n in told]
    assert len(tokens) == len(set(tokens)) <= len(told) + 1


def test_what_was_changed_in_the_file_is_said(tmp_path, ledger, ledger_url):
    if "://" in ledger_url:
        pytest.skip("the file is SQLite's")
    rate(ledger, made(ledger))
    with closing(sqlite3.connect(ledger_url)) as file:
        file.execute("UPDATE rubrics SET content = replace(content, 'Works', 'Breaks')")
        file.execute("UPDATE ratings SET shown = '{'")
        file.execute("UPDATE runs SET facts = '[]' WHERE id = 'night-0'")
        file.commit()
    with pytest.raises(LedgerError, match="was changed in the ledger"):
        ledger.rubrics("night")
    with pytest.raises(LedgerError, match="rating 'id-t1' is damaged"):
        ledger.ratings("night")
    with pytest.raises(LedgerError, match="facts of a run are damaged"):
        ledger.answers("night")
