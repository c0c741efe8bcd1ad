"""Modules that each choose who gets a message."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.duplicated.family import Family, Host

FAMILY = Family(
    readme="""
    # $package

    Sends the news of $company to its members. A member is a dict with `name`, and perhaps `email`
    and `active`. Members that are not active or have no address get nothing; an address that occurs
    twice belongs to the first who has it.
    """,
    block="""
    $chosen = {}
    for $person in $source:
        if not $person.get("active", True):
            continue
        $address = ($person.get("email") or "").strip().lower()
        if "@" not in $address:
            continue
        if $address not in $chosen:
            $chosen[$address] = $person["name"].strip()
    $result = sorted($chosen.items(), key=lambda $pair: ($pair[1].lower(), $pair[0]))
    """,
    names=(
        {"chosen": "chosen", "person": "person", "address": "address", "result": "recipients",
         "pair": "pair"},
        {"chosen": "by_address", "person": "member", "address": "email", "result": "everyone",
         "pair": "item"},
        {"chosen": "names", "person": "user", "address": "mailbox", "result": "receivers",
         "pair": "entry"},
    ),
    hosts=(
        Host(
            "headers", "to_header",
            '''
            """The header of a mail."""

            $imports


            def to_header(people):
                """Return the To line: Name <address>, with commas between them."""
                $block
                return "To: " + ", ".join(f"{name} <{target}>" for target, name in $result)
            ''',
            "people",
            """
            def test_header():
                assert $function([
                    {"name": "Zoe", "email": "zoe@example.org"},
                    {"name": "Ann ", "email": " ANN@example.org"},
                    {"name": "Old", "email": "old@example.org", "active": False},
                ]) == <?>


            def test_an_address_counts_once():
                assert $function([
                    {"name": "Bo", "email": "x@y.z"}, {"name": "Al", "email": "X@y.z"},
                ]) == <?>
            """,
        ),
        Host(
            "domains", "mails_by_domain",
            '''
            """Where the mails go, for the mail server's quota."""

            $imports


            def mails_by_domain(members):
                """Return how many mails go to each domain."""
                $block
                counts = {}
                for target, _ in $result:
                    domain = target.rpartition("@")[2]
                    counts[domain] = counts.get(domain, 0) + 1
                return counts
            ''',
            "members",
            """
            def test_domains():
                assert $function([
                    {"name": "Ann", "email": "ann@a.org"},
                    {"name": "Bo", "email": "bo@B.org"},
                    {"name": "Cy", "email": None},
                    {"name": "Di", "email": "di@b.org", "active": True},
                ]) == <?>
            """,
        ),
        Host(
            "greetings", "greetings",
            '''
            """The first lines of the letters."""

            $imports

            HELLO = "Dear"


            def greetings(contacts, most):
                """Return the first lines of at most `most` letters."""
                $block
                shown = [f"{HELLO} {name.split()[0] if name else 'member'}," for _, name in $result]
                left = len(shown) - most
                return shown[:most] + ([f"(and {left} more)"] if left > 0 else [])
            ''',
            "contacts",
            """
            def test_greetings():
                assert $function([
                    {"name": "Ann Lee", "email": "ann@a.org"},
                    {"name": " ", "email": "nobody@a.org"},
                    {"name": "Bo", "email": "none"},
                    {"name": "Cy Coe", "email": "cy@a.org"},
                ], 2) == <?>
            """,
        ),
    ),
    shared=("choosing", "choose_recipients", "Choosing who gets a message."),
    parameters=("people",),
    empty="[]",
)  # fmt: skip


def probes(rng: random.Random) -> dict[str, list[str]]:
    """Calls of the public functions."""
    addresses = ["a@x.org", " A@X.org ", "b@x.org", "c@Y.net", "d@y.net", None, "", "nonsense"]
    lists: list[list[dict[str, Any]]] = [[]]
    for _ in range(10):
        people = []
        for _ in range(rng.randint(1, 7)):
            person: dict[str, Any] = {
                "name": rng.choice(("Zed", "ann b", "Ann B", " Cy ", "", "Bo"))
            }
            if rng.randint(0, 5):
                person["email"] = rng.choice(addresses)
            if rng.randint(0, 2) == 0:
                person["active"] = rng.choice((True, False, None))
            people.append(person)
        lists.append(people)
    return {
        "to_header": [f"to_header({people})" for people in lists],
        "mails_by_domain": [f"mails_by_domain({people})" for people in lists],
        "greetings": [f"greetings({people}, {n % 4})" for n, people in enumerate(lists)],
    }
