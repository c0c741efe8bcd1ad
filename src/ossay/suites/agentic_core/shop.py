"""A made-up web shop: who bought what, paid how much and sent what back.

A Style says how the shop names and stores things; a World is one set of rows. Two Worlds of one
Style have the same schema. Knows nothing of SQL; `shop_storage` stores it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ossay.suites.agentic_core.common import Vocabulary

EXTRAS = ("payments", "refunds", "returns")  # tables that not every shop has

_TABLES = {
    "customers": ("customers", "accounts", "clients"),
    "categories": ("categories", "product_groups", "departments"),
    "products": ("products", "articles", "catalog"),
    "orders": ("orders", "sales_orders", "purchases"),
    "items": ("order_items", "order_lines", "line_items"),
    "payments": ("payments", "transactions", "receipts"),
    "refunds": ("refunds", "credits", "paybacks"),
    "returns": ("returns", "returned_items", "return_slips"),
}
_STATUSES = (
    (("paid", "shipped", "delivered"), ("pending", "cancelled")),
    (("confirmed", "sent"), ("cart", "void", "declined")),
    (("invoiced", "closed"), ("draft", "open", "cancelled")),
)
_CATEGORIES = ("Garden", "Kitchen", "Lighting", "Office", "Outdoor", "Tools", "Toys", "Travel")
_MAIL_HOSTS = ("example.com", "mail.example", "post.example", "example.org")


class Style(NamedTuple):
    """How a shop stores things, and the month that is asked about."""

    tables: Mapping[str, str]  # our name -> the shop's
    placed: str  # the column with an order's time
    epoch: bool  # times are seconds since 1970, else text
    offset: int  # hours by which the reporting zone is ahead of UTC
    done: tuple[str, ...]  # the statuses of completed orders
    other: tuple[str, ...]
    year: int
    month: int

    @property
    def start(self) -> datetime:
        """The month's first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC) - timedelta(hours=self.offset)

    @property
    def end(self) -> datetime:
        """The first moment after the month."""
        year, month = divmod(self.year * 12 + self.month, 12)
        return datetime(year, month + 1, 1, tzinfo=UTC) - timedelta(hours=self.offset)

    @property
    def zone(self) -> str:
        """The reporting zone as people write it, such as UTC+02:00."""
        return "UTC" if not self.offset else f"UTC{self.offset:+03d}:00"

    def stored(self, at: datetime) -> int | str:
        """A moment as the database has it."""
        return int(at.timestamp()) if self.epoch else at.strftime("%Y-%m-%d %H:%M:%S")


class Customer(NamedTuple):
    """An account."""

    id: int
    email: str
    name: str
    created: datetime
    deleted: datetime | None
    test: bool


class Product(NamedTuple):
    """Something on sale. `price` is today's, in cents."""

    id: int
    sku: str
    name: str
    category: int
    price: int


class Order(NamedTuple):
    """An order. `shipping` is in cents."""

    id: int
    customer: int
    status: str
    placed: datetime
    shipping: int


class Item(NamedTuple):
    """A line of an order. `price` is in cents for one."""

    id: int
    order: int
    product: int
    quantity: int
    price: int


class Paid(NamedTuple):
    """A payment or a refund; refunds have no state. `cents` is its amount."""

    id: int
    order: int
    cents: int
    at: datetime
    state: str = ""


class Returned(NamedTuple):
    """Units of an order's line that came back."""

    id: int
    item: int
    quantity: int
    at: datetime


@dataclass(frozen=True)
class World:
    """The rows of one shop."""

    categories: Mapping[int, str]
    customers: Sequence[Customer]
    products: Sequence[Product]
    orders: Sequence[Order]
    items: Sequence[Item]
    payments: Sequence[Paid]
    refunds: Sequence[Paid]
    returns: Sequence[Returned]


def make_style(rng: random.Random, wanted: Sequence[str]) -> Style:
    """Draw a style; `wanted` are the extras that must be there, one more may be."""
    extras = {*wanted, rng.choice(EXTRAS)}
    names = {our: rng.choice(theirs) for our, theirs in _TABLES.items()}
    done, other = rng.choice(_STATUSES)
    return Style(
        {our: name for our, name in names.items() if our not in EXTRAS or our in extras},
        rng.choice(("placed_at", "created_at", "ordered_at")),
        rng.random() < 0.4,
        rng.choice((0, 0, 1, 2, -5, 9)),
        done,
        other,
        2026,
        rng.randint(2, 10),
    )


def make_world(rng: random.Random, style: Style) -> World:
    """Draw the rows of a shop."""
    return _Maker(rng, style).world()


class _Maker:
    """The state of a World while it is drawn."""

    def __init__(self, rng: random.Random, style: Style) -> None:
        self.rng = rng
        self.style = style
        self.words = Vocabulary(rng)
        self.next_id = rng.randint(100, 900)

    def world(self) -> World:
        rng = self.rng
        names = rng.sample(_CATEGORIES, rng.randint(4, 6))
        categories = dict(enumerate(names, rng.randint(1, 20)))
        customers, regulars = self._customers()
        products = [self._product(rng.choice(list(categories))) for _ in range(rng.randint(12, 24))]
        products = self._with_known_ones(products)
        orders = self._orders(customers, regulars)
        items = [item for order in orders for item in self._items(order, products)]
        placed = {order.id: order.placed for order in orders}
        totals: dict[int, int] = {}
        for item in items:
            totals[item.order] = totals.get(item.order, 0) + item.quantity * item.price
        return World(
            categories,
            customers,
            products,
            orders,
            items,
            [p for o in orders for p in self._payments(o, totals[o.id] + o.shipping)],
            [p for o in orders for p in self._refunds(o, totals[o.id])],
            [r for item in items for r in self._returns(item, placed[item.order])],
        )

    def _id(self) -> int:
        self.next_id += self.rng.randint(1, 3)
        return self.next_id

    def _later(self, at: datetime, days: int) -> datetime:
        return at + timedelta(seconds=self.rng.randint(600, days * 86_400))

    def _customers(self) -> tuple[list[Customer], list[Customer]]:
        """All accounts, and those that buy often: of all kinds, so that each rule matters."""
        rng, made, pairs = self.rng, list[Customer](), list[int]()
        first_names = self.words.several("first_name", 9)
        surnames = self.words.several("surname", 9)
        people = rng.sample([(a, b) for a in first_names for b in surnames], rng.randint(30, 60))
        for first, last in people:
            email = f"{first}.{last}@{rng.choice(_MAIL_HOSTS)}".lower()
            email = email.replace("ö", "oe").replace("ü", "ue")
            spellings = self._spellings(email)
            pairs += [len(made)] * (len(spellings) - 1)
            for spelling in spellings:
                created = self.style.start - timedelta(hours=rng.randint(900, 9000))
                gone = self._later(self.style.start, 60) if rng.random() < 0.12 else None
                test = rng.random() < 0.06
                made.append(Customer(self._id(), spelling, f"{first} {last}", created, gone, test))
        pair = rng.choice(pairs) if pairs else 0
        living = [pair, pair + 1] if pairs else []
        others = rng.sample([n for n in range(len(made)) if n not in living], 7)
        living += others[3:]
        for n in others[:2]:
            made[n] = made[n]._replace(test=True, deleted=None)
        gone = self._later(self.style.start, 60)
        made[others[2]] = made[others[2]]._replace(test=False, deleted=gone)
        for n in living:
            made[n] = made[n]._replace(test=False, deleted=None)
        return made, [made[n] for n in (*others[:3], *living)]

    def _spellings(self, email: str) -> list[str]:
        """One account, or two whose addresses differ in case only."""
        if self.rng.random() < 0.8:
            return [email]
        name, host = email.split("@")
        return [email, f"{name.title()}@{host}"]

    def _product(self, category: int) -> Product:
        rng = self.rng
        sku = f"{rng.choice('ABCDEFGH')}{rng.choice('KLMNPQ')}-{self._id():04d}"
        name = f"{rng.choice(('small', 'large', 'folding', 'plain', 'heavy'))} item {sku[-2:]}"
        return Product(self._id(), sku, name, category, rng.randint(3, 160) * 50 - 5)

    def _with_known_ones(self, products: Sequence[Product]) -> list[Product]:
        """Choose what is bought most and cheap, what is often sent back, and what hardly sells."""
        made = list(products)
        most, worst, rare = self.rng.sample(range(len(made)), 3)
        made[most] = made[most]._replace(price=self.rng.randint(4, 14) * 50 - 5)
        self.bestseller, self.faulty, self.rare = made[most], made[worst], made[rare]
        return made

    def _orders(self, customers: Sequence[Customer], regulars: Sequence[Customer]) -> list[Order]:
        rng, style = self.rng, self.style
        before, length = timedelta(days=25), (style.end - style.start).total_seconds()
        times = [
            style.start - before + timedelta(seconds=rng.randint(0, int(length) + 50 * 86_400))
            for _ in range(rng.randint(150, 260))
        ]
        # On both sides of both edges of the month.
        second, hours = timedelta(seconds=1), timedelta(minutes=rng.randint(10, 50))
        for edge in (style.start, style.end):
            times += [edge, edge - second, edge - hours, edge + hours]
            # Where the month of the zone and that of UTC differ.
            gap = [rng.uniform(0, style.offset) for _ in range(4 if style.offset else 0)]
            times += [edge + timedelta(seconds=int(3600 * ahead)) for ahead in gap]
        chosen = [rng.choice(regulars if rng.random() < 0.4 else customers) for _ in times]
        orders = []
        for at, customer in sorted(zip(times, chosen, strict=True), key=lambda pair: pair[0]):
            status = rng.choice(style.done if rng.random() < 0.78 else style.other)
            shipping = rng.choice((0, 390, 490, 790))
            orders.append(Order(self._id(), customer.id, status, at, shipping))
        return orders

    def _items(self, order: Order, products: Sequence[Product]) -> list[Item]:
        rng = self.rng
        usual = [product for product in products if product != self.rare]
        basket = rng.sample(usual, rng.choice((1, 1, 2, 2, 3, 4)))
        known = rng.choices((self.bestseller, self.faulty, self.rare, basket[0]), (38, 17, 5, 40))
        if known[0] not in basket:
            basket[0] = known[0]
        return [
            # The price then is often not the price of today.
            Item(
                self._id(),
                order.id,
                product.id,
                rng.choice((1, 1, 1, 2, 2, 3, 5)),
                product.price - rng.choice((0, 0, 0, 45, 100)),
            )
            for product in basket
        ]

    def _payments(self, order: Order, total: int) -> list[Paid]:
        rng = self.rng
        tries: list[tuple[int, str]] = []
        if rng.random() < 0.25:
            tries.append((total, "failed"))
        share = rng.random()
        if order.status not in self.style.done:
            if share < 0.5:
                tries.append((total, rng.choice(("failed", "reversed", "captured"))))
        elif share < 0.6:
            tries.append((total, "captured"))
        elif share < 0.72:
            part = rng.randint(1, total - 1)
            tries += [(part, "captured"), (total - part, "captured")]
        elif share < 0.82:
            tries.append((rng.randint(1, total - 1), "captured"))
        elif share < 0.91:
            tries.append((total, "reversed"))
        at = order.placed
        return [Paid(self._id(), order.id, c, self._later(at, 3), state) for c, state in tries]

    def _refunds(self, order: Order, total: int) -> list[Paid]:
        rng = self.rng
        if rng.random() > 0.16:
            return []
        parts = [rng.randint(total // 10 + 1, total // 2 + 1) for _ in range(rng.choice((1, 1, 2)))]
        return [Paid(self._id(), order.id, c, self._later(order.placed, 40)) for c in parts]

    def _returns(self, item: Item, placed: datetime) -> list[Returned]:
        rng = self.rng
        often = {self.bestseller.id: 0.42, self.faulty.id: 0.7, self.rare.id: 0.9}
        if rng.random() > often.get(item.product, 0.12):
            return []
        least = item.quantity if item.product == self.rare.id else 1
        quantity = rng.randint(least, item.quantity)
        return [Returned(self._id(), item.id, quantity, self._later(placed, 40))]
