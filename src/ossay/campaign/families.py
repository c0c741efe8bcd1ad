"""`[families]` of a plan: comparisons that belong together, named before any of them is made.

Knows nothing of how a family is corrected; `stats.many` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ossay.core.errors import nearest
from ossay.stats.many import Family

Pair = tuple[str, str]


def families_of(declared: Mapping[str, Sequence[Pair]]) -> tuple[Family, ...]:
    """The families as `stats.many` takes them, each test named 'A vs B' as the pair was written."""
    return tuple(
        Family(name, tuple(f"{a} vs {b}" for a, b in pairs)) for name, pairs in declared.items()
    )


def family_problems(declared: Mapping[str, Sequence[Pair]], models: Sequence[str]) -> Iterable[str]:
    """Say what in `[families]` makes no sense in a plan of these models."""
    for name, pairs in declared.items():
        where = f"families.{name}"
        if not name.strip() or not name.isprintable():
            yield f"[families]: {name!r} is no name"
        if not pairs:
            yield f"{where} is empty: declare at least one pair of models"
        seen: set[frozenset[str]] = set()
        for a, b in pairs:
            for model in (a, b):
                if model not in models:
                    yield f"{where}: {model!r} is no model of the plan{nearest(model, models)}"
            if a == b:
                yield f"{where}: {a!r} is compared with itself; name two models"
            if frozenset((a, b)) in seen:
                yield f"{where}: the pair {[a, b]!r} is declared twice; leave one out"
            seen.add(frozenset((a, b)))
