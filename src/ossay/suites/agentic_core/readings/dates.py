"""Open requests about dates: the last days, the first day of a week, one month later."""

from __future__ import annotations

import random
from datetime import date, timedelta

from ossay.suites.agentic_core.readings.request import (
    Reading,
    Request,
    Template,
    open_request,
    plain_names,
    values_of,
)

_VISITS = Template(
    module='''
    """Who came to see the $service team at $company."""

    from datetime import date, timedelta


    def visitors(visits):
        """Return the names of all visitors, in alphabetical order."""
        return sorted(name for _, name in visits)


    def $function(visits, today, days):
        """Return the names of those who came in the last so many days, in alphabetical order.

        A visit is a pair of a date and a name. There are no visits after today, and nobody came
        twice. `days` is at least 2.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Visits

    The $service team keeps a list of its visitors. `$path` works on it.
    """,
    ticket="""
    For the security report we need the names of everybody who was here in the last few days;
    usually it will be asked for the last seven. Please write `$call`.
    """,
    topic=r"today|yesterday|window|within|inclu|exclu|ago|calendar|cut-?off|boundar|at most"
    r"|full days|<",
)

_AGO = r"\b(?:n|days|seven|7|that many|so many) days (?:ago|back|before)|\bdays ago"


def _day(value: date) -> str:
    return f"date({value.year}, {value.month}, {value.day})"


def last_days(rng: random.Random) -> Request:
    """Whether today and the day so many days ago belong to the last days."""
    values = values_of(rng, ("visits", "visitors", "guestbook"))
    function = rng.choice(("recent_visitors", "visitors_of_last_days", "seen_lately"))
    names = plain_names(rng, 9)
    today = date(2025, rng.randint(1, 12), rng.randint(1, 28))

    def visits(ages: list[int]) -> str:
        pairs = zip(rng.sample(names, len(ages)), ages, strict=True)
        rows = [f"({_day(today - timedelta(age))}, {name!r})" for name, age in pairs]
        return "[" + ", ".join(rows) + "]"

    probes = []
    for days in (2, 3, 7, rng.randint(8, 40)):
        ages = [0, days - 1, days, days + 1, *rng.sample(range(days + 2, days + 30), 2)]
        probes.append(f"{function}({visits(rng.sample(ages, 6))}, {_day(today)}, {days})")
        probes.append(f"{function}({visits(rng.sample(ages, 3))}, {_day(today)}, {days})")
    probes.append(f"{function}(visits={visits([1, 9])}, today={_day(today)}, days=5)")

    def reading(key: str, test: str, note: str, *says: str, also: tuple[str, ...] = ()) -> Reading:
        body = f"return sorted(name for day, name in visits if {test})"
        return Reading(key, body, note, says, also)

    return open_request(
        _VISITS,
        {**values, "function": function},
        "last_days",
        f"{function}(visits, today, days)",
        readings=(
            reading(
                "so many days, today the last of them",
                "(today - day).days < days",
                "Today is the last of these days, so the first of them is days - 1 days earlier.",
                r"\bdays ?- ?1\b|\bdays minus (?:1|one)|\b(?:six|6) (?:\w+ )?(?:days )?before",
                r"< ?days\b(?! ?\+)|> ?today ?- ?",
                rf"(?:{_AGO})\b.{{0,30}}\b(?:exclu\w+|left out|too old|outside)",
                rf"\bexclu\w+\b.{{0,30}}(?:{_AGO})",
                r"\btoday (?:is|as|being|counts as) day (?:1|one)",
                also=(r"\bcalendar days\b|less than|\binclu\w+ today\b|\btoday, yesterday|in all",),
            ),
            reading(
                "at most so many days ago",
                "(today - day).days <= days",
                "A visit exactly so many days ago is still included, as is one of today.",
                r"\bat most\b|\bup to and including\b|<= ?days\b|>= ?\(?today ?- ?",
                rf"(?:{_AGO})\b.{{0,30}}\b(?:inclu\w+|counts?|still|belongs?|inside)\b",
                rf"\binclu\w+\b.{{0,40}}(?:{_AGO})",
                r"\bboth (?:ends|bounds|boundaries|limits|edges|days|ends? dates)",
                also=(r"inclu|cut-?off|boundary|within|no more than",),
            ),
            reading(
                "the days before today",
                "1 <= (today - day).days <= days",
                "Only full days are looked at: they end with yesterday, and today is excluded.",
                r"\btoday\b.{0,25}\b(?:exclu\w+|left out|omitted)",
                r"\b(?:exclu\w+|leav\w+ out|omit\w*|without)\b(?: \w+){0,2} today\b",
                r"\b(?:ends?|ending|up to|until|till|newest|latest|last|through|to|with|including)"
                r"(?: with| on| day is| is)? yesterday\b",
                r"\byesterday (?:is|being|as) the (?:last|newest|latest)",
                r"\b(?:full|complete|finished) days\b",
                also=(
                    r"\btoday\b.{0,25}\b(?:not|n't)\b|\bnot\b.{0,20}\btoday\b",
                    r"< ?today|\b(?:before|prior to|yesterday)\b",
                ),
            ),
        ),
        probes=probes,
        examples=(
            f"{function}({visits([1, 60])}, {_day(today)}, 7)",
            f"{function}([], {_day(today)}, 7)",
        ),
    )


_WEEK = Template(
    module='''
    """Weeks in the roster of $company."""

    from datetime import date, timedelta


    def day_after(day):
        """Return the next day."""
        return day + timedelta(days=1)


    def $function(day):
        """Return the date of the first day of the week that a date lies in.

        A date that is itself the first day of a week is returned as it is.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Roster

    $person plans the shifts of the $service team. `$path` works with the weeks of the roster.
    """,
    ticket="""
    The roster should be shown by week, each week under the date of its first day. For that we need
    `$call`; please write it.
    """,
    topic=r"mon|sun|sat|\biso\b|week(?:day)? (?:starts|begins)|first day",
)


def week(rng: random.Random) -> Request:
    """On which day a week begins."""
    values = values_of(rng, ("weeks", "roster", "shifts"))
    function = rng.choice(("week_start", "first_day_of_week", "week_of"))
    start = date(2024, 1, 1) + timedelta(days=rng.randint(0, 700))
    days = [start + timedelta(days=n) for n in range(7)]
    days += [date(2024, 12, 31), date(2025, 1, 1), date(2024, 3, 1)]
    days += [start + timedelta(days=rng.randint(100, 900)) for _ in range(3)]
    probes = [f"{function}({_day(day)})" for day in days] + [f"{function}(day={_day(start)})"]

    def reading(name: str, since: str, *says: str, also: tuple[str, ...] = ()) -> Reading:
        body = f"return day - timedelta(days={since})"
        note = f"A week begins on {name}, so each date belongs to the {name} on or before it."
        return Reading(name, body, note, says, also)

    not_last = r"(?<!to )(?<!through )(?<!until )(?<!till )(?<!- )(?<!-)"
    return open_request(
        _WEEK,
        {**values, "function": function},
        "week",
        f"{function}(day)",
        readings=(
            reading(
                "Monday",
                "day.weekday()",
                r"\bmonday",
                r"\biso\b|iso[- ]?8601",
                also=("mon", r"sunday is the last|ends? (?:on|with) (?:a )?sunday"),
            ),
            reading(
                "Sunday",
                "(day.weekday() + 1) % 7",
                not_last + r"\bsunday",
                also=("sun", r"saturday is the last|ends? (?:on|with) (?:a )?saturday"),
            ),
            reading(
                "Saturday",
                "(day.weekday() + 2) % 7",
                not_last + r"\bsaturday",
                also=("sat", r"friday is the last|ends? (?:on|with) (?:a )?friday"),
            ),
        ),
        probes=probes,
        # None: every date tells the readings apart, or would give one of them away.
        examples=(),
    )


_MONTH = Template(
    module='''
    """Subscriptions of $company."""

    from datetime import date, timedelta


    def days_left(today, end):
        """Return how many days are left until a subscription ends."""
        return (end - today).days


    def $function(start):
        """Return the date one month after a date.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Subscriptions

    Customers of $company subscribe to a $product a month. `$path` works out dates.
    """,
    ticket="""
    A subscription can begin on any day, and the first payment is due one month later. Please write
    `$call`, which gives that date.
    """,
    topic=r"\bdays?\b|month|clamp|overflow|roll|31|30|29|28|feb|mar|thirty|shorter",
)

_SAME_DAY = """\
year, month = start.year + start.month // 12, start.month % 12 + 1
first = date(year, month, 1)
last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
"""


def month(rng: random.Random) -> Request:
    """What one month after the 31st is."""
    values = values_of(rng, ("renewals", "subscriptions", "payments"))
    function = rng.choice(("one_month_after", "due_date", "next_month"))
    days = [date(2025, 1, n) for n in (29, 30, 31)] + [date(2024, 1, n) for n in (29, 30, 31)]
    days += [date(2025, 3, 31), date(2025, 8, 31), date(2024, 12, 31), date(2025, 7, 31)]
    for _ in range(8):
        days.append(date(rng.randint(2021, 2027), rng.randint(1, 12), rng.randint(1, 27)))
    probes = [f"{function}({_day(day)})" for day in days] + [f"{function}(start={_day(days[-1])})"]
    easy = date(rng.randint(2021, 2027), rng.choice((4, 6, 9, 11)), rng.randint(3, 27))

    def reading(key: str, does: str, note: str, *says: str, also: tuple[str, ...] = ()) -> Reading:
        return Reading(key, _SAME_DAY + does, note, says, also)

    return open_request(
        _MONTH,
        {**values, "function": function},
        "month",
        f"{function}(start)",
        readings=(
            reading(
                "the last day of a shorter month",
                "return first.replace(day=min(start.day, last))",
                "If the next month has fewer days, the last day of that month is taken, so a "
                "start on 31 January gives 28 February.",
                r"\blast (?:\w+ )?day\b",
                r"\bend of (?:the|that|a|next)\b(?: \w+)? ?month|\bmonth-end\b",
                r"\bclamp|\bcapped\b",
                also=(
                    r"\bfeb|\b2[89]\b|last|shorter|clip|limit",
                    r"\b30(?:th)? (?:of )?(?:apr|jun|sep|nov)",
                ),
            ),
            reading(
                "into the month after",
                "return first + timedelta(days=start.day - 1)",
                "If the next month has fewer days, the rest rolls over into the month after it, "
                "so a start on 31 January gives 3 March.",
                r"\broll|\boverflow|\bspill|\bcarr(?:y|ied|ies) over",
                r"\b3(?:rd)? (?:of )?mar|\bmar(?:ch)? (?:0?3|3rd)\b|-03-03",
                also=(r"mar\w* [23]\b|days in|day ?- ?1|beyond|excess|surplus|extra|remaining",),
            ),
            reading(
                "the first of the month after",
                "return first.replace(day=start.day) if start.day <= last else "
                "first + timedelta(days=last)",
                "If the next month has fewer days, it is the first of the month after it, so a "
                "start on 31 January gives 1 March.",
                r"\bfirst (?:day )?(?:of|in)\b",
                r"\b1(?:st)? (?:of )?mar|\bmar(?:ch)? (?:0?1|1st)\b|-03-01",
                also=(r"\bfirst\b|1st",),
            ),
            reading(
                "30 days",
                "return start + timedelta(days=30)",
                "A month is taken to be 30 days.",
                r"\b(?:is|of|means|as|be|always|fixed|exactly|plus|adds?|adding) "
                r"(?:exactly |a fixed |always )?"
                r"(?:30|thirty)[- ]days?\b",
                r"\b(?:30|thirty) days (?:later|after|on|from)\b|\b30-day",
                also=(r"\b30\b|thirty",),
            ),
        ),
        probes=probes,
        examples=(f"{function}({_day(easy)})",),
    )
