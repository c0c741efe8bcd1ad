"""Grammars that were compiled, the latest used, up to so much cost in all.

Knows nothing of how they are compiled.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llguidance import LLMatcher

    from ossay.engine.grammar import Grammar

# Cost is in characters of a schema, `schema_limits`: 200 MB where all are of the dearest kinds.
CAPACITY = 2_000_000


class Compiled:
    """Matchers by grammar. Any thread may use it.

    Args:
        compile: Makes one. Two threads that want the same at once make two.
        capacity: The cost of all that are kept. One that costs more is not.
    """

    def __init__(self, compile: Callable[[Grammar], LLMatcher], capacity: int = CAPACITY) -> None:
        self._compile = compile
        self._capacity = capacity
        self._kept: OrderedDict[Grammar, tuple[LLMatcher, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.cost = 0

    def __len__(self) -> int:
        return len(self._kept)

    def matcher(self, grammar: Grammar) -> LLMatcher:
        """Return the one matcher of a grammar: to be copied, not to be used."""
        with self._lock:
            if grammar in self._kept:
                self._kept.move_to_end(grammar)
                return self._kept[grammar][0]
        matcher = self._compile(grammar)
        cost = grammar.cost
        with self._lock:
            if grammar not in self._kept and cost <= self._capacity:
                self._kept[grammar] = matcher, cost
                self.cost += cost
            while self.cost > self._capacity:
                self.cost -= self._kept.popitem(last=False)[1][1]
        return matcher
