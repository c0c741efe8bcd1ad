"""JSON Schema, beside the reference implementation."""

import asyncio
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.errors import ConfigError
from ossay.core.types import Message, Request, ToolCall
from ossay.router.check import FollowsSchema
from ossay.router.schema import Schema

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "", "a", "bc"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)
SIZES = st.integers(0, 3)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "required": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2, unique=True),
        "minItems": SIZES, "maxItems": SIZES, "uniqueItems": st.booleans(),
        "minLength": SIZES, "maxLength": SIZES, "minProperties": SIZES, "maxProperties": SIZES,
        "minimum": st.integers(-2, 2), "exclusiveMaximum": st.integers(-2, 3),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
    },
)  # fmt: skip
SCHEMAS = st.recursive(
    PLAIN | st.booleans(),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "additionalProperties": inner,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "type": TYPES,
        },
    ),
    max_leaves=6,
)
DEFS = {"a": {"type": ["string", "integer"]}, "b": {"maxItems": 1, "required": ["a"]}}


@given(SCHEMAS, VALUES)
def test_the_same_as_the_reference(schema, value):
    if isinstance(schema, dict):
        schema = {**schema, "$defs": DEFS}
    elif "$ref" in str(schema):
        return
    fault = Schema(schema).fault_of(value)
    assert (fault == "") == jsonschema.Draft202012Validator(schema).is_valid(value), fault


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"pattern": "(a+)+$"}, "'pattern' cannot be checked"),
        ({"requierd": []}, "did you mean 'required'"),
        ({"properties": {"a": {"format": "date"}}}, "schema/properties/a"),
        ({"$ref": "https://lab.invalid/s.json"}, "only '#/"),
        ({"$ref": "#/$defs/none"}, "no part"),
        ({"type": "text"}, "schema/type"),
        ({"type": [["string"]]}, "schema/type"),
        ({"minLength": "2"}, "schema/minLength"),
        ({"multipleOf": 0}, "schema/multipleOf"),
        ({"anyOf": {}}, "must be a list"),
        ({"items": 7}, "schema/items"),
        ("object", "must be an object"),
    ],
)
def test_what_would_not_be_checked_is_refused(schema, told):
    with pytest.raises(ConfigError) as caught:
        Schema(schema)
    assert told in str(caught.value)


def test_a_schema_that_refers_to_itself_ends():
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}}}
    assert Schema(tree).fault_of([[], [[]]]) == ""
    endless = {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}}
    assert "too deeply" in Schema(endless).fault_of(1)
    deep = json.loads("[" * 500 + "]" * 500)
    assert "too deeply" in Schema(tree).fault_of(deep)


def test_a_fault_tells_the_place_and_quotes_no_text():
    schema = Schema({"properties": {"n": {"items": {"type": "string", "maxLength": 3}}}})
    assert schema.fault_of({"n": ["abc", "hunter2"]}) == "the answer['n'][1] is too long"
    closed = Schema({"additionalProperties": False})
    assert "hunter2" not in closed.fault_of({"hunter2": 1})


def judge(schema, content, **more):
    check = FollowsSchema(schema)
    draft = Message("assistant", content, **more)
    return asyncio.run(check(Request(()), draft)).verdict


def test_as_a_check():
    schema = {"type": "object", "required": ["a"]}
    assert judge(schema, '{"a": 1}') == "approve"
    for bad in ("", "{}", 'Here: {"a": 1}', '{"a": NaN}', "[" * 100_000):
        assert judge(schema, bad) == "reject"
    assert judge(schema, '{"a": 1}', tool_calls=(ToolCall("1", "f", "{}"),)) == "reject"
