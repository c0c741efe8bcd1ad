"""Streams as models write them, valid and not, and how each is read.

Each shape that users of other servers reported has a test that is named after it.
"""

import pytest

from ossay.harmony.parser import HEADER_TOKENS, Parser
from ossay.harmony.types import CallArguments, CallBegun, Header, MessageEnded, Text
from ossay.harmony.vocabulary import SPECIAL

FINAL = "<|channel|>final<|message|>Hi<|return|>"
THEN = "<|end|><|start|>assistant"
HI = ("final", "Hi")
LONG = " word" * (HEADER_TOKENS + 6)


@pytest.fixture
def read(vocabulary):
    """Text -> what was said, as (kind or recipient, text); the repairs as (code, text)."""

    def read(text):
        ids = vocabulary.encode(text, special=True)
        return joined(events(vocabulary, ids)[0]), repairs(vocabulary, ids)

    return read


def events(vocabulary, ids, *, end=True):
    parser = Parser(vocabulary)
    said = [event for token in ids for event in parser.feed(token)]
    return said + (list(parser.end()) if end else []), parser


def repairs(vocabulary, ids):
    return [(each.code, each.text) for each in events(vocabulary, ids)[1].repairs]


def joined(said):
    """Pieces of one message are put together."""
    out, new = [], True
    for event in said:
        if isinstance(event, CallBegun):
            out.append((event.recipient, ""))
        elif isinstance(event, MessageEnded):
            new = True
            continue
        elif new and isinstance(event, Text):
            out.append((event.kind, event.text))
        else:
            out[-1] = (out[-1][0], out[-1][1] + event.text)
        new = False
    return out


# What the format allows


def test_thoughts_preamble_call(vocabulary):
    said, parser = events(
        vocabulary,
        vocabulary.encode(
            f"<|channel|>analysis<|message|>Hm{THEN}<|channel|>commentary<|message|>Now.{THEN}"
            "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>",
            special=True,
        ),
    )
    call = Header(recipient="functions.f", channel="commentary", content_type="json")
    assert said == [
        Text("reasoning", "Hm"),
        MessageEnded(Header(channel="analysis")),
        Text("preamble", "Now"),
        Text("preamble", "."),
        MessageEnded(Header(channel="commentary")),
        CallBegun(0, "functions.f"),
        CallArguments(0, "{}"),
        MessageEnded(call, 0),
    ]
    assert parser.repairs == []
    assert parser.headers[0] == "analysis"
    assert parser.at == 29


def test_text_comes_while_it_is_written(vocabulary):
    ids = vocabulary.encode("<|channel|>final<|message|>Hi", special=True)
    assert events(vocabulary, ids, end=False)[0] == [Text("final", "Hi")]


def test_a_character_is_whole_or_replaced(vocabulary):
    text = "<|channel|>final<|message|>🧠"
    ids = vocabulary.encode(text, special=True)
    assert len(ids) > 4
    assert events(vocabulary, ids, end=False)[0] == [Text("final", "🧠")]
    assert joined(events(vocabulary, ids[:-1])[0]) == [("final", "\ufffd")]


def test_calls_are_counted(read):
    call = "<|channel|>commentary to=functions.{} <|constrain|>json<|message|>{{}}<|call|>"
    said, codes = read(call.format("f") + "<|start|>assistant" + call.format("g"))
    assert said == [("functions.f", "{}"), ("functions.g", "{}")]
    assert codes == []


def test_code_for_python_is_no_json(read):
    text = "<|channel|>analysis to=python<|message|>print(1<|call|>"
    assert read(text) == ([("python", "print(1")], [])


def test_an_end_token_may_be_missing_where_the_tokens_end(read):
    assert read("<|channel|>final<|message|>Hi") == ([HI], [])
    assert read("<|channel|>final<|message|>") == ([], [])


def test_a_header_that_is_cut_off_says_nothing(read):
    for header in ("", "<|channel|>", "<|channel|>comment", " to=functions.get_wea", "assist"):
        assert read(header) == ([], [])


def test_the_parser_may_be_ended_twice(vocabulary):
    parser = events(vocabulary, vocabulary.encode(FINAL, special=True))[1]
    assert list(parser.end()) == []


# Where documentation and library differ, by the list of the format's facts


def test_documented_1_recipient_after_the_channel_or_before_it(read):
    rest = " <|constrain|>json<|message|>{}<|call|>"
    after = read("<|channel|>commentary to=functions.f" + rest)
    before = read(" to=functions.f<|channel|>commentary" + rest)
    assert after == before == ([("functions.f", "{}")], [])


def test_documented_2_space_after_constrain(read):
    text = "<|channel|>commentary to=functions.f <|constrain|> json<|message|>{}<|call|>"
    assert read(text) == ([("functions.f", "{}")], [("space_after_constrain", "json")])


def test_documented_3_an_answer_by_a_schema_is_text(read):
    text = '<|channel|>final<|message|>{"a": 1}<|return|>'
    assert read(text) == ([("final", '{"a": 1}')], [])


def test_documented_4_reasoning_in_lower_case_is_text(read):
    text = "<|channel|>analysis<|message|>reasoning: high<|return|>"
    assert read(text) == ([("reasoning", "reasoning: high")], [])


def test_documented_5_final_constrain_json_is_no_recipient(read):
    text = "<|channel|>final <|constrain|>json<|message|>{}<|return|>"
    assert read(text) == ([("final", "{}")], [])


def test_documented_6_doubled_channel(read):
    assert read("<|channel|>commentary" + FINAL) == ([HI], [("doubled_channel", "commentary")])


def test_documented_6_recipient_glued_to_the_channel(read):
    text = "<|channel|>analysisto=python<|message|>1<|call|>"
    assert read(text) == ([("python", "1")], [("glued_recipient", "analysis")])


def test_documented_7_channel_in_a_body_ends_it(read):
    said, found = read("<|channel|>analysis<|message|>Hm" + FINAL)
    assert said == [("reasoning", "Hm"), HI]
    assert found == [("unended", "<|channel|>")]


def test_documented_7_spelled_control_tokens_in_a_body_are_text(vocabulary):
    ids = vocabulary.encode("<|channel|>final<|message|>", special=True)
    ids += vocabulary.encode("<|end|><|start|>user")
    said, parser = events(vocabulary, ids)
    assert joined(said) == [("final", "<|end|><|start|>user")]
    assert parser.repairs == []


@pytest.mark.parametrize("eos", ["<|return|>", "<|endoftext|>"])
def test_documented_8_eos_inside_a_header(read, eos):
    assert read("<|channel|>analysis" + eos) == ([], [("no_message", "")])
    call = "<|channel|>commentary to=functions.f <|constrain|>json"
    said = [("functions.f", "")]
    assert read(call + eos) == (said, [("no_message", ""), ("invalid_json", "")])


def test_documented_8_tokens_between_end_and_start(read):
    text = "<|channel|>analysis<|message|>Hm<|end|>{}" + FINAL
    for words in ("commentary", "assistant", "\n"):
        said, found = read(text.format(words))
        assert said == [("reasoning", "Hm"), HI]
        assert ("no_start", "") in found


def test_documented_8_extra_words_in_a_header(read):
    text = "<|channel|>final for you<|message|>Hi<|return|>"
    assert read(text) == ([HI], [("extra_words", "for"), ("extra_words", "you")])


def test_documented_9_json_without_constrain(read):
    text = "<|channel|>commentary to=functions.f json<|message|>{}<|call|>"
    assert read(text) == ([("functions.f", "{}")], [("no_constrain", "json")])


# What users of other servers reported


def test_reported_1_tokens_remaining_in_a_header(read):
    text = "<|channel|>commentary to=functions.f <|channel|>commentary json<|message|>{}<|call|>"
    said, found = read(text)
    assert said == [("functions.f", "{}")]
    assert found == [("doubled_channel", "commentary"), ("no_constrain", "json")]


@pytest.mark.parametrize("end", ["<|return|>", "<|call|>"])
def test_reported_2_return_or_call_while_expecting_start(read, end):
    text = "<|channel|>final<|message|>Hi<|end|>"
    assert read(text + end) == ([HI], [("doubled_end", end)])


def test_reported_2_comment_while_expecting_start(vocabulary, read):
    assert vocabulary.encode("commentary")[0] == 12606
    text = "<|channel|>analysis<|message|>Hm<|end|>commentary to=functions.f<|message|>{}<|call|>"
    said, found = read(text)
    assert said == [("reasoning", "Hm"), ("functions.f", "{}")]
    assert found == [("no_start", ""), ("no_channel_token", "commentary")]


def test_reported_2_more_after_the_return_when_eos_is_ignored(read):
    said, found = read(FINAL + "and on<|start|>user<|message|>More")
    assert said == [HI]
    assert [text for code, text in found if code == "after_return"] == [
        "and on",
        "<|start|>",
        "user",
        "<|message|>",
        "More",
    ]


def test_reported_3_channel_token_in_a_tool_name(read):
    text = " to=query_dataset<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"
    assert read(text) == ([("query_dataset", "{}")], [("bare_recipient", "query_dataset")])
    text = "<|channel|>commentary to=assistant<|channel|>analysis<|message|>Hm<|end|>"
    said, found = read(text)
    assert said == [("reasoning", "Hm")]
    assert found == [("recipient_is_no_tool", "assistant"), ("doubled_channel", "commentary")]


def test_reported_3_control_tokens_in_content(read):
    said, found = read("<|channel|>final<|message|>H<|message|>i<|constrain|>!<|return|>")
    assert said == [("final", "Hi!")]
    assert found == [("control_in_body", "<|message|>"), ("control_in_body", "<|constrain|>")]


def test_reported_4_a_question_mark_after_the_channel(read):
    text = "<|channel|>commentary?<|message|>Let me see." + THEN + FINAL
    assert read(text) == ([("preamble", "Let me see."), HI], [("extra_words", "?")])


def test_reported_4_no_message_token(read):
    text = "<|channel|>analysis The user says hi." + THEN + FINAL
    said, found = read(text)
    assert said == [("reasoning", "The user says hi."), HI]
    assert found == [("no_message", "The user says hi.")]


def test_words_after_a_channel_are_of_that_channel(read):
    assert read("<|channel|>commentary Now." + THEN + FINAL)[0] == [("preamble", "Now."), HI]
    assert read("<|channel|>analysis Hm.<|return|>")[0] == [("reasoning", "Hm.")]


def test_a_header_alone_is_no_message(vocabulary):
    ids = vocabulary.encode("<|channel|>final<|end|>", special=True)
    assert events(vocabulary, ids)[0] == []
    assert repairs(vocabulary, ids) == [("no_message", "")]


def test_reported_5_thoughts_come_before_the_call(read):
    text = "<|channel|>analysis<|message|>Hm" + THEN
    text += "<|channel|>commentary to=functions.f<|message|>{}<|call|>"
    assert read(text)[0] == [("reasoning", "Hm"), ("functions.f", "{}")]


def test_reported_7_two_calls_in_a_turn(read):
    call = "<|channel|>commentary to=functions.f<|message|>{}"
    assert read(call + THEN + call + "<|call|>") == ([("functions.f", "{}")] * 2, [])


@pytest.mark.parametrize("body", ['{"a": "b', "{'a': 1}", "", '{"a": 1}}', "[" * 5000])
def test_reported_8_arguments_that_are_no_json_are_passed_on(read, body):
    call = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
    for end in ("<|call|>", "<|end|>", ""):
        assert read(call + body + end) == ([("functions.f", body)], [("invalid_json", body)])


def test_reported_also_commentary_where_there_are_no_tools(read):
    assert read("<|channel|>commentary<|message|>Hi<|return|>") == ([("preamble", "Hi")], [])


@pytest.mark.parametrize("to", ["user", "system", "tool", "final", "functions.", ".", "to="])
def test_words_to_a_role_a_channel_or_nobody_are_no_call(read, to):
    said, found = read(f"<|channel|>final to={to}<|message|>Hi<|return|>")
    assert said == [HI]
    assert found[-1][0] == "recipient_is_no_tool"


def test_the_name_of_a_call_ends_where_a_name_does(read):
    text = '<|channel|>commentary functions.get_weather{"x":1} <|message|>{}<|call|>'
    said, found = read(text)
    assert said == [("functions.get_weather", "{}")]
    assert found == [("no_to", "functions.get_weather"), ("bad_name", '{"x":1}')]


# The rest of what is mended


def test_words_without_a_header_are_the_answer_where_the_turn_ends(read):
    for end in ("<|return|>", "<|call|>", "<|end|>", ""):
        said, found = read("Hello there." + end)
        assert said == [("final", "Hello there.")]
        assert found == [("no_message", "Hello there.")]


def test_words_without_a_header_are_reasoning_where_the_turn_goes_on(read):
    said, found = read("Let me see." + THEN + FINAL)
    assert said == [("reasoning", "Let me see."), HI]
    assert found == [("no_message", "Let me see.")]


def test_words_without_a_header_after_the_answer_are_reasoning(read):
    said, _ = read("<|channel|>final<|message|>Hi<|end|>That was it.<|return|>")
    assert said == [HI, ("reasoning", "That was it.")]


def test_many_words_without_a_header_are_shown_as_they_come(vocabulary):
    ids = vocabulary.encode(LONG + "<|return|>", special=True)
    said, parser = events(vocabulary, ids[:-1], end=False)
    assert joined(said) == [("final", LONG[1:])]
    assert parser.headers == [" "]
    assert [each.code for each in parser.repairs] == ["endless_header"]
    assert events(vocabulary, ids)[0][-1] == MessageEnded(Header(channel="final"))


@pytest.mark.parametrize("token", ["<|end|>", "<|start|>", "<|channel|>"])
def test_many_words_without_a_header_are_no_last_word_where_the_turn_goes_on(vocabulary, token):
    ids = vocabulary.encode(LONG + token, special=True)
    assert events(vocabulary, ids)[0][-1] == MessageEnded(Header(channel="commentary"))


def test_messages_after_many_words_without_a_header_have_theirs(vocabulary):
    text = LONG + THEN + "<|channel|>analysis<|message|>Hm<|end|>"
    said = events(vocabulary, vocabulary.encode(text, special=True))[0]
    ends = [event.header.channel for event in said if isinstance(event, MessageEnded)]
    assert ends == ["commentary", "analysis"]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("<|channel|>final", Header(channel="final")),
        (" to=functions.f", Header(recipient="functions.f")),
        ("user<|channel|>", Header(author="user")),
    ],
)
def test_many_words_after_the_begin_of_a_header_have_it(vocabulary, text, header):
    said = events(vocabulary, vocabulary.encode(text + LONG + "<|end|>", special=True))[0]
    assert said[-1].header == header


def test_many_words_after_a_channel_are_of_that_channel(read):
    said, found = read("<|channel|>analysis" + LONG + THEN + FINAL)
    assert said == [("reasoning", LONG[1:]), HI]
    assert [code for code, _ in found] == ["endless_header"]


def test_a_call_without_message_token(read):
    for pad in ("", " " * 4000):
        body = '{"a":' + pad + "1}"
        said, found = read("<|channel|>commentary to=functions.f " + body + "<|call|>")
        assert said == [("functions.f", body)]
        assert found == [("no_message", body)]
    body = "[" + "1, " * 80 + "1]"
    said, found = read("<|channel|>commentary to=functions.f " + body + "<|call|>")
    assert said == [("functions.f", body)]
    assert [code for code, _ in found] == ["endless_header"]


def test_a_long_header_may_end_inside_a_character(vocabulary):
    for more in range(8):
        text = " x" * (HEADER_TOKENS - 4) + "🧠" * more
        assert joined(events(vocabulary, vocabulary.encode(text))[0]) == [("final", text[1:])]


def test_what_was_mended_in_a_header_without_a_body_is_told(read):
    said, found = read("<|channel|>commentary<|channel|>analysis" + THEN + FINAL)
    assert said == [HI]
    assert found == [("no_message", ""), ("doubled_channel", "commentary")]


def test_doubled_start(read):
    assert read("<|start|>assistant" + FINAL) == ([HI], [("doubled_start", "")])
    twice = "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|start|>assistant" + FINAL
    assert read(twice) == ([("reasoning", "Hm"), HI], [("doubled_start", "")])


def test_words_before_a_start_that_nothing_ended(read):
    said, found = read("Let me see.<|start|>assistant" + FINAL)
    assert said == [("reasoning", "Let me see."), HI]
    assert found == [("no_message", "Let me see.")]


def test_no_start(read):
    text = "<|channel|>analysis<|message|>Hm<|end|>"
    assert read(text + FINAL) == ([("reasoning", "Hm"), HI], [("no_start", "<|channel|>")])
    said, found = read(text + "<|message|>Hi<|return|>")
    assert said == [("reasoning", "Hm"), HI]
    assert found == [("no_start", "<|message|>"), ("no_channel", "")]


def test_start_in_a_body_ends_it(read):
    said, found = read("<|channel|>analysis<|message|>Hm<|start|>assistant" + FINAL)
    assert said == [("reasoning", "Hm"), HI]
    assert found == [("unended", "<|start|>")]


def test_no_channel_or_an_unknown_one_is_the_answer(read):
    assert read("<|message|>Hi<|return|>") == ([HI], [("no_channel", "")])
    assert read("<|channel|>chat<|message|>Hi<|return|>") == (
        [HI],
        [("unknown_channel", "chat"), ("no_channel", "")],
    )


@pytest.mark.parametrize("role", ["user", "system", "developer", "tool", "functions.f"])
def test_words_in_the_name_of_another_are_reasoning_and_no_call(read, role):
    begin = f"<|channel|>analysis<|message|>Hm<|end|><|start|>{role}"
    said, found = read(begin + "<|message|>I am you<|end|>")
    assert said == [("reasoning", "Hm"), ("reasoning", "I am you")]
    assert found == [("other_role", role), ("no_channel", "")]
    said, _ = read(begin + " to=functions.g<|channel|>commentary<|message|>{}<|call|>")
    assert said == [("reasoning", "Hm"), ("reasoning", "{}")]


def test_ids_without_text_are_dropped(vocabulary):
    ids = vocabulary.encode("<|channel|>final<|message|>Hi<|return|>", special=True)
    strange = [-1, 199_998, 200_004, 201_087, 201_088, 2**40]
    for at in range(len(ids)):
        said, parser = events(vocabulary, [*ids[:at], *strange, *ids[at:]])
        assert joined(said) == [HI]
        assert [(each.code, each.at) for each in parser.repairs] == [
            ("unknown_token", at),
            ("reserved_token", at + 1),
            ("reserved_token", at + 2),
            ("reserved_token", at + 3),
            ("unknown_token", at + 4),
            ("unknown_token", at + 5),
        ]


def test_an_empty_answer(read):
    assert read("<|channel|>final<|message|><|return|>") == ([], [("empty_final", "")])
    assert read("<|channel|>analysis<|message|>" + THEN + FINAL) == ([HI], [])


def test_nothing_at_all(vocabulary):
    assert list(Parser(vocabulary).end()) == []
    said, parser = events(vocabulary, [SPECIAL["<|return|>"]])
    assert said == []
    assert [each.code for each in parser.repairs] == ["no_message"]
