"""Open requests about the order of values: who shares a place, what lies in the middle."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.readings.request import (
    Reading,
    Request,
    Template,
    open_request,
    plain_names,
    values_of,
)

_PLACES = Template(
    module='''
    """The table of the $company league."""


    def total(points):
        """Return the points of all players together."""
        return sum(points.values())


    def $function(points):
        """Return the place of each player, as a dict that maps the name to the place.

        `points` maps names to points, with the names in alphabetical order. Whoever has the most
        points is in place 1, and so on downwards.

        @examples@
        """
        @body@
    ''',
    readme="""
    # The league

    Every week $person and $colleague write down the points of all players. `$path` makes a table
    of them.
    """,
    ticket="""
    The table of the league should show the place of each player. Please write `$call`.
    """,
    topic=r"\bties?\b|\btied|tying|equal|same|share|dense|skip|gap|draw|average|order",
)


def _run(digits: str) -> str:
    """A pattern for places such as 1, 2, 2, 4, however they are put in a row."""
    return r"(?<![\d.])" + r"(?:st|nd|rd|th)?[\s,;/=>-]*(?:and |then )?".join(digits)


def ranking(rng: random.Random) -> Request:
    """Which places players with equal points have."""
    values = values_of(rng, ("league", "table", "standings"))
    function = rng.choice(("places", "ranking", "standings"))
    probes = []
    for size in (4, 5, 6, 7, 8):
        names = plain_names(rng, size)
        levels = rng.sample(range(3, 60), max(2, size // 2))
        points = [*levels, *rng.choices(levels, k=size - len(levels))]
        rng.shuffle(points)
        probes.append(f"{function}({dict(zip(names, points, strict=True))})")
    probes += [
        f"{function}({{'Ann': 5, 'Bob': 9, 'Cem': 9, 'Dan': 1}})",
        f"{function}(points={{'Ann': 7, 'Bob': 7, 'Cem': 3}})",
        f"{function}({{'Ann': 4}})",
    ]
    names = plain_names(rng, 3)
    shown = dict(zip(names, rng.sample(range(5, 40), 3), strict=True))
    better = "sum(other > own for other in points.values())"
    at_least = "sum(other >= own for other in points.values())"

    def by(place: str) -> str:
        return f"return {{name: {place} for name, own in points.items()}}"

    return open_request(
        _PLACES,
        {**values, "function": function},
        "ranking",
        f"{function}(points)",
        readings=(
            Reading(
                "shared, then a gap",
                by(f"1 + {better}"),
                "Players with equal points share the better place and the places after it are "
                "skipped, as in 1, 2, 2, 4.",
                (
                    _run("1224"),
                    _run("113"),
                    r"\bskip",
                    r"standard competition|competition rank|olympic",
                    r"\b(?:leav\w+|with|has|have|creat\w+|then) (?:a |an )?gaps?\b",
                ),
                (r"gap", r"\b(?:plus|\+) (?:one|1)\b", r"more points", r"better|best|minimum"),
            ),
            Reading(
                "shared, no gap",
                by("1 + len({other for other in points.values() if other > own})"),
                "Players with equal points share a place and the next place follows at once, as in "
                "1, 2, 2, 3.",
                (
                    _run("1223"),
                    _run("112"),
                    r"\bdense",
                    r"\b(?:without|no) (?:a |any )?(?:gap|skip)",
                    r"\bconsecutive",
                ),
                (r"distinct|different", r"(?:not|never|n't).{0,20}skip"),
            ),
            Reading(
                "each their own",
                "ordered = sorted(points, key=lambda name: -points[name])\n"
                "return {name: 1 + ordered.index(name) for name in points}",
                "Every player has a place of their own; equal points are ordered by name, as in "
                "1, 2, 3, 4.",
                (
                    _run("1234"),
                    r"\bordinal",
                    r"\b(?:own|unique|distinct|separate) (?:place|rank|position)",
                    r"\bplaces? of (?:his|her|their|its) own",
                    r"^(?!.*\b(?:shar|same (?:place|rank))).*\b(?:tie|equal|broken|order|sort)"
                    r".{0,40}alphabetic",
                ),
                (r"by name|order of|first in|stable|listed|tie-?break|input order|in which",),
            ),
            Reading(
                "the average",
                by(f"({better} + 1 + {at_least}) / 2"),
                "Players with equal points get the average of their places, as in 1, 2.5, 2.5, 4.",
                (r"\baverage|\bmean of|\bfraction", r"2\.5|1\.5"),
                (r"half|mid|mean",),
            ),
            Reading(
                "the worse",
                by(at_least),
                "Players with equal points all get the worst of their places, as in 1, 3, 3, 4.",
                (_run("1334"), r"\bworse|\bworst", r"\bmodified"),
                (r"last|maximum|lower|bottom",),
            ),
        ),
        probes=probes,
        examples=(f"{function}({shown})",),
    )


_MIDDLE = Template(
    module='''
    """Answers to the surveys of $company."""


    def spread(values):
        """Return the difference between the largest and the smallest value."""
        return max(values) - min(values)


    def $function(values):
        """Return the middle value.

        There is at least one value; values are whole numbers, all different, in any order.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Surveys

    `$path` sums up what customers of $company answered when asked how many hours they
    spent with their $product.
    """,
    ticket="""
    Averages are spoiled by a few jokers, $person says, who answer with huge numbers. The report
    should show the middle value instead. Please write `$call`.
    """,
    topic=r"\beven\b|middle|median|central|index|element|//|sorted|two|both|mean|average|lower|upper|smaller|larger|higher|pair",
)


def middle(rng: random.Random) -> Request:
    """What the middle of an even number of values is."""
    values = values_of(rng, ("survey", "answers", "poll"))
    function = rng.choice(("middle", "middle_value", "typical"))

    def some(n: int) -> str:
        return str([2 * value for value in rng.sample(range(1, 300), n)])

    probes = [f"{function}({some(n)})" for n in (1, 2, 2, 3, 4, 4, 5, 6, 7, 8)]
    probes.append(f"{function}(values={some(4)})")
    body = "ordered = sorted(values)\nhalf = len(ordered) // 2\n"
    return open_request(
        _MIDDLE,
        {**values, "function": function},
        "middle",
        f"{function}(values)",
        readings=(
            Reading(
                "the mean of both",
                f"{body}if len(ordered) % 2:\n    return ordered[half]\n"
                "return (ordered[half - 1] + ordered[half]) / 2",
                "With an even number of values the result is the mean of the two in the middle.",
                (r"\bmean\b|\baverag|\bhalf-?way|\bmidpoint|\bmid-point",),
                (r"\bboth\b|/ ?2|interpolat|statistics\.median\b|usual median",),
            ),
            Reading(
                "the lower",
                f"{body}return ordered[-half - 1]",
                "With an even number of values the result is the lower of the two in the middle.",
                (r"\blower\b(?! and)|\bsmaller\b(?! and)|median_low|\blesser\b",),
                (r"\blow|left|small|first",),
            ),
            Reading(
                "the upper",
                f"{body}return ordered[half]",
                "With an even number of values the result is the upper of the two in the middle.",
                (r"(?<!and )\b(?:upper|larger|higher|greater|bigger)\b|median_high",),
                (r"high|right|upper|larg|second",),
            ),
        ),
        probes=probes,
        examples=(f"{function}({some(3)})",),
    )
