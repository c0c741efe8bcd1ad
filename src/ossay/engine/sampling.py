"""From logits to a token: penalties, temperature, top-k, top-p, min-p, and log-probabilities.

The order is the field's usual one: logit bias, repetition, presence and frequency penalties, the
constraint's mask, temperature, top-k, top-p, min-p; each filter sees what the one before it left.
Log-probabilities are the model's own: of the raw logits, before all of these, as OpenAI gives them.

What is left then is one draw (`draw`), which a backend may make where the logits are.

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

from ossay.engine.draw import F32, Draw, check_finite, largest, take
from ossay.engine.errors import GenerationError, RequestError

Mask = NDArray[np.bool_]

MOST_LOGPROBS = 20  # OpenAI's own limit
_MOST = 1e6  # of a bias, penalty or temperature: far beyond it float32 overflows


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

    def draw(self) -> Draw | None:
        """Return the next choice where it needs nothing but the logits; None: it takes `choose`.

        It can then be made wherever the logits are. A call draws a number, so make the choice, and
        `note` what came of it. Where a mask may apply, do not ask.
        """
        if self.sampling.logprobs is not None or self._bends():
            return None
        return self._next()

    def note(self, token: int) -> None:
        """Remember a token that was chosen elsewhere by a `draw`."""
        self._output[token] += 1
        if self.sampling.repetition_penalty != 1:
            self._seen.add(token)

    def choose(self, logits: F32, mask: Mask | None = None) -> int:
        """Choose a token from logits [vocab], and remember it. `mask`: True where allowed.

        Raises:
            GenerationError: a logit is NaN or infinite, or nothing is allowed.
        """
        best = check_finite(logits)
        scores = self._biased(logits, mask)
        if scores is not logits:
            best = int(scores.argmax())
            if scores[best] == -np.inf:
                raise GenerationError("no token is allowed here: the grammar leads nowhere")
        token = take(scores, self._next(), best)
        self.note(token)
        return token

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

    def _next(self) -> Draw:
        s = self.sampling
        if s.temperature <= 0:
            return Draw()
        return Draw(s.temperature, s.top_k, s.top_p, s.min_p, self._rng.random())

    def _bends(self) -> bool:
        """Whether bias or a penalty changes the next logits."""
        s = self.sampling
        penal = s.presence_penalty != 0 or s.frequency_penalty != 0
        return bool(s.logit_bias or self._seen or (penal and self._output))

    def _biased(self, logits: F32, mask: Mask | None) -> F32:
        """Apply bias, penalties and mask; the same array where there are none."""
        if mask is None and not self._bends():
            return logits
        s = self.sampling
        scores = logits.copy()
        for token, bias in s.logit_bias.items():
            scores[token] += np.float32(bias)
        if self._seen:
            ids = np.fromiter(self._seen, np.int64, len(self._seen))
            old = scores[ids]
            factor = np.float32(s.repetition_penalty)
            scores[ids] = np.where(old > 0, old / factor, old * factor)
        if self._output and (s.presence_penalty != 0 or s.frequency_penalty != 0):
            ids = np.fromiter(self._output.keys(), np.int64, len(self._output))
            times = np.fromiter(self._output.values(), np.float32, len(self._output))
            scores[ids] -= np.float32(s.presence_penalty) + np.float32(s.frequency_penalty) * times
        if mask is not None:
            scores[~mask] = -np.inf
        return scores
