"""Every number that a report shows, computed once from the record: Summary.

Table, page, JSON and data pack all read this, so they cannot disagree. Knows nothing of how a
number is shown, or of how two models are compared.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct

from ossay.campaign.forecast import Scored
from ossay.campaign.forecaster import TrackRecord
from ossay.campaign.stopping import Followed
from ossay.compare.finding import Board, Finding
from ossay.core.outcome import Flag, Outcome
from ossay.core.predictions import Committed
from ossay.core.records import CallRecord, CampaignRecord, RunRecord
from ossay.core.types import Dialect, ModelCard, Price
from ossay.reports.answers import answers_of
from ossay.reports.cell import Cell, cells_of
from ossay.reports.compared import NotCompared, compare_all
from ossay.reports.cost import Cost, Tokens, cost_of, tokens_of
from ossay.reports.power import Power
from ossay.reports.score import LEVEL, Rate, ended, rate_of
from ossay.reports.speed import Speed, speed_of
from ossay.stats.passk import PassK, pass_curve

FORMAT = "ossay-summary/2"


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


class Summary(Struct, frozen=True):
    """A campaign in numbers. `level` is that of every interval, 0.95 meaning 95 %.

    `cells` holds each model at each task, `suite_cells` each model at each whole suite; both in the
    order of the plan, tasks first, then models. `seeds` lists the instances' seeds by suite.

    Attributes:
        findings: Each pair of models compared, as far as it can be; `not_compared` has the others.
        board: The models ranked; None where there are fewer than two, or none can be.
        power: What so many runs can show, as planned and as run; None for fewer than two models.
        followed: How far the two models of the plan's `[stop]` were told apart.
        committed: What was predicted before the first run, with its digest.
        scored, forecast: How each prediction came out, and all of them together.
        problems: What could not be worked out, and why, a sentence each.
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
    findings: tuple[Finding, ...]
    not_compared: tuple[NotCompared, ...]
    board: Board | None
    power: Power | None
    followed: Followed | None
    committed: Committed | None
    scored: tuple[Scored, ...]
    forecast: TrackRecord | None
    problems: tuple[str, ...]


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
    answers = answers_of(record)
    compared = compare_all(record, answers.plan, answers.followed)
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
        cells=cells_of(by_model, record.runs, whole=False),
        suite_cells=cells_of(by_model, record.runs, whole=True),
        findings=compared.findings,
        not_compared=compared.not_compared,
        board=compared.board,
        power=compared.power,
        followed=answers.followed,
        committed=record.committed,
        scored=answers.scored,
        forecast=answers.forecast,
        problems=(*answers.problems, *compared.problems),
    )


def summary_json(summary: Summary) -> bytes:
    """Return the summary as JSON in ASCII; the keys are the fields of `Summary`, in their order.

    So nothing in it acts on a terminal, and a lone surrogate is no obstacle. A number that isn't
    finite, such as an odds ratio without a single loss, is null.
    """
    text = json.dumps(_finite(msgspec.to_builtins(summary)), indent=2)
    return text.replace("\x7f", "\\u007f").encode("ascii")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


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
