"""Questions about a shop's month, each answered twice: in plain Python from the rows, and in SQL.

The Python answer is the right one; the SQL is what the reference hands in, and passes only where
the two agree. Knows nothing of how an answer is delivered or graded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from ossay.suites.agentic_core.shop import Customer, Item, Order, Style, World

FieldKind = Literal["count", "money", "text"]
Answer = Mapping[str, Fraction | int | str]

MIN_ORDERS = 2  # what makes a customer a repeat customer
MIN_SOLD = 12  # units below which a product's return share says nothing


class Question(NamedTuple):
    """What is asked.

    Attributes:
        needs: The extra tables that it is about.
        asked: The question, with the fields; $month and $zone are filled in.
        fields: Field -> kind.
        answer: The right answer; None where the rows leave a tie or nothing to count.
        sql: The query, with the shop's names as $names and the month as $start and $end.
    """

    needs: Sequence[str]
    asked: str
    fields: Mapping[str, FieldKind]
    answer: Callable[[World, Style, Sequence[Order]], Answer | None]
    sql: str


def counted_orders(world: World, style: Style) -> list[Order]:
    """The completed orders of the month that are not those of test accounts."""
    tests = {customer.id for customer in world.customers if customer.test}
    return [
        order
        for order in world.orders
        if order.status in style.done
        and order.customer not in tests
        and style.start <= order.placed < style.end
    ]


def careless_orders(world: World, style: Style) -> list[Order]:
    """The orders of the month, whatever their status and account."""
    return [order for order in world.orders if style.start <= order.placed < style.end]


def _items_of(world: World, orders: Sequence[Order]) -> list[Item]:
    ids = {order.id for order in orders}
    return [item for item in world.items if item.order in ids]


def _revenue(items: Sequence[Item]) -> int:
    return sum(item.quantity * item.price for item in items)


def _euros(cents: int) -> Fraction:
    return Fraction(cents, 100)


def _alone_on_top(ranked: Sequence[tuple[Fraction | int, str]]) -> str | None:
    """The name with the highest value, None if two share it."""
    best = sorted(ranked, reverse=True)[:2]
    if not best or (len(best) == 2 and best[0][0] == best[1][0]):
        return None
    return best[0][1]


def _net_revenue(world: World, style: Style, orders: Sequence[Order]) -> Answer | None:
    ids = {order.id for order in orders}
    gross = _revenue(_items_of(world, orders))
    refunded = sum(refund.cents for refund in world.refunds if refund.order in ids)
    if not refunded:
        return None
    return {
        "orders": len(orders),
        "gross_revenue": _euros(gross),
        "refunded": _euros(refunded),
        "net_revenue": _euros(gross - refunded),
    }


def _best_category(world: World, style: Style, orders: Sequence[Order]) -> Answer | None:
    category = {p.id: world.categories[p.category] for p in world.products}
    revenue: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for item in _items_of(world, orders):
        revenue[category[item.product]] += item.quantity * item.price
        units[category[item.product]] += item.quantity
    best = _alone_on_top([(cents, name) for name, cents in revenue.items()])
    if best is None:
        return None
    return {"category": best, "revenue": _euros(revenue[best]), "units": units[best]}


def _repeat_customers(world: World, style: Style, orders: Sequence[Order]) -> Answer | None:
    accounts: Mapping[int, Customer] = {c.id: c for c in world.customers}
    by_email: Counter[str] = Counter()
    for order in orders:
        account = accounts[order.customer]
        if account.deleted is None:
            by_email[account.email.lower()] += 1
    repeat = {email: n for email, n in by_email.items() if n >= MIN_ORDERS}
    best = _alone_on_top([(n, email) for email, n in repeat.items()])
    if best is None:
        return None
    return {"customers": len(repeat), "orders": sum(repeat.values()), "top_email": best}


def _unpaid_orders(world: World, style: Style, orders: Sequence[Order]) -> Answer | None:
    due = {order.id: order.shipping for order in orders}
    for item in _items_of(world, orders):
        due[item.order] += item.quantity * item.price
    for payment in world.payments:
        if payment.order in due and payment.state == "captured":
            due[payment.order] -= payment.cents
    missing = [cents for cents in due.values() if cents > 0]
    if not missing:
        return None
    return {
        "orders": len(missing),
        "missing": _euros(sum(missing)),
        "largest": _euros(max(missing)),
    }


def _returned_product(world: World, style: Style, orders: Sequence[Order]) -> Answer | None:
    sku = {product.id: product.sku for product in world.products}
    product_of = {item.id: sku[item.product] for item in _items_of(world, orders)}
    sold: Counter[str] = Counter()
    back: defaultdict[str, int] = defaultdict(int)
    for item in _items_of(world, orders):
        sold[product_of[item.id]] += item.quantity
    for slip in world.returns:
        if slip.item in product_of:
            back[product_of[slip.item]] += slip.quantity
    shares = [(Fraction(back[s], n), s) for s, n in sold.items() if n >= MIN_SOLD]
    worst = _alone_on_top(shares)
    if worst is None or not back[worst]:
        return None
    return {"sku": worst, "sold": sold[worst], "returned": back[worst]}


_COUNTED = """\
WITH counted AS (
  SELECT o.id, o.customer_id, o.shipping_cents
  FROM $orders o JOIN $customers c ON c.id = o.customer_id
  WHERE o.status IN ($done) AND c.is_test = 0
    AND o.$placed >= $start AND o.$placed < $end
)"""

QUESTIONS: Mapping[str, Question] = {
    "net_revenue": Question(
        ("refunds",),
        """
        How much did the shop earn in $month ($zone)?

        - "orders": the number of completed orders placed in that month
        - "gross_revenue": the revenue of these orders
        - "refunded": the total of all refunds of these orders, whenever they were made
        - "net_revenue": gross_revenue minus refunded
        """,
        {"orders": "count", "gross_revenue": "money", "refunded": "money", "net_revenue": "money"},
        _net_revenue,
        _COUNTED
        + """,
gross AS (
  SELECT SUM(i.quantity * i.unit_price_cents) / 100.0 AS euros
  FROM $items i WHERE i.order_id IN (SELECT id FROM counted)
),
back AS (
  SELECT COALESCE(SUM(r.amount), 0) AS euros
  FROM $refunds r WHERE r.order_id IN (SELECT id FROM counted)
)
SELECT (SELECT COUNT(*) FROM counted) AS orders,
       ROUND(gross.euros, 2) AS gross_revenue,
       ROUND(back.euros, 2) AS refunded,
       ROUND(gross.euros - back.euros, 2) AS net_revenue
FROM gross, back;
""",
    ),
    "best_category": Question(
        (),
        """
        Which category ($categories) brought in the most revenue with completed orders placed in
        $month ($zone)?

        - "category": its name
        - "revenue": the revenue of its products in these orders
        - "units": how many units of its products these orders hold (the sum of their quantities)
        """,
        {"category": "text", "revenue": "money", "units": "count"},
        _best_category,
        _COUNTED
        + """
SELECT g.name AS category,
       SUM(i.quantity * i.unit_price_cents) / 100.0 AS revenue,
       SUM(i.quantity) AS units
FROM counted
JOIN $items i ON i.order_id = counted.id
JOIN $products p ON p.id = i.product_id
JOIN $categories g ON g.id = p.category_id
GROUP BY g.id
ORDER BY SUM(i.quantity * i.unit_price_cents) DESC
LIMIT 1;
""",
    ),
    "repeat_customers": Question(
        (),
        """
        How many customers placed two or more completed orders in $month ($zone)?

        - "customers": how many customers those are
        - "orders": how many completed orders they placed in that month, all of them together
        - "top_email": the e-mail address, in lower case, of the one with the most completed orders
          in that month
        """,
        {"customers": "count", "orders": "count", "top_email": "text"},
        _repeat_customers,
        _COUNTED
        + """,
per_customer AS (
  SELECT LOWER(c.email) AS email, COUNT(*) AS n
  FROM counted JOIN $customers c ON c.id = counted.customer_id
  WHERE c.deleted_at IS NULL
  GROUP BY LOWER(c.email)
  HAVING COUNT(*) >= 2
)
SELECT COUNT(*) AS customers,
       SUM(n) AS orders,
       (SELECT email FROM per_customer ORDER BY n DESC LIMIT 1) AS top_email
FROM per_customer;
""",
    ),
    "unpaid_orders": Question(
        ("payments",),
        """
        Which completed orders placed in $month ($zone) are not fully paid, that is, the payments
        that count add up to less than the order's total? An order without any payment is one of
        them.

        - "orders": how many orders those are
        - "missing": how much is missing on them, all together
        - "largest": how much is missing on the one that lacks most
        """,
        {"orders": "count", "missing": "money", "largest": "money"},
        _unpaid_orders,
        _COUNTED
        + """,
due AS (
  SELECT counted.shipping_cents
         + (SELECT SUM(i.quantity * i.unit_price_cents) FROM $items i
            WHERE i.order_id = counted.id)
         - COALESCE((SELECT SUM(p.amount_cents) FROM $payments p
            WHERE p.order_id = counted.id AND p.state = 'captured'), 0) AS cents
  FROM counted
)
SELECT COUNT(*) AS orders, SUM(cents) / 100.0 AS missing, MAX(cents) / 100.0 AS largest
FROM due WHERE cents > 0;
""",
    ),
    "returned_product": Question(
        ("returns",),
        f"""
        Look at the completed orders placed in $month ($zone). Of the products of which these
        orders hold at least {MIN_SOLD} units, which one had the highest share of its units returned
        (units returned / units sold)? Only returns of these orders' lines are meant, whenever they
        came in.

        - "sku": the product's sku
        - "sold": how many of its units these orders hold (the sum of the quantities)
        - "returned": how many of these were returned
        """,
        {"sku": "text", "sold": "count", "returned": "count"},
        _returned_product,
        _COUNTED
        + f""",
lines AS (
  SELECT i.product_id, i.quantity,
         COALESCE((SELECT SUM(r.quantity) FROM $returns r WHERE r.item_id = i.id), 0) AS back
  FROM $items i WHERE i.order_id IN (SELECT id FROM counted)
)
SELECT p.sku AS sku, SUM(lines.quantity) AS sold, SUM(lines.back) AS returned
FROM lines JOIN $products p ON p.id = lines.product_id
GROUP BY p.id
HAVING SUM(lines.quantity) >= {MIN_SOLD}
ORDER BY SUM(lines.back) * 1.0 / SUM(lines.quantity) DESC
LIMIT 1;
""",
    ),
}
