"""`ossay doctor`."""

from __future__ import annotations

import os
from collections.abc import Callable

import click

from ossay.cli import place


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--install", is_flag=True, help="First install TypeScript (npm) and Chromium (apt).")
def doctor(as_json: bool, install: bool) -> None:
    """Say what this machine can do, and what is missing.

    Exit code 0 if a campaign can run here, and with --install if all of that is installed. API
    keys are shown by name only, never by value.
    """
    import msgspec
    from rich.table import Table
    from rich.text import Text

    from ossay.campaign.doctor import examine, fit

    whole = not install or _install()
    findings = examine(place.here(), os.environ)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        colours = {"ok": "green", "warn": "yellow", "missing": "red"}
        table = Table(box=None, pad_edge=False)
        table.add_column("what", no_wrap=True)
        table.add_column("")
        table.add_column("found", overflow="fold")
        table.add_column("next step", overflow="fold")
        for finding in findings:
            mark = Text(finding.state, colours[finding.state])
            table.add_row(finding.name, mark, finding.detail, finding.next_step)
        place.console().print(table)
    if not (whole and fit(findings)):
        raise SystemExit(1)


def _install() -> bool:
    """Install what the suite coding needs; say what could not be, and whether all is there."""
    from ossay.core.errors import UsageError
    from ossay.suites.chromium import install_chromium
    from ossay.suites.toolchain import install_typescript

    whole = True
    steps: dict[str, Callable[[], object]] = {
        "TypeScript": lambda: install_typescript(place.here().home, os.environ),
        "Chromium": lambda: install_chromium(os.environ),
    }
    for name, step in steps.items():
        try:
            click.echo(f"{name} is at {step()}", err=True)
        except UsageError as error:
            whole = False
            click.echo(str(error), err=True)
    return whole
