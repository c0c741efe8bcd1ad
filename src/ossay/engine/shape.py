"""The shape of a gpt-oss model: every number that its arithmetic depends on.

Knows nothing of files; `config` reads it from both formats of config.json.
"""

from __future__ import annotations

from msgspec import Struct


class Rope(Struct, frozen=True):
    """Rotary embedding with YaRN (arXiv 2309.00071), half-split as in NeoX.

    `truncate` floors and ceils the ramp's ends; gpt-oss does not. `factor` 1 means no YaRN.
    """

    theta: float = 150_000.0
    factor: float = 32.0
    original_context: int = 4096
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = False


class ModelShape(Struct, frozen=True):
    """What a gpt-oss model looks like. `sliding[i]`: layer i sees `window` positions only.

    A query at i sees keys j with i - window < j <= i. `hidden` and `intermediate` are multiples of
    32, `heads` a multiple of `kv_heads`, `head_dim` even.
    """

    layers: int
    hidden: int
    intermediate: int
    experts: int
    experts_per_token: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    window: int
    sliding: tuple[bool, ...]
    rope: Rope = Rope()
    max_positions: int = 131_072
    norm_eps: float = 1e-5
    swiglu_alpha: float = 1.702
    swiglu_limit: float = 7.0
    stop_tokens: tuple[int, ...] = (200_002, 199_999, 200_012)

    @property
    def qkv_rows(self) -> int:
        """Rows of the fused query, key, value matrix."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim
