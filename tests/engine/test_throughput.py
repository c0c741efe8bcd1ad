"""Tokens per second: what is counted, and what a figure is held against."""

import numpy as np
import pytest

from ossay.engine import load
from ossay.engine.machine import Cores, Machine
from ossay.engine.speed import Work, widths
from ossay.engine.throughput import (
    Plan,
    Timed,
    benchmark,
    decode_work,
    prefill_work,
    rate,
    time_decode,
    time_prefill,
)


@pytest.fixture
def engine(tiny_checkpoints):
    with load(tiny_checkpoints["mxfp4"], backend="null", max_sequences=16) as engine:
        yield engine


def test_a_prompt_is_read_in_the_engines_pieces(engine):
    timed = time_prefill(engine, 600, np.random.default_rng(0))
    assert (timed.tokens, timed.steps) == (600, 2)
    assert timed.seconds > 0
    assert engine.stats().cached_tokens == 0


@pytest.mark.parametrize("batch", [1, 4, 16])
def test_decoding_counts_only_while_all_sequences_run(engine, batch):
    timed = time_decode(engine, batch, 10, np.random.default_rng(0))
    assert (timed.tokens, timed.steps) == (10 * batch, 10)
    assert timed.seconds > 0


def test_everything_in_a_plan_is_measured(engine):
    plan = Plan(prompt=64, batches=(1, 3), tokens=4, repeat=2)
    rates = list(benchmark(engine, plan, "int8", widths("int8"), Cores(1, "int8")))
    assert [(r.what, r.size, len(r.each)) for r in rates] == [
        ("prefill", 64, 2),
        ("decode", 1, 2),
        ("decode", 3, 2),
    ]


def test_a_rate_is_held_against_the_machine_beside_it():
    """4 steps of 2 sequences in 2 s; a step reads 1 GB where memory gives 4 GB/s, then 8 GB/s."""
    timed = [Timed(tokens=8, steps=4, seconds=2.0)] * 2
    machines = [Machine(2, 4.0, 1000.0, 100.0), Machine(2, 8.0, 1000.0, 100.0)]
    work = Work(weight_bytes=9e8, kv_bytes=1e8, operations=1e9)
    found = rate("decode", 2, timed, machines, work=work, precision="int8")
    assert found.tokens_per_s == 4.0
    assert found.gb_s == pytest.approx(2.0)
    assert found.gflop_s == pytest.approx(2.0)
    assert found.share == pytest.approx((0.5 + 0.25) / 2)
    assert (found.bound, found.read_gb_s) == ("memory", 6.0)


def test_without_the_fast_kernels_there_is_no_share():
    work = Work(1e9, 0.0, 1e9)
    found = rate("prefill", 8, [Timed(8, 1, 2.0)], [None], work=work, precision="exact")
    assert (found.tokens_per_s, found.gb_s) == (4.0, 0.5)
    assert (found.share, found.bound, found.read_gb_s) == (None, None, None)


def test_work_of_a_long_prompt_reads_the_weights_once_a_piece(engine):
    one = prefill_work(engine, 512, widths("int8"))
    two = prefill_work(engine, 1024, widths("int8"))
    assert two.weight_bytes == pytest.approx(2 * one.weight_bytes)
    assert two.operations > 2 * one.operations  # later tokens see more


def test_work_of_a_batch_grows_less_than_the_batch(engine):
    one = decode_work(engine.shape, 1, 8, widths("int8"))
    four = decode_work(engine.shape, 4, 8, widths("int8"))
    assert one.weight_bytes < four.weight_bytes < 4 * one.weight_bytes
    assert four.operations == pytest.approx(4 * one.operations)
