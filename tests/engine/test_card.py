"""A model on a GPU: what fits on paper, and what is said where there is none. Needs no torch."""

import pytest

from ossay.core.errors import UsageError
from ossay.engine import load
from ossay.engine.card import cache_for, check_gpu, needed, synthetic_on_card
from ossay.engine.kernels.cuda import paper
from ossay.engine.kernels.cuda.device import Found, beside, judge, missing
from ossay.engine.sizing import sizes_for
from ossay.engine.synth import gpt_oss_20b, gpt_oss_120b, tiny_shape, write_checkpoint

MIB = 1 << 20
OWN = 600 * MIB  # of the driver's and CUDA's, generously
A100_80 = 81_920 * MIB - OWN  # nvidia-smi's total
H200 = 143_771 * MIB - OWN
CARD_16 = 16_376 * MIB - OWN

GOOD = Found("2.11.0", "3.6.0", "13.0", 1, "NVIDIA H200", (9, 0), 150 << 30)


class OnPaper:
    """Kernels of that shape, of which only the cache's size is asked."""

    def __init__(self, shape):
        self.shape = shape

    def cache_bytes(self, full_blocks, sliding_blocks):
        return paper.cache_bytes(self.shape, full_blocks, sliding_blocks)


@pytest.mark.parametrize(
    ("shape", "free", "tokens"),
    [
        (gpt_oss_120b(), A100_80, 131_072),
        (gpt_oss_120b(), H200, 131_072),
        (gpt_oss_20b(), A100_80, 131_072),
        (gpt_oss_20b(), CARD_16, 16_384),
    ],
    ids=["120b on 80 GB", "120b on an H200", "20b on 80 GB", "20b on 16 GB"],
)
def test_gpt_oss_fits_with_room_for_its_cache(shape, free, tokens):
    assert needed(shape).total < free
    sizes = sizes_for(
        OnPaper(shape), cache_for(shape, free - needed(shape).weights), context=tokens,
        max_sequences=64, step_tokens=2048,
    )  # fmt: skip
    assert sizes.context == tokens
    assert needed(shape).total + paper.cache_bytes(
        shape, sizes.full_blocks, sizes.sliding_blocks
    ) < free  # fmt: skip


def test_weights_on_paper_are_about_the_checkpoints():
    """65.25 and 13.76 GB as stored; vectors take twice that here."""
    assert needed(gpt_oss_120b()).weights == pytest.approx(65.25e9, rel=0.005)
    assert needed(gpt_oss_20b()).weights == pytest.approx(13.76e9, rel=0.005)


def test_a_120b_does_not_fit_16_gb():
    assert needed(gpt_oss_120b()).weights > CARD_16
    assert cache_for(gpt_oss_120b(), CARD_16 - needed(gpt_oss_120b()).weights) == 0


def test_a_cache_that_the_card_cannot_hold_is_refused():
    shape = gpt_oss_20b()
    room = 40 * MIB
    left = needed(shape).workspace + room
    assert cache_for(shape, left, room) == room
    with pytest.raises(UsageError, match=r"cache_bytes=\d+ is more than the 41\.9 MB .* lower it"):
        cache_for(shape, left, room + 1)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Found(), r"PyTorch is not installed.*pip install 'ossay\[cuda\]'"),
        (Found("2.11.0"), r"2.11.0 was built without CUDA: .*pip install --force-reinstall torch"),
        (Found("2.11.0", cuda="13.0"), r"Triton is not installed.*pip install 'ossay\[cuda\]'"),
        (Found("2.11.0", "3.6.0", "13.0"), r"sees no NVIDIA GPU.*nvidia-smi"),
        (
            Found("2.11.0", "3.6.0", "13.0", 1, "Tesla T4", (7, 5)),
            r"Tesla T4 has compute capability 7.5, and 8.0 \(Ampere\) or newer",
        ),
    ],
    ids=["no torch", "no CUDA", "no triton", "no card", "an old card"],
)
def test_what_is_missing_is_named_with_the_next_step(found, said):
    import re

    assert re.search(said, judge(found))


def test_nothing_is_missing_with_a_card():
    assert judge(GOOD) == ""


@pytest.mark.parametrize("free", [50_000 * MIB, 4096 * MIB, 700 * MIB, 90 * MIB])
def test_what_is_measured_beside_a_model_fits_there(free):
    """A cache takes nine tenths of what the weights leave; a card of 16 GB then has little."""
    size, side = beside(free)
    assert 2 * size <= free / 2
    assert 3 * 2 * side**2 <= free / 2
    assert (size, side) == (1024 * MIB, 8192) or free < 5000 * MIB


def test_without_a_card_nothing_is_read(tmp_path):
    if not missing():
        pytest.skip("there is a GPU here")
    folder = write_checkpoint(tmp_path / "m", tiny_shape(), 1)
    for ask in (
        check_gpu,
        lambda: load(folder, backend="cuda"),
        lambda: synthetic_on_card(tiny_shape(), 1),
    ):
        with pytest.raises(UsageError, match=r"backend 'cuda' cannot be used: .*backend='cpu'"):
            ask()
