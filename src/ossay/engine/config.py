"""config.json -> `ModelShape`, from the Hugging Face and from the original format.

Refuses every setting that would change the arithmetic in a way that the kernels do not follow.
Settings that only matter in training (dropout, loss coefficients) are passed over. Knows nothing
of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ossay.engine.errors import CheckpointError
from ossay.engine.json_keys import Keys, read_object
from ossay.engine.shape import ModelShape, Rope

_ATTENTION = {"sliding_attention": True, "full_attention": False}
# What the kernels compute; any other value of these keys is another model.
_ONLY = {
    "hidden_act": "silu",
    "attention_bias": True,
    "tie_word_embeddings": False,
    "swiglu_alpha": 1.702,
}
_ONLY_ROPE = {"attention_factor": None, "mscale": None, "mscale_all_dim": None}


def read_shape(folder: Path | str) -> ModelShape:
    """Read the shape from `folder`/config.json, or from `folder`/original/config.json.

    Stop tokens come from generation_config.json, where there is one, else from config.json.
    Raises `CheckpointError` that names the key and its value.
    """
    folder = Path(folder)
    path = config_path(folder)
    keys = Keys(path, read_object(path))
    shape = _original(keys) if is_original(keys.found) else _hugging_face(keys)
    _check(keys, shape)
    return shape


def config_path(folder: Path) -> Path:
    """Return the config.json that counts in `folder`; `CheckpointError` where there is none."""
    if not folder.exists():
        raise CheckpointError(
            f"no folder {str(folder)!r}; `ossay pull gpt-oss-20b` fetches a model"
        )
    if not folder.is_dir():
        raise CheckpointError(f"{str(folder)!r} is a file: give the folder that holds config.json")
    for path in (folder / "config.json", folder / "original" / "config.json"):
        if path.is_file():
            return path
    raise CheckpointError(
        f"no config.json in {str(folder)!r} or its folder 'original': not a checkpoint"
    )


def is_original(config: Mapping[str, Any]) -> bool:
    """Whether this is the original's config.json, which has no model_type."""
    return "model_type" not in config and "architectures" not in config and "num_experts" in config


def _hugging_face(keys: Keys) -> ModelShape:
    kind = keys.found.get("model_type")
    if kind != "gpt_oss":
        told = f"model_type {kind!r}" if kind else "no model_type"
        raise keys.error(f"{told}: this engine runs gpt-oss ('gpt_oss') only")
    keys.only(_ONLY)
    _check_quantization(keys)
    layers = keys.integer("num_hidden_layers", high=1000)
    heads = keys.integer("num_attention_heads")
    hidden = keys.integer("hidden_size")
    context = keys.integer("initial_context_length", default=4096)
    rope = _hugging_face_rope(keys, context)
    reach = round(rope.original_context * rope.factor)
    return ModelShape(
        layers=layers,
        hidden=hidden,
        intermediate=keys.integer("intermediate_size"),
        experts=keys.integer("num_local_experts", "num_experts"),
        experts_per_token=keys.integer("num_experts_per_tok", "experts_per_token"),
        heads=heads,
        kv_heads=keys.integer("num_key_value_heads"),
        head_dim=keys.integer("head_dim", default=max(hidden // heads, 1)),
        vocab=keys.integer("vocab_size"),
        window=keys.integer("sliding_window"),
        sliding=_sliding(keys, layers),
        rope=rope,
        max_positions=keys.integer("max_position_embeddings", default=reach),
        norm_eps=keys.number("rms_norm_eps", default=1e-5),
        swiglu_limit=keys.number("swiglu_limit", default=7.0),
        stop_tokens=_stop_tokens(keys),
    )


def _hugging_face_rope(keys: Keys, context: int) -> Rope:
    """Read rope_parameters (transformers 5) or rope_scaling and rope_theta (before).

    Where neither is there, it is gpt-oss's own YaRN; 'default' is rotation without YaRN.
    """
    nested = keys.found.get("rope_parameters") or keys.found.get("rope_scaling") or {}
    if not isinstance(nested, dict):
        raise keys.error(f"'rope_scaling' is {nested!r}, not an object")
    if not nested:  # as transformers reads it
        return Rope(theta=keys.number("rope_theta", default=150_000.0, low=1.0))
    rope = Keys(keys.path, nested)
    rope.only(_ONLY_ROPE)
    kind = nested.get("rope_type", nested.get("type", "default"))
    if kind not in ("yarn", "default"):
        raise keys.error(f"'rope_type' is {kind!r}; gpt-oss has 'yarn' there")
    theta = keys.number("rope_theta", default=150_000.0, low=1.0)
    theta = rope.number("rope_theta", default=theta, low=1.0)
    if kind == "default":
        return Rope(theta=theta, factor=1.0, original_context=context)
    truncate = nested.get("truncate", True)  # transformers' default for YaRN
    if not isinstance(truncate, bool):
        raise keys.error(f"'truncate' is {truncate!r}, not true or false")
    return Rope(
        theta=theta,
        factor=rope.number("factor"),
        original_context=rope.integer("original_max_position_embeddings", default=context),
        beta_fast=rope.number("beta_fast", default=32.0, low=1e-9),
        beta_slow=rope.number("beta_slow", default=1.0, low=1e-9),
        truncate=truncate,
    )


def _sliding(keys: Keys, layers: int) -> tuple[bool, ...]:
    kinds = keys.found.get("layer_types")
    if kinds is None:
        return every_second(layers)
    if not isinstance(kinds, list) or len(kinds) != layers:
        told = f"{len(kinds)} entries" if isinstance(kinds, list) else repr(kinds)
        raise keys.error(f"'layer_types' has {told}, not one for each of the {layers} layers")
    for index, kind in enumerate(kinds):
        if not isinstance(kind, str) or kind not in _ATTENTION:
            raise keys.error(f"'layer_types'[{index}] is {kind!r}; known: {', '.join(_ATTENTION)}")
    return tuple(_ATTENTION[kind] for kind in kinds)


def every_second(layers: int) -> tuple[bool, ...]:
    """Which layers slide where nothing is said: the even ones."""
    return tuple(layer % 2 == 0 for layer in range(layers))


def _original(keys: Keys) -> ModelShape:
    layers = keys.integer("num_hidden_layers", high=1000)
    rope = Rope(
        theta=keys.number("rope_theta", default=150_000.0, low=1.0),
        factor=keys.number("rope_scaling_factor", default=32.0),
        original_context=keys.integer("initial_context_length", default=4096),
        beta_fast=keys.number("rope_ntk_beta", default=32.0, low=1e-9),
        beta_slow=keys.number("rope_ntk_alpha", default=1.0, low=1e-9),
    )
    return ModelShape(
        layers=layers,
        hidden=keys.integer("hidden_size"),
        intermediate=keys.integer("intermediate_size"),
        experts=keys.integer("num_experts"),
        experts_per_token=keys.integer("experts_per_token", default=4),
        heads=keys.integer("num_attention_heads"),
        kv_heads=keys.integer("num_key_value_heads"),
        head_dim=keys.integer("head_dim"),
        vocab=keys.integer("vocab_size"),
        window=keys.integer("sliding_window"),
        sliding=every_second(layers),
        rope=rope,
        max_positions=round(rope.original_context * rope.factor),
        swiglu_limit=keys.number("swiglu_limit", default=7.0),
        stop_tokens=_stop_tokens(keys),
    )


def _stop_tokens(keys: Keys) -> tuple[int, ...]:
    path, source = keys.path.with_name("generation_config.json"), keys.found
    if path.is_file():
        source = {**source, **read_object(path)}
    stops = source.get("eos_token_id")
    if stops is None:
        return ModelShape.__struct_defaults__[-1]  # type: ignore[no-any-return]
    listed = stops if isinstance(stops, list) else [stops]
    for token in listed:
        if isinstance(token, bool) or not isinstance(token, int) or token < 0:
            raise keys.error(f"'eos_token_id' is {stops!r}, not token ids")
    return tuple(listed)


def _check_quantization(keys: Keys) -> None:
    quantization = keys.found.get("quantization_config")
    if quantization is None:
        return
    method = quantization.get("quant_method") if isinstance(quantization, dict) else quantization
    if method != "mxfp4":
        raise keys.error(
            f"weights quantized with {method!r}; this engine reads MXFP4 ('mxfp4') and bfloat16"
        )


def _check(keys: Keys, shape: ModelShape) -> None:
    """Refuse numbers that fit no model of this family."""
    for name, value in (("hidden_size", shape.hidden), ("intermediate_size", shape.intermediate)):
        if value % 32:
            raise keys.error(f"{name!r} is {value}, not a multiple of 32")
    if shape.head_dim % 2:
        raise keys.error(f"'head_dim' is {shape.head_dim}, not even")
    if shape.heads % shape.kv_heads:
        raise keys.error(
            f"'num_attention_heads' {shape.heads} is no multiple of "
            f"'num_key_value_heads' {shape.kv_heads}"
        )
    if shape.experts_per_token > shape.experts:
        raise keys.error(
            f"{shape.experts_per_token} experts per token are more than the {shape.experts} there"
        )
    if shape.rope.factor < 1:
        raise keys.error(f"the rope factor is {shape.rope.factor!r}, below 1")
    if shape.rope.beta_fast <= shape.rope.beta_slow:
        raise keys.error(
            f"rope 'beta_fast' {shape.rope.beta_fast:g} is not above "
            f"'beta_slow' {shape.rope.beta_slow:g}"
        )
