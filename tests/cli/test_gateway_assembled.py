"""A gateway put together from its file, without sockets: drift, checks and closing."""

import asyncio
import json
from contextlib import asynccontextmanager, chdir

import pytest

from ossay.cli.gateway_parts import Gateway
from ossay.cli.gateway_source import Source
from ossay.core.decision import Trip
from ossay.core.errors import ConfigError
from ossay.core.types import Message, Request
from ossay.router.work import Caller
from ossay.store.decisions import open_decisions

DRIFTS = """\
[routes.support]
cheap = "scripted/drafter?wrong=1&slip=0"
strong = "scripted/expert"
auditor = "scripted/validator"
audit_share = 1.0
most_escapes = 0.05
"""


@pytest.fixture
def opened(tmp_path):
    """(text) -> a gateway that is open: (question, …) -> its decision; and its notes."""

    @asynccontextmanager
    async def enter(text):
        (tmp_path / "gateway.toml").write_text(text)
        with chdir(tmp_path):
            gateway = Gateway(Source(tmp_path / "gateway.toml"), environ={})
            try:
                house = await gateway.open()

                async def ask(question, **asked):
                    request = Request((Message("user", question),))
                    serving = house.lanes["support"].router.ask(request, Caller(**asked))
                    async for _ in serving.stream():
                        pass
                    return serving.decision

                yield ask, gateway.notes
                await house.aclose()
            finally:
                await gateway.aclose()

    return enter


def test_drafts_that_audits_find_wrong_trip_the_route_and_a_restart_remembers(opened, tmp_path):
    async def main():
        async with opened(DRIFTS) as (ask, notes):
            assert notes == []
            number = 0
            while (decision := await ask(f"question {number}")).plan == "cheap":
                number += 1
                await asyncio.sleep(0.001)
            assert decision.plan_why.startswith("the stratum was tripped: about 100.0% of ")
        async with opened(DRIFTS) as (ask, notes):
            assert "'support/low' goes to the strong model since it was tripped" in notes[0]
            assert (await ask("and now")).ending == "strong"
        async with opened(DRIFTS.replace("0.05", "0.9")) as (ask, notes):  # something else is meant
            assert notes == []
            assert (await ask("and now")).ending == "draft"

    asyncio.run(main())
    with open_decisions(str(tmp_path / "decisions.db"), create=False) as log:
        trips = [entry for _, entry in log.entries(limit=10_000) if isinstance(entry, Trip)]
    assert [trip.stratum for trip in trips] == ["support/low"]


def test_a_schema_is_checked_before_the_validator(opened, tmp_path):
    (tmp_path / "answer.json").write_text(json.dumps({"type": "object"}))
    text = DRIFTS.replace("wrong=1", "wrong=0").split("auditor")[0]

    async def main():
        async with opened(f'{text}check = {{ schema = "answer.json" }}') as (ask, _):
            decision = await ask("anything", header="medium")
        assert (decision.plan, decision.ending) == ("validate", "strong")
        assert decision.why == "the check rejected"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('embeddings = "scripted/echo"', "gateway.toml:4: routes.support.embeddings = 'scripted/"),
        ('keep_days = 1\n[gateway]\nlog = "none/log.db"', "gateway.toml:6: gateway.log: decision"),
    ],
)
def test_what_is_found_when_it_opens_is_named_with_its_line(opened, line, said):
    async def main():
        async with opened(DRIFTS.split("auditor")[0] + line):
            pass

    with pytest.raises(ConfigError) as caught:
        asyncio.run(main())
    assert said in str(caught.value)


def test_a_key_with_a_budget_needs_prices(opened, tmp_path):
    (tmp_path / "ossay.toml").write_text('[providers.here]\nbase_url = "http://127.0.0.1:9/v1"\n')
    text = DRIFTS.split("auditor")[0].replace("scripted/expert", "here/large")
    key = f'[keys.a]\nsha256 = "{"0" * 64}"\nbudget_usd = 1\n'

    async def main():
        async with opened(text + key):
            pass

    with pytest.raises(ConfigError, match=r"gateway.toml:1: .*budgets need the price of 'here/lar"):
        asyncio.run(main())
