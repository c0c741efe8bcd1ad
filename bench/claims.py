"""What a bench sets out to show: each claim, what was wanted, what came out, whether it is met."""

from __future__ import annotations

from typing import Any


def target(
    claim: str, value: float, rounds: list[float], wanted: float, *, at_least: bool
) -> dict[str, Any]:
    """One claim as it goes into a report; `value` is the median of `rounds`."""
    return {
        "claim": claim,
        "wanted": f"{'>=' if at_least else '<='} {wanted:g}",
        "median": round(value, 3),
        "rounds": [round(each, 3) for each in rounds],
        "met": value >= wanted if at_least else value <= wanted,
    }


def table(targets: list[dict[str, Any]]) -> list[str]:
    """Lines of Markdown, an empty one first."""
    lines = ["", "| claim | wanted | measured | each round | |", "|---|---|---:|---|---|"]
    for t in targets:
        rounds = ", ".join(f"{value:g}" for value in t["rounds"])
        verdict = "met" if t["met"] else "MISSED"
        lines.append(f"| {t['claim']} | {t['wanted']} | {t['median']:g} | {rounds} | {verdict} |")
    return lines
