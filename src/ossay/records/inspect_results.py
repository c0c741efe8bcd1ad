"""The samples of an Inspect log as results, with where they came from and what the log states.

Knows nothing of files: it is handed a header and samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from ossay.core.results import SCORE, Records, Result
from ossay.records.campaign import NOT_RUN
from ossay.records.cell import MAX_TEXT, text_of
from ossay.records.inspect_scores import scores_of
from ossay.records.inspect_source import Samples, columns_of, made_at, made_with, stated_in
from ossay.records.inspect_wire import Header, Sample, Spec, Usage
from ossay.records.json_text import fields_of
from ossay.records.source_file import Asked, SourceFile


def results_of(file: SourceFile, asked: Asked, header: Header, samples: Samples) -> Records:
    """Build the records of a log.

    Raises:
        UsageError: a name is far too long, or `asked` says what a log decides.
    """
    _check(file, asked, header.eval)
    source = asked.source(
        file,
        "inspect",
        made_at=made_at(header),
        made_with=made_with(header, samples),
        columns=columns_of(asked),
    )
    try:
        reading = _Reading(header, samples, source.name, asked.columns.get("cluster", ""))
        file.check_results(reading.most())
        results = tuple(reading.results())
    except ValueError as error:
        raise file.fault(str(error)) from error
    notes = tuple(reading.notes(results))
    stated = tuple(stated_in(header, {result.metric for result in results}, source.name))
    return Records((msgspec.structs.replace(source, notes=notes),), results, stated=stated)


class _Reading:
    """Turns samples into results, and remembers what was odd."""

    def __init__(self, header: Header, samples: Samples, source: str, cluster: str) -> None:
        self._header = header
        self._spec = header.eval
        self._samples = samples
        self._source = source
        self._cluster = cluster
        self._others: Counter[str] = Counter()  # models beside the one evaluated
        self._seen = Counter[str]()
        self._scores = {key: self._of(sample) for key, sample in samples.items()}
        named = [metric for scores in self._scores.values() for metric in scores]
        self._metrics = tuple(dict.fromkeys(named)) or _scorers(self._spec)
        epochs = self._spec.config.get("epochs")
        self._epochs = epochs if isinstance(epochs, int) else 1

    def most(self) -> int:
        """How many results there can be: little may ask for much."""
        planned = len(self._spec.dataset.sample_ids or ()) * self._epochs
        planned = 0 if self._header.status == "success" else planned
        return (len(self._samples) + planned) * len(self._metrics)

    def results(self) -> Iterator[Result]:
        """One result a sample and metric; those that were to be run and were not come last."""
        for (_, epoch), sample in self._samples.items():
            base = self._result(sample.id, epoch)
            base = msgspec.structs.replace(base, **self._spent(sample), cluster=self._group(sample))
            for metric in self._metrics:
                score, missing = self._score(sample, metric)
                yield msgspec.structs.replace(base, metric=metric, score=score, missing=missing)
        if self._header.status == "success":
            return
        for id_ in self._spec.dataset.sample_ids or ():
            for epoch in range(1, self._epochs + 1):
                if (str(id_), epoch) not in self._samples:
                    base = self._result(id_, epoch)
                    for metric in self._metrics:
                        yield msgspec.structs.replace(base, metric=metric, missing=NOT_RUN)

    def notes(self, results: tuple[Result, ...]) -> Iterator[str]:
        """Say what was assumed and what is missing."""
        if self._header.status != "success":
            yield f"The log's status is {self._header.status!r}, not 'success'."
        reasons = Counter(result.missing for result in results if result.score is None)
        for reason, count in reasons.items():
            yield f"{count:,} of {len(results):,} results have no score ({reason!r})."
        if self._seen["N"]:
            yield f"'N', no answer, counts 0, as Inspect counts it: {self._seen['N']:,} times."
        if self._seen["P"]:
            yield f"'P', partly right, counts 0.5: {self._seen['P']:,} times."
        for model, count in self._others.items():
            yield f"Tokens and cost of {model!r}, used beside {count:,} times, are left out."
        if any(result.seconds is not None for result in results):
            yield "Seconds are Inspect's working_time: without waits, with its own work."

    def _of(self, sample: Sample) -> dict[str, tuple[float | None, str]]:
        found = {}
        for scorer, said in (sample.scores or {}).items():
            if isinstance(said.value, str):
                self._seen[said.value if said.value in ("N", "P") else ""] += 1
            for metric, score, missing in scores_of(scorer, said):
                found[metric] = (score, missing)
        return found

    def _score(self, sample: Sample, metric: str) -> tuple[float | None, str]:
        if sample.invalidation is not None:
            return None, "invalidated"
        found = self._scores[str(sample.id), sample.epoch].get(metric)
        if found is not None:
            return found
        if sample.error_text:
            cancelled = sample.error_text.startswith("CancelledError")
            return None, "cancelled" if cancelled else "error"
        return None, "not scored"

    def _result(self, id_: int | str, epoch: int) -> Result:
        item = f"{self._spec.task}/{id_}"
        if len(item) > MAX_TEXT:
            raise ValueError(f"a sample's id has {len(item):,} characters")
        return Result(self._spec.model, item, None, attempt=epoch, source=self._source)

    def _spent(self, sample: Sample) -> dict[str, float | int | None]:
        usage = sample.model_usage or {}
        for model in usage:
            if model != self._spec.model:
                self._others[model] += 1
        own = usage.get(self._spec.model, Usage())
        known = self._spec.model in usage
        seconds = sample.total_time if sample.working_time is None else sample.working_time
        return {
            "cost_usd": own.total_cost,
            "input_tokens": own.all_input_tokens if known else None,
            "output_tokens": own.output_tokens if known else None,
            "seconds": seconds,
        }

    def _group(self, sample: Sample) -> str | None:
        if not self._cluster:
            return None
        value = fields_of(sample.metadata).get(self._cluster)
        if value is not None and not isinstance(value, str | int | float):
            raise ValueError(f"metadata {self._cluster!r} holds neither text nor numbers")
        return text_of(value) or None


def _scorers(spec: Spec) -> tuple[str, ...]:
    names = [scorer.get("name") for scorer in spec.scorers or ()]
    return tuple(name for name in names if isinstance(name, str)) or (SCORE,)


def _check(file: SourceFile, asked: Asked, spec: Spec) -> None:
    other = sorted(set(asked.columns) - {"cluster"})
    if other or asked.models:
        said = f"--column {other[0]}=…" if other else "--models"
        raise file.fault(f"a log names its fields itself; leave out {said}")
    if asked.model not in ("", spec.model):
        raise file.fault(f"its model is {spec.model!r}, not {asked.model!r}")
    if not spec.model or len(spec.model) > MAX_TEXT or len(spec.task) > MAX_TEXT:
        raise file.fault("its model or task has no name that can be used")
