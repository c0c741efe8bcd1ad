"""A campaign in a process of its own, to be killed: `campaign_child.py PLACE SUITE`.

PLACE holds ossay.toml (the provider 'mock'), the ledger and the scratch folder. The suite 'sums'
has no tools and is graded in process; any other is looked up.
"""

import asyncio
import sys
from pathlib import Path

from ossay.agent.sandbox.find import find_sandbox
from ossay.campaign.plan import Plan
from ossay.campaign.runner import run_campaign
from ossay.core.settings import settings_from
from ossay.core.task import Grade, Instance
from ossay.models.resolve import open_model
from ossay.store.ledger import open_ledger
from ossay.suites.registry import open_suite

MODEL = "mock/small"


class Sum:
    name = "add"

    def instance(self, seed):
        return Instance("add", seed, f"{seed} + 1?", tools=(), needs=())

    def grade(self, instance, workspace, transcript):
        return Grade(transcript.final_text == "2", "the sum", 1, 1)


class Sums:
    name = "sums"
    version = "1"
    system = "Answer with a number."
    tasks = {"add": Sum()}  # noqa: RUF012  # read only


def plan(suite: str) -> Plan:
    tasks = () if suite == "sums" else ("multi_step_plan",)
    return Plan("night", (MODEL,), (suite,), tasks, instances=6, attempts=10, concurrency=4)


async def main(place: Path, suite: str) -> None:
    sandbox = find_sandbox()
    suites = {suite: Sums() if suite == "sums" else open_suite(suite, lambda: sandbox)}
    settings = settings_from({"HOME": str(place)}, place)
    model = open_model(MODEL, settings=settings, environ={})
    with open_ledger(str(place / "ledger.sqlite"), create=True) as ledger:
        try:
            await run_campaign(
                plan(suite),
                suites=suites,
                models={MODEL: model},
                ledger=ledger,
                sandbox=sandbox,
                scratch=place / "scratch",
                command="ossay run night.toml",
                environment={},
            )
        finally:
            await model.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
