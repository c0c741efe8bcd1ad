"""Chance that nobody can foresee, at the price of a pseudo-random number.

The system's own randomness costs a call into it each time; here a call fetches a block. Knows
nothing of what is drawn.
"""

from __future__ import annotations

import os
import random

_BLOCK = 4096  # bytes
_FLOAT_BITS = 53


class Unforeseen(random.SystemRandom):
    """As `random.SystemRandom`. A process that forks shares none of it with its child."""

    def __init__(self) -> None:
        super().__init__()
        self._block = b""
        self._at = 0
        self._owner = 0

    def random(self) -> float:
        """From 0 to below 1."""
        return self.getrandbits(_FLOAT_BITS) * 2.0**-_FLOAT_BITS

    def getrandbits(self, k: int) -> int:
        """An integer of `k` random bits."""
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        size = (k + 7) // 8
        end = self._at + size
        if end > len(self._block) or self._owner != os.getpid():
            self._block, self._owner, end = os.urandom(max(_BLOCK, size)), os.getpid(), size
        taken = self._block[end - size : end]
        self._at = end
        return int.from_bytes(taken, "big") >> (size * 8 - k)
