"""What ratings allow one to say, in words: pairs, what so many tasks can show, whose they are.

Verdicts are worded in `stats.verdict` alone. Knows nothing of where the words stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ossay.records.judged import Judged
from ossay.reports import by_mark, figures
from ossay.reports.pair_card import p_value
from ossay.reports.rated import Rated
from ossay.reports.rated_pairs import RatedPair, RatedPairs

JUDGE = (
    "A judge model gave these ratings. They are not people's: they are in no average, chart or "
    "comparison of people's ratings, and no command takes them for those."
)

_FEW = 20  # of more than so many the least p is no matter


class PairLine(Struct, frozen=True):
    """Two models and their numbers, as text; `corrected` is '' for a pair that is alone."""

    a: str
    b: str
    sentence: str
    difference: str
    p: str
    corrected: str
    least: str


def lines(pairs: Sequence[RatedPair], names: Mapping[str, str]) -> tuple[PairLine, ...]:
    """A line a pair; `names` is what each model is called in a sentence."""
    found = []
    for pair in pairs:
        one, numbers = pair.finding, pair.finding.comparison
        low, high = numbers.interval.low, numbers.interval.high
        found.append(
            PairLine(
                one.a,
                one.b,
                by_mark.sentence_of(one, names),
                f"{numbers.difference:+.2f} ({low:+.2f} to {high:+.2f})",
                p_value(numbers.p),
                p_value(one.verdict.p) if one.family_size > 1 else "",
                "none" if pair.least is None else f"{pair.least:.2f}",
            )
        )
    return tuple(found)


def reach(pairs: RatedPairs) -> str:
    """What the number of tasks can show at all; '' where nothing was compared."""
    if pairs.reach or not pairs.pairs or pairs.least_p is None:
        return pairs.reach
    least = [pair.least for pair in pairs.pairs]
    known = [one for one in least if one is not None]
    shared = figures.count(pairs.units, f"shared {pairs.noun}")
    said = f"{shared} can give no p below {pairs.least_p:.2g}; " if pairs.units <= _FEW else ""
    if not known:
        return (
            f"{said or f'On {shared} '}hardly any difference is shown, so uneven are the ratings."
        )
    of = f"in {len(known)} of {len(least)} pairs, " if len(known) < len(least) else ""
    ends = f"{min(known):.2f}" + (f" to {max(known):.2f}" if max(known) > min(known) else "")
    return (
        f"{said or f'On {shared}, '}as uneven as these ratings are, {of}a difference of {ends} or "
        "more is shown in 8 of 10 campaigns."
    )


def made_by(rated: Rated) -> str:
    """Who rated how much, and by which rubrics."""
    who = "judge model" if rated.kind == "model" else "rater"
    rubrics = ", ".join(f"{name} {'/'.join(versions)}" for name, versions in rated.rubrics.items())
    return (
        f"{figures.count(rated.ratings, 'rating')} of {figures.count(rated.answers, 'answer')} "
        f"by {figures.count(len(rated.raters), who)}; rubrics and their versions: {rubrics}."
    )


def agreed(judged: Judged) -> str:
    """How a judge stands to the people who rated the same answers."""
    if judged.overall is None:
        return f"{judged.judge}: people rated none of its answers; how right it is, nothing tells."
    gap, interval = judged.overall.value, judged.overall.interval
    span = f" ({interval.low:+.2f} to {interval.high:+.2f})" if interval else ""
    alpha = judged.alpha.value if judged.alpha else None
    tells = "" if alpha is None else f"; Krippendorff's alpha with people's mean is {alpha:.2f}"
    return (
        f"{judged.judge}: on {figures.count(judged.shared, 'answer')} where it was asked something "
        f"and people rated too, it gives {gap:+.2f} points{span} against people{tells}."
    )
