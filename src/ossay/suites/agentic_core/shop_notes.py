"""What a shop calls its things, and the notes that come with its database.

The notes are binding: together with the question they settle every number that is asked. Knows
nothing of the rows.
"""

from __future__ import annotations

from ossay.suites.agentic_core.shop import Style

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def names_of(style: Style) -> dict[str, str]:
    """What the templates of prompt, notes and queries call the shop's tables and columns."""

    def literal(value: int | str) -> str:
        return str(value) if isinstance(value, int) else f"'{value}'"

    return {
        **style.tables,
        "placed": style.placed,
        "done": ", ".join(f"'{status}'" for status in style.done),
        "start": literal(style.stored(style.start)),
        "end": literal(style.stored(style.end)),
        "month": f"{_MONTHS[style.month - 1]} {style.year}",
        "zone": f"counted in {style.zone}",
    }


def notes_on(style: Style) -> str:
    """What the shop tells about its columns and its ways of counting, as Markdown."""
    t = style.tables
    stored = (
        "whole seconds since 1970-01-01 00:00:00 UTC"
        if style.epoch
        else "text such as 2026-03-31 23:59:59"
    )
    done = " or ".join(f"'{status}'" for status in style.done)
    other = ", ".join(f"'{status}'" for status in style.other)
    said = [
        f"All times in the database are UTC, stored as {stored}. An order is placed at its "
        f"{style.placed}.",
        f"Months are counted in {style.zone}: a month begins at 00:00 of its first day there and "
        "ends just before the next one begins.",
        f"An order is completed if its status is {done}. The other statuses ({other}) are not.",
        f"Accounts in {t['customers']} with is_test = 1 are our own. Their orders never count, "
        "whatever the question.",
        f"The revenue of a line in {t['items']} is quantity times unit_price_cents, the price at "
        f"the time; the revenue of an order is that of its lines. Shipping is no revenue, and "
        f"list_price_cents in {t['products']} is only the price of today.",
        "The same person may have two accounts whose e-mail addresses differ in upper and lower "
        "case; together they are one customer.",
        "An account with a deleted_at was removed. Its orders count like all others as orders and "
        "as revenue. But where customers are counted, this account and its orders are left out.",
        "Columns that end in _cents are cents.",
    ]
    if "payments" in t:
        said.append(
            f"A row in {t['payments']} counts as paid only if its state is 'captured'; an order "
            "can have several. The total of an order is its revenue plus its shipping_cents."
        )
    if "refunds" in t:
        said.append(
            f"{t['refunds']}.amount is in euros. An order can have several refunds, and orders "
            "that are not completed can have some too."
        )
    if "returns" in t:
        said.append(
            f"A row in {t['returns']} says that so many units of a line of {t['items']} came back. "
            "Returns do not change revenue."
        )
    return "# Notes on shop.db\n\n" + "".join(f"- {note}\n" for note in said)
