"""`ossay log`: what can be asked of a gateway's decision log. One file a question."""

from __future__ import annotations

import click

from ossay.cli.log_show import show
from ossay.cli.log_stats import stats
from ossay.cli.log_verify import verify


@click.group()
def log() -> None:
    """Verify, show and sum up a gateway's decision log.

    LOG is the path of a SQLite file or a postgresql:// URL: what stands in gateway.toml as `log`. A
    gateway may be writing it meanwhile.
    """


log.add_command(verify)
log.add_command(show)
log.add_command(stats)
