"""A gate unpacked, to ask of one query at a time: plain Python, a tenth of a millisecond.

The same numbers as `gate.chances`. Knows nothing of policies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ossay.router.features import shape_values, word_values
from ossay.router.gate import DIGITS, SHAPE_WEIGHT, SPREADS, Gate, Head, unpacked
from ossay.stats.logistic import Sigmoid


class Ready:
    """Holds the weights of both heads as lists; made once, when a policy is loaded."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._task = {name: place for place, name in enumerate(gate.tasks)}
        self._heads = tuple((unpacked(one).tolist(), one) for one in (gate.cheap, gate.strong))

    def score(self, query: str, task: str = "") -> float:
        """The score that thresholds are for; a task unknown to the gate tells nothing."""
        words = word_values(query)
        shape = self._shape(query)
        place = self._task.get(task)
        cheap, strong = (
            _sigmoid(head.sigmoid, self._odds(weights, head, words, shape, place))
            for weights, head in self._heads
        )
        if self._gate.estimand == "selective":
            return round(cheap, DIGITS)
        kept = min(max(1.0 - (1.0 - cheap) * strong, 1e-9), 1.0 - 1e-9)
        return round(_sigmoid(self._gate.escape, math.log(kept) - math.log1p(-kept)), DIGITS)

    def _shape(self, query: str) -> list[float]:
        gate = self._gate
        plain = [
            min(max((value - centre) / scale, -SPREADS), SPREADS)
            for value, centre, scale in zip(
                shape_values(query), gate.centre, gate.scale, strict=True
            )
        ]
        return [*plain, *(one * one - 1.0 for one in plain)]

    @staticmethod
    def _odds(
        weights: Sequence[float],
        head: Head,
        words: dict[int, float],
        shape: Sequence[float],
        task: int | None,
    ) -> float:
        said = sum([weights[column] * value for column, value in words.items()])
        looks = sum([weight * value for weight, value in zip(head.shape, shape, strict=True)])
        return (
            said
            + SHAPE_WEIGHT * looks
            + (0.0 if task is None else head.tasks[task])
            + head.intercept
        )


def _sigmoid(sigmoid: Sigmoid, score: float) -> float:
    odds = min(max(sigmoid.slope * score + sigmoid.intercept, -500.0), 500.0)
    return 1.0 / (1.0 + math.exp(-odds))
