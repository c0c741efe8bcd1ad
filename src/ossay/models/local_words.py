"""The frames of an assistant's messages as token ids, for turns of which something is given.

Headers are as the model writes them: the recipient after the channel (openai/harmony,
docs/format.md). Knows nothing of what is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ossay.harmony.header import read_header
from ossay.harmony.vocabulary import SPECIAL, Vocabulary

START, CHANNEL, MESSAGE = SPECIAL["<|start|>"], SPECIAL["<|channel|>"], SPECIAL["<|message|>"]
END, RETURN, CALL = SPECIAL["<|end|>"], SPECIAL["<|return|>"], SPECIAL["<|call|>"]
CONSTRAIN, ENDOFTEXT = SPECIAL["<|constrain|>"], SPECIAL["<|endoftext|>"]

# After these the assistant waits for somebody else.
TURN_ENDS = (RETURN, CALL, ENDOFTEXT)


class Words:
    """Frames in one vocabulary.

    Attributes:
        start: `<|start|>assistant`, with which every message but the turn's first begins.
        calling: A call's header as far as all calls of functions have it in common.
        json: The end of a call's header, from `<|constrain|>` on.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.start = (START, *vocabulary.encode("assistant"))
        self.calling = (CHANNEL, *vocabulary.encode("commentary to=functions"))
        self.json = (CONSTRAIN, *vocabulary.encode("json"), MESSAGE)

    def text(self, text: str) -> tuple[int, ...]:
        """Return plain text."""
        return tuple(self._vocabulary.encode(text))

    def read(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        return self._vocabulary.decode(ids)

    def messages(self, ids: Sequence[int]) -> Iterator[tuple[str, str, str]]:
        """Yield (author, channel, text) of each whole message of a prompt."""
        starts = [at for at, token in enumerate(ids) if token == START]
        for begin, end in pairwise([*starts, len(ids)]):
            message = tuple(ids[begin + 1 : end])
            if MESSAGE in message:
                at = message.index(MESSAGE)
                header = read_header(message[:at], self._vocabulary)[0]
                yield header.author, header.channel, self.read(message[at + 1 : -1])

    def channel(self, name: str) -> tuple[int, ...]:
        """Return the rest of a header that names a channel alone, with `<|message|>`."""
        return (CHANNEL, *self._vocabulary.encode(name), MESSAGE)

    def call(self, name: str) -> tuple[int, ...]:
        """Return the rest of the header of a call of a function, with `<|message|>`.

        The name is encoded apart, as it is when it is chosen under a grammar.
        """
        return (*self.calling, *self._vocabulary.encode(f".{name} "), *self.json)
