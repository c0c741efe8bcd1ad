"""Tickets about text and records: missing names, tags, address lines and settings."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.unguarded.ticket import Template, Ticket, names_of, open_ticket

_NAMES = Template(
    module='''
    """Names of people as the directory shows them."""


    def $initials(name):
        """Return the initials of a full name in capitals, for example 'AL' for 'Ada Lovelace'."""
        return ""  #!
        if name is None:  #+
            return ""  #+
        return "".join(part[0].upper() for part in name.split())


    def sort_key(name):
        """Return what the directory is sorted by: the last part of the name first."""
        parts = name.split()
        return (parts[-1].lower(), parts[:-1])


    def $directory(names):
        """Return the names in the order of the directory."""
        return sorted(names, key=sort_key)


    def email(name, domain):
        """Return the address of a person: parts in lower case, joined by dots."""
        return ".".join(name.lower().split()) + "@" + domain
    ''',
    tests="""
    from $package.$module import $directory, $initials, email


    def test_initials():
        assert $initials("$first $last") == <?>
        assert $initials("$second de la $last") == <?>


    def test_one_name():
        assert $initials("$first") == <?>


    def test_blank():
        assert $initials("   ") == <?>


    def test_no_name():
        assert $initials(None) == <?>


    def test_directory():
        assert $directory(["$first Zimmer", "$second Abel", "Anna Zimmer"]) == <?>


    def test_email():
        assert email("$first Zimmer", "example.org") == <?>
    """,
    ticket="""
    Accounts made by the import have `None` as their name, and `$initials` in `$package/$module.py`
    fails with an AttributeError on them. It must return an empty text for them, as it does for a
    blank name.
    """,
)


def names(rng: random.Random) -> Ticket:
    """A name that is None."""
    initials = rng.choice(("initials", "initials_of", "monogram"))
    directory = rng.choice(("directory", "in_order", "sorted_names"))
    values = {
        **names_of(rng), "module": rng.choice(("people", "directory_names", "staff")),
        "initials": initials, "directory": directory,
    }  # fmt: skip
    people = ["Mary Ann Evans", "plato", " Ada  Lovelace ", "x y z", "", "  ", "Øyvind Å"]
    rng.shuffle(people)
    return open_ticket(
        _NAMES,
        values,
        (initials, directory, "email"),
        guarded=[f"{initials}(None)"],
        others=[
            *(f"{initials}({person!r})" for person in people),
            f"{directory}(['b a', 'a b', 'c a'])",
            "email('Mary Ann Evans', 'x.org')",
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
            f"{common}('b, a, c', 'c,b')",
            f"too_long({texts[0]!r})",
            "clean('A  b')",
        ],
    )  # fmt: skip


_ADDRESS = Template(
    module='''
    """Postal labels. An address is a dict with name, street, extra, postcode and city."""


    def postcode_line(address):
        """Return the line with postcode and city."""
        return f"{address['postcode']} {address['city']}"


    def $label(address):
        """Return the label of an address as a list of lines; blank lines are left out."""
        return [address["name"], address["street"], postcode_line(address)]  #!
        lines = [
            address["name"],
            address["street"],
            address["extra"],  #-
            address.get("extra") or "",  #+
            postcode_line(address),
        ]
        return [line.strip() for line in lines if line.strip()]


    def $sheet(addresses):
        """Return labels for a sheet, one blank line between two, as one text."""
        return "\\n\\n".join("\\n".join($label(address)) for address in addresses)


    def same_place(first, second):
        """Whether two addresses are in the same street of the same city."""
        return (first["street"], first["city"]) == (second["street"], second["city"])
    ''',
    tests="""
    from $package.$module import $label, $sheet, same_place

    FULL = {
        "name": "$first $last",
        "street": "Mill Lane $number",
        "extra": "c/o $second",
        "postcode": "$postcode",
        "city": "$city",
    }


    def without_extra():
        return {key: value for key, value in FULL.items() if key != "extra"}


    def test_full_label():
        assert $label(FULL) == <?>


    def test_blank_extra_line():
        assert $label({**FULL, "extra": " "}) == <?>


    def test_extra_line_is_missing():
        assert $label(without_extra()) == ["$first $last", "Mill Lane $number", "$postcode $city"]


    def test_extra_line_is_none():
        assert $label({**FULL, "extra": None}) == <?>


    def test_sheet():
        assert $sheet([FULL, without_extra()]).count("\\n") == 7


    def test_same_place():
        assert same_place(FULL, {**FULL, "name": "$second"}) is True
    """,
    ticket="""
    Addresses from the web form may have no `extra` entry at all, those from the app have `None`
    there. `$label` in `$package/$module.py` fails on both (KeyError, AttributeError). In both cases
    the label simply has no such line, as for a blank one.
    """,
)


def address(rng: random.Random) -> Ticket:
    """A key that is missing or None."""
    label = rng.choice(("label", "label_lines", "address_lines"))
    sheet = rng.choice(("sheet", "label_sheet", "print_sheet"))
    values = {
        **names_of(rng), "module": rng.choice(("post", "labels", "addresses")),
        "label": label, "sheet": sheet,
        "number": rng.randint(1, 99), "postcode": rng.randint(10_000, 99_999),
    }  # fmt: skip
    base = {"name": "A B", "street": f"Road {rng.randint(1, 99)}", "postcode": "123", "city": "C"}
    none, full = {**base, "extra": None}, {**base, "extra": " 2nd floor "}
    return open_ticket(
        _ADDRESS,
        values,
        (label, sheet, "postcode_line", "same_place"),
        guarded=[f"{label}({base})", f"{label}({none})", f"{sheet}([{full}, {base}, {none}])"],
        others=[
            f"{label}({full})",
            f"{label}({ {**base, 'extra': '', 'street': ' '} })",
            f"{label}({ {**base, 'extra': 'c/o D', 'name': ''} })",
            f"{sheet}([{full}, {full}])",
            f"{sheet}([])",
            f"postcode_line({full})",
            f"same_place({base}, {none})",
        ],
    )


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
            *(f"open_orders({order_list})" for order_list in lists[:3]),
            f"pieces({cancelled})",
            f"pieces({lists[0]})",
            f"{greeting}('X', {lists[1]})",
        ],
    )
