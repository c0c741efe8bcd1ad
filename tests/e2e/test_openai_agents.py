"""openai-agents against `ossay serve`: whole agent runs, over both of OpenAI's APIs."""

from __future__ import annotations

import asyncio

import pytest
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI
from pydantic import BaseModel

APIS = {"chat": OpenAIChatCompletionsModel, "responses": OpenAIResponsesModel}
QUIET = RunConfig(tracing_disabled=True)  # traces would go to OpenAI

every_case = pytest.mark.parametrize(
    ("caller", "api"),
    [(model, api) for model in ("scripted/caller", "played/caller") for api in APIS],
    indirect=["caller"],
)


class Reading(BaseModel):
    city: str
    degrees: float


def weather_tool(asked):
    @function_tool
    def weather(city: str) -> str:
        """Say how warm it is.

        Args:
            city: Where.
        """
        asked.append(city)
        return f"{20 + len(asked)} degrees"

    return weather


def run(caller, api, work, **settings):
    """Run `work(agent)` with an agent that may ask for the weather; returns what it asked, too."""
    asked = []

    async def go():
        async with AsyncOpenAI(base_url=caller.url, api_key="any", max_retries=0) as client:
            agent = Agent(
                name="warm",
                instructions="Say how warm it is.",
                model=APIS[api]("caller", client),
                tools=[weather_tool(asked)],
                **settings,
            )
            return await work(agent)

    return asyncio.run(go()), asked


@every_case
def test_an_agent_calls_its_tool_and_answers(caller, api):
    result, asked = run(caller, api, lambda agent: Runner.run(agent, "Warm?", run_config=QUIET))
    assert len(asked) == 1
    assert "21 degrees" in result.final_output


@every_case
def test_streamed_it_does_the_same(caller, api):
    async def work(agent):
        result = Runner.run_streamed(agent, "Warm?", run_config=QUIET)
        kinds = [event.type async for event in result.stream_events()]
        return result.final_output, kinds

    (said, kinds), asked = run(caller, api, work)
    assert len(asked) == 1
    assert "21 degrees" in said
    assert kinds.count("raw_response_event") > 5


@every_case
def test_a_second_question_follows_the_first(caller, api):
    async def work(agent):
        first = await Runner.run(agent, "Warm in Ulm?", run_config=QUIET)
        again = [*first.to_input_list(), {"role": "user", "content": "And in Rome?"}]
        return await Runner.run(agent, again, run_config=QUIET)

    result, asked = run(caller, api, work)
    assert len(asked) == 2
    assert "22 degrees" in result.final_output
    assert "21 degrees" not in result.final_output


# Over chat this client sends no reasoning back: what generated the tokens must have kept them.
@pytest.mark.parametrize(
    ("caller", "api"),
    [
        ("scripted/caller", "responses"),
        ("played/caller", "responses"),
        ("played/caller", "chat"),
    ],
    indirect=["caller"],
)
def test_reasoning_lasts_through_the_tool_loop(caller, api):
    result, _ = run(caller, api, lambda agent: Runner.run(agent, "Warm?", run_config=QUIET))
    assert "Thought 1: the user says 'Warm?'" in result.final_output


@every_case
def test_an_answer_of_a_type(caller, api):
    async def work(agent):
        return await Runner.run(agent, "Warm?", run_config=QUIET)

    result, asked = run(caller, api, work, output_type=Reading)
    assert len(asked) == 1
    assert isinstance(result.final_output, Reading)


@every_case
def test_a_tool_that_must_be_called(caller, api):
    must = {"model_settings": ModelSettings(tool_choice="required", parallel_tool_calls=False)}
    result, asked = run(
        caller, api, lambda agent: Runner.run(agent, "Warm?", run_config=QUIET), **must
    )
    assert len(asked) == 1  # the runner takes the obligation back after the first call
    assert "21 degrees" in result.final_output
