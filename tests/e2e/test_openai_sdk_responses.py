"""OpenAI's own Python client against `ossay serve`: the Responses API."""

from __future__ import annotations

import json
from typing import Literal

import openai
import pytest
from pydantic import BaseModel

MODELS = ["scripted/caller", "played/caller"]


def function(name, **properties):
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"name": name, "description": f"The {name}.", "parameters": parameters}


WEATHER = function("weather", city={"type": "string"})
CLOCK = function("clock", zone={"type": "string", "enum": ["UTC", "CET"]})
FLAT_TOOLS = [{"type": "function", **each} for each in (WEATHER, CLOCK)]


class Reading(BaseModel):
    city: str
    degrees: float
    sky: Literal["clear", "grey"]


def every_model(test):
    return pytest.mark.parametrize("caller", MODELS, indirect=True)(test)


@every_model
def test_a_response(client):
    done = client.responses.create(model="caller", input="How warm is it in Ulm?")
    assert done.status == "completed"
    assert "How warm is it in Ulm?" in done.output_text
    assert [item.type for item in done.output] == ["reasoning", "message"]
    assert done.output[0].content[0].text
    assert done.usage.input_tokens > 0


@every_model
def test_a_streamed_response(client):
    with client.responses.stream(model="caller", input="How warm is it in Ulm?") as stream:
        events = list(stream)
        done = stream.get_final_response()

    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    said = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert said == done.output_text
    thought = "".join(e.delta for e in events if e.type == "response.reasoning_text.delta")
    assert thought == done.output[0].content[0].text


@every_model
def test_a_response_goes_on_from_another(client):
    first = client.responses.create(model="caller", input="Is it warm?", tools=FLAT_TOOLS)
    call = next(item for item in first.output if item.type == "function_call")
    thought = first.output[0].content[0].text
    second = client.responses.create(
        model="caller",
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}],
        tools=FLAT_TOOLS,
    )
    assert "21 degrees" in second.output_text
    assert thought in second.output_text


@every_model
def test_items_that_come_back_keep_their_reasoning(client):
    asked = [{"role": "user", "content": "Is it warm?"}]
    first = client.responses.create(
        model="caller",
        input=asked,
        tools=FLAT_TOOLS,
        store=False,
        include=["reasoning.encrypted_content"],
    )
    call = next(item for item in first.output if item.type == "function_call")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}
    second = client.responses.create(
        model="caller", input=[*asked, *first.output, output], tools=FLAT_TOOLS, store=False
    )
    assert first.output[0].content[0].text in second.output_text


@every_model
@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("auto", ["weather"]),
        ("required", ["weather"]),
        ({"type": "function", "name": "clock"}, ["clock"]),
        ("none", []),
    ],
)
def test_which_tool_a_response_calls(client, choice, called):
    with client.responses.stream(
        model="caller", input="Is it warm?", tools=FLAT_TOOLS, tool_choice=choice
    ) as stream:
        done = stream.get_final_response()
    calls = [item for item in done.output if item.type == "function_call"]
    assert [call.name for call in calls] == called
    assert all(json.loads(call.arguments) for call in calls)


@every_model
def test_a_response_is_parsed_into_a_type(client):
    done = client.responses.parse(model="caller", input="Is it warm?", text_format=Reading)
    assert isinstance(done.output_parsed, Reading)


@every_model
def test_a_response_is_kept_until_it_is_deleted(client):
    done = client.responses.create(model="caller", input="Is it warm?")
    assert client.responses.retrieve(done.id).output_text == done.output_text
    client.responses.delete(done.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(done.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="caller", input="?", previous_response_id=done.id)
    assert caught.value.code == "previous_response_not_found"
