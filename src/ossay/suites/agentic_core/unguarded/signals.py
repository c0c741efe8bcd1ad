"""Tickets about values that are missing: silent sensors, untagged articles."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.unguarded.ticket import Template, Ticket, names_of, open_ticket

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
            f"{show}('x')",
            f"{board}({{'z': 0, 'y': {numbers[-1]}, 'x': -1}})",
            "newest([('2025-01-01', 4), ('2025-01-03', 0), ('2025-01-02', 9)])",
            "too_high(3, 3)",
        ],
    )


_TAGS = Template(
    module='''
    """Tags of articles."""

    LONGEST = $longest


    def clean(tag):
        """Return a tag in its one spelling: lower case, single hyphens for white space."""
        return "-".join(tag.lower().split())


    def $parse(text):
        """Return the tags in a text with commas, cleaned, without blanks and repetitions."""
        return []  #!
        if text is None:  #+
            return []  #+
        tags = []
        for part in text.split(","):
            tag = clean(part)
            if tag and tag not in tags:
                tags.append(tag)
        return tags


    def $common(first, second):
        """Return the tags that two texts share, in the order of the first."""
        others = $parse(second)
        return [tag for tag in $parse(first) if tag in others]


    def too_long(text):
        """Return the tags that have more than the allowed number of characters."""
        return [tag for tag in $parse(text) if len(tag) > LONGEST]
    ''',
    tests="""
    from $package.$module import $common, $parse, clean, too_long


    def test_parse():
        assert $parse("$city, $product , $city") == <?>


    def test_nothing_between_commas():
        assert $parse(" ,, ") == <?>
        assert $parse("") == <?>


    def test_article_without_tags():
        assert $parse(None) == <?>


    def test_common():
        assert $common("$city, $product", "$product, $town") == <?>


    def test_common_with_an_untagged_article():
        assert $common("$city", None) == <?>


    def test_clean():
        assert clean("  Old   $city ") == <?>


    def test_too_long():
        assert too_long("$product, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") == <?>
    """,
    ticket="""
    Old articles have no tags field, so that `None` reaches `$parse` in `$package/$module.py` (also
    by way of `$common` and `too_long`), which then raises an AttributeError. `$parse(None)` must
    return an empty list.
    """,
)


def tags(rng: random.Random) -> Ticket:
    """A text that is None."""
    parse = rng.choice(("parse_tags", "tags_in", "read_tags"))
    common = rng.choice(("common", "shared_tags", "in_both"))
    values = {
        **names_of(rng), "module": rng.choice(("tags", "articles", "labels")),
        "parse": parse, "common": common, "longest": rng.randint(12, 24),
    }  # fmt: skip
    texts = ["a, b,a", "", ",", "Big Data,big  data", "x", " y ,Z , z", f"{'q' * 30}, short"]
    rng.shuffle(texts)
    return open_ticket(
        _TAGS,
        values,
        (parse, common, "clean", "too_long"),
        guarded=[
            f"{parse}(None)", f"{common}(None, 'a')", f"{common}('a', None)", "too_long(None)"
        ],
        others=[
            *(f"{parse}({text!r})" for text in texts),
            f"{parse}(5)",
            f"{common}('b, a, c', 'c,b')",
            f"too_long({texts[0]!r})",
            "clean('A  b')",
        ],
    )  # fmt: skip
