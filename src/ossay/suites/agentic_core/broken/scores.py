"""A project that ranks players: best results, shared places, a table with ties at the cut."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    The league table of the $city $game club.

    Results are tuples `(player, day, points)`; days are whole numbers, results come in any order.

    - What counts for a player is the best $best results: their points are added up. Who has fewer
      than $least results is not ranked at all.
    - Places: equal sums share a place, and the place after a shared one is left out
      (1, 2, 2, 4). Players who share a place are listed by name.
    - `$table(results, n)` shows the players on places 1 to `n`: when the last place is shared, all
      who share it are shown, so there can be more than `n` rows.
    - `$form(results, player)` is the mean of a player's latest $window results by day (of all, if
      there are fewer), rounded to one decimal; `None` for a player without results.
"""

_RESULTS = '''
    """Results and what counts of them."""

    BEST = $best
    LEAST = $least


    def by_player(results):
        """Return player -> [(day, points)], in the order of the results."""
        grouped = {}
        for player, day, points in results:
            grouped.setdefault(player, []).append((day, points))
        return grouped


    def $sum_of(entries):
        """Add up the best results among (day, points) entries."""
        points = sorted((points for _, points in entries), reverse=True)
        return sum(points[:BEST])


    def $standings(results):
        """Return player -> sum for everyone who has enough results."""
        return {
            player: $sum_of(entries)
            for player, entries in by_player(results).items()
            if len(entries) >= LEAST
        }
'''

_TABLE = '''
    """Places and the table."""

    from $name.results import $standings


    def $ranking(results):
        """Return (place, player, sum) rows, best first."""
        totals = $standings(results)
        names = sorted(totals, key=lambda name: (-totals[name], name))
        rows = []
        for position, player in enumerate(names, start=1):
            if rows and rows[-1][2] == totals[player]:
                place = rows[-1][0]
            else:
                place = position
            rows.append((place, player, totals[player]))
        return rows


    def $table(results, n):
        """Return the rows of places 1 to n."""
        return [row for row in $ranking(results) if row[0] <= n]
'''

_FORM = '''
    """How a player has been doing lately."""

    from $name.results import by_player

    WINDOW = $window


    def $form(results, player):
        """Return the mean of the latest results, to one decimal, None where there are none."""
        entries = by_player(results).get(player, [])
        if not entries:
            return None
        latest = sorted(entries)[-WINDOW:]
        return round(sum(points for _, points in latest) / len(latest), 1)
'''

_TESTS = """
    from $name.form import $form
    from $name.results import $standings
    from $name.table import $ranking, $table

    SEASON = [
        ("$ann", 1, 30), ("$ann", 2, 10), ("$ann", 3, 20), ("$ann", 4, 40), ("$ann", 5, 25),
        ("$bob", 5, 35), ("$bob", 2, 45), ("$bob", 3, 5), ("$bob", 1, 15), ("$bob", 9, 20),
    ]


    def test_only_the_best_results_count():
        assert $standings(SEASON) == <?>


    def test_too_few_results():
        assert $standings([("$ann", day, 10) for day in range($least - 1)]) == <?>
        assert $standings([("$ann", day, 10) for day in range($least)]) == <?>


    def rows(*sums):
        return [
            (name, day, points)
            for name, points in sums
            for day in range($least)
        ]


    def test_shared_places():
        season = rows(("$dee", 7), ("$ann", 9), ("$cy", 7), ("$bob", 3))
        assert [(place, name) for place, name, _ in $ranking(season)] == [
            (1, "$ann"), (2, "$cy"), (2, "$dee"), (4, "$bob"),
        ]


    def test_table_stops_after_n_places():
        season = rows(("$cy", 7), ("$ann", 9), ("$dee", 8), ("$bob", 3))
        assert [name for _, name, _ in $table(season, 2)] == ["$ann", "$dee"]


    def test_table_shows_all_who_share_the_last_place():
        season = rows(("$dee", 7), ("$ann", 9), ("$cy", 7), ("$bob", 3))
        assert [name for _, name, _ in $table(season, 2)] == ["$ann", "$cy", "$dee"]


    def test_form():
        assert $form([("$ann", 3, 10), ("$bob", 1, 90), ("$ann", 1, 21)], "$ann") == <?>
        assert $form([("$bob", 1, 90)], "$bob") == <?>
        assert $form([("$bob", 1, 90)], "$ann") is None
        assert $form([("$ann", d, 2 * d) for d in (9, 1, 8, 2, 7, 3)], "$ann") == <?>
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    names = sorted(words.several("first_name", 4))
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "city": words.draw("city"),
        "game": rng.choice(("chess", "darts", "bowling", "quiz", "curling")),
        **dict(zip(("ann", "bob", "cy", "dee"), names, strict=True)),
        "best": rng.choice((3, 4)),
        "least": rng.choice((2, 3)),
        "window": rng.choice((2, 3, 4)),
        "sum_of": rng.choice(("sum_of", "counted", "best_sum")),
        "standings": rng.choice(("standings", "sums", "season_points")),
        "ranking": rng.choice(("ranking", "placed", "ranks")),
        "table": rng.choice(("table", "top", "leaders")),
        "form": rng.choice(("form", "recent_mean", "lately")),
    }
    name = values["name"]
    results, table, form = (f"{name}/{m}.py" for m in ("results", "table", "form"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": f'"""The league table of the {values["game"]} club."""\n',
            results: fill(_RESULTS, **values),
            table: fill(_TABLE, **values),
            form: fill(_FORM, **values),
        },
        tests={"tests/test_league.py": fill(_TESTS, **values)},
        setup=(
            f"from {name}.form import {values['form']}\n"
            f"from {name}.results import {values['standings']}\n"
            f"from {name}.table import {values['ranking']}, {values['table']}\n"
        ),
        probes=_probes(rng, values),
        bugs=(
            Bug(results, "sum(points[:BEST])", "sum(points[: BEST - 1])"),
            Bug(
                results,
                "(points for _, points in entries), reverse=True",
                "points for _, points in entries",
            ),
            Bug(results, "len(entries) >= LEAST", "len(entries) > LEAST"),
            Bug(table, "place = position\n", "place = rows[-1][0] + 1 if rows else 1\n"),
            Bug(
                table,
                "if rows and rows[-1][2] == totals[player]:",
                "if rows and rows[-1][2] < totals[player]:",
            ),
            Bug(table, "(-totals[name], name)", "-totals[name]"),
            Bug(table, "if row[0] <= n]", "][:n]"),
            Bug(form, "sorted(entries)[-WINDOW:]", "entries[-WINDOW:]"),
            Bug(form, "/ len(latest)", "/ WINDOW"),
        ),
    )


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    standings, ranking, table, form = (
        values[key] for key in ("standings", "ranking", "table", "form")
    )
    least = values["least"]
    probes = []
    players = ["Zoe", "Adam", "Mia", "Ben", "Lea", "Tom"]
    for _ in range(7):
        results = []
        for player in players:
            days = rng.sample(range(1, 30), rng.randint(1, 7))
            results += [(player, day, 5 * rng.randint(0, 4)) for day in days]
        rng.shuffle(results)
        probes += [f"{standings}({results!r})", f"{ranking}({results!r})"]
        probes += [f"{table}({results!r}, {n})" for n in (1, 2, 3)]
        probes += [f"{form}({results!r}, {player!r})" for player in (*players[:3], "Nobody")]
    few = [("Mia", 3, 10), ("Ben", 9, 20), ("Ben", 4, 5)]
    probes += [f"{form}({few!r}, {player!r})" for player in ("Mia", "Ben")]
    shared = [
        (player, day, points)
        for player, points in zip(players, (5, 9, 9, 5, 5, 1), strict=True)
        for day in range(least)
    ]
    probes += [f"{ranking}({shared!r})", *(f"{table}({shared!r}, {n})" for n in range(1, 7))]
    return tuple(probes)
