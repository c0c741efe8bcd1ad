"""Whose turn it is: nothing lost, nothing leaked, nothing overtaken, whatever happens.

Driven by the null backend, which checks every batch and whose tokens depend on every token before.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.engine.batch import BLOCK
from ossay.engine.cache import Cache, most_sliding
from ossay.engine.kernels import forward
from ossay.engine.kernels.null import Null
from ossay.engine.sampling import Sampler, Sampling
from ossay.engine.scheduler import Scheduler
from ossay.engine.sequence import Sequence
from ossay.engine.synth import tiny_shape

GREEDY = Sampling(temperature=0, stop_tokens=())


class Driver:
    """The loop of an engine, by hand: one call one step, no thread."""

    def __init__(self, *, full=64, sliding=64, window=40, most=4, step=48, beside=64, reuse=True):
        self.null = Null(tiny_shape(window=window, max_positions=4096))
        self.cache = Cache(full, sliding, window, reuse=reuse)
        self.scheduler = Scheduler(
            self.cache, max_sequences=most, step_tokens=step, beside_tokens=beside
        )
        self.memory = self.null.new_cache(full, sliding)
        self.sequences = []

    def add(self, tokens, count):
        sampler = Sampler(GREEDY, tokens, ())
        sequence = Sequence(len(self.sequences), tokens, len(tokens) + count, sampler)
        self.sequences.append(sequence)
        self.scheduler.add(sequence)
        return sequence

    def step(self):
        step = self.scheduler.plan()
        if step is None:
            return None
        rows = forward(self.null, step.batch, self.memory)
        self.scheduler.computed(step)
        for part in step.parts:
            if part.last > part.first:
                sequence = part.sequence
                sequence.tokens.append(sequence.sampler.choose(rows[part.first]))
                if len(sequence.tokens) == sequence.limit:
                    self.scheduler.end(sequence)
        return step

    def run(self):
        steps = 0
        while self.step() is not None:
            steps += 1
            assert steps < 20_000, "it never ends"

    def check_empty(self):
        for pool in (self.cache.full, self.cache.sliding):
            assert pool.holders == [0] * pool.size
            assert pool.free == pool.size

    def check_whole(self, sequence):
        expected = self.null.continuation(
            sequence.tokens[: sequence.prompt], sequence.limit - sequence.prompt
        )
        assert sequence.generated == expected


def test_one_step_takes_the_decodes_first_and_fills_up_with_prompts():
    driver = Driver(step=48)
    one = driver.add([1] * 10, 20)
    driver.step()
    two = driver.add([2] * 100, 5)
    step = driver.step()
    assert [(part.sequence, part.count) for part in step.parts] == [(one, 1), (two, 47)]
    assert step.batch.starts.tolist() == [0, 1, 48]
    assert step.batch.positions.tolist() == [10, *range(47)]
    assert step.batch.wanted.tolist() == [0]  # the prompt is not through


def test_a_prompt_is_cut_small_beside_sequences_that_generate():
    driver = Driver(full=64, sliding=64, most=4, step=300, beside=32)
    running = [driver.add([number] * 10, 20) for number in (1, 2)]
    driver.step()
    prompt = driver.add([3] * 100, 20)
    counts = []
    while prompt.computed < 100:
        step = driver.step()
        counts.append([part.count for part in step.parts])
        assert [part.sequence for part in step.parts[:2]] == running
    assert counts == [[1, 1, 32], [1, 1, 32], [1, 1, 32], [1, 1, 4]]


def test_a_prompt_alone_fills_the_step_and_all_prompts_beside_others_share():
    driver = Driver(full=64, sliding=64, most=4, step=300, beside=32)
    alone = driver.add([1] * 200, 20)
    assert [part.count for part in driver.step().parts] == [200]
    more = [driver.add([number] * 20, 20) for number in (2, 3)]
    step = driver.step()
    assert [(part.sequence, part.count) for part in step.parts] == [
        (alone, 1),
        (more[0], 20),
        (more[1], 12),
    ]
    driver.run()
    for sequence in driver.sequences:
        driver.check_whole(sequence)


def test_prompts_enter_in_order_and_none_overtakes():
    driver = Driver(full=8, most=4)
    first = driver.add([1] * 200, 40)  # 7 blocks of 8
    second = driver.add([2] * 100, 2)  # does not fit beside it
    third = driver.add([3] * 10, 2)  # would fit, and has to wait
    driver.step()
    assert [s.state for s in (first, second, third)] == ["running", "waiting", "waiting"]
    driver.run()
    for sequence in driver.sequences:
        driver.check_whole(sequence)


def test_the_youngest_gives_way_and_is_computed_again():
    driver = Driver(full=10, most=4, reuse=False)
    old = driver.add([1] * 120, 100)
    young = driver.add([2] * 120, 100)  # both enter, both cannot stay
    driver.run()
    assert old.preempted == 0
    assert young.preempted > 0
    driver.check_whole(old)
    driver.check_whole(young)
    driver.check_empty()


def test_the_longest_sequence_that_fits_runs_alone():
    driver = Driver(full=4, sliding=most_sliding(40, 48), most=4)
    sequence = driver.add([1] * 50, 4 * BLOCK - 50)
    driver.run()
    driver.check_whole(sequence)
    driver.check_empty()


def test_a_sequence_that_can_never_fit_is_refused():
    driver = Driver(full=4)
    with pytest.raises(ValueError, match="can never fit"):
        driver.add([1] * 50, 4 * BLOCK - 49)


def test_a_scoring_sequence_wants_every_token_and_takes_no_prefix():
    driver = Driver(step=48)
    driver.add([1] * 100, 1)
    driver.run()
    scoring = Sequence(9, [1] * 100, 100)
    driver.scheduler.add(scoring)
    step = driver.scheduler.plan()
    assert step.batch.wanted.tolist() == list(range(48))
    assert scoring.cached == 0


def test_sizes_under_which_something_could_starve_are_refused():
    with pytest.raises(ValueError, match="starve"):
        Scheduler(Cache(8, 8, 32), max_sequences=48, step_tokens=48)
    with pytest.raises(ValueError, match="beside_tokens=0"):
        Scheduler(Cache(8, 8, 32), max_sequences=4, step_tokens=48, beside_tokens=0)
    with pytest.raises(ValueError, match="sliding blocks"):
        Scheduler(Cache(8, 3, 128), max_sequences=4, step_tokens=48)


@pytest.mark.parametrize("step", [5, 16, 31, 33, 64, 500])
@pytest.mark.parametrize("window", [4, 32, 40, 128])
def test_tokens_do_not_depend_on_how_the_prompt_is_cut(step, window):
    driver = Driver(step=step, window=window, most=4)
    shared = list(range(150))
    for last in (1, 2, 3, 1):
        driver.add([*shared, last], 40)
    driver.run()
    for sequence in driver.sequences:
        driver.check_whole(sequence)
    driver.check_empty()


PROMPT = st.tuples(st.integers(0, 3), st.integers(1, 180), st.integers(0, 2))
EVENT = st.one_of(
    st.tuples(st.just("add"), PROMPT, st.integers(1, 60)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("steps"), st.integers(1, 40)),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(EVENT, max_size=25),
    st.integers(8, 30),
    st.integers(0, 20),
    st.sampled_from([4, 32, 40, 100]),
    st.integers(8, 70),
    st.integers(1, 70),
    st.booleans(),
)
def test_whatever_is_submitted_and_cancelled_nothing_is_lost(
    events, full, more_sliding, window, step, beside, reuse
):
    sliding = most_sliding(window, step) + more_sliding
    driver = Driver(
        full=full, sliding=sliding, window=window, step=step, beside=beside, reuse=reuse
    )
    cancelled = set()
    for event in events:
        if event[0] == "add":
            (kind, length, last), count = event[1], event[2]
            # A few beginnings, so that prefixes are shared and part at different places.
            driver.add([*np.full(length, kind).tolist(), last], count)
        elif event[0] == "cancel" and event[1] < len(driver.sequences):
            driver.scheduler.end(driver.sequences[event[1]])
            cancelled.add(event[1])
        elif event[0] == "steps":
            for _ in range(event[1]):
                driver.step()
    driver.run()
    for sequence in driver.sequences:
        assert sequence.state == "ended"
        if sequence.number not in cancelled:
            driver.check_whole(sequence)
    driver.check_empty()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(PROMPT, st.integers(1, 60)), min_size=1, max_size=10), st.integers(8, 20))
def test_the_oldest_is_never_preempted(requests, full):
    driver = Driver(full=full, sliding=most_sliding(40, 48), most=4)
    for (kind, length, last), count in requests:
        driver.add([*[kind] * length, last], count)
    while True:
        live = [s for s in driver.sequences if s.state != "ended"]
        if not live:
            break
        before = live[0].preempted, live[0].computed + len(live[0].tokens)
        assert driver.step() is not None
        assert live[0].preempted == before[0]
        assert live[0].state == "ended" or live[0].computed + len(live[0].tokens) > before[1]
