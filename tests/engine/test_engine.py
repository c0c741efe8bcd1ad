"""The whole engine: many callers, one thread, and the same tokens whatever runs beside."""

import multiprocessing
import threading

import numpy as np
import pytest

from ossay.core.errors import UsageError
from ossay.engine import Binding, Constraint, Engine, Grammar, Sampling, Sizes, Vocabulary, load
from ossay.engine.batch import Batch
from ossay.engine.cache import Cache
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.errors import GenerationError, RequestError
from ossay.engine.kernels import cpu, forward
from ossay.engine.kernels.null import Null
from ossay.engine.kernels.reference import Reference
from ossay.engine.sequence import Sequence
from ossay.engine.synth import tiny_shape, write_checkpoint

GREEDY = Sampling(temperature=0, max_tokens=24, stop_tokens=())
WAIT = 60  # seconds; only a hang comes near


def null_engine(*, shape=None, clock=None, fail_at=None, **sizes):
    sizes = {"context": 1024, "full_blocks": 128, "sliding_blocks": 96, **sizes}
    null = Null(shape or tiny_shape(window=40, max_positions=4096), fail_at=fail_at)
    return Engine(null, Sizes(**sizes), **({"clock": clock} if clock else {}))


def expected(tokens, count):
    return Null(tiny_shape(window=40, max_positions=4096)).continuation(tokens, count)


def ids(tokens):
    return [token.id for token in tokens]


# --- the same tokens, however the work is cut -------------------------------------------------


@pytest.fixture(scope="module", params=["reference", "cpu exact", "cpu int8"])
def kernels(request, tmp_path_factory):
    """A tiny model with real arithmetic."""
    folder = write_checkpoint(tmp_path_factory.mktemp("tiny"), tiny_shape(window=40), seed=11)
    checkpoint = open_checkpoint(folder)
    if request.param == "reference":
        return Reference(checkpoint.shape, checkpoint)
    if why := cpu.missing():
        pytest.skip(why)
    return cpu.Cpu(checkpoint.shape, checkpoint, precision=request.param.split()[1], threads=2)


PROMPT = np.random.default_rng(5).integers(0, 512, 170).tolist()
STRANGERS = [np.random.default_rng(i).integers(0, 512, 20 + 37 * i).tolist() for i in range(4)]


def engine_of(kernels, **sizes):
    return Engine(
        kernels,
        Sizes(**{"context": 512, "full_blocks": 64, "sliding_blocks": 64, **sizes}),
    )


@pytest.fixture(scope="module")
def plain(kernels):
    with engine_of(kernels, prefix_cache=False) as engine:
        return ids(engine.generate(PROMPT, GREEDY))


def test_prefill_in_one_piece_is_what_logits_say(kernels, plain):
    with engine_of(kernels, prefix_cache=False) as engine:
        rows = engine.logits(PROMPT + plain)
    assert rows.shape == (len(PROMPT) + len(plain), 512)
    assert rows.dtype == np.float32
    assert rows.argmax(axis=1)[len(PROMPT) - 1 : -1].tolist() == plain


@pytest.mark.parametrize("step", [2, 7, 33, 64])
def test_prefill_in_chunks_gives_the_same_tokens(kernels, plain, step):
    with engine_of(kernels, max_sequences=1, step_tokens=step) as engine:
        assert ids(engine.generate(PROMPT, GREEDY)) == plain


def test_prefill_token_by_token_gives_the_same_tokens(kernels, plain):
    cache, memory = Cache(16, 16, window=40), kernels.new_cache(16, 16)
    sequence = Sequence(0, PROMPT, 512)
    while len(sequence.generated) < len(plain):
        assert cache.extend(sequence, sequence.computed + 1)
        rows = forward(kernels, one_token(sequence), memory)
        sequence.computed += 1
        cache.settle(sequence)
        if sequence.pending == 0:
            sequence.tokens.append(int(rows[0].argmax()))
    assert sequence.generated == plain


def one_token(sequence):
    at = sequence.computed
    return Batch(
        tokens=np.array([sequence.tokens[at]], np.int32),
        positions=np.array([at], np.int32),
        starts=np.array([0, 1], np.int32),
        full_blocks=np.array([sequence.full], np.int32),
        sliding_blocks=np.array([sequence.sliding], np.int32),
        wanted=np.array([0], np.int32),
    )


def test_batched_with_strangers_gives_the_same_tokens(kernels, plain):
    with engine_of(kernels, max_sequences=4, step_tokens=50) as engine:
        others = [engine.submit(tokens, GREEDY) for tokens in STRANGERS[:2]]
        mine = engine.submit(PROMPT, GREEDY)
        others += [engine.submit(tokens, GREEDY) for tokens in STRANGERS[2:]]
        assert mine.result(WAIT) == plain
        for handle in others:
            handle.result(WAIT)


def test_after_a_prefix_hit_past_several_windows_the_tokens_are_the_same(kernels, plain):
    with engine_of(kernels) as engine:
        engine.submit(PROMPT, GREEDY).result(WAIT)
        again = engine.submit(PROMPT, GREEDY)
        assert again.result(WAIT) == plain
        assert again.cached_tokens == 160
        with engine_of(kernels, prefix_cache=False) as fresh:  # the next turn of a conversation
            longer = [*PROMPT, *plain, 7, 8, 9]
            new = ids(fresh.generate(longer, GREEDY))
        turn = engine.submit(longer, GREEDY)
        assert turn.result(WAIT) == new
        assert turn.cached_tokens == 192
        branch = engine.submit([*PROMPT[:100], *PROMPT[:70]], GREEDY)
        branch.result(WAIT)
        assert branch.cached_tokens == 96


def test_after_sliding_blocks_were_driven_out_the_tokens_are_the_same(kernels, plain):
    with engine_of(kernels, sliding_blocks=6, max_sequences=1, step_tokens=40) as engine:
        engine.submit(PROMPT, GREEDY).result(WAIT)
        for stranger in STRANGERS:
            engine.submit(stranger, GREEDY).result(WAIT)
        again = engine.submit(PROMPT, GREEDY)
        assert again.result(WAIT) == plain
        assert again.cached_tokens < 160


def test_after_a_preemption_the_tokens_are_the_same(kernels, plain):
    with engine_of(kernels, context=256, full_blocks=8, max_sequences=3) as engine:
        others = [engine.submit(STRANGERS[1], GREEDY), engine.submit(STRANGERS[0], GREEDY)]
        more = Sampling(temperature=0, max_tokens=80, stop_tokens=())
        old = engine.submit(STRANGERS[0], more)
        mine = engine.submit(PROMPT, GREEDY)
        assert mine.result(WAIT) == plain
        for handle in [*others, old]:
            handle.result(WAIT)
        assert engine.stats().preemptions > 0


def test_logits_that_were_interrupted_by_a_preemption_come_once():
    with null_engine(full_blocks=17, step_tokens=16, max_sequences=4) as engine:
        both = threading.Event()

        def hold_until_both_are_there(_):
            while not both.is_set():
                stats = engine.stats()
                if stats.running + stats.waiting == 2:
                    both.set()
                both.wait(0.001)

        more = Sampling(temperature=0, max_tokens=60, stop_tokens=())
        old = engine.submit([1] * 126, more, on_token=hold_until_both_are_there)
        rows = engine.logits([3] * 400)
        old.result(WAIT)
        assert engine.stats().preemptions > 0
    with null_engine() as engine:
        np.testing.assert_array_equal(rows, engine.logits([3] * 400))


def test_a_seed_gives_the_same_tokens_whatever_runs_beside(kernels):
    warm = Sampling(temperature=1, seed=4, max_tokens=20, stop_tokens=())
    with engine_of(kernels, prefix_cache=False) as engine:
        alone = ids(engine.generate(PROMPT, warm))
        others = [engine.submit(tokens, Sampling(max_tokens=20)) for tokens in STRANGERS]
        assert engine.submit(PROMPT, warm).result(WAIT) == alone
        for handle in others:
            handle.result(WAIT)


# --- what callers get ---------------------------------------------------------------------------


def test_tokens_come_with_what_was_asked_for():
    with null_engine() as engine:
        asked = Sampling(temperature=0, max_tokens=3, stop_tokens=(), logprobs=2)
        tokens = list(engine.generate([1, 2, 3], asked))
    assert ids(tokens) == expected([1, 2, 3], 3)
    assert [token.finish for token in tokens] == [None, None, "length"]
    assert all(token.top[0] == (token.id, token.logprob) for token in tokens)


def test_a_stop_token_ends_and_is_handed_out():
    second = expected([1, 2, 3], 2)[1]
    with null_engine() as engine:
        tokens = list(engine.generate([1, 2, 3], Sampling(temperature=0, stop_tokens=(second,))))
    assert ids(tokens) == expected([1, 2, 3], 2)
    assert tokens[-1].finish == "stop"


def test_the_models_own_stop_tokens_count_unless_others_are_named():
    second = expected([1, 2, 3], 2)[1]
    shape = tiny_shape(window=40, max_positions=4096, stop_tokens=(second,))
    with null_engine(shape=shape) as engine:
        assert len(list(engine.generate([1, 2, 3], Sampling(temperature=0)))) == 2
        free = Sampling(temperature=0, stop_tokens=(), max_tokens=5)
        assert len(list(engine.generate([1, 2, 3], free))) == 5


def test_without_max_tokens_it_goes_on_to_the_end_of_the_context():
    with null_engine(context=64) as engine:
        tokens = list(engine.generate([1] * 10, Sampling(temperature=0, stop_tokens=())))
    assert len(tokens) == 54
    assert tokens[-1].finish == "length"


def test_leaving_the_iterator_cancels():
    with null_engine() as engine:
        stream = engine.generate([1, 2, 3], Sampling(temperature=0, stop_tokens=()))
        next(stream)
        stream.close()
        engine.submit([1], GREEDY).result(WAIT)
        while engine.stats().ended["cancelled"] == 0:
            pass
        assert engine.stats().full_blocks_free == 128


def test_cancelling_frees_the_blocks_and_tells_once():
    ended = []
    first = threading.Event()
    with null_engine() as engine:
        forever = Sampling(temperature=0, stop_tokens=())
        handle = engine.submit(
            [1, 2, 3], forever, on_token=lambda _: first.set(), on_end=ended.append
        )
        assert first.wait(WAIT)
        engine.cancel(handle)
        engine.cancel(handle)
        assert handle.result(WAIT) == expected([1, 2, 3], handle.generated_tokens)
        assert handle.finish == "cancelled"
        assert engine.stats().full_blocks_free == 128
        engine.cancel(handle)
    assert ended == [handle]


def test_times_are_of_the_clock_that_was_given():
    ticks = iter(range(1000))
    with null_engine(clock=lambda: float(next(ticks))) as engine:
        handle = engine.submit([1, 2, 3], GREEDY)
        handle.result(WAIT)
    assert handle.submitted < handle.started < handle.first_token < handle.ended


def test_stats_count_what_happened():
    with null_engine() as engine:
        engine.submit([1] * 100, GREEDY).result(WAIT)
        engine.submit([1] * 100, GREEDY).result(WAIT)
        stats = engine.stats()
    assert (stats.prompt_tokens, stats.cached_tokens, stats.generated_tokens) == (200, 96, 48)
    assert stats.ended == {"stop": 0, "length": 2, "cancelled": 0, "error": 0}
    assert (stats.running, stats.waiting) == (0, 0)


def test_a_constraint_binds_the_output():
    vocabulary = Vocabulary([bytes([i % 256]) for i in range(256)] + [b""] * 256, special=())
    bound = Constraint(vocabulary, (Binding(Grammar.regex("[ab]{5}")),), ends=frozenset({300}))
    with null_engine() as engine:
        asked = Sampling(temperature=0, stop_tokens=(300,))
        tokens = ids(engine.generate([1, 2, 3], asked, bound))
    assert len(tokens) == 6
    assert set(tokens[:5]) <= {97, 98}
    assert tokens[5] == 300


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "code", "named"),
    [
        ([], "empty_prompt", "no tokens"),
        ([1, 512], "bad_token", "token 512 at position 1"),
        ([-1], "bad_token", "token -1 at position 0"),
        ([1.5], "bad_token", "float64"),
        (["a"], "bad_token", "integers"),
        ([[1, 2]], "bad_token", "flat list"),
        ([2**70], "bad_token", "object"),
        ([1] * 1024, "context_overflow", "1024 tokens and 1 to generate"),
    ],
)
def test_bad_prompts_are_refused_at_once(tokens, code, named):
    with null_engine() as engine:
        for ask in (engine.generate, engine.submit):
            with pytest.raises(RequestError, match=named) as caught:
                ask(tokens)
            assert caught.value.code == code


def test_more_tokens_than_the_context_holds_are_refused():
    with null_engine(context=100) as engine:
        with pytest.raises(RequestError, match="90 tokens and 11 to generate") as caught:
            engine.submit([1] * 90, Sampling(max_tokens=11))
        assert caught.value.code == "context_overflow"
        with pytest.raises(RequestError, match="101 tokens do not fit"):
            engine.logits([1] * 101)
        assert engine.logits([1] * 100).shape == (100, 512)


def test_bad_sampling_and_bad_schema_are_refused_at_once():
    vocabulary = Vocabulary([bytes([i]) for i in range(256)])
    bad = Constraint(vocabulary, (Binding(Grammar.regex("(")),), ends=frozenset())
    with null_engine() as engine:
        with pytest.raises(RequestError, match=r"top_p=2.0"):
            engine.generate([1], Sampling(top_p=2.0))
        with pytest.raises(RequestError, match="unclosed"):
            engine.submit([1], constraint=bad)


def test_an_exception_in_a_step_fails_those_in_it_and_no_others():
    with null_engine(fail_at=77) as engine:
        handle = engine.submit([5, 77], GREEDY)
        with pytest.raises(FloatingPointError, match="told to fail"):
            handle.result(WAIT)
        assert handle.finish == "error"
        assert engine.submit([1, 2, 3], GREEDY).result(WAIT) == expected([1, 2, 3], 24)
        with pytest.raises(FloatingPointError):
            list(engine.generate([77], GREEDY))
        with pytest.raises(FloatingPointError):
            engine.logits([77])
        assert engine.stats().full_blocks_free == 128


def test_a_callback_that_raises_fails_its_own_sequence_only():
    def explode(_):
        raise ZeroDivisionError("mine")

    with null_engine() as engine:
        good = engine.submit([1, 2, 3], GREEDY)
        bad = engine.submit([4, 5, 6], GREEDY, on_token=explode)
        worse = engine.submit([7, 8], GREEDY, on_end=explode)
        assert good.result(WAIT) == expected([1, 2, 3], 24)
        with pytest.raises(ZeroDivisionError):
            bad.result(WAIT)
        with pytest.raises(ZeroDivisionError):
            worse.result(WAIT)
        assert engine.stats().full_blocks_free == 128


def test_a_callback_that_exits_ends_its_own_sequence_only():
    def leave(_):
        raise SystemExit(3)

    with null_engine() as engine:
        good = engine.submit([1, 2, 3], GREEDY)
        bad = engine.submit([4, 5, 6], GREEDY, on_token=leave)
        worse = engine.submit([7, 8], GREEDY, on_end=leave)
        for handle in (bad, worse):
            with pytest.raises(GenerationError, match=r"raised SystemExit\(3\)"):
                handle.result(WAIT)
        assert good.result(WAIT) == expected([1, 2, 3], 24)


def test_a_sequence_that_can_never_fit_is_refused_and_forgotten():
    with null_engine(full_blocks=4) as engine:
        with pytest.raises(ValueError, match="can never fit"):
            engine.submit([1] * 200)
        assert engine.submit([1, 2, 3], GREEDY).result(WAIT) == expected([1, 2, 3], 24)


class Poisoned(Null):
    """Gives NaN after the token 9."""

    def embed(self, batch):
        self.bad = batch.tokens[batch.wanted] == 9
        return super().embed(batch)

    def logits(self, x):
        rows = super().logits(x).copy()
        rows[self.bad, 3] = np.nan
        return rows


def test_nan_fails_the_sequence_that_it_is_in():
    kernels = Poisoned(tiny_shape(window=40, max_positions=4096))
    with Engine(kernels, Sizes(context=512, full_blocks=64, sliding_blocks=64)) as engine:
        good = engine.submit([1, 2, 3], Sampling(temperature=0, max_tokens=5, stop_tokens=()))
        bad = engine.submit([1, 2, 9], GREEDY)
        assert good.result(WAIT) == expected([1, 2, 3], 5)
        with pytest.raises(Exception, match="nan as logit of token 3"):
            bad.result(WAIT)
        with pytest.raises(GenerationError, match="not finite"):
            engine.logits([1, 2, 9])
        assert engine.logits([1, 2, 3]).shape == (3, 512)


@pytest.mark.parametrize("used", [False, True])
def test_a_forked_process_is_refused_and_does_not_hang(used):
    with null_engine() as engine:
        if used:
            engine.logits([1, 2])
        child = multiprocessing.get_context("fork").Process(target=_use_after_fork, args=(engine,))
        child.start()
        child.join(WAIT)
        assert child.exitcode == 0
        assert engine.logits([1, 2]).shape == (2, 512)


def _use_after_fork(engine):
    with engine, pytest.raises(UsageError, match="load the model after the fork"):
        engine.logits([1, 2])


def test_closing_fails_what_is_left_and_refuses_more():
    engine = null_engine()
    handles = [engine.submit([i], Sampling(temperature=0, stop_tokens=())) for i in range(30)]
    engine.close()
    for handle in handles:
        if handle.finish != "length":
            with pytest.raises(Exception, match="closed"):
                handle.result(WAIT)
    with pytest.raises(UsageError, match="closed"):
        engine.submit([1])
    engine.close()


def test_waiting_has_a_limit():
    with null_engine() as engine:
        gate = threading.Event()
        handle = engine.submit([1], GREEDY, on_token=lambda _: gate.wait(WAIT))
        with pytest.raises(TimeoutError):
            handle.result(0.01)
        gate.set()
        handle.result(WAIT)


def test_an_engine_that_was_never_used_closes():
    null_engine().close()


def test_many_threads_submit_and_cancel_and_every_one_hears_the_end():
    ended, lock = [], threading.Lock()

    def note(handle):
        with lock:
            ended.append(handle)

    with null_engine(full_blocks=24, context=256, max_sequences=6) as engine:

        def caller(seed):
            random = np.random.default_rng(seed)
            for _ in range(25):
                tokens = [int(seed % 3)] * int(random.integers(1, 150)) + [seed]
                asked = Sampling(temperature=0, stop_tokens=(), max_tokens=60)
                handle = engine.submit(tokens, asked, on_end=note)
                if random.random() < 0.5:
                    engine.cancel(handle)
                    handle.result(WAIT)
                else:
                    assert handle.result(WAIT) == expected(tokens, 60)

        threads = [threading.Thread(target=caller, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stats = engine.stats()
    assert len(ended) == len(set(ended)) == 200
    assert (stats.running, stats.waiting, stats.full_blocks_free) == (0, 0, 24)
    assert stats.sliding_blocks_free == 96
    assert stats.ended["error"] == 0


def test_load_gives_the_same_engine(tmp_path):
    folder = write_checkpoint(tmp_path / "model", tiny_shape(), seed=3)
    with load(folder, backend="reference", context=64) as engine:
        assert engine.logits([1, 2, 3]).shape == (3, 512)
