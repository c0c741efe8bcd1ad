"""Modules that each merge overlapping bookings of a room."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.duplicated.family import Family, Host

FAMILY = Family(
    readme="""
    # $package

    Evaluates the bookings of $company's meeting rooms. A booking is `(start, end)` in minutes
    after midnight. Bookings overlap, touch and come in any order; one without length is ignored.
    """,
    block="""
    $result = []
    for $start, $end in sorted($source):
        if $end < $start:
            raise ValueError(f"ends before it starts: {$start}-{$end}")
        if $start == $end:
            continue
        if $result and $start <= $result[-1][1]:
            $result[-1][1] = max($result[-1][1], $end)
        else:
            $result.append([$start, $end])
    """,
    names=(
        {"result": "merged", "start": "start", "end": "end"},
        {"result": "blocks", "start": "begin", "end": "stop"},
        {"result": "busy", "start": "first", "end": "last"},
    ),
    hosts=(
        Host(
            "usage", "busy_minutes",
            '''
            """How much a room is used."""

            $imports


            def busy_minutes(bookings):
                """Return for how many minutes the room is taken."""
                $block
                return sum(until - since for since, until in $result)
            ''',
            "bookings",
            """
            def test_overlapping():
                assert $function([(540, 600), (570, 660)]) == <?>


            def test_one_inside_another():
                assert $function([(500, 900), (600, 620), (880, 910)]) == <?>


            def test_wrong_way_round():
                try:
                    $function([(600, 540)])
                except ValueError:
                    pass
                else:
                    raise AssertionError("no error")
            """,
        ),
        Host(
            "gaps", "free_slots",
            '''
            """When a room is free."""

            $imports

            SHORTEST = 15


            def free_slots(taken, opens, closes):
                """Return the free (start, end) slots of at least SHORTEST minutes, in order."""
                $block
                slots = []
                free_from = opens
                for since, until in $result:
                    if since - free_from >= SHORTEST:
                        slots.append((free_from, min(since, closes)))
                    free_from = max(free_from, until)
                return slots + ([(free_from, closes)] if closes - free_from >= SHORTEST else [])
            ''',
            "taken",
            """
            def test_free_slots():
                assert $function([(600, 660), (540, 610)], 480, 720) == <?>


            def test_short_gaps_do_not_count():
                assert $function([(480, 600), (610, 720)], 480, 720) == <?>
            """,
        ),
        Host(
            "plan", "show_day",
            '''
            """The sign at the door."""

            $imports


            def clock(minutes):
                """Return minutes after midnight as text, for example '09:05'."""
                return f"{minutes // 60:02d}:{minutes % 60:02d}"


            def show_day(spans):
                """Return what the sign at the door says."""
                $block
                if not $result:
                    return "free all day"
                return "taken " + ", ".join(f"{clock(a)}-{clock(b)}" for a, b in $result)
            ''',
            "spans",
            """
            def test_sign():
                assert $function([(545, 600), (600, 610), (700, 720)]) == <?>


            def test_free():
                assert $function([(600, 600)]) == <?>
            """,
        ),
    ),
    shared=("merge", "merge_bookings", "Merging bookings that overlap or touch."),
    parameters=("bookings",),
    empty="[]",
)  # fmt: skip


def probes(rng: random.Random) -> dict[str, list[str]]:
    """Calls of the public functions."""
    days: list[list[tuple[int, int]]] = [[], [(600, 600)], [(600, 599)], [(480, 540), (540, 600)]]
    days.append([(500, 900), (510, 520), (530, 540), (899, 905)])
    for _ in range(9):
        starts = [rng.randrange(480, 1000, 5) for _ in range(rng.randint(1, 6))]
        days.append([(start, start + rng.randrange(0, 120, 5)) for start in starts])
    return {
        "busy_minutes": [f"busy_minutes({day})" for day in days],
        "free_slots": [f"free_slots({day}, 480, {rng.randrange(960, 1200, 5)})" for day in days],
        "show_day": [f"show_day({day})" for day in days],
    }
