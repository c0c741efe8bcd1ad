"""Gate: from a query's text, the chance that each model is right. Fitted to graded queries.

Two logistic regressions over hashed words, the shape of the text and a prior for its task: one for
the cheap model, one for the strong. What is stored is what was calibrated: weights are rounded
before anything is measured with them. Knows nothing of thresholds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from ossay.core.graded import Graded
from ossay.router.features import SHAPE, WORDS, shape_columns, word_columns
from ossay.stats.logistic import Sigmoid, fit_logistic, log_odds, platt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ossay.stats.arrays import Floats

Estimand = Literal["escape", "selective"]

# 1 to 4 differ by less than splits of the data do; see design/calibration.md.
PENALTY = 4.0
FOLDS = 4
# Of a score: sums of the same numbers in another order agree to more.
DIGITS = 9
# Squares of the shape are columns too; all are small beside the words and the task.
SHAPE_WEIGHT = 0.3
# A text unlike any seen (one of a million lines) must not outweigh all its words.
SPREADS = 5.0


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """One model's regression: little-endian float16 words, then shape and its squares, tasks."""

    words: bytes
    shape: tuple[float, ...]
    tasks: tuple[float, ...]
    intercept: float
    sigmoid: Sigmoid


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """Both heads, and what they were scaled by.

    Attributes:
        estimand: What `score` foresees: 'escape', that not only the cheap model fails;
            'selective', that the cheap model is right.
        tasks: The tasks that have a prior; another gets none.
        centre, scale: Mean and standard deviation of each column of the shape.
        cheap, strong: The heads.
        escape: From both chances to that of no escape.
    """

    estimand: Estimand
    tasks: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    cheap: Head
    strong: Head
    escape: Sigmoid

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the gate's canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class Chances(Struct, frozen=True):
    """For each query, shape [n]: that a model is right, and the score that thresholds are for."""

    cheap: Any
    strong: Any
    score: Any


class Texts(Struct, frozen=True):
    """Queries as columns, before any scaling; made once, used by many fits."""

    words: Any  # CSR [n, WORDS]
    shape: Any  # [n, 8]
    tasks: tuple[str, ...]

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """The rows with these numbers."""
        tasks = tuple(self.tasks[row] for row in rows)
        return Texts(self.words[rows], self.shape[rows], tasks)


def read_texts(queries: Sequence[str], tasks: Sequence[str]) -> Texts:
    """Turn queries and the names of their tasks into columns."""
    return Texts(word_columns(queries), shape_columns(queries), tuple(tasks))


def fit_gate(
    texts: Texts,
    cheap_right: Floats,
    strong_right: Floats,
    estimand: Estimand,
    rng: np.random.Generator,
) -> tuple[Gate, Chances]:
    """Fit on all rows given; return the gate, and what gates without a row say of that row.

    The second is what the sigmoids are fitted to, and what may choose the order of thresholds: the
    gate itself remembers its rows, and looks better on them than it is.

    Raises:
        ValueError: fewer rows than folds, or lengths that differ.
    """
    import numpy as np

    n = len(texts.tasks)
    if n < FOLDS:
        raise ValueError(f"{n!r} rows: a gate needs at least {FOLDS}")
    rights = (cheap_right, strong_right)
    fold = rng.permutation(np.arange(n) % FOLDS)
    left_out = [np.zeros(n), np.zeros(n)]
    for one in range(FOLDS):
        inside, outside = np.flatnonzero(fold != one), np.flatnonzero(fold == one)
        frame = _frame(texts.take(inside))
        seen, unseen = _columns(texts.take(inside), *frame), _columns(texts.take(outside), *frame)
        for odds, right in zip(left_out, rights, strict=True):
            weights = fit_logistic(seen, right[inside], PENALTY)
            odds[outside] = unseen @ weights[:-1] + weights[-1]
    sigmoids = [platt(odds, right) for odds, right in zip(left_out, rights, strict=True)]
    cheap, strong = (draw(odds) for draw, odds in zip(sigmoids, left_out, strict=True))
    lost = (1.0 - cheap_right) * strong_right
    escape = platt(log_odds(_no_escape(cheap, strong)), 1.0 - lost)
    frame = _frame(texts)
    columns = _columns(texts, *frame)
    heads = [
        _head(fit_logistic(columns, right, PENALTY), sigmoid)
        for right, sigmoid in zip(rights, sigmoids, strict=True)
    ]
    tasks, centre, scale = frame
    gate = Gate(estimand, tasks, tuple(centre), tuple(scale), heads[0], heads[1], escape)
    return gate, Chances(cheap, strong, _score(gate, cheap, strong))


def chances(gate: Gate, texts: Texts) -> Chances:
    """What the gate says of queries, each by itself: alone it gets the same score as among many."""
    import numpy as np

    columns = _columns(texts, gate.tasks, gate.centre, gate.scale)
    cheap, strong = (
        head.sigmoid(
            columns @ np.concatenate([unpacked(head), head.shape, head.tasks]) + head.intercept
        )
        for head in (gate.cheap, gate.strong)
    )
    return Chances(cheap, strong, np.round(_score(gate, cheap, strong), DIGITS))


def texts_of(rows: Sequence[Graded]) -> Texts:
    """Columns of graded queries."""
    return read_texts([row.query for row in rows], [row.task for row in rows])


def _score(gate: Gate, cheap: Floats, strong: Floats) -> Floats:
    if gate.estimand == "selective":
        return cheap
    return gate.escape(log_odds(_no_escape(cheap, strong)))


def _no_escape(cheap: Floats, strong: Floats) -> Floats:
    """As if both failed by themselves; the sigmoid over it mends what that gets wrong."""
    return 1.0 - (1.0 - cheap) * strong


def _frame(texts: Texts) -> tuple[tuple[str, ...], list[float], list[float]]:
    centre, spread = texts.shape.mean(axis=0), texts.shape.std(axis=0)
    spread[spread < 1e-9] = 1.0
    return tuple(sorted(set(texts.tasks) - {""})), centre.tolist(), spread.tolist()


def _columns(
    texts: Texts, tasks: Sequence[str], centre: Sequence[float], scale: Sequence[float]
) -> Any:
    import numpy as np
    from scipy.sparse import csr_matrix, hstack

    place = {task: column for column, task in enumerate(tasks)}
    known = [(row, place[task]) for row, task in enumerate(texts.tasks) if task in place]
    rows, columns = ([one[side] for one in known] for side in (0, 1))
    ones = csr_matrix((np.ones(len(known)), (rows, columns)), shape=(len(texts.tasks), len(tasks)))
    shape = np.clip((texts.shape - np.array(centre)) / np.array(scale), -SPREADS, SPREADS)
    shape = np.hstack([shape, shape**2 - 1.0]) * SHAPE_WEIGHT
    return hstack([texts.words, csr_matrix(shape), ones], format="csr")


def _head(weights: Floats, sigmoid: Sigmoid) -> Head:
    after = WORDS + 2 * len(SHAPE)
    words = weights[:WORDS].astype("<f2").tobytes()
    shape, tasks = weights[WORDS:after].tolist(), weights[after:-1].tolist()
    return Head(words, tuple(shape), tuple(tasks), float(weights[-1]), sigmoid)


def unpacked(head: Head) -> Floats:
    """The weights of the words, shape [WORDS]."""
    import numpy as np

    return np.frombuffer(head.words, dtype="<f2").astype(np.float64)
