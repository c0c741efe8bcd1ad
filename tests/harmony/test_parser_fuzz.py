"""Whatever tokens come: no exception, no lost text, and work that is linear in the tokens."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.harmony.header import CHANNELS, ROLES
from ossay.harmony.parser import HEADER_TOKENS, Parser
from ossay.harmony.types import CallArguments, CallBegun, MessageEnded, Text
from ossay.harmony.vocabulary import RANKS, SPECIAL, VOCABULARY_SIZE

CONTROL = [i for n, i in SPECIAL.items() if n != "<|startoftext|>"]
LAST = [SPECIAL["<|return|>"], SPECIAL["<|endoftext|>"]]
OPEN = [i for i in CONTROL if i not in LAST]  # a turn may go on after them
NAME = re.compile(r"[\w.-]{1,74}")
NO_TOOLS = ("all", "functions.", *CHANNELS, *ROLES)
CHARACTERS = "aé漢🧠 \n{}\"'<|>:,.0x"


class Counting:
    """A vocabulary that counts what is asked of it."""

    def __init__(self, vocabulary):
        self._bytes_of = vocabulary.bytes_of
        self.asked = 0

    def bytes_of(self, token):
        self.asked += 1
        return self._bytes_of(token)


class Streams:
    """Kinds of streams, from a source of randomness."""

    def __init__(self, vocabulary, rng):
        self._rng = rng
        self._encode = vocabulary.encode
        words = (*CHANNELS, *ROLES, " to=functions.f", " to=python", " json", "json", " to=", "🧠")
        words += ("functions.", ".", "?", '{"x":1}', "/", "|")
        self._words = [i for word in words for i in self._encode(word)]

    def anything(self):
        """Ids of the whole vocabulary, and some outside."""
        count = self._rng.randrange(1, 150)
        return [self._rng.randrange(-9, VOCABULARY_SIZE + 9) for _ in range(count)]

    def text(self):
        """Ids of text, most of them no whole words, many no whole characters."""
        return [self._rng.randrange(RANKS) for _ in range(self._rng.randrange(1, 150))]

    def control_heavy(self):
        """Control tokens and the words of headers."""
        some = [self._rng.randrange(-9, VOCABULARY_SIZE + 9) for _ in range(9)]
        ends = LAST if self._rng.random() < 0.2 else []
        each = [*OPEN * 5, *ends, *self._words * 2, *some]
        return self._rng.choices(each, k=self._rng.randrange(1, 150))

    def mutated(self):
        """A valid turn with some tokens dropped, doubled, swapped or put in."""
        ids, _ = self.valid()
        for _ in range(self._rng.randrange(1, 6)):
            at, other = (self._rng.randrange(len(ids)) for _ in range(2))
            what = self._rng.randrange(5)
            if what == 0 and len(ids) > 1:
                del ids[at]
            elif what == 1:
                ids.insert(at, ids[other])
            elif what == 2:
                ids[at], ids[other] = ids[other], ids[at]
            elif what == 3:
                ids.insert(at, self._rng.choice(CONTROL))
            else:
                ids.insert(at, self._rng.choice([*self._words, self._rng.randrange(RANKS)]))
        return ids

    def valid(self):
        """A valid turn: its ids, and its messages as (kind or recipient, text)."""
        messages = [self._message() for _ in range(self._rng.randrange(3))]
        messages.append(self._message(last=True))
        ids = []
        for kind, _, header, body in messages:
            if ids:
                ids += [SPECIAL["<|end|>"], *self._encode("<|start|>assistant", special=True)]
            ids += self._encode(header, special=True) + self._encode(body)
            last = "<|return|>" if kind == "final" else "<|call|>"
        return [*ids, SPECIAL[last]], [
            (recipient or kind, body) for kind, recipient, _, body in messages
        ]

    def _message(self, *, last=False):
        kinds = [("call", "functions.get_weather"), ("call", "python")]
        if last:
            kinds += [("final", "")]
        else:
            kinds += [("reasoning", ""), ("preamble", "")]
        kind, recipient = self._rng.choice(kinds)
        text = "".join(self._rng.choices(CHARACTERS, k=self._rng.randrange(1, 30)))
        if recipient == "functions.get_weather":
            text = '{"a": [1, "é🧠"]}'
            header = self._rng.choice(
                [
                    f"<|channel|>commentary to={recipient} <|constrain|>json<|message|>",
                    f" to={recipient}<|channel|>commentary <|constrain|>json<|message|>",
                ]
            )
        elif recipient:
            header = "<|channel|>analysis to=python<|message|>"
        else:
            channel = {"reasoning": "analysis", "preamble": "commentary", "final": "final"}[kind]
            header = f"<|channel|>{channel}<|message|>"
        return kind, recipient, header, text


def check(vocabulary, tokens):
    """All text is said once, in order; each token is decoded once; events are as they should be."""
    counting = Counting(vocabulary)
    parser, out, headers, repairs = Parser(counting), [], 0, 0
    said, expected, run = [], [], []
    for token in [*tokens, None]:
        events = parser.end() if token is None else parser.feed(token)
        said += events
        out += parser.headers[headers:]
        out += [event.text for event in events if isinstance(event, Text | CallArguments)]
        after = [each.text for each in parser.repairs[repairs:] if each.code == "after_return"]
        out += [text for text in after if text not in SPECIAL]
        headers, repairs = len(parser.headers), len(parser.repairs)
        if token is None or token in CONTROL:
            expected.append(b"".join(run).decode("utf-8", "replace"))
            run.clear()
        elif 0 <= token < RANKS:
            run.append(vocabulary.bytes_of(token))
    assert "".join(out) == "".join(expected)
    assert counting.asked <= len(tokens)
    assert parser.at == len(tokens)
    in_order(said)
    return said, parser


def in_order(said):
    """Calls are numbered and begin before their arguments; each message ends, and ends once."""
    calls, here, inside = 0, None, False
    for event in said:
        if isinstance(event, CallBegun):
            assert not inside
            assert event.index == calls
            assert NAME.fullmatch(event.recipient)
            assert event.recipient not in NO_TOOLS
            here, inside, calls = calls, True, calls + 1
        elif isinstance(event, CallArguments):
            assert event.text
            assert event.index == here
        elif isinstance(event, Text):
            assert event.text
            assert here is None
            inside = True
        else:
            assert event.call == here
            here, inside = None, False
    assert not inside


def messages(said):
    """(kind or recipient, text) of each message that says something or is a call."""
    out, key, text = [], "", ""
    for event in said:
        if isinstance(event, MessageEnded):
            if key:
                out.append((key, text))
            key, text = "", ""
        elif isinstance(event, CallBegun):
            key = event.recipient
        else:
            key = key or event.kind
            text += event.text
    return out


def check_valid(vocabulary, ids, whole, *, every):
    """A valid turn is read as it was meant, and cut off anywhere, nothing is made up."""
    said, parser = check(vocabulary, ids)
    assert messages(said) == whole
    assert parser.repairs == []
    for end in range(0, len(ids), every):
        said, parser = check(vocabulary, ids[:end])
        assert {each.code for each in parser.repairs} <= {"invalid_json"}
        got = messages(said)
        for (key, text), (meant, full) in zip(got, whole, strict=False):
            assert key == meant
            assert full.startswith(text.rstrip("\ufffd"))
        assert len(got) <= len(whole)


def fuzz(vocabulary, count, seed):
    """Read `count` streams; return how many of each kind."""
    rng = random.Random(seed)
    streams = Streams(vocabulary, rng)
    for _ in range(count // 5):
        for stream in (streams.anything, streams.text, streams.control_heavy, streams.mutated):
            check(vocabulary, stream())
    left = count - 4 * (count // 5)
    while left > 0:
        ids, whole = streams.valid()
        check_valid(vocabulary, ids, whole, every=1)
        left -= len(ids) + 1


def test_a_few_thousand_streams(vocabulary):
    fuzz(vocabulary, 4000, seed=1)


@pytest.mark.long
def test_a_hundred_thousand_streams(vocabulary):
    for seed in range(10):
        fuzz(vocabulary, 10_000, seed=100 + seed)


TOKENS = st.one_of(
    st.sampled_from(CONTROL),
    st.sampled_from(CONTROL),
    st.integers(0, RANKS - 1),
    st.integers(-(2**40), 2**40),
)


@given(tokens=st.lists(TOKENS, max_size=200))
def test_any_tokens(vocabulary, tokens):
    check(vocabulary, tokens)


@settings(max_examples=200)
@given(
    parts=st.lists(
        st.one_of(
            st.sampled_from([n for n in SPECIAL if n != "<|startoftext|>"]),
            st.sampled_from([*CHANNELS, *ROLES, " to=functions.f", "to=python", " json", "{}"]),
            st.sampled_from(["functions.", "to=", ".", "?", "|", "\u202e", "f" * 80]),
            st.text(max_size=8),
        )
    )
)
def test_any_text_between_control_tokens(vocabulary, parts):
    check(vocabulary, vocabulary.encode("".join(parts), special=True))


@given(header=st.lists(st.integers(0, RANKS - 1), max_size=2 * HEADER_TOKENS), body=st.text())
def test_a_body_is_read_after_any_header(vocabulary, header, body):
    ids = [SPECIAL["<|channel|>"], *header, SPECIAL["<|message|>"], *vocabulary.encode(body)]
    said, _ = check(vocabulary, ids)
    text = "".join(event.text for event in said if isinstance(event, Text | CallArguments))
    assert text.endswith(body.encode("utf-8", "replace").decode())


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>" + " x" * (HEADER_TOKENS - 1),
        "<|channel|>" + " x" * (HEADER_TOKENS - 1) + "<|message|><|start|>",
        " x" * HEADER_TOKENS + "<|end|>",
        "<|start|>",
        "<|channel|>",
        "<|constrain|>",
        "x<|start|>",
        "x<|end|>",
        "<|end|>",
        "<|channel|>commentary to=functions.f<|message|>[<|start|>",
        "<|return|>x",
        "🧠",
        "to=",
        "<|",
    ],
)
def test_what_is_repeated_endlessly_costs_what_it_costs_once(vocabulary, text):
    ids = vocabulary.encode(text, special=True)
    for times in (1, 10, 3000 // len(ids)):
        check(vocabulary, ids * times)
