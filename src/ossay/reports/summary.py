"""Every number that a report shows, computed once from the record: Summary.

Table, page, JSON and data pack all read this, so they cannot disagree. It ranks nothing: two models
are compared by whether their intervals overlap, and no winner is named. Knows nothing of how a
number is shown.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import msgspec
from msgspec import Struct

from ossay.core.outcome import Flag, Outcome
from ossay.core.records import CallRecord, CampaignRecord, RunRecord
from ossay.core.types import Dialect, ModelCard, Price
from ossay.reports.cost import Cost, Tokens, cost_of, tokens_of
from ossay.reports.score import LEVEL, Rate, ended, rate_of
from ossay.reports.speed import Speed, speed_of
from ossay.stats.passk import PassK, pass_curve

FORMAT = "ossay-summary/1"


class Cell(Struct, frozen=True):
    """The runs of one model at one task; of a whole suite where `task` is ''.

    `score` leaves infrastructure errors out. Turns, tool calls and seconds are sums over the
    finished runs; `seconds` is None where no run's time is known.
    """

    suite: str
    task: str
    model: str
    planned: int
    finished: int
    infrastructure_errors: int
    score: Rate
    turns: int
    tool_calls: int
    seconds: float | None


class ModelSummary(Struct, frozen=True):
    """Everything measured of one model.

    Attributes:
        mark: A short name for charts: 'A', 'B', and so on in the order of the plan.
        planned, finished: Runs; the rest has no result yet.
        infrastructure_errors: Finished runs that failed for no fault of the model.
        score: Passed of the finished runs without infrastructure errors.
        score_with_errors: Passed of all finished runs: infrastructure errors count as failures.
        pass_curve: pass^k and pass@k; an item is a task, its trials are the runs in `score`.
        outcomes, flags: How many finished runs have each; only those that occurred.
        commonest_error: What most of the infrastructure errors say, and how many do.
    """

    mark: str
    reference: str
    dialect: Dialect
    context_tokens: int | None
    details: dict[str, str]
    price: Price | None
    planned: int
    finished: int
    infrastructure_errors: int
    score: Rate
    score_with_errors: Rate
    pass_curve: tuple[PassK, ...]
    cost: Cost
    tokens: Tokens
    outcomes: dict[str, int]
    flags: dict[str, int]
    speed: Speed
    commonest_error: str = ""
    commonest_error_runs: int = 0


class Comparison(Struct, frozen=True):
    """Two models by reference. `overlap` is None where one of them has no counted run."""

    first: str
    second: str
    overlap: bool | None


class Summary(Struct, frozen=True):
    """A campaign in numbers. `level` is that of every interval, 0.95 meaning 95 %.

    `cells` holds each model at each task, `suite_cells` each model at each whole suite; both in the
    order of the plan, tasks first, then models. `seeds` lists the instances' seeds by suite.
    """

    format: str
    campaign: str
    created_at: float
    command: str
    plan_toml: str
    stopped: str
    suites: dict[str, str]
    seeds: dict[str, tuple[int, ...]]
    environment: dict[str, str]
    level: float
    planned: int
    finished: int
    models: tuple[ModelSummary, ...]
    cells: tuple[Cell, ...]
    suite_cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]


def summarize(record: CampaignRecord) -> Summary:
    """Compute every number of the report. Pure: the same record gives the same summary."""
    cards = _cards(record)
    by_model: dict[str, list[RunRecord]] = {card.reference: [] for card in cards}
    for run in record.runs:
        by_model[run.key.model].append(run)
    owner = {run.id: run.key.model for run in record.runs}
    calls: dict[str, list[CallRecord]] = defaultdict(list)
    for call in record.calls:
        calls[owner.get(call.run_id, "")].append(call)
    models = tuple(
        _model(_mark(index), card, by_model[card.reference], calls[card.reference])
        for index, card in enumerate(cards)
    )
    return Summary(
        format=FORMAT,
        campaign=record.name,
        created_at=record.created_at,
        command=record.command,
        plan_toml=record.plan_toml,
        stopped=record.stopped,
        suites=dict(record.suites),
        seeds=_seeds(record.runs),
        environment=dict(record.environment),
        level=LEVEL,
        planned=len(record.runs),
        finished=sum(ended(run) for run in record.runs),
        models=models,
        cells=_cells(by_model, [(r.key.suite, r.key.task) for r in record.runs]),
        suite_cells=_cells(by_model, [(r.key.suite, "") for r in record.runs]),
        comparisons=tuple(_compare(a, b) for a, b in combinations(models, 2)),
    )


def summary_json(summary: Summary) -> bytes:
    """Return the summary as JSON in ASCII; the keys are the fields of `Summary`, in their order.

    So nothing in it acts on a terminal, and a lone surrogate is no obstacle.
    """
    text = json.dumps(msgspec.to_builtins(summary), indent=2)
    return text.replace("\x7f", "\\u007f").encode("ascii")


def _model(
    mark: str, card: ModelCard, runs: Sequence[RunRecord], calls: Sequence[CallRecord]
) -> ModelSummary:
    finished = [run for run in runs if ended(run)]
    outcomes = Counter(run.outcome for run in finished)
    flags = Counter(flag for run in finished for flag in set(run.flags))
    errors, passed = outcomes[Outcome.INFRASTRUCTURE_ERROR], outcomes[Outcome.PASSED]
    said = Counter(r.error for r in finished if r.outcome is Outcome.INFRASTRUCTURE_ERROR)
    commonest, often = said.most_common(1)[0] if said else ("", 0)
    return ModelSummary(
        mark=mark,
        reference=card.reference,
        dialect=card.dialect,
        context_tokens=card.context_tokens,
        details=dict(card.details),
        price=card.price,
        planned=len(runs),
        finished=len(finished),
        infrastructure_errors=errors,
        score=rate_of(passed, len(finished) - errors),
        score_with_errors=rate_of(passed, len(finished)),
        pass_curve=tuple(pass_curve(_trials(runs))),
        cost=cost_of(runs, card.price),
        tokens=tokens_of(runs),
        outcomes={str(o): outcomes[o] for o in Outcome if outcomes[o]},
        flags={str(f): flags[f] for f in Flag if flags[f]},
        speed=speed_of(calls),
        commonest_error=commonest,
        commonest_error_runs=often,
    )


def _trials(runs: Iterable[RunRecord]) -> list[tuple[int, int]]:
    """(n, c) of each task: runs that count, and those of them that passed."""
    tally: dict[tuple[str, str], tuple[int, int]] = {}
    for run in runs:
        task = (run.key.suite, run.key.task)
        n, c = tally.get(task, (0, 0))
        if ended(run) and run.outcome is not None and run.outcome.counts:
            n, c = n + 1, c + (run.outcome is Outcome.PASSED)
        tally[task] = (n, c)
    return list(tally.values())


def _cells(
    by_model: dict[str, list[RunRecord]], places: Iterable[tuple[str, str]]
) -> tuple[Cell, ...]:
    """One cell for each place, which is (suite, task) or (suite, ''), and each model."""
    cells = []
    for suite, task in dict.fromkeys(places):
        for model, runs in by_model.items():
            here = [r for r in runs if r.key.suite == suite and task in ("", r.key.task)]
            cells.append(_cell(suite, task, model, here))
    return tuple(cells)


def _cell(suite: str, task: str, model: str, runs: Sequence[RunRecord]) -> Cell:
    finished = [run for run in runs if ended(run)]
    errors = sum(run.outcome is Outcome.INFRASTRUCTURE_ERROR for run in finished)
    passed = sum(run.outcome is Outcome.PASSED for run in finished)
    seconds = [run.seconds for run in finished if run.seconds is not None]
    return Cell(
        suite=suite,
        task=task,
        model=model,
        planned=len(runs),
        finished=len(finished),
        infrastructure_errors=errors,
        score=rate_of(passed, len(finished) - errors),
        turns=sum(run.turns for run in finished),
        tool_calls=sum(run.tool_calls for run in finished),
        seconds=sum(seconds) if seconds else None,
    )


def _compare(a: ModelSummary, b: ModelSummary) -> Comparison:
    one, other = a.score.wilson, b.score.wilson
    overlap = one.overlaps(other) if one and other else None
    return Comparison(a.reference, b.reference, overlap)


def _cards(record: CampaignRecord) -> list[ModelCard]:
    """The cards of the plan, and a bare one for a model that only its runs name."""
    known = {card.reference: card for card in record.models}
    for run in record.runs:
        known.setdefault(run.key.model, ModelCard(run.key.model))
    return list(known.values())


def _seeds(runs: Iterable[RunRecord]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = defaultdict(set)
    for run in runs:
        found[run.key.suite].add(run.key.seed)
    return {suite: tuple(sorted(seeds)) for suite, seeds in found.items()}


def _mark(index: int) -> str:
    """0 -> 'A', 25 -> 'Z', 26 -> 'AA'."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
