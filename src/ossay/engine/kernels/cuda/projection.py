"""The dense matrices of a gpt-oss layer and of the model's end on the GPU.

Up to FEW tokens a product is one Triton kernel with all that stands around it (`product`); more go
through cuBLAS, whose float32 sums are not rounded on the way. Which of the two depends on sizes
alone, so each call can be captured in a CUDA graph. Tensors are contiguous and on one device.
Knows nothing of attention, experts or of where weights come from.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ossay.engine.kernels.cuda import hidden, product, rotation
from ossay.engine.kernels.cuda.hidden import embed, norm
from ossay.engine.kernels.cuda.product import FEW

__all__ = ["FEW", "embed", "norm", "out", "qkv", "unembed"]


def qkv(
    x: Tensor,
    scale: Tensor,
    eps: float,
    weight: Tensor,
    bias: Tensor,
    cos: Tensor,
    sin: Tensor,
    positions: Tensor,
    where: Tensor,
    q: Tensor,
    keys: Tensor,
    values: Tensor,
) -> None:
    """Norm, queries, keys and values, RoPE; write the queries to q, the rest to the cache.

    Args:
        x: Hidden state, float32 [n, H].
        scale: The norm's, float32 [H].
        eps: The norm's.
        weight: bf16 [(heads + 2 kv_heads) d, H]: queries, keys, values.
        bias: float32, as many as rows of the weight.
        cos: float32 [positions, d / 2], by position.
        sin: As cos.
        positions: int32 [n].
        where: int32 [n]: each token's slot in the pool, block * BLOCK + offset. Of tokens with one
            slot any may win.
        q: bf16 [n, heads, d], written.
        keys: One layer's pool, bf16 [blocks, kv_heads, BLOCK, d], written at `where`.
        values: As keys.

    More than FEW tokens take n (2 H + 4 rows) bytes besides.
    """
    rest = (bias, cos, sin, positions, where, q, keys, values)
    if len(x) <= FEW:
        product.qkv_few(x, scale, eps, weight, *rest)
    else:
        rotation.turn(_float32(hidden.normed(x, scale, eps), weight), *rest)


def out(a: Tensor, weight: Tensor, bias: Tensor, x: Tensor) -> None:
    """Add a @ weight.T + bias to x in place.

    a is bf16 [n, heads d], weight bf16 [H, heads d], bias float32 [H], x float32 [n, H]. More than
    FEW tokens take 4 n H bytes besides.
    """
    if len(x) <= FEW:
        product.out_few(a, weight, bias, x)
    else:
        hidden.add(_float32(a, weight), bias, x)


def unembed(x: Tensor, scale: Tensor, eps: float, weight: Tensor, logits: Tensor) -> None:
    """Write norm(x) @ weight.T to logits, float32 [m, V].

    x is float32 [m, H], scale float32 [H], weight bf16 [V, H]. More than FEW rows take 2 m H bytes
    besides.
    """
    if len(x) <= FEW:
        product.unembed_few(x, scale, eps, weight, logits)
    else:
        _float32(hidden.normed(x, scale, eps), weight, logits)


def _float32(a: Tensor, weight: Tensor, into: Tensor | None = None) -> Tensor:
    """Return a @ weight.T, bf16 both, with float32 sums that are not rounded."""
    if a.device.type == "cpu":  # torch has this product on CUDA only
        return torch.mm(a.float(), weight.float().T, out=into)
    if into is None:
        return torch.mm(a, weight.T, out_dtype=torch.float32)
    return torch.mm(a, weight.T, out_dtype=torch.float32, out=into)
