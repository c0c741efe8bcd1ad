"""A project that keeps stock: lots used first in, first out, and a reorder list."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Stock keeping for the $company warehouse in $city.

    Movements are tuples: `("in", product, pieces, unit_cost)` and `("out", product, pieces)`.

    - Goods leave in the order in which they came in: the oldest lot is used up first, and the rest
      of a lot that is only partly used stays where it was.
    - Taking more than there is raises `NotEnough` and changes nothing.
    - `$value` adds up pieces times unit cost of what is left; `$cost` does so for what
      went out.
    - A product is on the reorder list when its level is *at or below* its minimum. A product that
      was never moved has level 0. The list is sorted by how many pieces are missing to twice the
      minimum, most first; equal ones by name.
"""

_LOTS = '''
    """The lots of one product, oldest first."""


    class NotEnough(Exception):
        """More was asked for than is there."""


    class Lots:
        """What is there of one product: [pieces, unit cost] for each lot."""

        def __init__(self):
            self.lots = []

        def level(self):
            """Return how many pieces there are."""
            return sum(pieces for pieces, _ in self.lots)

        def value(self):
            """Return what the pieces that are there have cost."""
            return sum(pieces * unit_cost for pieces, unit_cost in self.lots)

        def put(self, pieces, unit_cost):
            """Add a lot."""
            self.lots.append([pieces, unit_cost])

        def take(self, pieces):
            """Take pieces out, oldest first, and return what they have cost."""
            if pieces > self.level():
                raise NotEnough(f"{pieces} asked for, {self.level()} there")
            cost = 0
            while pieces > 0:
                lot = self.lots[0]
                used = min(pieces, lot[0])
                cost += used * lot[1]
                lot[0] -= used
                pieces -= used
                if lot[0] == 0:
                    self.lots.pop(0)
            return cost
'''

_LEDGER = '''
    """Playing a list of movements."""

    from $name.lots import Lots


    class Ledger:
        """All products, and what the pieces that went out have cost."""

        def __init__(self):
            self.products = {}
            self.cost_out = 0

        def play(self, movements):
            """Apply movements in their order and return self."""
            for kind, product, *rest in movements:
                lots = self.products.setdefault(product, Lots())
                if kind == "in":
                    lots.put(*rest)
                elif kind == "out":
                    self.cost_out += lots.take(*rest)
                else:
                    raise ValueError(f"unknown movement {kind!r}")
            return self

        def level(self, product):
            """Return how many pieces of a product there are."""
            return self.products[product].level() if product in self.products else 0


    def $levels(movements):
        """Return product -> pieces left, for every product that was moved."""
        ledger = Ledger().play(movements)
        return {product: lots.level() for product, lots in ledger.products.items()}


    def $value(movements):
        """Return the value of what is left."""
        return sum(lots.value() for lots in Ledger().play(movements).products.values())


    def $cost(movements):
        """Return what the goods that went out have cost."""
        return Ledger().play(movements).cost_out
'''

_REORDER = '''
    """What has to be ordered again."""

    from $name.ledger import Ledger


    def $reorder(movements, minimum):
        """Return the products to order, as (product, pieces missing to twice the minimum).

        `minimum` maps product to the level at or below which it is ordered.
        """
        ledger = Ledger().play(movements)
        wanted = []
        for product, least in minimum.items():
            level = ledger.level(product)
            if level <= least:
                wanted.append((product, 2 * least - level))
        return sorted(wanted, key=lambda entry: (-entry[1], entry[0]))
'''

_TESTS = """
    import pytest

    from $name.ledger import $cost, $levels, $value
    from $name.lots import NotEnough
    from $name.reorder import $reorder


    def test_levels():
        assert $levels([("in", "$a", $n1, 5), ("out", "$a", 3), ("in", "$b", 4, 2)]) == <?>


    def test_oldest_goods_leave_first():
        assert $cost([("in", "$a", $n1, $c1), ("in", "$a", $n2, $c2), ("out", "$a", 2)]) == <?>


    def test_goods_from_two_lots():
        assert $cost([("in", "$a", $n1, $c1), ("in", "$a", $n2, $c2), ("out", "$a", $over)]) == <?>
        assert $value([("in", "$a", $n1, $c1), ("in", "$a", $n2, $c2), ("out", "$a", $over)]) == <?>


    def test_the_rest_of_a_lot_is_used_next():
        assert $value([("in", "$a", $n1, $c1), ("in", "$a", 1, $c2), ("out", "$a", 1)]) == <?>
        assert $cost(
            [("in", "$a", $n1, $c1), ("out", "$a", 1), ("in", "$a", 9, $c2), ("out", "$a", $n1)]
        ) == <?>


    def test_the_last_piece_can_be_taken():
        assert $levels([("in", "$a", $n1, 5), ("out", "$a", $n1)]) == <?>


    def test_too_much():
        with pytest.raises(NotEnough):
            $levels([("in", "$a", $n1, 5), ("in", "$b", 50, 1), ("out", "$a", $n1 + 1)])


    def test_reorder():
        assert $reorder([("in", "$a", $n1, 5), ("in", "$b", 40, 2)], {"$a": 20, "$b": 10}) == <?>
        assert $reorder([("in", "$a", $n1, 5)], {"$a": $n1}) == <?>
        assert $reorder([], {"$b": 3, "$a": 3, "$c": 4}) == <?>
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    first = rng.randint(4, 9)
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "company": words.draw("company"),
        "city": words.draw("city"),
        "a": words.draw("product"),
        "b": words.draw("product"),
        "c": words.draw("product"),
        "n1": first,
        "n2": rng.randint(5, 12),
        "over": first + rng.randint(1, 4),
        "c1": rng.randint(10, 40),
        "c2": rng.randint(50, 90),
        "levels": rng.choice(("levels", "stock_levels", "on_hand")),
        "value": rng.choice(("stock_value", "value_left", "inventory_value")),
        "cost": rng.choice(("cost_of_goods", "cost_out", "issued_cost")),
        "reorder": rng.choice(("reorder_list", "to_order", "shortages")),
    }
    name = values["name"]
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": "",
            f"{name}/lots.py": fill(_LOTS, **values),
            f"{name}/ledger.py": fill(_LEDGER, **values),
            f"{name}/reorder.py": fill(_REORDER, **values),
        },
        tests={"tests/test_stock.py": fill(_TESTS, **values)},
        setup=(
            f"from {name}.ledger import {values['cost']}, {values['levels']}, {values['value']}\n"
            f"from {name}.reorder import {values['reorder']}\n"
        ),
        probes=_probes(rng, values),
        bugs=(
            Bug(f"{name}/lots.py", "lot = self.lots[0]", "lot = self.lots[-1]"),
            Bug(f"{name}/lots.py", "cost += used * lot[1]", "cost += pieces * lot[1]"),
            Bug(f"{name}/lots.py", "if pieces > self.level():", "if pieces >= self.level():"),
            Bug(
                f"{name}/lots.py",
                "            if lot[0] == 0:\n                self.lots.pop(0)",
                "            self.lots.pop(0)",
            ),
            Bug(f"{name}/reorder.py", "level <= least", "level < least"),
            Bug(f"{name}/reorder.py", "(-entry[1], entry[0])", "(entry[1], entry[0])"),
            Bug(f"{name}/reorder.py", "2 * least - level", "least - level"),
            Bug(
                f"{name}/ledger.py",
                "setdefault(product, Lots())",
                "setdefault(kind, Lots())",
            ),
        ),
    )


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    levels, value, cost, reorder = (values[key] for key in ("levels", "value", "cost", "reorder"))
    probes = []
    for _ in range(8):
        moves = _movements(rng)
        minimum = {product: rng.randint(0, 12) for product in ("bolt", "nut", "pin", "rod")}
        probes += [f"{f}({moves!r})" for f in (levels, value, cost)]
        probes.append(f"{reorder}({moves!r}, {minimum!r})")
    lots = [("in", "bolt", 3, 7), ("in", "bolt", 5, 11)]
    for taken in (1, 3, 4, 8, 9):
        probes += [f"{f}({[*lots, ('out', 'bolt', taken)]!r})" for f in (levels, value, cost)]
    for level in (4, 5, 6):
        probes.append(f"{reorder}([('in', 'nut', {level}, 2)], {{'nut': 5, 'pin': 0, 'axle': 2}})")
    return tuple(probes)


def _movements(rng: random.Random) -> list[tuple[str | int, ...]]:
    there = {"bolt": 0, "nut": 0, "pin": 0}
    moves: list[tuple[str | int, ...]] = []
    for _ in range(rng.randint(4, 14)):
        product = rng.choice(sorted(there))
        if there[product] and rng.randint(0, 1):
            pieces = rng.randint(1, there[product])
            moves.append(("out", product, pieces))
            there[product] -= pieces
        else:
            pieces = rng.randint(1, 9)
            moves.append(("in", product, pieces, rng.randint(1, 30)))
            there[product] += pieces
    return moves
