"""What this machine can do: how fast it reads memory and computes, measured, not looked up.

The memory of shared and virtual machines swings by half within minutes, and within a second too. So
a figure holds only beside what was measured with it, and reading is measured as a mean over half a
second, about as long as what it stands beside, not as the best moment. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean
from types import ModuleType
from typing import Protocol

from msgspec import Struct, structs

_READ = 512 << 20  # bytes: far more than any cache that a few cores own
_SPAN = 0.5  # seconds


class Machine(Struct, frozen=True):
    """Upper limits of `threads` threads together, or of a GPU.

    Attributes:
        threads: How many worked at once; 0 for a GPU.
        read_gb_s: Memory read front to back over and over, in 1e9 bytes a second.
        int8_gop_s: 8-bit multiply-adds in registers, 1e9 operations (two each) a second.
        fp32_gflop_s: The same in float32.
        bf16_gflop_s: The same in bf16, of a GPU; 0 where the cores were measured.
    """

    threads: int
    read_gb_s: float
    int8_gop_s: float
    fp32_gflop_s: float
    bf16_gflop_s: float = 0.0


class Meter(Protocol):
    """What measures the machine that an engine computes on."""

    def first(self) -> Machine | None:
        """Measure all limits; None where nothing can."""

    def again(self, machine: Machine) -> Machine:
        """Measure again what swings, and keep the rest."""


class Cores(Struct, frozen=True):
    """The `Meter` of the cores, for one precision."""

    threads: int
    precision: str

    def first(self) -> Machine | None:
        """See `measure_machine`."""
        return measure_machine(self.threads)

    def again(self, machine: Machine) -> Machine:
        """See `measure_again`."""
        return measure_again(machine, self.precision)


def measure_machine(threads: int) -> Machine | None:
    """Measure all limits, in about two seconds; None where the fast kernels are not built."""
    native = _native()
    if native is None:
        return None
    return Machine(
        threads,
        read_gb_s=native.read_bandwidth(_READ, threads, _SPAN),
        int8_gop_s=native.int8_peak(threads),
        fp32_gflop_s=native.fp32_peak(threads),
    )


def measure_again(machine: Machine, precision: str) -> Machine:
    """Measure memory again, and the arithmetic of a precision (int8 or exact); keep the rest."""
    native = _native()
    if native is None:  # then there was no Machine either
        return machine
    threads = machine.threads
    int8 = precision == "int8"
    return Machine(
        threads,
        read_gb_s=native.read_bandwidth(_READ, threads, _SPAN),
        int8_gop_s=native.int8_peak(threads) if int8 else machine.int8_gop_s,
        fp32_gflop_s=machine.fp32_gflop_s if int8 else native.fp32_peak(threads),
    )


def between(machines: Iterable[Machine]) -> Machine:
    """Return the mean of what was measured before and after something."""
    seen = list(machines)
    limits = [name for name in Machine.__struct_fields__ if name != "threads"]
    means = {name: mean(getattr(machine, name) for machine in seen) for name in limits}
    return structs.replace(seen[0], **means)


def _native() -> ModuleType | None:
    try:
        from ossay.engine.kernels import _cpu
    except ImportError:
        return None
    module: ModuleType = _cpu
    return module
