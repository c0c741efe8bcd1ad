"""Evidence: the tables and the other claims of a file, looked up for a claim under check.

It notes which tables a claim used, so that their sources can be named. Knows nothing of formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.claims.claim import Answer, Claim
from ossay.claims.operand import Cell, Number, Side
from ossay.claims.span import Span, printed, sure
from ossay.claims.table import Table
from ossay.core.errors import ConfigError, UnknownName, UsageError

if TYPE_CHECKING:
    import numpy as np

MOST_RUNS = 10_000_000  # of a count; a table of over ten million runs is a typing error
_DEEPEST = 50  # claims that take each other's numbers


class Counts(Struct, frozen=True):
    """k of n with a name."""

    name: str
    passed: int
    n: int

    @property
    def rate(self) -> float:
        """The share that passed."""
        return self.passed / self.n

    def __str__(self) -> str:
        return f"{self.name} {self.passed}/{self.n} = {100.0 * self.rate:.1f} %"


class Evidence:
    """What the claims of one file can be held against.

    Args:
        tables: By name.
        claims: By id.
        make_rng: Gives a fresh generator with the same seed each time, so that a claim comes out
            the same whichever others are checked.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        claims: Mapping[str, Claim],
        make_rng: Callable[[], np.random.Generator],
    ) -> None:
        self.make_rng = make_rng
        self._tables = tables
        self._claims = claims
        self._answers: dict[str, Answer] = {}
        self._used: dict[str, set[str]] = {}  # claim -> sources of its tables
        self._open: list[str] = []  # claims under check, the innermost last

    def answer(self, claim_id: str) -> Answer:
        """Check a claim, once.

        Raises:
            UnknownName: no such claim.
            ConfigError: claims that refer to each other in a circle.
            UsageError: what the claim is bound to doesn't fit it; the text names the claim.
        """
        if claim_id not in self._claims:
            raise UnknownName.of("claim", claim_id, self._claims)
        if claim_id in self._answers:
            return self._answers[claim_id]
        if claim_id in self._open:
            circle = " -> ".join(map(repr, [*self._open[self._open.index(claim_id) :], claim_id]))
            raise ConfigError(f"claims refer to each other in a circle: {circle}")
        if len(self._open) >= _DEEPEST:
            raise ConfigError(f"claims take each other's numbers more than {_DEEPEST} deep")
        self._open.append(claim_id)
        self._used[claim_id] = set()
        try:
            found = self._claims[claim_id].check(self)
        except ValueError as error:
            raise UsageError(f"claim {claim_id!r}: {error}") from error
        except UsageError as error:
            text = str(error)
            if text.startswith(("claim ", "claims ")):
                raise
            raise type(error)(f"claim {claim_id!r}: {text}") from error
        finally:
            self._open.pop()
        self._answers[claim_id] = found
        return found

    def sources_of(self, claim_id: str) -> frozenset[str]:
        """Ids of the sources of the tables that a checked claim used."""
        return frozenset(self._used.get(claim_id, ()))

    def table(self, name: str) -> Table:
        """The table of that name; raises `UnknownName`."""
        if not name:
            raise ConfigError("no table is named; add `table`")
        if name not in self._tables:
            raise UnknownName.of("table", name, self._tables)
        found = self._tables[name]
        for claim_id in self._open:
            self._used[claim_id].add(found.source)
        return found

    def number(self, given: Number, table: str = "") -> Span:
        """The number that an operand names.

        Raises:
            UsageError: it names none, or what it names is none.
        """
        if not isinstance(given, Cell):
            return _finite(sure(given), given)
        ways = [bool(given.claim), given.value is not None, bool(given.row or given.column)]
        if sum(ways) != 1:
            raise ConfigError(
                "a number is one of { value, digits }, { table, row, column } or { claim }"
            )
        if given.claim:
            value = self.answer(given.claim).value
            if value is None:
                raise ConfigError(f"claim {given.claim!r} comes to no number")
            return value
        if given.value is not None:
            exact = given.digits is None
            span = sure(given.value) if exact else printed(given.value, given.digits or 0)
            return _finite(span, given.value)
        found = self.table(given.table or table).number(given.row, given.column)
        if given.digits is None:
            return found
        return printed(found.value, given.digits)

    def counts(self, given: str | Side, table: str = "") -> Counts:
        """The k of n that an operand names; a text is a row of `table`.

        Raises:
            UsageError: no such row, a hole, a number that is no count, more passed than n.
        """
        side = Side(row=given) if isinstance(given, str) else given
        if isinstance(side.passed, int) and isinstance(side.n, int):
            return checked_counts(side.name or "it", side.passed, side.n)
        parts = self.parts(side, table)
        name = side.name or side.row or self.table(side.table or table).name
        return checked_counts(name, sum(one.passed for one in parts), sum(one.n for one in parts))

    def parts(self, given: str | Side, table: str = "") -> list[Counts]:
        """The rows of a table that an operand adds up, k of n each; raises as `counts`."""
        side = Side(row=given) if isinstance(given, str) else given
        found = self.table(side.table or table)
        rows = side.rows or ((side.row,) if side.row else tuple(found.rows))
        return [
            checked_counts(row, whole(found, row, side.passed), whole(found, row, side.n))
            for row in rows
        ]


def whole(table: Table, row: str, column: str | int) -> int:
    """A whole number out of a table, or the number given.

    Raises:
        UsageError: a hole, or a number that isn't whole.
    """
    if isinstance(column, int):
        return column
    value = table.number(row, column).value
    if value != int(value):
        raise ConfigError(
            f"table {table.name!r}: row {row!r}, column {column!r} is {value!r}, not a whole number"
        )
    return int(value)


def checked_counts(name: str, passed: int, n: int) -> Counts:
    """Build counts; raises `ConfigError` where they can't be."""
    if not 1 <= n <= MOST_RUNS:
        raise ConfigError(f"{name!r} has n = {n!r}: it must lie in 1..{MOST_RUNS:,}")
    if not 0 <= passed <= n:
        raise ConfigError(f"{name!r} passed {passed!r} of {n!r}: it must lie in 0..n")
    return Counts(name, passed, n)


def _finite(span: Span, given: float) -> Span:
    if not abs(given) <= 1e15:  # NaN too
        raise ConfigError(f"{given!r} is no number that can be checked")
    return span
