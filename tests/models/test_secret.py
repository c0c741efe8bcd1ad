"""A key that shows itself to nobody."""

from __future__ import annotations

import pytest

from ossay.core.errors import MissingKey, UsageError
from ossay.models.secret import Secret


def test_only_reveal_gives_it_out():
    secret = Secret.from_environ("MY_KEY", {"MY_KEY": " sk-abc/1+2 \n"})
    assert secret.reveal() == "sk-abc/1+2"
    assert "sk-abc" not in f"{secret} {secret!r} {[secret]}"


def test_every_form_of_it_is_hidden():
    secret = Secret("MY_KEY", 'sk"a/b+c')
    for form in ('sk"a/b+c', 'sk\\"a/b+c', "sk%22a/b%2Bc", "sk%22a%2Fb%2Bc"):
        assert secret.redact(f"x {form} y {form}") == "x [key] y [key]"


@pytest.mark.parametrize("environ", [{}, {"MY_KEY": ""}, {"MY_KEY": " \n"}])
def test_a_missing_key_names_the_variable_and_how_to_set_it(environ: dict[str, str]):
    with pytest.raises(MissingKey, match=r"'MY_KEY' is not set.*export MY_KEY="):
        Secret.from_environ("MY_KEY", environ)


@pytest.mark.parametrize("value", ["sk-a\nX-Admin: yes", "sk-\N{SNOWMAN}", "sk-\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(value: str):
    with pytest.raises(UsageError) as caught:
        Secret.from_environ("MY_KEY", {"MY_KEY": value})
    assert "MY_KEY" in str(caught.value)
    assert "sk-" not in str(caught.value)
