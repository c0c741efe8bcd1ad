"""Messages to tokens: the documented texts, and what of the reasoning stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.harmony.render import drop_analysis, render, render_prompt
from ossay.harmony.types import HarmonyMessage
from ossay.harmony.vocabulary import RANKS, SPECIAL


def think(text):
    return HarmonyMessage("assistant", text, channel="analysis")


def final(text):
    return HarmonyMessage("assistant", text, channel="final")


def user(text):
    return HarmonyMessage("user", text)


def call(name, channel="commentary"):
    return HarmonyMessage("assistant", "{}", "", name, channel, "json")


def result(name, channel="commentary"):
    return HarmonyMessage("tool", "ok", name, "assistant", channel)


def test_a_tool_loop_as_the_documentation_shows_it(vocabulary):
    """Its text to the letter, encoded as the model's own tokens."""
    messages = [
        user("What is the weather like in SF?"),
        think("Need to use function get_weather."),
        HarmonyMessage(
            "assistant",
            '{"location":"San Francisco"}',
            recipient="functions.get_weather",
            channel="commentary",
            content_type="json",
        ),
        HarmonyMessage(
            "tool",
            '{"sunny": true, "temperature": 20}',
            name="functions.get_weather",
            recipient="assistant",
            channel="commentary",
        ),
    ]
    text = (
        "<|start|>user<|message|>What is the weather like in SF?<|end|><|start|>assistant"
        "<|channel|>analysis<|message|>Need to use function get_weather.<|end|><|start|>assistant"
        "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
        '{"location":"San Francisco"}<|call|>'
        "<|start|>functions.get_weather to=assistant<|channel|>commentary<|message|>"
        '{"sunny": true, "temperature": 20}<|end|><|start|>assistant'
    )
    assert render_prompt(messages, vocabulary) == vocabulary.encode(text, special=True)


def test_a_preamble_has_no_recipient_and_ends_in_end(vocabulary):
    said = HarmonyMessage("assistant", "I will look.", channel="commentary")
    assert vocabulary.decode(render([said], vocabulary)) == (
        "<|start|>assistant<|channel|>commentary<|message|>I will look.<|end|>"
    )


def test_built_in_tools_are_called_on_the_analysis_channel(vocabulary):
    messages = [call("python", "analysis"), result("python", "analysis")]
    assert vocabulary.decode(render(messages, vocabulary)) == (
        "<|start|>assistant<|channel|>analysis to=python <|constrain|>json<|message|>{}<|call|>"
        "<|start|>python to=assistant<|channel|>analysis<|message|>ok<|end|>"
    )


@pytest.mark.parametrize("author", ["system", "developer", "user", "assistant", "tool"])
@given(text=st.text() | st.sampled_from(sorted(SPECIAL)))
def test_what_is_said_is_text_whatever_it_says(vocabulary, author, text):
    """Names of control tokens too: nobody ends a message by typing `<|end|>`."""
    ids = render([HarmonyMessage(author, text, name="functions.f")], vocabulary)
    body = ids[ids.index(SPECIAL["<|message|>"]) + 1 : -1]
    assert all(token < RANKS for token in body)
    assert vocabulary.decode(body) == text
    assert [token for token in ids if token >= RANKS] == [
        SPECIAL[name] for name in ("<|start|>", "<|message|>", "<|end|>")
    ]


def test_kept_tokens_stand_for_their_message(vocabulary):
    kept = HarmonyMessage("assistant", "Hi", channel="final", tokens=(1, 2, 3))
    assert render([kept], vocabulary) == [SPECIAL["<|start|>"], 1, 2, 3]


A1, A2, A3, F1, F2 = think("A1"), think("A2"), think("A3"), final("F1"), final("F2")
CALL, RESULT = call("functions.f"), result("functions.f")
PREAMBLE = HarmonyMessage("assistant", "P", channel="commentary")
PYTHON = (call("python", "analysis"), result("python", "analysis"))


@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        pytest.param([user("u"), A1], [user("u"), A1], id="no answer yet"),
        pytest.param([user("u"), A1, F1], [user("u"), F1], id="answered"),
        pytest.param(
            [user("u"), A1, F1, user("v"), A2, F2, user("w")],
            [user("u"), F1, user("v"), F2, user("w")],
            id="two answers",
        ),
        pytest.param(
            [user("u"), A1, CALL, RESULT, A2, CALL, RESULT],
            [user("u"), A1, CALL, RESULT, A2, CALL, RESULT],
            id="in a tool loop",
        ),
        pytest.param(
            [user("u"), A1, CALL, RESULT, A2, F1, user("v")],
            [user("u"), CALL, RESULT, F1, user("v")],
            id="a tool loop that was answered",
        ),
        pytest.param(
            [user("u"), A1, F1, user("v"), A2, CALL, RESULT, A3],
            [user("u"), F1, user("v"), A2, CALL, RESULT, A3],
            id="in a tool loop after an answer",
        ),
        pytest.param(
            [user("u"), A1, PREAMBLE, CALL, RESULT, F1],
            [user("u"), PREAMBLE, CALL, RESULT, F1],
            id="a preamble is no reasoning",
        ),
        pytest.param(
            [user("u"), *PYTHON, F1, user("v"), *PYTHON],
            [user("u"), F1, user("v"), *PYTHON],
            id="built-in tools are part of the reasoning",
        ),
        pytest.param(
            [user("u"), call("functions.f", "analysis"), RESULT, F1],
            [user("u"), call("functions.f", "analysis"), RESULT, F1],
            id="functions never are, wherever they were called",
        ),
    ],
)
def test_reasoning_is_dropped_once_it_was_answered(messages, kept):
    assert list(drop_analysis(messages)) == kept
