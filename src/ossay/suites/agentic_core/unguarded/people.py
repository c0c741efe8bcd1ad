"""Tickets about people: names and parts of addresses that are missing."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.unguarded.ticket import Template, Ticket, names_of, open_ticket

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
            f"{label}({ {'extra': ' 2nd floor '} })",
            f"{label}({ {**base, 'extra': '', 'street': ' '} })",
            f"{label}({ {**base, 'extra': 'c/o D', 'name': ''} })",
            f"{sheet}([{full}, {full}])",
            f"{sheet}([])",
            f"postcode_line({full})",
            f"same_place({base}, {none})",
        ],
    )


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
            f"{initials}(5)",
            f"{directory}(['b a', 'a b', 'c a'])",
            "email('Mary Ann Evans', 'x.org')",
        ],
    )
