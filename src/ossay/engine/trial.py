"""One benchmark of a checkpoint: load it, measure, and say what the figures are worth.

Knows nothing of terminals.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from ossay.core.cores import physical_cores
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.config import config_path
from ossay.engine.engine import Engine
from ossay.engine.json_keys import read_object
from ossay.engine.kernels.cuda import device
from ossay.engine.loading import load
from ossay.engine.machine import Cores, Machine, Meter
from ossay.engine.shape import ModelShape
from ossay.engine.speed import CARD, Precision, Widths, widths
from ossay.engine.throughput import Plan, Rate, benchmark
from ossay.engine.weights import Mxfp4


class Report(Struct, frozen=True):
    """What was measured, and on what.

    Attributes:
        synthetic: Whether the weights are random: such a model routes its tokens evenly and says
            nothing.
        load_s: From opening the files to a model that can be asked.
        peak_gb: The most memory that this process held, pages of the files among it.
        card: The GPU's name; '' where the cores computed.
        card_gb: The most of its memory that was in use until then, the cache among it.
        machine: Its limits after the last run; None where they cannot be measured.
    """

    model: str
    synthetic: bool
    backend: str
    precision: str
    threads: int
    instruction_set: str
    load_s: float
    peak_gb: float
    machine: Machine | None
    rates: tuple[Rate, ...]
    card: str = ""
    card_gb: float = 0.0

    def remarks(self) -> list[str]:
        """What a reader of the figures must know, a line each."""
        how = f"{self.backend} backend, {self.precision}, "
        how += self.card or f"{self.threads} threads"
        if self.instruction_set:
            how += f", {self.instruction_set}"
        lines = [f"{how}; loaded in {self.load_s:.1f} s, {self.peak_gb:.1f} GB at most"]
        if self.card:
            lines[0] += f", {self.card_gb:.1f} GB of the card's with the cache"
        if self.machine is not None and self.machine.bf16_gflop_s:
            lines.append(
                f"this card: copies {self.machine.read_gb_s:.0f} GB/s (read and written), computes "
                f"{self.machine.bf16_gflop_s / 1e3:.0f} TFLOP/s in bf16"
            )
        elif self.machine is not None:
            lines.append(
                f"this machine: reads {self.machine.read_gb_s:.1f} GB/s, computes "
                f"{self.machine.int8_gop_s:.0f} GOP/s in 8 bit and "
                f"{self.machine.fp32_gflop_s:.0f} GFLOP/s in float32"
            )
        if self.synthetic:
            lines.append("the weights are RANDOM: these figures are about speed only")
        return lines


def bench_engine(
    model: Path | ModelShape,
    plan: Plan,
    *,
    backend: str,
    precision: Precision,
    threads: int | None,
    on_rate: Callable[[Rate], None],
) -> Report:
    """Load the checkpoint in a folder and measure everything in `plan`.

    A shape instead of a folder, for backend cuda: random weights are made on the card, of no file.
    Raises `UsageError` as `load` does.
    """
    threads = threads or physical_cores()
    began = time.monotonic()
    with _open(model, max(plan.batches), backend, precision, threads) as engine:
        loaded = time.monotonic() - began
        held = device.peak_memory() if backend == "cuda" else 0  # before the meter takes some
        meter = _meter(backend, precision, threads)
        width = _widths(model, backend, precision)
        rates = []
        for rate in benchmark(engine, plan, precision, width, meter):
            rates.append(rate)
            on_rate(rate)
        machine = meter.first()
    return Report(
        model=str(model) if isinstance(model, Path) else _described(model),
        synthetic=not isinstance(model, Path) or is_synthetic(model),
        backend=backend,
        precision=precision if backend == "cpu" else "exact",
        threads=threads,
        instruction_set=_instruction_set(backend),
        load_s=loaded,
        peak_gb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        machine=machine,
        rates=tuple(rates),
        card=device.name() if backend == "cuda" else "",
        card_gb=held / 1e9,
    )


def _open(
    model: Path | ModelShape, most: int, backend: str, precision: Precision, threads: int
) -> Engine:
    if isinstance(model, ModelShape):
        from ossay.engine.card import synthetic_on_card

        return synthetic_on_card(model, seed=0, max_sequences=most)
    return load(model, backend=backend, precision=precision, threads=threads, max_sequences=most)


def _meter(backend: str, precision: Precision, threads: int) -> Meter:
    if backend == "cuda":
        return device.CardMeter()
    return Cores(threads, precision)


def _described(shape: ModelShape) -> str:
    """What stands for a name where there are no files."""
    return f"{shape.layers} layers, hidden {shape.hidden}, {shape.experts} experts, random weights"


def is_synthetic(folder: Path) -> bool:
    """Whether the checkpoint says of itself that its weights are random (`ossay synth`)."""
    return "ossay_synthetic" in read_object(config_path(folder))


def _widths(model: Path | ModelShape, backend: str, precision: Precision) -> Widths:
    """What is read for a weight; the reference backend widens everything to float32."""
    if backend == "reference":
        return Widths(4.0, 4.0, 4.0)
    if backend == "cuda" or isinstance(model, ModelShape):
        return CARD
    packed = isinstance(open_checkpoint(model).layer(0).gate_up, Mxfp4)
    return widths(precision, bf16_experts=not packed)


def _instruction_set(backend: str) -> str:
    if backend != "cpu":
        return ""
    from ossay.engine.kernels import cpu

    return cpu.instruction_set()
