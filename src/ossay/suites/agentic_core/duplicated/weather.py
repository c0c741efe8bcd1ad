"""Modules that each group temperature readings by day."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.duplicated.family import Family, Host

FAMILY = Family(
    readme="""
    # $package

    Figures from the weather station on $company's roof. A reading is `(time, value)` with ISO times
    such as `2025-03-14T09:00`; a value of `None` means that the station was silent.
    """,
    block="""
    $result = {}
    for $stamp, $value in $source:
        if $value is None:
            continue
        $day = $stamp[:10]
        if $day not in $result:
            $result[$day] = [$value, $value, 0, 0]
        $figures = $result[$day]
        $figures[0] = min($figures[0], $value)
        $figures[1] = max($figures[1], $value)
        $figures[2] += $value
        $figures[3] += 1
    """,
    names=(
        {"result": "days", "stamp": "stamp", "value": "value", "day": "day",
         "figures": "figures"},
        {"result": "by_day", "stamp": "time", "value": "reading", "day": "date",
         "figures": "entry"},
        {"result": "grouped", "stamp": "moment", "value": "degrees", "day": "key",
         "figures": "numbers"},
    ),
    hosts=(
        Host(
            "means", "daily_means",
            '''
            """Means of the days."""

            $imports


            def daily_means(readings):
                """Return day -> mean to one decimal."""
                $block
                return {name: round(row[2] / row[3], 1) for name, row in $result.items()}
            ''',
            "readings",
            """
            def test_means():
                assert $function([
                    ("2025-03-14T09:00", 4.0), ("2025-03-14T15:00", 9.5), ("2025-03-15T09:00", -1),
                ]) == <?>


            def test_silence():
                assert $function([("2025-03-14T09:00", None)]) == <?>
            """,
        ),
        Host(
            "extremes", "widest_day",
            '''
            """Days that stand out."""

            $imports


            def widest_day(measurements):
                """Return the day with the largest difference of highest and lowest value.

                The earliest of several; None where there is nothing.
                """
                $block
                widest = None
                for name in sorted($result):
                    spread = $result[name][1] - $result[name][0]
                    if widest is None or spread > widest[1]:
                        widest = (name, spread)
                return widest[0] if widest else None
            ''',
            "measurements",
            """
            def test_widest():
                assert $function([
                    ("2025-03-15T09:00", 4), ("2025-03-15T15:00", 9), ("2025-03-14T09:00", 1),
                    ("2025-03-14T12:00", None), ("2025-03-14T15:00", 6),
                ]) == <?>


            def test_nothing():
                assert $function([]) == <?>
            """,
        ),
        Host(
            "frost", "frost_report",
            '''
            """Warnings of frost."""

            $imports

            FROST = 0


            def frost_report(values):
                """Return one line for each day with frost, in order."""
                $block
                return [
                    f"{name}: {row[0]:.1f} degrees, {row[3]} readings"
                    for name, row in sorted($result.items())
                    if row[0] < FROST
                ]
            ''',
            "values",
            """
            def test_frost():
                assert $function([
                    ("2025-01-02T06:00", 0), ("2025-01-01T06:00", -2.25), ("2025-01-01T12:00", 3),
                ]) == <?>
            """,
        ),
    ),
    shared=("grouping", "figures_by_day", "Grouping readings by day."),
    parameters=("readings",),
    empty="{}",
)  # fmt: skip


def probes(rng: random.Random) -> dict[str, list[str]]:
    """Calls of the public functions."""
    lists: list[list[tuple[str, float | None]]] = [[], [("2025-01-01T00:00", None)]]
    for _ in range(10):
        lists.append(
            [
                (
                    f"2025-02-0{rng.randint(1, 4)}T{rng.randint(0, 23):02d}:00",
                    rng.choice((None, 0, rng.randint(-20, 80) / 4, rng.randint(-20, 80) / 4)),
                )
                for _ in range(rng.randint(1, 10))
            ]
        )
    names = ("daily_means", "widest_day", "frost_report")
    return {name: [f"{name}({readings})" for readings in lists] for name in names}
