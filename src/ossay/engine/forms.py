"""Which tensors a checkpoint holds, in each form: their names, types and shapes.

`mxfp4` and `bf16` are the Hugging Face forms, `original` is OpenAI's own. A tensor's `part` is its
place in the model, the same in all forms. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ossay.engine.shape import ModelShape

Form = Literal["mxfp4", "bf16", "original"]

EDGE = -1  # the layer of tensors that belong to none

_NAMES = {
    "embedding": ("model.embed_tokens.weight", "embedding.weight"),
    "norm": ("model.norm.weight", "norm.scale"),
    "unembedding": ("lm_head.weight", "unembedding.weight"),
    "attention_norm": ("input_layernorm.weight", "attn.norm.scale"),
    "q": ("self_attn.q_proj.weight", ""),
    "k": ("self_attn.k_proj.weight", ""),
    "v": ("self_attn.v_proj.weight", ""),
    "q_bias": ("self_attn.q_proj.bias", ""),
    "k_bias": ("self_attn.k_proj.bias", ""),
    "v_bias": ("self_attn.v_proj.bias", ""),
    "qkv": ("", "attn.qkv.weight"),
    "qkv_bias": ("", "attn.qkv.bias"),
    "out": ("self_attn.o_proj.weight", "attn.out.weight"),
    "out_bias": ("self_attn.o_proj.bias", "attn.out.bias"),
    "sinks": ("self_attn.sinks", "attn.sinks"),
    "mlp_norm": ("post_attention_layernorm.weight", "mlp.norm.scale"),
    "router": ("mlp.router.weight", "mlp.gate.weight"),
    "router_bias": ("mlp.router.bias", "mlp.gate.bias"),
    "gate_up": ("mlp.experts.gate_up_proj", ""),
    "gate_up.blocks": ("mlp.experts.gate_up_proj_blocks", "mlp.mlp1_weight.blocks"),
    "gate_up.scales": ("mlp.experts.gate_up_proj_scales", "mlp.mlp1_weight.scales"),
    "gate_up_bias": ("mlp.experts.gate_up_proj_bias", "mlp.mlp1_bias"),
    "down": ("mlp.experts.down_proj", ""),
    "down.blocks": ("mlp.experts.down_proj_blocks", "mlp.mlp2_weight.blocks"),
    "down.scales": ("mlp.experts.down_proj_scales", "mlp.mlp2_weight.scales"),
    "down_bias": ("mlp.experts.down_proj_bias", "mlp.mlp2_bias"),
}


class Tensor(Struct, frozen=True):
    """One tensor of a file. `layer` is EDGE for what stands before and after the layers.

    `dtype` is safetensors' name: BF16 or U8.
    """

    layer: int
    part: str
    name: str
    dtype: str
    shape: tuple[int, ...]


def tensors(shape: ModelShape, form: Form) -> Iterator[Tensor]:
    """Every tensor of a model of that shape in that form, layer by layer, edges last."""
    for layer in range(shape.layers):
        for part, dims in _layer_parts(shape, form):
            yield _tensor(form, layer, part, dims)
    wide = (shape.vocab, shape.hidden)
    for part, dims in (("embedding", wide), ("norm", (shape.hidden,)), ("unembedding", wide)):
        yield _tensor(form, EDGE, part, dims)


def tensor_name(form: Form, layer: int, part: str) -> str:
    """The tensor's name in files of that form."""
    name = _NAMES[part][form == "original"]
    if layer == EDGE:
        return name
    return f"block.{layer}.{name}" if form == "original" else f"model.layers.{layer}.{name}"


def _tensor(form: Form, layer: int, part: str, dims: tuple[int, ...]) -> Tensor:
    packed = part.endswith((".blocks", ".scales"))
    return Tensor(layer, part, tensor_name(form, layer, part), "U8" if packed else "BF16", dims)


def _layer_parts(shape: ModelShape, form: Form) -> Iterator[tuple[str, tuple[int, ...]]]:
    hidden, experts = shape.hidden, shape.experts
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    yield "attention_norm", (hidden,)
    joined = (("qkv", shape.qkv_rows),)
    projections = joined if form == "original" else (("q", queries), ("k", keys), ("v", keys))
    for part, rows in projections:
        yield part, (rows, hidden)
        yield f"{part}_bias", (rows,)
    yield "out", (hidden, queries)
    yield "out_bias", (hidden,)
    yield "sinks", (shape.heads,)
    yield "mlp_norm", (hidden,)
    yield "router", (experts, hidden)
    yield "router_bias", (experts,)
    for part, rows, columns in expert_matrices(shape):
        if form == "bf16":
            yield part, (experts, columns, rows)
        else:
            yield f"{part}.blocks", (experts, rows, columns // 32, 16)
            yield f"{part}.scales", (experts, rows, columns // 32)
        yield f"{part}_bias", (experts, rows)


def expert_matrices(shape: ModelShape) -> tuple[tuple[str, int, int], ...]:
    """Part, rows out and columns in of the two matrices of an expert."""
    up, hidden = shape.intermediate, shape.hidden
    return (("gate_up", 2 * up, hidden), ("down", hidden, up))
