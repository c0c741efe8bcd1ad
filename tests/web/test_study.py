"""What is rated, kept in memory beside a ledger that others write to as well."""

import asyncio
import functools

import msgspec

from ossay.core.answer import Answer
from ossay.core.outcome import Outcome
from ossay.core.rating import Form, undo
from ossay.core.records import RunKey
from ossay.core.score import rated
from ossay.suites.rubrics import rubric_of
from ossay.web.study import Study

VIZ = rubric_of("benchmark_visualization")
FACTS = {"runs": True, "labels_right": False}


def in_a_loop(test):
    return functools.wraps(test)(lambda: asyncio.run(test()))


def answer(run, model="lab/one", attempt=1):
    key = RunKey(model, "coding", VIZ.task, 1, attempt)
    return Answer(run, 0, key, Outcome.PASSED, facts=FACTS)


def rating(run, tier="baseline", rater="ada", token="", supersedes=None):
    token = token or f"{run}{rater}"
    form = Form("r", run, rater, "human", (tier,), 1.0, token, supersedes=supersedes)
    return rated(VIZ, form, FACTS, id_=token)


class Kept:
    """A ledger in memory. `slowly` is called while what was read is on its way."""

    def __init__(self, *answers):
        self.found, self.rows, self.rubrics_kept = list(answers), [], []
        self.slowly = None

    def answers(self, campaign, *, after=-1, limit=None):
        return list(self.found)

    def ratings(self, campaign, *, rater=None, kind=None):
        rows = list(self.rows)
        if self.slowly is not None:
            self.slowly()
        return rows

    def stamp(self, campaign, kind=None):
        return len(self.found), len(self.rows)

    async def keep_rubric(self, rubric):
        self.rubrics_kept.append(rubric)

    async def rate(self, row):
        if row not in self.rows:
            self.rows.append(row)
        return row


def study(ledger, **more):
    told = {"blind": True, "seed": 1, "monotonic": lambda: 0.0, **more}
    return Study(ledger, "r", {VIZ.task: VIZ}, **told)


@in_a_loop
async def test_a_rating_that_comes_while_the_ledger_is_read_is_not_forgotten():
    ledger, clock = Kept(answer("r1"), answer("r2")), [0.0]
    made = study(ledger, monotonic=lambda: clock[0])
    await made.refresh()
    await ledger.rate(rating("r2", rater="ben"))  # another process: so it is read again
    loop = asyncio.get_running_loop()
    ledger.slowly = lambda: asyncio.run_coroutine_threadsafe(
        made.enter(rating("r1")), loop
    ).result()
    clock[0] = 60.0
    await made.refresh()
    assert made.done("ada") == {"r1"}
    assert made.done("ben") == {"r2"}


@in_a_loop
async def test_what_holds_is_the_same_row_by_row_as_all_at_once():
    ledger = Kept(answer("r1"), answer("r2"))
    made = study(ledger)
    await made.refresh()
    first = rating("r1")
    for row in (first, rating("r2"), rating("r1", "side_by_side", token="e", supersedes=first.id)):
        await made.enter(row)
        await made.enter(row)  # twice is once
    assert (made.last("ada").id, made.done("ada")) == ("e", {"r1", "r2"})
    await made.enter(undo(ledger.rows[-1], id_="u", at=2.0, token="u"))
    fresh = study(ledger)
    await fresh.refresh()
    assert dict(made.rated("ada")) == dict(fresh.rated("ada"))
    assert made.rows == fresh.rows == ledger.rows
    assert ledger.rubrics_kept == [VIZ]


@in_a_loop
async def test_beside_an_answer_stand_the_same_attempts_of_others():
    ledger = Kept(
        answer("a1"), answer("a2", attempt=2), answer("b1", "lab/two"), answer("b2", "lab/two", 2)
    )
    made = study(ledger)
    await made.refresh()
    assert made.siblings(made.answer("a2")) == ["a2", "b2"]


@in_a_loop
async def test_an_older_version_is_open_again_where_it_says_nothing():
    ledger = Kept(answer("r1"))
    row = msgspec.structs.replace(rating("r1"), rubric_digest="older", asked=("baseline",))
    await ledger.rate(row)
    made = study(ledger)
    await made.refresh()
    assert made.rated("ada")
    assert made.done("ada") == set()
    await made.enter(rating("r1", token="again", supersedes=row.id))
    assert made.done("ada") == {"r1"}
