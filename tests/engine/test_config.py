"""config.json of both formats, as published, as others write it, and broken."""

import json
from pathlib import Path

import pytest

from ossay.engine.config import read_shape
from ossay.engine.errors import CheckpointError
from ossay.engine.known_shapes import gpt_oss_20b, tiny_shape
from ossay.engine.shape import Rope
from ossay.engine.synth import write_checkpoint

# The keys of openai/gpt-oss-20b's config.json.
HUGGING_FACE = {
    "architectures": ["GptOssForCausalLM"],
    "attention_bias": True,
    "attention_dropout": 0.0,
    "eos_token_id": 200002,
    "experts_per_token": 4,
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 2880,
    "initial_context_length": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 2880,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "max_position_embeddings": 131072,
    "model_type": "gpt_oss",
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "num_local_experts": 32,
    "output_router_logits": False,
    "pad_token_id": 199999,
    "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]},
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "factor": 32.0,
        "original_max_position_embeddings": 4096,
        "rope_type": "yarn",
        "truncate": False,
    },
    "rope_theta": 150000,
    "router_aux_loss_coef": 0.9,
    "sliding_window": 128,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 201088,
}
YARN = {"rope_type": "yarn", "factor": 32.0}

ORIGINAL = {
    "num_hidden_layers": 24,
    "num_experts": 32,
    "experts_per_token": 4,
    "vocab_size": 201088,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "swiglu_limit": 7.0,
    "head_dim": 64,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "sliding_window": 128,
    "initial_context_length": 4096,
    "rope_theta": 150000,
    "rope_scaling_factor": 32.0,
    "rope_ntk_alpha": 1,
    "rope_ntk_beta": 32,
}
STOPS = {"eos_token_id": [200002, 199999, 200012]}


def folder_of(folder: Path, config: dict, generation: dict | None = None) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    if generation is not None:
        (folder / "generation_config.json").write_text(json.dumps(generation))
    return folder


def without(config: dict, *names: str) -> dict:
    return {name: value for name, value in config.items() if name not in names}


def test_both_formats_of_the_20b_give_its_shape(tmp_path):
    assert read_shape(folder_of(tmp_path, HUGGING_FACE, STOPS)) == gpt_oss_20b()
    (tmp_path / "original").mkdir()
    assert read_shape(folder_of(tmp_path / "original", ORIGINAL)) == gpt_oss_20b()


def test_a_folder_that_only_has_the_original_folder(tmp_path):
    (tmp_path / "original").mkdir()
    folder_of(tmp_path / "original", ORIGINAL)
    assert read_shape(tmp_path) == gpt_oss_20b()


@pytest.mark.parametrize(
    "config",
    [
        without(HUGGING_FACE, "layer_types"),
        without(HUGGING_FACE, "swiglu_limit"),
        without(HUGGING_FACE, "num_experts_per_tok"),
        without(HUGGING_FACE, "experts_per_token"),
        without(HUGGING_FACE, "quantization_config"),
        without(HUGGING_FACE, "max_position_embeddings"),
        {**HUGGING_FACE, "unsloth_version": "2026.1", "ossay_synthetic": {"seed": 1}},
        # As transformers 5 writes it.
        {
            **without(HUGGING_FACE, "rope_scaling", "rope_theta"),
            "rope_parameters": {**HUGGING_FACE["rope_scaling"], "rope_theta": 150000.0},
        },
        without(ORIGINAL, "swiglu_limit"),
        without(ORIGINAL, "experts_per_token"),
    ],
)
def test_spellings_that_mean_the_same(tmp_path, config):
    assert read_shape(folder_of(tmp_path, config, STOPS)) == gpt_oss_20b()


def test_what_is_said_is_taken(tmp_path):
    config = {
        **HUGGING_FACE,
        "layer_types": ["full_attention"] * 23 + ["sliding_attention"],
        "rms_norm_eps": 1e-6,
        "swiglu_limit": 5,
        "rope_scaling": {"rope_type": "yarn", "factor": 4, "beta_fast": 16},
        "rope_theta": 10000,
    }
    shape = read_shape(folder_of(tmp_path, config))
    assert shape.sliding == (False,) * 23 + (True,)
    assert (shape.norm_eps, shape.swiglu_limit) == (1e-6, 5.0)
    assert shape.rope == Rope(theta=10000.0, factor=4.0, beta_fast=16.0, truncate=True)
    assert shape.stop_tokens == (200002,)  # no generation_config.json


def test_without_a_word_on_scaling_the_rope_is_gpt_oss_s_own(tmp_path):
    shape = read_shape(folder_of(tmp_path, without(HUGGING_FACE, "rope_scaling")))
    assert shape.rope == Rope()


def test_the_default_rope_does_not_scale(tmp_path):
    plain = {**HUGGING_FACE, "rope_scaling": {"rope_type": "default"}}
    assert read_shape(folder_of(tmp_path, plain)).rope == Rope(factor=1.0)


@pytest.mark.parametrize("form", ["mxfp4", "bf16", "original"])
@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"layers": 1, "heads": 3, "kv_heads": 3, "window": 128},
        {"experts": 64, "experts_per_token": 1, "stop_tokens": (1, 2)},
        {"rope": Rope(theta=1e4, factor=2.0, original_context=64), "max_positions": 128},
        {"swiglu_limit": 3.0},
    ],
)
def test_a_written_config_reads_as_the_shape_that_it_was_made_of(tmp_path, form, overrides):
    shape = tiny_shape(**overrides)
    assert read_shape(write_checkpoint(tmp_path / "x", shape, 1, form)) == shape


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "llama"}, "model_type 'llama'"),
        ({"model_type": None}, "no model_type"),
        ({"num_hidden_layers": None}, "key 'num_hidden_layers' is missing"),
        ({"num_hidden_layers": 0}, "'num_hidden_layers' is 0"),
        ({"num_hidden_layers": True}, "'num_hidden_layers' is True"),
        ({"num_hidden_layers": 10**9}, "'num_hidden_layers' is 1000000000"),
        ({"hidden_size": "2880"}, "'hidden_size' is '2880'"),
        ({"hidden_size": 2881}, "'hidden_size' is 2881, not a multiple of 32"),
        ({"intermediate_size": 100}, "'intermediate_size' is 100, not a multiple of 32"),
        ({"head_dim": 63}, "'head_dim' is 63, not even"),
        ({"num_key_value_heads": 7}, "'num_attention_heads' 64 is no multiple"),
        ({"num_local_experts": 3}, "4 experts per token are more than the 3"),
        ({"rms_norm_eps": -1}, "'rms_norm_eps' is -1"),
        ({"rms_norm_eps": "small"}, "'rms_norm_eps' is 'small', not a number"),
        ({"rope_theta": float("inf")}, "'rope_theta' is inf"),
        ({"rope_theta": float("nan")}, "'rope_theta' is nan"),
        ({"rope_scaling": {**YARN, "rope_theta": 1.0}}, "'rope_theta' is 1.0, not above 1"),
        ({"rope_scaling": {**YARN, "factor": 1e308}}, "at most 1e\\+12"),
        ({"rope_scaling": {**YARN, "beta_fast": 1e308}}, "'beta_fast' is 1e\\+308"),
        ({"rope_scaling": {**YARN, "beta_slow": 1e-308}}, "'beta_slow' is 1e-308"),
        ({"swiglu_limit": float("nan")}, "'swiglu_limit' is nan"),
        ({"layer_types": ["full_attention"]}, "'layer_types' has 1 entries"),
        ({"layer_types": ["chunked_attention"] * 24}, "is 'chunked_attention'; known: sliding"),
        ({"layer_types": [[]] * 24}, r"'layer_types'\[0\] is \[\]"),
        ({"rope_scaling": "yarn"}, "'rope_scaling' is 'yarn', not an object"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "'rope_type' is 'llama3'"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "key 'factor' is missing"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 0.5}}, "factor is 0.5, below 1"),
        (
            {"rope_scaling": {"rope_type": "yarn", "factor": 2, "attention_factor": 2.0}},
            "'attention_factor' is 2.0",
        ),
        (
            {"rope_scaling": {"rope_type": "yarn", "factor": 2, "beta_fast": 1}},
            "'beta_fast' 1 is not above",
        ),
        ({"hidden_act": "gelu"}, "'hidden_act' is 'gelu'; gpt-oss has 'silu' there"),
        ({"tie_word_embeddings": True}, "'tie_word_embeddings' is True"),
        ({"eos_token_id": "stop"}, "'eos_token_id' is 'stop'"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantized with 'awq'"),
    ],
)
def test_a_config_that_cannot_be_run_is_one_error_that_names_key_and_value(tmp_path, change, told):
    with pytest.raises(CheckpointError, match=told) as error:
        read_shape(folder_of(tmp_path, {**HUGGING_FACE, **change}))
    assert str(tmp_path / "config.json") in str(error.value)


def test_the_original_needs_its_sizes_too(tmp_path):
    for name in ("num_hidden_layers", "vocab_size", "head_dim", "sliding_window"):
        with pytest.raises(CheckpointError, match=f"key '{name}' is missing"):
            read_shape(folder_of(tmp_path, without(ORIGINAL, name)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_config_that_is_no_json_object(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_shape(tmp_path)


def test_a_config_nested_too_deep(tmp_path):
    (tmp_path / "config.json").write_bytes(b"[" * 100_000)
    with pytest.raises(CheckpointError, match="is not JSON"):
        read_shape(tmp_path)


def test_places_without_a_config(tmp_path):
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        read_shape(tmp_path)
    with pytest.raises(CheckpointError, match="no folder"):
        read_shape(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match="is a file"):
        read_shape(tmp_path / "file")
