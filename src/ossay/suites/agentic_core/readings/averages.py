"""An open request about an average: what it is when there are no values."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.readings.request import (
    Reading,
    Request,
    Template,
    open_request,
    values_of,
)

_AVERAGE = Template(
    module='''
    """Ratings of products. A rating is a whole number from 1 to 5."""


    def best(ratings):
        """Return how many ratings are the best that there is."""
        return ratings.count(5)


    def $function(ratings):
        """Return the average of a product's ratings, which come as a list. It is not rounded.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Ratings

    What customers of $company think of a $product. `$path` works on the ratings of one product.
    """,
    ticket="""
    The page of each product should show its average rating. Products appear on the page as soon as
    they are in the catalogue; ratings come in over the weeks. Please write `$call`.
    """,
    topic=r"empty|\bno\b|none|zero|\b0\b|\bnan\b|rais|without|unrated|error|not yet|missing",
    neutral=r"\b(?:no|without(?: any)?|not (?:yet )?(?:been )?)\s?"
    r"(?:rat\w+|reviews?|stars|values|entries|items|data|votes)|has none|there are none",
)


def empty(rng: random.Random) -> Request:
    """What the average of nothing is."""
    values = values_of(rng, ("ratings", "reviews", "stars"))
    function = rng.choice(("average", "mean_rating", "average_rating"))
    probes = [f"{function}({rng.choices(range(1, 6), k=rng.randint(1, 9))})" for _ in range(5)]
    probes += [f"{function}([])", f"{function}([4])", f"{function}(ratings=[1, 2])"]

    def reading(key: str, does: str, note: str, *says: str) -> Reading:
        body = f"if not ratings:\n    {does}\nreturn sum(ratings) / len(ratings)"
        return Reading(key, body, note, says)

    return open_request(
        _AVERAGE,
        {**values, "function": function},
        "empty",
        f"{function}(ratings)",
        readings=(
            reading(
                "None",
                "return None",
                "For an empty list the average is None.",
                r"\bnone\b(?! (?:of|are|have|has)\b)|\bnull\b",
            ),
            reading(
                "zero",
                "return 0.0",
                "For an empty list the average is 0.",
                r"(?<![\w.])0(?:\.0+)?(?![\w.]*\d)|\bzero\b(?! (?:ratings|reviews|stars|values))",
            ),
            reading(
                "an error",
                'raise ValueError("there are no ratings")',
                "An empty list raises ValueError.",
                r"\brais(?:e|es|ed|ing)\b|\bthrow|error\b|\bexception\b",
            ),
            reading(
                "nan",
                'return float("nan")',
                "For an empty list the average is NaN.",
                r"\bnan\b|not[- ]a[- ]number",
            ),
        ),
        probes=probes,
        examples=(f"{function}([2, 4, 3])",),
    )
