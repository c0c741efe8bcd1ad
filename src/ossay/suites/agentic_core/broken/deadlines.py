"""A project that counts workdays: weekends, holidays, a cut-off hour, due dates."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Works out when $company has to deliver. Days are written as ISO text, `2025-03-14`.

    - Workdays are Monday to Friday, except the days in `HOLIDAYS`.
    - An order that arrives at $cutoff:00 or later counts as having arrived on the next day.
    - Counting starts at the first workday on or after the day of arrival. A $slow_name order is due
      $slow workdays after it, $a_fast $fast_name order $fast workdays after it.
    - `$between(start, end)` counts the workdays from `start` up to, but not including, `end`.
"""

_HOLIDAYS = '''
    """Days on which nobody works."""

    from datetime import date

    _TEXT = """
    # fixed
    $holiday_1
    $holiday_2
    # agreed with the works council
    $holiday_3
    $holiday_4
    """


    def parse_days(text):
        """Read one ISO day a line; blank lines and lines that start with '#' are passed over."""
        days = set()
        for line in text.splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                days.add(date.fromisoformat(line))
        return days


    HOLIDAYS = parse_days(_TEXT)
'''

_WORKDAYS = '''
    """Counting workdays."""

    from datetime import timedelta

    from $name.holidays import HOLIDAYS

    ONE_DAY = timedelta(days=1)


    def is_workday(day):
        """Whether somebody works on that day."""
        return day.weekday() < 5 and day not in HOLIDAYS


    def on_or_after(day):
        """Return `day` if it is a workday, else the next workday."""
        while not is_workday(day):
            day += ONE_DAY
        return day


    def add_workdays(day, count):
        """Return the workday that comes `count` workdays after `day`."""
        for _ in range(count):
            day = on_or_after(day + ONE_DAY)
        return day


    def count_workdays(start, end):
        """Count the workdays from `start` up to, but not including, `end`."""
        count = 0
        while start < end:
            if is_workday(start):
                count += 1
            start += ONE_DAY
        return count
'''

_DUE = '''
    """When an order is due. Days go in and out as ISO text."""

    from datetime import date

    from $name.workdays import ONE_DAY, add_workdays, count_workdays, on_or_after

    CUTOFF_HOUR = $cutoff
    WORKDAYS = {"$slow_name": $slow, "$fast_name": $fast}


    def $due(day, hour, kind):
        """Return the day on which an order is due that arrived on `day` in that hour (0 to 23)."""
        arrived = date.fromisoformat(day)
        if hour >= CUTOFF_HOUR:
            arrived += ONE_DAY
        counted_from = on_or_after(arrived)
        return add_workdays(counted_from, WORKDAYS[kind]).isoformat()


    def $between(start, end):
        """Count the workdays from one ISO day up to, but not including, another."""
        return count_workdays(date.fromisoformat(start), date.fromisoformat(end))


    def $late(orders, today):
        """Return the ids of the orders that were due before `today`, in the order given.

        An order is (id, day, hour, kind).
        """
        return [
            order_id
            for order_id, day, hour, kind in orders
            if $due(day, hour, kind) < today
        ]
'''

_TESTS = """
    from $name.due import $between, $due, $late


    def test_within_one_week():
        assert $due("$monday", 9, "$fast_name") == <?>


    def test_over_a_weekend():
        assert $due("$thursday", 9, "$fast_name") == <?>
        assert $due("$friday", 9, "$fast_name") == <?>
        assert $due("$saturday", 9, "$fast_name") == <?>


    def test_every_day_of_a_week():
        assert $due("$monday", 0, "$slow_name") == <?>
        assert $due("$tuesday", 0, "$slow_name") == <?>
        assert $due("$wednesday", 0, "$slow_name") == <?>
        assert $due("$thursday", 0, "$slow_name") == <?>
        assert $due("$friday", 0, "$slow_name") == <?>


    def test_cutoff_hour_counts_as_the_next_day():
        assert $due("$monday", $before_cutoff, "$slow_name") == <?>
        assert $due("$monday", $cutoff, "$slow_name") == <?>


    def test_nobody_works_on_a_holiday():
        assert $due("$holiday_1", 9, "$fast_name") == <?>
        assert $due("$eve", 9, "$slow_name") == <?>


    def test_between():
        assert $between("$monday", "$friday") == <?>
        assert $between("$monday", "$next_monday") == <?>
        assert $between("$saturday", "$next_monday") == <?>


    def test_late():
        assert $late([("A1", "$monday", 8, "$fast_name")], "$friday") == <?>
        assert $late([("A1", "$monday", 8, "$fast_name")], "$due_day") == <?>
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    year = rng.randint(2019, 2027)
    # Three free weeks in spring hold the plain tests; the holidays lie in the second half.
    monday = date(year, 3, 1) + timedelta(days=(7 - date(year, 3, 1).weekday()) % 7)
    monday += timedelta(weeks=rng.randint(0, 8))
    holidays = _holidays(rng, year)
    fast = rng.randint(1, 3)
    due_day = monday + timedelta(days=fast)
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "company": words.draw("company"),
        "cutoff": rng.randint(11, 18),
        "slow": rng.randint(5, 9),
        "fast": fast,
        "slow_name": rng.choice(("standard", "economy", "regular")),
        "fast_name": rng.choice(("express", "urgent", "priority")),
        "monday": monday,
        "tuesday": monday + timedelta(days=1),
        "wednesday": monday + timedelta(days=2),
        "thursday": monday + timedelta(days=3),
        "friday": monday + timedelta(days=4),
        "saturday": monday + timedelta(days=5),
        "next_monday": monday + timedelta(days=7),
        "due_day": due_day,
        "eve": holidays[0] - timedelta(days=1),
        "due": rng.choice(("due_day", "deadline", "deliver_by")),
        "between": rng.choice(("workdays_between", "workdays_until", "working_days")),
        "late": rng.choice(("overdue", "late_orders", "missed")),
        **{f"holiday_{n}": day for n, day in enumerate(holidays, 1)},
    }
    values["before_cutoff"] = values["cutoff"] - 1
    values["a_fast"] = "an" if str(values["fast_name"])[0] in "eu" else "a"
    name = values["name"]
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": "",
            f"{name}/holidays.py": fill(_HOLIDAYS, **values),
            f"{name}/workdays.py": fill(_WORKDAYS, **values),
            f"{name}/due.py": fill(_DUE, **values),
        },
        tests={"tests/test_due.py": fill(_TESTS, **values)},
        setup=f"from {name}.due import {values['between']}, {values['due']}, {values['late']}\n",
        probes=_probes(rng, values, year, holidays),
        bugs=(
            Bug(f"{name}/workdays.py", "day.weekday() < 5", "day.weekday() <= 5"),
            Bug(
                f"{name}/workdays.py",
                "day = on_or_after(day + ONE_DAY)",
                "day = on_or_after(day) + ONE_DAY",
            ),
            Bug(f"{name}/workdays.py", "while start < end:", "while start <= end:"),
            Bug(f"{name}/due.py", "hour >= CUTOFF_HOUR", "hour > CUTOFF_HOUR"),
            Bug(f"{name}/due.py", "counted_from = on_or_after(arrived)", "counted_from = arrived"),
            Bug(f"{name}/due.py", "(day, hour, kind) < today", "(day, hour, kind) <= today"),
            Bug(f"{name}/workdays.py", " and day not in HOLIDAYS", ""),
        ),
    )


def _holidays(rng: random.Random, year: int) -> list[date]:
    """Four weekdays of the second half of a year; the first is none of a Monday."""
    days: list[date] = []
    while len(days) < 4:
        day = date(year, rng.randint(7, 12), rng.randint(1, 28))
        first_monday = not days and day.weekday() == 0
        if day.weekday() < 5 and day not in days and not first_monday:
            days.append(day)
    return days


def _probes(
    rng: random.Random, values: dict[str, Any], year: int, holidays: list[date]
) -> tuple[str, ...]:
    due, between, late = values["due"], values["between"], values["late"]
    cutoff = values["cutoff"]
    kinds = (values["slow_name"], values["fast_name"])
    probes = []
    orders = []
    days = [date(year, 1, 5) + timedelta(days=rng.randint(0, 340)) for _ in range(10)]
    days += [holiday - timedelta(days=rng.randint(0, 4)) for holiday in holidays]
    start = date(year, 5, 4) + timedelta(days=rng.randint(0, 6))
    days += [start + timedelta(days=n) for n in range(7)]
    for number, day in enumerate(days):
        hour = rng.choice((0, cutoff - 1, cutoff, cutoff + 1, 23))
        kind = rng.choice(kinds)
        probes.append(f"{due}('{day}', {hour}, '{kind}')")
        orders.append((f"N{number}", str(day), hour, kind))
        probes.append(f"{between}('{day}', '{day + timedelta(days=rng.randint(0, 30))}')")
    probes += [f"{due}('{day}', 8, '{kind}')" for day in holidays for kind in kinds]
    probes += [
        f"{due}('{start + timedelta(days=n)}', {hour}, '{kind}')"
        for n in range(7)
        for hour in (cutoff - 1, cutoff)
        for kind in kinds
    ]
    probes += [f"{late}({orders!r}, '{day}')" for day in days[:6]]
    # An order looked at on the very day on which it is due.
    for day in days[:4]:
        order = (str(day), 8, kinds[0])
        probes.append(f"{late}([{('Z', *order)}], {due}{order})")
    return tuple(probes)
