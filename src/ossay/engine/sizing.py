"""How large a cache, and what an engine may then hold at once: arithmetic on bytes and blocks.

Knows nothing of files, or of how much memory there is.
"""

from __future__ import annotations

from ossay.core.errors import UsageError
from ossay.engine.batch import BLOCK
from ossay.engine.cache import blocks_for
from ossay.engine.engine import Sizes
from ossay.engine.kernels import Kernels
from ossay.engine.shape import ModelShape


def sizes_for(
    kernels: Kernels,
    budget: int,
    *,
    context: int | None = None,
    max_sequences: int = 16,
    step_tokens: int = 512,
    beside_tokens: int = 64,
    reuse: bool = True,
) -> Sizes:
    """Work out the largest cache within `budget` bytes that `max_sequences` could ever fill.

    Raises UsageError where one sequence of `context` tokens does not fit.
    """
    shape = kernels.shape
    wanted = _context(shape, context)
    step_tokens = max(step_tokens, max_sequences + BLOCK)
    live = max_sequences * (blocks_for(shape.window) + 2) + blocks_for(step_tokens)

    def sliding(full: int) -> int:  # of what full layers keep, the ends of a quarter
        return live + (full // 4 if reuse else 0)

    low, high = 0, blocks_for(wanted) * max_sequences
    while low < high:
        middle = (low + high + 1) // 2
        if kernels.cache_bytes(middle, sliding(middle)) <= budget:
            low = middle
        else:
            high = middle - 1
    if low == 0 or (context is not None and low < blocks_for(wanted)):
        least = blocks_for(wanted if context is not None else 1)
        need = kernels.cache_bytes(least, sliding(least))
        raise UsageError(
            f"one sequence of {least * BLOCK} tokens needs {gb(need)} of cache for keys and "
            f"values, and {gb(budget)} is set aside; lower context or max_sequences, or raise "
            "cache_bytes"
        )
    return Sizes(
        context=min(wanted, low * BLOCK),
        full_blocks=low,
        sliding_blocks=sliding(low),
        max_sequences=max_sequences,
        step_tokens=step_tokens,
        beside_tokens=beside_tokens,
        prefix_cache=reuse,
    )


def most_sequences(backend: str) -> int:
    """Return how many run at once where nothing is said."""
    return 64 if backend == "cuda" else 16


def _context(shape: ModelShape, context: int | None) -> int:
    if context is None:
        return shape.max_positions
    if not 2 <= context <= shape.max_positions:
        raise UsageError(
            f"context={context!r} must be from 2 to {shape.max_positions}, the most that the model "
            "was made for"
        )
    return context


def gb(count: int) -> str:
    """Write bytes as people say them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
