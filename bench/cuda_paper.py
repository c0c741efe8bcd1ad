"""Bytes and operations of each part of a step on paper, and what they should take on an H200.

A part is what one kernel does, or a few that belong together: `qkv` (norm, product, bias, RoPE,
cache), `attention`, `out` (product, bias, residual), `router` (norm, scores), `gate_up` (product,
SwiGLU), `down` (product, shares, residual); once a step `embed`, `unembed`, `sample`. `last` is the
last layer's experts where fewer tokens go through them than through the step. Each input counts
once, each output once. Parts that only some plans have (`choose`, `group`, `add`) cost nothing in
the limit. Predictions are guesses with named assumptions, made before anything was timed. Pure
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ossay.engine.shape import ModelShape
from ossay.engine.speed import experts_hit

_MXFP4 = 17 / 32  # bytes a weight
_BF16, _FLOAT = 2, 4


class Assumed(Struct, frozen=True):
    """What predictions rest on; the first two were measured on an H200, the rest is assumed.

    Attributes:
        copy: Bytes a second of a device-to-device copy, read and written.
        product: bf16 operations a second of cuBLAS, 8192 cubed.
        launch: Seconds from one kernel to the next in a CUDA graph, start and drain included.
        streaming: Share of `copy` at which a kernel reads weights while it runs.
        dense, grouped, mixing: Share of `product` for cuBLAS at 2,048 tokens, for the experts'
            grouped product with its dequantisation, and for attention.
    """

    copy: float = 4.3e12
    product: float = 790e12
    launch: float = 1.8e-6
    streaming: float = 0.80
    dense: float = 0.70
    grouped: float = 0.40
    mixing: float = 0.30

    def efficiency(self, part: str) -> float:
        """The share of `product` that is assumed for a part."""
        if part in ("gate_up", "down"):
            return self.grouped
        return self.mixing if part == "attention" else self.dense


ASSUMED = Assumed()


class Cost(Struct, frozen=True):
    """What a part must read and write, in bytes, and compute (a multiply-add is two)."""

    bytes: float
    operations: float


NOTHING = Cost(0, 0)


class Load(Struct, frozen=True):
    """A step: `tokens` of `sequences`, each sequence `context` long with this step's tokens.

    `wanted`: tokens whose logits are asked for.
    """

    tokens: int
    sequences: int
    context: int
    wanted: int


def decode(sequences: int, context: int = 128) -> Load:
    """One token of each sequence."""
    return Load(sequences, sequences, context, sequences)


def prefill(tokens: int) -> Load:
    """One prompt from its start, logits of its last token."""
    return Load(tokens, 1, tokens, 1)


def layer_costs(shape: ModelShape, load: Load, sliding: bool) -> dict[str, Cost]:
    """Each part of one layer."""
    n, hidden, width = load.tokens, shape.hidden, shape.heads * shape.head_dim
    inner, k = shape.intermediate, shape.experts_per_token
    hit = experts_hit(shape, n)
    state = n * hidden * _FLOAT
    pairs, keys = seen(shape, load, sliding)
    key_bytes = keys * 2 * shape.kv_heads * shape.head_dim * _BF16
    return {
        "qkv": _product(n, shape.qkv_rows, hidden, state + n * shape.qkv_rows * _BF16),
        "attention": Cost(key_bytes + 2 * n * width * _BF16, 4 * pairs * width),
        "out": _product(n, hidden, width, n * width * _BF16 + 2 * state),
        "router": _product(n, shape.experts, hidden, state + n * shape.experts * _FLOAT),
        "gate_up": Cost(
            hit * 2 * inner * (hidden * _MXFP4 + _FLOAT) + state + n * k * inner * _BF16,
            2 * n * k * 2 * inner * hidden,
        ),
        "down": Cost(
            hit * hidden * (inner * _MXFP4 + _FLOAT) + n * k * inner * _BF16 + 2 * state,
            2 * n * k * inner * hidden,
        ),
    }


def edge_costs(shape: ModelShape, load: Load) -> dict[str, Cost]:
    """Each part that comes once a step."""
    n, m, hidden = load.tokens, load.wanted, shape.hidden
    logits = m * shape.vocab * _FLOAT
    matrix = _product(m, shape.vocab, hidden, m * hidden * _FLOAT + logits)
    return {
        "embed": Cost(n * hidden * (_BF16 + _FLOAT), 0),
        "unembed": Cost(matrix.bytes - shape.vocab * _FLOAT, matrix.operations),  # has no bias
        "sample": Cost(logits, 0),
    }


def seen(shape: ModelShape, load: Load, sliding: bool) -> tuple[float, float]:
    """(Query, key) pairs of one layer, and positions whose keys are read, each once."""
    each = load.tokens // load.sequences
    first = load.context - each
    window = shape.window if sliding else load.context
    pairs = sum(min(position + 1, window) for position in range(first, load.context))
    return load.sequences * pairs, load.sequences * min(load.context, each + window - 1)


def step_costs(shape: ModelShape, load: Load) -> dict[str, Cost]:
    """Each part over the whole step; in the last layer only wanted tokens meet the experts."""
    totals: dict[str, Cost] = {}
    for index, sliding in enumerate(shape.sliding):
        costs = layer_costs(shape, load, sliding)
        if index == shape.layers - 1 and load.wanted < load.tokens:
            few = layer_costs(shape, Load(load.wanted, load.wanted, 1, load.wanted), sliding)
            for part in ("router", "gate_up", "down"):
                del costs[part]
                costs["last"] = add(costs.get("last", NOTHING), few[part])
        for part, cost in costs.items():
            totals[part] = add(totals.get(part, NOTHING), cost)
    return {**totals, **edge_costs(shape, load)}


def between(shape: ModelShape, load: Load) -> dict[str, Cost]:
    """What many tokens' expert products pass on through memory: answers written, read, added."""
    pairs = load.tokens * shape.experts_per_token * shape.layers
    return {"add": Cost((2 * pairs + 2 * load.tokens) * shape.hidden * _FLOAT, 0)}


def limit_seconds(shape: ModelShape, load: Load, copy: float, product: float) -> float:
    """The least time for a step: each part by what bounds it, at both ceilings, no launches."""
    return sum(
        max(cost.bytes / copy, cost.operations / product)
        for cost in step_costs(shape, load).values()
    )


def predicted(part: str, cost: Cost, launches: float, assumed: Assumed = ASSUMED) -> float:
    """Seconds for a part: reading or computing, whichever takes longer, and its launches."""
    reading = cost.bytes / (assumed.copy * assumed.streaming)
    computing = cost.operations / (assumed.product * assumed.efficiency(part))
    return max(reading, computing) + launches * assumed.launch


def predicted_step(
    costs: Mapping[str, Cost], launches: Mapping[str, float], assumed: Assumed = ASSUMED
) -> dict[str, float]:
    """Seconds of each part that is launched at all; `launches` are those of the whole step."""
    return {
        part: predicted(part, costs.get(part, NOTHING), count, assumed)
        for part, count in launches.items()
    }


def _product(n: int, rows: int, columns: int, beside: float) -> Cost:
    """A bf16 matrix with a float32 bias, `beside` bytes of activations."""
    return Cost(rows * (columns * _BF16 + _FLOAT) + beside, 2 * n * rows * columns)


def add(one: Cost, other: Cost) -> Cost:
    """Both together."""
    return Cost(one.bytes + other.bytes, one.operations + other.operations)
