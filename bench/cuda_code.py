"""What the compiler made of a GPU kernel: registers, memory, widths of loads, matrix instructions.

Read from the compiled code by the `cuobjdump` that Triton carries. Knows nothing of launches.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import triton
from msgspec import Struct

_TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
_SPLIT = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9_.]+)", re.MULTILINE)
_RESOURCES = re.compile(r"REG:(\d+) STACK:(\d+)")


class Code(Struct, frozen=True):
    """What the compiler made of one specialisation of a kernel.

    Attributes:
        registers: A thread.
        stack: Bytes of local memory a thread; more than 0 means spills, or an indexed array.
        shared: Bytes a program.
        warps: A program.
        local: Loads from and stores to local memory, in the code.
        loads: Loads from device memory in the code, by bytes a thread; those that go on into shared
            memory too, and bulk copies as of 16.
        matrix: Matrix instructions by name.
        instructions: In the whole code.
        opcodes: How often each stands in the code.
    """

    registers: int
    stack: int
    shared: int
    warps: int
    local: int
    loads: dict[int, int]
    matrix: dict[str, int]
    instructions: int
    opcodes: dict[str, int]

    @property
    def programs(self) -> int:
        """How many fit a multiprocessor by registers, threads and shared memory."""
        by_registers = 65_536 // (-(-self.registers // 8) * 8 * 32 * self.warps)
        by_shared = 233_472 // (self.shared + 1024) if self.shared else 32
        return min(by_registers, by_shared, 64 // self.warps, 32)


def read(cubin: bytes, shared: int, *, instructions: bool = True) -> Code:
    """Return what a compiled kernel takes; `shared` is not in it. `warps` stays 0.

    Without `instructions`, which take cuobjdump half a second, nothing is known of them.
    """
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        used = _cuobjdump("--dump-resource-usage", file.name)
        text = _cuobjdump("--dump-sass", file.name) if instructions else ""
    found = _RESOURCES.search(used)
    if found is None:
        raise RuntimeError(f"cuobjdump gave no resources: {used[:200]!r}")
    opcodes = Counter(_SPLIT.findall(text))
    loads = Counter[int]()
    for op, n in opcodes.items():
        if op.startswith(("LDG", "UTMALDG", "UBLKCP")) and op != "LDGDEPBAR":
            loads[_width(op)] += n
    matrix = Counter[str]()
    for op, n in opcodes.items():
        if op.startswith(("HMMA", "HGMMA", "QGMMA", "IMMA")):
            matrix[op] += n
    return Code(
        registers=int(found[1]),
        stack=int(found[2]),
        shared=shared,
        warps=0,
        local=sum(n for op, n in opcodes.items() if op.startswith(("LDL", "STL"))),
        loads=dict(sorted(loads.items(), reverse=True)),
        matrix=dict(matrix),
        instructions=sum(opcodes.values()),
        opcodes=dict(opcodes),
    )


def _width(opcode: str) -> int:
    """Bytes that a load brings a thread."""
    if opcode.startswith("U"):
        return 16
    sizes = {"128": 16, "64": 8, "U16": 2, "S16": 2, "U8": 1, "S8": 1}
    return next((sizes[part] for part in opcode.split(".") if part in sizes), 4)


def _cuobjdump(what: str, path: str) -> str:
    done = subprocess.run(
        [_TOOLS / "cuobjdump", what, path], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"cuobjdump {what} failed: {done.stderr[:500]!r}")
    return done.stdout
