"""A project that reads, adds and shows lengths of time."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Time sheets of $company: reading, adding and showing lengths of time.

    - A length of time is written as numbers with units, biggest unit first: `1d4h`, `2h 30m`,
      `45m`, `1h5m10s`. Units are `d`, `h`, `m` and `s`, each at most once; white space between
      the parts and capitals don't matter. A working day `d` has $day_hours hours. A bare number
      means minutes.
    - `$parse` returns whole seconds, and raises `ValueError` for anything else, also for an empty
      text.
    - `$show` turns whole seconds into such a text: the biggest unit that fits first, parts that
      are zero left out, no white space. Zero is `0m`. A negative length has a leading `-`.
    - An entry of a time sheet is `(person, length)`. `$sheet` maps each person to the sum, as
      text. Each entry is first rounded up to a full $step minutes.
"""

_UNITS = '''
    """The units, biggest first."""

    SECONDS = {
        "d": $day_hours * 3600,
        "h": 3600,
        "m": 60,
        "s": 1,
    }
'''

_PARSE = '''
    """Reading lengths of time."""

    import re

    from $name.units import SECONDS

    _PART = re.compile(r"(\\d+)([dhms])\\s*")


    def $parse(text):
        """Return the seconds that a text such as '2h 30m' stands for."""
        rest = text.strip().lower()
        if rest.isdigit():
            return int(rest) * SECONDS["m"]
        units = list(SECONDS)
        total = 0
        while rest:
            part = _PART.match(rest)
            if part is None or part[2] not in units:
                raise ValueError(f"not a length of time: {text!r}")
            total += int(part[1]) * SECONDS[part[2]]
            units = units[units.index(part[2]) + 1 :]
            rest = rest[part.end() :]
        if len(units) == len(SECONDS):
            raise ValueError(f"not a length of time: {text!r}")
        return total
'''

_SHOW = '''
    """Showing lengths of time."""

    from $name.units import SECONDS


    def $show(seconds):
        """Return whole seconds as text, for example 5400 as '1h30m'."""
        if seconds < 0:
            return "-" + $show(-seconds)
        parts = []
        for unit, size in SECONDS.items():
            count, seconds = divmod(seconds, size)
            if count:
                parts.append(f"{count}{unit}")
        return "".join(parts) or "0m"
'''

_SHEET = '''
    """Adding up time sheets."""

    from $name.parse import $parse
    from $name.show import $show

    STEP = $step * 60


    def round_up(seconds):
        """Round up to a full step."""
        return -(-seconds // STEP) * STEP


    def $sheet(entries):
        """Return person -> sum of the rounded lengths as text, for (person, length) entries."""
        sums = {}
        for person, length in entries:
            sums[person] = sums.get(person, 0) + round_up($parse(length))
        return {person: $show(seconds) for person, seconds in sums.items()}
'''

_TESTS = """
    import pytest

    from $name.parse import $parse
    from $name.sheet import $sheet
    from $name.show import $show


    def test_reading():
        assert $parse("45m") == <?>
        assert $parse("2h 30m") == <?>
        assert $parse("1H5m10S") == <?>
        assert $parse("2d") == <?>


    def test_a_bare_number_means_minutes():
        assert $parse("90") == <?>


    def test_not_a_length():
        for text in ("", "h", "5m2h", "1h1h", "2x", "1h nonsense"):
            with pytest.raises(ValueError):
                $parse(text)


    def test_showing():
        assert $show(5400) == <?>
        assert $show(3605) == <?>
        assert $show($day_seconds) == <?>
        assert $show(59) == <?>


    def test_showing_nothing_and_less():
        assert $show(0) == <?>
        assert $show(-5400) == <?>


    def test_sheet():
        assert $sheet([("$ann", "1h"), ("$bob", "20m"), ("$ann", "$some_minutes")]) == <?>


    def test_each_entry_is_rounded_up():
        assert $sheet([("$ann", "1m"), ("$ann", "1m")]) == <?>
        assert $sheet([("$bob", "$step")]) == <?>
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    day_hours = rng.choice((7, 8, 10))
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "company": words.draw("company"),
        "ann": words.draw("first_name"),
        "bob": words.draw("first_name"),
        "day_hours": day_hours,
        "day_seconds": day_hours * 3600 + 60 * rng.randint(1, 59),
        "step": rng.choice((5, 6, 10, 15)),
        "some_minutes": rng.randint(17, 59),
        "parse": rng.choice(("parse", "seconds_in", "read_length")),
        "show": rng.choice(("show", "as_text", "compact")),
        "sheet": rng.choice(("sheet", "time_sheet", "sums_by_person")),
    }
    name = values["name"]
    parse, show, sheet = (f"{name}/{m}.py" for m in ("parse", "show", "sheet"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": "",
            f"{name}/units.py": fill(_UNITS, **values),
            parse: fill(_PARSE, **values),
            show: fill(_SHOW, **values),
            sheet: fill(_SHEET, **values),
        },
        tests={"tests/test_time_sheet.py": fill(_TESTS, **values)},
        setup=(
            f"from {name}.parse import {values['parse']}\n"
            f"from {name}.sheet import {values['sheet']}\n"
            f"from {name}.show import {values['show']}\n"
        ),
        probes=_probes(rng, values),
        bugs=(
            Bug(f"{name}/units.py", '"m": 60,', '"m": 100,'),
            Bug(parse, 'SECONDS["m"]', 'SECONDS["s"]'),
            Bug(parse, "units.index(part[2]) + 1 :", "units.index(part[2]) :"),
            Bug(parse, "text.strip().lower()", "text.strip()"),
            Bug(parse, "total += int(part[1])", "total = int(part[1])"),
            Bug(show, "        if count:\n", "        if count or parts:\n"),
            Bug(
                show,
                '    if seconds < 0:\n        return "-" + $show(-seconds)\n'.replace(
                    "$show", values["show"]
                ),
                "",
            ),
            Bug(sheet, "-(-seconds // STEP) * STEP", "round(seconds / STEP) * STEP"),
        ),
    )


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    parse, show, sheet = values["parse"], values["show"], values["sheet"]
    texts = ["", "  ", "7x", "3m4h", "2s1m", "1m1m", "h", "m5", "1h!", "abc", "0m", "0", "1D 2H"]
    texts += ["2h 2h", "1s1s", "1d1d", "5M", "1H 1s", "3S"]
    for _ in range(12):
        parts = [f"{rng.randint(1, 70)}{unit}" for unit in "dhms" if rng.randint(0, 1)] or ["3h"]
        texts.append(rng.choice(("", " ", "  ")).join(parts))
    texts += [str(rng.randint(1, 300)) for _ in range(3)]
    probes = [f"{parse}({text!r})" for text in texts]
    day = values["day_hours"] * 3600
    sizes = [0, 1, 59, 60, 61, 3599, 3600, 3601, 3660, day - 1, day, day + 1, 3 * day + 3600 + 60]
    sizes += [-1, -60, -3661] + [rng.randint(1, 200_000) for _ in range(8)]
    probes += [f"{show}({size})" for size in sizes]
    for _ in range(6):
        entries = [
            (rng.choice(("Kim", "Lou", "Max")), f"{rng.randint(0, 3)}h{rng.randint(0, 59)}m")
            for _ in range(rng.randint(1, 8))
        ]
        probes.append(f"{sheet}({entries!r})")
    probes.append(f"{sheet}([('Kim', '1s'), ('Kim', '1s'), ('Lou', '{values['step']}m')])")
    return tuple(probes)
