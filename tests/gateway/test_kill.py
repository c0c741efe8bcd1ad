"""kill -9 of a real gateway under load, again and again: what was published is in the log.

Each round starts the process on the same log, asks it from many connections at once, kills it in
the middle of that, and looks.
"""

import asyncio
import hashlib
import json
import os
import random
import re
import signal
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ossay.models.mock_upstream import MockUpstream
from ossay.store.decisions import open_decisions

OSSAY = Path(sys.executable).with_name("ossay")
CONNECTIONS = 24
FILE = """
[gateway]
log = "decisions.db"
default = "critical"

[routes.critical]
cheap = "scripted/drafter?wrong=0.2&slip=0.2"
validator = "scripted/validator?misbehaves=0.1"
strong = "scripted/expert"
criticality = "high"
keep_days = 1

[routes.usual]
cheap = "scripted/drafter"
validator = "scripted/validator"
strong = "scripted/expert"
audit_share = 0.5
"""


@asynccontextmanager
async def process(folder, *args):
    """A gateway of that folder's file; (the process, its port)."""
    keep = {"PATH": os.environ["PATH"], "HOME": str(folder), "OSSAY_HOME": str(folder / "data")}
    command = [OSSAY, "gateway", "gateway.toml", "--port", "0", "--json", *args]
    started = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=keep | {"MOCK_KEY": "sk-mock"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    line = await started.stdout.readline()
    assert line, (await started.stderr.read()).decode()
    try:
        yield started, json.loads(line)["port"]
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


class Client:
    """Asks on and on until the gateway is gone, and notes what it was given.

    Attributes:
        published: The decisions of which any piece of an answer came.
        answered: How many answers came whole.
        refused: How many were refused for want of money.
    """

    def __init__(self, house, port, model, *, key=None):
        self._house = house
        self._port = port
        self._model = model
        self._headers = [] if key is None else [f"Authorization: Bearer {key}"]
        self.published = set()
        self.answered = 0
        self.refused = 0

    async def keep_asking(self, number, most=10**9):
        place = 0
        while place < most:
            place += 1
            asked = self._house.chat_request(
                f"question {number}-{place}?", "Connection: close", *self._headers,
                model=self._model, stream=place % 2 == 0, max_tokens=16,
            )  # fmt: skip
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                return
            came = b""
            try:
                writer.write(asked)
                while data := await reader.read(65_536):
                    came += data
            except OSError:
                pass
            finally:
                writer.close()
            self._look(came)

    def _look(self, came):
        head, _, body = came.partition(b"\r\n\r\n")
        named = re.search(rb"x-ossay-decision: (\w+)", head)
        said = re.search(rb'"content":"[^"]', body)
        if named and said:
            self.published.add(named[1].decode())
        self.answered += b'"finish_reason":"stop"' in body
        self.refused += b"insufficient_quota" in body


def decisions_in(folder):
    """Id -> decision, of a log whose chain is sound."""
    with open_decisions(str(folder / "decisions.db"), create=False) as log:
        verified = log.verify(now=time.time())
        assert verified.findings == ()
        entries = [found.entry for found in log.scan()]
    return {entry.id: entry for entry in entries}


async def killed_under_load(house, folder, model, rng):
    """One round; the client."""
    async with process(folder) as (started, port):
        client = Client(house, port, model)
        asking = [asyncio.create_task(client.keep_asking(n)) for n in range(CONNECTIONS)]
        enough = client.answered + 30
        await house.until(lambda: client.answered >= enough)
        await asyncio.sleep(rng.uniform(0.0, 0.2))
        started.send_signal(signal.SIGKILL)
        await asyncio.gather(*asking)
    return client


def rounds(house, folder, count):
    (folder / "gateway.toml").write_text(FILE)
    rng = random.Random(5)
    published = set()
    for number in range(count):
        model = "usual" if number % 3 == 2 else "critical"
        client = asyncio.run(killed_under_load(house, folder, model, rng))
        assert client.answered >= 30
        rows = decisions_in(folder)
        if model == "critical":
            published |= client.published
        assert published <= set(rows)
        for one in published:
            assert rows[one].criticality == "high"
            assert rows[one].ending in ("draft", "repair", "strong")
            assert rows[one].answer_hash
    return published


def test_every_published_critical_answer_has_its_row(house, tmp_path):
    assert len(rounds(house, tmp_path, 3)) >= 60


@pytest.mark.long
def test_every_published_critical_answer_has_its_row_thirty_times(house, tmp_path):
    assert len(rounds(house, tmp_path, 30)) >= 600


def test_money_that_was_spent_before_a_kill_is_not_spent_again(house, tmp_path):
    """What was under way at a kill is nobody's to know; all else is in the log, and counts."""
    limit, at_once, kills = 0.0025, 8, 1

    async def go():
        async with MockUpstream(["instant"]) as upstream:
            configure(tmp_path, upstream.base_url, limit)
            for number in range(kills + 1):
                last = number == kills
                async with process(tmp_path) as (started, port):
                    client = Client(house, port, "paid", key="osk-team")
                    asking = [
                        asyncio.create_task(client.keep_asking(n, most=40 if last else 10**9))
                        for n in range(at_once)
                    ]
                    if not last:
                        await house.until(lambda c=client: c.answered >= 20)
                        started.send_signal(signal.SIGKILL)
                    await asyncio.gather(*asking)
            return client, [served.usage for served in upstream.completed]

    client, usages = asyncio.run(go())
    assert client.refused
    rows = decisions_in(tmp_path)
    spent = sum(row.cost_usd or 0.0 for row in rows.values() if row.key == "team")
    assert 0.5 * limit < spent <= limit
    costs = [(usage.input_tokens + 2.0 * usage.output_tokens) / 1e6 for usage in usages]
    assert sum(costs) <= limit + kills * at_once * max(costs)


def configure(folder, base_url, limit):
    """A paid route over an upstream, and a key with a budget."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "ossay.toml").write_text(
        f'[providers.lab]\nbase_url = "{base_url}"\nkey_variable = "MOCK_KEY"\n'
        "[providers.lab.prices.m]\n"
        'input = 1.0\noutput = 2.0\ndate = "2026-11-01"\nsource = "a test"\n'
    )
    (folder / "gateway.toml").write_text(
        f"""
[gateway]
log = "decisions.db"
[routes.paid]
cheap = "lab/m"
validator = "lab/m"
strong = "lab/m"
criticality = "high"
plans = {{ low = "strong", medium = "strong", high = "strong" }}
[keys.team]
sha256 = "{hashlib.sha256(b"osk-team").hexdigest()}"
budget_usd = {limit}
"""
    )
