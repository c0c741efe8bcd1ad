"""What a rater's page sends, read from its bytes. Knows nothing of what it means."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import parse_qsl

from msgspec import Struct
from starlette.requests import Request

from ossay.core.errors import UsageError

_MOST_BYTES = 1 << 20  # four notes of 20,000 characters, as a form encodes them
_MOST_FIELDS = 1_000
_TOKEN = re.compile(r"[0-9a-f]{16,64}")
_RATER = re.compile(r"[^\W_][\w .@+-]{0,59}")
_BLANK = re.compile("[\u115f\u1160]")  # letters that nobody can see


class Sent(Struct, frozen=True):
    """One answer's part of a form."""

    run: str
    chosen: tuple[str, ...]
    notes: str
    token: str
    began: float | None


async def fields_of(request: Request) -> dict[str, list[str]]:
    """Return a posted form's fields. Raises `UsageError` where it is none, or too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise UsageError(f"{kind[:80]!r} is not what this page sends")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise UsageError(f"the form is longer than {_MOST_BYTES:,} bytes; shorten the notes")
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise UsageError(f"the form cannot be read: {error}") from error
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def sent(fields: dict[str, list[str]], number: int) -> Sent:
    """Return what the form says of its answer number so-and-so. Raises `UsageError`."""

    def one(name: str) -> str:
        return fields.get(f"{number}.{name}", [""])[-1]

    token = one("token")
    if not _TOKEN.fullmatch(token):
        raise UsageError("the form lacks its token; load the page again")
    chosen = [*fields.get(f"{number}.tier", []), *fields.get(f"{number}.item", [])]
    began = one("began")
    return Sent(
        one("run"),
        tuple(dict.fromkeys(item for item in chosen if item)),
        one("notes").replace("\r\n", "\n"),
        token,
        float(began) if re.fullmatch(r"\d{1,11}(\.\d{1,6})?", began) else None,
    )


def count(fields: dict[str, list[str]]) -> int:
    """How many answers the form is about."""
    return sum(1 for name in fields if re.fullmatch(r"\d{1,2}\.token", name))


def rater_named(name: str) -> str:
    """Return a rater's name, one for all ways to write it (NFKC). Raises `UsageError`."""
    name = " ".join(unicodedata.normalize("NFKC", name[:200]).split())
    if not _RATER.fullmatch(name) or _BLANK.search(name):
        raise UsageError(
            f"{name[:60]!r} is no rater's name: up to 60 letters, digits, spaces and . @ + - _"
        )
    return name
