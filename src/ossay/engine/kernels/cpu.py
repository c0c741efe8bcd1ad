"""The fast backend: C++ in csrc/, for AVX-512, AVX2 or any machine, chosen when it runs.

`exact` multiplies weights as they are stored with float32. `int8` keeps weights outside the experts
in 8 bits with a scale per 32, and rounds what it multiplies them with likewise; its cache holds
half precision. A token's result does not depend on what else is in its batch.

Knows nothing of sequences or sampling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ossay.core.cores import physical_cores
from ossay.core.errors import EnvironmentDefect, UsageError
from ossay.engine.batch import BLOCK, I32, Batch
from ossay.engine.rope import tables
from ossay.engine.shape import ModelShape
from ossay.engine.weights import F32, LayerWeights, Mxfp4, to_float32

if TYPE_CHECKING:
    from ossay.engine.checkpoint import Checkpoint
    from ossay.engine.kernels import _cpu

Precision = Literal["exact", "int8"]

_MOST_THREADS = 1024  # a system that refuses a thread would take the process down
_MXFP4_BYTES = 17 / 32
_DENSE_BYTES: dict[str, float] = {"exact": 2.0, "int8": 34 / 32}  # int8 has a bf16 scale per 32


def available() -> bool:
    """Whether the extension was built and loads here."""
    return missing() == ""


def missing() -> str:
    """Why the fast kernels cannot be used, with the next step; '' where they can."""
    try:
        from ossay.engine.kernels import _cpu  # noqa: F401  whether it loads is what is asked
    except ImportError as error:
        if "cannot import name" not in str(error):  # built, but does not load here
            return f"{error}; install ossay again on this machine"
        return "they were not built; with a C++20 compiler (g++ 11 or newer), install ossay again"
    return ""


def instruction_set() -> str:
    """Return what the kernels compute with: 'avx512vnni', 'avx2' or 'portable'."""
    from ossay.engine.kernels import _cpu

    return _cpu.instruction_set()


def packed_bytes(shape: ModelShape, precision: Precision) -> int:
    """Bytes of memory that a model takes once loaded, without cache; the embedding stays on disk.

    For experts in MXFP4. Within 2 % for shapes of real size.
    """
    _check_precision(precision)
    width = shape.heads * shape.head_dim
    dense = shape.layers * shape.hidden * (shape.qkv_rows + width) + shape.vocab * shape.hidden
    router = 2 * shape.layers * shape.experts * shape.hidden
    experts = shape.layers * shape.experts * 3 * shape.hidden * shape.intermediate
    return int(dense * _DENSE_BYTES[precision] + router + experts * _MXFP4_BYTES)


class Hidden:
    """The hidden state of a batch: float32 [n, hidden], and the batch as the kernels take it."""

    def __init__(self, values: F32, step: _cpu.Step | None) -> None:
        self.values = values
        self.step = step


class Cpu:
    """`Kernels` on this machine's cores.

    Args:
        shape: The model's.
        checkpoint: Read layer by layer; its pages are given back as it goes. The embedding stays a
            view of the file, of which only the rows asked for are read.
        precision: See the module.
        threads: By default one for each physical core that this process may use.
    """

    def __init__(
        self,
        shape: ModelShape,
        checkpoint: Checkpoint,
        precision: Precision = "exact",
        threads: int | None = None,
    ) -> None:
        _check_precision(precision)
        if why := missing():
            raise EnvironmentDefect(f"the fast kernels are missing: {why}")
        if threads is not None and not 1 <= threads <= _MOST_THREADS:
            raise UsageError(f"threads={threads!r} must be from 1 to {_MOST_THREADS}")
        from ossay.engine.kernels import _cpu

        self.shape = shape
        self.precision = precision
        self.threads = threads or physical_cores()
        self._native = _cpu
        self._model = _cpu.Model(shape, precision, self.threads)
        for layer in range(shape.layers):
            self._model.add_layer(shape.sliding[layer], _in_order(checkpoint.layer(layer)))
        edges = checkpoint.edges()
        self._embedding = edges.embedding
        self._model.set_edges(edges.norm, _usable(edges.unembedding))
        checkpoint.release()

    @property
    def instruction_set(self) -> str:
        """What the kernels compute with now."""
        return self._native.instruction_set()

    def new_cache(self, full_blocks: int, sliding_blocks: int) -> _cpu.Cache:
        """Make room for keys and values; float32 in exact, half precision in int8."""
        return self._model.new_cache(full_blocks, sliding_blocks)

    def cache_bytes(self, full_blocks: int, sliding_blocks: int) -> int:
        """Bytes that `new_cache` would take."""
        shape = self.shape
        sliding = sum(shape.sliding[: shape.layers])
        width = -(-shape.head_dim // 16) * 16  # rows of values are filled up to whole registers
        block = shape.kv_heads * BLOCK * (shape.head_dim + width)
        count = sliding * sliding_blocks + (shape.layers - sliding) * full_blocks
        return count * block * (2 if self.precision == "int8" else 4)

    def embed(self, batch: Batch) -> Hidden:
        """Look up the tokens, and check the batch once for all layers."""
        if batch.tokens.size and not 0 <= batch.tokens.min() <= batch.tokens.max() < (
            self.shape.vocab
        ):
            raise ValueError(f"a token outside the vocabulary of {self.shape.vocab}")
        cos, sin = tables(self.shape.rope, self.shape.head_dim, batch.positions)
        step = self._native.Step(
            _usable(batch.positions),
            _usable(batch.starts),
            _usable(batch.full_blocks),
            _usable(batch.sliding_blocks),
            cos,
            sin,
        )
        return Hidden(to_float32(self._embedding[batch.tokens]), step)

    def attend(self, layer: int, x: Hidden, batch: Batch, cache: _cpu.Cache) -> None:
        """Add the layer's attention to x, in place; write its keys and values to the cache."""
        if x.step is None:
            raise ValueError("attend takes what embed gave, not some of its rows")
        self._model.attend(layer, x.values, x.step, cache)

    def rows(self, x: Hidden, wanted: I32) -> Hidden:
        """Return x[wanted]."""
        return Hidden(x.values[wanted], None)

    def experts(self, layer: int, x: Hidden) -> None:
        """Add the layer's mixture of experts to x, in place."""
        self._model.experts(layer, x.values)

    def logits(self, x: Hidden) -> F32:
        """Norm and unembed: float32 [rows of x, vocab]; a row that overflowed is NaN throughout."""
        out = np.empty((len(x.values), self.shape.vocab), np.float32)
        self._model.logits(x.values, out)
        # Rounding to 8 bits turns NaN into numbers; here it is still to be seen.
        out[~np.isfinite(x.values).all(axis=1)] = np.nan
        return out


def _check_precision(precision: str) -> None:
    if precision not in _DENSE_BYTES:
        raise UsageError(f"no precision {precision!r}; known: {', '.join(_DENSE_BYTES)}")


def _usable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array as the kernels take it: aligned, in C order; copied only where it is not."""
    return np.require(array, requirements=["C", "A"])


def _in_order(weights: LayerWeights) -> LayerWeights:
    parts: dict[str, Any] = {}
    for name in weights.__struct_fields__:
        part = getattr(weights, name)
        if isinstance(part, Mxfp4):
            parts[name] = Mxfp4(_usable(part.blocks), _usable(part.scales))
        else:
            parts[name] = _usable(part)
    return LayerWeights(**parts)
