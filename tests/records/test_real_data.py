"""Records that others published, with their known traps. Skipped where they are not here."""

from collections import Counter

import pytest

from ossay.records.read import read_records
from ossay.records.stated import read_stated


@pytest.fixture(scope="module")
def swebench(real_data):
    return read_records(real_data / "records/swebench_bash_only/per_instance.csv.gz")


def scores(records, part):
    return {row.item: row.score for row in records.results if part in row.model}


@pytest.mark.parametrize(
    ("a", "b", "only_a", "only_b"),
    [
        ("gpt-oss-120b", "Qwen2.5-Coder", 99, 14),
        ("Claude 4.5 Opus", "Gemini 3 Pro", 29, 28),
        ("Claude 4.5 Opus", "Claude 4.5 Sonnet", 42, 23),
        ("GPT-5 mini", "o3 (", 48, 41),
    ],
)
def test_swebench_pairs(swebench, a, b, only_a, only_b):
    first, second = scores(swebench, a), scores(swebench, b)
    assert set(first) == set(second)
    assert sum(first[item] > second[item] for item in first) == only_a
    assert sum(first[item] < second[item] for item in first) == only_b


def test_swebench_rows_and_costs(swebench):
    assert len(swebench.results) == 12_500
    assert len({row.model for row in swebench.results}) == 25
    assert all(row.cost_usd is not None for row in swebench.results)
    assert swebench.sources[0].columns["score"] == "resolved"


def test_swebench_summaries_disagree_where_it_is_known(swebench, real_data):
    path = real_data / "records/swebench_bash_only/models.json"
    stated = {one.model: one for one in read_stated(path)}
    assert len(stated) == 31
    sums = Counter()
    for row in swebench.results:
        sums[row.model] += row.score
    off = {model: abs(total / 500 - stated[model].value) for model, total in sums.items()}
    assert sum(difference < 1e-9 for difference in off.values()) == 22
    assert max(off, key=off.get) == "Claude 3.7 Sonnet (20250219)"


def test_mt_bench_turns_are_kept_apart(real_data):
    path = real_data / "records/routellm_mt_bench/mt_bench_scores.csv.gz"
    notes = read_records(path).sources[0].notes
    assert any("320 rows repeat" in note and "'turn'" in note for note in notes)
    records = read_records(path, columns={"item": "question_id+turn"})
    assert len({(row.model, row.item) for row in records.results}) == 640


def test_router_arena_empty_scores_are_missing(real_data):
    path = real_data / "records/routerarena/results.csv.gz"
    records = read_records(path, columns={"metric": ""})
    assert Counter(row.missing for row in records.results) == {"": 1_623, "empty": 400}
    known = scores(records, "claude-3-haiku")
    assert sum(known.values()) / len(known) == pytest.approx(0.523, abs=5e-4)
    assert read_records(path).sources[0].columns["metric"] == "metric"


def test_mmlu_one_column_a_model(real_data):
    models = ("mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")
    records = read_records(
        real_data / "routing/routellm_mmlu/queries.csv.gz",
        models=models,
        columns={"item": "subject+index", "cluster": "subject"},
    )
    mixtral, gpt4 = (scores(records, model) for model in models)
    assert len(mixtral) == len(gpt4) == 14_042
    assert sum(mixtral[item] > gpt4[item] for item in gpt4) == 742
    assert sum(mixtral[item] < gpt4[item] for item in gpt4) == 2_497
    assert len({row.cluster for row in records.results}) == 57


def test_published_counts(real_data):
    published = real_data / "published"
    whole = read_records(published / "agentic_core_campaigns.csv")
    by = {count.model: count for count in whole.counts}
    assert (by["GPT-OSS 20B"].passed, by["GPT-OSS 20B"].n) == (25, 30)
    assert by["GPT-OSS 20B"].cost_usd == 0.012
    runs = ["run1_passes", "run2_passes"]
    tasks = read_records(published / "agentic_core_per_task.csv", models=runs)
    totals = Counter()
    for count in tasks.counts:
        totals[count.model] += count.passed
    assert totals == {"run1_passes": 23, "run2_passes": 23}
