"""What this machine can do: how fast it reads memory and computes, measured, not looked up.

The memory of shared and virtual machines swings by half within minutes, and within a second too. So
a figure holds only beside what was measured with it, and reading is measured as a mean over half a
second, about as long as what it stands beside, not as the best moment. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean
from types import ModuleType

from msgspec import Struct

_READ = 512 << 20  # bytes: far more than any cache that a few cores own
_SPAN = 0.5  # seconds


class Machine(Struct, frozen=True):
    """Upper limits of `threads` threads together.

    Attributes:
        threads: How many worked at once.
        read_gb_s: Memory read front to back over and over, in 1e9 bytes a second.
        int8_gop_s: 8-bit multiply-adds in registers, 1e9 operations (two each) a second.
        fp32_gflop_s: The same in float32.
    """

    threads: int
    read_gb_s: float
    int8_gop_s: float
    fp32_gflop_s: float


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
    return Machine(
        seen[0].threads,
        mean(m.read_gb_s for m in seen),
        mean(m.int8_gop_s for m in seen),
        mean(m.fp32_gflop_s for m in seen),
    )


def _native() -> ModuleType | None:
    try:
        from ossay.engine.kernels import _cpu
    except ImportError:
        return None
    module: ModuleType = _cpu
    return module
