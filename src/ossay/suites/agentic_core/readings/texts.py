"""Open requests about texts and entries: letter case, which date counts, which duplicate wins."""

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

_COUNTER = Template(
    module='''
    """Counting words in the articles of $company."""


    def words(text):
        """Return the words of a text, in their order."""
        return text.split()


    def $function(text, word):
        """Return how often a word is used in a text.

        Words are separated by white space; a part of a longer word is no use of it. Texts hold
        nothing but letters, digits and white space, and the word is never empty.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Word counts

    Small functions for the editors of $company. `$path` counts words.
    """,
    ticket="""
    The editors of $company want to see how often a word is used in an article, so that they notice
    when somebody has fallen in love with a word. Please write `$call`.
    """,
    topic=r"case|capital|upper|lower|letter|spell|exact|title",
)


def case(rng: random.Random) -> Request:
    """Whether upper and lower case make a difference."""
    values = values_of(rng, ("counter", "wordcount", "usage"))
    function = rng.choice(("count_word", "uses", "occurrences"))
    a, b = values["product"], values["thing"]
    filler = ["rain", "on", "seven", "the", "slow", "train"]

    def text(*forms: str) -> str:
        chosen = [*forms, *rng.choices(filler, k=rng.randint(2, 6)), rng.choice(forms)]
        rng.shuffle(chosen)
        return " ".join(chosen)

    probes = [f"{function}({text(a, a.title(), a + 's')!r}, {a!r})" for _ in range(3)]
    probes += [f"{function}({text(b, b.title(), b.upper(), a)!r}, {b.title()!r})" for _ in range(3)]
    probes += [
        f"{function}({text(a.upper(), b)!r}, {b.upper()!r})",
        f"{function}({text(a, b)!r}, {a!r})",
        f"{function}('', {a!r})",
        f"{function}(text={text(a.upper(), a)!r}, word={a!r})",
    ]
    shown = f"the {a} and the {b} and {a}s"
    return open_request(
        _COUNTER,
        {**values, "function": function},
        "case",
        f"{function}(text, word)",
        readings=(
            Reading(
                "case matters",
                "return words(text).count(word)",
                f'Counting is case-sensitive: "{a.title()}" and "{a}" are two different words.',
                (
                    r"(?<!in)sensitive",
                    r"\bcase[- ](?:matters|counts|is (?:significant|respected|relevant|kept))",
                    r"\bexact(?:ly)?\b.{0,30}\b(?:case|as (?:it is )?(?:written|spelled|given))",
                    r"\b(?:is|are|as) (?:two )?(?:different|distinct|separate) words?\b",
                    r"\b(?:respect|preserv|keep)\w* (?:the )?(?:letter )?case",
                ),
                (
                    r"\bexact",
                    r"distin|differ|separate|apart|spelling|preserv|respect",
                    r"insensitiv.{0,40}(?:not|n't)",
                    r"as (?:is|given|written)",
                ),
            ),
            Reading(
                "case is ignored",
                "return [other.lower() for other in words(text)].count(word.lower())",
                f'Counting ignores case: "{a.title()}" and "{a}" are the same word.',
                (
                    r"insensitiv",
                    r"\bignor\w* (?:the )?(?:upper|lower|letter|case|capital)",
                    r"\b(?:case|capitali[sz]ation|capitals?) (?:is|are|being) ignored",
                    r"\b(?:regardless|irrespective|independent\w*) of (?:\w+ )?"
                    r"(?:case|capital|upper)",
                    r"lower[- ]?cas(?:ed|ing)|casefold|case-fold",
                    r"\b(?:is|are|as) the same word\b",
                ),
                (
                    r"\b(?:not|no|n't|without)\b.{0,40}\b(?:sensitiv|matter|differ|distin|count)",
                    r"apart from|except|aside from|as one\b|\bone word|modulo|regardless",
                    r"same|equal|alike|identical|equivalent|together|lower\(\)|fold|normali[sz]",
                ),
            ),
        ),
        probes=probes,
        examples=(f"{function}({shown!r}, 'the')", f"{function}({shown!r}, {a!r})"),
    )


_MERGE = Template(
    module='''
    """The address book of $company."""


    def addresses(book):
        """Return the addresses of a book in alphabetical order."""
        return sorted(book)


    def $function($a, $b):
        """Put two address books together and return the result as a new one.

        A book is a dict that maps an e-mail address to a name. The result has every address that
        is in either book, once, with a name that it has in one of them. The books that are passed
        in are left as they are.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Address book

    $company keeps two address books, one of the $a and one of the $b. `$path` works on them.
    """,
    ticket="""
    For the letter to all customers we need the address books of the $a and of the $b in one, so
    that nobody gets two letters. Please write `$call`.
    """,
    topic=r"both|conflict|duplicat|same|collision|clash|overlap|twice|wins?|preced|priorit"
    r"|overwr|overrid|kept|keep|prefer|first|second|later|argument",
)


def merge(rng: random.Random) -> Request:
    """Which of two entries for the same address is kept."""
    values = values_of(rng, ("contacts", "addressbook", "mailing"))
    function = rng.choice(("merge", "combine", "join_books"))
    a, b = rng.choice((("shop", "newsletter"), ("workshop", "forum"), ("hotel", "restaurant")))
    people = plain_names(rng, 8)
    mails = [f"{name.lower()}@mail.example" for name in people]

    def book(names: list[str], tail: str) -> dict[str, str]:
        return {f"{n.lower()}@mail.example": f"{n} {tail}" for n in rng.sample(names, len(names))}

    probes = []
    for _ in range(6):
        left = book(rng.sample(people, 5), rng.choice(("Abel", "Birk")))
        right = book(rng.sample(people, 5), rng.choice(("Cole", "Dahl")))
        probes.append(f"{function}({left!r}, {right!r})")
    probes += [
        f"{function}({{}}, {{{mails[0]!r}: 'A'}})",
        f"{function}({{{mails[0]!r}: 'A'}}, {{}})",
        f"{function}({a}={{{mails[1]!r}: 'A'}}, {b}={{{mails[1]!r}: 'B', {mails[2]!r}: 'C'}})",
    ]

    def wins(name: str, other: str, place: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        strict = (
            rf"\b{name}\b(?:'s)?.{{0,40}}\b(?:wins?|takes? (?:precedence|priority)|is kept|are kept"
            r"|has (?:precedence|priority)|overrides?|overwrites?|overrules?|prevails?|stays?"
            r"|is (?:used|preferred|trusted|taken))\b",
            rf"\b(?:prefer|keep|take|use|trust)\w*\b.{{0,25}}\b{name}\b(?!.{{0,20}}\b{other}\b)",
        )
        return strict, (rf"\b{name}\b", place)

    says_a, also_a = wins(a, b, r"\b(?:first|left|former|earlier|existing|fills?|missing)\b")
    says_b, also_b = wins(b, a, r"\b(?:second|right|latter|later|last|overwr|overrid|replac|updat)")
    return open_request(
        _MERGE,
        {**values, "function": function, "a": a, "b": b},
        "merge",
        f"{function}({a}, {b})",
        readings=(
            Reading(
                f"the {a} wins",
                f"merged = dict({a})\nfor address, name in {b}.items():\n"
                "    merged.setdefault(address, name)\nreturn merged",
                f"For an address in both books the name from the {a} is kept.",
                says_a,
                also_a,
            ),
            Reading(
                f"the {b} wins",
                f"return {{**{a}, **{b}}}",
                f"For an address in both books the name from the {b} is kept.",
                says_b,
                also_b,
            ),
        ),
        probes=probes,
        examples=(f"{function}({{{mails[0]!r}: 'A. Abel'}}, {{{mails[3]!r}: 'D. Dahl'}})",),
    )


_MADE = r"creat|writ|wrote|open|publish|\bborn|\bmade|post(?:ed|ing)|added|origin"
_CHANGED = r"updat|edit|modif|chang|revis|touch|activ"

_LATEST = Template(
    module='''
    """The notes of the $service team at $company."""


    def titles(entries):
        """Return the titles of all notes in alphabetical order."""
        return sorted(entry["title"] for entry in entries)


    def $function(entries, n):
        """Return the titles of the n most recent notes, the most recent first.

        A note is a dict with "title", "$a" and "$b"; both are dates, and "$b" is
        never before "$a". Notes come in no particular order. No date occurs twice. If there are
        fewer than n notes, all are returned; n is at least 1.

        @examples@
        """
        @body@
    ''',
    readme="""
    # Notes

    `$path` works on the notes of the $service team. Each has a title, the date on which it was
    $a and the date on which it was last $b.
    """,
    ticket="""
    The start page of the $service team should show the most recent notes. Please write `$call`.
    """,
    topic=f"{_MADE}|{_CHANGED}|recent|date",
)


def latest(rng: random.Random) -> Request:
    """Whether recent means recently made or recently changed."""
    values = values_of(rng, ("notes", "board", "journal"))
    function = rng.choice(("latest", "most_recent", "recent"))
    a, b = rng.choice((("created", "updated"), ("written", "edited"), ("opened", "changed")))
    topics = ("Heating", "Parking", "Kitchen", "Badges", "Printer", "Budget", "Lunch", "Keys")

    def notes(n: int) -> str:
        days = rng.sample(range(1, 29), 2 * n)
        pairs = [sorted((days[2 * i], days[2 * i + 1])) for i in range(n)]
        rows = [
            f"{{'title': {title!r}, {a!r}: date(2025, 3, {made}), {b!r}: date(2025, 3, {changed})}}"
            for title, (made, changed) in zip(rng.sample(topics, n), pairs, strict=True)
        ]
        return "[" + ", ".join(rows) + "]"

    def note(title: str, made: int, changed: int) -> str:
        return (
            f"{{'title': {title!r}, {a!r}: date(2025, 1, {made}), {b!r}: date(2025, 1, {changed})}}"
        )

    probes = [f"{function}({notes(rng.randint(4, 8))}, {rng.randint(1, 4)})" for _ in range(6)]
    probes += [
        f"{function}({notes(3)}, 9)",
        f"{function}([], 2)",
        f"{function}([{note('Keys', 1, 20)}, {note('Lunch', 5, 9)}], 1)",
        f"{function}(entries={notes(5)}, n=2)",
    ]
    example = f"[{note('Keys', 3, 4)}, {note('Lunch', 8, 9)}, {note('Badges', 5, 6)}]"
    body = 'ordered = sorted(entries, key=lambda entry: entry["{0}"], reverse=True)\n'
    body += 'return [entry["title"] for entry in ordered[:n]]'
    return open_request(
        _LATEST,
        {**values, "function": function, "a": a, "b": b},
        "latest",
        f"{function}(entries, n)",
        readings=(
            Reading(
                f"by {a}",
                body.format(a),
                f'Recent means recently {a}: notes are ordered by their date "{a}".',
                (_MADE,),
            ),
            Reading(
                f"by {b}",
                body.format(b),
                f'Recent means recently {b}: notes are ordered by their date "{b}".',
                (_CHANGED,),
            ),
        ),
        probes=probes,
        examples=(f"{function}({example}, 2)",),
    )
