"""Output that must follow a grammar, in the places that the caller marks and nowhere else.

A constrained model must stay free to think, to choose a channel and to end a message, so a grammar
binds message bodies only. The output is read as messages: a header of any tokens, the token that
opens the body (`opens`), the body, and a token that ends it. As a body opens, each binding is asked
whether it applies to the header; the first that does binds the body: only tokens that continue the
grammar are allowed, and where it is complete also the tokens that may end the message. With none,
the body is free.

    Constraint(vocabulary, opens=MESSAGE, ends={END, RETURN, CALL}, bindings=(
        Binding(Grammar.json_schema(schema), applies=is_final, ends={END, RETURN}),
        Binding(Grammar.json_schema(parameters), applies=is_call_of_x, ends={CALL}),
    ))

Grammars are compiled by llguidance. Knows nothing of harmony: which ids are control tokens, and how
a header is read, arrive as arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec import Struct, json
from numpy.typing import NDArray

from ossay.engine.errors import GenerationError, RequestError

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

Header = tuple[int, ...]
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


class Vocabulary:
    """The bytes of each token id, and which ids are control tokens that no grammar may produce.

    Takes about a second to prepare for 200,000 tokens, once, when first used.
    """

    def __init__(self, tokens: Sequence[bytes], special: Iterable[int] = ()) -> None:
        self.tokens = tokens
        self.special = frozenset(special)
        self._tokenizer: LLTokenizer | None = None
        self._matcher = lru_cache(maxsize=64)(self._compile)

    def __len__(self) -> int:
        return len(self.tokens)

    def matcher(self, grammar: Grammar) -> LLMatcher:
        """Return a fresh matcher; raises RequestError 'bad_schema' where it cannot be compiled."""
        return self._matcher(grammar).deep_copy()

    def _compile(self, grammar: Grammar) -> LLMatcher:
        from llguidance import LLMatcher, LLTokenizer

        if self._tokenizer is None:
            self._tokenizer = LLTokenizer(_Described(self.tokens, self.special))
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
        trial = matcher.deep_copy()
        if not trial.is_error():
            trial.compute_bitmask()  # some compile, and lead nowhere from the first token on
        if trial.is_error():
            raise _bad(grammar, trial.get_error())
        return matcher


class Binding(Struct, frozen=True):
    """One grammar and where it binds.

    Attributes:
        grammar: What the body must be.
        applies: Whether it binds the body of a message with this header; None binds every body.
            Called with the ids since the last message's end, without `opens`.
        ends: Which tokens may end this body; empty takes all of the constraint's.
    """

    grammar: Grammar
    applies: Callable[[Header], bool] | None = None
    ends: frozenset[int] = frozenset()


class Constraint(Struct, frozen=True):
    """Grammars for one output.

    Attributes:
        vocabulary: Of the model.
        bindings: The first that applies to a message's header binds its body.
        ends: Tokens that end a body.
        opens: The token between header and body; None: the output is one body from its first token.
        starts: Tokens that, inside a free body, begin a new header although nothing ended the old.
        begun: Tokens at the prompt's end that belong to the first message.
    """

    vocabulary: Vocabulary
    bindings: tuple[Binding, ...]
    ends: frozenset[int]
    opens: int | None = None
    starts: frozenset[int] = frozenset()
    begun: Header = ()

    def guide(self) -> Guide:
        """Compile everything; raises RequestError 'bad_schema'."""
        matchers = [self.vocabulary.matcher(binding.grammar) for binding in self.bindings]
        return Guide(self, matchers)


class Guide:
    """Where one sequence stands in its constraint."""

    def __init__(self, constraint: Constraint, matchers: list[LLMatcher]) -> None:
        self._constraint = constraint
        self._fresh = matchers
        self._header: list[int] = []
        self._open = False
        self._matcher: LLMatcher | None = None
        self._ends: frozenset[int] = constraint.ends
        if constraint.opens is None:
            self._begin()
        for token in constraint.begun:
            self.advance(token)

    @property
    def bound(self) -> bool:
        """Whether a grammar binds the next token."""
        return self._matcher is not None

    def mask(self, vocab: int) -> NDArray[np.bool_] | None:
        """Return which of `vocab` tokens may come next, None where all may."""
        if self._matcher is None:
            return None
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._check()
        known = min(vocab, len(self._constraint.vocabulary))
        mask = np.zeros(vocab, np.bool_)
        mask[:known] = np.unpackbits(bits, count=known, bitorder="little").view(np.bool_)
        if self._matcher.is_accepting():
            mask[[token for token in self._ends if token < vocab]] = True
        return mask

    def advance(self, token: int) -> None:
        """Take in the token that was chosen."""
        ends = token in (self._ends if self._matcher is not None else self._constraint.ends)
        if self._open and ends:
            self._open, self._matcher, self._header = False, None, []
        elif self._matcher is not None:
            self._matcher.consume_token(token)
            self._check()
        elif not self._open and token == self._constraint.opens:
            self._begin()
        elif self._open and token in self._constraint.starts:
            self._open, self._header = False, [token]
        elif not self._open:
            self._header.append(token)

    def _begin(self) -> None:
        self._open = True
        header = tuple(self._header)
        for binding, fresh in zip(self._constraint.bindings, self._fresh, strict=True):
            if binding.applies is None or binding.applies(header):
                self._matcher = fresh.deep_copy()
                self._ends = binding.ends or self._constraint.ends
                return

    def _check(self) -> None:
        assert self._matcher is not None
        if self._matcher.is_error():
            reason = self._matcher.get_error().partition("\n")[0]
            raise GenerationError(f"the grammar cannot go on: {reason}")


class _Described:
    """A vocabulary in the form that LLTokenizer reads.

    Its end-of-sequence token is one past the vocabulary, so that no real token is taken for one.
    """

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, tokens: Sequence[bytes], special: frozenset[int]) -> None:
        self.eos_token_id = len(tokens)
        self.tokens = [*tokens, b"<|end of sequence|>"]
        self.special_token_ids = [*sorted(special), self.eos_token_id]
        self._single = {token: i for i, token in enumerate(tokens) if len(token) == 1}

    def __call__(self, text: str | bytes) -> list[int]:
        """Split a text into single bytes where these are tokens; only a hint to llguidance."""
        raw = text if isinstance(text, bytes) else text.encode()
        found = (self._single.get(bytes([byte])) for byte in raw)
        return [token for token in found if token is not None]


def _bad(grammar: Grammar, reason: str) -> RequestError:
    short = grammar.text if len(grammar.text) <= 200 else grammar.text[:200] + "…"
    return RequestError(
        "bad_schema", f"the {grammar.kind} {short!r} cannot be compiled: {reason.strip()}"
    )
