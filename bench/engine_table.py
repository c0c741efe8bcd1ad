"""The table of bench/engine.py, in Markdown. Knows nothing of how the figures came about."""

from __future__ import annotations

from typing import Any

import claims

NAMES = {"prefill": "read a prompt of {} tokens", "decode": "decode, {} at once"}


def markdown(report: dict[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    limits = report["limits"]
    lines = [
        f"gpt-oss-20b's shape, {report['layers']} of 24 layers, RANDOM weights, "
        f"{report['threads']} threads, medians of {report['rounds']} rounds, {report['date']}",
        "",
        f"`{report['command']}`",
        "",
        f"{machine}. {report['llama.cpp']}. In 8 bit this machine computes "
        f"{limits['int8_gop_s']:g} GOP/s; how fast it reads was measured beside every run.",
        "",
        "| | engine | tokens/s | GB/s | of memory | GFLOP/s | of 8-bit peak | memory read GB/s "
        "| ratio (least to most) |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in report["rows"]:
        name = NAMES[row["what"]].format(row["size"])
        for side, seen in row["sides"].items():
            each = row["ratios"]
            ratio = f"{row['ratio']:.2f} ({min(each):.2f} to {max(each):.2f})"
            cells = [
                name, side, f"{seen['tokens_per_s']:.1f}", f"{seen['gb_s']:.1f}",
                f"{seen['read_share']:.0%}", f"{seen['gflop_s']:.0f}", f"{seen['int8_share']:.0%}",
                f"{seen['read_gb_s']:.1f}", ratio if side == "ossay" else "",
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| engine | load s | peak GB | of them its own |", "|---|---:|---:|---:|"]
    for side, seen in report["sides"].items():
        lines.append(f"| {side} | {seen['load_s']} | {seen['peak_gb']} | {seen['own_gb']} |")
    return "\n".join([*lines, *claims.table(report["targets"])])
