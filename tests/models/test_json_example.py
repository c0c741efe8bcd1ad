"""Values that follow a schema."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.models.json_example import example

SCHEMAS = [
    {},
    {"type": "string"},
    {"type": "string", "minLength": 12},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date-time"},
    {"type": "integer", "minimum": 7},
    {"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5},
    {"type": "number", "maximum": -0.5},
    {"type": "number", "minimum": 0, "maximum": 0.5},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["string", "null"]},
    {"enum": ["celsius", "kelvin"]},
    {"const": 3},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_it_follows_the_schema(schema):
    jsonschema.validate(example(schema), schema)


def test_properties_that_need_not_be_there_are_filled_where_none_must():
    assert example({"type": "object", "properties": {"city": {"type": "string"}}}) == {
        "city": "city"
    }


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "#/nowhere"}, True, {"anyOf": [{}]}])
def test_it_ends_whatever_the_schema(schema):
    example(schema)


@pytest.mark.parametrize(
    "wrong",
    [
        {"minLength": "x"},
        {"type": "string", "minLength": -1, "maxLength": {}, "format": []},
        {"type": "array", "minItems": "x"},
        {"type": "array", "maxItems": "a"},
        {"type": "array", "prefixItems": 3},
        {"type": "array", "maxItems": 10**30, "minItems": 0.5},
        {"type": "number", "minimum": "5"},
        {"type": "number", "minimum": True},
        {"type": "number", "multipleOf": "a"},
        {"type": "integer", "multipleOf": -3},
        {"type": "number", "minimum": 1e308, "multipleOf": 1e-300},
        {"type": "number", "minimum": float("nan"), "maximum": float("inf")},
        {"type": "integer", "minimum": 10**400},
        {"type": "integer", "minimum": -1e308, "maximum": -1e307, "multipleOf": 1e308},
        {"enum": 5},
        {"enum": []},
        {"anyOf": {"a": 1}},
        {"oneOf": [7]},
        {"allOf": 5},
        {"allOf": [5, {"properties": 3, "required": "no"}]},
        {"type": "object", "required": 5},
        {"type": "object", "required": [3, None]},
        {"type": "object", "properties": []},
        {"type": {"a": 1}},
        {"type": [[]]},
        {"$ref": 7},
    ],
)
def test_a_keyword_of_a_wrong_type_is_none(wrong):
    json.dumps(example({"type": "object", "properties": {"a": wrong}, "required": ["a"]}))


KEYWORDS = [
    "type",
    "const",
    "enum",
    "$ref",
    "anyOf",
    "oneOf",
    "allOf",
    "properties",
    "required",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "format",
    "minLength",
    "maxLength",
    "additionalProperties",
]
KEYS = st.sampled_from(KEYWORDS) | st.text(max_size=3)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["object", "array", "string", "number", "integer", "null", "#", "#/items"])
    | st.text(max_size=3)
)
VALUES = st.recursive(PLAIN, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v))


@given(VALUES)
def test_any_value_at_all_is_a_schema(schema):
    assert len(json.dumps(example(schema))) < 500_000


NAMES = [f"p{n}" for n in range(6)]
SELF = {"$ref": "#"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": dict.fromkeys(NAMES, SELF), "required": NAMES},
        {"type": "object", "properties": dict.fromkeys("abc", SELF), "required": [*"abc"]},
        {"type": "object", "properties": {"a" * 10_000: SELF, "b": SELF}, "required": [*"ab"]},
        {"type": "array", "items": SELF, "minItems": 5},
        {"type": "array", "prefixItems": [SELF] * 5},
        {"allOf": [SELF, {"properties": dict.fromkeys(NAMES, SELF)}] * 50},
        {"anyOf": [{"type": "array", "items": SELF, "minItems": 10**12}]},
        {"type": "array", "items": {"type": "string", "minLength": 10**12}, "minItems": 10**9},
        {"type": "array", "items": {"const": ["x" * 40_000]}, "minItems": 10**9},
        {"type": "array", "prefixItems": [{"const": [0] * 3000}] * 3000},
        {"type": "string", "minLength": 10**12},
        {"const": "x" * 10**7},
    ],
)
def test_a_value_is_never_large(schema):
    assert len(json.dumps(example(schema))) < 200_000


def test_what_is_too_deep_to_write_is_left_out():
    deep = []
    for _ in range(50_000):
        deep = [deep]
    assert example({"const": deep}) == "example"
