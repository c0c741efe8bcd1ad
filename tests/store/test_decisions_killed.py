"""Gateways killed with -9 under load: the chain verifies, and what was acknowledged is there."""

import subprocess
import sys

from ossay.store.decisions import open_decisions

# Appends from 16 at once, and says on stdout which were acknowledged; killed by whoever started it.
LOAD = """
import asyncio, itertools, os, sys
from ossay.core.decision import Decision, digest
from ossay.store.decisions import open_decisions

url, name = sys.argv[1:]
numbers = itertools.count()

async def one_after_the_other(log):
    while True:
        number = next(numbers)
        body = f"{name} asks {number}".encode()
        decision = Decision(
            f"{name}-{number}", 1.0, "r", "high", "high", "route", "strong", "high criticality",
            "strong", digest(body), kept_until=9e9,
        )
        durable = number % 4 != 0
        await log.append(decision, {digest(body): body}, durable=durable)
        if durable:
            os.write(1, f"{decision.id}\\n".encode())

async def main():
    with open_decisions(url, create=False) as log:
        await asyncio.gather(*[one_after_the_other(log) for _ in range(16)])

asyncio.run(main())
"""


def start(url, name):
    command = [sys.executable, "-c", LOAD, url, name]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_killed_under_load_two_at_once(ledger_url):
    open_decisions(ledger_url, create=True).close()
    acknowledged = set()
    for turn in range(3):
        both = [start(ledger_url, f"{side}{turn}") for side in "ab"]
        for process in both:
            acknowledged |= {process.stdout.readline() for _ in range(60 + 7 * turn)}
        for process in both:
            process.kill()
            acknowledged |= set(process.stdout.read().splitlines(keepends=True)[:-1])
            assert process.wait() == -9
            process.stdout.close()
    acknowledged = {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}
    with open_decisions(ledger_url, create=False) as log:
        verified = log.verify(now=1.0)
        assert verified.findings == ()
        there, after = set(), 0
        while part := log.entries(after=after):
            there |= {entry.id for _, entry in part}
            after = part[-1][0]
    assert len(there) == verified.entries == verified.head.seq
    assert len(acknowledged) > 300
    assert acknowledged <= there


def test_a_killed_writer_s_log_goes_on(ledger_url):
    open_decisions(ledger_url, create=True).close()
    first = start(ledger_url, "first")
    first.stdout.readline()
    first.kill()
    first.wait()
    first.stdout.close()
    second = start(ledger_url, "second")
    assert second.stdout.readline().startswith(b"second-")
    second.kill()
    second.wait()
    second.stdout.close()
    with open_decisions(ledger_url, create=False) as log:
        assert log.verify(now=1.0).findings == ()
