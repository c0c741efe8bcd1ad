"""Tables of a claims file: typed inline, read from a CSV beside it, or made of results.

A file that a claims file names lies in its folder or below, unless the user lets it lie elsewhere.
Knows nothing of claims.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from ossay.claims.keys import convert
from ossay.claims.table import Table, Value, make_table
from ossay.core.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from ossay.core.records import CampaignRecord
    from ossay.core.results import Records

MAX_CSV = 20_000_000  # bytes; a table that a person wrote
_WHOLE = re.compile(r"[+-]?\d{1,15}")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")

# The records of a campaign or an import of the ledger, by its name; and the campaign, if it is one.
Ledgered = Callable[[str], "tuple[Records, CampaignRecord | None]"]


class TableToml(Struct, frozen=True, forbid_unknown_fields=True):
    """A table as the file has it: `rows`, `csv`, `records` or `campaign`.

    Attributes:
        source: Id of its source.
        columns: Of `rows` that are lists.
        rows: Lists in the order of the columns, or tables of keys, where a missing key is a hole.
        csv: A file of rows with a header, taken as it is.
        records: A file of results, read as `ossay import` reads it; `fields` maps our field to
            its column, `models` names the columns of a wide one.
        campaign: A campaign or an import in the ledger.
        metric: Which metric of results to take.
        key: The column that names the rows; the first by default.
        digits: Decimals to which the numbers are rounded, of all or by column.
    """

    source: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Value, ...] | dict[str, Value], ...] = ()
    csv: str = ""
    records: str = ""
    campaign: str = ""
    fields: dict[str, str] = {}
    models: tuple[str, ...] = ()
    metric: str | None = None
    key: str = ""
    digits: int | dict[str, int] | None = None


class Place(Struct, frozen=True):
    """Where a claims file lies, and what it may reach."""

    folder: Path
    outside: bool = False
    ledgered: Ledgered | None = None

    def file(self, name: str) -> Path:
        """The path of a file that the claims file names; raises `UsageError` where it may not."""
        path = self.folder / name
        if self.outside:
            return path
        if Path(name).is_absolute() or not _below(path, self.folder):
            raise UsageError(
                f"{name!r} lies outside the folder of the claims file; --outside lets it"
            )
        return path


def load_table(name: str, data: dict[str, Any], place: Place) -> Table:
    """Make the table of `[table.NAME]`.

    Raises:
        UsageError: its keys, its values or the file that it names; the text says which.
    """
    where = f"table {name!r}"
    spec = convert(data, TableToml, f"[table.{name}]")
    ways = [bool(spec.rows), bool(spec.csv), bool(spec.records), bool(spec.campaign)]
    if sum(ways) != 1:
        raise ConfigError(f"{where} needs one of `rows`, `csv`, `records` and `campaign`")
    if spec.records or spec.campaign:
        return _of_results(name, spec, place)
    columns, rows = _read_csv(spec.csv, place) if spec.csv else _inline(spec, where)
    digits = spec.digits
    if isinstance(digits, int):
        digits = {
            column: digits
            for place_, column in enumerate(columns)
            if column != (spec.key or columns[0])
            and any(isinstance(row[place_], int | float) for row in rows if len(row) > place_)
        }
    return make_table(name, spec.source, columns, rows, key=spec.key, digits=digits)


def _inline(spec: TableToml, where: str) -> tuple[tuple[str, ...], list[tuple[Value, ...]]]:
    if all(isinstance(row, dict) for row in spec.rows):
        dicts = [row for row in spec.rows if isinstance(row, dict)]
        columns = spec.columns or tuple(dict.fromkeys(key for row in dicts for key in row))
        for row in dicts:
            for key in row:
                if key not in columns:
                    raise ConfigError(f"{where}: a row has {key!r}, which `columns` does not name")
        return columns, [tuple(row.get(column, "") for column in columns) for row in dicts]
    lists = [row for row in spec.rows if isinstance(row, tuple)]
    if len(lists) != len(spec.rows):
        raise ConfigError(f"{where} mixes rows that are lists with rows that are tables of keys")
    return spec.columns, lists


def _read_csv(name: str, place: Place) -> tuple[tuple[str, ...], list[tuple[Value, ...]]]:
    path = place.file(name)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_CSV + 1)
        if len(raw) > MAX_CSV:
            raise UsageError(f"{name!r} has over {MAX_CSV:,} bytes; a table is smaller")
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), strict=True))
    except (OSError, ValueError, csv.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"cannot read {name!r}: {why}") from error
    rows = [row for row in rows if row]
    if not rows:
        raise UsageError(f"{name!r} has no rows")
    return tuple(rows[0]), [tuple(map(_value, row)) for row in rows[1:]]


def _value(text: str) -> Value:
    """A field of a CSV: a number where it is written as one."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) or text.lower() in ("nan", "inf", "-inf"):
        return float(text)
    return text


def _of_results(name: str, spec: TableToml, place: Place) -> Table:
    """One row a model: what passed, of how many, the mean, the cost; the records stay behind it."""
    from ossay.compare.counts import total
    from ossay.compare.selection import choose_metric, costs_in, models_in
    from ossay.compare.side import sides_of

    campaign: CampaignRecord | None = None
    if spec.records:
        from ossay.records.read import read_records

        path = place.file(spec.records)
        records = read_records(path, columns=spec.fields, models=spec.models)
    elif place.ledgered is None:
        raise UsageError(f"table {name!r} is campaign {spec.campaign!r}: no ledger is open here")
    else:
        records, campaign = place.ledgered(spec.campaign)
    metric = choose_metric(records, spec.metric)
    models = models_in(records)
    sides = sides_of(records, models, metric)
    paid = sides_of(records, models, "cost_usd") if "cost_usd" in costs_in(records) else {}
    rows: list[tuple[Value, ...]] = []
    for model in models:
        side = sides[model]
        values = [one.value for tried in side.attempts.values() for one in tried]
        known = [value for value in values if value is not None]
        binary = all(value in (0.0, 1.0) for value in known)
        passed, n = int(sum(known)) if binary else 0, len(known)
        if side.counts:
            passed, n = total(side)
        costs = (
            [one.value for tried in paid[model].attempts.values() for one in tried] if paid else []
        )
        rows.append(
            (
                model,
                passed if binary else "",
                n,
                len(values) - len(known),
                sum(known) / len(known) if known else "",
                sum(cost for cost in costs if cost) if costs and None not in costs else "",
            )
        )
    table = make_table(
        name, spec.source, ("model", "passed", "n", "missing", "mean", "cost_usd"), rows
    )
    return replace(table, records=records, campaign=campaign)


def _below(path: Path, folder: Path) -> bool:
    """Whether a path stays in a folder, links followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False
