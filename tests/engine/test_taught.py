"""Kernels without weights that are taught what to say, and callers that hear once a step."""

import threading

from ossay.engine import Engine, Sampling, Sizes
from ossay.engine.kernels.null import Null
from ossay.engine.synth import tiny_shape

PROMPT = list(range(1, 50))
ANSWER = [7, 8, 9, 10, 11, 3]
ENDINGS = (3, 4)
GREEDY = Sampling(temperature=0, max_tokens=12, stop_tokens=(3,))


def engine_of(null, **sizes):
    return Engine(null, Sizes(**{"context": 512, "full_blocks": 64, "sliding_blocks": 64, **sizes}))


def said(engine, prompt, sampling=GREEDY):
    return [token.id for token in engine.generate(prompt, sampling)]


def test_what_was_taught_is_said_and_can_be_forgotten():
    null = Null(tiny_shape(), endings=ENDINGS)
    with engine_of(null) as engine:
        lesson = null.teach(PROMPT, ANSWER)
        assert said(engine, PROMPT) == ANSWER
        assert said(engine, [*PROMPT, 7, 8]) == ANSWER[2:]
        assert said(engine, [*PROMPT, 1]) == [3]  # an ending, where nothing was taught
        null.forget(lesson)
        assert said(engine, PROMPT) == [3]


def test_two_who_teach_the_same_forget_apart():
    null = Null(tiny_shape(), endings=ENDINGS)
    with engine_of(null) as engine:
        first, second = null.teach(PROMPT, ANSWER), null.teach(PROMPT, ANSWER)
        null.forget(first)
        assert said(engine, PROMPT) == ANSWER
        null.forget(second)
        assert said(engine, PROMPT) == [3]


def test_many_lessons_at_once_do_not_mix():
    null = Null(tiny_shape(), endings=ENDINGS)
    with engine_of(null, max_sequences=4) as engine:
        answers = [[n, n + 1, n + 2, 3] for n in range(20, 40)]
        for n, answer in enumerate(answers):
            null.teach([*PROMPT, n], answer)
        handles = [engine.submit([*PROMPT, n], GREEDY) for n in range(len(answers))]
        assert [handle.result(60) for handle in handles] == answers


def test_a_watcher_hears_after_the_tokens_of_a_step_and_after_the_end():
    told = threading.Event()
    seen = []
    with engine_of(Null(tiny_shape())) as engine:

        def watch():
            seen.append("step")
            if "end" in seen:
                told.set()

        engine.watch(watch)
        sampling = Sampling(temperature=0, max_tokens=3, stop_tokens=())
        engine.submit(
            PROMPT,
            sampling,
            on_token=lambda _: seen.append("token"),
            on_end=lambda _: seen.append("end"),
        )
        assert told.wait(60)
    ends = seen.index("end")
    assert seen[: ends + 2].count("token") == 3
    assert seen[ends + 1] == "step"
    for at, what in enumerate(seen[: ends - 1]):
        if what == "token":
            assert seen[at + 1] == "step"


def test_a_watcher_that_raises_stops_nobody(caplog):
    def fail():
        raise RuntimeError("nobody is home")

    with engine_of(Null(tiny_shape())) as engine:
        engine.watch(fail)
        assert len(said(engine, PROMPT, Sampling(temperature=0, max_tokens=3))) == 3
    assert "nobody is home" in caplog.text
