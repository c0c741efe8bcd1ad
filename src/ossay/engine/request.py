"""What is refused before any arithmetic: prompts and limits that cannot be served.

Knows nothing of what runs already; sampling's values are checked by `sampling`, schemas by
`constraint`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ossay.engine.errors import RequestError
from ossay.engine.sampling import Sampler, Sampling
from ossay.engine.sequence import Sequence
from ossay.engine.shape import ModelShape


def checked_tokens(token_ids: ArrayLike, vocab: int) -> list[int]:
    """Return the ids as integers; raises RequestError empty_prompt or bad_token."""
    try:
        ids = np.asarray(token_ids)
    except (ValueError, OverflowError) as error:
        raise RequestError("bad_token", f"these are no token ids: {error}") from error
    if ids.size == 0:
        raise RequestError("empty_prompt", "the prompt has no tokens; give at least one")
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise RequestError(
            "bad_token",
            f"token ids must be a flat list of integers, not {ids.dtype} of shape {ids.shape}",
        )
    wrong = np.flatnonzero((ids < 0) | (ids >= vocab))
    if len(wrong):
        at = int(wrong[0])
        raise RequestError(
            "bad_token",
            f"token {int(ids[at])!r} at position {at} is outside the vocabulary: ids go from 0 "
            f"to {vocab - 1}",
        )
    return [int(token) for token in ids]


def to_generate(
    token_ids: ArrayLike, sampling: Sampling, shape: ModelShape, context: int
) -> Sequence:
    """Return the sequence of a request; its number is set when it is queued."""
    sampling.check(shape.vocab)
    tokens = checked_tokens(token_ids, shape.vocab)
    wanted = sampling.max_tokens or 1
    if len(tokens) + wanted > context:
        raise RequestError(
            "context_overflow",
            f"a prompt of {len(tokens)} tokens and {wanted} to generate do not fit the context of "
            f"{context}; shorten the prompt, lower max_tokens, or load with a larger context",
        )
    limit = len(tokens) + sampling.max_tokens if sampling.max_tokens else context
    return Sequence(0, tokens, limit, Sampler(sampling, tokens, shape.stop_tokens))


def to_score(token_ids: ArrayLike, shape: ModelShape, context: int) -> Sequence:
    """Return the sequence of a request for logits only."""
    tokens = checked_tokens(token_ids, shape.vocab)
    if len(tokens) > context:
        raise RequestError(
            "context_overflow",
            f"{len(tokens)} tokens do not fit the context of {context}; shorten the prompt, or "
            "load with a larger context",
        )
    return Sequence(0, tokens, len(tokens))
