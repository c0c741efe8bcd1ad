"""Our side of bench/engine.py: the engine in a process of its own, that measures when told to.

    python bench/engine_ours.py MODEL THREADS SEQUENCES

Loads with precision int8, says so, then reads lines "prefill 512" or "decode 16 24" and answers
each with a line of JSON: tokens, steps, seconds. Both are what a caller of Engine.submit sees.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from engine_child import Child, forget
from engine_llama import PROMPT, TOKENS

HERE = Path(__file__).parent


class Ours:
    """The engine in a process.

    Attributes:
        loads: Seconds of each load, from the start of Python to a model that answers.
    """

    name = "ossay"

    def __init__(self, model: Path, threads: int, sequences: int, log: Path) -> None:
        self._command = [
            sys.executable, str(HERE / "engine_ours.py"), str(model), str(threads), str(sequences),
        ]  # fmt: skip
        self._model = model
        self._log = log
        self._most = sequences
        self.loads: list[float] = []
        self._child: Child | None = None
        self.peak_gb = self.own_gb = 0.0

    def start(self) -> None:
        """Load, and warm up."""
        forget(self._model)
        self._child = Child(self._command, self._log)
        self._child.line(lambda line: line.startswith("loaded"))
        self.loads.append(time.monotonic() - self._child.began)
        self.seconds("prefill", PROMPT)
        for size in (1, self._most):
            self.seconds("decode", size)

    def seconds(self, what: str, size: int) -> tuple[int, int, float]:
        """Run one measurement; return its tokens, steps and seconds."""
        assert self._child is not None
        self._child.say(f"{what} {size}" + (f" {TOKENS}" if what == "decode" else ""))
        row = json.loads(self._child.line(lambda line: line.startswith("{")))
        return row["tokens"], row["steps"], row["seconds"]

    def close(self) -> None:
        """End the process and keep what it needed."""
        if self._child is not None:
            self._child.close()
            self.peak_gb = max(self.peak_gb, self._child.peak_gb)
            self.own_gb = max(self.own_gb, self._child.own_gb)
            self._child = None


def main() -> None:
    import msgspec
    import numpy as np

    from ossay.engine import load
    from ossay.engine.throughput import time_decode, time_prefill

    model, threads, sequences = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = np.random.default_rng(0)
    with load(model, precision="int8", threads=threads, max_sequences=sequences) as engine:
        print("loaded", flush=True)
        for line in sys.stdin:
            what, size, *rest = line.split()
            if what == "prefill":
                timed = time_prefill(engine, int(size), rng)
            else:
                timed = time_decode(engine, int(size), int(rest[0]), rng)
            print(msgspec.json.encode(timed).decode(), flush=True)


if __name__ == "__main__":
    main()
