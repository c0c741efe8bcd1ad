"""transformers' GptOssForCausalLM on the device: of random weights, a layer's, or a checkpoint's.

Imports transformers where it is needed, so that everything else goes on without. Written for
transformers 5.17. Knows nothing of time.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import cuda_clock as clock
import cuda_reference as plain
from ossay.engine.kernels.cuda.weights import Edges
from ossay.engine.shape import ModelShape


def there() -> Any:
    """The module, or None where it is not installed."""
    try:
        return importlib.import_module("transformers")
    except ImportError:
        return None


def config(shape: ModelShape) -> Any:
    """Its configuration of that shape, with eager attention: the one of its own that has sinks."""
    kinds = ("full_attention", "sliding_attention")
    rope = shape.rope
    made = there().GptOssConfig(
        num_hidden_layers=shape.layers,
        num_local_experts=shape.experts,
        num_experts_per_tok=shape.experts_per_token,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        vocab_size=shape.vocab,
        sliding_window=shape.window,
        rms_norm_eps=shape.norm_eps,
        layer_types=[kinds[sliding] for sliding in shape.sliding],
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": rope.theta,
            "factor": rope.factor,
            "beta_fast": rope.beta_fast,
            "beta_slow": rope.beta_slow,
            "truncate": False,
            "original_max_position_embeddings": rope.original_context,
        },
    )
    made._attn_implementation = "eager"
    return made


def empty_model(shape: ModelShape, kind: torch.dtype) -> Any:
    """A model on the device whose weights are what it begins with."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        with torch.device(clock.device()):
            return there().GptOssForCausalLM(config(shape)).eval()
    finally:
        torch.set_default_dtype(before)


@torch.no_grad()
def random_model(shape: ModelShape) -> Any:
    """bf16, of random weights: what it begins with would route every token alike."""
    model = empty_model(shape, torch.bfloat16)
    for parameter in model.parameters():
        parameter.normal_(0, parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.1)
    return model


@torch.no_grad()
def layer_logits(
    shape: ModelShape, layer: plain.Layer, edges: Edges, x: Tensor, kind: torch.dtype
) -> Tensor:
    """Logits [n, vocab] of a model of one layer, for embeddings x [n, H] of one sequence."""
    model = empty_model(shape, kind)
    model.set_experts_implementation("eager")
    block = model.model.layers[0]
    attention, experts = block.self_attn, block.mlp.experts
    width, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    parts = ("q_proj", "k_proj", "v_proj")
    for part, weight, bias in zip(
        parts,
        layer.qkv.split((width, keys, keys)),
        layer.qkv_bias.split((width, keys, keys)),
        strict=True,
    ):
        getattr(attention, part).weight.copy_(weight)
        getattr(attention, part).bias.copy_(bias)
    for index in range(shape.experts):
        for name in ("gate_up", "down"):
            wide = plain.widen(getattr(layer, name), index, torch.float32)
            getattr(experts, f"{name}_proj")[index].copy_(wide.T)
    for parameter, value in (
        (block.input_layernorm.weight, layer.attention_norm),
        (attention.sinks, layer.sinks),
        (attention.o_proj.weight, layer.out),
        (attention.o_proj.bias, layer.out_bias),
        (block.post_attention_layernorm.weight, layer.mlp_norm),
        (block.mlp.router.weight, layer.router),
        (block.mlp.router.bias, layer.router_bias),
        (experts.gate_up_proj_bias, layer.gate_up_bias),
        (experts.down_proj_bias, layer.down_bias),
        (model.model.norm.weight, edges.norm),
        (model.lm_head.weight, edges.unembedding),
    ):
        parameter.copy_(value)
    return model(inputs_embeds=x[None].to(kind), use_cache=False).logits[0].float()


@torch.no_grad()
def checkpoint_logits(folder: Path, tokens: Tensor, kind: torch.dtype) -> Tensor:
    """Logits [n, vocab] of a stored model for the tokens [n] of one sequence."""
    model = there().GptOssForCausalLM.from_pretrained(
        folder,
        dtype=kind,
        attn_implementation="eager",
        experts_implementation="eager",
        local_files_only=True,
    )
    model.eval().to(clock.device())
    return model(tokens[None].to(clock.device()), use_cache=False).logits[0].float()
