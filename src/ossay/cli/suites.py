"""`ossay suites`."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def suites(as_json: bool) -> None:
    """List the suites and their tasks."""
    from ossay.agent.sandbox.find import find_sandbox
    from ossay.suites.registry import SUITES, open_suite

    found = {name: open_suite(name, find_sandbox) for name in SUITES.names()}
    if as_json:
        listing = {n: {"version": s.version, "tasks": list(s.tasks)} for n, s in found.items()}
        click.echo(json.dumps(listing, indent=2))
        return
    for name, suite in found.items():
        click.echo(f"{name} {suite.version}")
        for task in suite.tasks:
            click.echo(f"  {task}")
