"""The numbers of a report, worked out by hand from a few runs."""

import json

import pytest

from ossay.core.outcome import Flag, Outcome
from ossay.core.records import CallRecord, CampaignRecord, RunKey, RunRecord
from ossay.core.types import ModelCard, Price, Usage
from ossay.reports.figures import percent, seconds, span, spent, tokens, usd
from ossay.reports.summary import Summary, summarize, summary_json
from ossay.reports.words import FLAGS, OUTCOMES, STOPPED, stopped
from ossay.stats.rates import wilson


def run(number: int, outcome: Outcome | None, model="x/a", task="t1", **fields) -> RunRecord:
    state = "planned" if outcome is None else "finished"
    key = RunKey(model, "suite", task, 1, number)
    return RunRecord(f"r{number}{model}{task}", key, state=state, outcome=outcome, **fields)


def record(*runs: RunRecord, **fields) -> CampaignRecord:
    models = tuple(ModelCard(name) for name in dict.fromkeys(r.key.model for r in runs))
    given = {"calls": (), "stopped": "", "models": models} | fields
    return CampaignRecord("c", 0.0, "ossay run", "", suites={"suite": "1"}, environment={},
                          runs=runs, **given)  # fmt: skip


PASS, FAIL, INFRA = Outcome.PASSED, Outcome.WRONG_ANSWER, Outcome.INFRASTRUCTURE_ERROR


def test_an_infrastructure_error_leaves_the_score_and_is_shown_both_ways():
    (model,) = summarize(record(run(1, PASS), run(2, FAIL), run(3, INFRA), run(4, None))).models
    assert (model.planned, model.finished, model.infrastructure_errors) == (4, 3, 1)
    assert (model.score.passed, model.score.n) == (1, 2)
    assert (model.score_with_errors.passed, model.score_with_errors.n) == (1, 3)
    assert model.score.wilson.high > model.score_with_errors.wilson.high
    assert model.outcomes == {"passed": 1, "wrong_answer": 1, "infrastructure_error": 1}


def test_published_campaign_gives_the_published_numbers():
    passes = [2, 3, 3, 3, 3, 2, 1, 3, 0, 3]
    runs = [
        run(attempt, PASS if attempt <= c else FAIL, task=f"t{task}", cost_usd=0.001)
        for task, c in enumerate(passes)
        for attempt in (1, 2, 3)
    ]
    (model,) = summarize(record(*runs)).models
    assert (model.score.passed, model.score.n) == (23, 30)
    assert (round(model.score.wilson.low, 3), round(model.score.wilson.high, 3)) == (0.591, 0.882)
    assert round(model.score.clopper_pearson.low, 3) == 0.577
    assert [round(point.pass_hat, 3) for point in model.pass_curve] == [0.767, 0.667, 0.6]
    assert model.cost.per_pass_usd == pytest.approx(0.03 / 23)


def test_no_counted_run_is_unknown_not_zero():
    (model,) = summarize(record(run(1, INFRA), run(2, None))).models
    assert model.score.rate is None
    assert model.score.wilson is None
    assert model.pass_curve == ()
    assert model.score_with_errors.rate == 0.0


@pytest.mark.parametrize(
    ("costs", "passed", "per_pass", "total"),
    [
        ((0.2, 0.4), 2, 0.3, 0.6),
        ((0.2, 0.4), 1, 0.6, 0.6),
        ((0.2, 0.4), 0, None, 0.6),
        ((0.2, None), 1, "unknown", "unknown"),
        ((None, None), 0, None, "unknown"),
        ((0.0, 0.0), 1, 0.0, 0.0),
    ],
)
def test_cost_per_passing_run(costs, passed, per_pass, total):
    runs = [run(i, PASS if i < passed else FAIL, cost_usd=cost) for i, cost in enumerate(costs)]
    (model,) = summarize(record(*runs)).models
    expected = per_pass if per_pass in (None, "unknown") else pytest.approx(per_pass)
    assert model.cost.per_pass_usd == expected
    assert model.cost.total_usd == (total if total == "unknown" else pytest.approx(total))


def test_costs_too_large_for_a_sum_are_shown_somehow():
    runs = [run(i, PASS, cost_usd=1e308) for i in range(3)]
    (model,) = summarize(record(*runs)).models
    assert spent(model.cost) == "unknown"


def test_lost_costs_are_in_the_total_and_nowhere_else():
    again = run(1, PASS, cost_usd=0.5, lost_cost_usd=0.25, tries=2)
    cut_off = run(2, None, lost_cost_usd=0.125, tries=1)
    (model,) = summarize(record(again, cut_off)).models
    assert model.cost.per_pass_usd == 0.5
    assert model.cost.lost_usd == 0.375
    assert model.cost.total_usd == 0.875


def test_a_lost_call_without_a_price_makes_the_total_unknown():
    (model,) = summarize(record(run(1, PASS, cost_usd=0.5, lost_calls_unpriced=2))).models
    assert model.cost.total_usd == "unknown"
    assert spent(model.cost) == "at least $0.500"
    assert model.cost.per_pass_usd == 0.5


def test_a_lost_call_of_a_model_without_a_price_per_token_is_free():
    free = ModelCard("x/a", price=Price(0.0, 0.0, "2026-11-21", "runs here"))
    runs = run(1, PASS, cost_usd=0.0, lost_calls_unpriced=2)
    assert summarize(record(runs, models=(free,))).models[0].cost.total_usd == 0.0


def test_tokens_that_a_provider_did_not_count_stay_unknown():
    known, silent = Usage(100, None, 20), Usage()
    (model,) = summarize(record(run(1, PASS, usage=known), run(2, FAIL, usage=silent))).models
    assert (model.tokens.input.known, model.tokens.input.unknown_runs) == (100, 1)
    assert model.tokens.cached_input.known is None
    assert tokens(model.tokens.input) == "at least 100"
    assert tokens(model.tokens.reasoning) == "unknown"


def test_speed_of_the_whole_request_and_of_decoding():
    def call(turn: int, output: int | None, first: float | None, total: float | None, state="done"):
        usage = Usage(10, None, output)
        return CallRecord("r1x/at1", 1, turn, state, 0.0, usage, first_token_s=first, total_s=total)

    calls = (
        call(1, 101, 1.0, 2.0),  # 100 tokens in 1 s after the first
        call(2, 11, 0.5, 1.0),  # 10 tokens in 0.5 s
        call(3, 50, None, 1.0),  # no time to first token: whole request only
        call(4, None, 0.2, 1.0),  # not counted: first token only
        call(5, 30, 1.0, 1.0),  # came in one piece: no decode time
        call(6, 999, 9.0, 9.0, "failed"),
        call(7, None, None, None, "lost"),
    )
    (model,) = summarize(record(run(1, PASS), calls=calls)).models
    speed = model.speed
    assert (speed.answered, speed.failed, speed.lost) == (5, 1, 1)
    assert speed.request.overall == pytest.approx((101 + 11 + 50 + 30) / 5.0)
    assert speed.request.calls == 4
    assert speed.decode.overall == pytest.approx(110 / 1.5)
    assert speed.decode.p50 == pytest.approx(60.0)  # between 100/s and 20/s
    assert speed.decode.calls == 2
    assert speed.first_token.calls == 4
    assert speed.first_token.p50_s == pytest.approx(0.75)


def test_a_flag_is_counted_once_a_run_and_only_in_finished_runs():
    flag = Flag.TOOL_CALL_REDUNDANCY
    runs = (
        run(1, PASS, flags=(flag, flag)),
        run(2, FAIL, flags=(flag,)),
        run(3, None, flags=(flag,)),
    )
    assert summarize(record(*runs)).models[0].flags == {"tool_call_redundancy": 2}


def test_cells_follow_the_plan_and_add_up_to_their_suite(make_campaign):
    summary = summarize(make_campaign()[0])
    assert [cell.model for cell in summary.cells[:3]] == [m.reference for m in summary.models]
    assert len(summary.cells) == 30
    for total in summary.suite_cells:
        cells = [cell for cell in summary.cells if cell.model == total.model]
        assert total.score.n == sum(cell.score.n for cell in cells)
        assert total.score.passed == sum(cell.score.passed for cell in cells)
        assert total.tool_calls == sum(cell.tool_calls for cell in cells)


def test_a_campaign_that_stopped_early_says_so():
    summary = summarize(record(run(1, PASS), run(2, None), stopped="max_usd"))
    assert "1 of 2 planned runs without a result" in stopped(summary)
    assert "limit on money" in stopped(summary)
    assert stopped(summarize(record(run(1, PASS)))) == ""


@pytest.mark.parametrize("why", ["decided", "undecidable"])
def test_a_campaign_that_its_plan_ended_has_no_gap(why):
    said = stopped(summarize(record(run(1, PASS), run(2, None), stopped=why)))
    assert said.startswith("Over as its plan asked: ")
    assert said.endswith(f"{STOPPED[why]}. 1 of 2 runs not needed.")


def test_every_outcome_and_flag_is_explained():
    assert set(OUTCOMES) == set(Outcome)
    assert set(FLAGS) == set(Flag)


def test_json_is_stable_and_carries_every_field(make_campaign):
    campaign, _ = make_campaign()
    data = summary_json(summarize(campaign))
    assert data == summary_json(summarize(campaign))
    decoded = json.loads(data)
    assert list(decoded) == list(Summary.__struct_fields__)
    assert decoded["models"][1]["cost"]["per_pass_usd"] == "unknown"
    assert decoded["models"][0]["score"]["wilson"]["method"] == "wilson"


def test_a_model_that_only_its_runs_name_is_in_the_summary():
    summary = summarize(record(run(1, PASS), models=()))
    assert [model.reference for model in summary.models] == ["x/a"]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"), ("unknown", "unknown"), (0.0, "$0"), (0.0013043, "$0.00130"),
        (0.5, "$0.500"), (1.437, "$1.44"), (1234.5, "$1,234.50"), (2e-7, "$0.000000200"),
    ],
)  # fmt: skip
def test_dollars(amount, text):
    assert usd(amount) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, "unknown"), (0.0, "0%"), (1.0, "100%"), (23 / 30, "76.7%"), (0.5, "50%"),
        (0.0001, "<0.1%"), (0.9999, ">99.9%"),
    ],
)  # fmt: skip
def test_percent_rounds_to_all_or_nothing_only_what_is(rate, text):
    assert percent(rate) == text


def test_an_interval_in_percent():
    assert span(wilson(23, 30)) == "59.1–88.2%"
    assert span(wilson(3, 3), 0) == "44–100%"
    assert span(None) == "unknown"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "unknown"), (0.35, "350 ms"), (1.237, "1.24 s"), (12.34, "12.3 s"), (200, "3 min 20 s"),
     (0.9999, "1.00 s"), (99.96, "1 min 40 s")],
)  # fmt: skip
def test_seconds(value, text):
    assert seconds(value) == text
