"""The files of a data pack that are views of the record: JSON for programs, CSV for spreadsheets.

Every number is taken from the Summary or copied from a row. In CSV what is not known is the word
'unknown', and text that a spreadsheet would run as a formula begins with an apostrophe. Knows
nothing of files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ossay.core.display import visible
from ossay.core.outcome import Flag, Outcome
from ossay.core.records import CampaignRecord
from ossay.core.types import Price, Usage
from ossay.reports.figures import UNKNOWN
from ossay.reports.model_summary import ModelSummary
from ossay.reports.score import ended
from ossay.reports.summary import Summary
from ossay.reports.words import FLAGS
from ossay.stats.rates import Interval

_FORMULA = ("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠")


def run_summary(summary: Summary) -> dict[str, Any]:
    """What came out, model by model."""
    return {
        "campaign": summary.campaign,
        "command": summary.command,
        "created_at": summary.created_at,
        "stopped": summary.stopped,
        "suites": summary.suites,
        "planned": summary.planned,
        "finished": summary.finished,
        "interval_level": summary.level,
        "models": {model.reference: _model(model) for model in summary.models},
    }


def per_task_results(record: CampaignRecord, summary: Summary) -> dict[str, Any]:
    """Task -> model -> counts. A task's id has its suite in front where there are several."""
    results: dict[str, Any] = {}
    for cell in summary.cells:
        task = cell.task if len(summary.suites) < 2 else f"{cell.suite}/{cell.task}"
        runs = [
            run
            for run in record.runs
            if (run.key.suite, run.key.task, run.key.model) == (cell.suite, cell.task, cell.model)
        ]
        results.setdefault(task, {})[cell.model] = {
            **msgspec.to_builtins(cell),
            "outcomes": {run.id: run.outcome for run in runs if ended(run)},
        }
    return results


def evidence_patterns(record: CampaignRecord) -> dict[str, Any]:
    """Flag -> how many runs show it, and which; flags that no run shows are there with 0."""
    finished = [run for run in record.runs if ended(run)]
    patterns = {}
    for flag in Flag:
        runs = [run for run in finished if flag in run.flags]
        patterns[str(flag)] = {
            "meaning": FLAGS[flag],
            "affected_runs": len(runs),
            "affected_runs_passed": sum(run.outcome is Outcome.PASSED for run in runs),
            "finished_runs": len(finished),
            "runs": [
                {"run": r.id, "model": r.key.model, "task": r.key.task, "outcome": r.outcome}
                for r in runs
            ],
        }
    return patterns


def csv_files(record: CampaignRecord, summary: Summary) -> dict[str, bytes]:
    """File name -> CSV, UTF-8 with a heading line."""
    return {
        "cost_breakdown.csv": _csv(_cost_rows(summary)),
        "pass_rate_by_task.csv": _csv(_rate_rows(summary)),
        "tool_calls_by_task.csv": _csv(_tool_call_rows(summary)),
        "runs.csv": _csv(_run_rows(record)),
        "calls.csv": _csv(_call_rows(record)),
    }


def _model(model: ModelSummary) -> dict[str, Any]:
    return {
        "passed": model.score.passed,
        "counted_runs": model.score.n,
        "cost_per_pass_usd": model.cost.per_pass_usd,
        **msgspec.to_builtins(model),
    }


def _cost_rows(summary: Summary) -> Iterable[dict[str, Any]]:
    for model in summary.models:
        price, tokens, cost = model.price, model.tokens, model.cost
        yield {
            "model": model.reference,
            "usd_per_million_input": price.input if price else None,
            "usd_per_million_cached_input": _cached_price(price),
            "usd_per_million_output": price.output if price else None,
            "price_date": price.date if price else None,
            "price_source": price.source if price else None,
            "input_tokens_known": tokens.input.known,
            "cached_input_tokens_known": tokens.cached_input.known,
            "output_tokens_known": tokens.output.known,
            "reasoning_tokens_known": tokens.reasoning.known,
            "finished_runs": model.finished,
            "passed": model.score.passed,
            "known_usd": cost.known_usd,
            "runs_with_unknown_cost": cost.unknown_runs,
            "lost_usd": cost.lost_usd,
            "lost_calls_unpriced": cost.lost_calls_unpriced,
            "total_usd": cost.total_usd,
            "per_run_usd": cost.per_run_usd,
            "cost_per_pass_usd": "no pass" if cost.per_pass_usd is None else cost.per_pass_usd,
        }


def _cached_price(price: Price | None) -> float | None:
    """Cached input costs what input costs where the price does not say."""
    if price is None:
        return None
    return price.input if price.cached_input is None else price.cached_input


def _rate_rows(summary: Summary) -> Iterable[dict[str, Any]]:
    for cell in summary.cells:
        yield {
            "suite": cell.suite,
            "task": cell.task,
            "model": cell.model,
            "planned": cell.planned,
            "finished": cell.finished,
            "infrastructure_errors": cell.infrastructure_errors,
            "passed": cell.score.passed,
            "counted": cell.score.n,
            "rate": cell.score.rate,
            **_ends("wilson", cell.score.wilson),
            **_ends("clopper_pearson", cell.score.clopper_pearson),
        }


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
    }


def _tool_call_rows(summary: Summary) -> Iterable[dict[str, Any]]:
    for cell in summary.cells:
        n = cell.finished
        yield {
            "suite": cell.suite,
            "task": cell.task,
            "model": cell.model,
            "finished": n,
            "tool_calls": cell.tool_calls,
            "tool_calls_per_run": cell.tool_calls / n if n else None,
            "turns": cell.turns,
            "turns_per_run": cell.turns / n if n else None,
        }


def _run_rows(record: CampaignRecord) -> Iterable[dict[str, Any]]:
    for run in record.runs:
        yield {
            "run": run.id,
            **{name: getattr(run.key, name) for name in run.key.__struct_fields__},
            "state": run.state,
            "outcome": run.outcome,
            "flags": " ".join(run.flags),
            "reason": run.reason,
            "error": run.error,
            "parts_done": run.done,
            "parts": run.of,
            "turns": run.turns,
            "tool_calls": run.tool_calls,
            "started_at": run.started_at,
            "seconds": run.seconds,
            **_usage(run.usage),
            "cost_usd": run.cost_usd,
            "lost_cost_usd": run.lost_cost_usd,
            "lost_calls_unpriced": run.lost_calls_unpriced,
            "tries": run.tries,
        }


def _call_rows(record: CampaignRecord) -> Iterable[dict[str, Any]]:
    for call in record.calls:
        yield {
            "run": call.run_id,
            "try": call.try_,
            "turn": call.turn,
            "state": call.state,
            "started_at": call.started_at,
            "first_token_s": call.first_token_s,
            "total_s": call.total_s,
            "waited_s": call.waited_s,
            **_usage(call.usage),
            "cost_usd": call.cost_usd,
            "attempts": call.attempts,
            "error_kind": call.error_kind,
            "finish": call.finish,
            "served_model": call.served_model,
        }


def _usage(usage: Usage) -> dict[str, int | None]:
    return {name: getattr(usage, name) for name in usage.__struct_fields__}


def _csv(rows: Iterable[dict[str, Any]]) -> bytes:
    listed = list(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if listed:
        writer.writerow(listed[0])
    writer.writerows(_fields(list(row.values())) for row in listed)
    return out.getvalue().encode()


def _fields(values: Sequence[Any]) -> list[str | int | float]:
    return [_field(value) for value in values]


def _field(value: Any) -> str | int | float:
    if value is None:
        return UNKNOWN
    if not isinstance(value, str):
        number: int | float = value
        return number
    text = visible(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
