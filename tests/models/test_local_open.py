"""References of models over our own engine: what is opened, and what is refused before loading."""

import asyncio

import pytest

from ossay.core.errors import ModelCallError, UnknownName, UsageError
from ossay.core.settings import settings_from
from ossay.core.types import Message, Request, Sampling
from ossay.models.local import model_folder
from ossay.models.resolve import open_model

ASKED = Request((Message("user", "Hello"),), sampling=Sampling(max_tokens=5))


@pytest.fixture
def settings(tmp_path):
    """A home without models."""
    return settings_from({"OSSAY_HOME": str(tmp_path)}, tmp_path)


async def ask_and_close(model):
    try:
        return await model.reply(ASKED)
    finally:
        await model.aclose()


def test_a_folder_is_opened_and_loaded_by_the_first_call(settings, environ, checkpoint):
    reference = f"local/{checkpoint}?backend=reference&context=512&slots=2&cache_gb=1&threads=1"
    model = open_model(reference, settings=settings, environ=environ)
    assert model.card.reference == reference
    assert model.card.context_tokens == 512
    assert model.card.price.output == 0
    assert "hidden 32" in model.card.details["shape"]
    assert model.gauges() == {}
    assert asyncio.run(ask_and_close(model)).usage.output_tokens == 5


def test_the_context_is_known_once_it_is_loaded(settings, environ, checkpoint):
    reference = f"local/{checkpoint}?backend=null&cache_gb=1"
    model = open_model(reference, settings=settings, environ=environ)

    async def load():
        await model.load()
        await model.load()
        try:
            return model.card.context_tokens, model.gauges()["running"]
        finally:
            await model.aclose()

    assert asyncio.run(load()) == (131_072, 0)


@pytest.mark.parametrize("script", ["echo", "echo?slots=2&context=4096"])
def test_a_script_is_played(settings, environ, script):
    model = open_model(f"played/{script}", settings=settings, environ=environ)
    assert asyncio.run(ask_and_close(model)).message.content == "Hello"


@pytest.mark.parametrize(
    ("query", "error", "named"),
    [
        ("speed=3", UnknownName, "no option 'speed'"),
        ("slots=0", UsageError, "slots='0' is not a whole number above 0"),
        ("context=many", UsageError, "context='many'"),
        ("backend=tpu", UnknownName, "no backend 'tpu'"),
        ("precision=int4", UnknownName, "no precision 'int4'"),
    ],
)
def test_options_are_checked(settings, environ, checkpoint, query, error, named):
    with pytest.raises(error, match=named):
        open_model(f"local/{checkpoint}?{query}", settings=settings, environ=environ)


def test_models_that_are_not_here(settings, environ, tmp_path):
    for name, said in (
        ("gpt-oss-20b", "run `ossay pull gpt-oss-20b`"),
        ("gpt-oss-20", "did you mean 'gpt-oss-20b'"),
        (f"{tmp_path}/nowhere", "Give a folder"),
        (str(tmp_path), "config.json"),
    ):
        with pytest.raises(UsageError, match=said):
            open_model(f"local/{name}", settings=settings, environ=environ)


def test_a_pulled_model_is_found_by_its_name(settings):
    (settings.models / "gpt-oss-20b").mkdir(parents=True)
    assert model_folder("gpt-oss-20b", settings) == settings.models / "gpt-oss-20b"


def test_without_the_vocabulary_it_says_what_to_do(settings, checkpoint):
    for reference in (f"local/{checkpoint}", "played/echo"):
        with pytest.raises(UsageError, match="ossay pull vocab"):
            open_model(reference, settings=settings, environ={})


def test_what_fails_while_loading_fails_the_call(settings, environ, checkpoint):
    reference = f"local/{checkpoint}?backend=null&context=999999999"
    model = open_model(reference, settings=settings, environ=environ)
    with pytest.raises(ModelCallError, match="context=999999999"):
        asyncio.run(ask_and_close(model))


def test_a_checkpoint_of_another_vocabulary_is_refused(settings, environ, tmp_path):
    from ossay.engine.synth import tiny_shape, write_checkpoint

    folder = write_checkpoint(tmp_path / "small", tiny_shape(), 1)
    with pytest.raises(UsageError, match=r"of 512 tokens.*201088.*ossay generate --tokens"):
        open_model(f"local/{folder}", settings=settings, environ=environ)
