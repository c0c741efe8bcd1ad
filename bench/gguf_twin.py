"""The GGUF twin of a gpt-oss checkpoint: the same weights, for llama.cpp.

    python bench/gguf_twin.py CHECKPOINT_DIR OUT.gguf

Experts keep their MXFP4 values, in ggml's order of nibbles; attention, embedding and unembedding
become Q8_0; norms, biases, sinks and the router float32: the types of the published gpt-oss files.
The tokenizer is made of dummies, so prompts must be token ids. A layer is in memory at a time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gguf_file as gguf
from ossay.engine.checkpoint import Checkpoint, open_checkpoint
from ossay.engine.shape import ModelShape
from ossay.engine.weights import LayerWeights, Mxfp4, to_float32

ARCH = "gpt-oss"
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6  # llama.cpp's kinds of token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    write_gguf(open_checkpoint(given.checkpoint), given.out)


def write_gguf(checkpoint: Checkpoint, path: Path) -> None:
    """Write the twin. Raises `ValueError` for a model that the format has no place for."""
    shape = checkpoint.shape
    tensors = list(_edges(checkpoint, shape))
    for index in range(shape.layers):
        tensors += _Layer(checkpoint, index).tensors()
    gguf.write(path, metadata(shape), tensors)


def metadata(shape: ModelShape) -> dict[str, Any]:
    """The keys that llama.cpp reads for this architecture (src/llama-arch.cpp)."""
    keys: dict[str, Any] = {
        "block_count": shape.layers,
        "context_length": shape.max_positions,
        "embedding_length": shape.hidden,
        "feed_forward_length": shape.intermediate,
        "expert_feed_forward_length": shape.intermediate,
        "expert_count": shape.experts,
        "expert_used_count": shape.experts_per_token,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads,
        "attention.key_length": shape.head_dim,
        "attention.value_length": shape.head_dim,
        "attention.layer_norm_rms_epsilon": shape.norm_eps,
        "attention.sliding_window": shape.window,
        "attention.sliding_window_pattern": list(shape.sliding),
        "rope.freq_base": shape.rope.theta,
        **_rope_scaling(shape),
    }
    return {
        "general.architecture": ARCH,
        "general.name": "random weights",
        **{f"{ARCH}.{key}": value for key, value in keys.items()},
        **_tokenizer(shape.vocab),
    }


def _rope_scaling(shape: ModelShape) -> dict[str, Any]:
    """YaRN's keys. llama.cpp always floors and ceils the ramp's ends; gpt-oss itself does not."""
    if shape.rope.factor == 1:
        return {"rope.scaling.type": "none"}
    return {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": shape.rope.factor,
        "rope.scaling.original_context_length": shape.rope.original_context,
        "rope.scaling.yarn_beta_fast": shape.rope.beta_fast,
        "rope.scaling.yarn_beta_slow": shape.rope.beta_slow,
    }


def _tokenizer(vocab: int) -> dict[str, Any]:
    """A SentencePiece table of dummies; the 256 bytes must be there."""
    if vocab < 260:
        raise ValueError(f"a vocabulary of {vocab} tokens has no room for the 256 bytes")
    rest = vocab - 259
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>"]
        + [f"<0x{byte:02X}>" for byte in range(256)]
        + [f"t{index}" for index in range(rest)],
        "tokenizer.ggml.scores": [0.0] * 259 + [-float(index) for index in range(rest)],
        "tokenizer.ggml.token_type": [_UNKNOWN, _CONTROL, _CONTROL]
        + [_BYTE] * 256
        + [_NORMAL] * rest,
        "tokenizer.ggml.add_bos_token": False,
    }


def _edges(checkpoint: Checkpoint, shape: ModelShape) -> Iterator[gguf.Tensor]:
    matrix = (shape.vocab, shape.hidden)
    yield gguf.Tensor(
        "token_embd.weight",
        "Q8_0",
        matrix,
        lambda: gguf.q8_0(checkpoint.edges().embedding, to_float32),
    )
    yield gguf.Tensor(
        "output_norm.weight", "F32", (shape.hidden,), lambda: [checkpoint.edges().norm]
    )
    yield gguf.Tensor(
        "output.weight",
        "Q8_0",
        matrix,
        lambda: gguf.q8_0(checkpoint.edges().unembedding, to_float32),
    )


class _Layer:
    """One layer's tensors; its weights are read at the first and dropped after the last."""

    def __init__(self, checkpoint: Checkpoint, index: int) -> None:
        self._checkpoint = checkpoint
        self._index = index
        self._weights: LayerWeights | None = None

    def tensors(self) -> list[gguf.Tensor]:
        """Name all of them, with pieces that are made when asked."""
        shape = self._checkpoint.shape
        hidden, inner, experts = shape.hidden, shape.intermediate, shape.experts
        queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        q, k = slice(0, queries), slice(queries, queries + keys)
        v = slice(queries + keys, queries + 2 * keys)
        up, down = (experts, inner, hidden), (experts, hidden, inner)
        return [
            self._q8_0("attn_q", (queries, hidden), lambda w: w.qkv[q]),
            self._q8_0("attn_k", (keys, hidden), lambda w: w.qkv[k]),
            self._q8_0("attn_v", (keys, hidden), lambda w: w.qkv[v]),
            self._q8_0("attn_output", (hidden, queries), lambda w: w.out),
            self._f32("attn_norm.weight", (hidden,), lambda w: w.attention_norm),
            self._f32("post_attention_norm.weight", (hidden,), lambda w: w.mlp_norm),
            self._f32("attn_q.bias", (queries,), lambda w: w.qkv_bias[q]),
            self._f32("attn_k.bias", (keys,), lambda w: w.qkv_bias[k]),
            self._f32("attn_v.bias", (keys,), lambda w: w.qkv_bias[v]),
            self._f32("attn_output.bias", (hidden,), lambda w: w.out_bias),
            self._f32("attn_sinks.weight", (shape.heads,), lambda w: w.sinks),
            self._f32("ffn_gate_inp.weight", (experts, hidden), lambda w: to_float32(w.router)),
            self._f32("ffn_gate_inp.bias", (experts,), lambda w: w.router_bias),
            self._f32("ffn_gate_exps.bias", up[:2], lambda w: w.gate_up_bias[:, 0::2]),
            self._f32("ffn_up_exps.bias", up[:2], lambda w: w.gate_up_bias[:, 1::2]),
            self._f32("ffn_down_exps.bias", down[:2], lambda w: w.down_bias),
            self._mxfp4("ffn_gate_exps", up, lambda w: _rows(w.gate_up, slice(0, None, 2))),
            self._mxfp4("ffn_up_exps", up, lambda w: _rows(w.gate_up, slice(1, None, 2))),
            self._mxfp4("ffn_down_exps", down, lambda w: _rows(w.down, slice(None)), last=True),
        ]

    def _read(self) -> LayerWeights:
        self._weights = self._weights or self._checkpoint.layer(self._index)
        return self._weights

    def _q8_0(self, name: str, shape: tuple[int, ...], part: Any) -> gguf.Tensor:
        return gguf.Tensor(
            f"blk.{self._index}.{name}.weight",
            "Q8_0",
            shape,
            lambda: gguf.q8_0(part(self._read()), to_float32),
        )

    def _f32(self, name: str, shape: tuple[int, ...], part: Any) -> gguf.Tensor:
        return gguf.Tensor(
            f"blk.{self._index}.{name}",
            "F32",
            shape,
            lambda: [np.ascontiguousarray(part(self._read()), np.float32)],
        )

    def _mxfp4(
        self, name: str, shape: tuple[int, ...], part: Any, last: bool = False
    ) -> gguf.Tensor:
        def pieces() -> Iterator[NDArray[np.uint8]]:
            yield from gguf.mxfp4(*part(self._read()))
            if last:
                self._weights = None

        return gguf.Tensor(f"blk.{self._index}.{name}.weight", "MXFP4", shape, pieces)


def _rows(experts: Any, which: slice) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    if not isinstance(experts, Mxfp4):
        raise ValueError("the experts of this checkpoint hold values that are not MXFP4's")  # noqa: TRY004
    return experts.blocks[:, which], experts.scales[:, which]


if __name__ == "__main__":
    main()
