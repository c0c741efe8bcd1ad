"""What the compiler makes of every kernel at the real shapes, without a card; nothing is run.

    python bench/cuda_compile.py [--out FOLDER] [--models gpt-oss-20b,gpt-oss-120b] [--page FILE]
                                 [--steps 'decode 1,decode 64'] [--variants] [--quick]

Compiles each step of each model for sm_90 (bench/cuda_dry.py): decoding one sequence and 64, and a
prompt of 2,048 tokens. Prints what each kernel takes, how many launches a token costs, and what
the step should take on an H200, as a PREDICTION: no figure of time here was measured. `--page`
writes the same as Markdown; `--out` gets the numbers as JSON and the compiled kernels, for
cuobjdump.

Needs torch (a build for the CPU will do) and triton; TRITON_INTERPRET unset.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import torch
import triton
from msgspec import Struct
from triton.compiler.errors import CompilationError
from triton.runtime.errors import OutOfResources

import cuda_dry as dry
import cuda_paper as paper
from cuda_inputs import batch_of, cache_for, meta_weights
from cuda_paper import ASSUMED, Load
from cuda_step import Piece, choosing, plan
from cuda_trials import trials
from ossay.engine.kernels.cuda import sampling
from ossay.engine.known_shapes import SHAPES, first_layers
from ossay.engine.shape import ModelShape

MODELS = ("gpt-oss-20b", "gpt-oss-120b")
LOADS = {
    "decode 1": paper.decode(1),
    "decode 8": paper.decode(8),
    "decode 64": paper.decode(64),
    "prefill 2048": paper.prefill(2048),
}
# Kernels that take in weights.
STREAMING = frozenset(("_qkv", "_out", "_unembed", "_gate_up", "_down", "_product"))

_HEAD = """# The GPU kernels as compiled, without a GPU

`python bench/cuda_compile.py --page FILE`, for sm_90, by {versions}.

**Every microsecond here is a prediction: nothing was timed.** A part takes bytes / ({copy} TB/s x
{streaming}) or operations / ({product} TFLOP/s x {dense} in cuBLAS, x {grouped} for the experts, x
{mixing} for attention), whichever is longer, and {launch} us a launch. 4.3 and 790 were measured on
an H200; the shares and the launch are assumed. An operation of PyTorch counts as one launch. The
limit is each part at 4.3 TB/s or 790 TFLOP/s, with no launches.

Registers (a thread), stack (bytes a thread; 0 is no spills), shared memory (bytes a program), loads
from device memory and matrix instructions are the compiler's, the latter two by how often they
stand in the code.
"""


class Step(Struct, frozen=True):
    """One step of one model, compiled: every launch, and the prediction of each part in seconds."""

    model: str
    name: str
    load: Load
    layers: int
    launches: list[dry.Launch]
    seconds: dict[str, float]
    limit: float

    @property
    def count(self) -> int:
        """Launches that the prediction counts."""
        return sum(launch.part in self.seconds for launch in self.launches)

    @property
    def total(self) -> float:
        """Seconds of the whole step, predicted."""
        return sum(self.seconds.values())


def main() -> None:
    asked = _asked()
    keep = asked.out / "kernels" if asked.out else None
    tape = dry.install(keep, STREAMING if asked.quick else None)
    if asked.variants:
        for model in asked.models.split(","):
            print(variants(tape, model))
        return
    steps = [
        compile_step(tape, model, name)
        for model in asked.models.split(",")
        for name in asked.steps.split(",")
    ]
    text = page(steps)
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "compile.json").write_bytes(msgspec.json.encode(steps))
    if asked.page:
        asked.page.write_text(text)
    print(text)
    for line in failures(steps):
        print(line)


def compile_step(tape: dry.Tape, model: str, name: str) -> Step:
    """Compile and count one step; `tape` is the dry driver's."""
    shape, load = SHAPES[model](), LOADS[name]
    weights = meta_weights(shape)
    batch = batch_of(load, shape.vocab, np.random.default_rng(0))
    laid = plan(weights, cache_for(shape, load, "meta"), batch, load)
    before = len(tape.launches)
    filters = sampling.Filters(top_k=True, top_p=True, min_p=True)
    filtered = Piece("filters, on demand", -1, choosing(laid.logits, filters))
    for piece in (*laid.pieces, filtered):
        with tape.part(piece.part):
            _attempt(tape, piece)
    launches = tape.launches[before:]
    counts = Counter(launch.part for launch in launches if launch.part != filtered.part)
    limit = paper.limit_seconds(shape, load, ASSUMED.copy, ASSUMED.product)
    return Step(model, name, load, shape.layers, launches, predict(shape, load, counts), limit)


def failures(steps: Iterable[Step]) -> list[str]:
    """What does not compile, spills, or takes more shared memory than there is: a line each."""
    found = {}
    for step in steps:
        for launch in step.launches:
            code, where = launch.code, f"{step.model}, {step.name}, {launch.name}"
            if launch.failure:
                found[launch.part, launch.failure] = f"{where}: {launch.failure}"
            elif code and (code.stack or code.local or code.shared > dry.SHARED):
                found[where] = (
                    f"{where}: {code.stack} bytes of stack, {code.local} local accesses, "
                    f"{code.shared} bytes shared"
                )
    return list(found.values())


def _attempt(tape: dry.Tape, piece: Piece) -> None:
    try:
        piece.call()
    except (CompilationError, OutOfResources, RuntimeError) as error:
        last = str(error).strip().splitlines()[-1][:300]
        tape.add(piece.part, failure=f"{type(error).__name__}: {last}")


def variants(tape: dry.Tape, model: str) -> str:
    """Compile every trial of bench/cuda_trials.py; a line each, in Markdown."""
    weights = meta_weights(first_layers(SHAPES[model](), 1))
    before = len(tape.launches)
    for trial in trials(weights):
        name = f"{trial.kernel}, {trial.name}{', ours' if trial.ours else ''}"
        with tape.part(name):
            _attempt(tape, Piece(name, 0, trial.calls[0]))
        print(name, flush=True)
    return f"## {model}, variants\n\n{dry.table(tape.launches[before:])}"


def predict(shape: ModelShape, load: Load, launches: Counter[str]) -> dict[str, float]:
    """Seconds of each part."""
    return paper.predicted_step(costs_of(shape, load), launches)


def costs_of(shape: ModelShape, load: Load) -> dict[str, paper.Cost]:
    """Each part over the step, what passes through memory between the products included."""
    return {**paper.step_costs(shape, load), **paper.between(shape, load)}


def page(steps: list[Step]) -> str:
    """Everything as Markdown."""
    versions = f"torch {torch.__version__}, triton {triton.__version__}"
    lines = [_HEAD.format(versions=versions, **_in_words()), _overview(steps)]
    for step in steps:
        lines += [
            "",
            f"## {step.model}, {step.name}",
            "",
            _parts(step),
            "",
            dry.table(step.launches),
        ]
    return "\n".join(lines) + "\n"


def _in_words() -> dict[str, str]:
    return {
        **{
            name: str(getattr(ASSUMED, name))
            for name in ("streaming", "dense", "grouped", "mixing")
        },
        "copy": f"{ASSUMED.copy / 1e12}",
        "product": f"{ASSUMED.product / 1e12:.0f}",
        "launch": f"{ASSUMED.launch * 1e6:.1f}",
    }


def _overview(steps: list[Step]) -> str:
    lines = [
        "| model | step | launches | predicted ms | tokens/s | limit, tokens/s | share "
        "| measured |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for step in steps:
        rate, most = step.load.tokens / step.total, step.load.tokens / step.limit
        lines.append(
            f"| {step.model} | {step.name} | {step.count} | {step.total * 1e3:.3f} "
            f"| {rate:,.0f} | {most:,.0f} | {rate / most:.0%} | |"
        )
    return "\n".join(lines)


def _parts(step: Step) -> str:
    costs = costs_of(SHAPES[step.model](), step.load)
    counts = Counter(launch.part for launch in step.launches)
    lines = [
        "| part | launches | MB a step | GFLOP a step | predicted us | measured us |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for part, seconds in step.seconds.items():
        cost = costs.get(part, paper.NOTHING)
        lines.append(
            f"| {part} | {counts[part]} | {cost.bytes / 1e6:,.1f} | {cost.operations / 1e9:,.1f} "
            f"| {seconds * 1e6:,.0f} | |"
        )
    return "\n".join(lines)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--steps", default=",".join(LOADS))
    parser.add_argument(
        "--quick", action="store_true", help="read only the instructions that take in weights"
    )
    parser.add_argument("--variants", action="store_true", help="compile the trials instead")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
