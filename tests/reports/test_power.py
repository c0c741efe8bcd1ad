"""What so many runs can show: before the results, after them, by simulation, and in words."""

import re

import msgspec
import numpy as np
import pytest

from ossay.campaign.stop import Stop
from ossay.reports.html import html_report
from ossay.reports.power import power_of
from ossay.reports.power_words import WATCHED, rows, said
from ossay.reports.summary import summarize, summary_json
from ossay.stats.paired import mcnemar

A, B, C = "x/a", "x/b", "x/c"


def power(record):
    return summarize(record).power


def needed(reach):
    return {one.points: one.items for one in reach.needed}


def test_what_is_planned_knows_no_result(make_contest):
    results = [{A: "1" * 30, B: "0" * 30}, {A: "10" * 15, B: "e" * 30}, {A: "." * 30, B: "." * 30}]
    found = [power(make_contest(one)) for one in results]
    assert found[0].planned == found[1].planned == found[2].planned
    assert [len(one.run) for one in found] == [1, 0, 0]


def test_least_difference_is_found_four_times_in_five(make_contest):
    (planned,) = power(make_contest({A: "1" * 30, B: "10" * 15})).planned
    assert (planned.items, planned.least) == (30, 39)
    rng = np.random.default_rng(1)

    def chance(points):
        rates = 0.5 + points / 200, 0.5 - points / 200
        a, b = (rng.random((20_000, 30)) < rate for rate in rates)
        wins, losses = (a & ~b).sum(1), (b & ~a).sum(1)
        p = {}
        for pair in set(zip(wins.tolist(), losses.tolist(), strict=True)):
            p[pair] = mcnemar(*pair).p_exact
        pairs = zip(wins.tolist(), losses.tolist(), strict=True)
        return sum(p[pair] <= 0.05 for pair in pairs) / 20_000

    assert chance(planned.least) >= 0.79
    assert chance(planned.least - 2) < 0.8


def test_it_agrees_with_the_command(make_contest):
    """`ossay power --a 0.55 --b 0.45 --paired`, and with `--differ 0.5` for what was seen."""
    found = power(make_contest({A: "1" * 20 + "0" * 10, B: "10" * 15}))
    assert needed(found.planned[0]) == {5: 1610, 10: 412, 20: 107}
    assert found.run[0].differ == 0.5
    assert needed(found.run[0]) == {5: 1606, 10: 408, 20: 103}


def test_as_run_takes_how_often_they_differ_and_never_by_how_much(make_contest):
    even = make_contest({A: "10" * 10 + "1" * 40, B: "01" * 10 + "1" * 40})
    uneven = make_contest({A: "1" * 60, B: "0" * 20 + "1" * 40})
    assert power(even).run == power(uneven).run
    assert power(even).run[0].least < power(even).planned[0].least


def test_runs_of_one_task_count_for_less(make_contest):
    found = power(make_contest({A: "1" * 40, B: "10" * 20}, tasks=10))
    apart, alike = found.planned
    assert (apart.items, apart.clusters, apart.alike, alike.alike) == (40, 10, 0.0, 1.0)
    assert apart.least < alike.least
    assert 3 * needed(apart)[5] < needed(alike)[5]
    assert "in new tasks" in said(found)
    assert [row.runs for row in rows(found)] == ["40 in 10 tasks"] * 3


def test_many_pairs_of_few_tasks_can_show_nothing_and_it_is_said(make_contest):
    """Ten signs that all point one way have p = 0.002, and Holm asks 66 pairs for 0.0008."""
    record = make_contest({f"x/{n}": "1" * (30 - n) + "0" * n for n in range(12)}, tasks=10)
    found = power(record)
    assert found.run[0].tested == 66
    assert found.run[0].least is None
    assert "no difference reliably, however large (66 pairs tested together)" in said(found)


@pytest.mark.parametrize("results", ["1", ""])
def test_hardly_any_run_shows_nothing(make_contest, results):
    found = power(make_contest({A: results, B: results}))
    assert found is None or found.planned[0].least is None


def test_each_family_has_its_own_correction(make_contest):
    record = make_contest(
        {A: "1" * 60, B: "10" * 30, C: "01" * 30},
        families={"main": ((A, B),)}, stop=Stop(compare=(B, C)),
    )  # fmt: skip
    found = power(record)
    assert [(one.family, one.tested) for one in found.planned] == [
        ("", 1), ("main", 1), ("all pairs", 2)
    ]  # fmt: skip
    assert [one.family for one in found.run] == ["", "main", "all pairs"]
    assert f"({WATCHED})" in said(found)


def test_the_watched_pair_is_asked_at_the_alpha_of_its_plan(make_contest):
    results = {A: "1" * 60, B: "10" * 30}
    strict, usual = (
        power(make_contest(results, stop=Stop(alpha=alpha))) for alpha in (0.001, 0.05)
    )
    assert strict.planned[0].least > usual.planned[0].least
    assert [row.assumed.endswith("; alpha 0.001") for row in rows(strict)] == [True, True]
    assert not any("alpha" in row.assumed for row in rows(usual))


def test_all_pairs_have_no_line_where_every_pair_has_a_family(make_contest):
    record = make_contest(
        {A: "1" * 9, B: "0" * 9, C: "0" * 9}, families={"all": ((A, B), (A, C), (B, C))}
    )
    assert {one.family for one in power(record).planned} == {"all"}


def test_runs_that_contradict_each_other_have_no_power(make_contest):
    record = make_contest({A: "11", B: "10"})
    twice = (*record.runs, msgspec.structs.replace(record.runs[0], id="again"))
    assert power(msgspec.structs.replace(record, runs=twice)) is None


def test_page_json_and_sentence_say_the_same(make_contest):
    record = make_contest({A: "1" * 40, B: "10" * 20}, tasks=10)
    found = power(record)
    html = html_report(record, lambda _: None)
    shown = re.search(r'<section id="power".*?</section>', html, re.DOTALL).group()
    text = " ".join(re.sub("<[^>]*>", " ", shown).split())
    assert said(found) in text
    for row in rows(found):
        assert " ".join((row.name, row.assumed, row.runs, row.least, *row.needed)) in text
    assert 'href="#power"' in html
    data = msgspec.json.decode(summary_json(summarize(record)))["power"]
    assert data == msgspec.json.decode(msgspec.json.encode(found))


@pytest.mark.parametrize(("tasks", "said"), [(10, True), (20, False), (0, False)])
def test_few_tasks_are_said_to_show_less(make_contest, tasks, said):
    record = make_contest({A: "." * 40, B: "." * 40}, tasks=tasks)
    html = html_report(record, lambda _: None)
    assert ("fewer than 20 tasks" in html) is said


def test_one_model_has_no_power(make_contest):
    record = make_contest({A: "1" * 9})
    assert power(record) is None
    assert 'id="power"' not in html_report(record, lambda _: None)


def test_no_family_no_line(make_contest):
    record = make_contest({A: "11", B: "10"})
    from ossay.records.campaign import records_of

    assert power_of(records_of(record), (), []) is None
