"""What a claim is bound to: Cell (a number, where it stands) and Side (k of n, where they stand).

Knows nothing of how they are looked up; `evidence` does that.
"""

from __future__ import annotations

from msgspec import Struct


class Cell(Struct, frozen=True, forbid_unknown_fields=True):
    """One number: written here, out of a table, or what another claim comes to.

    Attributes:
        value: The number itself; `digits` are the decimals that its source printed, without them
            it is exact.
        table, row, column: Where it stands; the table of the claim by default.
        claim: Id of the claim whose recomputed number it is.
    """

    value: float | None = None
    digits: int | None = None
    table: str = ""
    row: str = ""
    column: str = ""
    claim: str = ""


class Side(Struct, frozen=True, forbid_unknown_fields=True):
    """k of n: written here, or added up over rows of a table.

    Attributes:
        name: What it is called; the row's name by default.
        passed, n: A whole number, or the name of a column.
        table: The table of the claim by default.
        row, rows: One row, or several to add up; all of the table where neither is given.
    """

    name: str = ""
    passed: int | str = "passed"
    n: int | str = "n"
    table: str = ""
    row: str = ""
    rows: tuple[str, ...] = ()


# A number in a claim: 0.03, or a table of keys that says where it stands.
Number = float | Cell
