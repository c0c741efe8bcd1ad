"""Plain text that the model goes on with, read as a turn is: tokens in, deltas out.

Control tokens stand in it by name, such as `<|end|>`. Knows nothing of messages.
"""

from __future__ import annotations

from collections.abc import Iterable

from ossay.core.types import Delta, Message
from ossay.harmony.vocabulary import Decoder, Vocabulary
from ossay.models.local_words import TURN_ENDS
from ossay.models.stop_text import StopText


class Continuation:
    """Reads what comes after a prompt; what `Turn` says of its attributes holds here, too."""

    def __init__(self, vocabulary: Vocabulary, stops: tuple[str, ...] = ()) -> None:
        self._decoder = Decoder(vocabulary)
        self._stops = StopText(stops)
        self._parts: list[str] = []
        self.ids: list[int] = []
        self.over = False
        self.reasoning_tokens = 0
        self.called = False

    def feed(self, tokens: Iterable[int]) -> list[Delta]:
        """Take tokens, and return the text that they complete."""
        text = ""
        for token in tokens:
            if self.over:
                break
            self.ids.append(token)
            self.over = token in TURN_ENDS
            if not self.over:
                text += self._stops.feed(self._decoder.feed((token,)))
                self.over = self._stops.hit
        return self._said(text)

    def end(self) -> list[Delta]:
        """Return what is left once no token follows."""
        if self.stopped:
            return []
        return self._said(self._stops.feed(self._decoder.end()) + self._stops.end())

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met."""
        return self._stops.hit

    def message(self) -> Message:
        """Return the whole text."""
        return Message("assistant", "".join(self._parts))

    def _said(self, text: str) -> list[Delta]:
        if not text:
            return []
        self._parts.append(text)
        return [Delta(content=text)]
