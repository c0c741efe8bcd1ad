"""Rating pages over 10,000 answers: how long a page of the queue takes, and storing a rating.

    python bench/rating.py [--answers 10000] [--ratings 300]

One `ossay rate` on this machine, asked over HTTP on loopback by one client; the ledger is SQLite
in a folder of its own. Writes bench/results/rating.md.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.task import Step, Transcript
from ossay.core.types import Message, ModelCard, Reply, Timing, Usage
from ossay.store.ledger import open_ledger

RESULTS = Path(__file__).parent / "results" / "rating.md"
TEXT = "Here it is:\n\n```ts\n" + "const answer: number = 42;\n" * 60 + "```\n"


async def fill(path: Path, count: int) -> None:
    """Make a ledger with so many finished answers of two models."""
    with closing(open_ledger(str(path), create=True)) as ledger:
        models = ("lab/one", "lab/two")
        header = CampaignRecord(
            "r", 1.0, "ossay run", "", tuple(map(ModelCard, models)), {"coding": "1"}, {}, ()
        )
        keys = [
            (f"r-{n:06}", RunKey(models[n % 2], "coding", "todo_add_feature", n // 2, 1))
            for n in range(count)
        ]
        await ledger.plan(header, keys)
        worker = await ledger.enlist("r")
        reply = Reply(Message("assistant", TEXT), Usage(1, None, 1), Timing(0.0, 0.0))
        said = Transcript("t", 1, "system", "Do it.", "answered", (), (Step(reply, ()),))

        async def work() -> None:
            while claim := await worker.claim():
                facts = {"characters": len(TEXT), "whole_files": 0}
                record = RunRecord(
                    claim.run_id, claim.key, "finished", Outcome.PASSED, done=2, of=2, facts=facts
                )
                await worker.finish(claim, record, said)

        await asyncio.gather(*(work() for _ in range(100)))
        await worker.leave()


class Client:
    """One kept connection with the cookie of the first link."""

    def __init__(self, link: str) -> None:
        host, _, path = link.removeprefix("http://").partition("/")
        self.host = host
        self._connection = http.client.HTTPConnection(host)
        self._cookie = ""
        answer, _ = self.ask("GET", f"/{path}")
        self._cookie = (answer.headers["set-cookie"] or "").partition(";")[0]

    def ask(self, method: str, path: str, body: str = "") -> tuple[http.client.HTTPResponse, bytes]:
        """Send one request and read all of its answer."""
        headers = {"Cookie": self._cookie, "Origin": f"http://{self.host}"}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body or None, headers)
        answer = self._connection.getresponse()
        return answer, answer.read()


def timed(client: Client, method: str, path: str, body: str = "") -> float:
    """Milliseconds of one request that must be answered."""
    began = time.perf_counter()
    answer, _ = client.ask(method, path, body)
    assert answer.status < 400, (answer.status, path)
    return (time.perf_counter() - began) * 1e3


def measure(client: Client, ratings: int) -> dict[str, list[float]]:
    """Milliseconds of each kind of request."""
    found: dict[str, list[float]] = {"first page": [timed(client, "GET", "/rate/ada/queue")]}
    found["queue"] = [timed(client, "GET", f"/rate/ada/queue?page={n}") for n in range(1, 41)]
    found["answer"], found["rating stored"] = [], []
    place = "/rate/ada"
    for _ in range(ratings):
        answer, _ = client.ask("GET", place)
        path = answer.headers["location"]
        began = time.perf_counter()
        _, page = client.ask("GET", path)
        found["answer"].append((time.perf_counter() - began) * 1e3)
        hidden = dict(re.findall(r'type="hidden" name="(0\.\w+)" value="([^"]*)"', page.decode()))
        found["rating stored"].append(timed(client, "POST", path, urlencode(hidden)))
        place = f"/rate/ada?after={path.rpartition('/')[2]}"
    found["queue, rated"] = [
        timed(client, "GET", f"/rate/ada/queue?page={n}") for n in range(1, 41)
    ]
    return found


def report(found: dict[str, list[float]], answers: int, command: str) -> str:
    """The table."""
    lines = [
        f"# Rating pages over {answers:,} answers",
        "",
        f"`{command}`, {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python "
        f"{sys.version.split()[0]}, SQLite on this machine's disk. Milliseconds, one client.",
        "",
        "| request | n | median | p95 | most |",
        "|---|---|---|---|---|",
    ]
    for name, values in found.items():
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        middle = statistics.median(ordered)
        lines.append(f"| {name} | {len(values)} | {middle:.1f} | {p95:.1f} | {ordered[-1]:.1f} |")
    lines += [
        "",
        "Aims: a page of the queue under 200 ms, a rating stored under 20 ms at p95.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--ratings", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        asyncio.run(fill(path, given.answers))
        ossay = Path(sys.executable).with_name("ossay")
        server = subprocess.Popen(
            [ossay, "rate", "r", "--ledger", path, "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            env={**os.environ, "OSSAY_HOME": folder},
        )
        try:
            assert server.stdout is not None
            link = json.loads(server.stdout.readline())["url"]
            found = measure(Client(link), given.ratings)
        finally:
            server.terminate()
            server.communicate()
    command = f"python bench/rating.py --answers {given.answers} --ratings {given.ratings}"
    text = report(found, given.answers, command)
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
