"""What every check of a GPU kernel needs: a layer of random weights, random inputs, poison.

Bounds follow from bf16: rounding to nearest costs a number at most 2^-8, and 1.7e-3 in the root
mean square. A product of which one factor and the result are rounded is off by 2.4e-3 and held to
3e-3, two in a row to 6e-3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor

import cuda_reference as plain
from cuda_inputs import pack
from ossay.engine import rope
from ossay.engine.shape import ModelShape

BF16, F64 = torch.bfloat16, torch.float64
ONE, TWO = 3e-3, 6e-3  # bounds: a product, two in a row
SCORES = 1e-4  # of the router, which rounds nothing to 8 bits


class Check(Struct, frozen=True):
    """One comparison. `error` NaN: something was not written."""

    what: str
    error: float
    bound: float
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is a number within the bound."""
        return self.error <= self.bound


class Bench:
    """One layer of random weights, as stored and as the kernels take it, and random inputs."""

    def __init__(self, shape: ModelShape, seed: int, device: str) -> None:
        self.shape = shape
        self.device = device
        self.random = torch.Generator(device).manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.stored = plain.random_layer(shape, self.random)
        self.layer = pack(self.stored)
        self.positions = 4096 if shape.hidden > 512 else 256
        angles = rope.tables(shape.rope, shape.head_dim, np.arange(self.positions))
        self.cos, self.sin = (torch.from_numpy(table).to(device) for table in angles)

    def normal(self, *dims: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Random numbers that bf16 holds, where that is the type."""
        drawn = torch.empty(dims, device=self.device).normal_(generator=self.random)
        return drawn.to(dtype)

    def poison(self, *dims: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """A tensor of NaN, or of -1."""
        value = math.nan if dtype.is_floating_point else -1
        return torch.full(dims, value, dtype=dtype, device=self.device)

    def integers(self, values: Any) -> Tensor:
        """int32 on the device."""
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int32)).to(self.device)
