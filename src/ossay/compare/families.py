"""Comparisons declared together: p after Holm's correction over the whole family.

A comparison that was declared and can't be made counts with p = 1, so that nothing is gained by
leaving it out. Knows nothing of designs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import permutations

from ossay.core.errors import UsageError
from ossay.stats.many import Family, correct

NAMED = 3


def adjust(
    family: Family,
    pair: tuple[str, str],
    p: float,
    p_of: Callable[[list[tuple[str, str]]], list[float | None]],
    models: Iterable[str],
    alpha: float = 0.05,
) -> tuple[float, tuple[str, ...]]:
    """The pair's p after correction, and what to say of comparisons that could not be made.

    Args:
        family: "A vs B" each.
        pair: The two models, as the records name them.
        p: Their own p.
        p_of: The p of each of other pairs, None where it can't be had.
        models: All that the records hold.
        alpha: Of the whole family.

    Raises:
        UsageError: the pair was not declared in the family.
    """
    known = {f"{a} vs {b}": (a, b) for a, b in permutations(models, 2)}
    own = next((test for test in family.tests if set(known.get(test, ())) == set(pair)), None)
    if own is None:
        raise UsageError(
            f"family {family.name!r} of {len(family.tests)} comparisons doesn't hold "
            f"'{pair[0]} vs {pair[1]}': declare it before the results are known, or leave out "
            "--family"
        )
    others = [test for test in family.tests if test != own and test in known]
    others_p = zip(others, p_of([known[test] for test in others]), strict=True)
    found = {own: p} | {test: value for test, value in others_p if value is not None}
    lost = [test for test in family.tests if test not in found]
    adjusted = next(one.adjusted for one in correct(family, found, alpha=alpha) if one.test == own)
    return (p if adjusted is None else adjusted), _said(lost)


def _said(lost: list[str]) -> tuple[str, ...]:
    if not lost:
        return ()
    shown = ", ".join(lost[:NAMED]) + (", …" if len(lost) > NAMED else "")
    return (f"{len(lost)} comparisons of the family can't be made and count with p = 1: {shown}.",)
