"""Records that should not be believed, found by their numbers."""

import pytest
from msgspec.structs import replace

from ossay.compare.checks import problems_of
from ossay.compare.pair import compare_models
from ossay.compare.selection import find_model
from ossay.core.errors import UsageError
from ossay.core.results import Count, Records, Result, Source, Stated


def kinds(problems):
    return [(problem.kind, problem.level, problem.model) for problem in problems]


def test_the_broken_model_is_found_by_its_numbers(swebench, rng):
    problems = problems_of(swebench)
    broken = [problem for problem in problems if problem.level == "broken"]
    assert [problem.model for problem in broken] == ["Claude 3.7 Sonnet (20250219)"]
    assert "its rows give 10.2 % over 500, its source states 52.8 %, 213 items' worth apart" in (
        broken[0].text
    )
    noted = {problem.model for problem in problems if problem.kind == "unlike_stated"}
    assert noted - {broken[0].model} == {"Claude 4 Sonnet (20250514)", "Llama 4 Maverick Instruct"}
    assert sum(problem.kind == "no_rows" for problem in problems) == 6
    with pytest.raises(UsageError, match=r"10\.2 % over 500.*without the summary"):
        compare_models(swebench, "Claude 3.7", "o3 (", rng=rng)


def test_no_name_makes_a_model_broken(swebench):
    """Renamed, it is found again; with its rows mended it isn't."""
    broken = "Claude 3.7 Sonnet (20250219)"
    names = {broken: "gpt-oss-120b", "gpt-oss-120b": broken}
    renamed = replace(
        swebench,
        results=tuple(replace(r, model=names.get(r.model, r.model)) for r in swebench.results),
        stated=tuple(replace(s, model=names.get(s.model, s.model)) for s in swebench.stated),
    )
    found = [one.model for one in problems_of(renamed) if one.level == "broken"]
    assert found == ["gpt-oss-120b"]
    bare = replace(swebench, stated=())
    assert problems_of(bare) == ()


@pytest.mark.parametrize(
    ("value", "digits", "level"),
    [
        (0.7, None, None),
        (0.704, 2, None),  # rounds to it
        (0.71, None, "note"),  # one item of 100
        (0.72, None, "warning"),
        (0.73, None, "broken"),
        (0.6, 2, "broken"),
    ],
)
def test_how_far_a_summary_may_be_off(rows, value, digits, level):
    records = replace(rows({"a": [1] * 70 + [0] * 30}), stated=(Stated("a", value, digits=digits),))
    assert [problem.level for problem in problems_of(records)] == ([] if level is None else [level])


def test_a_summary_over_other_items_may_differ(rows):
    records = rows({"a": [1] * 70 + [0] * 30})
    wider = replace(records, stated=(Stated("a", 0.8, n=200),))
    assert kinds(problems_of(wider)) == [("unlike_stated", "warning", "a")]
    impossible = replace(records, stated=(Stated("a", 0.95, n=200),))
    assert kinds(problems_of(impossible)) == [("unlike_stated", "broken", "a")]
    narrower = replace(records, stated=(Stated("a", 0.9, n=50),))
    assert kinds(problems_of(narrower)) == [("unlike_stated", "warning", "a")]
    missing = rows({"a": [1] * 70 + [0] * 25 + ["unparsed"] * 5})
    missing = replace(missing, stated=(Stated("a", 0.7),))
    assert kinds(problems_of(missing)) == [("unlike_stated", "warning", "a")]


def tasks_of(model, shares):
    """{task: share right of 50} as a log each, which states its own mean."""
    sources, found, stated = [], [], []
    for task, share in shares.items():
        name = f"{model}-{task}"
        sources.append(Source(name, "inspect"))
        right = round(50 * share)
        found += [Result(model, f"{task}/{i}", float(i < right), source=name) for i in range(50)]
        stated.append(Stated(model, share, source=name))
    return Records(tuple(sources), tuple(found), stated=tuple(stated))


@pytest.mark.parametrize("n", [None, 50])
def test_a_log_s_own_summary_is_of_its_own_rows(n):
    """Two tasks, 90 and 30 %: each log is held against itself; a file beside them against all."""
    records = tasks_of("a", {"easy": 0.9, "hard": 0.3})
    stated = tuple(replace(one, n=n) for one in records.stated)
    assert problems_of(replace(records, stated=stated)) == ()
    whole = Stated("a", 0.6, source="summary")
    assert problems_of(replace(records, stated=(*stated, whole))) == ()
    wrong = replace(stated[0], value=0.3)
    found = problems_of(replace(records, stated=(wrong, stated[1])))
    assert kinds(found) == [("unlike_stated", "broken", "a")]
    assert "its rows give 90 % over 50, its source states 30 %" in found[0].text
    idle = tuple(
        replace(row, score=None, missing="unparsed") if row.source == "a-easy" else row
        for row in records.results
    )
    found = problems_of(replace(records, results=idle, stated=stated[:1]))
    assert [one.kind for one in found] == [
        "much_missing"
    ]  # no score of that log to hold it against


def test_counts_are_held_against_their_own_summary():
    counts = (Count("a", 27, 30, source="x"), Count("a", 6, 30, "hard", source="y"))
    stated = (Stated("a", 0.9, source="x"), Stated("a", 0.2, source="y"))
    assert problems_of(Records((), (), counts, stated)) == ()


def test_counts_and_other_scores_are_held_against_it_too(rows):
    counts = Records((), (), (Count("a", 23, 30),), (Stated("a", 0.8, digits=2),))
    assert kinds(problems_of(counts)) == [("unlike_stated", "note", "a")]
    scores = replace(rows({"a": [8.0, 9.0, 7.0]}), stated=(Stated("a", 8.0),))
    assert problems_of(scores) == ()
    scores = replace(scores, stated=(Stated("a", 2.0),))
    assert [problem.level for problem in problems_of(scores)] != []


def test_the_same_file_twice(rows):
    records = rows({"a": [1]})
    twice = replace(
        records,
        sources=tuple(Source(name, "csv", "f.csv", sha256="ab") for name in ("x", "y")),
    )
    assert kinds(problems_of(twice)) == [("same_file", "warning", "")]


def test_sources_that_contradict_each_other():
    rows = [Result("a", str(item), 1.0, source="x") for item in range(3)]
    rows += [Result("a", str(item), 0.0, source="y") for item in range(3)]
    rows += [Result("b", "0", 1.0, source="y"), Result("b", "0", None, source="x")]
    records = Records((Source("x", "csv"), Source("y", "csv")), tuple(rows))
    (problem,) = problems_of(records)
    assert (problem.kind, problem.level, problem.model) == ("contradiction", "broken", "a")
    assert "1.0 in 'x' and 0.0 in 'y', and 2 more such" in problem.text


def test_nothing_right_on_a_benchmark(rows):
    """The article's table: 99 on MMLU and 0 on three others."""
    table = {
        "MMLU": (99, 66, 88, 90),
        "HumanEval": (0, 87, 88, 88),
        "SciQ": (0, 82, 92, 94),
        "GSM8K": (90, 88, 93, 96),
        "PIQA": (88, 78, 92, 94),
        "MedQA": (77, 82, 88, 88),
    }
    models = ("scout", "a", "b", "c")
    results = tuple(
        Result(model, item, float(scores[place]), source="s")
        for item, scores in table.items()
        for place, model in enumerate(models)
    )
    problems = problems_of(Records((Source("s", "csv"),), results))
    assert kinds(problems) == [("nothing_right", "warning", "scout")] * 2
    counts = tuple(
        Count(model, passed, 30, item)
        for model, done in (("a", (25, 0)), ("b", (24, 25)), ("c", (26, 27)))
        for item, passed in zip(("t1", "t2"), done, strict=True)
    )
    assert kinds(problems_of(Records((), (), counts))) == [("nothing_right", "warning", "a")]
    assert problems_of(rows({"weak": [0] * 5, "b": [1, 0, 0, 1, 0]})) == ()  # too few to say


def test_much_is_missing(rows):
    records = rows({"a": [1] * 8 + ["unparsed", "empty"], "b": [1] * 9 + ["unparsed"]})
    (problem,) = problems_of(records)
    assert (problem.kind, problem.model) == ("much_missing", "a")
    assert "2 of 10 results of 'a' have no score (1 unparsed, 1 empty)" in problem.text


def test_a_summary_of_another_metric_is_not_held_against_it(rows):
    first = rows({"a": [1, 0]}, metric="accuracy")
    second = rows({"a": [5.0, 6.0]}, metric="points", source="t")
    both = replace(first, results=first.results + second.results)
    of = replace(both, stated=(Stated("a", 5.5, metric="points"),))
    assert problems_of(of) == problems_of(of, "accuracy") == ()
    wrong = replace(both, stated=(Stated("a", 2.5, metric="points"),))
    assert [one.level for one in problems_of(wrong)] != []
    assert problems_of(wrong, "accuracy") == ()
    unnamed = replace(both, stated=(Stated("a", 0.1),))
    assert problems_of(unnamed) == ()


def test_one_right_answer_of_another_says_nothing_of_the_harness(rows):
    """0 of 12 beside 12 of 12 may be a task that one model can't do; 0 of 20 beside 20 is odd."""
    assert problems_of(rows({"a": [1, 1], "b": [0, 0]})) == ()
    assert problems_of(rows({"a": [1] * 12, "b": [0] * 12})) == ()
    found = problems_of(rows({"a": [1] * 20, "b": [0] * 20}))
    assert kinds(found) == [("nothing_right", "warning", "b")]


@pytest.mark.parametrize(
    ("versions", "item", "kind"),
    [
        (("1.0", "2.0"), "s/t/1", ["asked_otherwise"]),
        (("1.0", "1.0"), "s/t/1", []),
        (("1.0", "2.0"), "other/t/1", []),  # that suite is the same in both
    ],
)
def test_campaigns_of_two_versions_of_a_suite(versions, item, kind):
    sources = tuple(
        Source(name, "campaign", made_with={"suite s": version, "suite other": "3"})
        for name, version in zip(("c1", "c2"), versions, strict=True)
    )
    rows = (Result("a", item, 1.0, source="c1"), Result("b", item, 0.0, source="c2"))
    found = problems_of(Records(sources, rows))
    assert [problem.kind for problem in found] == kind
    if found:
        assert "'c1' ran suite 's' in version '1.0' and 'c2' in version '2.0'" in found[0].text
    apart = (rows[0], replace(rows[1], item="s/t/2"))
    assert problems_of(Records(sources, apart)) == ()


@pytest.mark.parametrize(("one", "other"), [("Model", "model"), ("caf\u00e9", "cafe\u0301")])
def test_names_that_look_alike_are_said_to(rows, one, other):
    (found,) = problems_of(rows({one: [1, 0], other: [1, 0]}))
    assert (found.kind, found.level, found.model) == ("look_alike", "note", "")
    assert find_model(rows({one: [1], "b": [1]}), other) == one


@pytest.mark.parametrize(
    ("digest", "items", "kind"),
    [("d2", 3, ["asked_otherwise"]), ("d1", 3, []), ("d2", 2, [])],  # a part hashes otherwise
)
def test_logs_that_asked_otherwise_under_the_same_names(rows, digest, items, kind):
    one, two = rows({"a": [1, 0, 1]}, source="x"), rows({"b": [1, 0, 1][:items]}, source="y")
    sources = (
        replace(one.sources[0], made_with={"items sha256": "d1"}),
        replace(two.sources[0], made_with={"items sha256": digest}),
    )
    found = problems_of(Records(sources, one.results + two.results))
    assert [problem.kind for problem in found] == kind
