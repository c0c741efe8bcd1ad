"""Open requests about numbers: limits of a range, rounding."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.readings.request import (
    Reading,
    Request,
    Template,
    open_request,
    values_of,
)

_BETWEEN = Template(
    module='''
    """Prices of $company, in whole cents."""


    def cheapest(prices):
        """Return the lowest price."""
        return min(prices)


    def $function(prices, low, high):
        """Return how many of the prices lie between low and high.

        Prices are whole cents, in any order; the same price may occur several times, and counts
        each time. low is always less than high.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Prices

    `$path` has what the catalogue of $company needs to know about prices.
    """,
    ticket="""
    The filter in the catalogue lets customers choose a lowest and a highest price for a $product,
    and should say how many offers lie between them. Please write `$call`.
    """,
    topic=r"inclu|exclu|strict|open|closed|limit|bound|edge|end|equal|<|border|\blow|\bhigh",
)

_LOW = r"(?:low\w*|min\w*|start|bottom)"
_HIGH = r"(?:high\w*|upper|max\w*|end|top)"
_IN = r"(?:includ\w*|inclusive\w*|counts?|belongs?|inside|closed)"
_OUT = r"(?:exclud\w*|exclusive\w*|left out|outside|falls? out|open)"
_LIMITS = r"(?:bounds|limits|ends|endpoints|end points|edges|boundaries|borders|values)"


def between(rng: random.Random) -> Request:
    """Whether the limits belong to the range."""
    values = values_of(rng, ("prices", "catalogue", "offers"))
    function = rng.choice(("count_between", "offers_between", "how_many"))
    probes = []
    for _ in range(6):
        low = rng.randint(2, 60) * 10
        high = low + rng.randint(3, 40) * 10
        prices = [rng.randint(low - 15, high + 15) for _ in range(rng.randint(3, 7))]
        prices += [low] * rng.randint(0, 3) + [high] * rng.randint(0, 2) + [low + 1, high - 1]
        rng.shuffle(prices)
        probes.append(f"{function}({prices}, {low}, {high})")
    probes += [
        f"{function}([100, 100, 250], 100, 200)",
        f"{function}([100, 250, 200, 200, 200], 100, 200)",
        f"{function}([], 1, 2)",
        f"{function}(prices=[5, 6, 7, 7], low=5, high=7)",
    ]

    def reading(key: str, test: str, note: str, *says: str) -> Reading:
        return Reading(key, f"return sum({test} for price in prices)", note, says)

    return open_request(
        _BETWEEN,
        {**values, "function": function},
        "between",
        f"{function}(prices, low, high)",
        readings=(
            reading(
                "both limits count",
                "low <= price <= high",
                "Both limits are included: a price equal to low or to high counts.",
                rf"\bboth\b[^,;]{{0,40}}\b{_IN}",
                rf"\b{_IN}\b[^,;]{{0,20}}\bboth\b",
                rf"\binclusive {_LIMITS}|\binclusive (?:range|interval|of (?:low|the|both))",
                rf"\b{_LIMITS}\b (?:are|being|themselves|count|belong)?[^,;]{{0,20}}{_IN}",
                r"(?<!half-)(?<!half )(?<!left-)(?<!right-)\bclosed (?:interval|range)",
                r"\[ ?low, ?high ?\]|low ?<= ?[\w ]+ ?<= ?high",
                r">= ?low\b.{0,30}<= ?high",
                rf"equal to (?:either|low or (?:to )?high)\b.{{0,30}}\b{_IN}",
                rf"\binclu\w* (?:the )?{_LOW} and (?:the )?{_HIGH}",
            ),
            reading(
                "only low counts",
                "low <= price < high",
                "The range is half-open: a price equal to low is included, one equal to high is "
                "excluded.",
                r"\[ ?low, ?high ?[)[]|low ?<= ?[\w ]+ ?< ?high|>= ?low\b.{0,30}< ?high",
                rf"\b{_LOW}\b.{{0,30}}\b{_IN}.{{0,40}}\b{_HIGH}\b.{{0,30}}\b{_OUT}",
                rf"\b{_HIGH}\b.{{0,20}}\b{_OUT}.{{0,40}}\b{_LOW}\b.{{0,20}}\b{_IN}",
                rf"\b{_IN}.{{0,12}}\b{_LOW}\b.{{0,30}}\b{_OUT}.{{0,12}}\b{_HIGH}\b",
                r"from low (?:up )?to (?:just )?(?:below|before|under) high",
                rf"\bonly (?:the )?{_LOW}|\bleft-closed|\bright-open",
            ),
            reading(
                "only high counts",
                "low < price <= high",
                "A price equal to low is excluded, one equal to high is included.",
                r"[(\]] ?low, ?high ?\]|low ?< ?[\w ]+ ?<= ?high|> ?low\b.{0,30}<= ?high",
                rf"\b{_LOW}\b.{{0,30}}\b{_OUT}.{{0,40}}\b{_HIGH}\b.{{0,30}}\b{_IN}",
                rf"\b{_HIGH}\b.{{0,20}}\b{_IN}.{{0,40}}\b{_LOW}\b.{{0,20}}\b{_OUT}",
                rf"\b{_OUT}.{{0,12}}\b{_LOW}\b.{{0,30}}\b{_IN}.{{0,12}}\b{_HIGH}\b",
                r"(?:above|over|more than) low (?:and )?up to (?:and including )?high",
                rf"\bonly (?:the )?{_HIGH}|\bleft-open|\bright-closed",
            ),
            reading(
                "neither limit counts",
                "low < price < high",
                "Both limits are excluded: only prices strictly between low and high are counted.",
                r"\bstrict(?:ly)? (?:between|inside|within)|\bstrict inequalit",
                r"\bstrictly (?:greater|more|above|larger).*\bstrictly (?:less|below|under|small)",
                rf"\bboth\b[^,;]{{0,40}}\b{_OUT}",
                rf"\b{_OUT}\b[^,;]{{0,20}}\bboth\b",
                rf"\bexclusive {_LIMITS}|\bexclusive (?:range|interval|of (?:low|the|both))",
                rf"\b{_LIMITS}\b (?:are|being|themselves)?[^,;]{{0,20}}{_OUT}",
                r"(?<!half-)(?<!half )\bopen (?:interval|range)",
                r"\( ?low, ?high ?\)|low ?< ?[\w ]+ ?< ?high|> ?low\b.{0,30}< ?high",
            ),
        ),
        probes=probes,
        examples=(f"{function}([120, 90, 350, 180], 100, 200)",),
    )


_ROUND = Template(
    module='''
    """Amounts on the invoices of $company. Amounts are whole cents and never negative."""


    def total(amounts):
        """Return the sum of amounts, in cents."""
        return sum(amounts)


    def $function(cents):
        """Return an amount rounded to whole euros, as an int.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Invoices

    `$path` works with amounts of money, as whole cents.
    """,
    ticket="""
    In the yearly overview for $person the amounts should be in whole euros, rounded; cents only
    make the table hard to read. Please write `$call`.
    """,
    topic=r"half|halves|50|fifty|even|bank|\bup\b|down|trunc|floor|ceil|cut|near|tie|\.5|drop",
)


def rounding(rng: random.Random) -> Request:
    """What happens to exactly half a euro, or to all cents."""
    values = values_of(rng, ("invoice", "amounts", "overview"))
    function = rng.choice(("whole_euros", "to_euros", "in_euros"))
    cents = [100 * rng.randint(0, 40) + 50 for _ in range(3)]
    cents += [200 * rng.randint(0, 40) + 50, 200 * rng.randint(0, 40) + 150]
    cents += [100 * rng.randint(0, 900) + rng.choice((1, 20, 49, 51, 80, 99)) for _ in range(6)]
    cents += [0, 49, 51, 149, 151, 100 * rng.randint(1, 90)]
    probes = [f"{function}({n})" for n in cents] + [f"{function}(cents={rng.randint(2, 9)}50)"]
    half = r"(?:(?:exact\w* )?(?:50 cents|fifty cents|half a euro|halves|half|x?\.50?|ties?))"
    whole = 100 * rng.randint(2, 90)
    return open_request(
        _ROUND,
        {**values, "function": function},
        "rounding",
        f"{function}(cents)",
        readings=(
            Reading(
                "half up",
                "return (cents + 50) // 100",
                "Amounts go to the nearest euro; exactly 50 cents are rounded up.",
                (
                    r"\bhalf[- ]?up\b",
                    rf"{half}\b.{{0,40}}\bup(?:wards?)?\b",
                    rf"\bup(?:wards?)?\b.{{0,25}}{half}",
                    r"away from zero|commercial",
                ),
                (r"next (?:whole |higher )?euro|>= ?50|50 cents or more|\+ ?50",),
            ),
            Reading(
                "half to even",
                "return round(cents / 100)",
                "Amounts go to the nearest euro; exactly 50 cents go to the even euro, as bankers "
                "round.",
                (
                    r"\bbanker",
                    r"\beven (?:euro|number|neighbou?r|digit|one|value|integer)",
                    r"\bto[- ](?:the )?(?:nearest )?even|half[- ]even",
                ),
                (r"\beven\b|round\(|built-?in|\bup\b.*\bdown\b|\bdown\b.*\bup\b",),
            ),
            Reading(
                "half down",
                "return (cents + 49) // 100",
                "Amounts go to the nearest euro; exactly 50 cents are rounded down.",
                (
                    r"\bhalf[- ]?down\b",
                    rf"{half}\b.{{0,40}}\bdown(?:wards?)?\b",
                    rf"\bdown(?:wards?)?\b.{{0,25}}{half}",
                ),
                (r"towards? zero|lower euro|\bup\b.{0,20}\b(?:above|over|more than|beyond)",),
            ),
            Reading(
                "always down",
                "return cents // 100",
                "Cents are cut off: 1 euro and 99 cents are shown as 1 euro.",
                (
                    r"\btruncat|\bfloor",
                    r"\balways\b.{0,20}\bdown\b|\bdown always\b",
                    r"\bcents\b.{0,15}\b(?:cut off|dropped|discarded|ignored)",
                    r"\b(?:cut|drop|discard)\w*\b.{0,15}\bcents\b",
                ),
                (
                    r"\bround\w* down(?:wards)?(?: always| to|,| ?:)|integer division|//",
                    r"\b(?:any|all|whatever|regardless|whether)\b",
                ),
            ),
            Reading(
                "always up",
                "return -(-cents // 100)",
                "Every started euro counts: 1 euro and 1 cent are shown as 2 euros.",
                (
                    r"\bceil",
                    r"\balways\b.{0,20}\bup\b|\bup always\b",
                    r"\b(?:started|begun|partial) euro",
                ),
                (
                    r"\bround\w* up(?:wards)?(?: always| to|,| ?:)|next (?:whole |full )?euro",
                    r"\b(?:any|every|all|whatever|regardless|whether)\b",
                ),
            ),
        ),
        probes=probes,
        examples=(f"{function}({whole})", f"{function}(0)"),
    )
