"""transformers' GptOssForCausalLM on the same card: gpt-oss-20b's shape, bf16, random weights.

Three ways, each with eager attention (the only one of its own that knows sinks and needs no
download):

- forward: its forward with its own cache, a token at a time, the greedy token taken on the card,
  experts by `grouped_mm`, its default; the only way for a prompt.
- generate: `model.generate`, which takes the experts by `batched_mm` while it decodes.
- generate, static cache: the same with cache_implementation='static', for which it compiles its
  forward and replays CUDA graphs: what its documentation recommends for speed.

In `generate` a logits processor notes the time of every step, on the card, so that the prompt and
what happens around the steps cost nothing. The first run of each, with its compiling, is not
counted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

import cuda_clock as clock
import cuda_transformers
from cuda_paper import Load
from cuda_speed import Measured
from ossay.engine.shape import ModelShape

WAYS: dict[str, Callable[[Any, Load, int], clock.Timed]] = {
    "forward": lambda model, load, tokens: _forward(model, load, tokens),
    "generate": lambda model, load, tokens: _generate(model, load, tokens),
    "generate, static cache": lambda model, load, tokens: _generate(
        model, load, tokens, cache_implementation="static"
    ),
}


def measure(
    shape: ModelShape, plans: dict[str, Load], late: Callable[[], bool], tokens: int = 24
) -> Iterator[Measured | str]:
    """Measure each load each way; a line of text where one does not work, or it is `late`."""
    if (transformers := cuda_transformers.there()) is None:
        yield "transformers is not installed here: nothing to stand beside"
        return
    yield f"transformers {transformers.__version__}, torch {torch.__version__}"
    model = cuda_transformers.random_model(shape)
    for way, run in WAYS.items():
        for name, load in plans.items():
            decodes = load.tokens == load.sequences
            if way != "forward" and not decodes:
                continue
            what = f"transformers {way}, {name}"
            if late():
                yield f"{what}: no time left"
                continue
            try:
                timed = run(model, load, tokens) if decodes else _prefill(model, load)
                yield Measured(what, load.tokens, timed, 0.0)
            except Exception as error:  # noqa: BLE001  its compiler raises anything, the rest goes on
                yield f"{what} does not work: {type(error).__name__}: {str(error)[:200]}"


@torch.no_grad()
def _forward(model: Any, load: Load, tokens: int) -> clock.Timed:
    """One step, from `tokens` steps after a prompt of the load's context."""
    ids = _ids(model, load.sequences, load.context)
    out = model(ids, use_cache=True, logits_to_keep=1)
    state = {"cache": out.past_key_values, "ids": out.logits[:, -1:].argmax(-1)}

    def step() -> None:
        out = model(state["ids"], past_key_values=state["cache"], use_cache=True)
        state["ids"], state["cache"] = out.logits[:, -1:].argmax(-1), out.past_key_values

    return _timed(step, tokens)


@torch.no_grad()
def _prefill(model: Any, load: Load) -> clock.Timed:
    ids = iter(_ids(model, 8, load.tokens)[:, None])

    def step() -> None:
        model(next(ids), use_cache=True, logits_to_keep=1).logits.argmax(-1)

    return _timed(step, 3)


@torch.no_grad()
def _generate(model: Any, load: Load, tokens: int, **how: Any) -> clock.Timed:
    """One step of `generate`: the median of two runs after one that warms up."""
    torch.compiler.reset()  # what was compiled for other sizes would be made to fit these
    model.__dict__.pop("_compiled_call", None)
    tokens = tokens if clock.on_card() else 3
    each = []
    for _ in range(3):
        notes = _Notes()
        ids = _ids(model, load.sequences, load.context)
        model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens,
            min_new_tokens=tokens, logits_processor=[notes], **how,
        )  # fmt: skip
        each.append(notes.steps())
    first, second = each[1:]
    return clock.Timed(
        statistics.median(first), min(first), max(first), statistics.median(second),
        meaningless=not clock.on_card(),
    )  # fmt: skip


class _Notes:
    """A logits processor that changes nothing and notes when each step came to it."""

    def __init__(self) -> None:
        self._moments: list[Any] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Note the moment, on the card where there is one."""
        if clock.on_card():
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._moments.append(event)
        else:
            self._moments.append(time.perf_counter())
        return scores

    def steps(self) -> list[float]:
        """Microseconds of each decoded token but the first, to which the prompt belongs."""
        _wait()
        pairs = list(zip(self._moments, self._moments[1:], strict=False))[1:]
        if clock.on_card():
            return [begin.elapsed_time(end) * 1e3 for begin, end in pairs]
        return [(end - begin) * 1e6 for begin, end in pairs]


def _timed(step: Callable[[], None], repeats: int) -> clock.Timed:
    """Two stretches of `repeats` steps by the host's clock, after one to warm up."""
    repeats = repeats if clock.on_card() else 1
    each = []
    step()
    for _ in range(2):
        _wait()
        begin = time.perf_counter()
        for _ in range(repeats):
            step()
        _wait()
        each.append((time.perf_counter() - begin) * 1e6 / repeats)
    return clock.Timed(each[0], min(each), max(each), each[1], meaningless=not clock.on_card())


def _wait() -> None:
    if clock.on_card():
        torch.cuda.synchronize()


def _ids(model: Any, rows: int, length: int) -> torch.Tensor:
    return torch.randint(model.config.vocab_size, (rows, length), device=model.device)
