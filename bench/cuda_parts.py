"""Where the time of one step goes: each part alone, and the step without it.

Alone: a graph of that part's kernels in all layers, each with its own layer's weights. Without: the
whole step's graph less that part. Both miss something, so both stand in the table, beside what was
predicted (bench/cuda_compile.py) and what bytes or operations would take at this run's ceilings:
alone pays no waiting for its neighbours, and what reads less than the L2 cache holds, as attention
and the router of one token do, finds it there; without may let two others overlap their ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

import cuda_clock as clock
import cuda_paper as paper
from cuda_ceilings import Ceilings
from cuda_inputs import batch_of, cache_for
from cuda_paper import Cost, Load
from cuda_speed import shuffled
from cuda_step import Plan, plan
from ossay.engine.kernels.cuda.weights import Weights


class Part(Struct, frozen=True):
    """One part of a step; times are of all layers together.

    Attributes:
        part: Its name; 'whole' is the step.
        calls: Wrappers called.
        alone, without: See the module; `without` is the step's time less that without the part.
        floor: Microseconds of its bytes or operations at this run's ceilings, launches free.
        predicted: Microseconds, at bench/cuda_paper.py's assumptions and one launch a call.
    """

    part: str
    calls: int
    alone: clock.Timed
    without: float
    floor: float
    predicted: float


def measure(weights: Weights, load: Load, ceilings: Ceilings) -> Iterator[Part]:
    """Time every part of a step both ways; the whole first and last."""
    laid = plan(
        weights,
        cache_for(weights.shape, load, str(weights.device)),
        batch_of(load, weights.shape.vocab, np.random.default_rng()),
        load,
    )
    costs = costs_of(weights, load, laid)
    whole = _time(weights, laid, ())
    yield _part("whole", laid, whole, 0.0, ceilings, costs)
    for part in laid.parts():
        others = tuple(other for other in laid.parts() if other != part)
        alone = _time(weights, laid, others)
        gained = whole.us - _time(weights, laid, (part,)).us
        yield _part(part, laid, alone, gained, ceilings, costs)
    again = _time(weights, laid, ())
    yield _part("whole, last", laid, again, 0.0, ceilings, costs)


def costs_of(weights: Weights, load: Load, laid: Plan) -> dict[str, Cost]:
    """Each part's cost."""
    shape = weights.shape
    costs = {**paper.step_costs(shape, load), **paper.between(shape, load)}
    return {part: costs.get(part, paper.NOTHING) for part in laid.parts()}


def table(title: str, found: list[Part]) -> str:
    """The parts for people, in Markdown, in microseconds."""
    whole = found[0].alone.us
    lines = [
        f"| {title} | calls | alone, us | again | of the step | step less this, us | floor, us "
        "| predicted, us |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for each in found:
        alone = each.alone
        lines.append(
            f"| {each.part} | {each.calls} | {alone.us:,.0f} "
            f"| {100 * (alone.again / alone.us - 1):+.1f} % | {alone.us / whole:.0%} "
            f"| {each.without:,.0f} | {each.floor:,.0f} | {each.predicted:,.0f} |"
        )
    if found[0].alone.meaningless:
        lines.append("\nNo card: these times mean nothing.")
    return "\n".join(lines)


def _time(weights: Weights, laid: Plan, without: tuple[str, ...]) -> clock.Timed:
    if clock.on_card():
        laid.run()  # what a part alone reads was written by the others once, outside any graph
    swap = shuffled(weights.shape, laid.tokens, laid.load)
    return clock.time_graph([lambda: laid.run(without)], before=swap)


def _part(
    part: str,
    laid: Plan,
    alone: clock.Timed,
    without: float,
    ceilings: Ceilings,
    costs: dict[str, Cost],
) -> Part:
    calls = {name: sum(piece.part == name for piece in laid.pieces) for name in costs}
    names = [part] if part in costs else list(costs)
    floor = sum(
        max(costs[n].bytes / ceilings.copy, costs[n].operations / ceilings.product) for n in names
    )
    predicted = sum(paper.predicted(n, costs[n], calls[n]) for n in names)
    return Part(part, sum(calls[n] for n in names), alone, without, floor * 1e6, predicted * 1e6)
