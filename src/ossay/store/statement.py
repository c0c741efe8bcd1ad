"""A statement compiled once for one database and run for many rows.

Compiling is what SQLAlchemy spends its time on; a ledger runs the same few statements thousands of
times a second. Knows nothing of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.expression import ClauseElement

Row = tuple[Any, ...]


class Statement:
    """SQL text for one dialect.

    Args:
        clause: The statement; its parameters are `bindparam`s named as in `names`.
        dialect: Of the engine, with positional parameters.
        names: The order in which a row gives the parameters.
    """

    def __init__(self, clause: ClauseElement, dialect: Dialect, names: Sequence[str]) -> None:
        compiled = clause.compile(dialect=dialect)
        given = compiled.params
        constants = {name: given[name] for name in given if name not in names}
        order = [*names, *constants]
        self.sql = str(compiled)
        self._constants: Row = tuple(constants.values())
        positions = getattr(compiled, "positiontup", None) or []
        self._arrange = _arrangement([order.index(name) for name in positions])

    def many(self, connection: Connection, rows: Iterable[Row]) -> int:
        """Run once a row; return how many rows of the table that touched, all together."""
        arranged = [self._arrange(row + self._constants) for row in rows]
        return connection.exec_driver_sql(self.sql, arranged).rowcount

    def fetch(self, connection: Connection, row: Row = ()) -> Sequence[Any]:
        """Run once and return what comes back."""
        arranged = self._arrange(row + self._constants)
        return connection.exec_driver_sql(self.sql, arranged).all()


def _arrangement(indexes: list[int]) -> Callable[[Row], Row]:
    if len(indexes) == 1:
        index = indexes[0]
        return lambda row: (row[index],)
    return itemgetter(*indexes) if indexes else lambda _: ()
