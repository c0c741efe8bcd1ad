"""One sequence on its way: its tokens, its blocks, what was computed, how it ended.

Knows nothing of how blocks are found (`cache`), of whose turn it is (`scheduler`) or of time.
"""

from __future__ import annotations

from collections.abc import Sequence as ListLike
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ossay.engine.batch import BLOCK

if TYPE_CHECKING:
    from ossay.engine.sampling import Sampler

Finish = Literal["stop", "length", "cancelled", "error"]
State = Literal["waiting", "running", "ended"]


class Token(Struct, frozen=True):
    """One generated token.

    Attributes:
        id: The token.
        logprob: Its log-probability under the model (before temperature), where asked for.
        top: The most likely (id, logprob) under the model, best first, where asked for.
        finish: Why this token is the last; None while more follow. A stop token is handed out
            too, with "stop".
    """

    id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    finish: Finish | None = None


class Sequence:
    """A prompt and what was generated after it.

    Attributes:
        number: The order of arrival; smaller is older.
        tokens: Prompt and generated ids.
        prompt: How many of them are the prompt.
        limit: The most tokens it may come to.
        sampler: Chooses its tokens; None where only the logits of the prompt are asked for.
        state: Where it stands.
        computed: Positions whose keys and values are in the cache.
        cached: Prompt positions that were found there when it first ran.
        full, sliding: Its block tables; -1 in `sliding` where the window has passed.
        names: Digests of its whole blocks, as far as they were needed.
        named: Blocks that it has made findable.
        ends: Counts of blocks at which a later prompt is likely to go on.
        preempted: How many times it lost its blocks to an older sequence.
    """

    __slots__ = (
        "cached",
        "computed",
        "ends",
        "full",
        "limit",
        "named",
        "names",
        "number",
        "preempted",
        "prompt",
        "sampler",
        "sliding",
        "state",
        "tokens",
    )

    def __init__(
        self, number: int, tokens: ListLike[int], limit: int, sampler: Sampler | None = None
    ) -> None:
        self.number = number
        self.tokens = list(tokens)
        self.prompt = len(self.tokens)
        self.limit = limit
        self.sampler = sampler
        self.state: State = "waiting"
        self.computed = 0
        self.cached: int | None = None
        self.full: list[int] = []
        self.sliding: list[int] = []
        self.names: list[bytes] = []
        self.named = 0
        self.ends = {self.prompt // BLOCK}
        self.preempted = 0

    @property
    def pending(self) -> int:
        """Tokens that are known but not computed."""
        return len(self.tokens) - self.computed

    @property
    def generated(self) -> list[int]:
        """The tokens after the prompt."""
        return self.tokens[self.prompt :]

    @property
    def scoring(self) -> bool:
        """Whether it only wants the logits of its prompt."""
        return self.sampler is None
