"""Tickets about records: paths that lead nowhere, customers without orders."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.unguarded.ticket import Template, Ticket, names_of, open_ticket

_LOOKUP = Template(
    module='''
    """Nested settings: dicts in dicts, addressed by paths such as 'mail.server.port'."""


    def $lookup(settings, path, default=None):
        """Return the value at a path, `default` if there is none."""
        return default  #!
        value = settings
        for part in path.split("."):
            if not isinstance(value, dict) or part not in value:  #+
            if part not in value:  #-
                return default
            value = value[part]
        return value


    def put(settings, path, value):
        """Set the value at a path, making the dicts on the way."""
        *parents, last = path.split(".")
        for part in parents:
            settings = settings.setdefault(part, {})
        settings[last] = value


    def $paths(settings, prefix=""):
        """Return the paths of all values that are no dicts, sorted."""
        found = []
        for key, value in settings.items():
            if isinstance(value, dict):
                found += $paths(value, f"{prefix}{key}.")
            else:
                found.append(prefix + key)
        return sorted(found)
    ''',
    tests="""
    from $package.$module import $lookup, $paths, put

    SETTINGS = {
        "mail": {"server": {"port": $port, "tls": False}, "sender": None},
        "retries": 0,
        "name": "$company",
    }


    def test_value():
        assert $lookup(SETTINGS, "mail.server.port", 25) == <?>


    def test_values_that_look_like_nothing():
        assert $lookup(SETTINGS, "retries", 3) == <?>
        assert $lookup(SETTINGS, "mail.server.tls", True) is False
        assert $lookup(SETTINGS, "mail.sender", "x") is None


    def test_missing():
        assert $lookup(SETTINGS, "mail.client.port", 25) == <?>
        assert $lookup(SETTINGS, "log") is None


    def test_path_that_goes_on_below_none():
        assert $lookup(SETTINGS, "mail.sender.address", "nobody") == <?>


    def test_path_that_goes_on_below_a_value():
        assert $lookup(SETTINGS, "retries.most", 5) == <?>
        assert $lookup(SETTINGS, "name.a", "no") == <?>


    def test_put():
        settings = {}
        put(settings, "a.b", 1)
        assert settings == {"a": {"b": 1}}


    def test_paths():
        assert $paths(SETTINGS) == <?>
    """,
    ticket="""
    `$lookup` in `$package/$module.py` breaks when a path goes on below something that is not a
    dict: below `None` or a number it raises a TypeError, and below a text it is no better. In all
    these cases it must return `default`. Values that are there are returned as they are, also 0,
    `False`, an empty text and `None`.
    """,
)


def lookup(rng: random.Random) -> Ticket:
    """A path through something that is not a dict."""
    name = rng.choice(("lookup", "get_setting", "value_at", "dig"))
    paths = rng.choice(("paths", "all_paths", "flat_paths"))
    values = {
        **names_of(rng), "module": rng.choice(("nested", "options", "tree")),
        "lookup": name, "paths": paths, "port": rng.randint(100, 9999),
    }  # fmt: skip
    data = {
        "a": {"b": {"c": rng.randint(1, 99)}, "n": None, "z": 0, "e": "", "f": False, "d": {}},
        "t": rng.choice(("text", "words")),
        "l": [1, 2],
    }
    below = ["a.n.x", "a.z.x", "t.t", "t.e", "a.b.c.d", "a.f.x.y", "a.e.x", "l.x"]
    plain = [
        "a.b.c",
        "a.n",
        "a.z",
        "a.e",
        "a.f",
        "a.d",
        "t",
        "l",
        "a.b",
        "a.q",
        "q",
        "q.r",
        "a.d.x",
    ]
    return open_ticket(
        _LOOKUP,
        values,
        (name, paths, "put"),
        guarded=[f"{name}({data}, {path!r}, 'default')" for path in below],
        others=[
            *(f"{name}({data}, {path!r}, 'default')" for path in plain),
            f"{name}({data}, 'q.r')",
            f"{name}({data}, 5)",
            f"{paths}({data})",
        ],
    )


_ORDERS = Template(
    module='''
    """What a customer has ordered. An order is (day, pieces, status); days are ISO text."""

    OPEN = ("new", "packed")


    def open_orders(orders):
        """Return the orders that have not left the house, oldest first."""
        return sorted(order for order in orders if order[2] in OPEN)


    def $last_day(orders):
        """Return the day of the customer's latest order that was not cancelled."""
        return None  #!
        days = [day for day, _, status in orders if status != "cancelled"]
        return max(days)  #-
        return max(days, default=None)  #+


    def pieces(orders):
        """Return how many pieces were ordered, without cancelled orders."""
        return sum(count for _, count, status in orders if status != "cancelled")


    def $greeting(name, orders):
        """Return what the start page says to a customer."""
        waiting = len(open_orders(orders))
        return f"Hello {name}, {waiting} of your {len(orders)} orders are on their way."
    ''',
    tests="""
    from $package.$module import $greeting, $last_day, open_orders, pieces

    ORDERS = [
        ("$year-04-02", 2, "sent"),
        ("$year-06-11", 1, "new"),
        ("$year-07-01", 3, "cancelled"),
    ]


    def test_last_day():
        assert $last_day(ORDERS) == <?>


    def test_nothing_ordered_yet():
        assert $last_day([]) is None


    def test_everything_cancelled():
        assert $last_day(ORDERS[2:]) is None


    def test_open_orders():
        assert open_orders(ORDERS) == <?>


    def test_pieces():
        assert pieces(ORDERS) == <?>


    def test_greeting():
        assert $greeting("$first", ORDERS) == <?>
    """,
    ticket="""
    `$last_day` in `$package/$module.py` raises a ValueError for customers who have not ordered
    anything, and for those all of whose orders were cancelled. For both it must return `None`.
    """,
)


def orders(rng: random.Random) -> Ticket:
    """The latest of nothing, also after sorting out."""
    last_day = rng.choice(("last_day", "last_order_day", "latest"))
    greeting = rng.choice(("greeting", "welcome", "start_line"))
    values = {
        **names_of(rng), "module": rng.choice(("orders", "customers", "history")),
        "last_day": last_day, "greeting": greeting, "year": rng.randint(2019, 2026),
    }  # fmt: skip
    lists = []
    for _ in range(8):
        order_list = [
            (
                f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
                rng.randint(1, 9),
                rng.choice(("new", "packed", "sent", "cancelled")),
            )
            for _ in range(rng.randint(0, 5))
        ]
        lists.append([*order_list, ("2024-01-31", 1, "sent")])
    cancelled = [("2024-02-02", 4, "cancelled"), ("2024-03-02", 1, "cancelled")]
    return open_ticket(
        _ORDERS,
        values,
        (last_day, greeting, "open_orders", "pieces"),
        guarded=[f"{last_day}([])", f"{last_day}({cancelled})", f"{last_day}({cancelled[:1]})"],
        others=[
            *(f"{last_day}({order_list})" for order_list in lists),
            f"{last_day}([5])",
            *(f"open_orders({order_list})" for order_list in lists[:3]),
            f"pieces({cancelled})",
            f"pieces({lists[0]})",
            f"{greeting}('X', {lists[1]})",
        ],
    )
