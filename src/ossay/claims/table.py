"""Table: named rows and columns of numbers or words, from a source, with holes where it has none.

A hole is an empty text. Knows nothing of files or of claims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.claims.span import Span, printed, sure
from ossay.core.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from ossay.core.records import CampaignRecord
    from ossay.core.results import Records

Value = int | float | str


class Table(Struct, frozen=True):
    """A table.

    Attributes:
        name: How claims call it.
        source: Id of its source.
        key: The column that names the rows.
        columns: All columns, the key too.
        rows: Row name -> column -> value; a hole is ''.
        digits: Column -> decimals to which its numbers are rounded; a column not named is exact.
        records: The results behind it, where it was made of some.
        campaign: The campaign that they are of, where it is known.
    """

    name: str
    source: str
    key: str
    columns: tuple[str, ...]
    rows: dict[str, dict[str, Value]]
    digits: dict[str, int] = {}
    records: Records | None = None
    campaign: CampaignRecord | None = None

    def row(self, name: str) -> dict[str, Value]:
        """The row of that name; raises `UnknownName`."""
        if name not in self.rows:
            raise UnknownName.of(f"row of table {self.name!r}", name, self.rows)
        return self.rows[name]

    def cell(self, row: str, column: str) -> Span | None:
        """The number there, None for a hole.

        Raises:
            UnknownName: no such row or column.
            ConfigError: a word where a number is asked for.
        """
        found = self.row(row)
        if column not in self.columns:
            raise UnknownName.of(f"column of table {self.name!r}", column, self.columns)
        value = found[column]
        if value == "":
            return None
        if isinstance(value, str):
            raise ConfigError(
                f"table {self.name!r}: row {row!r}, column {column!r} holds {value!r}, which is no "
                "number"
            )
        digits = self.digits.get(column)
        return sure(float(value)) if digits is None else printed(float(value), digits)

    def number(self, row: str, column: str) -> Span:
        """As `cell`, but a hole raises `ConfigError`."""
        found = self.cell(row, column)
        if found is None:
            raise ConfigError(
                f"table {self.name!r}: row {row!r} has no {column!r}; a claim about it can't be "
                "checked"
            )
        return found

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns, beside the key, that hold no word."""
        return tuple(
            column
            for column in self.columns
            if column != self.key
            and not any(isinstance(row[column], str) and row[column] for row in self.rows.values())
        )


def make_table(
    name: str,
    source: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Value]],
    *,
    key: str = "",
    digits: dict[str, int] | None = None,
) -> Table:
    """Build a table of rows in the order of `columns`; `key` is the first column by default.

    Raises:
        ConfigError: a column or row twice, a row too short or long, NaN or infinity, no rows.
    """
    where = f"table {name!r}"
    if not columns or not rows:
        raise ConfigError(f"{where} has {len(columns)} columns and {len(rows)} rows: it is empty")
    key = key or columns[0]
    for column in columns:
        if list(columns).count(column) > 1:
            raise ConfigError(f"{where} has column {column!r} twice")
    for column in (key, *(digits or {})):
        if column not in columns:
            raise UnknownName.of(f"column of {where}", column, columns)
    found: dict[str, dict[str, Value]] = {}
    for place, values in enumerate(rows, start=1):
        if len(values) != len(columns):
            raise ConfigError(
                f"{where}, row {place}: {len(values)} values for {len(columns)} columns; a hole is "
                "written ''"
            )
        row = dict(zip(columns, values, strict=True))
        for column, value in row.items():
            _check_number(where, place, column, value)
        label = str(row[key])
        if label in found:
            raise ConfigError(f"{where} has row {label!r} twice; `key` names the column that tells")
        found[label] = row
    return Table(name, source, key, tuple(columns), found, digits or {})


def _check_number(where: str, place: int, column: str, value: Value) -> None:
    if isinstance(value, int) and abs(value) > 10**15:
        raise ConfigError(f"{where}, row {place}, column {column!r}: a number of over 15 digits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(
            f"{where}, row {place}, column {column!r} is {value!r}: a missing value is written ''"
        )
