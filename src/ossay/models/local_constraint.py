"""What binds the output of one request: a schema for the answer, one for each tool's arguments.

Grammars bind the bodies of messages and nothing else: the model stays free to think, to pick a
channel and to end a message. Knows nothing of when which part of a turn is generated.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence

from ossay.core.errors import ModelCallError
from ossay.core.types import Request, Tool
from ossay.engine import Binding, Constraint, Grammar, RequestError
from ossay.engine import Vocabulary as Tokens
from ossay.harmony.header import read_header
from ossay.harmony.types import Header
from ossay.harmony.vocabulary import RANKS, VOCABULARY_SIZE, Vocabulary
from ossay.models.local_words import (
    CALL,
    CHANNEL,
    CONSTRAIN,
    END,
    ENDOFTEXT,
    MESSAGE,
    RETURN,
    START,
)

_ANSWER_ENDS = frozenset((RETURN, END))
_ENDS = frozenset((RETURN, END, CALL, ENDOFTEXT))
_BREAKS = frozenset((START, END, CALL, RETURN))

# What the grammars of one request may cost, in characters of a plain schema: a second or two.
BUDGET = 1_000_000

_log = logging.getLogger(__name__)


class Grammars:
    """The vocabulary as grammars need it; made when first used, in about a second."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._making = threading.Lock()
        self._tokens: Tokens | None = None

    @property
    def tokens(self) -> Tokens:
        """The bytes of each token."""
        with self._making:
            if self._tokens is None:
                special = range(RANKS, VOCABULARY_SIZE)
                self._tokens = Tokens(
                    self._vocabulary.all_bytes(), special, self._vocabulary.encode
                )
            return self._tokens

    def prepare(self) -> None:
        """Do now what the first grammar would wait for: a second in which little else runs."""
        self.tokens.matcher(Grammar.regex("a"))

    def header(self, ids: tuple[int, ...]) -> Header:
        """Read a header as the parser does; what broke off before it is none of it."""
        begin = max((at for at, token in enumerate(ids, 1) if token in _BREAKS), default=0)
        return read_header(ids[begin:], self._vocabulary)[0]


class Rules:
    """The grammars of one request. Compiles them, so make it off the event loop.

    Raises `ModelCallError` of kind refused, which names the schema that cannot be compiled: the
    answer's, or of a tool that is `strict` or must be called. Other tools' arguments are then free.
    So are they where all schemas together cost more than `BUDGET`.

    Args:
        stopped: Asked before each schema; where it says so, no more are compiled.
    """

    def __init__(
        self, request: Request, grammars: Grammars, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._grammars = grammars
        self._stopped = stopped
        self._left = BUDGET
        self._read: tuple[tuple[int, ...] | None, Header] = (None, Header())
        self._answer: Binding | None = None
        if request.response_schema is not None:
            grammar = Grammar.json_schema(request.response_schema)
            self._answer = self._binding(
                grammar, "response_format", applies=self._is_answer, ends=_ANSWER_ENDS
            )
        # A call that is the turn's last ends in <|call|>, as the format has it.
        several = request.parallel_tool_calls is True
        self._call_ends = frozenset((CALL, END)) if several else frozenset((CALL,))
        self._calls: dict[str, Binding] = {}
        if request.tool_choice != "none":
            must = [tool for tool in request.tools if self._must(tool, request)]
            for tool in must:
                self._bind(tool, must=True)
            for tool in request.tools:
                if tool.name not in self._calls:
                    self._bind(tool, must=False)

    def everywhere(self) -> Constraint | None:
        """Bind each message by its header; None where nothing is bound."""
        bindings = [*self._calls.values()]
        if self._answer is not None:
            bindings.append(self._answer)
        if not bindings:
            return None
        return Constraint(
            self._grammars.tokens,
            tuple(bindings),
            ends=_ENDS,
            opens=MESSAGE,
            starts=frozenset((START, CHANNEL)),
        )

    def answer(self) -> Constraint | None:
        """Bind an answer whose header is written already."""
        return self._body(self._answer)

    def arguments(self, name: str) -> Constraint | None:
        """Bind the arguments of a call whose header is written already."""
        return self._body(self._calls.get(name))

    def choice(self, names: Sequence[str]) -> Constraint:
        """Bind what follows `to=functions` in a header to one of these names."""
        either = "|".join(map(_literal, names))
        grammar = Grammar.regex(rf"\.({either}) ?")
        ends = frozenset((CONSTRAIN, MESSAGE))
        return Constraint(self._grammars.tokens, (Binding(grammar),), ends=ends)

    def _body(self, binding: Binding | None) -> Constraint | None:
        if binding is None:
            return None
        body = Binding(binding.grammar, ends=binding.ends, compiled=binding.compiled)
        return Constraint(self._grammars.tokens, (body,), ends=binding.ends)

    @staticmethod
    def _must(tool: Tool, request: Request) -> bool:
        return tool.strict or request.tool_choice in ("required", tool.name)

    def _bind(self, tool: Tool, *, must: bool) -> None:
        grammar = Grammar.json_schema({"type": "object", **tool.parameters})
        recipients = (f"functions.{tool.name}", tool.name)
        try:
            self._calls[tool.name] = self._binding(
                grammar,
                f"tool {tool.name!r}",
                applies=lambda ids: self._header(ids).recipient in recipients,
                ends=self._call_ends,
            )
        except ModelCallError as error:
            if must or self._stopped():
                raise
            _log.debug("the arguments of %r are not bound: %s", tool.name, error)

    def _binding(
        self,
        grammar: Grammar,
        of: str,
        *,
        applies: Callable[[tuple[int, ...]], bool],
        ends: frozenset[int],
    ) -> Binding:
        if self._stopped():
            raise ModelCallError("refused", "nobody waits for this answer any more")
        cost = grammar.cost
        if self._left < cost <= BUDGET:  # beyond that it is refused by itself
            raise ModelCallError(
                "refused",
                f"the schema of {of} cannot be used: all schemas of this request together cost "
                f"more than {BUDGET} characters of a plain one; use fewer or simpler ones",
            )
        try:
            compiled = self._grammars.tokens.matcher(grammar)
        except RequestError as error:
            raise ModelCallError("refused", f"the schema of {of} cannot be used: {error}") from None
        finally:
            self._left -= cost if cost <= BUDGET else 0
        return Binding(grammar, applies=applies, ends=ends, compiled=compiled)

    def _header(self, ids: tuple[int, ...]) -> Header:
        """Read a header once for all bindings, which are asked one after the other."""
        if self._read[0] is not ids:
            self._read = ids, self._grammars.header(ids)
        return self._read[1]

    def _is_answer(self, ids: tuple[int, ...]) -> bool:
        header = self._header(ids)
        return not header.recipient and speaks_finally(header)


def speaks_finally(header: Header) -> bool:
    """Whether a body without recipient is the answer: also one whose channel is not known."""
    return header.author == "assistant" and header.channel not in ("analysis", "commentary")


def _literal(name: str) -> str:
    return re.sub(r"\W", lambda found: f"\\x{{{ord(found[0]):x}}}", name)
