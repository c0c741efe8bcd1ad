"""Characters and tokens of answers, counted where a grader counted."""

from msgspec.structs import replace

from ossay.core.outcome import Outcome
from ossay.core.types import Usage
from ossay.reports.verbosity import verbosity_of


def said(make_contest, counts, *, results="11"):
    """A contest of one model whose k-th answer has counts[k] = (characters, tokens)."""
    record = make_contest({"x/a": results})
    runs = tuple(
        replace(
            run,
            facts={} if characters is None else {"characters": characters},
            usage=Usage(10, None, tokens),
        )
        for run, (characters, tokens) in zip(record.runs, counts, strict=True)
    )
    return replace(record, runs=runs)


def test_medians_of_both(make_contest):
    whole, *tasks = verbosity_of(said(make_contest, [(100, 30), (400, 50)]))
    assert (whole.characters.median, whole.characters.least, whole.characters.most) == (
        250,
        100,
        400,
    )
    assert (whole.tokens.median, whole.tokens.mean) == (40, 40)
    assert [one.characters.median for one in tasks] == [100, 400]


def test_what_is_not_counted_is_told_and_never_nothing(make_contest):
    whole, *_ = verbosity_of(said(make_contest, [(100, None), (400, 50)]))
    assert (whole.tokens.n, whole.unknown_tokens) == (1, 1)


def test_only_tasks_with_a_count_are_looked_at(make_contest):
    whole, *tasks = verbosity_of(said(make_contest, [(100, 30), (None, 9000)]))
    assert (whole.tokens.n, len(tasks)) == (1, 1)


def test_a_suite_without_counts_has_none(make_campaign):
    assert verbosity_of(make_campaign()[0]) == ()


def test_a_count_that_can_not_be_is_none(make_contest):
    record = said(make_contest, [(100, 10**400), (10**400, 50)])
    whole, *_ = verbosity_of(record)
    assert (whole.characters.n, whole.tokens.n) == (1, 0)


def test_runs_that_the_machine_spoiled_say_nothing(make_contest):
    record = said(make_contest, [(100, 30), (400, 50)], results="1e")
    assert record.runs[1].outcome is Outcome.INFRASTRUCTURE_ERROR
    assert verbosity_of(record)[0].characters.n == 1


def test_where_nothing_was_answered_nothing_has_a_length(make_contest):
    whole, *_ = verbosity_of(said(make_contest, [(100, 30), (0, None)]))
    assert (whole.characters.n, whole.characters.least) == (1, 100)
