"""The C++ kernels (csrc/module*.cpp). A wrong array raises ValueError that names it."""

from numpy import float32, int32, uint16
from numpy.typing import NDArray

from ossay.engine.shape import ModelShape
from ossay.engine.weights import LayerWeights, Mxfp4

class Cache:
    @property
    def bytes(self) -> int: ...

class Step:
    def __init__(
        self,
        positions: NDArray[int32],
        starts: NDArray[int32],
        full_blocks: NDArray[int32],
        sliding_blocks: NDArray[int32],
        cos: NDArray[float32],
        sin: NDArray[float32],
    ) -> None: ...

class Model:
    def __init__(self, shape: ModelShape, precision: str, threads: int) -> None: ...
    def add_layer(self, sliding: bool, weights: LayerWeights) -> None: ...
    def set_edges(self, norm: NDArray[float32], unembedding: NDArray[uint16]) -> None: ...
    def new_cache(self, full_blocks: int, sliding_blocks: int) -> Cache: ...
    def attend(self, layer: int, x: NDArray[float32], step: Step, cache: Cache) -> None: ...
    def experts(self, layer: int, x: NDArray[float32]) -> None: ...
    def logits(self, x: NDArray[float32], out: NDArray[float32]) -> None: ...

def instruction_set() -> str: ...
def use_instruction_set(name: str) -> bool: ...
def read_bandwidth(bytes: int, threads: int, seconds: float = 0.5) -> float: ...
def int8_peak(threads: int) -> float: ...
def fp32_peak(threads: int) -> float: ...
def rms_norm(
    x: NDArray[float32], scale: NDArray[float32], eps: float, out: NDArray[float32]
) -> None: ...
def rope(
    x: NDArray[float32], cos: NDArray[float32], sin: NDArray[float32], out: NDArray[float32]
) -> None: ...
def swiglu(
    gate_up: NDArray[float32], alpha: float, limit: float, out: NDArray[float32]
) -> None: ...
def route(logits: NDArray[float32], chosen: NDArray[int32], weights: NDArray[float32]) -> None: ...
def halve(x: NDArray[float32], out: NDArray[float32]) -> None: ...
def product(
    weights: NDArray[uint16] | Mxfp4,
    bias: NDArray[float32] | None,
    x: NDArray[float32],
    precision: str,
    threads: int,
    add: bool,
    out: NDArray[float32],
) -> None: ...
def grouped_product(
    weights: NDArray[uint16] | Mxfp4,
    bias: NDArray[float32] | None,
    x: NDArray[float32],
    matrices: NDArray[int32],
    starts: NDArray[int32],
    source: NDArray[int32],
    precision: str,
    threads: int,
    out: NDArray[float32],
) -> None: ...

class Attention:
    def __init__(
        self, heads: int, kv_heads: int, head_dim: int, blocks: int, half: bool, threads: int
    ) -> None: ...
    def run(
        self,
        qkv: NDArray[float32],
        sinks: NDArray[float32],
        step: Step,
        window: int,
        out: NDArray[float32],
    ) -> None: ...
