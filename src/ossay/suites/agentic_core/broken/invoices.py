"""A project that adds up invoices: quantity discounts, shipping, VAT, rounding."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Adds up invoices for the $company shop. All amounts are whole cents.

    - A line is `(product, pieces, unit_price)`. From $first pieces of one product on, the line
      costs $first_off % less; from $second pieces on, $second_off % less instead.
    - Shipping costs $shipping, and nothing when the goods (after discounts) reach $free.
    - VAT is $vat % of goods and shipping together.
    - Each percentage is rounded to a whole cent, half a cent upwards.
    - An invoice without lines costs nothing.
"""

_MONEY = '''
    """Amounts of money are whole cents and never negative."""


    def percent_of(cents, percent):
        """Return `percent` per cent of an amount, half a cent rounded upwards."""
        return (cents * percent + 50) // 100


    def show(cents):
        """Return an amount as text, for example 1905 as '19.05'."""
        return f"{cents // 100}.{cents % 100:02d}"
'''

_DISCOUNTS = '''
    """Quantity discounts."""

    # (from this many pieces on, per cent off), smallest first
    TIERS = [
        ($first, $first_off),
        ($second, $second_off),
    ]


    def discount_percent(pieces):
        """Return the per cent off a line of that many pieces: that of the highest tier reached."""
        percent_off = 0
        for threshold, percent in TIERS:
            if pieces >= threshold:
                percent_off = percent
        return percent_off
'''

_INVOICE = '''
    """Lines and totals. A line is (product, pieces, unit price in cents)."""

    from $name.discounts import discount_percent
    from $name.money import percent_of, show

    SHIPPING = $shipping
    FREE_SHIPPING_FROM = $free
    VAT_PERCENT = $vat


    def line_price(pieces, unit_price):
        """Return what a line costs after its discount."""
        full = pieces * unit_price
        return full - percent_of(full, discount_percent(pieces))


    def shipping_for(goods):
        """Return the cost of shipping goods of that value."""
        if goods >= FREE_SHIPPING_FROM:
            return 0
        return SHIPPING


    def $total(lines):
        """Return what an invoice costs: goods, shipping and the VAT on both."""
        if not lines:
            return 0
        goods = sum(line_price(pieces, unit_price) for _, pieces, unit_price in lines)
        net = goods + shipping_for(goods)
        return net + percent_of(net, VAT_PERCENT)


    def $render(customer, lines):
        """Return the invoice as text, one row a line and the total at the end."""
        rows = [f"Invoice for {customer}"]
        for product, pieces, unit_price in lines:
            rows.append(f"{pieces} x {product}: {show(line_price(pieces, unit_price))}")
        rows.append(f"Total: {show($total(lines))}")
        return "\\n".join(rows)
'''

_TESTS = """
    from $name.discounts import discount_percent
    from $name.invoice import $render, $total, line_price
    from $name.money import percent_of


    def test_a_small_line_has_no_discount():
        assert line_price(2, 450) == <?>


    def test_discounts_start_at_their_threshold():
        assert discount_percent($below_first) == <?>
        assert discount_percent($first) == <?>
        assert discount_percent($above_second) == <?>


    def test_half_a_cent_is_rounded_upwards():
        assert percent_of(50, 5) == <?>
        assert percent_of(250, 1) == <?>


    def test_total_with_shipping_and_vat():
        assert $total([("$item", 2, 450), ("$other", 1, 199)]) == <?>


    def test_total_with_a_discount():
        assert $total([("$item", $above_second, 450), ("$other", $first, 199)]) == <?>


    def test_goods_of_exactly_the_limit_ship_free():
        assert $total([("$item", 1, $free)]) == <?>


    def test_empty_invoice():
        assert $total([]) == <?>


    def test_text():
        assert $render("$customer", [("$item", 1, $odd_price)]) == <?>
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    first = rng.randint(5, 20)
    second = first + rng.randint(10, 60)
    free = rng.randrange(5_000, 15_000, 500)
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "company": words.draw("company"),
        "customer": words.full_name(),
        "item": words.draw("product"),
        "other": words.draw("product"),
        "first": first,
        "first_off": rng.choice((3, 4, 5)),
        "second": second,
        "second_off": rng.choice((8, 10, 12)),
        "below_first": first - 1,
        "above_second": second + 7,
        "shipping": rng.randrange(390, 990, 25),
        "free": free,
        "vat": rng.choice((7, 17, 19, 20, 21, 22, 25)),
        "odd_price": 100 * rng.randint(11, 30) + rng.randint(1, 9),
        "total": rng.choice(("invoice_total", "amount_due", "total_price")),
        "render": rng.choice(("invoice_text", "render", "as_text")),
    }
    name = values["name"]
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": f'"""Invoices of the {values["company"]} shop."""\n',
            f"{name}/money.py": fill(_MONEY, **values),
            f"{name}/discounts.py": fill(_DISCOUNTS, **values),
            f"{name}/invoice.py": fill(_INVOICE, **values),
        },
        tests={"tests/test_invoice.py": fill(_TESTS, **values)},
        setup=(
            f"from {name}.discounts import discount_percent\n"
            f"from {name}.invoice import {values['render']}, {values['total']}, line_price\n"
            f"from {name}.money import percent_of\n"
        ),
        probes=_probes(rng, values, first, second, free),
        bugs=(
            Bug(f"{name}/money.py", "(cents * percent + 50) // 100", "cents * percent // 100"),
            Bug(f"{name}/money.py", "{cents % 100:02d}", "{cents % 100}"),
            Bug(f"{name}/discounts.py", "pieces >= threshold", "pieces > threshold"),
            Bug(
                f"{name}/discounts.py",
                "            percent_off = percent\n    return percent_off\n",
                "            return percent\n    return percent_off\n",
            ),
            Bug(f"{name}/invoice.py", "goods >= FREE_SHIPPING_FROM", "goods > FREE_SHIPPING_FROM"),
            Bug(
                f"{name}/invoice.py",
                "percent_of(net, VAT_PERCENT)",
                "percent_of(goods, VAT_PERCENT)",
            ),
            Bug(
                f"{name}/invoice.py",
                "sum(line_price(pieces, unit_price)",
                "sum(pieces * unit_price",
            ),
        ),
    )


def _probes(
    rng: random.Random, values: dict[str, Any], first: int, second: int, free: int
) -> tuple[str, ...]:
    total, render = values["total"], values["render"]
    pieces = [1, first - 1, first, first + 1, second - 1, second, second + 1, rng.randint(1, 200)]
    probes = [f"discount_percent({n})" for n in pieces]
    probes += [f"line_price({n}, {rng.randint(1, 999)})" for n in pieces]
    probes += [f"percent_of({n}, {rng.randint(1, 30)})" for n in (0, 1, 50, 150, 333, 4990)]
    probes += [f"percent_of({n * 100 + 50}, 1)" for n in range(4)]
    probes += [f"{total}([('a', 1, {price})])" for price in (free - 1, free, free + 1, 3)]
    for number in range(6):
        lines = [
            (f"part {n}", rng.choice(pieces), rng.randint(5, 300)) for n in range(rng.randint(1, 4))
        ]
        probes.append(f"{total}({lines!r})")
        probes.append(f"{render}('Customer {number}', {lines!r})")
    probes += [f"{render}('Customer', [('thing', 1, {price})])" for price in (1, 105, 1909)]
    for part in (300, 1200, 4400):
        probes.append(f"{total}([('a', 1, {free - part}), ('b', 2, {part // 2})])")
    # A line that has a discount of its own on an otherwise cheap invoice.
    probes.append(f"{total}([('a', {first}, 100), ('b', 1, 99)])")
    return (*probes, f"{total}([])")
