"""One layer of gpt-oss in plain PyTorch, float32 or float64: what the GPU kernels are held to.

Every function is one formula, for one sequence whose tokens stand at positions 0, 1, 2 and on, so
nothing here knows of caches, blocks or graphs. Weights are taken as stored (bf16, MXFP4) and
widened where they are used, experts one at a time. The model is openai/gpt-oss,
gpt_oss/torch/model.py. `torch.backends.cuda.matmul.allow_tf32` must be off, as it is unless
somebody turns it on.
"""

from __future__ import annotations

import torch
from msgspec import Struct
from torch import Tensor

from ossay.engine.shape import ModelShape

_CODES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # e2m1; bit 3 of a code is the sign


class Layer(Struct, frozen=True):
    """One layer as a checkpoint stores it, on the card; norms, biases and sinks in float32.

    `gate_up` and `down` are MXFP4: (blocks uint8 [E, rows, columns / 32, 16], scales uint8
    [E, rows, columns / 32]). The other fields are those of `ossay.engine.weights.LayerWeights`.
    """

    attention_norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor
    out: Tensor
    out_bias: Tensor
    sinks: Tensor
    mlp_norm: Tensor
    router: Tensor
    router_bias: Tensor
    gate_up: tuple[Tensor, Tensor]
    gate_up_bias: Tensor
    down: tuple[Tensor, Tensor]
    down_bias: Tensor


def random_layer(shape: ModelShape, random: torch.Generator) -> Layer:
    """Fresh weights that compute ordinary numbers: each product keeps a deviation near 1."""
    device = random.device
    wide = shape.heads * shape.head_dim

    def normal(*dims: int, deviation: float, mean: float = 0.0) -> Tensor:
        drawn = torch.empty(dims, device=device)
        return drawn.normal_(mean, deviation, generator=random)

    def matrix(*dims: int) -> Tensor:
        return normal(*dims, deviation=dims[-1] ** -0.5).to(torch.bfloat16)

    def vector(*dims: int, deviation: float = 0.1, mean: float = 0.0) -> Tensor:  # as bf16 has it
        return normal(*dims, deviation=deviation, mean=mean).to(torch.bfloat16).float()

    hidden, inner, experts = shape.hidden, shape.intermediate, shape.experts
    return Layer(
        attention_norm=vector(hidden, mean=1.0),
        qkv=matrix(shape.qkv_rows, hidden),
        qkv_bias=vector(shape.qkv_rows),
        out=matrix(hidden, wide),
        out_bias=vector(hidden),
        sinks=vector(shape.heads, deviation=1.0),
        mlp_norm=vector(hidden, mean=1.0),
        router=matrix(experts, hidden),
        router_bias=vector(experts),
        gate_up=random_mxfp4(experts, 2 * inner, hidden, 2.5, random),
        gate_up_bias=vector(experts, 2 * inner, deviation=0.5),
        down=random_mxfp4(experts, hidden, inner, 0.2, random),
        down_bias=vector(experts, hidden),
    )


def random_mxfp4(
    experts: int, rows: int, columns: int, gain: float, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """All codes as likely; two neighbouring scales, the lower one about gain / sqrt(columns)."""
    device = random.device
    groups = columns // 32
    blocks = torch.empty((experts, rows, groups, 16), dtype=torch.uint8, device=device)
    blocks.random_(0, 256, generator=random)
    unit = gain / columns**0.5 / (68.5 / 8) ** 0.5  # 68.5 / 8: the codes' mean square
    low = 127 + int(torch.tensor(unit).log2().floor())
    scales = torch.empty((experts, rows, groups), dtype=torch.uint8, device=device)
    scales.random_(low, low + 2, generator=random)
    return blocks, scales


def widen(stack: tuple[Tensor, Tensor], index: int, kind: torch.dtype) -> Tensor:
    """Matrix `index` of an MXFP4 stack, exactly: [rows, columns]. Low nibbles are even columns."""
    blocks, scales = (part[index] for part in stack)
    codes = torch.stack((blocks & 15, blocks >> 4), dim=-1).flatten(-2)  # [rows, groups, 32]
    table = torch.tensor(_CODES + tuple(-code for code in _CODES), dtype=kind, device=blocks.device)
    power = torch.exp2(scales.to(kind) - 127)
    return (table[codes.long()] * power[..., None]).flatten(-2)


def norm(x: Tensor, scale: Tensor, eps: float) -> Tensor:
    """RMSNorm of each row."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * scale.to(x)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """X weight^T + bias, in x's precision."""
    out = x @ weight.to(x).T
    return out if bias is None else out + bias.to(x)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x [n, heads, d] by angles [n, d / 2]; element i pairs with i + d / 2."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos[:, None].to(x), sin[:, None].to(x)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def heads(
    x: Tensor, layer: Layer, shape: ModelShape, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries [n, heads, d], keys and values [n, kv_heads, d] of x [n, H], turned."""
    normed = norm(x, layer.attention_norm, shape.norm_eps)
    joined = linear(normed, layer.qkv, layer.qkv_bias).unflatten(-1, (-1, shape.head_dim))
    queries, keys, values = joined.split((shape.heads, shape.kv_heads, shape.kv_heads), dim=1)
    return rotate(queries, cos, sin), rotate(keys, cos, sin), values


def attention(
    queries: Tensor, keys: Tensor, values: Tensor, sinks: Tensor, window: int, first: int = 0
) -> Tensor:
    """Mix values [t, kv_heads, d] for queries [n, heads, d] at positions first, first + 1, ...

    `window` 0: everything up to itself. Returns [n, heads, d]; one kv head at a time.
    """
    count, all_heads, width = queries.shape
    sharing = all_heads // keys.shape[1]
    at = torch.arange(first, first + count, device=queries.device)[:, None]
    seen = torch.arange(len(keys), device=queries.device)[None, :]
    hidden = (seen > at) | (seen <= at - window if window else seen < 0)
    mixed = torch.empty_like(queries)
    for head in range(all_heads):
        key, value = keys[:, head // sharing], values[:, head // sharing]
        scores = queries[:, head] @ key.T / width**0.5
        scores = scores.masked_fill(hidden, -torch.inf)
        sink = sinks[head].to(scores).expand(count, 1)  # one score more, whose share goes nowhere
        shares = torch.cat((scores, sink), dim=1).softmax(dim=1)
        mixed[:, head] = shares[:, :-1] @ value
    return mixed


def route(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` highest of [n, E] and their softmax; of equals the lower index."""
    best, chosen = scores.sort(dim=-1, descending=True, stable=True)
    return chosen[:, :count], best[:, :count].softmax(dim=-1)


def swiglu(x: Tensor, alpha: float, limit: float) -> Tensor:
    """Gate [n, 2 I], gates in even columns: (up + 1) * gate * sigmoid(alpha * gate)."""
    gate, up = x[:, 0::2].clamp(max=limit), x[:, 1::2].clamp(-limit, limit)
    return (up + 1) * gate * torch.sigmoid(alpha * gate)


def inner(x: Tensor, layer: Layer, shape: ModelShape, chosen: Tensor) -> Tensor:
    """What the chosen experts [n, k] make of normed x [n, H] before `down`: [n, k, I]."""
    out = x.new_empty((*chosen.shape, shape.intermediate))
    for index in chosen.unique().tolist():
        token, place = (chosen == index).nonzero(as_tuple=True)
        both = linear(x[token], widen(layer.gate_up, index, x.dtype), layer.gate_up_bias[index])
        out[token, place] = swiglu(both, shape.swiglu_alpha, shape.swiglu_limit)
    return out


def outer(hidden: Tensor, layer: Layer, chosen: Tensor, shares: Tensor) -> Tensor:
    """Add up [n, k, I] through `down` by the experts' shares: [n, H]."""
    out = hidden.new_zeros((len(hidden), layer.down_bias.shape[1]))
    for index in chosen.unique().tolist():
        token, place = (chosen == index).nonzero(as_tuple=True)
        answer = linear(
            hidden[token, place], widen(layer.down, index, hidden.dtype), layer.down_bias[index]
        )
        out.index_add_(0, token, answer * shares[token, place, None].to(answer))
    return out


def attend(
    x: Tensor, layer: Layer, shape: ModelShape, cos: Tensor, sin: Tensor, window: int
) -> Tensor:
    """X after the layer's attention."""
    queries, keys, values = heads(x, layer, shape, cos, sin)
    mixed = attention(queries, keys, values, layer.sinks, window)
    return x + linear(mixed.flatten(1), layer.out, layer.out_bias)


def experts(x: Tensor, layer: Layer, shape: ModelShape) -> Tensor:
    """X after the layer's mixture of experts."""
    normed = norm(x, layer.mlp_norm, shape.norm_eps)
    chosen, shares = route(linear(normed, layer.router, layer.router_bias), shape.experts_per_token)
    return x + outer(inner(normed, layer, shape, chosen), layer, chosen, shares)


def error(out: Tensor, right: Tensor) -> float:
    """||out - right|| / ||right||; NaN or infinity in `out` gives NaN or infinity."""
    return float((out.double() - right.double()).norm() / right.double().norm())
