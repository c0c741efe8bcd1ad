"""The card that is there, if there is one."""

import pytest

from ossay.engine.kernels.cuda import device as card


def test_what_is_found_is_what_is_there(device):
    found = card.find()
    assert found.torch
    assert found.triton
    assert bool(found.cards) == (device == "cuda")
    assert (card.missing() == "") == (device == "cuda")


def test_the_card_is_measured(device):
    if device != "cuda":
        pytest.skip("no NVIDIA GPU here")
    meter = card.CardMeter()
    machine = meter.first()
    assert 50 < machine.read_gb_s < 50_000
    assert 1e3 < machine.bf16_gflop_s < 1e8
    assert meter.again(machine).bf16_gflop_s == machine.bf16_gflop_s
    assert 0 < card.free_memory() < card.find().memory_bytes
    assert card.name() == card.find().name
