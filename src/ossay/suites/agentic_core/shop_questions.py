"""Questions about a shop's month: the words, the answer in plain Python, and a query.

The Python answer is the right one; the SQL is what the reference hands in, and passes only where
the two agree. Knows nothing of how an answer is delivered or graded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from ossay.suites.agentic_core.shop import Style
from ossay.suites.agentic_core.shop_answers import (
    MIN_SOLD,
    Answering,
    Misreading,
    best_category,
    net_revenue,
    repeat_customers,
    returned_product,
    unpaid_orders,
)

FieldKind = Literal["count", "money", "text"]


class Question(NamedTuple):
    """What is asked.

    Attributes:
        needs: The extra tables that it is about.
        asked: The question, with the fields; $month and $zone are filled in.
        fields: Field -> kind.
        answer: Works the answer out from the rows.
        traps: The rules that can be misread here, beside those of every question.
        sql: The query, with the shop's names as $names and the month as $start and $end.
    """

    needs: Sequence[str]
    asked: str
    fields: Mapping[str, FieldKind]
    answer: Answering
    traps: Sequence[Misreading]
    sql: str

    def misreadings(self, style: Style) -> tuple[Misreading, ...]:
        """Every way to misread one rule of this question in a shop of that style."""
        always: tuple[Misreading, ...] = ("any_status", "own_accounts_count")
        return (*always, *(("month_in_utc",) if style.offset else ()), *self.traps)


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
        net_revenue,
        (
            "deleted_accounts_dropped",
            "price_of_today",
            "refunds_of_the_month",
            "refunds_of_any_order",
            "one_refund_an_order",
        ),
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
        best_category,
        (
            "deleted_accounts_dropped",
            "price_of_today",
            "lines_for_units",
            "most_units",
        ),
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
        repeat_customers,
        (
            "spellings_apart",
            "deleted_accounts_kept",
            "three_or_more",
        ),
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
        unpaid_orders,
        (
            "deleted_accounts_dropped",
            "price_of_today",
            "shipping_left_out",
            "any_state",
            "failed_counts",
            "reversed_counts",
            "one_payment_an_order",
            "orders_without_payment_left_out",
        ),
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
        returned_product,
        (
            "deleted_accounts_dropped",
            "most_units",
            "no_minimum",
            "returns_of_the_month",
            "returns_of_any_order",
        ),
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
