"""Pairs of a campaign's models: corrected together, and the watched pair judged by what it was."""

import msgspec
import pytest

from ossay.campaign.stop import Stop
from ossay.cli.compare import SEED as SEED_OF_COMPARE
from ossay.reports.compared import ALL_PAIRS, MOST_COMPARED, MOST_RANKED, SEED, compare_all
from ossay.reports.summary import FORMAT, summarize, summary_json
from ossay.stats.many import holm

A, B, C = "x/a", "x/b", "x/c"
THREE = {A: "1" * 20, B: "1" * 10 + "0" * 10, C: "1" * 9 + "0" * 11}


def pairs(summary):
    return {(one.a, one.b): one for one in summary.findings}


def test_two_models_alone_are_not_corrected(make_contest):
    (one,) = summarize(make_contest({A: "1" * 20, B: "1" * 10 + "0" * 10})).findings
    assert (one.family, one.family_size) == ("", 1)
    assert one.verdict.kind == "a_better"
    assert one.verdict.p == one.comparison.p == pytest.approx(2 / 2**10)


def test_all_pairs_are_corrected_together(make_contest):
    summary = summarize(make_contest(THREE))
    found = summary.findings
    assert {(one.family, one.family_size) for one in found} == {(ALL_PAIRS, 3)}
    assert [one.verdict.p for one in found] == list(holm([one.comparison.p for one in found]))
    assert [one.verdict.kind for one in found] == ["a_better", "a_better", "not_enough_data"]
    assert "after correction for 3 comparisons" in found[0].verdict.sentence


def test_the_families_of_the_plan_go_before_all_pairs(make_contest):
    families = {"main": ((B, A),), "side": ((A, C), (B, C))}
    found = pairs(summarize(make_contest(THREE, families=families)))
    assert [(one.family, one.family_size) for one in found.values()] == [
        ("main", 1), ("side", 2), ("side", 2)
    ]  # fmt: skip
    assert found[A, B].verdict.p == found[A, B].comparison.p
    assert found[A, C].verdict.p == pytest.approx(2 * found[A, C].comparison.p)


def test_a_pair_in_two_families_has_the_larger_p(make_contest):
    families = {"small": ((A, B),), "large": ((A, B), (A, C), (B, C))}
    found = pairs(summarize(make_contest(THREE, families=families)))
    assert (found[A, B].family, found[A, B].family_size) == ("large", 3)
    assert found[A, B].verdict.p > found[A, B].comparison.p


def test_a_pair_that_the_plan_left_out_is_corrected_for_all(make_contest):
    found = pairs(summarize(make_contest(THREE, families={"main": ((A, B),)})))
    assert (found[B, C].family, found[B, C].family_size) == (ALL_PAIRS, 3)


def test_what_cannot_be_compared_says_why_and_still_counts(make_contest):
    summary = summarize(make_contest({**THREE, "x/none": "e" * 20}))
    assert {(one.a, one.b) for one in summary.not_compared} == {
        (A, "x/none"), (B, "x/none"), (C, "x/none")
    }  # fmt: skip
    assert "infrastructure_error" in summary.not_compared[0].why
    assert {one.family_size for one in summary.findings} == {6}
    assert summary.board is not None
    assert [one.model for one in summary.board.left_out] == ["x/none"]


def test_runs_without_a_result_are_left_out_and_counted(make_contest):
    (one,) = summarize(make_contest({A: "1e10.1", B: "010e10"})).findings
    assert one.comparison.n_a == 3
    assert one.missing_a == {"infrastructure_error": 1, "not run": 1}
    assert one.missing_b == {"infrastructure_error": 1}


def test_the_watched_pair_is_judged_by_its_e_value(make_contest):
    # 5 against 0: exact McNemar has p = 0.06, and more items would change it.
    record = make_contest(
        {A: "1" * 40, B: "0" * 12 + "1" * 28}, stop=Stop(futility=0.0), stopped="interrupted"
    )
    summary = summarize(record)
    (one,) = summary.findings
    assert one.verdict == summary.followed.verdict
    assert "e-value" in one.verdict.sentence
    assert one.comparison.p != one.verdict.p
    assert "the e-value decides" in one.notes[-1]


def test_the_watched_pair_keeps_its_sides_whatever_the_order_of_the_plan(make_contest):
    record = make_contest({A: "0" * 30, B: "1" * 30}, stop=Stop(compare=(B, A)))
    (one,) = summarize(record).findings
    assert (one.a, one.b, one.verdict.kind) == (B, A, "a_better")


def test_other_pairs_beside_a_watched_one_are_corrected_without_it(make_contest):
    record = make_contest(THREE, stop=Stop(compare=(A, B)), stopped="decided")
    found = pairs(summarize(record))
    assert (found[A, C].family, found[A, C].family_size) == (ALL_PAIRS, 2)
    assert "stopped on what it saw" in found[A, C].notes[-1]


def test_the_margin_of_the_plan_is_that_of_every_pair(make_contest):
    results = {A: "10" * 200, B: "10" * 199 + "01", C: "10" * 200}
    record = make_contest(results, stop=Stop(compare=(A, B), margin=0.1, futility=0.0))
    found = pairs(summarize(record))
    assert found[B, C].verdict.margin == 0.1
    assert found[B, C].verdict.kind == "tied"


def test_tasks_with_several_seeds_are_clusters(make_contest):
    (one,) = summarize(make_contest({A: "1" * 40, B: "10" * 20}, tasks=10)).findings
    assert one.comparison.clusters == 10
    assert one.comparison.test == "sign-flip"


def test_one_model_is_compared_with_nobody(make_contest):
    summary = summarize(make_contest({A: "1101"}))
    assert (summary.findings, summary.not_compared, summary.board) == ((), (), None)


def test_a_record_without_a_plan_is_compared_all_the_same(make_contest):
    record = msgspec.structs.replace(make_contest(THREE), plan_toml="")
    assert len(summarize(record).findings) == 3
    assert summarize(record).problems == ()


def test_a_plan_that_cannot_be_read_is_a_problem_and_no_end(make_contest):
    record = msgspec.structs.replace(make_contest(THREE), plan_toml="name = 7")
    summary = summarize(record)
    assert len(summary.findings) == 3
    assert summary.problems[0].startswith("The plan can't be read: ")


def test_runs_that_contradict_each_other_are_no_comparison(make_contest):
    record = make_contest({A: "11", B: "10"})
    twice = (*record.runs, msgspec.structs.replace(record.runs[0], id="again"))
    summary = summarize(msgspec.structs.replace(record, runs=twice))
    assert summary.findings == ()
    assert "twice" in summary.not_compared[0].why


def test_too_many_models_are_ranked_only_and_far_too_many_not_at_all(make_contest):
    def summary(models):
        return summarize(make_contest({f"x/{number}": "10" for number in range(models)}))

    some, most = summary(MOST_COMPARED + 1), summary(MOST_RANKED + 1)
    assert (some.findings, len(some.board.standings)) == ((), MOST_COMPARED + 1)
    assert "51 models make 1,275 pairs" in some.problems[0]
    assert (most.findings, most.board) == ((), None)


def test_the_same_record_gives_the_same_findings_and_the_p_of_the_command(make_campaign):
    record, _ = make_campaign(models=4)
    assert compare_all(record) == compare_all(record)
    assert SEED == SEED_OF_COMPARE


def test_json_holds_no_number_that_json_has_not(make_contest):
    record = make_contest({A: "1" * 10, B: "0" * 10})
    (one,) = summarize(record).findings
    assert one.odds_ratio.interval.high == float("inf")
    data = summary_json(summarize(record))
    assert b"Infinity" not in data
    decoded = msgspec.json.decode(data)
    assert decoded["format"] == FORMAT == "ossay-summary/2"
    assert decoded["findings"][0]["odds_ratio"]["interval"]["high"] is None
    assert decoded["findings"][0]["verdict"]["kind"] == "a_better"
