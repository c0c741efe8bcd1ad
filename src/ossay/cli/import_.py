"""`ossay import`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.cli.import_text import lines_of
from ossay.cli.sources import FILE, pairs_of, stated_in
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.core.results import Records, SourceKind, Stated
    from ossay.records.contents import Contents
    from ossay.store.imports import Kept

_KINDS = ("csv", "parquet", "counts", "inspect", "lm_eval", "16x")


@click.command("import")
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--name", default="", help="What to call it.  [default: the file's name]")
@click.option("--kind", type=click.Choice(_KINDS), help="Read it as this.  [default: told by it]")
@click.option(
    *("--column", "columns"),
    multiple=True,
    metavar="OURS=THEIRS",
    help="Which column is our item, model, score, attempt, cluster, cost … Repeatable.",
)
@click.option(
    *("--models", "model_columns"),
    multiple=True,
    metavar="COL,COL",
    help="The columns of a wide table, one a model. Repeatable.",
)
@click.option("--model", default="", help="Whose results these are, where the file doesn't say.")
@click.option(
    "--stated",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Summary printed beside the rows, JSON or CSV; kept, and the rows are held against it.",
)
@click.option(
    *("--stated-column", "stated_columns"),
    multiple=True,
    metavar="OURS=THEIRS",
    help="Which column of it is our model, value, n.",
)
@click.option("--again", is_flag=True, help="Take in a file that is there under another name.")
@click.option("--list", "list_them", is_flag=True, help="List what was imported.")
@click.option("--forget", metavar="NAME", help="Take an import out of the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
def import_(  # noqa: PLR0913 - one argument an option
    files: tuple[Path, ...],
    name: str,
    kind: SourceKind | None,
    columns: tuple[str, ...],
    model_columns: tuple[str, ...],
    model: str,
    stated: tuple[Path, ...],
    stated_columns: tuple[str, ...],
    again: bool,
    list_them: bool,
    forget: str | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Take in results that were made elsewhere.

    FILE is an Inspect log (.eval, .json), lm-eval's samples_*.jsonl, an export of 16x Eval, a CSV,
    TSV or Parquet table with item, model and score, or a table of counts (model, passed, n). What a
    file doesn't say stays unknown.

    \b
    ossay import logs/*.eval
    ossay import results.csv.gz --column item=question_id+turn --name mt-bench
    ossay import correct.csv --models gpt-4,mixtral --column item=subject+index
    ossay import results.csv --stated summary.json
    """  # noqa: D301  click reads the escape
    if sum((bool(files), list_them, forget is not None)) != 1:
        raise UsageError("say what to import: one FILE or several, or --list, or --forget NAME")
    if stated and len(files) != 1:
        raise UsageError(f"--stated is of one FILE, not of {len(files)}; import them apart")
    if list_them:
        _list(url, as_json=as_json)
    elif forget is not None:
        with place.ledger(url) as ledger:
            ledger.forget(forget)
        click.echo(f"Forgot {forget!r}.")
    else:
        if name and len(files) > 1:
            raise UsageError(
                f"--name {name!r} is for one file, not {len(files)}; import them apart"
            )
        split = [one.strip() for text in model_columns for one in text.split(",")]
        parts = _read(
            files,
            name=name,
            kind=kind,
            columns=pairs_of(columns, "--column"),
            models=[one for one in split if one],
            model=model,
        )
        if stated:
            parts = [_beside(parts[0], stated_in(stated, stated_columns))]
        _keep(parts, url, again=again, as_json=as_json)


def _read(
    files: Sequence[Path],
    *,
    name: str,
    kind: SourceKind | None,
    columns: dict[str, str],
    models: list[str],
    model: str,
) -> list[Records]:
    from ossay.cli.rated_by import told
    from ossay.records.read import read_records

    parts = []
    for file in files:
        with _progress(file.name) as progress:
            part = read_records(
                file,
                name=name,
                kind=kind,
                columns=columns,
                models=models,
                model=model,
                read_at=time.time(),
                progress=progress,
            )
            parts.append(told(part, file))
    return parts


def _beside(part: Records, stated: tuple[Stated, ...]) -> Records:
    """The part with the summaries that its source prints elsewhere."""
    from msgspec.structs import replace

    own = tuple(replace(one, source=part.sources[0].name) for one in stated)
    return replace(part, stated=part.stated + own)


def _keep(parts: list[Records], url: str | None, *, again: bool, as_json: bool) -> None:
    """Write all of them or none, and say what came in."""
    from ossay.compare.checks import problems_of
    from ossay.core.results import Records
    from ossay.records.contents import contents_of

    joined = Records(
        tuple(source for part in parts for source in part.sources),
        tuple(row for part in parts for row in part.results),
        tuple(count for part in parts for count in part.counts),
        tuple(one for part in parts for one in part.stated),
    )
    with place.ledger(url, create=True) as ledger:
        kept = ledger.keep(joined, again=again)
    contents = [contents_of(part) for part in parts]
    if as_json:
        click.echo(_json(contents, kept))
        return
    for part, one, what in zip(parts, contents, kept, strict=True):
        doubts = [problem.text for problem in problems_of(part) if problem.level != "note"]
        for line in lines_of(one, what, doubts):
            place.console().print(line, soft_wrap=True)


def _json(contents: Sequence[Contents], kept: Sequence[Kept]) -> str:
    import msgspec

    rows = [
        {"name": what.name, "already": what.already, **msgspec.to_builtins(one)}
        for one, what in zip(contents, kept, strict=True)
    ]
    return msgspec.json.format(msgspec.json.encode(rows)).decode()


def _list(url: str | None, *, as_json: bool) -> None:
    import json

    from ossay.cli.compare_words import counted
    from ossay.core.display import visible

    rows = []
    if place.has_ledger(url):
        with place.ledger(url) as ledger:
            rows = ledger.imports()
    if as_json:
        click.echo(json.dumps([row._asdict() for row in rows], indent=2))
        return
    for row in rows:
        day = "unknown day"
        if row.read_at is not None:
            day = datetime.fromtimestamp(row.read_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        click.echo(
            visible(
                f"{row.name}  {row.kind}  {counted(row.models, 'model')}, "
                f"{counted(row.items, 'item') if row.items else 'items unknown'}, "
                f"{counted(row.rows, 'row')}  {day}  {row.file}"
            )
        )
    if not rows:
        click.echo("Nothing was imported yet. Start: ossay import FILE")


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr while a file is read, where someone looks on."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress

    from ossay.core.display import visible

    with Progress(console=place.console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Reading {visible(name, 60)}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
