"""Made-up benchmark results to draw a chart of: two scales, friendly names, one of two layouts.

`Chart` holds what is given and what the finished chart must show, told in numbers and words. Knows
nothing of HTML or browsers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, NamedTuple

Layout = Literal["grouped", "panels"]

TOP = 3  # results of each benchmark that get a label

_MAKERS = ("Aurora", "Basalt", "Cirrus", "Delta", "Ember", "Fjord", "Granite", "Helix", "Indigo",
           "Juniper", "Kestrel", "Lumen", "Meridian", "Nimbus", "Onyx", "Prism")  # fmt: skip
_SIZES = ("Mini", "Base", "Large", "Pro", "Flash", "Max")
_BENCHMARKS = (
    ("repo-repair", "Repo Repair"),
    ("long-recall", "Long Recall"),
    ("proof-steps", "Proof Steps"),
    ("tool-relay", "Tool Relay"),
    ("chart-reading", "Chart Reading"),
    ("unit-tests", "Unit Tests"),
    ("web-errands", "Web Errands"),
    ("table-lookup", "Table Lookup"),
)


class Scale(NamedTuple):
    """From which to which number a benchmark goes."""

    low: int
    high: int


_PLAIN = Scale(0, 100)
_OTHERS = (Scale(0, 400), Scale(0, 40), Scale(0, 5), Scale(0, 1000), Scale(0, 250), Scale(200, 800))


class Benchmark(NamedTuple):
    """One benchmark."""

    id: str
    title: str
    scale: Scale


class Model(NamedTuple):
    """One model: its id in the data, and what it is called in the chart."""

    id: str
    name: str


class Chart(NamedTuple):
    """What a chart is to be made of.

    `tenths` has model id, benchmark id -> the result on the scale from 0 to 100, in tenths; a
    result that is missing is not in it.
    """

    layout: Layout
    benchmarks: tuple[Benchmark, Benchmark]
    models: tuple[Model, ...]
    tenths: Mapping[tuple[str, str], int]

    def given(self) -> str:
        """The data as JSON: results as they were measured, in no order."""
        rows = []
        for benchmark in self.benchmarks:
            for model in self.models:
                value = self.tenths.get((model.id, benchmark.id))
                measured = None if value is None else raw(benchmark.scale, value)
                rows.append({"model": model.id, "benchmark": benchmark.id, "result": measured})
        benchmarks = [
            {"id": b.id, "title": b.title, "from": b.scale.low, "to": b.scale.high}
            for b in self.benchmarks
        ]
        lines = ",\n    ".join(json.dumps(row) for row in sorted(rows, key=str))
        head = ",\n    ".join(json.dumps(row) for row in benchmarks)
        return f'{{\n  "benchmarks": [\n    {head}\n  ],\n  "results": [\n    {lines}\n  ]\n}}\n'

    def order(self, benchmark: Benchmark) -> list[str]:
        """The models' ids as they stand in the chart, the best first.

        In panels each benchmark has its own order; groups go by the first benchmark.
        """
        by = benchmark if self.layout == "panels" else self.benchmarks[0]
        there = [m.id for m in self.models if (m.id, benchmark.id) in self.tenths]
        return sorted(there, key=lambda model: -self.tenths[model, by.id])

    def top(self, benchmark: Benchmark) -> list[str]:
        """The ids of the models whose bars get a label."""
        there = [m.id for m in self.models if (m.id, benchmark.id) in self.tenths]
        return sorted(there, key=lambda model: -self.tenths[model, benchmark.id])[:TOP]


def label(tenths: int) -> str:
    """A result as a label has it: '63.4'."""
    return f"{tenths // 10}.{tenths % 10}"


def draw_chart(rng: random.Random) -> Chart:
    """Make up models, benchmarks and results. No two results are the same."""
    layout: Layout = rng.choice(("grouped", "panels"))
    count = rng.randint(6, 8)
    models = tuple(_model(rng, maker) for maker in rng.sample(_MAKERS, count))
    scales = [_PLAIN, rng.choice(_OTHERS)]
    rng.shuffle(scales)
    named = rng.sample(_BENCHMARKS, 2)
    first, second = (Benchmark(*one, scale) for one, scale in zip(named, scales, strict=True))
    values = iter(_values(rng, 2 * count))
    tenths = {(m.id, b.id): next(values) for b in (first, second) for m in models}
    if rng.random() < 0.5:
        del tenths[rng.choice(models).id, second.id]
    return Chart(layout, (first, second), models, tenths)


def _model(rng: random.Random, maker: str) -> Model:
    number = rng.choice((2, 3, 4, 5))
    size = rng.choice(_SIZES)
    stamp = f"2025{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    return Model(f"{maker.lower()}-{number}-{size.lower()}-{stamp}", f"{maker} {number} {size}")


def _values(rng: random.Random, count: int) -> list[int]:
    """Different results, no two nearer than 0.7 points, none a whole number of points."""
    found: list[int] = []
    while len(found) < count:
        value = rng.randint(180, 960)
        if value % 10 and all(abs(value - other) >= 7 for other in found):
            found.append(value)
    return found


def raw(scale: Scale, tenths: int) -> float | int:
    """The result on the benchmark's own scale, exact."""
    exact = scale.low + Fraction(tenths, 1000) * (scale.high - scale.low)
    return exact.numerator if exact.denominator == 1 else float(exact)
