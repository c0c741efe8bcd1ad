"""Headers as models write them, and how each is read. Sources of the shapes: design/harmony.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.harmony.header import begins_word, read_header, split_header
from ossay.harmony.types import Header
from ossay.harmony.vocabulary import RANKS, SPECIAL

CALL = Header(recipient="functions.f", channel="commentary", content_type="json")

VALID = {
    "": None,  # has no channel
    "assistant<|channel|>analysis": Header(channel="analysis"),
    "<|channel|>commentary": Header(channel="commentary"),
    "<|channel|>final": Header(channel="final"),
    "<|channel|>commentary to=functions.f <|constrain|>json": CALL,
    "assistant<|channel|>commentary to=functions.f <|constrain|>json": CALL,
    " to=functions.f<|channel|>commentary <|constrain|>json": CALL,
    "assistant to=functions.f<|channel|>commentary<|constrain|>json": CALL,
    "<|channel|>commentary to=functions.f<|constrain|>json": CALL,
    "<|channel|>commentary to=functions.f": Header(recipient="functions.f", channel="commentary"),
    "<|channel|>analysis to=python": Header(recipient="python", channel="analysis"),
    "<|channel|>analysis to=browser.search": Header(recipient="browser.search", channel="analysis"),
    "<|channel|>final <|constrain|>json": Header(channel="final", content_type="json"),
}

MENDED = {
    # two channels: the last that is known
    "<|channel|>commentary<|channel|>final": (
        Header(channel="final"),
        [("doubled_channel", "commentary")],
    ),
    "<|channel|>final<|channel|>other": (
        Header(channel="final"),
        [("doubled_channel", "final"), ("unknown_channel", "other")],
    ),
    "<|channel|><|channel|>final": (Header(channel="final"), [("doubled_channel", "")]),
    # no channel that is known
    "": (Header(), [("no_channel", "")]),
    "assistant": (Header(), [("no_channel", "")]),
    "<|channel|>": (Header(), [("no_channel", "")]),
    "<|channel|>thoughts": (Header(), [("unknown_channel", "thoughts"), ("no_channel", "")]),
    "<|channel|>finally": (Header(), [("unknown_channel", "finally"), ("no_channel", "")]),
    "analysis": (Header(channel="analysis"), [("no_channel_token", "analysis")]),
    # words that nobody knows
    "<|channel|>commentary?": (Header(channel="commentary"), [("extra_words", "?")]),
    "<|channel|>final for you": (
        Header(channel="final"),
        [("extra_words", "for"), ("extra_words", "you")],
    ),
    "<|channel|>analysis final": (Header(channel="analysis"), [("extra_words", "final")]),
    "<|channel|>analysis user": (Header(channel="analysis"), [("extra_words", "user")]),
    "<|channel|>analysis\n\n": (Header(channel="analysis"), []),
    # recipients
    "<|channel|>analysisto=python": (
        Header(recipient="python", channel="analysis"),
        [("glued_recipient", "analysis")],
    ),
    "assistantto=functions.f<|channel|>commentary": (
        Header(recipient="functions.f", channel="commentary"),
        [("glued_recipient", "assistant")],
    ),
    "<|channel|>commentary to=functions.f to=functions.g": (
        Header(recipient="functions.f", channel="commentary"),
        [("doubled_recipient", "functions.g")],
    ),
    " to=functions.f<|channel|>commentary to=functions.f": (
        Header(recipient="functions.f", channel="commentary"),
        [],
    ),
    "<|channel|>commentary to=assistant": (
        Header(channel="commentary"),
        [("recipient_is_no_tool", "assistant")],
    ),
    "<|channel|>commentary to=all": (
        Header(channel="commentary"),
        [("recipient_is_no_tool", "all")],
    ),
    "<|channel|>commentary to= x": (
        Header(channel="commentary"),
        [("recipient_is_no_tool", ""), ("extra_words", "x")],
    ),
    "<|channel|>commentary to=query": (
        Header(recipient="query", channel="commentary"),
        [("bare_recipient", "query")],
    ),
    "<|channel|>commentary functions.f <|constrain|>json": (CALL, [("no_to", "functions.f")]),
    "assistant functions.f<|channel|>commentary": (
        Header(recipient="functions.f", channel="commentary"),
        [("no_to", "functions.f")],
    ),
    "<|channel|>functions.f": (
        Header(),
        [("unknown_channel", "functions.f"), ("no_channel", "")],
    ),
    # a recipient ends where a control token, or the spelling of one, begins
    " to=query<|channel|>commentary": (
        Header(recipient="query", channel="commentary"),
        [("bare_recipient", "query")],
    ),
    "<|channel|>commentary to=user": (
        Header(channel="commentary"),
        [("recipient_is_no_tool", "user")],
    ),
    "<|channel|>analysis to=commentary": (
        Header(channel="analysis"),
        [("recipient_is_no_tool", "commentary")],
    ),
    "<|channel|>commentary to=functions.": (
        Header(channel="commentary"),
        [("recipient_is_no_tool", "functions.")],
    ),
    "<|channel|>commentary functions.": (
        Header(channel="commentary"),
        [("extra_words", "functions.")],
    ),
    # a name ends where no tool's name goes on
    '<|channel|>commentary functions.f{"x":1} ': (
        Header(recipient="functions.f", channel="commentary"),
        [("no_to", "functions.f"), ("bad_name", '{"x":1}')],
    ),
    "<|channel|>commentary to=to=functions.f": (
        Header(recipient="functions.f", channel="commentary"),
        [("bad_name", "to=")],
    ),
    "<|channel|>commentary to=functions.f, <|constrain|>json": (CALL, [("bad_name", ",")]),
    "<|channel|>commentary to=functions.f?": (
        Header(recipient="functions.f", channel="commentary"),
        [("bad_name", "?")],
    ),
    "<|channel|>commentary to=functions.a/../b": (
        Header(recipient="functions.a", channel="commentary"),
        [("bad_name", "/../b")],
    ),
    "<|channel|>commentary to=functions.f\u202e": (
        Header(recipient="functions.f", channel="commentary"),
        [("bad_name", "\u202e")],
    ),
    "<|channel|>commentary to=functions.f|constrain|json": (
        Header(recipient="functions.f", channel="commentary"),
        [("bad_name", "|constrain|json")],
    ),
    "<|channel|>commentary to=functions." + "f" * 65: (
        Header(recipient="functions." + "f" * 64, channel="commentary"),
        [("bad_name", "f")],
    ),
    # content types
    "<|channel|>final <|constrain|> json": (
        Header(channel="final", content_type="json"),
        [("space_after_constrain", "json")],
    ),
    "<|channel|>commentary to=functions.f json": (CALL, [("no_constrain", "json")]),
    "<|channel|>analysis to=python code": (
        Header(recipient="python", channel="analysis", content_type="code"),
        [("no_constrain", "code")],
    ),
    "<|channel|>commentary to=functions.f <|constrain|>yaml": (
        Header(recipient="functions.f", channel="commentary"),
        [("extra_words", "yaml")],
    ),
    # others who speak
    "user<|channel|>final": (Header(author="user", channel="final"), [("other_role", "user")]),
    "functions.f to=assistant<|channel|>commentary": (
        Header(author="tool", channel="commentary"),
        [("other_role", "functions.f"), ("recipient_is_no_tool", "assistant")],
    ),
    # control tokens that belong elsewhere
    "<|channel|>final<|end|>": (Header(channel="final"), [("control_in_header", "<|end|>")]),
}


@pytest.mark.parametrize(("text", "header"), [(t, h) for t, h in VALID.items() if h])
def test_valid_headers_need_no_repair(vocabulary, text, header):
    assert read_header(vocabulary.encode(text, special=True), vocabulary) == (header, ())


@pytest.mark.parametrize(("text", "header", "found"), [(t, *r) for t, r in MENDED.items()])
def test_malformed_headers_are_mended(vocabulary, text, header, found):
    assert read_header(vocabulary.encode(text, special=True), vocabulary) == (header, (*found,))


def test_control_tokens_that_are_spelled_out_count_as_such(vocabulary):
    text = "<|channel|>commentary to=functions.f<|constrain|>json"
    assert read_header(vocabulary.encode(text), vocabulary) == (
        CALL,
        (("spelled_control", "<|channel|>"), ("spelled_control", "<|constrain|>")),
    )


def test_ids_without_text_are_no_part_of_a_header(vocabulary):
    ids = [-1, SPECIAL["<|channel|>"], 200_004, *vocabulary.encode("final"), 999_999]
    assert read_header(ids, vocabulary) == (Header(channel="final"), ())


@pytest.mark.parametrize(
    ("text", "header", "read", "rest"),
    [
        ("Hello there", Header(), "", "Hello there"),
        ("final answers are dull", Header(), "", "final answers are dull"),
        ("assistant Hello", Header(), "assistant ", "Hello"),
        ("system down", Header(), "", "system down"),
        ("<|channel|>analysis The user", Header(channel="analysis"), "analysis ", "The user"),
        ("<|channel|>analysis", Header(channel="analysis"), "analysis", ""),
        (
            ' to=functions.f {"a": 1}',
            Header(recipient="functions.f"),
            " to=functions.f ",
            '{"a": 1}',
        ),
        (
            '<|channel|>commentary to=functions.f{"a": 1}',
            Header(recipient="functions.f", channel="commentary"),
            "commentary to=functions.f",
            '{"a": 1}',
        ),
    ],
)
def test_where_the_header_ends_and_text_begins(vocabulary, text, header, read, rest):
    split = split_header(vocabulary.encode(text, special=True), vocabulary)
    assert (split.header, split.read, split.rest) == (header, read, rest)


def test_a_character_that_is_not_whole_is_left_to_the_body(vocabulary):
    ids = vocabulary.encode("\N{BRAIN}")[:-1]
    assert split_header(ids, vocabulary).rest == "\ufffd"
    split = split_header(ids, vocabulary, ended=False)
    assert (split.rest, split.tail) == (
        "",
        vocabulary.bytes_of(ids[0]) + b"".join(vocabulary.bytes_of(i) for i in ids[1:]),
    )


def test_begins_of_words():
    assert begins_word("")
    assert begins_word("comment")
    assert begins_word("to")
    assert not begins_word("commentator")
    assert not begins_word("Hello")


@given(ids=st.lists(st.one_of(st.integers(0, RANKS - 1), st.sampled_from([*SPECIAL.values(), -1]))))
def test_nothing_is_lost_of_any_header(vocabulary, ids):
    read_header(ids, vocabulary)
    for ended in (True, False):
        split = split_header(ids, vocabulary, ended=ended)
        runs, run = "", b""
        for token in ids:
            if token in SPECIAL.values():
                runs, run = runs + run.decode("utf-8", "replace"), b""
            elif token >= 0:
                run += vocabulary.bytes_of(token)
        got = split.read + split.rest + split.tail.decode("utf-8", "replace")
        assert got == runs + run.decode("utf-8", "replace")
