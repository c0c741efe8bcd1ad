"""Blocks: who holds them, who finds them, and which go first."""

import pytest

from ossay.engine.batch import BLOCK
from ossay.engine.cache import PASSED, Cache, Pool, blocks_for, most_sliding
from ossay.engine.sequence import Sequence


def run(cache, tokens, *, step=10_000, number=0):
    """Compute all tokens but the last in steps, as a scheduler would."""
    sequence = Sequence(number, tokens, len(tokens))
    cache.adopt(sequence)
    while sequence.pending > 0:
        count = min(step, sequence.pending)
        assert cache.extend(sequence, sequence.computed + count)
        sequence.computed += count
        cache.settle(sequence)
    return sequence


def adopted(cache, tokens):
    """How many tokens of a prompt are found; nothing stays held."""
    sequence = Sequence(99, tokens, len(tokens))
    cache.adopt(sequence)
    found = sequence.computed
    cache.release(sequence)
    return found


def tokens(count, first=0):
    return [first + i for i in range(count)]


def test_a_prompt_seen_before_is_found_up_to_its_last_whole_block():
    cache = Cache(64, 64, window=128)
    cache.release(run(cache, tokens(100)))
    assert adopted(cache, tokens(100)) == 96
    assert adopted(cache, tokens(97)) == 96
    assert adopted(cache, tokens(96)) == 64  # one token at least must be computed
    assert adopted(cache, tokens(40)) == 32
    assert adopted(cache, tokens(31)) == 0


def test_a_prompt_is_found_only_as_far_as_all_before_agrees():
    cache = Cache(64, 64, window=128)
    cache.release(run(cache, tokens(100)))
    assert adopted(cache, [7, *tokens(99, first=1)]) == 0
    assert adopted(cache, tokens(40) + [7] * 60) == 32
    assert adopted(cache, tokens(64)[32:] + tokens(64)) == 0  # the same block, other things before


def test_two_running_sequences_share_a_prefix_and_write_apart():
    cache = Cache(64, 64, window=128)
    one = run(cache, tokens(70))
    two = run(cache, tokens(64) + [9] * 6)
    assert two.full[:2] == one.full[:2]
    assert two.full[2] != one.full[2]
    assert cache.full.holders[one.full[0]] == 2
    cache.release(one)
    assert cache.full.holders[two.full[0]] == 1
    cache.release(two)
    assert cache.full.free == cache.full.size
    assert cache.sliding.free == cache.sliding.size


@pytest.mark.parametrize("window", [4, 8, 33, 128])
def test_a_live_sequence_holds_only_the_window_in_sliding_blocks(window):
    cache = Cache(64, 64, window=window)
    sequence = run(cache, tokens(1000), step=1)
    held = [block for block in sequence.sliding if block != PASSED]
    assert len(held) <= blocks_for(window) + 1
    assert cache.sliding.size - cache.sliding.free == len(held)
    first = max(0, sequence.computed - window + 1) // BLOCK
    assert all(block != PASSED for block in sequence.sliding[first:])  # what will be looked at


@pytest.mark.parametrize("window", [1, 4, 32, 33, 128])
@pytest.mark.parametrize("step", [1, 31, 100])
def test_most_sliding_is_never_exceeded(window, step):
    cache = Cache(64, most_sliding(window, step), window=window)
    run(cache, tokens(700), step=step)  # extend would refuse


def test_a_passed_sliding_block_can_still_be_found():
    cache = Cache(64, 64, window=32)
    sequence = run(cache, tokens(640))
    assert sequence.sliding[:18] == [PASSED] * 18
    assert adopted(cache, tokens(100)) == 96


def test_without_its_sliding_blocks_a_prefix_is_cut_where_they_are():
    # 10 sliding blocks: a long run drives out what it passed, and keeps both prompts' ends.
    cache = Cache(256, 10, window=64)
    cache.release(run(cache, tokens(320), step=32))
    cache.release(run(cache, tokens(960, first=5000), step=32))
    assert adopted(cache, tokens(321)) == 320  # an end outlives what was passed on the way
    assert adopted(cache, tokens(200)) == 0  # its full blocks are there, its window is not
    assert adopted(cache, tokens(961, first=5000)) == 960


def test_where_prompts_branch_off_the_window_is_kept_the_second_time():
    cache = Cache(512, 8, window=32)
    system = tokens(320)

    def ask(first):
        cache.release(run(cache, system + tokens(320, first=first), step=32))

    ask(1000)
    assert adopted(cache, system + tokens(10, first=7)) == 0  # the window was driven out
    ask(2000)  # now it is known that prompts part after `system`
    ask(3000)
    assert adopted(cache, system + tokens(10, first=9)) == 320


def test_the_least_recently_used_block_goes_first_and_tails_before_heads():
    cache = Cache(8, 64, window=32)
    cache.release(run(cache, tokens(128)))  # 4 blocks
    cache.release(run(cache, tokens(128, first=500)))  # 4 more: full
    assert adopted(cache, tokens(129)) == 128  # and this makes the first the more recent
    cache.release(run(cache, tokens(64, first=900)))  # takes 2: the tail of the older
    assert adopted(cache, tokens(129)) == 128
    assert adopted(cache, tokens(129, first=500)) == 64


def test_extend_takes_all_or_nothing():
    cache = Cache(4, 8, window=32)
    sequence = Sequence(0, tokens(200), 200)
    assert not cache.extend(sequence, 129)
    assert sequence.full == []
    assert cache.full.free == 4
    assert cache.extend(sequence, 128)
    assert cache.full.free == 0


def test_without_reuse_nothing_is_found():
    cache = Cache(64, 64, window=128, reuse=False)
    cache.release(run(cache, tokens(100)))
    assert adopted(cache, tokens(100)) == 0


def test_a_block_given_back_twice_is_a_fault():
    pool = Pool(2)
    block = pool.take()
    pool.drop(block, end=False)
    with pytest.raises(AssertionError, match="does not hold"):
        pool.drop(block, end=False)


def test_equal_blocks_computed_side_by_side_keep_one_name():
    cache = Cache(64, 64, window=128)
    one, two = (Sequence(n, tokens(70), 70) for n in range(2))
    for sequence in (one, two):
        cache.adopt(sequence)
        assert cache.extend(sequence, 70)
    for sequence in (one, two):
        sequence.computed = 70
        cache.settle(sequence)
    cache.release(one)
    cache.release(two)
    assert adopted(cache, tokens(70)) == 64
    assert cache.full.free == 64
