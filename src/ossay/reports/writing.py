"""Writing a whole report to a folder: report.html and the data pack beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from ossay.core.errors import UsageError
from ossay.core.records import CampaignRecord
from ossay.core.task import Transcript
from ossay.reports.judgements import NOTHING, Judgements


class Written(Struct, frozen=True):
    """Where the parts of a report are."""

    html: Path
    pack: Path


def write_report(
    record: CampaignRecord,
    transcripts: Callable[[str], Transcript | None],
    folder: Path,
    judgements: Judgements = NOTHING,
) -> Written:
    """Write report.html and pack/ into `folder`, which is made. A pack has no ratings."""
    from ossay.reports.html import write_html
    from ossay.reports.pack import write_pack

    written = Written(folder / "report.html", folder / "pack")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_html(record, transcripts, written.html, judgements)
        write_pack(record, transcripts, written.pack)
    except OSError as error:
        raise UsageError(f"cannot write to {str(folder)!r}: {error}; choose --out DIR") from error
    return written
