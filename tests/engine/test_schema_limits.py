"""Schemas that would hold a server for seconds are refused before they are compiled."""

import json

import pytest

from ossay.engine.schema_limits import too_costly


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "multipleOf": 10},
        {"type": "number", "multipleOf": 0.01},
        {"type": "object", "properties": {"multipleOf": {"type": "integer"}}},
        {"allOf": [{"multipleOf": 250}, {"multipleOf": 100}]},
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
        ({"type": "integer", "multipleOf": 999_983}, "multipleOf 999983"),
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
