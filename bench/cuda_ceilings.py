"""What the card reaches: a copy, a bf16 product, a sum that only reads, and the gap of launches.

Everything else is held against these, measured in the same run. Random numbers throughout: a
product of zeros runs faster.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
from msgspec import Struct

import cuda_clock as clock


class Ceilings(Struct, frozen=True):
    """Bytes and operations a second, seconds from launch to launch; each measured twice.

    Attributes:
        copy: Bytes read and written, device memory to device memory.
        reading: Bytes read by a sum over 1 GiB of bf16, which writes next to nothing.
        product: bf16 operations, 8192 cubed, of cuBLAS.
        launch: Of an empty kernel of one program, in a CUDA graph of many.
        wide_launch: The same with a program for each multiprocessor.
        raw: Each as it was timed.
    """

    copy: float
    reading: float
    product: float
    launch: float
    wide_launch: float
    raw: dict[str, clock.Timed]


def measure(tiny: bool = False) -> Ceilings:
    """Measure all five; about three seconds on a card."""
    size, side, launches = (1 << 16, 64, 4) if tiny else (1 << 30, 8192, 1000)
    raw = {
        "copy": _copy(size),
        "reading": _reading(size // 2),
        "product": _product(side),
        "launch": _launch(launches, 1),
        "wide_launch": _launch(launches, 132),
    }
    return Ceilings(
        copy=2 * size / raw["copy"].us * 1e6,
        reading=size / raw["reading"].us * 1e6,
        product=2 * side**3 / raw["product"].us * 1e6,
        launch=raw["launch"].us / 1e6,
        wide_launch=raw["wide_launch"].us / 1e6,
        raw=raw,
    )


def table(found: Ceilings) -> str:
    """The figures for people, in Markdown."""
    again = {name: 100 * (timed.again / timed.us - 1) for name, timed in found.raw.items()}
    rows = [
        ("copy, read + written", f"{found.copy / 1e12:.2f} TB/s", again["copy"]),
        ("reading alone (sum)", f"{found.reading / 1e12:.2f} TB/s", again["reading"]),
        ("bf16 product, 8192 cubed", f"{found.product / 1e12:.0f} TFLOP/s", again["product"]),
        ("launch to launch, 1 program", f"{found.launch * 1e6:.2f} us", again["launch"]),
        ("launch to launch, 132", f"{found.wide_launch * 1e6:.2f} us", again["wide_launch"]),
    ]
    lines = ["| ceiling | measured | again |", "|---|---:|---:|"]
    lines += [f"| {name} | {value} | {change:+.1f} % |" for name, value, change in rows]
    return "\n".join(lines)


def _copy(size: int) -> clock.Timed:
    device = clock.device()
    pairs = []
    for _ in range(2):
        source = torch.randint(256, (size,), dtype=torch.uint8, device=device)
        pairs.append((source, torch.empty_like(source)))
    return clock.time_graph([lambda pair=pair: pair[1].copy_(pair[0]) for pair in pairs])  # type: ignore[misc]


def _reading(numbers: int) -> clock.Timed:
    sources = [
        torch.randn(numbers, device=clock.device(), dtype=torch.bfloat16).view(torch.int16)
        for _ in range(2)
    ]
    outs = [torch.empty((), dtype=torch.int64, device=clock.device()) for _ in sources]

    def add(source: Any, out: Any) -> None:
        torch.sum(source.view(torch.int64), dim=0, out=out)

    return clock.time_graph(
        [lambda pair=pair: add(*pair) for pair in zip(sources, outs, strict=True)]  # type: ignore[misc]
    )


def _product(side: int) -> clock.Timed:
    left, right = (
        torch.randn(side, side, device=clock.device(), dtype=torch.bfloat16) for _ in "ab"
    )
    out = torch.empty_like(left)
    return clock.time_graph([lambda: torch.matmul(left, right, out=out)])


def _launch(times: int, programs: int) -> clock.Timed:
    word = torch.zeros(programs, dtype=torch.int32, device=clock.device())
    return clock.time_graph([lambda: _nothing[(programs,)](word)] * times)


@triton.jit
def _nothing(word):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Neither reads nor writes."""
