"""From logits to a token: penalties, temperature, top-k, top-p, min-p, and log-probabilities.

The order is the field's usual one: logit bias, repetition, presence and frequency penalties, the
constraint's mask, temperature, top-k, top-p, min-p; each filter sees what the one before it left.
Log-probabilities are the model's own: of the raw logits, before all of these, as OpenAI gives them.

Knows nothing of sequences, or of what a grammar is: a mask arrives as an argument.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.errors import GenerationError, RequestError

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_LOGPROBS = 20  # OpenAI's own limit
_MOST = 1e6  # of a bias, penalty or temperature: far beyond it float32 overflows
_COLDEST = 1e-30  # temperatures below are greedy, and divide by zero in float32


class Sampling(Struct, frozen=True, forbid_unknown_fields=True):
    """How tokens are chosen.

    Attributes:
        temperature: 0 takes the most likely token, ties to the lowest id.
        top_p: Keep the fewest most likely tokens that hold this much probability.
        top_k: Keep this many most likely tokens; 0 keeps all.
        min_p: Keep tokens at least this likely relative to the most likely one.
        logit_bias: Added to the logits of these ids.
        repetition_penalty: Logits of ids seen in prompt or output are divided by it where positive
            and multiplied where negative (arXiv 1909.05858).
        presence_penalty: Taken from the logits of ids in the output.
        frequency_penalty: Taken once for each time that the id is in the output.
        seed: The same seed gives the same tokens, whatever runs beside; None takes a fresh one.
        max_tokens: The most to generate; None goes on to the end of the context.
        stop_tokens: Ids that end the output; None takes the model's own, () ignores them.
        logprobs: How many of the most likely tokens to report with each token; 0 reports the
            chosen one's log-probability alone, None nothing.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    logit_bias: dict[int, float] = {}
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    max_tokens: int | None = None
    stop_tokens: tuple[int, ...] | None = None
    logprobs: int | None = None

    def check(self, vocab: int) -> None:
        """Raise RequestError 'bad_sampling' that names the first value that cannot be."""
        try:
            msgspec.convert(msgspec.to_builtins(self), Sampling)
        except (msgspec.ValidationError, TypeError) as error:
            raise RequestError("bad_sampling", f"a value is of the wrong type: {error}") from error
        most = min(MOST_LOGPROBS, vocab)
        for name, good, need in (
            ("temperature", 0 <= self.temperature <= _MOST, f"from 0 to {_MOST:g}"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("top_k", self.top_k >= 0, "0 (off) or above"),
            ("min_p", 0 <= self.min_p <= 1, "from 0 to 1"),
            (
                "repetition_penalty",
                1 / _MOST <= self.repetition_penalty <= _MOST,
                f"from {1 / _MOST:g} to {_MOST:g}",
            ),
            ("presence_penalty", abs(self.presence_penalty) <= _MOST, f"within +-{_MOST:g}"),
            ("frequency_penalty", abs(self.frequency_penalty) <= _MOST, f"within +-{_MOST:g}"),
            ("seed", self.seed is None or self.seed >= 0, "0 or above, or left out"),
            ("max_tokens", self.max_tokens is None or self.max_tokens > 0, "above 0, or left out"),
            ("logprobs", self.logprobs is None or 0 <= self.logprobs <= most, f"0 to {most}"),
        ):
            if not good:
                raise RequestError("bad_sampling", f"{name}={getattr(self, name)!r} must be {need}")
        for token, bias in self.logit_bias.items():
            if not 0 <= token < vocab:
                text = f"logit_bias names token {token!r}; give ids from 0 to {vocab - 1}"
                raise RequestError("bad_sampling", text)
            if not abs(bias) <= _MOST:
                text = f"logit_bias[{token!r}]={bias!r} must be within +-{_MOST:g}"
                raise RequestError("bad_sampling", text)
        for token in self.stop_tokens or ():
            if not 0 <= token < vocab:
                text = f"stop_tokens names token {token!r}; give ids from 0 to {vocab - 1}"
                raise RequestError("bad_sampling", text)


class Sampler:
    """The state of one sequence's choices: its generator and what it has seen.

    Attributes:
        sampling: What was asked for.
        stops: Ids that end the output.
    """

    def __init__(self, sampling: Sampling, prompt: Sequence[int], stops: Iterable[int]) -> None:
        """`stops` are the model's own, used where `sampling` names none."""
        self.sampling = sampling
        own = sampling.stop_tokens
        self.stops = frozenset(stops if own is None else own)
        # The seed arrives in the request; without one the system gives fresh entropy.
        self._rng = np.random.default_rng(sampling.seed)  # noqa: TID251
        self._output: Counter[int] = Counter()
        self._seen = set(prompt) if sampling.repetition_penalty != 1 else set()

    def choose(self, logits: F32, mask: Mask | None = None) -> int:
        """Choose a token from logits [vocab], and remember it. `mask`: True where allowed.

        Raises:
            GenerationError: a logit is NaN or infinite, or nothing is allowed.
        """
        best = int(logits.argmax())  # NaN counts as the largest of all
        if not math.isfinite(logits[best]):
            raise GenerationError(
                f"the model gave {float(logits[best])!r} as logit of token {best!r}: its weights "
                "hold numbers that are not finite; check the files (ossay pull MODEL)"
            )
        scores = self._biased(logits, mask)
        if scores is not logits:
            best = int(scores.argmax())
            if scores[best] == -np.inf:
                raise GenerationError("no token is allowed here: the grammar leads nowhere")
        if self.sampling.temperature > 0:
            best = self._draw(scores, scores[best])
        self._output[best] += 1
        if self.sampling.repetition_penalty != 1:
            self._seen.add(best)
        return best

    def report(self, logits: F32, token: int) -> tuple[float | None, tuple[tuple[int, float], ...]]:
        """Return log-probability and the most likely tokens, as far as they were asked for."""
        if self.sampling.logprobs is None:
            return None, ()
        top = float(logits.max())
        total = top + math.log(np.exp(logits - np.float32(top)).sum(dtype=np.float64))
        ids = largest(logits, self.sampling.logprobs)
        ids = ids[np.argsort(-logits[ids], kind="stable")]
        pairs = zip(ids.tolist(), (logits[ids].astype(np.float64) - total).tolist(), strict=True)
        return float(logits[token]) - total, tuple(pairs)

    def _biased(self, logits: F32, mask: Mask | None) -> F32:
        """Apply bias, penalties and mask; the same array where there are none."""
        s = self.sampling
        penal = s.presence_penalty != 0 or s.frequency_penalty != 0
        if not (s.logit_bias or self._seen or (penal and self._output) or mask is not None):
            return logits
        scores = logits.copy()
        for token, bias in s.logit_bias.items():
            scores[token] += np.float32(bias)
        if self._seen:
            ids = np.fromiter(self._seen, np.int64, len(self._seen))
            old = scores[ids]
            factor = np.float32(s.repetition_penalty)
            scores[ids] = np.where(old > 0, old / factor, old * factor)
        if penal and self._output:
            ids = np.fromiter(self._output.keys(), np.int64, len(self._output))
            times = np.fromiter(self._output.values(), np.float32, len(self._output))
            scores[ids] -= np.float32(s.presence_penalty) + np.float32(s.frequency_penalty) * times
        if mask is not None:
            scores[~mask] = -np.inf
        return scores

    def _draw(self, scores: F32, best: np.float32) -> int:
        s = self.sampling
        ids = largest(scores, s.top_k) if 0 < s.top_k < len(scores) else None
        with np.errstate(over="ignore", under="ignore"):  # a tiny temperature gives -inf, hence 0
            kept = scores if ids is None else scores[ids]
            weights = np.exp((kept - best) / np.float32(max(s.temperature, _COLDEST)))
        if s.top_p < 1:
            inside = nucleus(weights, s.top_p)
            ids = inside if ids is None else ids[inside]
            weights = weights[inside]
        if s.min_p > 0:
            inside = np.flatnonzero(weights >= np.float32(s.min_p))  # the best one weighs 1
            ids = inside if ids is None else ids[inside]
            weights = weights[inside]
        at = pick(weights, self._rng.random())
        return at if ids is None else int(ids[at])


def largest(values: F32, count: int) -> Ids:
    """Return the ids of the `count` largest values, ascending; ties go to the lowest ids."""
    if count == 0:
        return np.empty(0, np.int64)
    limit = np.partition(values, len(values) - count)[len(values) - count]
    ids = np.flatnonzero(values >= limit)
    if len(ids) == count:
        return ids
    above = values[ids] > limit
    equal = ids[~above][: count - int(above.sum())]
    return np.sort(np.concatenate((ids[above], equal)))


def nucleus(weights: F32, top_p: float) -> Ids:
    """Return the ids of the fewest largest weights that hold `top_p` of their sum, ascending.

    Weights below (1 - top_p) / n of the sum hold less than 1 - top_p together, so none of them can
    be needed: only the rest is sorted.
    """
    total = float(weights.sum(dtype=np.float64))
    kept = weights[weights >= (1 - top_p) * total / len(weights) * 0.999]
    mass = np.cumsum(np.sort(kept)[::-1], dtype=np.float64)
    count = int(np.searchsorted(mass, top_p * total)) + 1
    return largest(weights, min(count, len(kept)))


def pick(weights: F32, uniform: float, run: int = 512) -> int:
    """Return i with probability weights[i] / sum, by the inverse of the cumulative sum.

    Two levels: sums of runs, then the run that was hit; so the whole is never accumulated.
    """
    runs: F64 = np.add.reduceat(weights, np.arange(0, len(weights), run), dtype=np.float64)
    mass = np.cumsum(runs)
    point = uniform * mass[-1]
    hit = min(int(np.searchsorted(mass, point, side="right")), int(np.flatnonzero(runs)[-1]))
    begin = hit * run
    inner = np.cumsum(weights[begin : begin + run], dtype=np.float64)
    before = float(mass[hit - 1]) if hit else 0.0
    at = int(np.searchsorted(inner, point - before, side="right"))
    return begin + min(at, int(np.flatnonzero(weights[begin : begin + run])[-1]))
