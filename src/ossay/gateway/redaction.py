"""Redaction: where a text holds what is not to be kept or sent on: e-mail addresses, numbers, keys.

Patterns find forms, not meanings: they miss what is spelled otherwise, and names and addresses
altogether. Each takes time in proportion to the text: built-in ones have no two ways to match the
same characters for long, and an owner's own pattern is no regular expression but a text in which
`#` is a digit and `?` a letter. Knows nothing of requests and logs.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from ossay.core.errors import ConfigError, UnknownName

OWN = "text:"
_MOST_OWN = 200  # characters of an own pattern
_ESCAPED = "nrtbfu"  # what follows a backslash in JSON that lies in a text


class Span(Struct, frozen=True):
    """Characters `start` to `end` of a text, and what they are."""

    start: int
    end: int
    kind: str


Find = Callable[[str], Iterator[tuple[int, int]]]

# Said after the first character, so that a search can leap to it: nothing begins inside a word; but
# the n of '\n' is no word, in JSON that lies in a text.
_EDGE = r"(?:(?<![^\W_].)(?<!\\[nrtbf])|(?<=\\[nrtbf].))"
_DOMAIN = re.compile(r"@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}")
_LOCAL = re.compile(r"[\w.%+-]")
_MOST_LOCAL = 64  # RFC 5321, 4.5.3.1.1
_CARD = re.compile(
    r"\d(?<!\d\d)(?:\d{12,18}|\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{3}([ -])\d{6}\2\d{4,5})(?!\d)"
)
_IBAN = re.compile(r"\d\d(?<=[A-Za-z]{2}\d\d)(?:[ -]?[A-Za-z0-9]){11,30}")
_PHONE = re.compile(
    r"[+(\d](?:(?<![\w+.].)|(?<=\\[nrtbf].))(?:"
    r"(?:(?<=\+)|(?<=0)0)[1-9](?:(?:[ .\-/]| ?\(|\) ?)?\d){6,14}"  # E.164, as it is written
    r"|(?:(?<=\()\d{3}|(?<=\d)\d\d)\)?[ .-]\d{3}[ .-]\d{4}"  # North America
    r"|(?:(?<=\()0|(?<=0))[1-9]\d{1,4}\)?[ /-]\d{3,9}(?:[ -]\d{2,8}){0,3}"  # with a trunk prefix
    r")(?!\w)"
)
_KEYS = (
    ("-", r"----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*+"
          r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"),
    ("s", _EDGE + r"k-[A-Za-z0-9_-]{16,}+"),
    ("[srp]", _EDGE + r"k_(?:live|test)_[A-Za-z0-9]{16,}+"),
    ("g", _EDGE + r"(?:h[opusr]|ithub_pat|lpat|sk)[_-][A-Za-z0-9_-]{16,}+"),
    ("h", _EDGE + r"f_[A-Za-z0-9]{16,}+"),
    ("n", _EDGE + r"pm_[A-Za-z0-9]{16,}+"),
    ("p", _EDGE + r"ypi-[A-Za-z0-9_-]{16,}+"),
    ("x", _EDGE + r"ox[abeoprs]-[A-Za-z0-9-]{16,}+"),
    ("A", _EDGE + r"(?:[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])|Iza[A-Za-z0-9_-]{35})"),
    # RFC 7519
    ("e", _EDGE + r"(?<![_-].)yJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+"),
)  # fmt: skip
_EDGES = re.compile("." + _EDGE)
_KEY = re.compile("|".join(first + rest for first, rest in _KEYS))
# Characters of an IBAN by country: the registry of ISO 13616.
_IBAN_CHARS = {
    name: int(length)
    for length, names in (
        row.split(": ")
        for row in """\
15: NO
16: BE
18: DK FI FK FO GL NL SD
19: MK SI
20: AT BA EE KZ LT LU MN XK
21: CH HR LI LV
22: BG BH CR DE GB GE IE ME RS VA
23: AE GI IL IQ OM SO TL
24: AD CZ ES MD PK RO SA SE SK TN VG
25: LY PT ST
26: IS TR
27: BI DJ FR GR IT MC MR SM
28: AL AZ BY CY DO GT HU LB NI PL SV
29: BR EG PS QA UA
30: JO KW MU YE
31: MT SC
32: LC
33: RU""".splitlines()
    )
    for name in names.split()
}


class Redaction:
    """Looks for some kinds of text.

    Args:
        kinds: 'email', 'phone', 'card', 'iban', 'key', and own ones as 'text:PATTERN'.

    Raises:
        UnknownName: no such kind.
        ConfigError: an own pattern that is empty, too long, or holds what ends a line or a string.
    """

    def __init__(self, kinds: Sequence[str]) -> None:
        owns = [_own(kind[len(OWN) :]) for kind in kinds if kind.startswith(OWN)]
        named = {kind for kind in kinds if not kind.startswith(OWN)}
        for kind in named - _FINDS.keys():
            raise UnknownName.of("kind of text to redact", kind, (*_FINDS, f"{OWN}…"))
        self._finds = [("text", find) for find in owns]
        self._finds += [(name, find) for name, find in _FINDS.items() if name in named]

    def __bool__(self) -> bool:
        return bool(self._finds)

    def spans(self, text: str) -> list[Span]:
        """Return what was found, in order, none overlapping; the surer kind has precedence."""
        taken: list[Span] = []
        starts: list[int] = []
        for name, find in self._finds:
            for start, end in find(text):
                while start < end:  # what of it is not taken, perhaps in several pieces
                    place = bisect_right(starts, start)
                    start = max(start, taken[place - 1].end if place else 0)
                    stop = min(end, starts[place] if place < len(starts) else end)
                    if any(map(str.isalnum, text[start:stop])):  # not the space between two
                        taken.insert(place, Span(start, stop, name))
                        starts.insert(place, start)
                    start = max(start, stop) if stop < end else end
        return taken

    def redact(self, text: str) -> str:
        """Return the text with `[email]` and the like in the place of what was found."""
        return replaced(text, self.spans(text), lambda span: f"[{span.kind}]")


def replaced(text: str, spans: Iterable[Span], by: Callable[[Span], str]) -> str:
    """Return the text with something else in the place of each span."""
    parts: list[str] = []
    done = 0
    for span in spans:
        parts += (text[done : span.start], by(span))
        done = span.end
    parts.append(text[done:])
    return "".join(parts)


def _own(pattern: str) -> Find:
    fixed = pattern.replace("#", "").replace("?", "")
    if not pattern.strip() or len(pattern) > _MOST_OWN:
        raise ConfigError(
            f"redact = {OWN + pattern[:_MOST_OWN]!r}: write 1 to {_MOST_OWN} characters after "
            f"{OWN!r}; '#' stands for a digit, '?' for a letter"
        )
    if not fixed.isprintable() or '"' in fixed or "\\" in fixed:
        raise ConfigError(
            f"redact = {OWN + pattern!r}: an own pattern holds no quote, backslash or line break"
        )
    classes = {"#": r"\d", "?": r"[^\W\d_]"}
    first, *rest = (classes.get(char) or re.escape(char) for char in pattern)
    word = [char in "#?" or char.isalnum() for char in (pattern[0], pattern[-1])]
    around = (_EDGE if word[0] else "", r"(?!\w)" if word[1] else "")
    found = re.compile(f"{first}{around[0]}{''.join(rest)}{around[1]}", re.IGNORECASE)
    return lambda text: (match.span() for match in found.finditer(text))


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """From each '@' to the right by the pattern, to the left by hand: no run is read twice."""
    end = 0
    for match in _DOMAIN.finditer(text):
        start = match.start()
        least = max(end, start - _MOST_LOCAL)
        while start > least and _LOCAL.match(text[start - 1]):
            start -= 1
        end = match.end()
        start = _after_escape(text, start)
        if start < match.start():
            yield start, end


def _cards(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while match := _CARD.search(text, position):
        position = match.end() if _luhn(match[0]) else match.start() + 1
        if position == match.end():
            yield match.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while match := _IBAN.search(text, position):
        start = match.start() - 2
        found = text[start : match.end()]
        length = _iban_length(found, text[match.end() : match.end() + 1])
        if length and start >= position and _EDGES.match(text, start):
            yield start, start + length
        position = max(match.end() - len(found) + length, match.start() + 2)


def _iban_length(found: str, after: str) -> int:
    """How much of the front of it is an IBAN, by its check digits (ISO 13616); 0 for none."""
    places = [place for place, char in enumerate(found) if char.isalnum()]
    wanted = _IBAN_CHARS.get(found[:2].upper(), 0)
    if not 0 < wanted <= len(places):
        return 0
    end = places[wanted - 1] + 1
    plain = [str(int(found[place], 36)) for place in places[:wanted]]
    whole = not (found[end : end + 1] or after).isalnum()
    return end if whole and int("".join(plain[4:] + plain[:4])) % 97 == 1 else 0


def _luhn(text: str) -> bool:
    """ISO/IEC 7812-1: the check digit that every card number ends with."""
    digits = [int(char) for char in text if char.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _by(pattern: re.Pattern[str]) -> Find:
    return lambda text: (match.span() for match in pattern.finditer(text))


def _after_escape(text: str, start: int) -> int:
    r"""Leave a letter alone that a backslash belongs to, as in the arguments '{"a": "\nme@…"}'."""
    slashes = 0
    while slashes < start and text[start - slashes - 1] == "\\":
        slashes += 1
    if slashes % 2 == 0 or text[start] not in _ESCAPED:
        return start
    return start + (5 if text[start] == "u" else 1)


# The surest first: where two claim the same characters, the first one has them.
_FINDS: dict[str, Find] = {
    "key": _by(_KEY),
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "phone": _by(_PHONE),
}
KINDS = tuple(_FINDS)
