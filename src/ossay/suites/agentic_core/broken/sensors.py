"""A project that sums up sensor readings: gaps, daily figures, a moving average."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Sums up the readings of the $thing sensors in $city.

    The logger writes one reading a line, `2025-03-14 09:00;$station;12.5`. Lines that start with
    `#` and blank lines are passed over. `-` instead of a number is a gap: the sensor was there but
    had nothing to say. Lines come in any order.

    - `$read(text)` returns `(time, station, value)` tuples sorted by time, then station; the value
      of a gap is `None`.
    - `$daily(text, station)` maps each day on which the station has a line to
      `(lowest, highest, mean)`, the mean rounded to two decimals. Gaps don't count; a day that has
      only gaps maps to `None`.
    - `$moving(values, size)` is the list of means of each `size` neighbouring values, so it has
      `size - 1` fewer than there are values, and none when there are too few. A window with a gap
      in it gives `None`.
    - `$alarms(text, station)` lists the times at which a reading is above $limit, while the reading
      before it (gaps passed over) was not. The first reading counts if it is above.
"""

_READING = '''
    """Reading the logger's files."""

    GAP = "-"


    def $read(text):
        """Return (time, station, value) sorted by time, then station; a gap's value is None."""
        readings = []
        for line in text.splitlines():
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            time, station, value = (field.strip() for field in line.split(";"))
            readings.append((time, station, None if value == GAP else float(value)))
        return sorted(readings, key=lambda reading: reading[:2])


    def of_station(text, station):
        """Return the (time, value) readings of one station."""
        return [(time, value) for time, name, value in $read(text) if name == station]
'''

_DAYS = '''
    """Figures by day."""

    from $name.reading import of_station


    def summary(values):
        """Return (lowest, highest, mean) of the values that are there, None if there are none."""
        there = [value for value in values if value is not None]
        if not there:
            return None
        return min(there), max(there), round(sum(there) / len(there), 2)


    def $daily(text, station):
        """Return day -> summary for each day on which the station has a line."""
        by_day = {}
        for time, value in of_station(text, station):
            by_day.setdefault(time[:10], []).append(value)
        return {day: summary(values) for day, values in by_day.items()}
'''

_TRENDS = '''
    """Means over windows, and alarms."""

    from $name.reading import of_station

    LIMIT = $limit


    def $moving(values, size):
        """Return the means of each `size` neighbouring values, None where one is a gap."""
        means = []
        for start in range(len(values) - size + 1):
            window = values[start : start + size]
            if None in window:
                means.append(None)
            else:
                means.append(sum(window) / size)
        return means


    def $alarms(text, station):
        """Return the times at which the readings rise above the limit."""
        times = []
        was_above = False
        for time, value in of_station(text, station):
            if value is None:
                continue
            above = value > LIMIT
            if above and not was_above:
                times.append(time)
            was_above = above
        return times
'''

_TESTS = '''
    from $name.days import $daily
    from $name.reading import $read
    from $name.trends import $alarms, $moving

    TEXT = """
    # logger $serial
    $day 12:00;$station;$v3
    $day 08:00;$station;$v1
    $day 08:00;$other;3.5
    $day 10:00;$station;0
    $day 11:00;$station;-

    $next_day 08:00;$station;-
    $next_day 08:00;$other;-4.25
    """


    def test_reading_is_sorted():
        assert $read("$day 12:00;$station;1.5\\n$day 08:00;$station;-\\n") == <?>


    def test_daily_figures():
        assert $daily(TEXT, "$other") == <?>
        assert $daily(TEXT, "$station")["$day"] == <?>


    def test_a_day_of_gaps():
        assert $daily(TEXT, "$station")["$next_day"] is None


    def test_moving():
        assert $moving([1.0, 2.0, 6.0, 4.0], 2) == <?>
        assert $moving([2.0, 4.0], 3) == <?>
        assert $moving([2.0, 4.0, 9.0], 3) == <?>


    def test_moving_over_a_gap():
        assert $moving([1.0, None, 3.0, 5.0, 0.0], 2) == <?>


    def test_alarms():
        lines = [
            "$day 01:00;$station;$limit",
            "$day 02:00;$station;$above",
            "$day 03:00;$station;$far_above",
            "$day 04:00;$station;-",
            "$day 05:00;$station;$above",
            "$day 06:00;$station;0",
            "$day 07:00;$station;$far_above",
        ]
        assert $alarms("\\n".join(lines), "$station") == ["$day 02:00", "$day 07:00"]
        assert $alarms("\\n".join(lines[1:]), "$station")[:1] == ["$day 02:00"]
        assert $alarms("\\n".join(reversed(lines)), "$station") == ["$day 02:00", "$day 07:00"]
'''


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    limit = rng.randint(20, 80)
    month, day = rng.randint(1, 12), rng.randint(1, 27)
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "city": words.draw("city"),
        "thing": rng.choice(("water", "wind", "noise", "dust", "humidity")),
        "station": words.draw("animal"),
        "other": words.draw("animal"),
        "serial": rng.randint(1000, 9999),
        "day": f"{rng.randint(2021, 2026)}-{month:02d}-{day:02d}",
        "v1": rng.randint(1, 200) / 4,
        "v3": rng.randint(1, 200) / 4,
        "limit": limit,
        "above": limit + 0.5,
        "far_above": limit + rng.randint(3, 20),
        "read": rng.choice(("read", "readings", "parse_log")),
        "daily": rng.choice(("daily", "by_day", "day_figures")),
        "moving": rng.choice(("moving", "moving_mean", "smooth")),
        "alarms": rng.choice(("alarms", "exceeded", "warnings_at")),
    }
    values["next_day"] = f"{values['day'][:8]}{day + 1:02d}"
    name = values["name"]
    reading, days, trends = (f"{name}/{m}.py" for m in ("reading", "days", "trends"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": "",
            reading: fill(_READING, **values),
            days: fill(_DAYS, **values),
            trends: fill(_TRENDS, **values),
        },
        tests={"tests/test_sensors.py": fill(_TESTS, **values)},
        setup=(
            f"from {name}.days import {values['daily']}\n"
            f"from {name}.reading import {values['read']}\n"
            f"from {name}.trends import {values['alarms']}, {values['moving']}\n"
        ),
        probes=_probes(rng, values),
        bugs=(
            Bug(
                reading,
                "None if value == GAP else float(value)",
                "0.0 if value == GAP else float(value)",
            ),
            Bug(reading, "sorted(readings, key=lambda reading: reading[:2])", "readings"),
            Bug(
                days,
                "[value for value in values if value is not None]",
                "[value for value in values if value]",
            ),
            Bug(days, "round(sum(there) / len(there), 2)", "round(sum(there) / len(values), 2)"),
            Bug(days, "time[:10]", "time[:7]"),
            Bug(trends, "len(values) - size + 1", "len(values) - size"),
            Bug(trends, "sum(window) / size", "sum(window) // size"),
            Bug(trends, "above = value > LIMIT", "above = value >= LIMIT"),
            Bug(trends, "if above and not was_above:", "if above:"),
            Bug(
                trends,
                "            continue\n        above",
                "            was_above = False\n            continue\n        above",
            ),
        ),
    )


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    read, daily, moving, alarms = (values[key] for key in ("read", "daily", "moving", "alarms"))
    limit = values["limit"]
    probes = []
    for _ in range(8):
        lines = ["# header"]
        for day in ("2024-02-28", "2024-02-29", "2024-03-01"):
            for station in ("S1", "S2"):
                hours = rng.sample(range(24), rng.randint(0, 6))
                numbers = ("-", "0", limit, limit + 1, limit + 7.5, "-3.25", rng.randint(1, 99))
                lines += [f"{day} {h:02d}:00;{station};{rng.choice(numbers)}" for h in hours]
        rng.shuffle(lines)
        text = "\n".join(lines)
        probes += [f"{read}({text!r})", f"{daily}({text!r}, 'S1')", f"{daily}({text!r}, 'S2')"]
        probes += [f"{alarms}({text!r}, 'S1')", f"{alarms}({text!r}, 'S2')"]
    for size in (1, 2, 3, 5):
        row = [rng.choice((None, 1.0, 2.5, 4.0, 7.0)) for _ in range(7)]
        probes.append(f"{moving}({row!r}, {size})")
        probes.append(f"{moving}({[float(rng.randint(0, 9)) for _ in range(5)]!r}, {size})")
    rise = [limit + 1, "-", limit + 2, limit, limit + 3, 0, "-", "-", limit + 9]
    text = "\n".join(f"2025-01-01 {h:02d}:00;S1;{value}" for h, value in enumerate(rise))
    probes += [f"{alarms}({text!r}, 'S1')", f"{daily}({text!r}, 'S1')"]
    quiet = [limit + 2, "-", limit + 4, limit - 1, "-", limit + 1, "-", limit + 5]
    text = "\n".join(f"2025-01-02 {h:02d}:00;S2;{value}" for h, value in enumerate(quiet))
    probes.append(f"{alarms}({text!r}, 'S2')")
    gaps = "2025-01-01 08:00;S1;-\n2025-01-02 08:00;S1;0\n2025-01-02 09:00;S1;-"
    return (*probes, f"{daily}({gaps!r}, 'S1')")
