"""One step's work: tokens of several sequences laid end to end, and where their keys live.

Knows nothing of why these sequences were chosen (`scheduler`) or of what the numbers become.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

BLOCK = 32  # positions in a block of the KV cache

I32 = NDArray[np.int32]


class Batch(Struct, frozen=True):
    """n tokens of s sequences; sequence i owns tokens[starts[i]:starts[i + 1]].

    Attributes:
        tokens: int32 [n].
        positions: int32 [n]; within one sequence they count up by one. All keys and values of
            earlier positions that a token can see are in the cache already, or in this batch.
        starts: int32 [s + 1].
        full_blocks: int32 [s, b]: position p of sequence i is in block full_blocks[i, p // BLOCK],
            at offset p % BLOCK, in the layers that see everything.
        sliding_blocks: int32 [s, b]: the same for sliding layers; -1 where the window has passed.
        wanted: int32 [m], ascending: the tokens whose logits are asked for.
    """

    tokens: I32
    positions: I32
    starts: I32
    full_blocks: I32
    sliding_blocks: I32
    wanted: I32
