"""llama.cpp's side of bench/engine.py: build it, run its own benchmarks, held still between runs.

Its own programs measure it: llama-bench reads prompts, llama-batched-bench decodes. Both print a
line a measurement; there the bench stops the process (SIGSTOP) until its turn comes again, so that
model and machine are warm and what is next to each other in time is compared.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from engine_child import Child, forget

VERSION = "0.3.36"  # of llama-cpp-python, whose source package holds llama.cpp
PROMPT, SHORT, TOKENS = 512, 16, 24
PROGRAMS = ("llama-bench", "llama-batched-bench")


def build(folder: Path) -> Path:
    """Fetch and build llama.cpp for this machine, once; return the folder of its programs."""
    programs = folder / "build" / "bin"
    if all((programs / name).exists() for name in PROGRAMS):
        return programs
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"llama_cpp_python-{VERSION}.tar.gz"
    if not archive.exists():
        fetch(folder)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    source = folder / f"llama_cpp_python-{VERSION}" / "vendor" / "llama.cpp"
    options = [
        "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DLLAMA_CURL=OFF",
        "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_SERVER=OFF",
        "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_BUILD_MTMD=OFF",
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    cmake = [shutil.which("cmake", path=path) or "cmake"]
    into = ["-S", str(source), "-B", str(folder / "build"), "-G", "Ninja"]
    environ = {**os.environ, "PATH": path}
    subprocess.run([*cmake, *into, *options], check=True, env=environ, stdout=sys.stderr)
    targets = ["--build", str(folder / "build"), "--target", *PROGRAMS]
    subprocess.run([*cmake, *targets], check=True, env=environ, stdout=sys.stderr)
    return programs


def fetch(folder: Path) -> None:
    """Download the source package with whichever pip is here."""
    own = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    )
    pip = [sys.executable, "-m", "pip"] if own.returncode == 0 else [shutil.which("pip") or "pip"]
    wanted = ["--no-deps", "--no-binary", "llama-cpp-python", f"llama-cpp-python=={VERSION}"]
    subprocess.run(
        [*pip, "download", "--dest", str(folder), *wanted], check=True, stdout=sys.stderr
    )


class Llama:
    """llama.cpp with a model. `rounds` is how often each measurement can be asked for.

    Attributes:
        loads: Seconds of each load, from the start of llama-bench to its first computation.
    """

    name = "llama.cpp"

    def __init__(self, programs: Path, model: Path, threads: int, batches: tuple[int, ...],
                 rounds: int, log: Path, *, resident: bool) -> None:  # fmt: skip
        common = ["-m", str(model), "-t", str(threads), "-ngl", "0", "-lm", "none"]
        self._reading = [
            str(programs / "llama-bench"), *common, "-fa", "1", "-n", "0",
            "-p", ",".join([str(PROMPT)] * (rounds + 1)),
            # The pause before each test is where the process is held.
            "-r", "1", "--no-warmup", "--delay", "1", "-o", "jsonl", "--progress",
        ]  # fmt: skip
        sizes = ",".join(map(str, batches * (rounds + 1)))
        context = max(batches) * (SHORT + TOKENS)
        self._decoding = [
            str(programs / "llama-batched-bench"), *common, "-fa", "on", "-c", str(context),
            "-npp", str(SHORT), "-ntg", str(TOKENS), "-npl", sizes,
        ]  # fmt: skip
        self._model = model
        self._batches = batches
        self._log = log
        self._resident = resident
        self._children: dict[str, Child] = {}
        self.loads: list[float] = []
        self.peak_gb = self.own_gb = 0.0

    def start(self) -> None:
        """Load, and warm up with one of each measurement."""
        forget(self._model)
        self._child("prefill")
        if self._resident:
            self._child("decode")

    def seconds(self, what: str, size: int) -> tuple[int, int, float]:
        """Run one measurement; return its tokens, steps and seconds. Sizes come in order."""
        child = self._child(what)
        child.go_on()
        found = self._row(child, what)
        child.hold()
        if what == "decode" and found[0] != size * TOKENS:
            raise SystemExit(f"llama-batched-bench gave {found[0]} tokens, not {size * TOKENS}")
        return found

    def close(self) -> None:
        """End its processes and keep what they needed."""
        for what in list(self._children):
            self._end(what)

    def _child(self, what: str) -> Child:
        if what not in self._children:
            if not self._resident:
                self.close()  # two of them would not fit
            command = self._reading if what == "prefill" else self._decoding
            child = Child(command, self._log.with_suffix(f".{what}.log"))
            self._children[what] = child
            if what == "prefill":
                row = json.loads(child.line(lambda line: line.startswith("{")))
                told = time.monotonic() - child.began
                self.loads.append(told - row["samples_ns"][0] / 1e9 - 1.0)  # the pause
            else:
                for _ in self._batches:
                    self._row(child, what)
            child.hold()
        return self._children[what]

    def _row(self, child: Child, what: str) -> tuple[int, int, float]:
        if what == "prefill":
            row = json.loads(child.line(lambda line: line.startswith("{")))
            return PROMPT, 1, row["samples_ns"][0] / 1e9
        # | PP | TG | B | N_KV | T_PP s | S_PP t/s | T_TG s | …
        cells = child.line(lambda line: line.startswith("| ") and line.split()[1].isdigit()).split(
            "|"
        )
        batch, seconds = int(cells[3]), float(cells[7])
        return batch * TOKENS, TOKENS, seconds

    def _end(self, what: str) -> None:
        child = self._children.pop(what)
        child.close()
        self.peak_gb = max(self.peak_gb, child.peak_gb)
        self.own_gb = max(self.own_gb, child.own_gb)
