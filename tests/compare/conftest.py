"""Records as tests write them down, and the real ones beside the checkout."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ossay.core.results import Records, Result, Source, Stated


@pytest.fixture
def rng():
    """A fresh generator, always the same."""
    return np.random.default_rng(20_260_101)


@pytest.fixture
def rows():
    """{model: [score, …]} -> Records; a string instead of a score is why it is missing."""

    def build(scores, *, source="s", clusters=None, attempts=1, **fields):
        found = []
        for model, values in scores.items():
            for place, value in enumerate(values):
                item = place // attempts
                missing = value if isinstance(value, str) else ""
                found.append(
                    Result(
                        model,
                        f"item-{item:03}",
                        None if missing else float(value),
                        attempt=1 + place % attempts,
                        cluster=None if clusters is None else clusters[item],
                        missing=missing,
                        source=source,
                        **fields,
                    )
                )
        return Records((Source(source, "csv"),), tuple(found))

    return build


@pytest.fixture(scope="session")
def swebench():
    """25 models on 500 tasks with costs, and what the site states of 31."""
    folder = _records() / "swebench_bash_only"
    with gzip.open(folder / "per_instance.csv.gz", "rt") as file:
        results = tuple(
            Result(
                row["model"],
                row["instance_id"],
                float(row["resolved"]),
                cost_usd=float(row["cost_usd"]),
                source="swebench",
            )
            for row in csv.DictReader(file)
        )
    stated = tuple(
        Stated(
            row["name"],
            row["resolved"] / 100,
            digits=len(str(row["resolved"]).partition(".")[2]) + 2,
        )
        for row in json.loads((folder / "models.json").read_text())
    )
    return Records((Source("swebench", "csv"),), results, (), stated)


def _records():
    data = os.environ.get("OSSAY_DATA") or Path(__file__).parents[3] / "shared/data"
    folder = Path(data) / "records"
    if not folder.is_dir():
        pytest.skip("the records are not beside this checkout; set OSSAY_DATA to their folder")
    return folder
