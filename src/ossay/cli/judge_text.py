"""A judge's work and its bias in words, for the terminal. Knows nothing of ledgers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ossay.core.display import visible
from ossay.reports.figures import count, usd

if TYPE_CHECKING:
    from ossay.campaign.judge import Judging
    from ossay.records.judged import Bias, Judged

_SHOWN = 300  # characters of an error


def state_lines(state: Judging) -> Iterator[str]:
    """Say how far judging came, and what was left out and why."""
    cost = usd(state.cost_usd)
    yield (
        f"{count(state.answers, 'answer')} to judge in {count(state.showings, 'showing')}: "
        f"{state.done:,} done, {count(state.rated, 'rating')} entered now, {cost}"
    )
    if state.decided:
        yield f"{count(state.decided, 'answer')} entered without asking: the machine knows all."
    if state.unrubriced:
        yield f"{count(state.unrubriced, 'answer')} to tasks without a rubric."
    if state.unusable or state.failed:
        yield (
            f"{state.unusable:,} unusable replies, {state.failed:,} failed calls; "
            f"the last: {visible(state.problem, _SHOWN)}. Judge again to ask these again."
        )
    if state.stopped:
        yield f"Stopped early ({state.stopped})."


def judged_lines(judged: Sequence[Judged]) -> Iterator[str]:
    """Say of each judge how far it agrees with people, and where it leans."""
    for one in judged:
        yield ""
        yield f"{visible(one.judge)}: {count(one.ratings, 'rating')} of {one.answers:,} answers"
        yield from _beside_people(one)
        for bias, what in (
            (one.position, "in the first place rather than the second"),
            (one.length, "beside a shorter answer rather than a longer one"),
        ):
            if bias is not None:
                yield f"  the same answer gets {_points(bias)} {what}"


def _beside_people(one: Judged) -> Iterator[str]:
    if not one.shared or one.alpha is None:
        yield "  no answer of them has a person's rating: nothing says whether it can be trusted"
        return
    alpha = "none (all scores are equal)" if one.alpha.value is None else f"{one.alpha.value:.2f}"
    if one.alpha.interval is not None:
        alpha += f" [{one.alpha.interval.low:.2f}, {one.alpha.interval.high:.2f}]"
    single = one.icc.single if one.icc is not None else None
    yield (
        f"  beside people on {count(one.shared, 'answer')}: alpha {alpha}"
        + ("" if single is None else f", ICC {single:.2f}")
    )
    if one.overall is not None:
        yield f"  it gives {_points(one.overall)} than people"
    for bias in one.families:
        yield f"    {visible(bias.of, 60)}: {_points(bias)}, {count(bias.n, 'answer')}"


def _points(bias: Bias) -> str:
    ends = bias.interval
    span = "" if ends is None else f" [{ends.low:+.2f}, {ends.high:+.2f}]"
    return f"{bias.value:+.2f} points{span}"
