"""A Finding and a Board as JSON, flat, for other programs.

Plain ASCII, so that names out of a file don't act on a terminal; what isn't a number is null. Knows
nothing of how they were found.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from ossay.compare.finding import Board, Finding, Standing
    from ossay.stats.interval import Interval


def finding_json(finding: Finding) -> str:
    """One object; `differing` holds one object an item."""
    return _dumped(finding_fields(finding))


def finding_fields(finding: Finding) -> dict[str, Any]:
    """The fields by name. `needed_n` are items a model for a decision, those there are included."""
    found, judged = finding.comparison, finding.verdict
    n = min(found.n_a, found.n_b)
    odds = finding.odds_ratio
    return {
        "verdict": judged.kind,
        "sentence": judged.sentence,
        "model_a": finding.a,
        "model_b": finding.b,
        "metric": finding.metric,
        "less_is_better": found.measure.less,
        "unit": found.measure.unit or None,
        "design": found.design,
        "n": n,
        "n_a": found.n_a,
        "n_b": found.n_b,
        "counted": found.noun,
        "b": found.only_a,
        "c": found.only_b,
        "value_a": found.value_a,
        "value_b": found.value_b,
        "interval_a": _ends(finding.interval_a),
        "interval_b": _ends(finding.interval_b),
        "difference": found.difference,
        "interval": _ends(found.interval),
        "level": found.interval.level,
        "test": found.test,
        "p": found.p,
        "p_exact": found.p_exact,
        "p_mid": found.p_mid,
        "p_barnard": found.p_barnard,
        "p_adjusted": judged.p,
        "alpha": judged.alpha,
        "margin": judged.margin,
        "tie_interval": _ends(found.tie_interval),
        "family": finding.family or None,
        "family_size": finding.family_size,
        "needed_n": None if judged.more is None else n + judged.more,
        "odds_ratio": None if odds is None else odds.value,
        "odds_ratio_interval": None if odds is None else _ends(odds.interval),
        "cohens_g": finding.cohens_g,
        "cohens_h": finding.cohens_h,
        "clusters": found.clusters,
        "averaged": finding.averaged,
        "differing": [msgspec.to_builtins(one) for one in finding.differing],
        "only_in_a": finding.only_in_a,
        "only_in_b": finding.only_in_b,
        "missing": {"a": finding.missing_a, "b": finding.missing_b},
        "sources": finding.sources,
        "notes": finding.notes,
    }


def board_json(board: Board) -> str:
    """One object; `models` holds one object a model, the best first."""
    fields = {
        "metric": board.metric,
        "less_is_better": board.measure.less,
        "unit": board.measure.unit or None,
        "alpha": board.alpha,
        "items": board.items,
        "top": board.top,
        "models": [_standing(standing) for standing in board.standings],
        "pairs": [msgspec.to_builtins(pair) for pair in board.pairs],
        "left_out": [msgspec.to_builtins(one) for one in board.left_out],
        "sources": board.sources,
        "notes": board.notes,
    }
    return _dumped(fields)


def _standing(standing: Standing) -> dict[str, Any]:
    names = ("n", "value", "tied", "missing", "cost_usd", "usd_per_pass", "seconds")
    return {
        "model": standing.model,
        "best": standing.best,
        "worst": standing.worst,
        "interval": _ends(standing.interval),
        **{name: getattr(standing, name) for name in names},
        "dominated_by": standing.dominated_by,
    }


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _dumped(fields: dict[str, Any]) -> str:
    return json.dumps(_finite(fields), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    """JSON knows no infinity: null stands for one."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
