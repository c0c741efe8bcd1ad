"""Turns in which the model leaves the way: what must come comes, and nothing unasked gets out."""

import itertools

import pytest

from ossay.core.types import Message, Request, Tool
from ossay.models.local_constraint import Grammars, Rules
from ossay.models.local_phases import phases
from ossay.models.local_turn import Turn

ASKED = (Message("user", "now"),)
TOOL = Tool("f", "", {"type": "object", "properties": {"a": {"type": "integer"}}})
CALL = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>'


def turn_of(vocabulary, **how):
    numbers = itertools.count(1)
    return Turn(vocabulary, lambda: f"call_{next(numbers)}", **how)


def read(vocabulary, text, **how):
    turn = turn_of(vocabulary, **how)
    turn.feed(vocabulary.encode(text, special=True))
    turn.end()
    return turn


def test_a_call_where_no_tool_is_offered_reaches_nobody(vocabulary):
    turn = read(vocabulary, CALL, calls=False)
    assert turn.message() == Message("assistant", reasoning='{"a":1}')
    assert not turn.called
    assert turn.repairs == 1
    assert read(vocabulary, CALL).message().tool_calls[0].name == "f"


def test_an_answer_after_such_a_call_is_the_answer(vocabulary):
    said = CALL.replace("<|call|>", "<|end|>") + (
        "<|start|>assistant<|channel|>final<|message|>Noon.<|return|>"
    )
    message = read(vocabulary, said, calls=False).message()
    assert (message.content, message.tool_calls) == ("Noon.", ())
    assert read(vocabulary, said).message().content == ""  # the first call is the turn's end


@pytest.mark.parametrize(
    "request_",
    [
        Request(ASKED, response_schema={"type": "object"}),
        Request(ASKED, (TOOL,), tool_choice="required"),
        Request(ASKED, (TOOL,), tool_choice="f"),
    ],
    ids=["schema", "required", "named"],
)
@pytest.mark.parametrize("escape", ["<|channel|>final", "<|message|>", "<|start|>assistant"])
def test_thoughts_cannot_lead_around_what_must_come(vocabulary, request_, escape):
    """An engine stops at the first of a phase's stops; what followed is never generated."""
    steps = phases(request_, Rules(request_, Grammars(vocabulary)), vocabulary)
    thinking = next(steps)
    said = vocabulary.encode(f"hm{escape}<|message|>no JSON<|end|>", special=True)
    kept = list(itertools.takewhile(lambda token: token not in thinking.stops, said))
    assert vocabulary.decode(kept) == "hm"
    turn = turn_of(vocabulary)
    turn.feed((*thinking.given, *kept))
    bound = steps.send(tuple(kept))
    turn.feed(bound.given)
    assert not turn.over
    assert bound.constraint is not None
    assert turn.message().reasoning == "hm"
    assert turn.message().content == ""
