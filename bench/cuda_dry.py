"""A driver for Triton without a card: kernels are compiled for sm_90, read, counted, and not run.

    tape = install()                    # before the first launch, in a process of its own
    with tape.part("qkv"):
        projection.qkv(...)             # the real wrapper, with tensors on torch's meta device
    print(table(tape.launches))

A launch compiles as it would on the card, specialised on the same arguments. What is kept of it:
its grid, and what the compiler's output says of registers, local and shared memory, widths of
loads, and matrix instructions. PyTorch's own operations are counted too, each as one launch: on a
card some are several. Tensors on the meta device have shapes and no values, so whatever passes here
looks at no value on the host: it can be captured in a CUDA graph.

`TRITON_INTERPRET` must not be set. Knows nothing of gpt-oss, and nothing of time.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Container, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import triton
from msgspec import Struct
from torch.utils._python_dispatch import TorchDispatchMode
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase

from cuda_code import Code, read

TARGET = GPUTarget("cuda", 90, 32)
SHARED = 232_448  # bytes that a block may have on Hopper (CUDA C++ guide, compute capability 9.0)
PROCESSORS = 132  # of an H200
_VIEWS = frozenset(  # of aten: they launch nothing
    ("view", "_unsafe_view", "slice", "select", "expand", "t", "transpose", "as_strided", "detach",
     "alias", "unsqueeze", "squeeze", "permute", "empty", "empty_like", "empty_strided",
     "new_empty", "new_empty_strided", "split", "split_with_sizes", "unbind", "unfold", "diagonal",
     "narrow", "reshape", "lift_fresh", "view_as_complex", "view_as_real")
)  # fmt: skip


class Launch(Struct, frozen=True):
    """One launch: of a kernel (`code` is there), or of an operation of PyTorch.

    `failure`: why it did not compile.
    """

    part: str
    name: str
    grid: tuple[int, ...] = ()
    code: Code | None = None
    arguments: dict[str, str] = {}
    failure: str = ""


class Tape:
    """What was launched, in order, each with the part that it was launched in."""

    def __init__(self) -> None:
        self.launches: list[Launch] = []
        self._part = ""

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Name what is launched inside; PyTorch's operations are counted in here only."""
        before, self._part = self._part, name
        try:
            with _Operations(self):
                yield
        finally:
            self._part = before

    def add(self, name: str, **facts: Any) -> None:
        """Note a launch."""
        self.launches.append(Launch(self._part, name, **facts))


class _Operations(TorchDispatchMode):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name not in _VIEWS:
            shapes = {str(i): _word(value) for i, value in enumerate(args)}
            self._tape.add(f"torch.{name}", arguments=shapes)
        return func(*args, **(kwargs or {}))


class DryDriver(DriverBase):
    """Says that there is a Hopper card, and launches onto the tape."""

    def __init__(
        self, tape: Tape, keep: Path | None = None, only: Container[str] | None = None
    ) -> None:
        self._keep = keep
        self._only = only
        self.utils = SimpleNamespace(
            load_binary=self._load,
            unload_module=lambda module: None,
            get_device_properties=lambda device: {
                "max_shared_mem": SHARED,
                "multiprocessor_count": PROCESSORS,
                "max_num_regs": 65_536,
                "warpSize": 32,
            },
        )
        self.launcher_cls = lambda source, metadata: _Launcher(tape, source)

    @classmethod
    def is_active(cls) -> bool:
        """Whether to be chosen unasked: never asked of a driver that is set."""
        return True

    def map_python_to_cpp_type(self, ty: str) -> str:
        """Only a real launcher needs this."""
        return ty

    def get_current_target(self) -> GPUTarget:
        """Hopper."""
        return TARGET

    def get_current_device(self) -> int:
        """The only one."""
        return 0

    def set_current_device(self, device: int) -> None:
        """There is one."""

    def get_current_stream(self, device: int | None = None) -> int:
        """The default one."""
        return 0

    def get_device_capability(self, device: int | None = None) -> tuple[int, int]:
        """Hopper's."""
        return 9, 0

    def get_active_torch_device(self) -> torch.device:
        """Where tensors without values are."""
        return torch.device("meta")

    def get_benchmarker(self) -> Any:
        """Refuse: nothing is timed without a card."""
        raise NotImplementedError("nothing is timed without a card")

    def _load(self, name: str, cubin: bytes, shared: int, device: int) -> tuple[Any, ...]:
        if self._keep is not None:
            self._keep.mkdir(parents=True, exist_ok=True)
            (self._keep / f"{name}-{hashlib.sha256(cubin).hexdigest()[:8]}.cubin").write_bytes(
                cubin
            )
        code = read(cubin, shared, instructions=self._only is None or name in self._only)
        return object(), code, code.registers, code.stack // 4, 1024


class _Launcher:
    def __init__(self, tape: Tape, source: Any) -> None:
        function = source.fn
        self._tape = tape
        self._name = f"{function.fn.__module__.rpartition('.')[2]}.{function.fn.__name__}"
        self._names = function.arg_names

    def __call__(self, x: int, y: int, z: int, stream: int, code: Code, *rest: Any) -> None:
        """`rest`: packed metadata, launch metadata, two hooks, then the kernel's arguments."""
        packed, values = rest[0], rest[4:]
        warps = packed[0] if isinstance(packed, tuple) else packed.num_warps
        words = {name: _word(value) for name, value in zip(self._names, values, strict=False)}
        code = Code(**{f: getattr(code, f) for f in code.__struct_fields__} | {"warps": warps})
        self._tape.add(self._name, grid=(x, y, z), code=code, arguments=words)


def install(keep: Path | None = None, only: Container[str] | None = None) -> Tape:
    """Make the dry driver Triton's, for good, and return what it writes to.

    `keep`: a folder that gets the compiled kernels, for `cuobjdump --dump-sass`. `only`: kernels
    whose instructions are read, where not all.
    """
    if triton.knobs.runtime.interpret:
        raise RuntimeError("TRITON_INTERPRET is set: unset it, then nothing is interpreted")
    tape = Tape()
    triton.runtime.driver.set_active(DryDriver(tape, keep, only))
    return tape


def table(launches: list[Launch]) -> str:
    """One line for each distinct launch of a kernel, in Markdown."""
    lines = [
        "| part | kernel | launches | grid | warps | registers | stack | shared | programs/SM "
        "| loads (bytes: count) | matrix |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for launch, times in distinct(launches):
        grid = "x".join(map(str, launch.grid))
        if (code := launch.code) is None:
            head = f"| {launch.part} | {launch.name} {launch.failure} | {times} "
            lines.append(head + "| | | | | | | | |")
            continue
        matrix = ", ".join(f"{op} {n}" for op, n in code.matrix.items()) or "-"
        loads = ", ".join(f"{size}: {n}" for size, n in code.loads.items())
        lines.append(
            f"| {launch.part} | {launch.name} | {times} | {grid} | {code.warps} | {code.registers} "
            f"| {code.stack} | {code.shared} | {code.programs} | {loads} "
            f"| {matrix} |"
        )
    return "\n".join(lines)


def distinct(launches: list[Launch]) -> list[tuple[Launch, int]]:
    """Launches that differ in part, kernel, grid or code, in order, and how often each came."""
    seen: dict[tuple[Any, ...], tuple[Launch, int]] = {}
    for launch in launches:
        code = launch.code
        key = (launch.part, launch.name, launch.grid, code and (code.registers, code.instructions))
        first, times = seen.get(key, (launch, 0))
        seen[key] = first, times + 1
    return list(seen.values())


def _word(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype)[6:]}{list(value.shape)}"
    return repr(value)[:60]
