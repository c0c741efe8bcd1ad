"""Model references into models."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from ossay.core.errors import MissingKey, UnknownName, UsageError
from ossay.core.settings import Settings
from ossay.models.endpoint import Endpoint
from ossay.models.resolve import open_model
from ossay.models.scripted import Echo, Rehearsal


def settings(tmp_path: Path, toml: str = "") -> Settings:
    config = tmp_path / "ossay.toml"
    config.write_text(toml, encoding="utf-8")
    return Settings(tmp_path, str(tmp_path / "ledger.sqlite"), config)


def test_scripted_models(tmp_path: Path):
    here = settings(tmp_path)
    assert isinstance(open_model("scripted/reference", settings=here, environ={}), Rehearsal)
    assert isinstance(open_model("scripted/echo", settings=here, environ={}), Echo)


def test_an_endpoint_with_its_price_and_without_its_key(tmp_path: Path):
    environ = {"GROQ_API_KEY": "gsk-secret"}
    reference = "groq/openai/gpt-oss-120b"
    model = open_model(reference, settings=settings(tmp_path), environ=environ)
    assert isinstance(model, Endpoint)
    assert model.card.reference == reference
    assert model.card.price is not None
    assert model.card.price.output == 0.60
    assert model.card.details["base_url"] == "https://api.groq.com/openai/v1"
    assert "gsk-secret" not in f"{model!r} {model.card!r}"
    asyncio.run(model.aclose())


def test_a_model_without_a_known_price_has_none(tmp_path: Path):
    model = open_model("ollama/gpt-oss:20b", settings=settings(tmp_path), environ={})
    assert model.card.price is None


def test_a_users_own_provider_without_native_tools(tmp_path: Path):
    toml = '[providers.lab]\nbase_url = "http://127.0.0.1:9/v1"\ndialect = "json_action"\n'
    model = open_model("lab/some/model", settings=settings(tmp_path, toml), environ={})
    assert model.card.dialect == "json_action"


def test_a_missing_key_is_named(tmp_path: Path):
    with pytest.raises(MissingKey, match="'GROQ_API_KEY'"):
        open_model("groq/openai/gpt-oss-20b", settings=settings(tmp_path), environ={})


def test_an_unknown_provider_gets_the_nearest_one(tmp_path: Path):
    with pytest.raises(UnknownName, match=r"no provider 'qroq'; did you mean 'groq'\?"):
        open_model("qroq/x", settings=settings(tmp_path), environ={})
    with pytest.raises(UnknownName, match="did you mean 'scripted'"):
        open_model("script/reference", settings=settings(tmp_path), environ={})


@pytest.mark.parametrize("reference", ["", "groq", "groq/", "/x", "groq/a b", " groq/x", "a\n/b"])
def test_what_is_no_reference_is_shown_the_form(tmp_path: Path, reference: str):
    with pytest.raises(UsageError, match="write provider/model") as caught:
        open_model(reference, settings=settings(tmp_path), environ={})
    assert repr(reference) in str(caught.value)


def test_resolving_loads_no_http_client_until_it_is_needed():
    code = "import sys, ossay.models.resolve; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
