"""Generated turns keep their tokens, and never in another conversation."""

import pytest

from ossay.core.types import Message, Request, ToolCall
from ossay.harmony.conversation import from_request
from ossay.harmony.generated import split_turn
from ossay.harmony.kept import Kept
from ossay.harmony.render import render_prompt

CALLS = (ToolCall("call_1", "f", '{"a":1}'),)
CALL = Message("assistant", tool_calls=CALLS, reasoning="think")
THINK = "<|channel|>analysis<|message|>think<|end|><|start|>assistant"
# A preamble, a call and a final answer; the call's header is not as we would write it.
SAY = "<|channel|>commentary<|message|>Look.<|end|><|start|>assistant"
DO = '<|channel|>commentary to=functions.f json<|message|>{"a":1}<|call|>'
ANSWER = "<|channel|>final<|message|>Yes.<|return|>"


@pytest.fixture
def kept_after(vocabulary):
    """(message, text of the turn, …) -> what keeps them."""

    def remember(*turns):
        kept = Kept()
        for message, text in turns:
            kept.remember(message, vocabulary.encode(text, special=True))
        return kept

    return remember


@pytest.fixture
def prompt(vocabulary):
    """(kept, message, …) -> the prompt's text from the user's message on."""

    def render(kept, *messages):
        request = Request((Message("user", "u"), *messages))
        built = from_request(request, date=None, vocabulary=vocabulary, kept=kept)
        text = vocabulary.decode(render_prompt(built, vocabulary))
        return text.partition("<|start|>user<|message|>u<|end|><|start|>assistant")[2]

    return render


def test_reasoning_comes_back_though_the_client_dropped_it(kept_after, prompt):
    kept = kept_after((CALL, THINK + DO))
    answered = Message("tool", "ok", tool_call_id="call_1")
    result = "<|start|>functions.f to=assistant<|channel|>commentary<|message|>ok<|end|>"
    for sent in (CALL, Message("assistant", tool_calls=CALLS)):
        assert prompt(kept, sent, answered) == THINK + DO + result + "<|start|>assistant"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('{"a":1}', '{\n  "a": 1\n}'),
        ('{"a":1,"b":[1.5,null]}', '{"b": [1.50, null], "a": 1}'),
        ('{"a":"\u00e9"}', '{"a":"é"}'),
        ("not json", "not json"),
        ('{"a":1,"a":2}', '{"a":1,"a":2}'),
        ('{"a":1e999}', '{"a":1e999}'),
        ("[" * 90_000, "[" * 90_000),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_a_client_may_write_the_arguments_anew(kept_after, vocabulary, written, sent):
    def called(arguments):
        return Message("assistant", tool_calls=(ToolCall("call_1", "f", arguments),))

    text = THINK + DO.replace('{"a":1}', written)
    message = Message("assistant", "", "think", called(written).tool_calls)
    kept = kept_after((message, text))
    found = kept.find(called(sent), vocabulary)
    assert [m.content for m in found] == ["think", written]
    assert kept.tokens(called(sent)) == len(vocabulary.encode(text, special=True))


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('{"a":1}', '{"a":1.0}'),
        ('{"a":1}', '{"a":true}'),
        ('{"a":1}', '{"a":"1"}'),
        ('{"a":1}', '{"a":1,"b":2}'),
        ('{"a":1,"a":2}', '{"a":2}'),
        ('{"a":1e999}', '{"a":1e998}'),
        ('{"a":NaN}', '{"a": NaN}'),
        ("not json", "not  json"),
        ("[1,2]", "[2,1]"),
    ],
)
def test_arguments_of_another_value_are_another_call(kept_after, vocabulary, written, sent):
    def called(arguments):
        return Message("assistant", tool_calls=(ToolCall("call_1", "f", arguments),))

    kept = kept_after((called(written), DO.replace('{"a":1}', written)))
    assert kept.find(called(sent), vocabulary) is None
    assert kept.tokens(called(sent)) == 0
    assert kept.find(called(written), vocabulary)


def test_a_turn_is_cut_where_its_messages_end(kept_after, vocabulary):
    calls = (*CALLS, ToolCall("call_2", "f", '{"a":1}'))
    message = Message("assistant", "Look.", "think", calls)
    kept = kept_after((message, THINK + SAY + DO + "<|start|>assistant" + DO))
    found = kept.find(message, vocabulary)
    assert [(m.channel, m.recipient, m.content) for m in found] == [
        ("analysis", "", "think"),
        ("commentary", "", "Look."),
        ("commentary", "functions.f", '{"a":1}'),
        ("commentary", "functions.f", '{"a":1}'),
    ]
    assert vocabulary.decode(found[2].tokens) == "assistant" + DO


def test_reasoning_of_a_call_goes_once_there_is_an_answer(kept_after, prompt):
    final = Message("assistant", "Yes.")
    kept = kept_after((CALL, THINK + DO), (Message("assistant", "Yes.", "think"), THINK + ANSWER))
    sent = (Message("assistant", tool_calls=CALLS), Message("tool", "ok", tool_call_id="call_1"))
    text = prompt(kept, *sent, final, Message("user", "v"))
    assert "think" not in text
    assert text.startswith(DO)


def test_an_answer_ends_in_end(kept_after, prompt):
    kept = kept_after((Message("assistant", "Yes.", "think"), THINK + ANSWER))
    text = prompt(kept, Message("assistant", "Yes."), Message("user", "v"))
    assert text.startswith("<|channel|>final<|message|>Yes.<|end|><|start|>user")


@pytest.mark.parametrize(
    "edited",
    [
        Message("assistant", "x", "think", CALLS),
        Message("assistant", "", "other", CALLS),
        Message("assistant", "", "", (ToolCall("call_1", "f", '{"a":2}'),)),
        Message("assistant", "", "", (ToolCall("call_1", "g", '{"a":1}'),)),
        Message("assistant", "", "", (ToolCall("call_2", "f", '{"a":1}'),)),
        Message("assistant", "", "", (*CALLS, *CALLS)),
        Message("assistant"),
    ],
)
def test_an_edited_turn_is_rendered_anew(kept_after, prompt, vocabulary, edited):
    kept = kept_after((CALL, THINK + DO))
    assert kept.find(edited, vocabulary) is None
    assert prompt(kept, edited) == prompt(None, edited)


@pytest.mark.parametrize(
    ("message", "turn"),
    [
        # An equal answer, and what else may stand in its turn.
        (Message("assistant", "Yes.", "secret"), THINK.replace("think", "secret") + ANSWER),
        # JSON is asked for: what is said before it counts as reasoning.
        (
            Message("assistant", "Yes.", "think\n\nLook."),
            THINK + SAY + ANSWER,
        ),
        # No answer at all.
        (Message("assistant", "Look.", "think"), THINK + SAY.removesuffix("<|start|>assistant")),
        (Message("assistant", "", "think"), THINK.removesuffix("<|start|>assistant")),
    ],
)
def test_reasoning_never_comes_into_another_conversation(kept_after, vocabulary, message, turn):
    """Whether or not another one has an equal answer, and whether or not it is the last word."""
    kept = kept_after((message, turn))
    for sent in (message, Message("assistant", message.content)):
        built = from_request(Request((sent,)), date=None, vocabulary=vocabulary, kept=kept)
        generated = [m for m in built if m.tokens]
        text = "".join(vocabulary.decode(m.tokens) for m in generated)
        assert "secret" not in text
        assert "think" not in text
        assert "\n\n".join(m.content for m in generated) in ("", message.content)
    reasoned = [m.content for m in built if m.channel == "analysis"]
    assert reasoned == []


@pytest.mark.parametrize(
    ("message", "turn"),
    [
        (Message("assistant", "No."), ANSWER),
        (Message("assistant", "Yes.", "other"), THINK + ANSWER),
        (Message("assistant", "Yes.", "", CALLS), ANSWER),
        (Message("assistant", "Yes."), DO + "<|start|>assistant" + ANSWER),
        (CALL, THINK + DO.replace("1", "2")),
        (CALL, THINK + DO.replace("functions.f", "functions.g")),
        (Message("assistant", "Yes"), ANSWER),
    ],
)
def test_tokens_that_do_not_say_what_the_message_says_are_not_used(
    kept_after, vocabulary, message, turn
):
    assert kept_after((message, turn)).find(message, vocabulary) is None


@pytest.mark.parametrize(
    "turn",
    [
        "<|channel|>commentary<|channel|>final<|message|>F<|end|>",
        "<|channel|>final oh dear<|message|>F<|end|>",
        "<|channel|>final<|message|>F<|channel|>final<|message|>F<|end|>",
        "<|channel|>final<|message|>F",
        "<|channel|>final<|end|>",
        "<|channel|>final<|message|>F<|end|>F<|end|>",
        "<|channel|>final<|message|>F<|call|>",
        "<|channel|>commentary to=functions.f<|message|>{}<|end|>",
        "<|channel|>commentary to=f<|message|>{}<|call|>",
        "<|message|>F<|return|>",
    ],
)
def test_a_malformed_turn_is_not_used(vocabulary, turn):
    assert split_turn(vocabulary.encode(turn, special=True), vocabulary) is None


def test_the_oldest_turns_go_first(vocabulary):
    ids = vocabulary.encode("<|channel|>final<|message|>a<|return|>", special=True)
    kept = Kept(capacity_tokens=2 * len(ids))
    for text in "abc":
        turn = f"<|channel|>final<|message|>{text}<|return|>"
        kept.remember(Message("assistant", text), vocabulary.encode(turn, special=True))
        kept.find(Message("assistant", "a"), vocabulary)
    found = [kept.find(Message("assistant", text), vocabulary) for text in "abc"]
    assert [bool(messages) for messages in found] == [True, False, True]
    kept.remember(Message("assistant", "long"), ids * 3)
    assert kept.find(Message("assistant", "long"), vocabulary) is None
