"""Times other ways to run the same kernels (bench/cuda_trials.py), each beside the one in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

import cuda_clock as clock
from cuda_ceilings import Ceilings
from cuda_trials import trials
from ossay.engine.kernels.cuda.weights import Weights


class Outcome(Struct, frozen=True):
    """What came of a trial; `failure` where it did not run."""

    kernel: str
    name: str
    ours: bool
    timed: clock.Timed | None
    share: float
    failure: str = ""


def measure(weights: Weights, ceilings: Ceilings, late: Callable[[], bool]) -> Iterator[Outcome]:
    """Time every trial until it is `late`."""
    for trial in trials(weights):
        head = trial.kernel, trial.name, trial.ours
        if late():
            yield Outcome(*head, None, 0.0, "no time left")
            continue
        try:
            timed = clock.time_graph(trial.calls)
        except Exception as error:  # noqa: BLE001  compilers raise anything, and the rest goes on
            text = str(error).strip()
            failure = f"{type(error).__name__}: {text.splitlines()[-1][:120] if text else ''}"
            yield Outcome(*head, None, 0.0, failure)
            continue
        share = trial.bytes / (timed.us / 1e6) / ceilings.copy
        yield Outcome(*head, timed, share)


def table(title: str, found: list[Outcome]) -> str:
    """The outcomes for people, in Markdown: the best of each kernel first."""
    lines = [f"| {title} | variant | us | again | of the copy |", "|---|---|---:|---:|---:|"]
    kernels = dict.fromkeys(each.kernel for each in found)
    for kernel in kernels:
        mine = [each for each in found if each.kernel == kernel]
        ran = sorted((e for e in mine if e.timed is not None), key=lambda e: e.timed.us)
        for each in ran:
            timed, mark = each.timed, " **ours**" if each.ours else ""
            lines.append(
                f"| {kernel} | {each.name}{mark} | {timed.us:.2f} "
                f"| {100 * (timed.again / timed.us - 1):+.1f} % | {each.share:.0%} |"
            )
        lines += [f"| {kernel} | {e.name} | {e.failure} | | |" for e in mine if e.timed is None]
    if any(each.timed and each.timed.meaningless for each in found):
        lines.append("\nNo card: these times mean nothing.")
    return "\n".join(lines)
