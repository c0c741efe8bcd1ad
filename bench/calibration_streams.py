"""Simulated streams for the alarm on escapes: false alarms with a look after each request, delays.

Knows nothing of gates or policies.
"""

from __future__ import annotations

import numpy as np

from ossay.stats.escapes import Alarm, first_alarms

REQUESTS, DRIFT_AT, AFTER, DRIFTS = 5_000, 5_000, 20_000, 1_000
CHUNK = 1_000  # streams at a time, for memory


def tables(streams: int) -> list[str]:
    lines = [
        "## The alarm on escapes",
        "",
        f"Level 5 %. False alarms: {streams:,} streams of {REQUESTS:,} requests at exactly alpha, "
        "a look after each.",
        "",
        "| alpha | audited | false alarms |",
        "|---:|---:|---:|",
    ]
    rng = np.random.default_rng(1)
    cells = [(alpha, share) for alpha in (0.02, 0.05) for share in (0.02, 0.1, 0.5, 1.0)]
    for alpha, share in cells:
        rates = np.full(REQUESTS, alpha)
        at = alarms(rates, alpha, share, streams, rng)
        lines.append(f"| {alpha:g} | {share:.0%} | {(at > 0).mean():.2%} |")
    lines += [
        "",
        f"Drift: the rate is 0.6 alpha up to request {DRIFT_AT:,}, then a multiple of alpha; "
        f"{DRIFTS:,} streams, requests from the drift to the alarm, within {AFTER:,}.",
        "",
        "| alpha | audited | rate after | median | 90 % within | audits at the median | seen |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for alpha, share in cells:
        for times in (2.0, 4.0):
            rates = np.where(np.arange(DRIFT_AT + AFTER) < DRIFT_AT, 0.6, times) * alpha
            at = alarms(rates, alpha, share, DRIFTS, rng)
            waited = np.where(at > DRIFT_AT, (at - DRIFT_AT).astype(float), np.inf)
            middle, late = (float(np.quantile(waited, q, method="higher")) for q in (0.5, 0.9))
            lines.append(
                f"| {alpha:g} | {share:.0%} | {times * alpha:g} | {_shown(middle)} | "
                f"{_shown(late)} | {_shown(middle * share)} | {np.isfinite(waited).mean():.1%} |"
            )
    return lines


def alarms(
    rates: np.ndarray, alpha: float, share: float, streams: int, rng: np.random.Generator
) -> np.ndarray:
    alarm = Alarm(alpha, share)
    found = []
    for start in range(0, streams, CHUNK):
        many = min(CHUNK, streams - start)
        hit = rng.random((rates.size, many), dtype=np.float32) < (rates * share)[:, None]
        found.append(first_alarms(hit / share, alarm))
    return np.concatenate(found)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "later"
