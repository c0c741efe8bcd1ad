"""Samples of lm-evaluation-harness: `samples_TASK_DATE.jsonl`, and `results_DATE.json` beside it.

A samples file names neither its model nor the harness's version; the results file of the same date
does, and states the means. Without it the model must be said. Knows nothing of ledgers.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from ossay.core.errors import UsageError
from ossay.core.results import Records, Result
from ossay.records.cell import MAX_TEXT, text_of
from ossay.records.inspect_scores import score_of
from ossay.records.json_text import decode, fields_of
from ossay.records.lm_eval_run import Run, read_run
from ossay.records.source_file import Asked, SourceFile

_LINE_BYTES = 64 << 20  # of one sample, its prompts and answers included
_BETWEEN = 1_024  # samples between two calls of progress
_NAME = re.compile(r"samples_(?P<task>.+?)_(?P<date>\d{4}-\d\d-\d\dT[\d:-]+(\.\d+)?)", re.DOTALL)

# Fields of a line beside its metrics.
_NO_METRIC = frozenset(
    {
        *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
        *("doc_hash", "prompt_hash", "target_hash"),
    }
)

Line = dict[str, msgspec.Raw]


def read_lm_eval(file: SourceFile, asked: Asked) -> Records:
    """Read a samples file: one result a document, filter and metric.

    A metric is called as lm-eval's own tables call it: 'acc', or 'exact_match,strict-match' where
    the filter has a name.

    Raises:
        UsageError: a line is none of lm-eval's, or no model is known; the text says what to do.
    """
    if set(asked.columns) - {"cluster"} or asked.models:
        raise file.fault(
            "samples of lm-eval name their fields; only --column cluster=FIELD is read"
        )
    match = _NAME.match(file.base)
    task = match["task"] if match else file.base.split(".")[0]
    run = read_run(file, match["date"], task) if match else Run()
    model = asked.model or run.model
    if not model:
        raise file.fault(
            "a samples file names no model, and no results file of its date lies beside it; "
            "say --model NAME at import, or --records-of NAME FILE"
        )
    reader = _Reader(file, asked, task, model)
    results = file.bounded(reader.results())
    if not results:
        raise file.fault("no samples")
    made_with = {**run.made_with, "items sha256": reader.digest()}
    notes = tuple(reader.notes(run, results))
    columns = {"item": "task/doc_id", "metric": "metric,filter"}
    if asked.columns.get("cluster"):
        columns["cluster"] = f"doc.{asked.columns['cluster']}"
    source = asked.source(
        file, "lm_eval", made_at=run.made_at, made_with=made_with, columns=columns, notes=notes
    )
    results = tuple(msgspec.structs.replace(one, source=source.name) for one in results)
    metrics = {result.metric for result in results}
    stated = tuple(
        msgspec.structs.replace(one, model=model, source=source.name)
        for one in run.stated
        if one.metric in metrics
    )
    return Records((source,), results, stated=stated)


class _Reader:
    """Turns lines into results, and remembers what it left out."""

    def __init__(self, file: SourceFile, asked: Asked, task: str, model: str) -> None:
        self._file = file
        self._asked = asked
        self._task = task
        self._model = model
        self._cluster = asked.columns.get("cluster", "")
        self._left_out: Counter[str] = Counter()
        self._asked_of: dict[str, bytes] = {}  # document -> hash of what was asked

    def results(self) -> Iterator[Result]:
        """One result a line and metric."""
        for number, line in self._lines():
            try:
                yield from self._of(line)
            except ValueError as error:
                raise self._fault(number, str(error)) from error

    def notes(self, run: Run, results: tuple[Result, ...]) -> Iterator[str]:
        """Say what was left out, assumed or is missing."""
        yield from run.notes
        for metric, count in self._left_out.items():
            yield f"Metric {metric!r} is no number of one sample in {count:,} lines; left out."
        reasons = Counter(result.missing for result in results if result.score is None)
        for reason, count in reasons.items():
            yield f"{count:,} of {len(results):,} results have no score ({reason!r})."
        if run.model and run.model != self._model:
            yield f"The results file calls the model {run.model!r}."

    def digest(self) -> str:
        """Hash of what was asked, so that two runs of one task can be seen to ask the same."""
        lines = (item.encode() + text for item, text in sorted(self._asked_of.items()))
        return hashlib.sha256(b"".join(lines)).hexdigest()

    def _of(self, line: Line) -> Iterator[Result]:
        document = _value(line, "doc_id")
        if document is None or isinstance(document, list | dict):
            raise ValueError("it has no 'doc_id', as lines of lm-eval's samples_*.jsonl have")
        item = f"{self._task}/{document}"
        metrics, filter_ = _value(line, "metrics"), _value(line, "filter")
        if not isinstance(metrics, list):  # older versions list none
            metrics = [name for name in line if name not in _NO_METRIC]
        hashes = [bytes(line.get(name, b"")) for name in ("doc_hash", "prompt_hash", "target_hash")]
        self._asked_of[item] = b"".join(hashes)
        cluster = self._group(line)
        for metric in metrics:
            value = _value(line, str(metric))
            name = f"{metric}" if filter_ in (None, "none") else f"{metric},{filter_}"
            if len(name) > MAX_TEXT or len(item) > MAX_TEXT:
                raise ValueError("a name far too long")
            if isinstance(value, list | dict):
                self._left_out[name] += 1
                continue
            score, missing = score_of(value)
            yield Result(self._model, item, score, name, cluster=cluster, missing=missing)

    def _group(self, line: Line) -> str | None:
        if not self._cluster:
            return None
        value = fields_of(line.get("doc", msgspec.Raw(b"{}"))).get(self._cluster)
        if value is not None and not isinstance(value, str | int | float):
            raise ValueError(f"doc.{self._cluster} holds neither text nor a number")
        return text_of(value) or None

    def _lines(self) -> Iterator[tuple[int, Line]]:
        try:
            with self._file.path.open("rb") as stream:
                number = 0
                while data := stream.readline(_LINE_BYTES + 1):
                    number += 1
                    if len(data) > _LINE_BYTES:
                        raise self._fault(number, f"longer than {_LINE_BYTES:,} bytes")
                    if data.strip():
                        yield number, self._decoded(number, data)
                    if self._asked.progress is not None and number % _BETWEEN == 0:
                        self._asked.progress(stream.tell(), self._file.size)
        except OSError as error:
            raise self._file.fault(f"cannot be read: {error.strerror or error}") from error

    def _decoded(self, number: int, data: bytes) -> Line:
        try:
            return decode(data, Line)
        except ValueError as error:
            raise self._fault(number, f"no sample of lm-eval's: {error}") from error

    def _fault(self, number: int, text: str) -> UsageError:
        return self._file.fault(f"line {number}: {text}")


def _value(line: Line, key: str) -> Any:
    return decode(bytes(line[key]), object) if key in line else None
