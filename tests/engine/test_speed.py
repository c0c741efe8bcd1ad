"""What a step costs on paper, against figures that were worked out by hand for gpt-oss."""

import pytest

from ossay.engine.known_shapes import gpt_oss_20b, gpt_oss_120b
from ossay.engine.machine import Machine, between
from ossay.engine.speed import Widths, Work, decode_step, experts_hit, limit, prefill, widths

SMALL, LARGE = gpt_oss_20b(), gpt_oss_120b()


@pytest.mark.parametrize(
    ("shape", "precision", "gigabytes"),
    [(SMALL, "exact", 3.708), (SMALL, "int8", 2.575), (LARGE, "exact", 5.003)],
)
def test_bytes_read_for_one_token(shape, precision, gigabytes):
    work = decode_step(shape, [1], widths(precision))
    assert work.weight_bytes / 1e9 == pytest.approx(gigabytes, rel=3e-3)


def test_the_parts_of_a_tokens_bytes():
    """Experts 1.269 GB, attention 1.275 GB, unembedding 1.158 GB (bf16)."""
    whole = decode_step(SMALL, [1], widths("exact")).weight_bytes
    no_experts = decode_step(SMALL, [1], Widths(0.0, 2.0, 4.0)).weight_bytes
    assert (whole - no_experts) / 1e9 == pytest.approx(1.269, abs=0.001)
    assert SMALL.vocab * SMALL.hidden * 2 / 1e9 == pytest.approx(1.158, abs=0.001)


@pytest.mark.parametrize(("shape", "layers_gflop"), [(SMALL, 6.06), (LARGE, 9.10)])
def test_operations_of_one_token(shape, layers_gflop):
    unembedding = 2 * shape.vocab * shape.hidden
    work = decode_step(shape, [1], widths("int8"))
    assert unembedding / 1e9 == pytest.approx(1.16, abs=0.005)
    assert (work.operations - unembedding) / 1e9 == pytest.approx(layers_gflop, abs=0.01)


def test_keys_and_values_stop_growing_in_sliding_layers():
    """bf16: 2048 bytes a layer and position; 24.6 KB growing and 3.1 MB fixed."""
    bf16 = Widths(17 / 32, 2.0, 2.0)
    short = decode_step(SMALL, [128], bf16).kv_bytes
    longer = decode_step(SMALL, [129], bf16).kv_bytes
    assert short == 24 * 128 * 2048
    assert longer - short == 12 * 2048
    assert longer - 129 * 12 * 2048 == pytest.approx(3.1e6, rel=0.02)


def test_a_prompt_pays_the_unembedding_once():
    """Per token about the 6.06 GFLOP of the layers, and the attention scores."""
    work = prefill(SMALL, 512, widths("int8"))
    scores = 4 * 64 * 64 * (12 * 512 * 513 / 2 + 12 * (128 * 129 / 2 + 384 * 128))
    matrices = 23 / 24 * 4.778 + 1.279  # the last layer's experts see the last token only
    assert (work.operations - scores) / 512 / 1e9 == pytest.approx(matrices, rel=2e-3)
    assert work.kv_bytes == 12 * 2048 * (512 + 512)


def test_a_chunk_costs_what_it_adds():
    whole = prefill(SMALL, 512, widths("int8"))
    parts = prefill(SMALL, 256, widths("int8")), prefill(SMALL, 256, widths("int8"), start=256)
    extra = 2 * SMALL.vocab * SMALL.hidden + 2 * 4 * 3 * 2880 * 2880  # a second last token
    assert sum(p.operations for p in parts) == pytest.approx(whole.operations + extra)


def test_experts_hit():
    assert experts_hit(SMALL, 1) == pytest.approx(4)
    assert experts_hit(SMALL, 16) == pytest.approx(28.22, abs=0.01)
    assert experts_hit(SMALL, 0) == 0
    assert experts_hit(SMALL, 10_000) == pytest.approx(32)


def test_sixteen_sequences_read_most_experts_once():
    """About 10.2 GB a step, by the 24 layers' experts, attention and unembedding in 8 bit."""
    work = decode_step(SMALL, [16] * 16, widths("int8"))
    assert work.weight_bytes / 1e9 == pytest.approx(10.2, abs=0.1)


def test_bf16_experts_are_read_whole():
    less = decode_step(SMALL, [1], widths("exact")).weight_bytes
    more = decode_step(SMALL, [1], widths("exact", bf16_experts=True)).weight_bytes
    assert more - less == pytest.approx(24 * 4 * 3 * 2880 * 2880 * (2 - 17 / 32))


def test_the_slower_of_reading_and_computing_is_the_limit():
    machine = Machine(2, read_gb_s=10, int8_gop_s=1000, fp32_gflop_s=100)
    read = limit(Work(5e9, 5e9, 1e9), machine, "int8")
    assert (read.seconds, read.bound) == (1.0, "memory")
    computed = limit(Work(1e9, 0, 1e12), machine, "int8")
    assert (computed.seconds, computed.bound) == (1.0, "arithmetic")
    assert limit(Work(1e9, 0, 1e12), machine, "exact").seconds == 10.0


def test_a_machine_between_two_measurements():
    slow = Machine(2, 30.0, 900.0, 200.0)
    fast = Machine(2, 50.0, 900.0, 200.0)
    assert between([slow, fast]) == Machine(2, 40.0, 900.0, 200.0)
