"""The card: whether there is one to compute on, what it has free, and how fast it is, measured.

torch and triton are imported inside the functions: this module answers where they are missing.
Knows nothing of models.
"""

from __future__ import annotations

import importlib
from statistics import median
from typing import Any

from msgspec import Struct, structs

from ossay.engine.machine import Machine

_LEAST = (8, 0)  # compute capability: bf16 on tensor cores
_COPY = 1 << 30  # bytes of each buffer of the copy: twenty times the largest cache
_SIDE = 8192  # of the square product
_REPEATS = 20

INSTALL = "pip install 'ossay[cuda]'"


class Found(Struct, frozen=True):
    """What is there to compute on.

    Attributes:
        torch: Its version, '' where it is not installed or does not load.
        triton: The same.
        cuda: The CUDA version that torch was built for, '' for a build without.
        cards: NVIDIA GPUs that torch sees.
        name: Of the first.
        capability: Of the first, as in (9, 0).
        memory_bytes: Of the first.
    """

    torch: str = ""
    triton: str = ""
    cuda: str = ""
    cards: int = 0
    name: str = ""
    capability: tuple[int, int] = (0, 0)
    memory_bytes: int = 0


def missing() -> str:
    """Why nothing can be computed on a GPU here, with the next step; '' where it can."""
    return judge(find())


def find() -> Found:
    """Look for torch, triton and a card. Importing torch takes seconds where it is installed."""
    torch, triton = _module("torch"), _module("triton")
    if torch is None:
        return Found(triton=_version(triton))
    cuda = torch.version.cuda or ""
    cards = torch.cuda.device_count() if cuda and torch.cuda.is_available() else 0
    if not cards:
        return Found(_version(torch), _version(triton), cuda)
    first = torch.cuda.get_device_properties(0)
    return Found(
        _version(torch),
        _version(triton),
        cuda,
        cards,
        first.name,
        (first.major, first.minor),
        first.total_memory,
    )


def judge(found: Found) -> str:
    """Say what of `found` is in the way, with the next step; '' where nothing is."""
    if not found.torch:
        return f"PyTorch is not installed, or does not load: {INSTALL}"
    if not found.cuda:
        return (
            f"PyTorch {found.torch} was built without CUDA: on Linux `pip install "
            "--force-reinstall torch triton` brings a build with it; or see pytorch.org"
        )
    if not found.triton:
        return f"Triton is not installed, or does not load: {INSTALL}"
    if not found.cards:
        return (
            f"PyTorch {found.torch} (CUDA {found.cuda}) sees no NVIDIA GPU: `nvidia-smi` must list "
            "one, with a driver that is new enough for it"
        )
    if found.capability < _LEAST:
        has, least = (".".join(map(str, pair)) for pair in (found.capability, _LEAST))
        return (
            f"{found.name} has compute capability {has}, and {least} (Ampere) or newer is needed "
            "for bf16: use another card"
        )
    return ""


def free_memory() -> int:
    """Bytes of the first card that are free, or that torch holds unused."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return int(free + unused)


def name() -> str:
    """Return what the first card is called."""
    import torch

    return str(torch.cuda.get_device_name(0))


def copy_bandwidth(size: int = _COPY, repeats: int = _REPEATS) -> float:
    """Measure a copy of `size` bytes from device memory to device memory, in 1e9 bytes a second.

    Bytes read count, and bytes written; the median of the repeats.
    """
    import torch

    source = torch.randint(256, (size,), dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * size / _seconds(lambda: target.copy_(source), repeats) / 1e9


def bf16_product(side: int = _SIDE, repeats: int = _REPEATS) -> float:
    """Measure a product of two random bf16 matrices of `side` rows and columns, in TFLOP/s."""
    import torch

    left, right = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    return 2 * side**3 / _seconds(lambda: torch.matmul(left, right, out=out), repeats) / 1e12


def peak_memory() -> int:
    """Bytes of the first card that torch held at most."""
    import torch

    return int(torch.cuda.max_memory_reserved())


class CardMeter:
    """The `Meter` of the first card: a copy and a product, some tenths of a second together."""

    def first(self) -> Machine:
        """Measure both."""
        size, side = beside(free_memory())
        return Machine(0, copy_bandwidth(size), 0.0, 0.0, bf16_product(side) * 1e3)

    def again(self, machine: Machine) -> Machine:
        """Measure the copy again."""
        size, _ = beside(free_memory())
        return structs.replace(machine, read_gb_s=copy_bandwidth(size))


def beside(free: int) -> tuple[int, int]:
    """Return how large a copy and a product may be beside a model, whose cache took the rest.

    Bytes of a buffer and rows of a matrix, so that two of the ones or three of the others take
    half of the `free` bytes at most.
    """
    side = _SIDE
    while 3 * 2 * side**2 > free // 2 and side > 1:
        side //= 2
    return min(_COPY, free // 4), side


def _seconds(work: Any, repeats: int) -> float:
    """The median time of `work` on the card, between events, after three runs to warm up."""
    import torch

    for _ in range(3):
        work()
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(repeats)]
    for begin, end in pairs:
        begin.record()
        work()
        end.record()
    torch.cuda.synchronize()
    milliseconds: list[float] = [begin.elapsed_time(end) for begin, end in pairs]
    return median(milliseconds) / 1e3


def _module(named: str) -> Any:
    try:
        return importlib.import_module(named)
    except (ImportError, OSError):  # OSError: a library that it links to is not there
        return None


def _version(module: Any) -> str:
    return "" if module is None else str(module.__version__)
