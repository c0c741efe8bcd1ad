"""Does the drift monitor keep quiet where the promise holds, and speak soon where it does not?

    python bench/drift.py

Unlike `calibration.py`, which simulates the bet alone, this gives whole logs to `router.drift`:
decisions and audits out of step, answers by the strong model in between, audits that fail. Writes
results/drift.md; takes some minutes of two cores.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from heapq import heappop, heappush
from pathlib import Path

from msgspec import Struct

from ossay.core.decision import Audit, Called, Decision, Entry
from ossay.router.drift import FALSE_ALARM, Guard, Monitor
from ossay.stats.escapes import Alarm

RESULTS = Path(__file__).parent / "results"
REQUESTS, DRIFT_AT, AFTER = 1_000, 1_000, 5_000
CELLS = ((0.05, 0.1), (0.05, 0.5), (0.02, 0.2))  # alpha, share of drafts audited
LATE = 200  # requests that an audit comes after its decision, at most
STRONG = 0.1  # share of requests that the strong model answers
AWAY = 0.02  # share of audits that fail, because the auditor is out of reach


class World(Struct, frozen=True):
    """What is simulated.

    Attributes:
        alpha: The promise, as a share of all requests.
        share: Of published drafts that are audited.
        times: The true share of escapes over alpha, before and after the drift.
    """

    alpha: float
    share: float
    times: tuple[float, float] = (1.0, 1.0)

    def wrong(self, place: int) -> float:
        """The chance that a published draft is wrong; strong answers never are."""
        times = self.times[place >= DRIFT_AT]
        return min(1.0, times * self.alpha / (1.0 - STRONG))


def entries(world: World, rng: random.Random, requests: int) -> Iterator[Entry]:
    """A log: decisions in order, audits as late as they come."""
    late: list[tuple[int, str, Audit]] = []
    draft = (Called("draft", "lab/cheap", "answered"),)
    for place in range(requests):
        while late and late[0][0] <= place:
            yield heappop(late)[2]
        strong = rng.random() < STRONG
        audited = not strong and rng.random() < world.share
        name = f"{place}"
        yield Decision(
            id=name,
            at=float(place),
            route="r",
            criticality="low",
            declared="low",
            declared_by="route",
            plan="cheap",
            plan_why="",
            ending="strong" if strong else "draft",
            request_hash="",
            calls=draft,
            audit_chance=world.share,
            audited=audited,
        )
        if audited:
            wrong = rng.random() < world.wrong(place)
            ended = "server_error" if rng.random() < AWAY else "answered"
            label = wrong if ended == "answered" else None
            call = Called("validate", "lab/strong", ended)
            at = place + rng.randrange(1, LATE)
            audit = Audit(f"a{name}", name, float(at), world.share, label, "", call=call)
            heappush(late, (at, name, audit))


def tripped_at(world: World, requests: int, seed: int) -> int | None:
    """The request at which one stream trips, None where it does not."""
    alarm = Alarm(world.alpha, world.share, FALSE_ALARM)
    monitor = Monitor({"r": Guard("lab/cheap", alarm, lambda stratum, why: None)})
    place = 0
    for entry in entries(world, random.Random(f"{seed} {world}"), requests):
        place += isinstance(entry, Decision)
        if monitor.see(entry) is not None:
            return place
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--drifts", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with ProcessPoolExecutor(args.workers) as pool:

        def trips(world: World, requests: int, streams: int) -> list[int | None]:
            one = partial(tripped_at, world, requests)
            return list(pool.map(one, range(streams), chunksize=10))

        quiet = [
            (world, trips(world, REQUESTS, args.streams))
            for world in (World(alpha, share) for alpha, share in CELLS)
        ]
        loud = [
            (world, trips(world, DRIFT_AT + AFTER, args.drifts))
            for world in (
                World(alpha, share, (0.6, times)) for alpha, share in CELLS for times in (3.0, 6.0)
            )
        ]
    lines = [
        f"The drift monitor, {datetime.now(UTC):%Y-%m-%d}: `python bench/drift.py --streams "
        f"{args.streams} --drifts {args.drifts}`, python {platform.python_version()}, "
        f"{platform.machine()}.",
        "",
        f"Level {FALSE_ALARM:.0%}. Each stream is a log: {STRONG:.0%} of answers by the strong "
        f"model, audits up to {LATE} requests late, {AWAY:.0%} of them failing. A look after each "
        "entry.",
        "",
        f"False alarms, escapes at exactly alpha, {REQUESTS:,} requests a stream:",
        "",
        "| alpha | audited | streams | false alarms |",
        "|---:|---:|---:|---:|",
    ]
    for world, found in quiet:
        rate = sum(one is not None for one in found) / len(found)
        lines.append(f"| {world.alpha:g} | {world.share:.0%} | {len(found):,} | {rate:.2%} |")
    lines += [
        "",
        f"Drift at request {DRIFT_AT:,} from 0.6 alpha; requests from there to the trip, within "
        f"{AFTER:,}:",
        "",
        "| alpha | audited | escapes after | streams | median | 90 % within | tripped |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for world, found in loud:
        waits = sorted(one - DRIFT_AT for one in found if one is not None and one > DRIFT_AT)
        early = sum(one is not None and one <= DRIFT_AT for one in found)
        seen = len(waits) / (len(found) - early)
        tail = waits[int(0.9 * (len(found) - early))] if seen > 0.9 else None
        shown = f"{tail:,}" if tail is not None else "later"
        lines.append(
            f"| {world.alpha:g} | {world.share:.0%} | {world.times[1] * world.alpha:g} | "
            f"{len(found):,} | {statistics.median(waits):,.0f} | {shown} | {seen:.1%} |"
        )
    path = RESULTS / "drift.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
