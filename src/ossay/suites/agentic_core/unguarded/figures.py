"""Tickets about numbers: empty lists, zero bases, missing readings and prices."""

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
            *(f"{label}('thing', {numbers})" for numbers in lists[:4]),
            *(f"count_by_stars({numbers})" for numbers in lists[:2]),
            "share_of_best([])",
            "share_of_best([5, 4, 5])",
        ],
    )


_CHANGE = Template(
    module='''
    """Comparing the sales of two $periods."""


    def difference(old, new):
        """Return how much more was sold than before; less than 0 when it was less."""
        return new - old


    def $change(old, new):
        """Return the change from `old` to `new` in per cent, to one decimal."""
        return None  #!
        if old == 0:  #+
            return None  #+
        return round(100 * (new - old) / old, 1)


    def direction(old, new):
        """Return 'up', 'down' or 'same'."""
        if new == old:
            return "same"
        return "up" if new > old else "down"


    def $rows(names, old, new):
        """Return (name, difference, direction) for each name, in the order given.

        `old` and `new` map names to what was sold; a name that is missing sold nothing.
        """
        rows = []
        for name in names:
            before = old.get(name, 0)
            after = new.get(name, 0)
            rows.append((name, difference(before, after), direction(before, after)))
        return rows
    ''',
    tests="""
    from $package.$module import $change, $rows, direction


    def test_change():
        assert $change($old, $new) == <?>
        assert $change($new, $old) == <?>


    def test_all_of_it_gone():
        assert $change($old, 0) == <?>


    def test_nothing_sold_before():
        assert $change(0, $new) is None


    def test_direction():
        assert direction($old, $new) == <?>


    def test_rows():
        assert $rows(["$product", "$other"], {"$product": $old}, {"$other": $new}) == <?>
    """,
    ticket="""
    Products that sold nothing in the first of the two $periods make `$change` in
    `$package/$module.py` crash with a ZeroDivisionError. There is no percentage then, so it must
    return `None` whenever `old` is 0, whatever `new` is. A fall *to* 0 stays -100.0.
    """,
)


def change(rng: random.Random) -> Ticket:
    """A percentage of zero."""
    name = rng.choice(("percent_change", "change", "growth", "relative_change"))
    rows = rng.choice(("rows", "compare", "comparison"))
    old, new = rng.sample(range(20, 900), 2)
    values = {
        **names_of(rng), "module": rng.choice(("sales", "trend", "compare_sales")),
        "periods": rng.choice(("months", "weeks", "quarters")),
        "change": name, "rows": rows, "old": old, "new": new,
    }  # fmt: skip
    pairs = [(rng.randint(1, 500), rng.randint(0, 500)) for _ in range(8)] + [(7, 0), (3, 3)]
    return open_ticket(
        _CHANGE,
        values,
        (name, rows, "difference", "direction"),
        guarded=[f"{name}(0, {rng.randint(1, 99)})", f"{name}(0, 0)"],
        others=[
            *(f"{name}({a}, {b})" for a, b in pairs),
            *(f"direction({a}, {b})" for a, b in pairs[:3]),
            "difference(3, 1)",
            f"{rows}(['a', 'b', 'c'], {{'a': 2, 'c': 5}}, {{'a': 1, 'b': 1, 'c': 5}})",
        ],
    )


_READINGS = Template(
    module='''
    """Showing what the $thing sensors say."""

    UNIT = "$unit"


    def newest(readings):
        """Return the value of the newest (time, value) reading; times are ISO text."""
        return max(readings)[1]


    def $show(value):
        """Return a value as the display shows it, for example '12.5 $unit'."""
        return "$dash"  #!
        if value is None:  #+
            return "$dash"  #+
        return f"{value:.1f} {UNIT}"


    def too_high(value, limit):
        """Whether a value is above the limit."""
        return value > limit


    def $board(sensors):
        """Return one line for each sensor, by name: the name, a colon, the value as shown."""
        return [f"{name}: {$show(value)}" for name, value in sorted(sensors.items())]
    ''',
    tests="""
    from $package.$module import $board, $show, newest, too_high


    def test_values():
        assert $show($a) == <?>
        assert $show(-$b) == <?>


    def test_zero_is_a_value():
        assert $show(0) == <?>


    def test_a_sensor_that_is_silent():
        assert $show(None) == <?>


    def test_board():
        assert $board({"$town": $a, "$city": 0}) == <?>


    def test_board_with_a_silent_sensor():
        assert $board({"$town": None, "$city": $b}) == <?>


    def test_newest():
        assert newest([("2025-02-01T09:00", $a), ("2025-02-01T08:00", $b)]) == <?>


    def test_too_high():
        assert too_high($a, 0) is True
    """,
    ticket="""
    A sensor that is silent reports `None`, and then the whole board is gone: `$show` in
    `$package/$module.py` raises a TypeError. `$show(None)` must return `"$dash"`. Note that 0 is an
    ordinary value and is shown as `0.0 $unit`.
    """,
)


def readings(rng: random.Random) -> Ticket:
    """A reading that is None, where 0 is a value."""
    show = rng.choice(("show", "as_shown", "display", "format_value"))
    board = rng.choice(("board", "lines", "overview"))
    thing, unit = rng.choice(
        (("temperature", "°C"), ("humidity", "%"), ("pressure", "hPa"), ("noise", "dB"))
    )
    values = {
        **names_of(rng), "module": rng.choice(("display", "panel", "readings")),
        "thing": thing, "unit": unit, "dash": rng.choice(("n/a", "--", "no data", "?")),
        "show": show, "board": board, "a": rng.randint(10, 400) / 10, "b": rng.randint(1, 90) / 4,
    }  # fmt: skip
    numbers = [0, 0.0, -0.04, 1, 99.96, -3.25, *(rng.randint(-400, 400) / 8 for _ in range(6))]
    return open_ticket(
        _READINGS,
        values,
        (show, board, "newest", "too_high"),
        guarded=[f"{show}(None)", f"{board}({{'b': None, 'a': 0, 'c': None}})"],
        others=[
            *(f"{show}({number})" for number in numbers),
            f"{board}({{'z': 0, 'y': {numbers[-1]}, 'x': -1}})",
            "newest([('2025-01-01', 4), ('2025-01-03', 0), ('2025-01-02', 9)])",
            "too_high(3, 3)",
        ],
    )


_PRICES = Template(
    module='''
    """Prices with reductions. Prices are whole cents, reductions whole per cent."""


    def euros(cents):
        """Return an amount as text, for example 1905 as '19.05'."""
        return f"{cents // 100}.{cents % 100:02d}"


    def $reduced(price, percent):
        """Return the price after a reduction, rounded down to a whole cent."""
        return price  #!
        if percent is None:  #+
            return price  #+
        return price * (100 - percent) // 100


    def $sign(percent):
        """Return the sign that hangs on the shelf: '-15 %', or 'regular' where there is none."""
        return "regular" if percent is None else f"-{percent} %"


    def $tag(name, price, percent):
        """Return the whole price tag of a product."""
        return f"{name} {euros($reduced(price, percent))} ({$sign(percent)})"
    ''',
    tests="""
    from $package.$module import $reduced, $sign, $tag, euros


    def test_reduced():
        assert $reduced($price, $percent) == <?>


    def test_a_reduction_of_zero():
        assert $reduced($price, 0) == <?>
        assert $tag("$other", $price, 0) == <?>


    def test_everything_off():
        assert $reduced($price, 100) == <?>


    def test_no_reduction():
        assert $reduced($price, None) == <?>


    def test_tag():
        assert $tag("$product", $price, $percent) == <?>
        assert $tag("$product", $price, None) == <?>


    def test_euros():
        assert euros(5) == <?>
    """,
    ticket="""
    Products without a reduction come from the new till with `None` as their percentage, and
    `$reduced` in `$package/$module.py` raises a TypeError for them. They cost the full price, and
    their tag says `regular`, as `$sign` already does. What a reduction of 0 gives must not change.
    """,
)


def prices(rng: random.Random) -> Ticket:
    """A reduction that is None, where 0 is one."""
    reduced = rng.choice(("reduced", "sale_price", "after_reduction"))
    sign = rng.choice(("sign", "badge", "shelf_sign"))
    tag = rng.choice(("tag", "price_tag", "shelf_label"))
    values = {
        **names_of(rng), "module": rng.choice(("prices", "tags", "shelf")),
        "reduced": reduced, "sign": sign, "tag": tag,
        "price": rng.randint(199, 9999), "percent": rng.choice((5, 10, 15, 20, 30)),
    }  # fmt: skip
    pairs = [(rng.randint(1, 9999), rng.randint(0, 100)) for _ in range(8)] + [(100, 0), (0, 50)]
    return open_ticket(
        _PRICES,
        values,
        (reduced, sign, tag, "euros"),
        guarded=[
            *(f"{reduced}({price}, None)" for price in (0, 1, rng.randint(2, 9999))),
            f"{tag}('thing', {rng.randint(100, 9999)}, None)",
        ],
        others=[
            *(f"{reduced}({price}, {percent})" for price, percent in pairs),
            *(f"{tag}('thing', {price}, {percent})" for price, percent in pairs[4:]),
            f"{sign}(0)",
            f"{sign}(None)",
            "euros(100)",
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
            *(f"{current}({days})" for days in flags),
            *(f"streaks({days})" for days in flags[:3]),
            "streaks([])",
            f"summary('x', {flags[0]})",
        ],
    )
