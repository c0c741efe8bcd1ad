"""How tokens are chosen, from the request's words to the engine's.

Knows nothing of who chooses them.
"""

from __future__ import annotations

from ossay.core.types import Sampling as Asked
from ossay.engine import Sampling


def engine_sampling(asked: Asked) -> Sampling:
    """Translate; what is not said is as OpenAI has it: temperature 1, everything else off."""
    return Sampling(
        temperature=1.0 if asked.temperature is None else asked.temperature,
        top_p=1.0 if asked.top_p is None else max(asked.top_p, 1e-6),  # 0 keeps the best alone
        top_k=max(asked.top_k or 0, 0),  # -1 means off, as other servers have it
        min_p=asked.min_p or 0.0,
        presence_penalty=asked.presence_penalty or 0.0,
        frequency_penalty=asked.frequency_penalty or 0.0,
        seed=None if asked.seed is None else asked.seed % 2**64,  # the wire allows negative ones
        max_tokens=asked.max_tokens,
    )
