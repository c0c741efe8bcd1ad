"""Rows of the table that ships, and the user's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ossay.core.errors import ConfigError
from ossay.core.settings import Settings
from ossay.core.types import Price
from ossay.models.providers import builtin_providers, known_providers, load_providers

SHIPPED = builtin_providers()
LOCAL = ("lmstudio", "ollama", "vllm")


def settings(tmp_path: Path, toml: str | None = None) -> Settings:
    config = None
    if toml is not None:
        config = tmp_path / "ossay.toml"
        config.write_text(toml, encoding="utf-8")
    return Settings(tmp_path, str(tmp_path / "ledger.sqlite"), config)


def test_every_provider_that_is_promised_ships():
    assert set(SHIPPED) == {
        "anthropic", "bedrock", "cerebras", "fireworks", "gemini", "groq", "openai", "openrouter",
        "together", *LOCAL,
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_every_row_is_complete(name: str):
    provider = SHIPPED[name]
    if name in LOCAL:
        assert provider.base_url.startswith("http://127.0.0.1:")
        assert provider.key_variable == ""
        assert provider.prices == {}
    else:
        assert provider.base_url.startswith("https://")
        assert provider.key_variable.isupper()
    assert not provider.base_url.endswith("/")


@pytest.mark.parametrize(
    ("name", "model"), [(name, model) for name in SHIPPED for model in SHIPPED[name].prices]
)
def test_every_price_says_when_and_where_it_was_read(name: str, model: str):
    price = SHIPPED[name].prices[model]
    assert date.fromisoformat(price.date) >= date(2026, 1, 1)
    assert "https://" in price.source
    assert 0 < price.input < price.output
    assert price.cached_input is None or 0 < price.cached_input < price.input


@pytest.mark.parametrize("name", ["groq", "together", "fireworks", "openrouter", "bedrock"])
def test_both_open_models_are_priced_where_both_are_sold(name: str):
    models = " ".join(SHIPPED[name].prices)
    assert "gpt-oss-20b" in models
    assert "gpt-oss-120b" in models


def test_without_a_config_the_rows_are_those_that_ship(tmp_path: Path):
    assert load_providers(settings(tmp_path)) == SHIPPED


def test_a_user_adds_a_provider(tmp_path: Path):
    toml = """
        [providers.lab]
        base_url = "http://gpu.example:8000/v1"
        key_variable = "LAB_KEY"
        dialect = "json_action"
        reasoning_field = "reasoning_content"
        body = { chat_template_kwargs = { thinking = false } }

        [providers.lab.prices]
        "my/model" = { input = 0, output = 0, date = "2026-11-01", source = "our own machine" }
    """
    lab = load_providers(settings(tmp_path, toml))["lab"]
    assert lab.dialect == "json_action"
    assert lab.body == {"chat_template_kwargs": {"thinking": False}}
    assert lab.prices["my/model"] == Price(0, 0, "2026-11-01", "our own machine")
    assert lab.stream_usage


def test_a_user_changes_a_row_and_the_rest_of_it_stays(tmp_path: Path):
    toml = """
        [providers.groq]
        stream_usage = true
        body = { service_tier = "flex" }

        [providers.groq.prices]
        "openai/gpt-oss-20b" = { input = 1, output = 2, date = "2026-11-20", source = "contract" }
    """
    groq = load_providers(settings(tmp_path, toml))["groq"]
    shipped = SHIPPED["groq"]
    assert groq.stream_usage
    assert groq.base_url == shipped.base_url
    assert groq.body == {"disable_tool_validation": True, "service_tier": "flex"}
    assert groq.prices["openai/gpt-oss-20b"].source == "contract"
    assert groq.prices["openai/gpt-oss-120b"] == shipped.prices["openai/gpt-oss-120b"]


LAB = '[providers.lab]\nbase_url = "http://h/v1"\n'


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[provider.x]", "unknown key 'provider'; did you mean 'providers'"),
        ("[providers.lab]\nbase_uri = 'x'", "unknown key 'base_uri'.*did you mean 'base_url'"),
        ("[providers.lab]\nkey_variable = 'X'", "'lab' has no base_url"),
        (LAB + "dialect = 'native'", "dialect"),
        (LAB + "api_key = 'sk-secret'", "unknown key 'api_key'"),
        (LAB + "key_variable = 'sk_secret'", "the name of an environment variable"),
        (LAB + "body = { model = 'x' }", "may not set 'model'"),
        ("[providers.lab]\nbase_url = 'h/v1'", "base_url 'h/v1'"),
        ("[providers.lab]\nbase_url = 'ftp://h/v1'", "base_url 'ftp://h/v1'"),
        ("[providers.lab]\nbase_url = 'https://me:sk-secret@h/v1'", "user name or password"),
        ("[providers.scripted]\nbase_url = 'http://h/v1'", "not a name for a provider"),
        ("[providers.'a/b']\nbase_url = 'http://h/v1'", "not a name for a provider"),
        (LAB + "prices.m = { input = 1, output = 2, date = 'x', source = 's' }", "date 'x'"),
        (LAB + "prices.m = { input = 1, output = 2, source = 's' }", "date"),
        (
            LAB + "prices.m = { input = 1, output = 2, date = '2026-11-01', source = ' ' }",
            "source is empty",
        ),
        (
            LAB + "prices.m = { input = -1, output = 2, date = '2026-11-01', source = 's' }",
            "below zero",
        ),
        (
            LAB + "prices.m = { inputs = 1, output = 2, date = '2026-11-01', source = 's' }",
            "unknown key 'inputs'.*did you mean 'input'",
        ),
    ],
)
def test_a_bad_row_is_one_clear_line(tmp_path: Path, toml: str, message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        load_providers(settings(tmp_path, toml))
    shown = str(caught.value)
    assert "ossay.toml" in shown
    assert "\n" not in shown
    assert "secret" not in shown


def test_a_listing_says_whether_a_key_is_set_and_never_what_it_is(tmp_path: Path):
    rows = known_providers(settings(tmp_path), {"GROQ_API_KEY": "gsk-secret", "OPENAI_API_KEY": ""})
    by_name = {row.name: row for row in rows}
    assert list(by_name) == sorted(SHIPPED)
    assert by_name["groq"].key_set
    assert by_name["groq"].priced_on == "2026-11-10"
    assert not by_name["openai"].key_set
    assert by_name["vllm"].key_variable == ""
    assert by_name["vllm"].priced_on == ""
    assert "gsk-secret" not in repr(rows)
