"""Everything that `ossay.stats` claims about cover, errors, power and speed, into results/stats.md.

`python bench/stats.py` takes about 6 minutes on one core.
"""

from __future__ import annotations

import argparse
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import stats_coverage
import stats_errors
import stats_power
import stats_speed

RESULTS = Path(__file__).parent / "results" / "stats.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="simulated runs a cell")
    parser.add_argument("--peeks", type=int, default=20_000, help="runs of anytime-valid tests")
    args = parser.parse_args()
    made_by = (
        f"numpy {version('numpy')}, scipy {version('scipy')}, python {platform.python_version()}"
    )
    lines = [
        f"Statistics, {datetime.now(UTC):%Y-%m-%d}: `python bench/stats.py --runs {args.runs} "
        f"--peeks {args.peeks}`, {made_by}, {platform.machine()}.",
    ]
    for section in (cover, errors, power, savings, speed):
        lines += ["", *section(args.runs, args.peeks)]
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {RESULTS}")


def cover(runs: int, _peeks: int) -> list[str]:
    found = stats_coverage.cells(runs)
    return [
        "## Cover of 95 % intervals",
        "",
        "Wanted: 93.5 to 97.5 %. Sequences promise at least 95 % at every n at once. "
        f"With {runs} runs a cell is known to about {200 * (0.0475 / runs) ** 0.5:.1f} points.",
        "",
        *stats_coverage.table(found),
        "",
        "### Cells below 93.5 %",
        "",
        *stats_coverage.outside(found),
    ]


def errors(_runs: int, peeks: int) -> list[str]:
    head = ["## False rejections at alpha 5 %", "", "In brackets: what not to do.", ""]
    return head + stats_errors.table(stats_errors.errors(peeks))


def power(runs: int, _peeks: int) -> list[str]:
    head = ["## Power", "", "Marked where more than 2 points and 2 standard errors off.", ""]
    return head + stats_power.table(stats_power.cases(runs))


def savings(_runs: int, _peeks: int) -> list[str]:
    return [
        "## What looking after every item saves",
        "",
        "Chances and means are exact. First at equal power for a known difference, then with both "
        "designs sized for 5 points at 90 % and 20 % of items discordant.",
        "",
        *stats_power.saving_tables(),
    ]


def speed(_runs: int, _peeks: int) -> list[str]:
    return ["## Time", "", *stats_speed.table(stats_speed.timings())]


if __name__ == "__main__":
    main()
