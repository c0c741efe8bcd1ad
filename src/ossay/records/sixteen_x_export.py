"""A campaign of ours as a document of 16x Eval: an experiment an instance, an eval an answer.

What has no place there (checks, several raters, items chosen) goes into `notes` or is left out; the
CSV export has it. Knows nothing of ledgers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ossay.core.answer import Reading
from ossay.core.rating import RaterKind, Rating, current
from ossay.core.records import CampaignRecord, RunRecord
from ossay.core.rubric import Item, Rubric
from ossay.records.ratings import mean_scores
from ossay.records.sixteen_x import Document, Eval, Experiment, Prompt, Tokens


def document_of(
    campaign: CampaignRecord,
    readings: Iterable[Reading],
    ratings: Sequence[Rating],
    rubrics: Mapping[str, Rubric],
    kind: RaterKind = "human",
) -> Document:
    """Lay a campaign's answers out.

    Args:
        campaign: With its runs.
        readings: The answers with their texts.
        ratings: Every row, in the ledger's order; several raters of one answer become their mean.
        rubrics: Task -> rubric.
        kind: Whose ratings.
    """
    runs = {run.id: run for run in campaign.runs}
    scores = mean_scores(ratings, kind)
    notes: dict[str, list[str]] = {}
    for row in current(ratings):
        if row.kind == kind and row.notes:
            notes.setdefault(row.run, []).append(f"{row.rater}: {row.notes}")
    evals: list[Eval] = []
    experiments: dict[str, Experiment] = {}
    prompts: dict[str, Prompt] = {}
    for reading in readings:
        answer = reading.answer
        name = f"{answer.key.suite}/{answer.key.task}/{answer.key.seed}"
        rubric = rubrics.get(answer.key.task)
        made = _moment(campaign.created_at)
        experiments[name] = Experiment(
            _id(name), name, "coding", made, rubric_text(rubric) if rubric else None
        )
        prompts[name] = Prompt(
            _id(f"prompt {name}"), name, reading.prompt, "coding", made, _id(reading.prompt)
        )
        evals.append(
            _eval(reading, runs[answer.run], experiments[name].id, scores.get(answer.run), notes)
        )
    return Document(evals, [*experiments.values()], [], [*prompts.values()])


def rubric_text(rubric: Rubric) -> str:
    """A rubric as people read it."""

    def lines(items: Sequence[Item]) -> Iterator[str]:
        for item in items:
            points = f"{item.points:g}" if item.kind == "tier" else f"{item.points:+g}"
            yield f"- {points}: {item.text}"

    caps = [
        f"- at most {cap.at:g}" + (f" with {', '.join(cap.having)}" if cap.having else "")
        for cap in rubric.caps
    ]
    head = f"{rubric.title} (version {rubric.version}, {rubric.date.isoformat()})"
    parts = (
        ("Base", [*lines(rubric.tiers)]),
        ("Added", [*lines(rubric.bonuses), *lines(rubric.penalties)]),
        ("Caps", caps),
    )
    return "\n".join([head, *(line for name, of in parts if of for line in (f"{name}:", *of))])


def _eval(
    reading: Reading,
    run: RunRecord,
    experiment: str | int,
    score: float | None,
    notes: Mapping[str, Sequence[str]],
) -> Eval:
    provider, _, model = run.key.model.partition("/")
    usage = run.usage
    both = usage.input_tokens is not None and usage.output_tokens is not None
    return Eval(
        run.id,
        experiment,
        _moment(run.started_at),
        prompt=reading.prompt,
        full_prompt=reading.prompt,
        prompt_structure="F",
        model=model,
        provider=provider,
        response=reading.text,
        rating=score,
        notes="\n".join(notes.get(run.id, ())) or None,
        usage=Tokens(
            usage.input_tokens,
            usage.output_tokens,
            thoughts_tokens=usage.reasoning_tokens,
            total_tokens=(usage.input_tokens or 0) + (usage.output_tokens or 0) if both else None,
        ),
        duration_ms=None if run.seconds is None else round(run.seconds * 1_000, 3),
    )


def _id(text: str) -> str:
    """Eight hexadecimal digits, as ids and hashes are there."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]


def _moment(unix: float | None) -> str | None:
    if unix is None:
        return None
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds")
