"""Grammars bind where the caller says, and control tokens stay free everywhere else."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.engine.constraint import Binding, Constraint
from ossay.engine.errors import GenerationError, RequestError
from ossay.engine.grammar import Grammar, Vocabulary
from ossay.engine.sampling import Sampler, Sampling

CHANNEL, MESSAGE, START, END, RETURN, CALL = range(260, 266)
CONTROL = {CHANNEL, MESSAGE, START, END, RETURN, CALL}
FINAL, TOOL, NOTES = 266, 267, 268  # what stands in a header
PIECES = [b'{"', b'":', b'": "', b'",', b'"}', b"true", b"[]", b"}}", b"1234", b'"name"', b"\n  "]
WORDS = {FINAL: b"final", TOOL: b"to=tool", NOTES: b"notes"}
VOCAB = 288

TOKENS = [bytes([i]) for i in range(256)] + [b""] * (VOCAB - 256)
for token in CONTROL:
    TOKENS[token] = b"<|%d|>" % token
for token, word in WORDS.items():
    TOKENS[token] = word
for offset, piece in enumerate(PIECES):
    TOKENS[270 + offset] = piece
VOCABULARY = Vocabulary(TOKENS, special=CONTROL)

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


def harmony_like(**fields):
    """The final channel's content follows one schema, the arguments of a tool another."""
    return Constraint(
        VOCABULARY,
        bindings=(
            Binding(
                Grammar.json_schema(PERSON),
                applies=lambda header: FINAL in header,
                ends=frozenset({RETURN, END}),
            ),
            Binding(
                Grammar.json_schema(WEATHER),
                applies=lambda header: TOOL in header,
                ends=frozenset({CALL}),
            ),
        ),
        opens=MESSAGE,
        ends=frozenset({END, RETURN, CALL}),
        starts=frozenset({START}),
        **fields,
    )


def whole(grammar):
    return Constraint(VOCABULARY, (Binding(grammar),), ends=frozenset({RETURN}))


def allowed(guide):
    mask = guide.mask(VOCAB)
    return None if mask is None else set(np.flatnonzero(mask).tolist())


def feed(guide, *tokens):
    for token in tokens:
        mask = guide.mask(VOCAB)
        assert mask is None or mask[token], f"{TOKENS[token]!r} is not allowed"
        guide.advance(token)


def text(tokens):
    return b"".join(TOKENS[token] for token in tokens)


def test_nothing_is_bound_before_a_body_opens():
    guide = harmony_like().guide()
    assert allowed(guide) is None
    feed(guide, CHANNEL, FINAL)
    assert allowed(guide) is None
    feed(guide, MESSAGE)
    assert allowed(guide) == {ord("{"), TOKENS.index(b'{"')}


def test_the_header_decides_which_grammar_binds():
    guide = harmony_like().guide()
    feed(guide, TOOL, CHANNEL, MESSAGE, *b'{"ok":')
    assert ord("t") in allowed(guide)
    assert ord("1") not in allowed(guide)
    guide = harmony_like().guide()
    feed(guide, CHANNEL, NOTES, MESSAGE, *b"anything at all", END, START, CHANNEL, FINAL)
    assert not guide.bound
    feed(guide, MESSAGE)
    assert guide.bound


def test_end_tokens_are_allowed_exactly_where_the_grammar_is_complete():
    guide = harmony_like().guide()
    feed(guide, CHANNEL, FINAL, MESSAGE)
    body = list(b'{"name":"Ada","age":36}')
    for token in body:
        assert not allowed(guide) & CONTROL
        feed(guide, token)
    assert allowed(guide) == {RETURN, END}  # its own ends, not the tool's
    feed(guide, END)
    assert allowed(guide) is None


def test_a_grammar_that_may_go_on_may_also_end():
    guide = whole(Grammar.regex("[0-9]+")).guide()
    assert RETURN not in allowed(guide)
    feed(guide, ord("1"))
    assert {RETURN, ord("7"), TOKENS.index(b"1234")} <= allowed(guide)


def test_a_prompt_may_have_begun_the_message():
    guide = harmony_like(begun=(CHANNEL, FINAL, MESSAGE)).guide()
    assert allowed(guide) == {ord("{"), TOKENS.index(b'{"')}
    guide = harmony_like(begun=(CHANNEL, FINAL)).guide()
    feed(guide, MESSAGE)
    assert guide.bound


def test_a_message_that_was_never_ended_does_not_lend_its_header():
    guide = harmony_like().guide()
    feed(guide, CHANNEL, FINAL, NOTES, MESSAGE)
    assert guide.bound
    guide = harmony_like().guide()
    feed(guide, CHANNEL, NOTES, MESSAGE, FINAL, ord("x"), START, CHANNEL, NOTES, MESSAGE)
    assert not guide.bound  # FINAL stood in a body


def test_an_empty_token_and_one_past_the_vocabulary_are_never_allowed():
    mask = whole(Grammar.regex("(?s:.)*")).guide().mask(VOCAB + 5)
    assert not mask[VOCAB:].any()
    assert not mask[287]
    assert mask[ord("a")]
    assert mask[RETURN]


def test_two_sequences_do_not_share_a_state():
    constraint = harmony_like(begun=(FINAL, MESSAGE))
    one, two = constraint.guide(), constraint.guide()
    feed(one, *b'{"name":"A')
    assert allowed(two) == {ord("{"), TOKENS.index(b'{"')}


def test_a_token_that_was_not_allowed_is_an_error():
    guide = whole(Grammar.regex("[0-9]+")).guide()
    with pytest.raises(GenerationError, match="cannot go on"):
        guide.advance(ord("x"))


@pytest.mark.parametrize(
    ("grammar", "named"),
    [
        (Grammar.json_schema({"type": "strang"}), "strang"),
        (Grammar.json_schema('{"type": '), "json_schema"),
        (Grammar.json_schema({"type": "string", "minLength": 5, "maxLength": 2}), "minLength"),
        (Grammar.regex("("), "unclosed group"),
        (Grammar.regex("(?=a)b"), "look-ahead"),
        (Grammar.lark("start: nothing"), "nothing"),
        (Grammar.json_schema({"$ref": "#"}), "cannot be compiled"),
    ],
)
def test_what_cannot_be_compiled_is_a_bad_schema(grammar, named):
    with pytest.raises(RequestError, match=named) as caught:
        whole(grammar).guide()
    assert caught.value.code == "bad_schema"


def generated(constraint, seed, most=400):
    """Random logits through the guide, until a control token ends it or it grows too long."""
    guide = constraint.guide()
    random = np.random.default_rng(seed)
    sampler = Sampler(Sampling(seed=seed), (), ())
    out = []
    while len(out) < most:
        logits = random.standard_normal(VOCAB).astype(np.float32) * 3
        token = sampler.choose(logits, guide.mask(VOCAB))
        guide.advance(token)
        if token in CONTROL:
            return out, token
        out.append(token)
    return out, None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_what_ends_always_parses(seed):
    body, end = generated(harmony_like(begun=(FINAL, MESSAGE)), seed)
    assert end in {RETURN, END}
    person = json.loads(text(body))
    assert set(person) == {"name", "age"}
    assert isinstance(person["age"], int)
    assert len(person["name"]) <= 8


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_what_ends_always_matches(seed):
    pattern = "(GET|PUT) /[a-z]{1,5}(\\?[a-z]=[0-9]{2})?"
    body, end = generated(whole(Grammar.regex(pattern)), seed)
    assert end == RETURN
    assert re.fullmatch(pattern, text(body).decode())


def test_a_context_free_grammar_binds_too():
    nested = whole(Grammar.lark('start: "(" start ")" | "x"'))
    guide = nested.guide()
    feed(guide, *b"((x))", RETURN)


def test_white_space_does_not_go_on_for_ever():
    guide = whole(Grammar.json_schema(PERSON)).guide()
    feed(guide, ord("{"), *b" " * 40)
    assert ord(" ") not in allowed(guide)
    assert ord('"') in allowed(guide)


def test_what_a_grammar_forces_comes_in_the_tokens_of_the_encoder():
    """Without it a property's name would be forced byte by byte, as no model was trained."""
    word = TOKENS.index(b'"name"')

    def encode(text):
        return [word] if text == '"name"' else list(text.encode())

    schema = {
        "type": "object",
        "properties": {"name": {"const": 1}},
        "required": ["name"],
        "additionalProperties": False,
    }
    grammar = Grammar("json_schema", json.dumps(schema))
    for vocabulary, forced in ((VOCABULARY, ord('"')), (Vocabulary(TOKENS, CONTROL, encode), word)):
        matcher = vocabulary.matcher(grammar)
        matcher.consume_token(ord("{"))
        bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        allowed = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
        assert forced in allowed


def test_a_schema_that_is_too_large_once_it_is_open_is_refused_at_once():
    wide = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(2000)}}
    with pytest.raises(RequestError, match="cannot be compiled") as caught:
        VOCABULARY.matcher(Grammar.json_schema(wide))
    assert len(str(caught.value)) < 700


def test_a_dead_end_is_said_in_words():
    with pytest.raises(RequestError, match="no value can follow it") as caught:
        VOCABULARY.matcher(Grammar.json_schema({"$ref": "#", "description": "x" * 900}))
    assert "NoExtensionBias" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_what_was_compiled_before_is_not_compiled_again():
    grammar = Grammar.json_schema(PERSON)
    vocabulary = Vocabulary(TOKENS, special=CONTROL)
    compiled = vocabulary.matcher(grammar)
    binding = Binding(Grammar.regex("("), compiled=compiled)  # which cannot be compiled
    guide = Constraint(vocabulary, (binding,), ends=frozenset({RETURN})).guide()
    feed(guide, *b'{"name":')
    again = Constraint(vocabulary, (binding,), ends=frozenset({RETURN})).guide()
    assert ord("{") in allowed(again)
