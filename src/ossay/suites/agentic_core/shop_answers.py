"""The answers to the questions about a shop's month: the right one, and those of misread rules.

Each function takes the rows and the name of the one rule that is misread, '' for none. It returns
None where the rows leave a tie or nothing to count. Knows nothing of SQL or of how a question is
put.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Literal

from ossay.suites.agentic_core.shop import Customer, Item, Order, Style, World

Answer = Mapping[str, Fraction | int | str]
Misreading = Literal[
    "",
    # Which orders count, whatever the question.
    "any_status",
    "own_accounts_count",
    "any_status_and_account",
    "month_in_utc",
    "deleted_accounts_dropped",
    # What is added up.
    "price_of_today",
    "refunds_of_the_month",
    "refunds_of_any_order",
    "one_refund_an_order",
    "lines_for_units",
    "most_units",
    "spellings_apart",
    "deleted_accounts_kept",
    "three_or_more",
    "shipping_left_out",
    "any_state",
    "failed_counts",
    "reversed_counts",
    "one_payment_an_order",
    "orders_without_payment_left_out",
    "no_minimum",
    "returns_of_the_month",
    "returns_of_any_order",
]
Answering = Callable[[World, Style, Misreading], Answer | None]

MIN_ORDERS = 2  # what makes a customer a repeat customer
MIN_SOLD = 12  # units below which a product's return share says nothing


def counted_orders(world: World, style: Style, misread: Misreading = "") -> list[Order]:
    """The completed orders of the month that are not those of test accounts."""
    out: set[int] = set()
    if misread not in ("own_accounts_count", "any_status_and_account"):
        out |= {customer.id for customer in world.customers if customer.test}
    if misread == "deleted_accounts_dropped":
        out |= {customer.id for customer in world.customers if customer.deleted}
    statuses = set(style.done)
    if misread in ("any_status", "any_status_and_account"):
        statuses |= set(style.other)
    shift = timedelta(hours=style.offset if misread == "month_in_utc" else 0)
    start, end = style.start + shift, style.end + shift
    return [
        order
        for order in world.orders
        if order.status in statuses and order.customer not in out and start <= order.placed < end
    ]


def net_revenue(world: World, style: Style, misread: Misreading) -> Answer | None:
    """What the orders brought in, and what was paid back."""
    orders = counted_orders(world, style, misread)
    ids = {order.id for order in orders}
    if misread == "refunds_of_any_order":
        ids = {o.id for o in world.orders if style.start <= o.placed < style.end}
    refunds = [refund for refund in world.refunds if refund.order in ids]
    if misread == "refunds_of_the_month":
        refunds = [refund for refund in refunds if style.start <= refund.at < style.end]
    if misread == "one_refund_an_order":
        refunds = list({refund.order: refund for refund in refunds}.values())
    gross = sum(_cents_of(world, orders, misread).values())
    refunded = sum(refund.cents for refund in refunds)
    if not refunded:
        return None
    return {
        "orders": len(orders),
        "gross_revenue": _euros(gross),
        "refunded": _euros(refunded),
        "net_revenue": _euros(gross - refunded),
    }


def best_category(world: World, style: Style, misread: Misreading) -> Answer | None:
    """The category with the most revenue."""
    category = {p.id: world.categories[p.category] for p in world.products}
    price = _prices(world, misread)
    revenue: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for item in _items_of(world, counted_orders(world, style, misread)):
        revenue[category[item.product]] += item.quantity * price(item)
        units[category[item.product]] += 1 if misread == "lines_for_units" else item.quantity
    ranked = units if misread == "most_units" else revenue
    best = _alone_on_top([(n, name) for name, n in ranked.items()])
    if best is None:
        return None
    return {"category": best, "revenue": _euros(revenue[best]), "units": units[best]}


def repeat_customers(world: World, style: Style, misread: Misreading) -> Answer | None:
    """The customers with several orders; an account that was removed is left out."""
    accounts: Mapping[int, Customer] = {c.id: c for c in world.customers}
    by_email: Counter[str] = Counter()
    for order in counted_orders(world, style, misread):
        account = accounts[order.customer]
        if account.deleted is None or misread == "deleted_accounts_kept":
            email = account.email
            by_email[email if misread == "spellings_apart" else email.lower()] += 1
    least = MIN_ORDERS + (misread == "three_or_more")
    repeat = {email: n for email, n in by_email.items() if n >= least}
    best = _alone_on_top([(n, email) for email, n in repeat.items()])
    if best is None and not misread:
        return None
    top = (best or "").lower()  # a tie is no matter where the numbers are wrong
    return {"customers": len(repeat), "orders": sum(repeat.values()), "top_email": top}


def unpaid_orders(world: World, style: Style, misread: Misreading) -> Answer | None:
    """The orders whose payments that count do not reach their total."""
    orders = counted_orders(world, style, misread)
    states = {"captured"}
    states |= {"failed"} if misread in ("any_state", "failed_counts") else set()
    states |= {"reversed"} if misread in ("any_state", "reversed_counts") else set()
    paid: Counter[int] = Counter()
    for payment in world.payments:
        if payment.state in states:
            before = 0 if misread == "one_payment_an_order" else paid[payment.order]
            paid[payment.order] = before + payment.cents
    if misread == "orders_without_payment_left_out":
        tried = {payment.order for payment in world.payments}
        orders = [order for order in orders if order.id in tried]
    revenue = _cents_of(world, orders, misread)
    shipping = {o.id: 0 if misread == "shipping_left_out" else o.shipping for o in orders}
    due = [revenue[order.id] + shipping[order.id] - paid[order.id] for order in orders]
    missing = [cents for cents in due if cents > 0]
    if not missing:
        return None
    return {
        "orders": len(missing),
        "missing": _euros(sum(missing)),
        "largest": _euros(max(missing)),
    }


def returned_product(world: World, style: Style, misread: Misreading) -> Answer | None:
    """The product with the highest share of its units sent back."""
    sku = {product.id: product.sku for product in world.products}
    product_of = {item.id: sku[item.product] for item in world.items}
    lines = _items_of(world, counted_orders(world, style, misread))
    theirs = {line.id for line in lines}
    sold: Counter[str] = Counter()
    back: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        sold[product_of[line.id]] += line.quantity
    for slip in world.returns:
        late = misread == "returns_of_the_month" and not style.start <= slip.at < style.end
        if not late and (slip.item in theirs or misread == "returns_of_any_order"):
            back[product_of[slip.item]] += slip.quantity
    least = 1 if misread == "no_minimum" else MIN_SOLD
    shares = [
        (Fraction(back[s], 1 if misread == "most_units" else n), s)
        for s, n in sold.items()
        if n >= least
    ]
    worst = _alone_on_top(shares)
    if worst is None or not back[worst]:
        return None
    return {"sku": worst, "sold": sold[worst], "returned": back[worst]}


def _items_of(world: World, orders: Sequence[Order]) -> list[Item]:
    ids = {order.id for order in orders}
    return [item for item in world.items if item.order in ids]


def _prices(world: World, misread: Misreading) -> Callable[[Item], int]:
    """The price of a line's unit: the one at the time."""
    today = {product.id: product.price for product in world.products}
    return (lambda i: today[i.product]) if misread == "price_of_today" else (lambda i: i.price)


def _cents_of(world: World, orders: Sequence[Order], misread: Misreading) -> Counter[int]:
    """The revenue of each order."""
    price, cents = _prices(world, misread), Counter[int]()
    for item in _items_of(world, orders):
        cents[item.order] += item.quantity * price(item)
    return cents


def _euros(cents: int) -> Fraction:
    return Fraction(cents, 100)


def _alone_on_top(ranked: Sequence[tuple[Fraction | int, str]]) -> str | None:
    """The name with the highest value, None if two share it."""
    best = sorted(ranked, reverse=True)[:2]
    if not best or (len(best) == 2 and best[0][0] == best[1][0]):
        return None
    return best[0][1]
