"""Tickets about lists with nothing in them: ratings, streaks."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.unguarded.ticket import Template, Ticket, names_of, open_ticket

_RATINGS = Template(
    module='''
    """Ratings of products: whole numbers from 0 to 5."""

    STARS = "★"


    def count_by_stars(ratings):
        """Return how often each rating from 0 to 5 was given, as a list of six numbers."""
        counts = [0] * 6
        for rating in ratings:
            counts[rating] += 1
        return counts


    def $average(ratings):
        """Return the mean of the ratings, to one decimal."""
        return None  #!
        if not ratings:  #+
            return None  #+
        return round(sum(ratings) / len(ratings), 1)


    def share_of_best(ratings):
        """Return the share of ratings that are 5, in whole per cent, rounded down."""
        best = sum(1 for rating in ratings if rating == 5)
        return 100 * best // max(1, len(ratings))


    def $label(name, ratings):
        """Return the line that the shop shows for a product."""
        return f"{name}: {STARS * round(sum(ratings) / max(1, len(ratings)))} ({len(ratings)})"
    ''',
    tests="""
    from $package.$module import $average, $label, count_by_stars, share_of_best


    def test_average():
        assert $average([$a, $b, 5]) == <?>


    def test_average_of_zeros():
        assert $average([0, 0]) == <?>


    def test_average_of_nothing():
        assert $average([]) is None


    def test_counts():
        assert count_by_stars([0, 5, 5, $a]) == <?>


    def test_share():
        assert share_of_best([5, $a, 1]) == <?>


    def test_label():
        assert $label("$product", [$b, 4]) == <?>
    """,
    ticket="""
    `$average` in `$package/$module.py` crashes with a ZeroDivisionError for a product that nobody
    has rated yet, that is, for an empty list. It must return `None` then. Ratings of 0 are real
    ratings and count as they do now.
    """,
)


def ratings(rng: random.Random) -> Ticket:
    """The mean of an empty list."""
    average = rng.choice(("average", "average_rating", "mean_rating", "score"))
    label = rng.choice(("label", "product_line", "headline"))
    values = {
        **names_of(rng), "module": rng.choice(("ratings", "reviews", "stars")),
        "average": average, "label": label, "a": rng.randint(1, 4), "b": rng.randint(1, 4),
    }  # fmt: skip
    lists = [[rng.randint(0, 5) for _ in range(rng.randint(1, 9))] for _ in range(8)]
    lists += [[0], [0, 0, 0], [5], [1, 0]]
    return open_ticket(
        _RATINGS,
        values,
        (average, label, "count_by_stars", "share_of_best"),
        guarded=[f"{average}([])"],
        others=[
            *(f"{average}({numbers})" for numbers in lists),
            f"{average}(['x', 'y'])",
            *(f"{label}('thing', {numbers})" for numbers in lists[:4]),
            *(f"count_by_stars({numbers})" for numbers in lists[:2]),
            "share_of_best([])",
            "share_of_best([5, 4, 5])",
        ],
    )


_STREAKS = Template(
    module='''
    """How long a habit was kept. Days are a list of True (done) and False."""


    def days_done(days):
        """Return how many days it was done."""
        return sum(days)


    def streaks(days):
        """Return the lengths of all unbroken runs of True, in order."""
        lengths = []
        running = 0
        for done in days:
            if done:
                running += 1
            elif running:
                lengths.append(running)
                running = 0
        if running:
            lengths.append(running)
        return lengths


    def $longest(days):
        """Return the length of the longest run."""
        return 0  #!
        return max(streaks(days))  #-
        return max(streaks(days), default=0)  #+


    def $current(days):
        """Return the length of the run that is still going on at the end, 0 if there is none."""
        length = 0
        for done in reversed(days):
            if not done:
                break
            length += 1
        return length


    def summary(name, days):
        """Return one line about a habit."""
        return f"{name}: {days_done(days)} of {len(days)} days, now {$current(days)} in a row"
    ''',
    tests="""
    from $package.$module import $current, $longest, streaks, summary


    def test_longest():
        assert $longest([True, False, True, True]) == <?>


    def test_current():
        assert $current([True, False, True, True]) == <?>
        assert $current([True, False]) == <?>


    def test_streaks():
        assert streaks([$days]) == <?>


    def test_never_done():
        assert $longest([False, False]) == <?>


    def test_no_days_at_all():
        assert $longest([]) == <?>


    def test_summary():
        assert summary("$habit", [$days]) == <?>
    """,
    ticket="""
    `$longest` in `$package/$module.py` fails with a ValueError for a habit that was not done on any
    day, or that has no days yet. The longest run is 0 then.
    """,
)


def runs(rng: random.Random) -> Ticket:
    """The maximum of nothing."""
    longest = rng.choice(("longest", "longest_streak", "best_run"))
    current = rng.choice(("current", "current_streak", "going_on"))
    flags = [[rng.randint(0, 3) > 0 for _ in range(rng.randint(1, 12))] for _ in range(8)]
    done = [[*days, True] for days in flags]
    values = {
        **names_of(rng), "module": rng.choice(("habits", "streak", "diary")),
        "longest": longest, "current": current,
        "habit": rng.choice(("running", "piano", "reading", "yoga")),
        "days": ", ".join(map(str, [rng.randint(0, 2) > 0 for _ in range(5)] + [True])),
    }  # fmt: skip
    return open_ticket(
        _STREAKS,
        values,
        (longest, current, "days_done", "streaks", "summary"),
        guarded=[f"{longest}([])", f"{longest}([False])", f"{longest}([False, False, False])"],
        others=[
            *(f"{longest}({days})" for days in done),
            f"{longest}(3)",
            *(f"{current}({days})" for days in flags),
            *(f"streaks({days})" for days in flags[:3]),
            "streaks([])",
            f"summary('x', {flags[0]})",
        ],
    )
