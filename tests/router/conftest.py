"""Traffic whose truth is known: words tell how likely each model is right."""

import numpy as np
import pytest

from ossay.core.graded import Graded
from ossay.router.policy import Chooser

WORDS = {"add": 0.97, "sort": 0.9, "prove": 0.55, "integrate": 0.3}  # the cheap model's chances
STRONG = 0.92


@pytest.fixture(scope="session")
def traffic():
    """(n, seed, …) -> graded queries, drawn independently."""

    def draw(n, seed=0, *, approves=None, strata=("",), **charges):
        rng = np.random.default_rng(seed)
        rows = []
        for number in range(n):
            word = str(rng.choice(list(WORDS)))
            cheap, strong = rng.random() < WORDS[word], rng.random() < STRONG
            approval = None
            if approves is not None:
                approval = float(rng.random() < approves[0 if cheap else 1])
            rows.append(
                Graded(
                    f"please {word} item {rng.integers(5_000)} of the list",
                    bool(cheap),
                    bool(strong),
                    task="maths" if word in ("prove", "integrate") else "code",
                    stratum=strata[number % len(strata)],
                    approval=approval,
                    **charges,
                )
            )
        return rows

    return draw


@pytest.fixture(scope="session")
def risk():
    """A policy -> what truly escapes: how often each word is published, and how often wrongly."""

    def of(policy):
        chooser, escaped = Chooser(policy), []
        for word, right in WORDS.items():
            task = "maths" if word in ("prove", "integrate") else "code"
            queries = [f"please {word} item {place} of the list" for place in range(0, 5_000, 25)]
            plans = [chooser.choose(query, task=task).plan for query in queries]
            escaped.append(plans.count("publish") / len(plans) * (1.0 - right) * STRONG)
        return np.mean(escaped)

    return of
