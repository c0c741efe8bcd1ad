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
from ossay.engine.json_keys import read_object
from ossay.engine.loading import load
from ossay.engine.machine import Machine, measure_machine
from ossay.engine.speed import Precision, Widths, widths
from ossay.engine.throughput import Plan, Rate, benchmark
from ossay.engine.weights import Mxfp4


class Report(Struct, frozen=True):
    """What was measured, and on what.

    Attributes:
        synthetic: Whether the weights are random: such a model routes its tokens evenly and says
            nothing.
        load_s: From opening the files to a model that can be asked.
        peak_gb: The most memory that this process held, pages of the files among it.
        machine: Its limits before the first run; None where they cannot be measured.
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

    def remarks(self) -> list[str]:
        """What a reader of the figures must know, a line each."""
        how = f"{self.backend} backend, {self.precision}, {self.threads} threads"
        if self.instruction_set:
            how += f", {self.instruction_set}"
        lines = [f"{how}; loaded in {self.load_s:.1f} s, {self.peak_gb:.1f} GB at most"]
        if self.machine is not None:
            lines.append(
                f"this machine: reads {self.machine.read_gb_s:.1f} GB/s, computes "
                f"{self.machine.int8_gop_s:.0f} GOP/s in 8 bit and "
                f"{self.machine.fp32_gflop_s:.0f} GFLOP/s in float32"
            )
        if self.synthetic:
            lines.append("the weights are RANDOM: these figures are about speed only")
        return lines


def bench_engine(
    folder: Path,
    plan: Plan,
    *,
    backend: str,
    precision: Precision,
    threads: int | None,
    on_rate: Callable[[Rate], None],
) -> Report:
    """Load the checkpoint in `folder` and measure everything in `plan`.

    Raises `UsageError` as `load` does.
    """
    threads = threads or physical_cores()
    began = time.monotonic()
    most = max(plan.batches)
    with load(
        folder, backend=backend, precision=precision, threads=threads, max_sequences=most
    ) as engine:
        loaded = time.monotonic() - began
        width = _widths(folder, backend, precision)
        rates = []
        for rate in benchmark(engine, plan, precision, width, threads):
            rates.append(rate)
            on_rate(rate)
    return Report(
        model=str(folder),
        synthetic=is_synthetic(folder),
        backend=backend,
        precision=precision if backend == "cpu" else "exact",
        threads=threads,
        instruction_set=_instruction_set(backend),
        load_s=loaded,
        peak_gb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        machine=measure_machine(threads),
        rates=tuple(rates),
    )


def is_synthetic(folder: Path) -> bool:
    """Whether the checkpoint says of itself that its weights are random (`ossay synth`)."""
    return "ossay_synthetic" in read_object(config_path(folder))


def _widths(folder: Path, backend: str, precision: Precision) -> Widths:
    """What is read for a weight; the reference backend widens everything to float32."""
    if backend == "reference":
        return Widths(4.0, 4.0, 4.0)
    packed = isinstance(open_checkpoint(folder).layer(0).gate_up, Mxfp4)
    return widths(precision, bf16_experts=not packed)


def _instruction_set(backend: str) -> str:
    if backend != "cpu":
        return ""
    from ossay.engine.kernels import cpu

    return cpu.instruction_set()
