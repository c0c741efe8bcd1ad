import asyncio
from contextlib import closing

import pytest

from ossay.core.records import CampaignRecord
from ossay.core.types import ModelCard
from ossay.store.ledger import open_ledger


@pytest.fixture
def empty(tmp_path):
    """A folder with a ledger whose campaign has nothing to rate."""
    (tmp_path / "data").mkdir()
    with closing(open_ledger(str(tmp_path / "data" / "ledger.sqlite"), create=True)) as ledger:
        header = CampaignRecord("r", 1.0, "ossay run", "", (ModelCard("lab/one"),), {}, {}, ())
        asyncio.run(ledger.plan(header, []))
    return tmp_path


def test_a_campaign_without_answers_is_refused(ossay, empty):
    done = ossay("rate", "r", cwd=empty)
    assert done.returncode == 2
    assert "no finished answer with a rubric" in done.stderr
    assert "clean_markdown" in done.stderr


def test_a_campaign_that_is_not_there_is_named(ossay, empty):
    done = ossay("rate", "rr", cwd=empty)
    assert done.returncode == 2
    assert "no campaign 'rr'" in done.stderr
