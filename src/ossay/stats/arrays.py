"""What arrives from outside as arrays, checked: scores, 0/1 results, cluster labels.

Knows nothing of what the numbers mean. An error names the first bad value and its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]


def numbers(values: Sequence[float] | Floats, name: str, *, at_least: int = 1) -> Floats:
    """Return `values` as a float64 vector, shape [n].

    Raises:
        ValueError: not one-dimensional, fewer than `at_least`, or one is NaN or infinite.
    """
    import numpy as np

    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name} has shape {vector.shape!r}: give one number an item")
    if vector.size < at_least:
        raise ValueError(f"{name} holds {vector.size!r} numbers; at least {at_least} are needed")
    bad = np.flatnonzero(~np.isfinite(vector))
    if bad.size:
        raise ValueError(
            f"{name}[{int(bad[0])}] is {float(vector[bad[0]])!r} ({bad.size} such): "
            "drop or mend missing results first, they are not zeros"
        )
    return vector


def results(values: Sequence[float] | Floats, name: str, *, at_least: int = 1) -> Floats:
    """Return `values` as a vector of 0.0 and 1.0, shape [n].

    Raises:
        ValueError: as `numbers`, or one is neither 0 nor 1.
    """
    import numpy as np

    vector = numbers(values, name, at_least=at_least)
    bad = np.flatnonzero((vector != 0.0) & (vector != 1.0))
    if bad.size:
        raise ValueError(
            f"{name}[{int(bad[0])}] is {float(vector[bad[0]])!r}: a result is 0 or 1; "
            "compare other scores as scores"
        )
    return vector


def same_length(a: Sequence[Any] | Floats, b: Sequence[Any] | Floats, what: str) -> None:
    """Refuse two vectors that can't be paired item by item.

    Raises:
        ValueError: their lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"{what}: {len(a)!r} and {len(b)!r} values can't be paired")


def cluster_codes(clusters: Sequence[Any], n: int) -> Whole:
    """Number the clusters 0..G-1; one label an item, shape [n] in and out.

    Raises:
        ValueError: not n labels, or fewer than two clusters.
    """
    import numpy as np

    same_length(clusters, range(n), "cluster labels and items")
    numbered: dict[Any, int] = {}
    codes = np.array(
        [numbered.setdefault(label, len(numbered)) for label in _plain(clusters)], dtype=np.int64
    )
    if len(numbered) < 2:
        raise ValueError(
            f"all {n!r} items lie in one cluster: nothing tells how much clusters differ"
        )
    return codes


def _plain(clusters: Sequence[Any]) -> Sequence[Any]:
    listed: Sequence[Any] = clusters.tolist() if hasattr(clusters, "tolist") else clusters
    for place, label in enumerate(listed):
        if label is None or label != label:  # NaN differs from itself
            raise ValueError(f"clusters[{place}] is {label!r}: each item needs a cluster")
    return listed
