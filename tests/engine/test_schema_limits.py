"""Schemas that would hold a server for seconds are refused before they are compiled."""

import json

import pytest

from ossay.engine.schema_limits import cost_of, too_costly


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "multipleOf": 10},
        {"type": "number", "multipleOf": 0.01},
        {"type": "object", "properties": {"multipleOf": {"type": "integer"}}},
        {"allOf": [{"multipleOf": 250}, {"multipleOf": 100}]},
        {"properties": {"a": {"multipleOf": 97}, "b": {"multipleOf": 89}, "c": {"multipleOf": 83}}},
        {"enum": [f"x{n}" for n in range(20_000)]},
        {"multipleOf": "three"},
        {"multipleOf": -1},
        True,
    ],
)
def test_what_is_usual_passes(schema):
    assert too_costly(json.dumps(schema)) == ""


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "integer", "multipleOf": 99_991}, "multipleOf 99991"),
        ({"properties": {f"p{n}": {"multipleOf": 9000 + n} for n in range(20)}}, "20 multipleOf"),
        ({"properties": {f"p{n}": {"type": "string"} for n in range(6000)}}, "keys"),
        ({"type": "integer", "multipleOf": 10**300}, "multipleOf"),
        ({"type": "number", "multipleOf": 1e-9}, "multipleOf"),
        ({"type": "number", "multipleOf": 5e-324}, "multipleOf"),
        (
            {
                "properties": {
                    "a": {"items": {"allOf": [{"multipleOf": 9973}, {"multipleOf": 9967}]}}
                }
            },
            "multipleOf",
        ),
        ({"enum": ["x" * 100] * 20_000}, "characters long"),
    ],
)
def test_what_costs_too_much_is_named(schema, named):
    assert named in too_costly(json.dumps(schema))


@pytest.mark.parametrize("text", ["{", "", '{"a":' * 5000 + "1" + "}" * 5000])
def test_what_is_no_json_is_left_to_the_compiler(text):
    assert too_costly(text) == ""


def test_a_cost_grows_with_characters_keys_and_multiples():
    costs = [
        cost_of(json.dumps(schema))
        for schema in (
            {},
            {"description": "x" * 100},
            {"properties": {f"p{n}": {} for n in range(50)}},
            {"multipleOf": 9973},
        )
    ]
    assert costs == sorted(costs)
    assert costs[0] > 1000  # so that many small ones are bounded, too
