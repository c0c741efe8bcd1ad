"""Beside openai-harmony: where it follows its documentation, our tokens are the same as its own.

Whole conversations are made by chance and rendered by both. A recipient stands after the channel
in the documentation and before it in the library; the library is given the channel
'commentary to=…' and the recipient 'all', which it writes as the documentation has it.
"""

import random

import pytest

from ossay.core.types import Message, Request, Sampling, Tool, ToolCall
from ossay.harmony.conversation import from_request
from ossay.harmony.kept import Kept
from ossay.harmony.prompt import system_text
from ossay.harmony.render import render, render_prompt
from ossay.harmony.types import HarmonyMessage

WORDS = [
    "hi",
    'q"uote',
    "<|end|>",
    "<|start|>assistant",
    "é ü",
    "日本語",
    "🙂",
    "a\tb",
    "  ",
    "x=1;",
    "\\n",
]
LINES = [
    "",
    "One line.",
    "One.\nTwo.\n",
    "\nthree\r\nfour",
    "`{id}†.*` — 'so'",
    "# Tools\n\n## functions",
]
NUMBERS = [1, -3, 2.5, 1e20, 1e-7, -0.0, 1e16, 123456.0, 1e15, 2**63, 0.1]
VALUES = [*NUMBERS, "z", "", 'q"', None, True, [], [1, {"b": "é\x7f\n"}], {"k": "v"}]


def text(rng):
    return rng.choice([" ", "\n", ""]).join(rng.choices(WORDS, k=rng.randint(1, 8)))


def schema(rng, depth, *, item=False):
    """Return a schema that the library writes as documented; test_differences.py has the others."""
    out = {}
    for key, values in (
        ("description", ["What it is.", "", "é // x"]),
        ("title", ["A title"]),
        ("examples", [["x", 1, "y z"], []]),
        ("default", VALUES),
    ):
        if rng.random() < 0.3:
            out[key] = rng.choice(values)
    kinds = ["string", "number", "integer", "boolean", "array", *["object"] * bool(depth)]
    kinds += [] if item else ["enum", "types", "nullable", *["array", "oneOf"] * bool(depth)]
    kind = rng.choice(kinds)
    if kind == "object":
        out |= fields(rng, depth - 1)
    elif kind == "array":
        items = {"items": schema(rng, depth - 1, item=True)} if depth else {}
        out |= {"type": "array"} | items
    elif kind == "oneOf":
        out["oneOf"] = [schema(rng, depth - 1) for _ in range(rng.randint(1, 3))]
    elif kind == "enum":
        out |= {"type": "string", "enum": rng.sample(["a", "b c", "ö", "d|e"], rng.randint(1, 4))}
    elif kind == "types":
        out["type"] = rng.sample(["string", "integer", "boolean", "null"], rng.randint(1, 3))
    elif kind == "nullable":
        out |= {"type": rng.choice(["string", "number", "boolean"]), "nullable": True}
    else:
        out["type"] = kind
    return out


def fields(rng, depth):
    names = rng.sample(["zeta", "alpha", "m-1", "é", "a_b", "B2"], rng.randint(1, 4))
    return {
        "type": "object",
        "properties": {name: schema(rng, depth) for name in names},
        "required": [name for name in [*names, "other"] if rng.random() < 0.5],
    }


def tools_of(rng):
    """Return tools as we and as the library are told of them."""
    ours, theirs = [], []
    for i in range(rng.randint(0, 4)):
        name, said = f"f{i}", rng.choice(LINES)
        nothing = rng.random() < 0.2
        taken = {"type": "object", "properties": {}} if nothing else fields(rng, rng.randint(0, 3))
        if not nothing and rng.random() < 0.2:
            taken["description"] = "All of it."
        ours.append(Tool(name, said, taken))
        theirs.append([name, said, None if nothing else taken])
    return tuple(ours), theirs


def turns(rng, names):
    """Yield what follows the developer message: ours, and the library's messages of it."""
    for turn in range(rng.randint(1, 4)):
        said = text(rng)
        yield Message("user", said), [{"role": "user", "text": said}]
        for step in range(rng.choice([0, 0, 1, 2, 3])):
            calls = [
                ToolCall(
                    f"call_{turn}_{step}_{i}", rng.choice(names), rng.choice(["{}", '{"a": 1}'])
                )
                for i in range(rng.choice([1, 1, 2]))
            ]
            thought, preamble = rng.choice(["", text(rng)]), rng.choice(["", "", text(rng)])
            spoken = assistant("analysis", thought) + assistant("commentary", preamble)
            yield (
                Message("assistant", preamble, thought, tuple(calls)),
                spoken + [called(call) for call in calls],
            )
            for call in calls:
                said = rng.choice(["", '{"ok": true}', text(rng)])
                yield Message("tool", said, tool_call_id=call.id), [result(call.name, said)]
        if rng.random() < 0.8:
            thought, said = rng.choice(["", text(rng)]), text(rng)
            spoken = assistant("analysis", thought) + assistant("final", said)
            yield Message("assistant", said, thought), spoken


def assistant(channel, said):
    return [{"role": "assistant", "text": said, "channel": channel}] if said else []


def called(call):
    return {
        "role": "assistant",
        "text": call.arguments,
        "channel": f"commentary to=functions.{call.name}",
        "recipient": "all",
        "content_type": "<|constrain|>json",
    }


def result(name, said):
    return {
        "role": "tool",
        "name": f"functions.{name}",
        "text": said,
        "recipient": "assistant",
        "channel": "commentary",
    }


def without_old_reasoning(messages):
    last = max((i for i, m in enumerate(messages) if m.get("channel") == "final"), default=-1)
    return [m for i, m in enumerate(messages) if i > last or m.get("channel") != "analysis"]


def library_drops_so(messages):
    """Whether the library's own rule comes to the same here."""
    spoken = [m["channel"] for m in messages if m["role"] == "assistant"]
    finals = spoken.count("final")
    return finals == 0 or (finals == 1 and spoken[-1] == "final")


def conversation(rng):
    """Return a request, its date, the built-in tools, and the library's messages."""
    date = rng.choice([None, "2025-06-28", "2031-01-02"])
    effort = rng.choice(["low", "medium", "high"])
    builtin = rng.choice([[], [], [], ["browser"], ["python"], ["browser", "python"]])
    instructions = rng.choice(["", *LINES])
    tools, told = tools_of(rng)
    theirs = [{"role": "system", "effort": effort, "date": date, "builtin": builtin}]
    if instructions or tools:
        theirs.append({"role": "developer", "instructions": instructions, "tools": told})
    ours = [Message("system", instructions)] if instructions else []
    for message, said in turns(rng, [tool.name for tool in tools] or ["gone"]):
        ours.append(message)
        theirs += said
    request = Request(tuple(ours), tools, sampling=Sampling(reasoning_effort=effort))
    return request, date, builtin, theirs


def prompt_of(request, date, builtin, vocabulary, kept=None):
    messages = from_request(request, date=date, vocabulary=vocabulary, kept=kept)
    if builtin:
        system = system_text(
            date=date,
            effort=request.sampling.reasoning_effort,
            with_browser="browser" in builtin,
            with_python="python" in builtin,
            functions=bool(request.tools),
        )
        messages = (HarmonyMessage("system", system), *messages[1:])
    return render_prompt(messages, vocabulary)


def compare(seed, count, vocabulary, library):
    """Compare so many conversations; return how many the library dropped reasoning of itself."""
    rng, dropped = random.Random(seed), 0
    for _ in range(count):
        request, date, builtin, messages = conversation(rng)
        if library_drops_so(messages):
            theirs = library(messages, drop=True)
            dropped += messages != without_old_reasoning(messages)
        else:
            theirs = library(without_old_reasoning(messages))
        ours = prompt_of(request, date, builtin, vocabulary)
        if ours != theirs:
            assert vocabulary.decode(ours) == vocabulary.decode(theirs)
        assert ours == theirs
    return dropped


@pytest.mark.parametrize("seed", range(6))
def test_whole_conversations_have_the_same_tokens(vocabulary, library, seed):
    assert compare(seed, 100, vocabulary, library) > 0


@pytest.mark.long
def test_thousands_of_conversations_have_the_same_tokens(vocabulary, library):
    assert compare("long", 6000, vocabulary, library) > 0


def test_kept_tokens_make_the_same_prompt(vocabulary, library):
    """Of turns that were generated as the format has them, for a client that drops reasoning."""
    rng = random.Random(7)
    for _ in range(60):
        request, date, builtin, messages = conversation(rng)
        kept, bare = Kept(), []
        for message in request.messages:
            if message.role == "assistant":
                kept.remember(message, generated(message, vocabulary))
                whole = bool(message.tool_calls) or not message.reasoning
                message = message if whole else Message("assistant", message.content)
                if message.tool_calls:
                    message = Message("assistant", message.content, tool_calls=message.tool_calls)
            bare.append(message)
        sent = Request(tuple(bare), request.tools, sampling=request.sampling)
        ours = prompt_of(sent, date, builtin, vocabulary, kept)
        assert ours == library(without_old_reasoning(messages))


def generated(message, vocabulary):
    """Return a turn's tokens as a model gives them, from after `<|start|>assistant`."""
    request = Request((message,))
    ids = render(from_request(request, date=None, vocabulary=vocabulary)[1:], vocabulary)
    return ids[len(vocabulary.encode("<|start|>assistant", special=True)) :]


CHANNELS = ["", "analysis", "commentary", "final"]


def test_single_messages_have_the_same_tokens(vocabulary, library):
    """Whatever the roles, channels and content types; the recipient is ours to place."""
    rng = random.Random(3)
    for _ in range(300):
        author = rng.choice(["user", "assistant", "tool"])
        channel, said = rng.choice(CHANNELS), text(rng)
        kind = rng.choice(["", "json"])
        name = rng.choice(["python", "browser.search", "functions.f"]) if author == "tool" else ""
        to = rng.choice(["", "assistant", "user"]) if author != "assistant" else ""
        ours = HarmonyMessage(author, said, name, to, channel, kind)
        theirs = {"role": author, "name": name or None, "text": said, "recipient": to or None}
        theirs |= {"channel": channel or None, "content_type": kind and f"<|constrain|>{kind}"}
        theirs["content_type"] = theirs["content_type"] or None
        assert render([ours], vocabulary) == library([theirs])[:-2]
