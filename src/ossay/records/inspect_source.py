"""Where the results of an Inspect log came from: how it was run, and what it states of itself.

Settings that may hold a path, an address or a key are not taken over. Knows nothing of files.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ossay.core.results import Stated
from ossay.records.inspect_wire import Header, Sample
from ossay.records.source_file import Asked

Samples = Mapping[tuple[str, int], Sample]

# What the log calls the fields of a result.
COLUMNS = {
    "item": "task/id",
    "model": "model",
    "score": "scores",
    "metric": "scorer",
    "attempt": "epoch",
    "cost": "model_usage.total_cost",
    "input_tokens": "model_usage.input_tokens + cache",
    "output_tokens": "model_usage.output_tokens",
    "seconds": "working_time",
}
_SETTINGS = (
    *("temperature", "top_p", "top_k", "max_tokens", "seed", "reasoning_effort"),
    *("reasoning_tokens", "system_message", "num_choices"),
)
_LIMITS = ("epochs", "limit", "message_limit", "token_limit", "turn_limit", "time_limit")
_SHOWN = 200  # characters of a setting


def made_with(header: Header, samples: Samples) -> dict[str, str]:
    """What the log says of how it came about; what it does not say is not here."""
    spec = header.eval
    plan = header.plan.config if header.plan else {}
    settings = {**plan, **{k: v for k, v in spec.model_generate_config.items() if v is not None}}
    said: dict[str, Any] = {
        "harness": "inspect_ai",
        **{f"package {name}": version for name, version in spec.packages.items()},
        "task": spec.task,
        "task version": spec.task_version,
        **{f"task argument {name}": value for name, value in spec.task_args.items()},
        "solver": spec.solver,
        "dataset": spec.dataset.name,
        "dataset samples": spec.dataset.samples,
        "revision": (spec.revision or {}).get("commit"),
        "status": header.status,
        **{name.replace("_", " "): settings.get(name) for name in _SETTINGS},
        **{name.replace("_", " "): spec.config.get(name) for name in _LIMITS},
        "items sha256": _digest(samples),
    }
    return {
        name[:_SHOWN]: str(value)[:_SHOWN]
        for name, value in said.items()
        if isinstance(value, str | int | float) and value != ""
    }


def _digest(samples: Samples) -> str:
    """Hash what was asked, so that two logs of one task can be seen to ask the same."""
    asked = {id_: sample for (id_, _), sample in samples.items()}
    digest = hashlib.sha256()
    for id_ in sorted(asked):
        if not bytes(asked[id_].input).startswith(b'"'):
            return ""  # chat messages carry ids of their own, made anew by each run
        for part in (id_.encode(errors="replace"), asked[id_].input, asked[id_].target):
            digest.update(hashlib.sha256(bytes(part)).digest())
    return digest.hexdigest()


def columns_of(asked: Asked) -> dict[str, str]:
    """What the log calls the fields of a result."""
    cluster = asked.columns.get("cluster")
    return {**COLUMNS, "cluster": f"metadata.{cluster}"} if cluster else dict(COLUMNS)


def made_at(header: Header) -> float | None:
    """When the log was begun, in Unix seconds; None where it does not say."""
    try:
        made = datetime.fromisoformat(header.eval.created)
    except ValueError:
        return None
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()


def stated_in(header: Header, metrics: set[str], source: str) -> Iterator[Stated]:
    """Give the means that the log states itself; a reducer other than the mean gives no mean."""
    for summary in (header.results.scores if header.results else None) or ():
        names = [summary.name, f"{summary.scorer}/{summary.name}"]
        metric = next((name for name in names if name in metrics), None)
        if metric is None or summary.reducer not in (None, "mean"):
            continue
        for kind in ("accuracy", "mean"):
            value = summary.metrics.get(kind, {}).get("value")
            if isinstance(value, int | float) and math.isfinite(value):
                once = header.eval.config.get("epochs") in (None, 1)
                n = summary.scored_samples if once else None  # it counts items, not attempts
                yield Stated(header.eval.model, float(value), metric, n=n, source=source)
                break
