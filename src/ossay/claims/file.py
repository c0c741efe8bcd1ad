"""A claims file: its title, sources, tables and claims, read and held against each other.

Unknown keys raise with the nearest; so do names that lead nowhere. Knows nothing of what any kind
of claim computes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from ossay.claims.claim import Claim, Source
from ossay.claims.keys import convert
from ossay.claims.kinds import KINDS
from ossay.claims.table import Table
from ossay.claims.tables import Ledgered, Place, load_table
from ossay.core.config import decode_toml
from ossay.core.errors import ConfigError, UnknownName, UsageError

MAX_BYTES = 5_000_000  # a file that a person wrote

Named = TypeVar("Named", Source, Claim)


class ClaimsToml(Struct, frozen=True):
    """The file as it is written."""

    title: str
    source: tuple[Source, ...]
    claim: tuple[dict[str, Any], ...]
    table: dict[str, dict[str, Any]] = {}


class ClaimsFile(Struct, frozen=True):
    """A file that was read; claims and sources by id, tables by name, in the file's order."""

    title: str
    sources: dict[str, Source]
    tables: dict[str, Table]
    claims: dict[str, Claim]


def read_claims(
    path: Path, *, outside: bool = False, ledgered: Ledgered | None = None
) -> ClaimsFile:
    """Read a claims file.

    Args:
        path: The TOML file.
        outside: Whether the files that it names may lie outside its folder.
        ledgered: Gives the records of a campaign or an import by name, and the campaign.

    Raises:
        UsageError: the file, or anything in it, is not as it should be; the text says where.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise UsageError(
                f"{str(path)!r} has over {MAX_BYTES:,} bytes; put its rows into a CSV beside it"
            )
        text = raw.decode("utf-8")
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError(f"cannot read {str(path)!r}: {why}") from error
    return parse_claims(
        text, source=path.name, place=Place(path.absolute().parent, outside, ledgered)
    )


def parse_claims(text: str, *, source: str, place: Place) -> ClaimsFile:
    """As `read_claims`, from text; `source` is named in errors."""
    read = decode_toml(text, ClaimsToml, source=source)
    try:
        sources = _unique("source", read.source)
        for one in sources.values():
            if not one.url and not one.citation:
                raise ConfigError(f"source {one.id!r} has neither `url` nor `citation`")
        if not read.claim:
            raise ConfigError("the file has no [[claim]]")
        claims = _unique(
            "claim", tuple(_claim(data, place_) for place_, data in enumerate(read.claim, start=1))
        )
        for claim in claims.values():
            _known(f"claim {claim.id!r}", claim.source, sources)
        tables = {name: load_table(name, data, place) for name, data in read.table.items()}
        for table in tables.values():
            _known(f"table {table.name!r}", table.source, sources)
    except UsageError as error:
        raise type(error)(f"{source}: {error}") from error
    return ClaimsFile(read.title, sources, tables, claims)


def _claim(data: dict[str, Any], place: int) -> Claim:
    name = data.get("id")
    where = f"[[claim]] {name!r}" if isinstance(name, str) and name else f"[[claim]] no. {place}"
    kind = data.get("kind")
    if not isinstance(kind, str):
        raise ConfigError(f"{where} has kind {kind!r}; known: {', '.join(KINDS.names())}")
    try:
        type_ = KINDS.get(kind)
    except UnknownName as error:
        raise UnknownName(f"{where}: {error}") from error
    claim = convert(data, type_, where)
    if not claim.id or not claim.says:
        raise ConfigError(f"{where}: `id` and `says` may not be empty")
    return claim


def _unique(what: str, found: tuple[Named, ...]) -> dict[str, Named]:
    by_id: dict[str, Named] = {}
    for one in found:
        if one.id in by_id:
            raise ConfigError(f"{what} {one.id!r} is there twice; ids are unique")
        by_id[one.id] = one
    return by_id


def _known(what: str, source: str, sources: dict[str, Source]) -> None:
    if source not in sources:
        raise UnknownName(f"{what}: {UnknownName.of('source', source, sources)}")
