"""A suite of sums without tools, and a stage to run campaigns on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ossay.campaign.plan import Plan
from ossay.campaign.progress import Progress
from ossay.campaign.runner import run_campaign
from ossay.core.outcome import Flag
from ossay.core.task import Grade, Instance
from ossay.core.types import Message, ModelCard, Price
from ossay.models.scripted import Scripted
from ossay.store.ledger import Ledger, open_ledger


class Sum:
    """Add one to the seed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def instance(self, seed: int) -> Instance:
        scripts = {"reference": (Message("assistant", str(seed + 1)),)}
        return Instance(self.name, seed, f"{seed} + 1?", tools=(), needs=(), scripts=scripts)

    def grade(self, instance, workspace, transcript) -> Grade:
        right = transcript.final_text == str(instance.seed + 1)
        return Grade(right, "right" if right else "wrong", int(right), 1, (Flag.OUTPUT_CUT,))


@dataclass
class Sums:
    """The suite. `tasks` may be changed by a test."""

    name: str = "sums"
    version: str = "1"
    system: str = "Answer with a number."
    tasks: dict[str, Any] = field(default_factory=lambda: {n: Sum(n) for n in ("add", "plus")})


class Priced(Scripted):
    """Says '2' at 1 USD per token of output, after `wait` if it is given."""

    def __init__(self, name: str = "two", wait: asyncio.Event | None = None) -> None:
        super().__init__((Message("assistant", "2"),), name=name)
        self.card = ModelCard(
            f"lab/{name}", price=Price(0.0, 1e6, date="2026-11-21", source="the test")
        )
        self.wait = wait
        self.asked = 0

    async def stream(self, request):
        self.asked += 1
        if self.wait is not None:
            await self.wait.wait()
        async for delta in super().stream(request):
            yield delta


class Stage:
    """Everything that a campaign needs, with a ledger of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.suites: dict[str, Any] = {"sums": Sums()}
        self.models: dict[str, Any] = {"lab/two": Priced()}
        self.ledger: Ledger = open_ledger(str(place / "ledger.sqlite"), create=True)
        self.seen: list[Progress] = []

    def plan(self, **changes: Any) -> Plan:
        return Plan(
            **{"name": "night", "models": tuple(self.models), "suites": ("sums",), **changes}
        )

    async def run(self, plan: Plan, **options: Any) -> Progress:
        return await run_campaign(
            plan,
            **{
                "suites": self.suites,
                "models": self.models,
                "ledger": self.ledger,
                "sandbox": None,
                "scratch": self.place / "scratch",
                "command": "ossay run plan.toml",
                "environment": {"ossay": "test"},
                "on_progress": self.seen.append,
                "environ": {},
                **options,
            },
        )

    def go(self, plan: Plan, **options: Any) -> Progress:
        return asyncio.run(self.run(plan, **options))


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.ledger.close()


@pytest.fixture
def priced():
    return Priced
