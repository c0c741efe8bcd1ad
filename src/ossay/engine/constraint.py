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

Knows nothing of harmony: which ids are control tokens, and how
a header is read, arrive as arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.errors import GenerationError
from ossay.engine.grammar import Grammar, Vocabulary

if TYPE_CHECKING:
    from llguidance import LLMatcher

Header = tuple[int, ...]


class Binding(Struct, frozen=True):
    """One grammar and where it binds.

    Attributes:
        grammar: What the body must be.
        applies: Whether it binds the body of a message with this header; None binds every body.
            Called with the ids since the last message's end, without `opens`.
        ends: Which tokens may end this body; empty takes all of the constraint's.
        compiled: What the vocabulary made of the grammar, where that was asked before.
    """

    grammar: Grammar
    applies: Callable[[Header], bool] | None = None
    ends: frozenset[int] = frozenset()
    compiled: LLMatcher | None = None


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
        matchers = [
            self.vocabulary.matcher(binding.grammar)
            if binding.compiled is None
            else binding.compiled
            for binding in self.bindings
        ]
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
