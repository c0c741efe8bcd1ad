"""Beside openai-harmony: what its parser reads of valid messages, ours reads the same.

It runs once, in a process of its own, over turns of two sources: those that it renders itself, and
those that stand as the format's documentation has them (the recipient after the channel).
"""

import base64
import json
import os
import random
import subprocess
import sys

import pytest

from ossay.harmony.parser import Parser
from ossay.harmony.types import CallArguments, MessageEnded, Text
from ossay.harmony.vocabulary import FILE, RANKS, SPECIAL

TURNS = 600
ORACLE = """
import json, sys
from openai_harmony import (
    Author, HarmonyEncodingName, Message, Role, StreamableParser, TextContent,
    load_harmony_encoding,
)

encoding = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)


def rendered(turn):
    ids = []
    for channel, recipient, content_type, text in turn:
        message = Message(author=Author(role=Role.ASSISTANT), content=[TextContent(text=text)])
        message = message.with_channel(channel)
        message = message.with_recipient(recipient) if recipient else message
        message = message.with_content_type(content_type) if content_type else message
        ids += encoding.render(message)
    return ids[2:]  # the parser begins after <|start|>assistant


def read(ids):
    parser = StreamableParser(encoding, role=Role.ASSISTANT)
    try:
        for token in ids:
            parser.process(token)
        parser.process_eos()
    except Exception as error:
        return str(error)
    said = [(m.channel or "", m.recipient or "", m.content[0].text) for m in parser.messages]
    return [[channel, "" if to == "all" else to, text] for channel, to, text in said]


turns, streams = json.load(sys.stdin)
streams = [rendered(turn) for turn in turns] + streams
json.dump([[ids, read(ids)] for ids in streams], sys.stdout)
"""

# What the library reads otherwise, or not at all, though it may be written so.
DIFFERENT = {
    "<|channel|>final <|constrain|>json<|message|>{}<|return|>": [
        ["final", "<|constrain|>json", "{}"]
    ],
    "<|channel|>commentary<|channel|>final<|message|>Hi<|return|>": [
        ["commentary", "<|channel|>final", "Hi"]
    ],
    "<|channel|>analysisto=python<|message|>1<|call|>": [["analysisto=python", "", "1"]],
    "<|channel|>final<|message|>a<|channel|>final<|message|>b<|return|>": [
        ["final", "", "a<|channel|>final<|message|>b"]
    ],
    "<|channel|>final for you<|message|>Hi<|return|>": [["final", "for", "Hi"]],
    "<|channel|>final for you to see<|message|>Hi<|return|>": "unexpected tokens remaining",
    "<|channel|>final<|return|>": "",
    "<|channel|>analysis<|message|>a<|end|>commentary": "Unexpected token",
}


def turn(rng):
    """Messages of the assistant, as (channel, recipient, content type, text)."""
    return [message(rng) for _ in range(rng.randrange(1, 6))]


def message(rng):
    words = [
        "a",
        " word",
        "é",
        "漢字",
        "🧠",
        "\n\n",
        "{",
        '"',
        "<|end|>",
        "to=",
        "  ",
        "\u2028",
        "’s",
    ]
    text = "".join(rng.choices(words, k=rng.randrange(1, 20)))
    arguments = json.dumps({text: [1, None, {"a": text}]}, ensure_ascii=rng.random() < 0.5)
    name = rng.choice(["get_weather", "f", "Über", "a-b.c", "x" * 60, "analysis", "json"])
    return rng.choice(
        [
            ("analysis", "", "", text),
            ("commentary", "", "", text),
            ("final", "", "", text),
            ("commentary", f"functions.{name}", "<|constrain|>json", arguments),
            ("commentary", f"functions.{name}", "", arguments),
            ("analysis", "python", "", text),
            ("analysis", "browser.search", "", arguments),
            ("analysis", "browser.open", "<|constrain|>json", arguments),
        ]
    )


def documented(vocabulary, messages):
    """The ids of a turn whose recipients stand after the channel."""
    ids = []
    for channel, recipient, content_type, text in messages:
        ids += vocabulary.encode("<|start|>assistant<|channel|>" + channel, special=True)
        ids += vocabulary.encode(f" to={recipient}" if recipient else "")
        ids += vocabulary.encode(f" {content_type}" if content_type else "", special=True)
        ids += [SPECIAL["<|message|>"], *vocabulary.encode(text)]
        ids.append(SPECIAL["<|call|>" if recipient else "<|end|>"])
    if not messages[-1][1]:
        ids[-1] = SPECIAL["<|return|>"]
    return ids[2:]


@pytest.fixture(scope="module")
def oracle(vocabulary, tmp_path_factory):
    """[ids, what the library read] of the turns it rendered, the documented ones, `DIFFERENT`."""
    rng = random.Random(5)
    turns = [turn(rng) for _ in range(TURNS)]
    streams = [documented(vocabulary, turn(rng)) for _ in range(TURNS)]
    streams += [vocabulary.encode(text, special=True) for text in DIFFERENT]
    folder = tmp_path_factory.mktemp("vocabulary")
    (folder / FILE).write_bytes(
        b"".join(b"%b %d\n" % (base64.b64encode(vocabulary.bytes_of(i)), i) for i in range(RANKS))
    )
    done = subprocess.run(
        [sys.executable, "-c", ORACLE],
        input=json.dumps([turns, streams]),
        env=os.environ | {"TIKTOKEN_ENCODINGS_BASE": str(folder)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return json.loads(done.stdout)


def read(vocabulary, ids):
    """[channel, recipient, content] of each message, and the repairs' codes."""
    parser, text, out = Parser(vocabulary), "", []
    events = [event for token in ids for event in parser.feed(token)]
    for event in [*events, *parser.end()]:
        if isinstance(event, MessageEnded):
            out.append([event.header.channel, event.header.recipient, text])
            text = ""
        elif isinstance(event, Text | CallArguments):
            text += event.text
    return out, {each.code for each in parser.repairs}


def test_messages_that_the_library_renders(vocabulary, oracle):
    for ids, theirs in oracle[:TURNS]:
        ours, mended = read(vocabulary, ids)
        assert ours == theirs
        assert mended == set()


def test_messages_as_the_documentation_has_them(vocabulary, oracle):
    for ids, theirs in oracle[TURNS : 2 * TURNS]:
        ours, mended = read(vocabulary, ids)
        assert ours == theirs
        assert mended == set()


def test_each_known_difference_is_still_one(vocabulary, oracle):
    for (ids, theirs), known in zip(oracle[2 * TURNS :], DIFFERENT.values(), strict=True):
        if isinstance(known, str):
            assert isinstance(theirs, str)
            assert known in theirs
        else:
            assert theirs == known
        assert read(vocabulary, ids)[0] != theirs
