"""Ratings on the command line: judged, compared, exported, imported."""

import csv
import io
import json
from contextlib import chdir

import msgspec
import pytest
from click.testing import CliRunner

from ossay.cli.compare import compare
from ossay.cli.export import export
from ossay.cli.import_ import import_
from ossay.cli.judge import judge
from ossay.cli.leaderboard import leaderboard
from ossay.core.errors import OssayError, UnknownName, UsageError
from ossay.core.rating import Form
from ossay.core.score import rated
from ossay.store.ledger import open_ledger
from ossay.suites.rubrics import rubric_of

VIZ = rubric_of("benchmark_visualization")
MODELS = ("lab/oak-7b", "lab/elm-7b")
ANSWERS = [
    (model, "benchmark_visualization", seed, text * seed, {"runs": True, "labels_right": True})
    for seed in range(1, 5)
    for model, text in zip(MODELS, ("<b>short</b>", "\x1b[31mlonger\x1b[0m answer"), strict=True)
]


@pytest.fixture
def place(tmp_path, answered):
    (tmp_path / "data").mkdir()
    answered(tmp_path / "data" / "ledger.sqlite", ANSWERS)
    return tmp_path


@pytest.fixture
def run(place):
    def run(command, *words):
        with chdir(place):
            done = CliRunner().invoke(
                command, [*map(str, words)], env={"OSSAY_HOME": str(place / "data")}
            )
        if isinstance(done.exception, OssayError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def rate(place):
    """Rates all answers: oak side by side, elm plain."""
    import asyncio

    async def enter(ledger, rubric, who, count):
        await ledger.keep_rubric(rubric)
        for answer in ledger.answers("night")[:count]:
            tier = "side_by_side" if "oak" in answer.key.model else "baseline"
            id_ = f"{who}-{answer.run}"
            form = Form("night", answer.run, who, "human", (tier,), 1.0, id_, notes="=1+1")
            await ledger.rate(rated(rubric, form, answer.facts, id_=id_))

    def rate(rubric=VIZ, who="anna", count=None):
        with open_ledger(str(place / "data" / "ledger.sqlite"), create=True) as ledger:
            asyncio.run(enter(ledger, rubric, who, count))

    return rate


def test_a_judge_alone_is_told_from_people(run):
    out = run(judge, "night", "--model", "scripted/judge?lean=first")
    assert "8 answers to judge in 8 showings: 8 done, 16 ratings entered now" in out
    assert "no answer of them has a person's rating: nothing says whether it can be trusted" in out
    assert "gets +3.50 points [+3.50, +3.50] in the first place rather than the second" in out
    with pytest.raises(UsageError, match="no ratings by people, only 16 by a judge model"):
        run(compare, *MODELS, "--in", "night", "--metric", "rating")
    with pytest.raises(UsageError, match="--raters models"):
        run(leaderboard, "--in", "night", "--raters", "people")
    out = run(compare, *MODELS, "--in", "night", "--raters", "models")
    assert "These are ratings by a judge model, not by people." in out


def test_a_judge_that_is_not_there_is_an_error(run, rate):
    with pytest.raises(UsageError, match="nothing was judged now: 'scripted/nosuch' plays in"):
        run(judge, "night", "--model", "scripted/nosuch")
    run(judge, "night", "--model", "scripted/judge")
    with pytest.raises(UsageError, match="nothing was judged now"):  # whatever others did before
        run(judge, "night", "--model", "scripted/nosuch")


def test_older_ratings_are_scored_by_the_latest_version(run, rate, place):
    rate()
    tiers = [msgspec.structs.replace(one, points=one.points - 1) for one in VIZ.tiers]
    later = msgspec.structs.replace(VIZ, version="2", tiers=tuple(tiers))
    rate(later, "ben", 1)
    said = " ".join(run(compare, *MODELS, "--in", "night", "--metric", "rating").split())
    note = "8 ratings were made by an older version of a rubric, scored by the latest."
    assert note in said
    run(export, "night", "out.json", "--format", "16x")
    evals = json.loads((place / "out.json").read_text())["evals"]
    oak = {one["rating"] for one in evals if one["model"] == "oak-7b"}
    assert oak == {8.0}  # 9 by version 1
    text = run(export, "night", "-", "--format", "csv")
    assert {row["score"] for row in csv.DictReader(io.StringIO(text))} == {"9.0", "8.5", "8.0"}


def test_a_judge_is_held_against_people(run, rate):
    rate()
    out = run(judge, "night", "--model", "scripted/judge")
    assert "beside people on 8 answers: alpha" in out
    assert "it gives +0.25 points" in out
    assert "elm: +0.50 points [+0.50, +0.50], 4 answers" in out
    assert "oak: +0.00 points" in out
    assert run(judge, "night", "--model", "scripted/judge").startswith("8 answers")


def test_a_judge_that_cannot_be(run):
    with pytest.raises(UnknownName, match="did you mean 'todo_add_feature'"):
        run(judge, "night", "--model", "scripted/judge", "--task", "todo_add_featur")
    with pytest.raises(UnknownName, match="no campaign 'nigth'"):
        run(judge, "nigth", "--model", "scripted/judge")
    with pytest.raises(UnknownName, match="no lean 'left'"):
        run(judge, "night", "--model", "scripted/judge?lean=left")
    out = run(judge, "night", "--model", "scripted/judge?lean=none")
    assert "8 unusable replies, 0 failed calls" in out


def test_peoples_ratings_are_compared_and_ranked(run, rate):
    rate()
    found = json.loads(run(compare, *MODELS, "--in", "night", "--metric", "rating", "--json"))
    assert found["metric"] == "rating"
    assert "difference" in json.dumps(found)
    out = run(compare, *MODELS, "--in", "night", "--metric", "rating")
    assert "4 shared items can give no p below 0.125, whatever the scores" in out
    assert run(leaderboard, "--in", "night", "--raters", "people").startswith("2 models by rating")
    assert "by score" in run(leaderboard, "--in", "night")  # passes, as ever


def test_csv_out_and_in_again(run, rate, place):
    rate()
    rate(who="ben")
    run(export, "night", "ratings.csv", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO((place / "ratings.csv").read_text())))
    assert len(rows) == 8 * 2
    anna = next(row for row in rows if row["rater"] == "anna")
    assert anna["notes"] == "'=1+1"
    assert (anna["score"], anna["kind"], anna["rubric_version"]) == ("9.0", "human", "1")
    assert anna["chosen"] == "side_by_side"
    assert anna["filled"] == "clear_labels"
    assert len({(row["model"], row["item"], row["attempt"]) for row in rows}) == len(rows)
    run(import_, "ratings.csv", "--name", "again")
    out = run(leaderboard, "--in", "again")
    assert out.startswith("2 models by rating")


def test_the_table_never_mixes_a_judge_with_people(run, rate):
    run(judge, "night", "--model", "scripted/judge")
    rate()

    def kinds(*options):
        rows = csv.DictReader(io.StringIO(run(export, "night", "-", "--format", "csv", *options)))
        return [row["kind"] for row in rows]

    assert kinds() == ["human"] * 8
    assert kinds("--raters", "models") == ["model"] * 16


@pytest.mark.parametrize("form", ["16x", "csv"])
def test_a_judges_ratings_stay_a_judges_after_export_and_import(run, place, form):
    run(judge, "night", "--model", "scripted/judge")
    run(export, "night", "judged", "--format", form, "--raters", "models")
    said = run(import_, "judged", "--name", "evals", "--kind", form)
    assert "These are ratings by a judge model, not by people." in said
    assert "does not say who rated" not in said
    assert "--in evals --raters models" in said  # the next step
    for source in (("--in", "evals"), ("--records", "judged")):
        for options in ((), ("--metric", "rating"), ("--raters", "people")):
            with pytest.raises(UsageError, match=r"don't stand for people's.* --raters models"):
                run(leaderboard, *source, *options)
        assert run(leaderboard, *source, "--raters", "models").startswith("2 models by rating")
    out = run(compare, *MODELS, "--in", "evals", "--raters", "models")
    assert "These are ratings by a judge model, not by people." in out


def test_a_judges_export_says_so_beside_every_score(run, place):
    run(judge, "night", "--model", "scripted/judge")
    run(export, "night", "out.json", "--format", "16x", "--raters", "models")
    evals = json.loads((place / "out.json").read_text())["evals"]
    notes = {one["notes"].splitlines()[0] for one in evals}
    assert notes == {"Rated by a judge model, not by people: scripted/judge."}


def test_a_file_of_both_is_taken_for_neither(run, rate, place):
    run(judge, "night", "--model", "scripted/judge")
    rate()
    run(export, "night", "judge.csv", "--format", "csv", "--raters", "models")
    people = run(export, "night", "-", "--format", "csv").partition("\n")[2]
    (place / "both.csv").write_text((place / "judge.csv").read_text() + people)
    for options in ((), ("--raters", "people"), ("--raters", "models")):
        with pytest.raises(UsageError, match=r"by people and by a judge model, .* export them"):
            run(leaderboard, "--records", "both.csv", *options)


def test_raters_are_asked_of_campaigns_alone(run, rate, place):
    rate()
    (place / "table.csv").write_text("item,model,score\nq,A,1\nq,B,0\nr,A,1\nr,B,0\n")
    run(export, "night", "evals.json", "--format", "16x")
    run(import_, "table.csv", "evals.json")
    for source in (("--in", "evals"), ("--in", "table"), ("--records", "table.csv")):
        for raters in ("people", "models"):
            with pytest.raises(UsageError, match=r"takes ratings of a campaign, and '\w+' is none"):
                run(leaderboard, *source, "--raters", raters)
    with pytest.raises(UsageError, match="leave --raters out"):
        run(compare, *MODELS, "--in", "night", "--in", "evals", "--raters", "people")
    assert run(leaderboard, "--in", "evals", "--metric", "rating").startswith("2 models by rating")


def test_16x_out_and_in_again(run, rate, place):
    rate()
    run(export, "night", "evals.json", "--format", "16x")
    run(import_, "evals.json")
    with open_ledger(str(place / "data" / "ledger.sqlite"), create=False) as ledger:
        records = ledger.records("evals")
    assert records.sources[0].kind == "16x"
    scores = {(row.model, row.item): row.score for row in records.results}
    assert scores["lab/oak-7b", "coding/benchmark_visualization/1"] == 9.0
    assert scores["lab/elm-7b", "coding/benchmark_visualization/4"] == 8.5
    assert run(leaderboard, "--in", "evals").startswith("2 models by rating")


def test_an_export_of_nothing_rated(run, place):
    document = json.loads(run(export, "night", "-", "--format", "16x"))
    assert [one["rating"] for one in document["evals"] if "rating" in one] == []
    assert document["evals"][1]["response"] == "\x1b[31mlonger\x1b[0m answer"
    rows = list(csv.DictReader(io.StringIO(run(export, "night", "-", "--format", "csv"))))
    assert [row["score"] for row in rows] == [""] * 8
    with pytest.raises(UnknownName, match="did you mean 'night'"):
        run(export, "nigth", "-", "--format", "csv")
    with pytest.raises(UsageError, match=r"cannot write 'none/x\.csv'"):
        run(export, "night", "none/x.csv", "--format", "csv")
