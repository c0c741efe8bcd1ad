"""How generated tokens are written while they come: as text, as ids, or as JSON lines.

Knows nothing of models or of where the tokens come from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ossay.harmony.vocabulary import Decoder, Vocabulary

if TYPE_CHECKING:
    from ossay.engine import Token

Form = Literal["text", "ids", "json"]


class Output:
    """Writes the tokens of one generation and keeps its times.

    `echo` writes a text, with `nl=False` as it stands (click.echo). Without a vocabulary JSON
    lines carry ids only.
    """

    def __init__(
        self,
        echo: Callable[..., None],
        vocabulary: Vocabulary | None,
        form: Form,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._echo = echo
        self._form = form
        self._clock = clock
        self._decoder = Decoder(vocabulary) if vocabulary is not None and form != "ids" else None
        self._began = clock()
        self._first = self._last = self._began
        self._count = 0
        self._finish = "error"  # until a token says otherwise

    def write(self, token: Token) -> None:
        """Write one token; the token that stops the output is counted, and is no text."""
        self._last = self._clock()
        if self._count == 0:
            self._first = self._last
        self._count += 1
        self._finish = token.finish or self._finish
        text = ""
        if self._decoder is not None and token.finish != "stop":
            text = self._decoder.feed([token.id])
        if self._form == "ids":
            self._echo(str(token.id))
        elif self._form == "text":
            self._echo(text, nl=False)
        else:
            self._line({"id": token.id} | ({"text": text} if self._decoder else {}))

    def interrupted(self) -> None:
        """Note that the user stopped it."""
        self._finish = "cancelled"

    def end(self, prompt_tokens: int) -> None:
        """Write what is held back, then the counts in JSON."""
        rest = self._decoder.end() if self._decoder is not None else ""
        if self._form == "text":
            self._echo(rest)  # and a line's end
        elif self._form == "json":
            counts: dict[str, Any] = {
                "finish": self._finish,
                "prompt_tokens": prompt_tokens,
                "generated_tokens": self._count,
                "prompt_s": round(self._first - self._began, 4),
                "decode_s": round(self._last - self._first, 4),
            }
            self._line(counts | ({"text": rest} if rest else {}))

    def summary(self, prompt_tokens: int) -> str:
        """Return one line about how fast it went and why it ended."""
        first, rest = self._first - self._began, self._last - self._first
        said = f"{prompt_tokens} tokens read"
        if self._count:
            said += f" in {first:.2f} s ({prompt_tokens / max(first, 1e-9):.1f}/s)"
        said += f", {self._count} generated"
        if self._count > 1:
            said += f" in {rest:.2f} s ({(self._count - 1) / max(rest, 1e-9):.1f}/s)"
        return f"{said}; ended by {_WHY[self._finish]}"

    def _line(self, content: dict[str, Any]) -> None:
        self._echo(msgspec.json.encode(content).decode())


_WHY = {
    "stop": "a stop token",
    "length": "its length",
    "cancelled": "being interrupted",
    "error": "an error",
}
