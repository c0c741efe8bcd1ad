"""Grammars and the vocabulary that they are compiled for.

Compiled by llguidance, within limits: its own, and those of `schema_limits`. Knows nothing of where
a grammar binds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, json

from ossay.engine.compiled import Compiled
from ossay.engine.errors import RequestError
from ossay.engine.schema_limits import cost_of, too_costly

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

# White space between the parts of JSON: without a bound a model may go on with it for ever.
_SPACE = r"[\x20\x0A\x0D\x09]{1,40}"


class Grammar(Struct, frozen=True):
    """What a body must be: `text` is a JSON schema, a regular expression or a Lark grammar."""

    kind: Literal["json_schema", "regex", "lark"]
    text: str

    @classmethod
    def json_schema(cls, schema: dict[str, Any] | bool | str) -> Grammar:
        """A body that is JSON and follows a schema, given as a value or as JSON."""
        return cls(
            "json_schema", schema if isinstance(schema, str) else json.encode(schema).decode()
        )

    @classmethod
    def regex(cls, pattern: str) -> Grammar:
        """A body that a regular expression matches as a whole (syntax of Rust's regex)."""
        return cls("regex", pattern)

    @classmethod
    def lark(cls, text: str) -> Grammar:
        """A body that a context-free grammar derives (llguidance's dialect of Lark)."""
        return cls("lark", text)

    @property
    def cost(self) -> int:
        """What it costs to compile and to keep, in characters of a plain schema."""
        return cost_of(self.text)


class Vocabulary:
    """The bytes of each token id, and which ids are control tokens that no grammar may produce.

    Takes about a second to prepare for 200,000 tokens, once, when first used.

    `encode` splits a text as the model was trained to see it: where a grammar leaves one way on,
    as in a property's name, the model gets these tokens. Without it a text is split into bytes.
    """

    def __init__(
        self,
        tokens: Sequence[bytes],
        special: Iterable[int] = (),
        encode: Callable[[str], list[int]] | None = None,
    ) -> None:
        self.tokens = tokens
        self.special = frozenset(special)
        self.encode = encode
        self._preparing = threading.Lock()
        self._single = {token: i for i, token in enumerate(tokens) if len(token) == 1}
        self._tokenizer: LLTokenizer | None = None
        self._compiled = Compiled(self._compile)

    def __len__(self) -> int:
        return len(self.tokens)

    def bytes_as_tokens(self, text: bytes) -> list[int]:
        """Split a text into single bytes, as far as these are tokens."""
        return [i for byte in text if (i := self._single.get(bytes((byte,)))) is not None]

    def matcher(self, grammar: Grammar) -> LLMatcher:
        """Return the matcher of a grammar, to be copied before it is used.

        Raises RequestError 'bad_schema' where it cannot be compiled.
        """
        return self._compiled.matcher(grammar)

    def _compile(self, grammar: Grammar) -> LLMatcher:
        from llguidance import LLMatcher, LLTokenizer

        with self._preparing:
            if self._tokenizer is None:
                self._tokenizer = LLTokenizer(_Described(self))
        if grammar.kind == "json_schema" and (why := too_costly(grammar.text)):
            raise _bad(grammar, why)
        try:
            if grammar.kind == "json_schema":
                source = LLMatcher.grammar_from_json_schema(
                    grammar.text, defaults={"whitespace_pattern": _SPACE}
                )
            elif grammar.kind == "regex":
                source = LLMatcher.grammar_from_regex(grammar.text)
            else:
                source = LLMatcher.grammar_from_lark(grammar.text)
        except ValueError as error:
            raise _bad(grammar, str(error)) from error
        matcher = LLMatcher(self._tokenizer, source, log_level=0)
        # Some compile, and lead nowhere, or are too large for the parser once an object is open.
        for begin in ("", "{", '{"') if grammar.kind == "json_schema" else ("",):
            self._try(grammar, matcher.deep_copy(), begin)
        return matcher

    def _try(self, grammar: Grammar, trial: LLMatcher, begin: str) -> None:
        """Raise RequestError where the grammar fails after `begin`, as far as it allows that."""
        tokens = self.bytes_as_tokens(begin.encode())
        if not trial.is_error() and trial.validate_tokens(tokens) == len(tokens):
            trial.consume_tokens(tokens)
            trial.compute_bitmask()
        if trial.is_error():
            raise _bad(grammar, trial.get_error())


class _Described:
    """A vocabulary in the form that LLTokenizer reads.

    Its end-of-sequence token is one past the vocabulary, so that no real token is taken for one.
    """

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        tokens = vocabulary.tokens
        self.eos_token_id = len(tokens)
        self.tokens = [*tokens, b"<|end of sequence|>"]
        self.special_token_ids = [*sorted(vocabulary.special), self.eos_token_id]
        self._vocabulary = vocabulary

    def __call__(self, text: str | bytes) -> list[int]:
        """Split a text that the grammar forces."""
        raw = text if isinstance(text, bytes) else text.encode()
        if self._vocabulary.encode is not None:
            try:
                return self._vocabulary.encode(raw.decode())
            except UnicodeDecodeError:
                pass  # a part of a character
        return self._vocabulary.bytes_as_tokens(raw)


def _bad(grammar: Grammar, reason: str) -> RequestError:
    short = grammar.text if len(grammar.text) <= 200 else grammar.text[:200] + "…"
    reason = reason.strip().partition("\n<state>")[0]
    if "NoExtensionBias" in reason:  # the compiler's word for a dead end
        reason = "no value can follow it"
    reason = reason if len(reason) <= 300 else reason[:300] + "…"
    return RequestError("bad_schema", f"the {grammar.kind} {short!r} cannot be compiled: {reason}")
