"""Studies over real ledgers, rated in real processes, and a real browser to use them with."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.task import Step, Transcript
from ossay.core.types import Message, ModelCard, Reply, Timing, Usage
from ossay.store.ledger import open_ledger

MODELS = ("lab/one", "lab/two")
PNG = b"\x89PNG\r\n\x1a\n" + b"not much of a picture"


def transcript_of(text):
    reply = Reply(Message("assistant", text), Usage(1, None, 1), Timing(0.0, 0.0))
    return Transcript("t", 1, "system", "Do it, please.", "answered", (), (Step(reply, ()),))


async def _fill(ledger, name, answers, models):
    header = CampaignRecord(
        name, 1_000.0, "ossay run", "", tuple(map(ModelCard, models)), {"coding": "1"}, {}, ()
    )
    of = len(models)
    keys = [
        (f"{name}-{place:05}", RunKey(models[place % of], "coding", task, place // of, 1))
        for place, (task, *_) in enumerate(answers)
    ]
    await ledger.plan(header, keys)
    worker = await ledger.enlist(name)

    async def one():
        while claim := await worker.claim():
            _, text, facts, *kept = answers[int(claim.run_id.rpartition("-")[2])]
            record = RunRecord(
                claim.run_id, claim.key, "finished", Outcome.PASSED, done=1, of=1, facts=facts
            )
            artefacts = {"screenshot.png": PNG} if kept else {}
            await worker.finish(claim, record, transcript_of(text), artefacts=artefacts)

    await asyncio.gather(*(one() for _ in range(50)))
    await worker.leave()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """(task, text, facts[, anything: with a screenshot])s -> the path of a ledger with them.

    Models take turns, so that as many answers as there are models are at one problem.
    """

    def fill(answers, name="r", models=MODELS):
        path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
        # In another thread, since Playwright has a loop running in this one.
        with (
            closing(open_ledger(str(path), create=True)) as ledger,
            ThreadPoolExecutor(1) as thread,
        ):
            thread.submit(asyncio.run, _fill(ledger, name, answers, models)).result()
        return path

    return fill


class Rate:
    """A real `ossay rate`, which can be killed and started again on the same port."""

    def __init__(self, path, *options):
        self._path, self._options = path, options
        self._port = 0
        self.start()

    def start(self, *options):
        self._options = options or self._options
        ossay = Path(sys.executable).with_name("ossay")
        asked = [ossay, "rate", "r", "--json", "--ledger", self._path, *self._options]
        self._process = subprocess.Popen(
            [*asked, "--port", str(self._port)],
            stdout=subprocess.PIPE,
            env={**os.environ, "OSSAY_HOME": str(self._path.parent)},
        )
        self.link = json.loads(self._process.stdout.readline())["url"]
        self.url = self.link.partition("/?")[0]
        self._port = int(self.url.rpartition(":")[2])

    def kill(self):
        self._process.kill()
        self._process.communicate()

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=20)
        return self._process.returncode

    def rows(self):
        with closing(open_ledger(str(self._path), create=False)) as ledger:
            return ledger.ratings("r")


@pytest.fixture(scope="module")
def rating():
    """(path, options…) -> a running `ossay rate`."""
    running = []

    def start(path, *options):
        running.append(Rate(path, *options))
        return running[-1]

    yield start
    for one in running:
        one.kill()


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium under Playwright, whose loop must not outlive the module."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        missing = "no Chromium on this machine; Debian: apt-get install chromium"
        if "browser" in os.environ.get("OSSAY_REQUIRE", ""):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        args = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=args)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of a profile of its own; `complaints` are what its console said."""
    context = chromium.new_context()
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda said: page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    context.close()
