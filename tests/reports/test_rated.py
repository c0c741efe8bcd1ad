"""Ratings in numbers: by hand where a hand can, and people's never mixed with a judge's."""

import msgspec
import pytest

from ossay.core.rating import Rating, undo
from ossay.reports.judgements import Judgements
from ossay.reports.rated import rated_of
from ossay.reports.rating_words import reach
from ossay.reports.summary import FORMAT, summarize, summary_json
from ossay.stats.interval import two_sided_t

MODELS = ("x/a", "x/b")


def marked(make_contest, scores, *, kind="human", raters=("ada",)):
    """A contest whose item k of model m is rated scores[m][k] by all raters; None: not at all."""
    record = make_contest({model: "1" * len(of) for model, of in scores.items()})
    rows = []
    for run in record.runs:
        value = scores[run.key.model][int(run.id.rpartition("-")[2])]
        for rater in raters if value is not None else ():
            rows.append(
                Rating(f"{rater}-{run.id}", "night", run.id, rater, kind, "r", "1", "d" * 64,
                       (), (), (), value, 1.0, f"t{rater}{run.id}")
            )  # fmt: skip
    return record, Judgements(tuple(rows))


def test_the_average_is_that_of_tasks_and_its_interval_lies_between_them(make_contest):
    values = [8.5, 8.5, 7.5, 8.5, 8.5]
    record, said = marked(make_contest, {"x/a": values, "x/b": [9.25, 9.5, 8.5, 9.25, 9.5]})
    found = rated_of(record, said, "human")
    average = found.averages[0]
    assert (average.value, average.tasks, average.answers) == (8.3, 5, 5)
    se = (sum((v - 8.3) ** 2 for v in values) / 4 / 5) ** 0.5
    assert average.interval.low == pytest.approx(8.3 - two_sided_t(0.95, 4) * se)
    assert [mean.value for mean in found.means if mean.model == "x/a"] == values
    assert all(mean.interval is None for mean in found.means)  # one instance each


def test_a_problem_asked_in_three_styles_is_one_task(make_contest):
    values = [8.5, 8.5, 7.5, 8.5, 8.5]
    record, said = marked(make_contest, {"x/a": values * 3, "x/b": [9.25] * 15})
    styles = ("coding", "coding-concise", "coding-changes")
    runs = []
    for run in record.runs:
        place = int(run.id.rpartition("-")[2])
        key = msgspec.structs.replace(
            run.key, suite=styles[place // 5], task=f"t{place % 5}", seed=1
        )
        runs.append(msgspec.structs.replace(run, key=key))
    found = rated_of(msgspec.structs.replace(record, runs=tuple(runs)), said, "human")
    average = found.averages[0]
    assert (average.value, average.tasks, average.answers) == (8.3, 5, 15)
    se = (sum((v - 8.3) ** 2 for v in values) / 4 / 5) ** 0.5
    assert average.interval.low == pytest.approx(8.3 - two_sided_t(0.95, 4) * se)
    assert found.pairs.pairs[0].finding.verdict.kind == "not_enough_data"
    assert (found.pairs.units, found.pairs.least_p) == (5, 0.0625)


def test_five_tasks_show_nothing_and_the_number_that_could_is_named(make_contest):
    record, said = marked(
        make_contest, {"x/a": [8.5, 8.5, 7.5, 8.5, 8.5], "x/b": [9.25, 9.5, 8.5, 9.25, 9.5]}
    )
    pairs = rated_of(record, said, "human").pairs
    (pair,) = pairs.pairs
    assert pair.finding.comparison.p == pytest.approx(0.0625)
    assert pair.finding.verdict.kind == "not_enough_data"
    assert pair.least is None
    assert (pairs.units, pairs.least_p) == (5, 0.0625)
    assert "0.0625" in pairs.reach
    assert "6 could" in pairs.reach
    assert reach(pairs) == pairs.reach


def test_three_models_need_more_tasks_since_they_are_tested_together(make_contest):
    scores = {f"x/{letter}": [float(at + n) for n in range(5)] for at, letter in enumerate("abc")}
    pairs = rated_of(*marked(make_contest, scores), "human").pairs
    assert "7 could" in pairs.reach
    assert {pair.finding.family_size for pair in pairs.pairs} == {3}
    assert {pair.finding.verdict.p for pair in pairs.pairs} == {3 * 0.0625}


def test_ten_tasks_can_show_something_and_how_much_is_said(make_contest):
    scores = {"x/a": [8.0, 9.0] * 5, "x/b": [4.0, 6.0] * 5}
    pairs = rated_of(*marked(make_contest, scores), "human").pairs
    assert pairs.pairs[0].finding.verdict.kind == "a_better"
    assert pairs.reach == ""
    assert 0 < pairs.pairs[0].least < 3
    assert f"{pairs.pairs[0].least:.2f}" in reach(pairs)


def test_a_model_that_lacks_a_task_is_averaged_on_what_all_have(make_contest):
    record, said = marked(make_contest, {"x/a": [1.0, 9.0, 9.0], "x/b": [None, 8.0, 8.0]})
    found = rated_of(record, said, "human")
    assert [(one.value, one.tasks) for one in found.averages] == [(9.0, 2), (8.0, 2)]
    assert found.means[1].value is None


def test_models_that_share_no_answer_are_not_said_to_share_one(make_contest):
    record, said = marked(make_contest, {"x/a": [9.0, None], "x/b": [None, 8.0]})
    found = rated_of(record, said, "human")
    assert [one.value for one in found.averages] == [None, None]
    assert (found.pairs.units, found.pairs.least_p, found.pairs.pairs) == (0, None, ())
    assert len(found.pairs.not_compared) == 1
    assert reach(found.pairs) == ""


def test_what_was_taken_back_does_not_count(make_contest):
    record, said = marked(make_contest, {"x/a": [9.0, 1.0], "x/b": [5.0, 5.0]})
    gone = undo(said.ratings[1], id_="u", at=2.0, token="u")
    found = rated_of(record, Judgements((*said.ratings, gone)), "human")
    assert found.ratings == 3
    assert found.averages[0].value == 9.0


def test_a_judges_ratings_never_become_peoples(make_contest):
    scores = {"x/a": [9.0] * 8, "x/b": [2.0, 3.0] * 4}
    record, said = marked(make_contest, scores, kind="model", raters=("x/judge",))
    summary = summarize(record, said)
    assert summary.ratings is None
    assert summary.judge_ratings.averages[0].value == 9.0
    assert summary.judge_ratings.pairs.pairs == ()
    assert {one.by for one in summary.tradeoffs} == {"score"}


def test_different_raters_and_versions_are_told(make_contest):
    record, said = marked(make_contest, {"x/a": [9.0, 8.0], "x/b": [5.0, 6.0]})
    first, *rest = said.ratings
    first = msgspec.structs.replace(first, rater="bo", rubric_version="2")
    notes = " ".join(rated_of(record, Judgements((first, *rest)), "human").notes)
    assert "versions 2, 1" in notes
    assert "same raters" in notes


def test_without_ratings_there_is_nothing(make_contest):
    record, _ = marked(make_contest, {"x/a": [None], "x/b": [None]})
    assert rated_of(record, Judgements(), "human") is None


def test_the_json_has_them_and_its_format_is_the_same(make_rated):
    record, _, said = make_rated()
    data = msgspec.json.decode(summary_json(summarize(record, said)))
    assert data["format"] == FORMAT == "ossay-summary/2"
    assert data["ratings"]["kind"] == "human"
    assert data["judge_ratings"]["kind"] == "model"
    assert data["judge_ratings"]["judged"][0]["shared"] > 0
    assert len(data["ratings"]["means"]) == 15
    assert data["verbosity"][0]["characters"]["n"] == 5
    assert data["tradeoffs"][0]["price"]["date"] == "2026-11-20"
