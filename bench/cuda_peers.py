"""transformers' GptOssForCausalLM on the same card: gpt-oss-20b's shape, bf16, random weights.

As it comes: eager attention (the only one of its own that knows sinks and needs no download), its
default way of the experts, and once more with grouped products where it has them. Decoding is its
forward with its own cache, a token at a time, the greedy token taken on the card. That is how it is
used without a serving engine, and not the most that could be made of it: no graphs, no compiling.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

import cuda_clock as clock
from cuda_paper import Load
from cuda_speed import Measured
from ossay.engine.shape import ModelShape

KINDS = (None, "grouped_mm")  # of `experts_implementation`; None is its default


def measure(
    shape: ModelShape, plans: dict[str, Load], tokens: int = 24
) -> Iterator[Measured | str]:
    """Measure each load with each way of the experts; a line of text where one does not work."""
    try:
        import transformers
    except ImportError:
        yield "transformers is not installed here: nothing to stand beside"
        return
    yield f"transformers {transformers.__version__}, torch {torch.__version__}"
    model = _model(transformers, shape)
    for kind, (name, load) in itertools.product(KINDS, plans.items()):
        what = f"transformers{'' if kind is None else f' {kind}'}, {name}"
        try:
            if kind is not None:
                model.set_experts_implementation(kind)
            timed = _decode(model, load, tokens) if load.tokens == load.sequences else None
            yield Measured(what, load.tokens, timed or _prefill(model, load), 0.0)
        except (RuntimeError, ValueError, AttributeError, TypeError) as error:
            yield f"{what} does not work: {type(error).__name__}: {str(error)[:200]}"


def _model(transformers: Any, shape: ModelShape) -> Any:
    """Random weights on the card, made there."""
    config = transformers.GptOssConfig(
        num_hidden_layers=shape.layers,
        num_local_experts=shape.experts,
        num_experts_per_tok=shape.experts_per_token,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        vocab_size=shape.vocab,
        sliding_window=shape.window,
    )
    config._attn_implementation = "eager"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(clock.device()):
            model = transformers.GptOssForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    with torch.no_grad():  # its own initial values route every token alike
        for parameter in model.parameters():
            parameter.normal_(0, parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.1)
    return model.eval()


@torch.inference_mode()
def _decode(model: Any, load: Load, tokens: int) -> clock.Timed:
    """One step, from `tokens` steps after a prompt of the load's context."""
    ids = _ids(model, load.sequences, load.context)
    out = model(ids, use_cache=True, logits_to_keep=1)
    state = {"cache": out.past_key_values, "ids": out.logits[:, -1:].argmax(-1)}

    def step() -> None:
        out = model(state["ids"], past_key_values=state["cache"], use_cache=True)
        state["ids"], state["cache"] = out.logits[:, -1:].argmax(-1), out.past_key_values

    return _timed(step, tokens)


@torch.inference_mode()
def _prefill(model: Any, load: Load) -> clock.Timed:
    ids = iter(_ids(model, 8, load.tokens)[:, None])

    def step() -> None:
        model(next(ids), use_cache=True, logits_to_keep=1).logits.argmax(-1)

    return _timed(step, 3)


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
