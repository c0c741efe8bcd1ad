"""The scripted judge fills in what it is asked, with the lean that its name says."""

import asyncio
import json

import pytest

from ossay.campaign.sheet import question, read_reply
from ossay.core.errors import UnknownName
from ossay.core.score import open_items
from ossay.core.types import Message, Request
from ossay.models.scripted import scripted
from ossay.suites.rubrics import rubric_of

ITEMS = open_items(rubric_of("benchmark_visualization"), {"runs": True, "labels_right": True})


def said(name, *answers):
    request = question("Draw.", answers, [ITEMS] * len(answers))
    reply = asyncio.run(scripted(name).reply(request))
    return read_reply(reply.message.content, [ITEMS] * len(answers))


@pytest.mark.parametrize(
    ("name", "tiers"),
    [
        ("judge", ["side_by_side", "side_by_side"]),
        ("judge?lean=first", ["side_by_side", "major_formatting"]),
        ("judge?lean=longer", ["major_formatting", "side_by_side"]),
        ("judge?lean=shorter", ["side_by_side", "major_formatting"]),
    ],
)
def test_where_it_leans(name, tiers):
    assert [chosen for (chosen,), _ in said(name, "short", "much longer")] == tiers
    assert scripted(name).card.reference == f"scripted/{name}"


def test_an_answer_alone():
    assert said("judge?lean=first", "short")[0][0] == ("side_by_side",)


def test_yes_to_all():
    (chosen, _), _ = said("judge?lean=items", "short", "longer")
    assert set(chosen) >= {"pleasing", "poor_colour"}


def test_no_rating_at_all():
    with pytest.raises(ValueError, match="not an object"):
        said("judge?lean=none", "short")


def test_another_schema_gets_an_example():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    request = Request((Message("user", "Hello."),), response_schema=schema)
    reply = asyncio.run(scripted("judge").reply(request))
    assert isinstance(json.loads(reply.message.content)["a"], int)


def test_options_that_it_has_not():
    with pytest.raises(UnknownName, match="no option 'laen'; did you mean 'lean'"):
        scripted("judge?laen=first")
    with pytest.raises(UnknownName, match="no lean 'frist'; did you mean 'first'"):
        scripted("judge?lean=frist")
