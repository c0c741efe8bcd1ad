"""Modules that each add up a stall's takings by product."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.duplicated.family import Family, Host

FAMILY = Family(
    readme="""
    # $package

    Evaluates the takings of $company's market stalls. A record is `(product, amount)`; amounts are
    whole cents, as a number or as text.
    """,
    block="""
    $sums = {}
    for $entry in $source:
        $name = " ".join($entry[0].split()).lower()
        if not $name:
            continue
        $amount = int($entry[1])
        if $amount < 0:
            raise ValueError(f"negative amount for {$name}: {$amount}")
        $sums[$name] = $sums.get($name, 0) + $amount
    $result = sorted($sums.items(), key=lambda $pair: (-$pair[1], $pair[0]))
    """,
    names=(
        {"sums": "sums", "entry": "record", "name": "name", "amount": "amount",
         "result": "ranked", "pair": "pair"},
        {"sums": "totals", "entry": "row", "name": "product", "amount": "cents",
         "result": "by_value", "pair": "item"},
        {"sums": "takings", "entry": "entry", "name": "label", "amount": "value",
         "result": "ordered", "pair": "one"},
    ),
    hosts=(
        Host(
            "table", "text_table",
            '''
            """A table for the notice board."""

            $imports

            WIDTH = 16


            def text_table(records):
                """Return one line a product, best first: the name, dots up to the amount."""
                $block
                lines = []
                for position, (product_name, total) in enumerate($result, start=1):
                    lines.append(f"{position}. {product_name:.<{WIDTH}}{total:>8}")
                return lines
            ''',
            "records",
            """
            def test_table():
                assert $function([("Eggs", 250), ("honey", "900"), (" eggs ", 125)]) == <?>


            def test_blank_products_are_left_out():
                assert $function([("  ", 5), ("Jam", 300)]) == <?>


            def test_negative_amounts_are_refused():
                try:
                    $function([("Jam", -1)])
                except ValueError as error:
                    assert "jam" in str(error)
                else:
                    raise AssertionError("no error")
            """,
        ),
        Host(
            "export", "csv_text",
            '''
            """An export for the spreadsheet."""

            $imports

            HEADER = "product;euros"


            def csv_text(entries):
                """Return the takings by product as CSV with a header, amounts in euros."""
                $block
                rows = [f"{key};{total // 100},{total % 100:02d}" for key, total in $result]
                return "\\n".join([HEADER, *rows]) + "\\n"
            ''',
            "entries",
            """
            def test_export():
                assert $function([("Tea", 1205), ("rye  bread", "310"), ("Rye bread", 90)]) == <?>


            def test_no_takings():
                assert $function([]) == <?>
            """,
        ),
        Host(
            "shares", "best_sellers",
            '''
            """Who brings the money in."""

            $imports


            def best_sellers(sales, count):
                """Return the best products with their share of everything in whole per cent."""
                $block
                everything = sum(total for _, total in $result)
                if everything == 0:
                    return []
                return [(key, 100 * total // everything) for key, total in $result[:count]]
            ''',
            "sales",
            """
            def test_best_sellers():
                assert $function([("Tea", 300), ("Jam", "500"), ("tea", 400), ("Rye", 1)], 2) == <?>


            def test_nothing_sold():
                assert $function([("Tea", 0)], 3) == <?>
            """,
        ),
    ),
    shared=("sums", "sum_by_product", "Adding up takings by product."),
    parameters=("records",),
    empty="[]",
)  # fmt: skip


def probes(rng: random.Random) -> dict[str, list[str]]:
    """Calls of the public functions."""
    products = ["Tea", " tea", "Rye bread", "rye   BREAD", "Jam", "jam ", "", "  ", "Eggs", "Oil"]
    lists = []
    for _ in range(6):
        lists.append(
            [
                (rng.choice(products), rng.choice((rng.randint(0, 2000), str(rng.randint(0, 999)))))
                for _ in range(rng.randint(0, 9))
            ]
        )
    lists += [
        [("b", 5), ("a", 5), ("c", 5)],
        [("Tea", -1)],
        [("Tea", "x")],
        [("", -5)],
        [("Oil", 0)],
    ]
    return {
        "text_table": [f"text_table({records})" for records in lists],
        "csv_text": [f"csv_text({records})" for records in lists],
        "best_sellers": [f"best_sellers({records}, {n % 4})" for n, records in enumerate(lists)],
    }
