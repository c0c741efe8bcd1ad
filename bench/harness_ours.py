"""Our side of bench/harness.py: one campaign of trivial samples, timed, with all its books.

    python bench/harness_ours.py {instant|endpoint} SAMPLES CONCURRENCY [BASE_URL]

Prints one line of JSON. Timed: opening a new ledger, planning, running, writing every run, call
and transcript, closing the ledger. Not timed: starting Python, importing, and reading the ledger
back to check that all is there.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from ossay.agent.loop import run_loop  # noqa: F401  # imported here so that it is not timed
from ossay.campaign.plan import Plan
from ossay.campaign.runner import run_campaign
from ossay.core.model import Model
from ossay.core.task import Grade, Instance, Transcript
from ossay.core.types import Message
from ossay.models.endpoint import Endpoint
from ossay.models.mock_upstream import GREETING
from ossay.models.providers import Provider
from ossay.models.scripted import Scripted
from ossay.store.ledger import open_ledger

OUT = Path(__file__).parent / "out"


class Greet:
    """Say hello; right if the text matches exactly."""

    name = "greet"

    def instance(self, seed: int) -> Instance:
        """A prompt without tools or files."""
        return Instance(self.name, seed, f"Say hello. This is question {seed}.", tools=(), needs=())

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Match exactly."""
        passed = transcript.final_text == GREETING.content
        return Grade(passed, "matches" if passed else "differs", int(passed))


class Greetings:
    """The suite of one task."""

    name, version, system = "greetings", "1", "You are a helpful assistant."

    def __init__(self) -> None:
        self.tasks = {"greet": Greet()}


def open_model(kind: str, base_url: str) -> Model:
    if kind == "instant":
        return Scripted([Message("assistant", GREETING.content)], name="instant")
    return Endpoint("mock/greeting", Provider(base_url))


def main() -> None:
    kind, samples, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT, prefix="ours-") as place:
        print(json.dumps(measure(kind, samples, concurrency, sys.argv[4:], Path(place))))


def measure(kind: str, samples: int, concurrency: int, url: list[str], place: Path) -> dict:
    model = open_model(kind, *url) if url else open_model(kind, "")
    reference = model.card.reference
    plan = Plan(
        "bench", (reference,), ("greetings",), instances=samples, attempts=1,
        concurrency=concurrency,
    )  # fmt: skip

    async def campaign() -> None:
        with open_ledger(str(place / "ledger.sqlite"), create=True) as ledger:
            await run_campaign(
                plan,
                suites={"greetings": Greetings()},
                models={reference: model},
                ledger=ledger,
                sandbox=None,
                scratch=place / "scratch",
                command="bench/harness.py",
                environment={},
            )
        await model.aclose()

    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(campaign())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"seconds": wall, "cpu_s": cpu, **check(place, samples)}


def check(place: Path, samples: int) -> dict:
    """Read the ledger back: everything must be there, and right."""
    with open_ledger(str(place / "ledger.sqlite"), create=False) as ledger:
        record = ledger.campaign("bench")
        transcripts = [ledger.transcript(run.id) for run in record.runs]
        said = [t.final_text for t in transcripts if t is not None]
    passed = sum(run.outcome == "passed" for run in record.runs)
    if not passed == len(record.calls) == said.count(GREETING.content) == samples:
        raise SystemExit(f"{passed} of {samples} passed, {len(record.calls)} calls, {len(said)}")
    size = sum(path.stat().st_size for path in place.glob("ledger.sqlite*"))
    return {"log_mb": size / 1e6, "latency_s": [call.total_s for call in record.calls]}


if __name__ == "__main__":
    main()
