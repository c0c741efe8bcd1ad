"""The results file of an lm-eval run: which model, how it was asked, what it states.

Settings that may hold a path or a key (`model_args` as a whole, endpoints) are not taken over.
Knows nothing of samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from ossay.core.results import Stated
from ossay.records.json_text import decode
from ossay.records.source_file import SourceFile

_RUN_BYTES = 64 << 20
_SHOWN = 200  # characters of a setting
# Metrics whose value over all samples is their mean, where the task does not say how it adds up.
_MEANS = frozenset({"acc", "acc_norm", "exact_match"})
_MODEL_ARGS = (
    "revision",
    "dtype",
    "quantization",
    "max_length",
    "temperature",
    "tensor_parallel_size",
)
_CONFIG = ("model", "batch_size", "limit", "random_seed", "fewshot_seed")


class Run(Struct, frozen=True):
    """What a results file says of one task's run; empty where there is no such file."""

    model: str = ""
    made_at: float | None = None
    made_with: dict[str, str] = {}
    stated: tuple[Stated, ...] = ()
    notes: tuple[str, ...] = (
        "No results file of this date lies beside it: how it was run is unknown.",
    )


class _Body(Struct, frozen=True):
    """The parts of a results file that are read."""

    results: dict[str, dict[str, Any]] = {}
    configs: dict[str, dict[str, Any]] = {}
    versions: dict[str, Any] = {}
    config: dict[str, Any] = {}
    task_hashes: dict[str, Any] = {}
    date: float | None = None
    model_name: str | None = None
    model_source: str | None = None
    lm_eval_version: str | None = None
    transformers_version: str | None = None
    git_hash: str | None = None
    chat_template_sha: str | None = None
    system_instruction_sha: str | None = None
    n_shot: dict[str, Any] = field(default_factory=dict, name="n-shot")
    n_samples: dict[str, Any] = field(default_factory=dict, name="n-samples")


def read_run(file: SourceFile, date: str, task: str) -> Run:
    """Read `results_DATE.json` in the folder of a samples file; without it an empty `Run`.

    Raises:
        UsageError: there is one, and it is damaged.
    """
    beside = file.path.with_name(f"results_{date}.json")
    try:
        with beside.open("rb") as stream:
            data = stream.read(_RUN_BYTES + 1)
    except OSError:
        return Run()
    if len(data) > _RUN_BYTES:
        raise file.fault(f"{beside.name!r} beside it has more than {_RUN_BYTES:,} bytes")
    try:
        body = decode(data, _Body)
    except ValueError as error:
        raise file.fault(f"{beside.name!r} beside it is not lm-eval's: {error}") from error
    model, notes = _plain_model(body.model_name or "")
    repeats = body.configs.get(task, {}).get("repeats")
    if isinstance(repeats, int) and repeats > 1:
        notes += (f"Each score is of {repeats} answers, put together by lm-eval's filters.",)
    return Run(model, body.date, _made_with(body, task), tuple(_stated(body, task)), notes)


def _plain_model(name: str) -> tuple[str, tuple[str, ...]]:
    """A model given as a path of some machine is called by its last part."""
    if name.startswith(("/", "~", ".")):
        last = name.rstrip("/").rpartition("/")[2]
        return last, ("The model was a path; it is called by its last part.",)
    return name, ()


def _stated(body: _Body, task: str) -> Iterator[Stated]:
    listed = body.configs.get(task, {}).get("metric_list")
    adds_up: dict[Any, Any] = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("metric"), str):
            adds_up[one["metric"]] = one.get("aggregation")
    for key, value in body.results.get(task, {}).items():
        metric, _, filter_ = key.partition(",")
        how = adds_up.get(metric) or ("mean" if metric in _MEANS else None)
        if how == "mean" and isinstance(value, int | float) and math.isfinite(value):
            name = metric if filter_ in ("", "none") else key
            n = body.n_samples.get(task)
            n = n.get("effective") if isinstance(n, dict) else None
            yield Stated("", float(value), name, n=n if isinstance(n, int) else None)


def _made_with(body: _Body, task: str) -> dict[str, str]:
    arguments = body.config.get("model_args")
    arguments = arguments if isinstance(arguments, dict) else {}
    config = body.configs.get(task, {})
    said: dict[str, Any] = {
        "harness": "lm_eval",
        "package lm_eval": body.lm_eval_version,
        "package transformers": body.transformers_version,
        "revision": body.git_hash,
        "model source": body.model_source,
        "task": task,
        "task version": body.versions.get(task),
        "task hash": body.task_hashes.get(task),
        "n-shot": body.n_shot.get(task),
        "output type": config.get("output_type"),
        "chat template sha256": body.chat_template_sha,
        "system instruction sha256": body.system_instruction_sha,
        **{f"model {name}": arguments.get(name) for name in _MODEL_ARGS},
        **{name.replace("_", " "): body.config.get(name) for name in _CONFIG},
    }
    return {
        name: str(value)[:_SHOWN]
        for name, value in said.items()
        if isinstance(value, str | int | float) and value not in ("", "N/A")
    }
