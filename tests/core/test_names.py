"""Names of campaigns become part of commands, paths and pages."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.names import is_campaign_name

PLAIN = string.ascii_letters + string.digits + "._-"


@pytest.mark.parametrize("name", ["a", "7", "demo-20261121-140500", "v1.2_b", "A" * 100])
def test_names(name):
    assert is_campaign_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/tmp/x",
        "a/b",
        "-rf",
        ".hidden",
        "a b",
        "a\n",
        "é",
        "A" * 101,
        "a\x1b",
    ],
)
def test_what_is_no_name(name):
    assert not is_campaign_name(name)


@given(st.text(max_size=20))
def test_a_name_is_plain_characters_and_begins_with_a_letter_or_digit(text):
    plain = bool(text) and set(text) <= set(PLAIN) and text[0] not in "._-"
    assert is_campaign_name(text) == plain
