"""Logistic regression with a ridge penalty, and Platt's sigmoid. Deterministic.

Knows nothing of what the columns are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ossay.stats.arrays import numbers, results, same_length

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

# Closer than this the log odds of no row move by more than 0.01.
_CLOSE = {"maxiter": 1000, "ftol": 1e-7}
_FLAT = 0.01
# Far beyond any score that is meant; keeps the exponential finite.
_MOST = 500.0


class Sigmoid(Struct, frozen=True):
    """A chance from a score: 1 / (1 + exp(-(slope x score + intercept)))."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, scores: Floats) -> Floats:
        """Shape of `scores` in and out."""
        return chance(self.slope * scores + self.intercept)


def chance(log_odds: Floats) -> Floats:
    """The chance with these log odds."""
    import numpy as np

    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -_MOST, _MOST))))


def log_odds(chances: Floats) -> Floats:
    """The log odds of chances, those next to 0 and 1 taken as 1e-9 away from them."""
    import numpy as np

    inside = np.clip(chances, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def fit_logistic(columns: Any, outcomes: Floats, penalty: float) -> Floats:
    """Weights of a logistic regression, shape [d + 1], the intercept last and not penalised.

    `columns` is a scipy sparse matrix in CSR form, shape [n, d]; what is minimised is the summed
    log loss plus penalty / 2 times the squared weights. It has one minimum; L-BFGS starts at zero.

    Raises:
        ValueError: an outcome that is no 0 or 1, lengths that differ, or penalty <= 0.
    """
    import numpy as np
    from scipy.optimize import minimize

    right = results(outcomes, "outcomes")
    if columns.shape[0] != right.size:
        raise ValueError(f"{columns.shape[0]!r} rows and {right.size!r} outcomes")
    if not penalty > 0.0:
        raise ValueError(f"penalty={penalty!r} is not above 0: the weights could grow for ever")
    turned = columns.T.tocsr()
    start = np.zeros(columns.shape[1] + 1)

    def loss(weights: Floats) -> tuple[float, Floats]:
        flat = weights[:-1]
        odds = columns @ flat + weights[-1]
        off = chance(odds) - right
        value = np.logaddexp(0.0, odds).sum() - odds @ right + penalty / 2.0 * (flat @ flat)
        return float(value), np.append(turned @ off + penalty * flat, off.sum())

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=_CLOSE)
    return np.asarray(found.x, dtype=np.float64)


def platt(scores: Floats, outcomes: Floats) -> Sigmoid:
    """The sigmoid that turns scores into chances, for scores that were not fitted to these rows.

    J. C. Platt, "Probabilistic outputs for support vector machines" (1999), with its outcomes drawn
    in to (k + 1) / (k + 2), so that scores that part the rows without fail get a finite slope.
    A slope that comes out below 0.01 is set to that: such scores tell nothing, but equal chances
    for all would leave whoever sets a threshold with all or nothing.

    Raises:
        ValueError: as `fit_logistic`, or a score that is not finite.
    """
    import numpy as np
    from scipy.optimize import minimize

    score, right = numbers(scores, "scores"), results(outcomes, "outcomes")
    same_length(score, right, "scores and outcomes")
    good, bad = right.sum(), (1.0 - right).sum()
    aim = np.where(right == 1.0, (good + 1.0) / (good + 2.0), 1.0 / (bad + 2.0))
    base = math.log((good + 1.0) / (bad + 1.0))

    def loss(line: Floats) -> tuple[float, Floats]:
        odds = line[0] * score + line[1]
        off = chance(odds) - aim
        value = np.logaddexp(0.0, odds).sum() - odds @ aim
        return float(value), np.array([off @ score, off.sum()])

    found = minimize(loss, np.array([0.0, base]), jac=True, method="L-BFGS-B").x
    if not found[0] > _FLAT:
        return Sigmoid(_FLAT, base - _FLAT * float(score.mean()))
    return Sigmoid(float(found[0]), float(found[1]))
