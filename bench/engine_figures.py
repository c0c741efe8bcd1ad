"""What the runs of bench/engine.py come to: rates, shares of the limits, ratios, claims.

Measures nothing.
"""

from __future__ import annotations

import statistics
from typing import Any

from claims import target
from engine_llama import PROMPT, SHORT, TOKENS
from ossay.engine.machine import Machine
from ossay.engine.shape import ModelShape
from ossay.engine.speed import Work, decode_step, limit, prefill, widths


def figures(
    shape: ModelShape,
    what: str,
    size: int,
    tokens: int,
    steps: int,
    seconds: float,
    beside: Machine,
) -> dict[str, float]:
    """What a run comes to; both sides read 8-bit weights and 16-bit keys."""
    width = widths("int8")
    work: Work
    if what == "prefill":
        work = prefill(shape, size, width)
    else:
        work = decode_step(shape, [SHORT + TOKENS // 2] * size, width)
        seconds /= steps
        tokens = size
    return {
        "tokens_per_s": tokens / seconds,
        "gb_s": work.bytes / seconds / 1e9,
        "gflop_s": work.operations / seconds / 1e9,
        "share": limit(work, beside, "int8").seconds / seconds,
        "read_share": work.bytes / seconds / 1e9 / beside.read_gb_s,
        "int8_share": work.operations / seconds / 1e9 / beside.int8_gop_s,
        "read_gb_s": beside.read_gb_s,
    }


def row(what: str, size: int, runs: list[dict[str, Any]], rounds: int) -> dict[str, Any]:
    """One measurement: the medians of each side, and the ratios of the pairs."""
    mine = [run for run in runs if (run["what"], run["size"]) == (what, size)]
    by_side = {side: [r for r in mine if r["side"] == side] for side in ("ossay", "llama.cpp")}
    names = ("tokens_per_s", "gb_s", "gflop_s", "share", "read_share", "int8_share", "read_gb_s")
    sides = {
        side: {n: round(statistics.median(r[n] for r in found), 4) for n in names}
        | {"rounds": [round(r["tokens_per_s"], 2) for r in found],
           "shares": [round(r["share"], 3) for r in found]}
        for side, found in by_side.items()
    }  # fmt: skip
    ratios = [
        by_side["ossay"][i]["tokens_per_s"] / by_side["llama.cpp"][i]["tokens_per_s"]
        for i in range(rounds)
    ]
    return {
        "what": what,
        "size": size,
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "sides": sides,
    }


def targets(rows: list[dict[str, Any]], peak_gb: float, layers: int) -> list[dict[str, Any]]:
    """Each claim: what was wanted, what was reached."""
    found = {(r["what"], r["size"]): r for r in rows}

    def times(what: str, size: int, claim: str, wanted: float) -> dict[str, Any]:
        row = found[what, size]
        value, each = row["ratio"], row["ratios"]
        return target(f"{claim}: times llama.cpp", value, each, wanted, at_least=True)

    one = found["decode", 1]["sides"]["ossay"]
    claims = [
        times("prefill", PROMPT, f"prefill {PROMPT}", 4.0),
        times("decode", 16, "decode, 16 sequences", 3.0),
        times("decode", 1, "decode, 1 sequence", 1.15),
        target(
            "decode, 1 sequence: share of the memory's speed",
            one["share"],
            one["shares"],
            0.9,
            at_least=True,
        ),
    ]
    if layers == 24:
        peak = round(peak_gb, 2)
        claims.append(target("memory at most, GB", peak, [peak], 16.0, at_least=False))
    return claims
