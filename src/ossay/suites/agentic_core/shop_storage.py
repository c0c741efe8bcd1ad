"""A World as a SQLite database: its schema, its rows as stored, and the file.

Knows nothing of what is asked about it.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from ossay.suites.agentic_core.shop import Style, World


def schema(style: Style) -> list[str]:
    """The CREATE TABLE statements of a style."""
    t = style.tables
    when = "INTEGER" if style.epoch else "TEXT"
    columns = {
        "customers": f"id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, "
        f"joined_at {when} NOT NULL, deleted_at {when}, is_test INTEGER NOT NULL DEFAULT 0",
        "categories": "id INTEGER PRIMARY KEY, name TEXT NOT NULL",
        "products": f"id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, "
        f"category_id INTEGER NOT NULL REFERENCES {t['categories']}(id), "
        "list_price_cents INTEGER NOT NULL",
        "orders": f"id INTEGER PRIMARY KEY, "
        f"customer_id INTEGER NOT NULL REFERENCES {t['customers']}(id), status TEXT NOT NULL, "
        f"{style.placed} {when} NOT NULL, shipping_cents INTEGER NOT NULL",
        "items": f"id INTEGER PRIMARY KEY, "
        f"order_id INTEGER NOT NULL REFERENCES {t['orders']}(id), "
        f"product_id INTEGER NOT NULL REFERENCES {t['products']}(id), quantity INTEGER NOT NULL, "
        "unit_price_cents INTEGER NOT NULL",
        "payments": f"id INTEGER PRIMARY KEY, "
        f"order_id INTEGER NOT NULL REFERENCES {t['orders']}(id), state TEXT NOT NULL, "
        f"amount_cents INTEGER NOT NULL, paid_at {when} NOT NULL",
        "refunds": f"id INTEGER PRIMARY KEY, "
        f"order_id INTEGER NOT NULL REFERENCES {t['orders']}(id), amount REAL NOT NULL, "
        f"refunded_at {when} NOT NULL",
        "returns": f"id INTEGER PRIMARY KEY, "
        f"item_id INTEGER NOT NULL REFERENCES {t['items']}(id), quantity INTEGER NOT NULL, "
        f"returned_at {when} NOT NULL",
    }
    return [f"CREATE TABLE {name} ({columns[our]})" for our, name in t.items()]


def rows(world: World, style: Style) -> dict[str, list[list[Any]]]:
    """Table -> rows as they are stored, in the order of the schema's columns."""
    at = style.stored
    stored: dict[str, list[list[Any]]] = {
        "customers": [
            [c.id, c.email, c.name, at(c.created), c.deleted and at(c.deleted), int(c.test)]
            for c in world.customers
        ],
        "categories": [[key, name] for key, name in world.categories.items()],
        "products": [[p.id, p.sku, p.name, p.category, p.price] for p in world.products],
        "orders": [[o.id, o.customer, o.status, at(o.placed), o.shipping] for o in world.orders],
        "items": [list(item) for item in world.items],
        "payments": [[p.id, p.order, p.state, p.cents, at(p.at)] for p in world.payments],
        "refunds": [[p.id, p.order, p.cents / 100, at(p.at)] for p in world.refunds],
        "returns": [[r.id, r.item, r.quantity, at(r.at)] for r in world.returns],
    }
    return {name: stored[our] for our, name in style.tables.items()}


def database(world: World, style: Style) -> bytes:
    """The database file.

    Its logical content follows from the seed alone; how SQLite lays it out is SQLite's affair, so
    runs are identified by seed, never by these bytes. The library's version number, which SQLite
    writes into the header for information, is set to zero.
    """
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("PRAGMA page_size = 4096")
        for statement in schema(style):
            connection.execute(statement)
        for table, lines in rows(world, style).items():
            places = ",".join("?" * len(lines[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", lines)
        connection.commit()
        data = bytearray(connection.serialize())
    finally:
        connection.close()
    data[96:100] = bytes(4)
    return bytes(data)
