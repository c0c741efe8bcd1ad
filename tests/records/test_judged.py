"""A judge beside people: agreement, and where it leans."""

import pytest

from ossay.core.answer import Answer
from ossay.core.outcome import Outcome
from ossay.core.rating import Rating, Shown
from ossay.core.records import RunKey
from ossay.records.judged import family_of, judged_against


def answer(run, model, seed, length):
    key = RunKey(model, "coding", "todo", seed, 1)
    return Answer(run, 0, key, Outcome.PASSED, facts={"characters": length})


ANSWERS = [
    answer(f"{model}{seed}", f"lab/{model}-7b", seed, length)
    for seed in range(4)
    for model, length in (("oak", 100), ("elm", 200), ("ash", 300))
]


def rating(run, score, rater="anna", kind="human", order=0, beside=()):
    token = f"{run}{rater}{order}{beside}"
    shown = Shown(order, beside=beside)
    return Rating(
        token, "night", run, rater, kind, "todo", "1", "d", ("tier",), (), (), score, 1.0, token,
        shown=shown,
    )  # fmt: skip


def judged(rows):
    return judged_against(rows, ANSWERS, lambda one: one.facts["characters"])


def test_bias_by_family():
    rows = [rating(one.run, 6.0 + n % 3) for n, one in enumerate(ANSWERS)]
    more = {"oak": 1.0, "elm": 0.0, "ash": -0.5}
    rows += [rating(r.run, r.score + more[r.run[:-1]], "lab/judge", "model") for r in rows]
    (one,) = judged(rows)
    assert (one.judge, one.answers, one.shared) == ("lab/judge", 12, 12)
    assert one.overall.value == pytest.approx(0.5 / 3)
    assert {bias.of: bias.value for bias in one.families} == {"ash": -0.5, "elm": 0.0, "oak": 1.0}
    assert 0.4 < one.alpha.value < 0.5
    assert 0.4 < one.icc.single < 0.5
    assert one.position is None
    assert one.length is None


def test_a_judge_that_likes_the_first_place():
    rows = []
    for seed in range(4):
        pair = (f"oak{seed}", f"elm{seed}")
        for first, second in (pair, pair[::-1]):
            rows.append(rating(first, 8.0, "j", "model", 0, (second,)))
            rows.append(rating(second, 7.5, "j", "model", 1, (first,)))
    (one,) = judged(rows)
    assert (one.position.value, one.position.n) == (0.5, 8)
    assert one.length is None  # each stood beside one length only
    assert (one.shared, one.alpha, one.overall, one.families) == (0, None, None, ())


def test_a_judge_that_likes_the_longer_one():
    rows = []
    for seed in range(4):
        oak, elm, ash = (f"{model}{seed}" for model in ("oak", "elm", "ash"))
        rows += [
            rating(elm, 9.0, "j", "model", 0, (oak,)),
            rating(elm, 8.0, "j", "model", 0, (ash,)),
        ]
        rows += [
            rating(oak, 8.0, "j", "model", 1, (elm,)),
            rating(ash, 9.0, "j", "model", 1, (elm,)),
        ]
    (one,) = judged(rows)
    assert (one.length.value, one.length.n) == (1.0, 4)
    assert one.length.interval.low == one.length.interval.high == 1.0
    assert one.position is None


def test_no_judge_no_finding():
    assert judged([rating("oak0", 7.0)]) == ()


@pytest.mark.parametrize(
    ("reference", "family"),
    [
        ("groq/openai/gpt-oss-120b", "gpt-oss"),
        ("groq/qwen/qwen3-32b", "qwen"),
        ("llamacpp/smollm2-135m", "smollm"),
        ("anthropic/claude-opus-4", "claude-opus"),
        ("x/GPT-4.1", "gpt"),
        ("scripted/sometimes?rate=0.7", "sometimes"),
        ("x/7b", "7b"),
        ("", ""),
    ],
)
def test_the_family_of_a_name(reference, family):
    assert family_of(reference) == family
