"""`ossay log verify`."""

from __future__ import annotations

import time

import click

from ossay.cli.log_source import as_json, open_log, source

# Findings printed; --json has all.
_LISTED = 50


@click.command()
@source
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="SEQ:HASH",
    help="A head noted earlier: all before it must still lead there. Repeatable.",
)
@as_json
def verify(source: str, anchors: tuple[str, ...], as_json: bool) -> None:
    """Find every row that was edited, deleted, inserted, moved or cut off.

    Exit code 0 where the log is whole, 1 where it is not. The head that is printed is an anchor:
    noted in another place and given back with --anchor, it proves that nothing before it was
    rewritten since. Without one, a log that was rewritten as a whole by somebody who may write it
    looks whole.
    """
    import msgspec

    from ossay.cli.log_progress import walking
    from ossay.core.display import visible
    from ossay.store.decisions_chain import Head

    given = tuple(Head.parse(anchor) for anchor in anchors)
    with open_log(source) as log, walking("rows", log.head().seq, quiet=as_json) as walked:
        found = log.verify(now=time.time(), anchors=given, walked=walked)
    whole = not found.findings
    if as_json:
        shown = {
            "whole": whole,
            "head": str(found.head),
            "entries": found.entries,
            "bodies": found.bodies,
            "anchors": [str(anchor) for anchor in given],
            "findings": found.findings,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())
    else:
        for one in found.findings[:_LISTED]:
            click.echo(visible(f"row {one.seq}: {one.text}" if one.seq else one.text))
        if len(found.findings) > _LISTED:
            click.echo(f"{len(found.findings) - _LISTED:,} more; --json lists them.")
        click.echo(_told(whole, len(found.findings), found.entries, found.bodies, len(given)))
        click.echo(f"Head: {found.head}")
        if whole and not given:
            click.echo("Note it elsewhere: --anchor then proves what stands before it.")
    if not whole:
        raise SystemExit(1)


def _told(whole: bool, findings: int, entries: int, bodies: int, anchors: int) -> str:
    looked = f"{entries:,} rows, {bodies:,} bodies"
    if anchors:
        looked += f", {anchors} anchor{'s' if anchors > 1 else ''}"
    if whole:
        return f"Whole: {looked}."
    return f"Broken: {findings:,} finding{'s' if findings > 1 else ''} in {looked}."
