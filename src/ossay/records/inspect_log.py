"""Logs of Inspect AI: `.eval`, a zip of JSON members, and its one-file `.json` form.

Read without Inspect. The summaries that a log carries hold all that a result needs, so the samples
with their transcripts are opened only where summaries lack or samples were invalidated. Knows
nothing of ledgers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from ossay.core.results import Records
from ossay.records.archive import MAX_MEMBER, Archive
from ossay.records.inspect_results import results_of
from ossay.records.inspect_wire import Header, Sample, WholeLog
from ossay.records.json_text import decode
from ossay.records.source_file import Asked, SourceFile

_JOURNAL = re.compile(r"_journal/summaries/(\d{1,9})\.json")

T = TypeVar("T")


def read_inspect(file: SourceFile, asked: Asked) -> Records:
    """Read a log: one result a sample, epoch and scorer.

    Raises:
        UsageError: it is no log of Inspect's, is damaged, or holds no samples.
    """
    if file.start.startswith(b"PK"):
        with Archive(file) as archive:
            header = _header(file, archive)
            samples = _latest(_samples(file, archive, header, asked))
    else:
        if file.size > MAX_MEMBER:
            raise file.fault(f"{file.size:,} bytes of JSON; convert it: inspect log convert")
        whole = _decoded(file, file.base, file.path.read_bytes(), WholeLog)
        header, samples = whole, _latest(whole.samples or ())
    if not samples:
        raise file.fault("a log without samples; only logs with samples hold results")
    return results_of(file, asked, header, samples)


def _header(file: SourceFile, archive: Archive) -> Header:
    """Read what was evaluated; of a run that was killed only its beginning is there."""
    for name in ("header.json", "_journal/start.json"):
        if archive.has(name):
            return _decoded(file, name, archive.read(name), Header)
    raise file.fault("a zip file, but no log of Inspect's: it has no header.json")


def _samples(file: SourceFile, archive: Archive, header: Header, asked: Asked) -> Iterable[Sample]:
    whole = [name for name in archive.names() if name.startswith("samples/")]
    if not header.invalidated:
        summaries = list(_summaries(file, archive))
        if not whole or (len(_latest(summaries)) >= len(whole) and _suffice(summaries)):
            return summaries
    return _whole(file, archive, whole, asked)


def _summaries(file: SourceFile, archive: Archive) -> Iterator[Sample]:
    if archive.has("summaries.json"):
        names = ["summaries.json"]
    else:
        found = [match for name in archive.names() if (match := _JOURNAL.fullmatch(name))]
        names = [match.group() for match in sorted(found, key=lambda match: int(match[1]))]
    for name in names:
        yield from _decoded(file, name, archive.read(name), list[Sample])


def _suffice(summaries: list[Sample]) -> bool:
    """Whether they say what was spent; those of 0.3.70 do not yet."""
    return all(sample.model_usage is not None for sample in summaries)


def _whole(file: SourceFile, archive: Archive, names: list[str], asked: Asked) -> Iterator[Sample]:
    for number, name in enumerate(names, 1):
        yield _decoded(file, name, archive.read(name), Sample)
        if asked.progress is not None and number % 64 == 0:
            asked.progress(file.size * number // len(names), file.size)


def _latest(samples: Iterable[Sample]) -> dict[tuple[str, int], Sample]:
    """By id and epoch; a sample that was run again stands for its earlier self."""
    return {(str(sample.id), sample.epoch): sample for sample in samples}


def _decoded(file: SourceFile, name: str, data: bytes, type_: type[T]) -> T:
    try:
        return decode(data, type_)
    except ValueError as error:
        if file.base.startswith("results_"):
            raise file.fault(
                "no log of Inspect's; of lm-eval import the samples_*.jsonl beside it"
            ) from error
        where = "" if name == file.base else f"its member {name[:200]!r}: "
        raise file.fault(f"not read as a log of Inspect's: {where}{error}") from error
