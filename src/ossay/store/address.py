"""Where a ledger is: a file, or a PostgreSQL database by URL.

Knows how to name the place without its password. Knows nothing of what is in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from msgspec import Struct

from ossay.core.errors import LedgerError, nearest

_SCHEMES = ("postgresql", "postgres", "sqlite")
# user:PASSWORD@ of a URL, however the rest of it is broken.
_PASSWORD = re.compile(r"://[^/@\s:]*:(?P<password>[^/\s]*)@")
_QUERY_PASSWORD = re.compile(r"[?&]password=(?P<password>[^&\s]*)")


class Address(Struct, frozen=True):
    """A ledger's place: `path` of a SQLite file, or `url` of a PostgreSQL database."""

    path: Path | None = None
    url: str = ""

    def __str__(self) -> str:
        """The place as people may see it, without a password."""
        if self.path is not None:
            return repr(str(self.path))
        return repr(self.scrub(self.url).replace("+psycopg", "", 1))

    def scrub(self, text: str) -> str:
        """Take this address's password out of a text."""
        for pattern in (_PASSWORD, _QUERY_PASSWORD):
            found = pattern.search(self.url)
            password = found["password"] if found else ""
            for form in {password, unquote(password), quote(unquote(password), safe="")} - {""}:
                text = text.replace(form, "***")
        return text


def parse_address(text: str) -> Address:
    """Read a path, `sqlite:///PATH` or `postgresql://…`; raises `LedgerError` on anything else."""
    scheme, separator, rest = text.partition("://")
    if not text or text == ":memory:":
        raise LedgerError(f"a ledger must last, and {text!r} would not: name a file")
    if "\0" in text:
        raise LedgerError(f"{text!r} is no path: it holds a NUL; give another path")
    if not separator:
        return Address(Path(text).expanduser())
    if scheme == "sqlite":
        if len(rest) < 2 or not rest.startswith("/"):
            raise LedgerError(f"{text!r} names no file: write sqlite:///PATH, or just the path")
        return Address(Path(rest[1:]).expanduser())
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return Address(url="postgresql+psycopg://" + rest)
    raise LedgerError(
        f"no ledger can be kept in {scheme!r}: give the path of a file, or "
        f"postgresql://USER@HOST/DATABASE{nearest(scheme, _SCHEMES)}"
    )
