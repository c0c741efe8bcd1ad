"""Carrying out a plan: `run_campaign` starts or resumes it, and stops cleanly.

Knows nothing of terminals, and of databases only the ledger it is handed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ossay.agent.sandbox.base import Sandbox
from ossay.campaign.attempt import Attempts
from ossay.campaign.hiding import hiding
from ossay.campaign.instances import Instances
from ossay.campaign.plan import Plan, check_plan
from ossay.campaign.progress import Progress
from ossay.campaign.scratch import Scratch
from ossay.campaign.session import Session
from ossay.campaign.start import enter
from ossay.campaign.stopping import follower_of
from ossay.core.errors import UsageError
from ossay.core.model import Model
from ossay.core.records import CampaignRecord
from ossay.core.task import Suite

if TYPE_CHECKING:
    from ossay.store.ledger import Ledger


async def run_campaign(  # noqa: PLR0913  # this is where a campaign is put together
    plan: Plan,
    *,
    suites: Mapping[str, Suite],
    models: Mapping[str, Model],
    ledger: Ledger,
    sandbox: Sandbox | None,
    scratch: Path,
    command: str,
    environment: dict[str, str],
    on_entered: Callable[[CampaignRecord], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
    trust_local: bool = False,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Carry out what `plan` asks for and the ledger does not have yet; return how it stands.

    The campaign is entered in the ledger, or resumed if it is there: finished runs are not
    repeated, runs that were cut off start afresh. A limit of the plan, its `[stop]` or `stop` ends
    it early and cleanly; `stopped` then says why, here and in the ledger.

    Args:
        plan: What to run.
        suites: Name -> suite, at least those of the plan.
        models: Reference -> model, at least those of the plan.
        ledger: Where everything is written.
        sandbox: Where tools run; None is enough for tasks without tools.
        scratch: Folder for workspaces. What dead sessions left there is removed, so it should last.
        command: The line that the user typed.
        environment: What helps to repeat the campaign.
        on_entered: Called with the campaign's header before the first run.
        on_progress: Called now and then, and at the end.
        stop: Once set, no run starts, those at work go back to the plan.
        trust_local: Whether graders may run without a sandbox.
        environ: Environment whose secrets must not be written down.
        clock: Monotonic seconds.

    Raises:
        UsageError: the plan makes no sense, or is not that of the campaign of this name, or no
            workspace can be made below `scratch`.
        LedgerError: the ledger failed; what is in it is sound, and the campaign can be resumed.
    """
    check_plan(plan)
    hide = hiding(environ)
    try:
        place = await asyncio.to_thread(Scratch, scratch)
    except OSError as error:
        raise UsageError(
            f"no workspace can be made in {str(scratch)!r}: {error.strerror}; "
            "see that the folder can be written, or set TMPDIR to another"
        ) from error
    try:
        header = await enter(
            plan,
            suites=suites,
            models=models,
            ledger=ledger,
            command=command,
            environment=environment,
            hide=hide,
        )
        attempts = Attempts(
            suites,
            models,
            Instances(suites, plan.budget, clock=clock),
            plan.sampling,
            sandbox,
            place.root,
            trust_local,
            hide,
        )
        if on_entered is not None:
            on_entered(header)
        prices = {card.reference: card.price for card in header.models}
        follower = None if plan.stop is None else follower_of(ledger.campaign(plan.name))
        session = Session(
            plan, ledger, attempts, prices, follower, on_progress=on_progress, clock=clock
        )
        return await session.run(stop or asyncio.Event())
    finally:
        await asyncio.to_thread(place.close)
