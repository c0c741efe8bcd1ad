"""A model's card tells what its provider's row makes of a request, and no secret."""

import datetime
import json

from hypothesis import given
from hypothesis import strategies as st

from ossay.models.endpoint import Endpoint
from ossay.models.providers import Provider, builtin_providers
from ossay.models.recorded import recorded
from ossay.models.secret import Secret

URL = "http://127.0.0.1:1/v1"


def test_a_row_without_anything_special_is_its_place():
    assert recorded(Provider(URL, "A_KEY"), None) == {"base_url": URL}


def test_what_every_request_carries_is_on_the_card_whatever_its_order():
    one = Provider(URL, body={"temperature": 0.2, "reasoning": {"effort": "high", "exclude": True}})
    other = Provider(
        URL, body={"reasoning": {"exclude": True, "effort": "high"}, "temperature": 0.2}
    )
    assert json.loads(recorded(one, None)["body"]) == one.body
    assert recorded(one, None) == recorded(other, None)
    assert Endpoint("my/model", one).card.details == recorded(one, None)


def test_switches_that_differ_from_their_defaults_are_on_the_card():
    assert recorded(builtin_providers()["groq"], None) == {
        "base_url": "https://api.groq.com/openai/v1",
        "body": '{"disable_tool_validation":true}',
        "max_tokens_field": "max_completion_tokens",
        "stream_usage": "false",
        "reasoning_field": "reasoning",
    }


def test_a_secret_in_the_body_is_not():
    body = {
        "max_completion_tokens": 5,
        "since": datetime.date(2026, 11, 21),  # TOML has dates
        "metadata": {"api_key": "sk-of-another", "note": 'the "sk-mine"', "tokens": ["a", "b"]},
    }
    details = recorded(Provider(URL, "MY_KEY", body=body), Secret("MY_KEY", "sk-mine"))
    assert json.loads(details["body"]) == {
        "max_completion_tokens": 5,
        "since": "2026-11-21",
        "metadata": {"api_key": "[key]", "note": 'the "[key]"', "tokens": ["[key]", "[key]"]},
    }


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none(), max_size=5))
def test_two_rows_that_ask_differently_have_different_cards(body):
    less = recorded(Provider(URL, body=body), None)
    more = recorded(Provider(URL, body={**body, "temperature": 0.5}), None)
    assert (less == more) == (body.get("temperature") == 0.5)
