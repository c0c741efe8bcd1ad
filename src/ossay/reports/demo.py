"""What the demo shows, in three plain sentences. Knows only a summary."""

from __future__ import annotations

from ossay.core.outcome import Outcome
from ossay.reports import figures
from ossay.reports.model_summary import ModelSummary
from ossay.reports.summary import Summary
from ossay.reports.words import plain

REFERENCE = "scripted/reference"


def sentences(summary: Summary) -> tuple[str, ...]:
    """Say what the reference shows, what the real model did, and how sure that is."""
    by_name = {model.reference: model for model in summary.models}
    said = [_of_reference(by_name[REFERENCE])] if REFERENCE in by_name else []
    real = [model for model in summary.models if model.reference != REFERENCE]
    said += [_of_real(model) for model in real]
    said += [_how_sure(model) for model in real[:1]]
    return tuple(said)


def _of_reference(model: ModelSummary) -> str:
    score = model.score_with_errors
    if score.passed == score.n == model.planned:
        return (
            f"The reference solutions passed {score.passed} of {score.n} runs: every task can be "
            "solved here, and the graders accept work that is right."
        )
    return (
        f"The reference solutions passed only {score.passed} of {model.planned} runs: the suite or "
        "this machine is broken, so trust no score below (see `ossay doctor`)."
    )


def _of_real(model: ModelSummary) -> str:
    score = model.score
    failures = {k: n for k, n in model.outcomes.items() if k != Outcome.PASSED}
    most = max(failures, key=lambda name: failures[name], default="")
    how = f"; what happened most was: {plain(most)} ({failures[most]})" if most else ""
    flagged = model.flags.get("said_not_done", 0)
    claimed = f", and {flagged} runs claimed work that was never done" if flagged else ""
    return f"{model.reference} passed {score.passed} of {score.n} runs{how}{claimed}."


def _how_sure(model: ModelSummary) -> str:
    interval = model.score.wilson
    errors = model.infrastructure_errors
    aside = f"{errors} runs failed for no fault of the model and are not counted against it"
    if interval is None:
        return f"That is no measurement: {aside}."
    return (
        f"With {model.score.n} runs its pass rate lies within {figures.span(interval)} "
        f"({figures.percent(interval.level)} interval), "
        f"which is all that so few runs can show; {aside}."
    )
