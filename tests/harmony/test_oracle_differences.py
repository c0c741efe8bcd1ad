"""Where openai-harmony does not follow its documentation and we do: what each of us gives.

The table of design/harmony.md has exactly these rows, each by its first column.
"""

import re
from pathlib import Path

import pytest

from ossay.core.types import Tool
from ossay.harmony.prompt import developer_text
from ossay.harmony.render import render_prompt
from ossay.harmony.types import HarmonyMessage

ROWS = set()


def row(name):
    """Mark a test as that of a row of the table."""
    ROWS.add(name)
    return lambda test: test


def test_the_table_has_these_rows():
    text = (Path(__file__).parents[2] / "design/harmony.md").read_text("utf-8")
    table = text.split("| What | The library | Here | Why |\n|---|---|---|---|\n")[1]
    lines = table.split("\n\n")[0].splitlines()
    assert sorted(line.split(" | ")[0].removeprefix("| ") for line in lines) == sorted(ROWS)


@pytest.fixture
def prompts(vocabulary, library):
    """(our messages, the library's) -> the texts of both, the library dropping by its own rule."""

    def render(ours, theirs):
        return (
            vocabulary.decode(render_prompt(ours, vocabulary)),
            vocabulary.decode(library(theirs, drop=True)),
        )

    return render


def said(author, text, **more):
    """Return one message as ours and as the library's."""
    theirs = {"role": author, "text": text} | more
    if more.get("content_type"):
        theirs["content_type"] = f"<|constrain|>{more['content_type']}"
    return HarmonyMessage(author, text, **more), theirs


def both(*pairs):
    return [ours for ours, _ in pairs], [theirs for _, theirs in pairs]


def turn(n):
    return (
        said("user", f"u{n}"),
        said("assistant", f"A{n}", channel="analysis"),
        said("assistant", f"F{n}", channel="final"),
    )


CALL = said("assistant", "{}", channel="commentary", recipient="functions.f", content_type="json")
RESULT = said("tool", "ok", name="functions.f", recipient="assistant", channel="commentary")


@row("recipient of a call")
def test_recipient(prompts):
    ours, theirs = prompts(*both(CALL))
    assert ours.startswith(
        "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}"
    )
    assert theirs.startswith(
        "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}"
    )


@row("reasoning before the second answer and later ones")
def test_reasoning_of_several_turns(prompts):
    ours, theirs = prompts(*both(*turn(1), *turn(2), said("user", "u3")))
    assert re.findall(r"A\d", ours) == []
    assert re.findall(r"A\d", theirs) == ["A2"]


@row("reasoning before an answer, while tools are called after it")
def test_reasoning_in_a_tool_loop(prompts):
    thought = said("assistant", "A2", channel="analysis")
    ours, theirs = prompts(*both(*turn(1), said("user", "u2"), thought, CALL, RESULT))
    assert re.findall(r"A\d", ours) == ["A2"]
    assert re.findall(r"A\d", theirs) == ["A1", "A2"]


@row("call of a function on the analysis channel")
def test_function_call_on_the_analysis_channel(prompts):
    call = said("assistant", "{}", channel="analysis", recipient="functions.f")
    answer = said("assistant", "F", channel="final")
    ours, theirs = prompts(*both(said("user", "u"), call, RESULT, answer, said("user", "v")))
    assert "to=functions.f" in ours
    assert "to=functions.f" not in theirs
    assert "<|start|>functions.f to=assistant" in theirs  # a result of no call


@row("`# Response Formats`")
def test_response_formats(prompts):
    """The library has no field for it; its instructions can say it by hand, in the same words."""
    text = developer_text("I.", (), {"type": "object", "description": "A list."}, name="list")
    section = (
        '# Response Formats\n\n## list\n\n// A list.\n{"type":"object","description":"A list."}'
    )
    by_hand = {"role": "developer", "instructions": f"I.\n\n{section}", "tools": []}
    ours, theirs = prompts([HarmonyMessage("developer", text)], [by_hand])
    assert ours == theirs
    assert ours.endswith(f"# Instructions\n\nI.\n\n{section}<|end|><|start|>assistant")


@pytest.fixture
def types(vocabulary, library):
    """(schema of one field) -> our text of it and the library's, without the braces around."""

    def write(field, whole=None):
        schema = whole or {"type": "object", "properties": {"a": field}}
        told = {"role": "developer", "instructions": "", "tools": [["f", "", schema]]}
        texts = [developer_text("", [Tool("f", "", schema)]), vocabulary.decode(library([told]))]
        parts = [re.search(r"type f = \((.*)\) => any;", t, re.S) for t in texts]
        return [re.sub(r"^_: \{\n(.*)\n\}$", r"\1", part[1], flags=re.S) for part in parts]

    return write


@row("function without arguments")
@pytest.mark.parametrize(
    ("schema", "library_text"),
    [({"type": "object", "properties": {}}, "_: {\n}"), ({}, "_: any")],
)
def test_no_arguments(types, schema, library_text):
    assert types(None, whole=schema | {"required": []}) == ["", library_text]


REF = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/b"}},
    "$defs": {"b": {"type": "integer"}},
}
STRINGS = {"type": "string", "enum": ["x", "y"]}
EITHER = {"oneOf": [{"type": "string", "description": "It."}, {"type": "null"}]}


TYPES = {
    "anyOf": [
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "a?: string | null,",
            "a?: any,",
        )
    ],
    "allOf": [
        (
            {"allOf": [STRINGS, {"type": "object", "description": "O."}]},
            'a?: ("x" | "y") &     // O.\n{\n    },',
            "a?: any,",
        )
    ],
    "$ref": [(REF, "a?: number,", "a?: any,")],
    "const": [
        ({"const": 3}, "a?: 3,", "a?: any,"),
        ({"const": "x", "type": "string"}, 'a?: "x",', "a?: string,"),
    ],
    "enum of other values than strings": [
        ({"enum": ["x", None]}, 'a?: "x" | null,', "a?: any,"),
        ({"enum": [1, 2], "type": "integer"}, "a?: 1 | 2,", "a?: number,"),
    ],
    "type null": [({"type": "null"}, "a?: null,", "a?: any,")],
    "additionalProperties": [
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            "a?: {\n    [key: string]: string,\n    },",
            "a?: {\n    },",
        )
    ],
    "object or array that does not say its type": [
        ({"properties": {"b": {}}}, "a?: {\n    b?: any,\n    },", "a?: any,"),
        ({"items": {"type": "string"}}, "a?: string[],", "a?: any,"),
    ],
    "types in a list, with fields, items or an enum": [
        (
            {"type": ["array", "null"], "items": {"type": "integer"}},
            "a?: number[] | null,",
            "a?: array | null,",
        ),
        (
            {"type": ["string", "null"], "enum": ["x", None]},
            'a?: "x" | null,',
            "a?: string | null,",
        ),
    ],
    "array of a union": [
        ({"type": "array", "items": STRINGS}, 'a?: ("x" | "y")[],', 'a?: "x" | "y"[],'),
        (
            {"type": "array", "items": EITHER},
            "a?: (\n     | string // It.\n     | null\n    )[],",
            "a?: \n     | string // It.\n     | any[],",
        ),
    ],
    "nullable": [
        (
            {"type": "array", "items": {"type": "string", "nullable": True}},
            "a?: (string | null)[],",
            "a?: string[],",
        ),
        (
            {"type": "string", "enum": ["nullify"], "nullable": True},
            'a?: "nullify" | null,',
            'a?: "nullify",',
        ),
    ],
    "several lines of a description, default or example": [
        (
            {"type": "string", "description": "One.\nTwo.", "default": "x\ny"},
            '// One.\n// Two.\na?: string, // default: "x\\ny"',
            '// One.\nTwo.\na?: string, // default: "x\ny"',
        )
    ],
    "property name with more than letters, digits and `_ - . $ @`": [
        (
            {"type": "object", "properties": {"b: any,\n}": {}}},
            'a?: {\n    "b: any,\\n}"?: any,\n    },',
            "a?: {\n    b: any,\n}?: any,\n    },",
        )
    ],
    "enum string with a quote, a control character or a backslash at its end": [
        (
            {"type": "string", "enum": ['x" |\n', "y\\"]},
            'a?: "x\\" |\\n" | "y\\\\",',
            'a?: "x" |\n" | "y\\",',
        )
    ],
    "types in a list, one of them no plain word": [
        ({"type": ["string", "x,\n}"]}, "a?: string | any,", "a?: string | x,\n},")
    ],
    "oneOf of nothing": [({"oneOf": []}, "a?: any,", "a?:\n,")],
}
ROWS |= TYPES.keys()


@pytest.mark.parametrize("name", TYPES)
def test_types(types, name):
    for schema, ours, theirs in TYPES[name]:
        written = types(schema, whole=schema if "$defs" in schema else None)
        assert written == [ours, theirs]


@row("comment that would hide what follows it")
def test_a_comment_hides_nothing(types):
    ours, theirs = types(None, whole={"oneOf": [{"type": "string", "description": "It."}]})
    assert theirs == "_: \n | string // It."  # and `) => any;` on the same line
    assert ours == "_: \n | string // It.\n"


@row("schema that is very deep or large")
def test_very_deep(types):
    schema = {"type": "string"}
    for _ in range(60):
        schema = {"type": "array", "items": schema}
    ours, theirs = types(schema)
    assert theirs == f"a?: string{'[]' * 60},"
    assert ours == f"a?: any{'[]' * 48},"
