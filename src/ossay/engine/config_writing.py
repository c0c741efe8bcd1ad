"""`ModelShape` -> config.json of a synthetic checkpoint, in both formats.

The reverse of `config`. Knows nothing of weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ossay.core.errors import UsageError
from ossay.engine.config import every_second
from ossay.engine.forms import Form
from ossay.engine.shape import ModelShape, Rope


def write_config(folder: Path, shape: ModelShape, seed: int, form: Form) -> None:
    """Write config.json, which says that the weights are random, and generation_config.json."""
    content = _original_config(shape) if form == "original" else _hugging_face_config(shape, form)
    content["ossay_synthetic"] = {"seed": seed, "note": "random weights"}
    (folder / "config.json").write_text(json.dumps(content, indent=1))
    stops = {"eos_token_id": list(shape.stop_tokens)}
    (folder / "generation_config.json").write_text(json.dumps(stops, indent=1))


def _of_both_forms(shape: ModelShape) -> dict[str, Any]:
    return {
        "num_hidden_layers": shape.layers,
        "experts_per_token": shape.experts_per_token,
        "vocab_size": shape.vocab,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "swiglu_limit": shape.swiglu_limit,
        "head_dim": shape.head_dim,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "sliding_window": shape.window,
        "initial_context_length": shape.rope.original_context,
        "rope_theta": shape.rope.theta,
    }


def _original_config(shape: ModelShape) -> dict[str, Any]:
    if shape.sliding != every_second(shape.layers):
        raise UsageError("the original form has sliding layers at even places only")
    rope: Rope = shape.rope
    return {
        "num_experts": shape.experts,
        **_of_both_forms(shape),
        "rope_scaling_factor": rope.factor,
        "rope_ntk_alpha": rope.beta_slow,
        "rope_ntk_beta": rope.beta_fast,
    }


def _hugging_face_config(shape: ModelShape, form: Form) -> dict[str, Any]:
    kept = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens"]
    mxfp4 = {"quant_method": "mxfp4", "modules_to_not_convert": [*kept, "lm_head"]}
    return {
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "num_local_experts": shape.experts,
        "num_experts_per_tok": shape.experts_per_token,
        **_of_both_forms(shape),
        "layer_types": ["sliding_attention" if s else "full_attention" for s in shape.sliding],
        "max_position_embeddings": shape.max_positions,
        "rms_norm_eps": shape.norm_eps,
        "rope_scaling": _rope_scaling(shape.rope),
        "attention_bias": True,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        # transformers complains of an id that a tiny vocabulary lacks.
        "eos_token_id": next((t for t in shape.stop_tokens if t < shape.vocab), None),
        "pad_token_id": None,
        **({"quantization_config": mxfp4} if form == "mxfp4" else {}),
    }


def _rope_scaling(rope: Rope) -> dict[str, Any]:
    if rope.factor == 1.0:
        return {"rope_type": "default", "rope_theta": rope.theta}
    return {
        "rope_type": "yarn",
        "factor": rope.factor,
        "original_max_position_embeddings": rope.original_context,
        "beta_fast": rope.beta_fast,
        "beta_slow": rope.beta_slow,
        "truncate": rope.truncate,
    }
