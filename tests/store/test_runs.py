"""How many runs a claim takes, whatever the database thinks of its tables."""

import asyncio

from sqlalchemy import text

from ossay.store.address import parse_address
from ossay.store.engine import open_engine, writing
from ossay.store.ledger import open_ledger


def test_a_claim_takes_one_run_also_where_the_database_expects_no_more(ledger_url, header, planned):
    """PostgreSQL plans by old counts: it looked when the ledger held one run."""
    with open_ledger(ledger_url, create=True) as ledger:
        asyncio.run(ledger.plan(header("small"), planned("small", 1)))
        engine = open_engine(parse_address(ledger_url), create=False)
        with engine.connect() as connection, writing(connection):
            connection.execute(text("ANALYZE"))
        engine.dispose()

        async def claim_two():
            await ledger.plan(header("night"), planned("night", 5))
            worker = await ledger.enlist("night")
            claims = [await worker.claim(), await worker.claim()]
            return [claim.run_id for claim in claims], await worker.beat()

        claimed, totals = asyncio.run(claim_two())
    assert claimed == ["night-0000", "night-0001"]
    assert (totals.running, totals.planned) == (2, 3)
