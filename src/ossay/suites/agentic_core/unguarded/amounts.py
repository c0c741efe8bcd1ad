"""Tickets about prices and comparisons: a reduction that is missing, a base of zero."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.unguarded.ticket import Template, Ticket, names_of, open_ticket

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
            f"{name}(5, None)",
            f"{rows}(['a', 'b', 'c'], {{'a': 2, 'c': 5}}, {{'a': 1, 'b': 1, 'c': 5}})",
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
            f"{reduced}(100, 'ten')",
            f"{sign}(None)",
            "euros(100)",
        ],
    )
