"""Budgets: what a key may spend. Reserved before a call, settled after it.

What is spent and what is reserved never exceed the limit together, however many requests are in
flight: a reservation is one step of one thread. The one way past it is a call that costs more than
its bound, which a provider that counts unlike us can do; that is booked in full and shown. Money is
held in whole picodollars, so that sums are exact. Knows nothing of models or of days.
"""

from __future__ import annotations

import math
from typing import Any

from ossay.core.decision import canonical
from ossay.core.errors import ModelCallError
from ossay.core.types import Price, Request, Usage

_PER_USD = 10**12
# Tokens that a chat format puts around a message, generously.
_AROUND = 16


class OverBudget(ModelCallError):
    """The key's budget does not cover what this request may cost."""

    def __init__(self, text: str) -> None:
        super().__init__("refused", text, status=429, attempts=0)


class Budget:
    """What one key may spend in one period.

    Args:
        limit_usd: Of the period.
        spent_usd: What was spent in it before, as the decision log tells.
    """

    def __init__(self, limit_usd: float, spent_usd: float = 0.0) -> None:
        self._limit = math.floor(limit_usd * _PER_USD)
        self._spent = _pico(spent_usd)
        self._reserved = 0

    @property
    def spent_usd(self) -> float:
        """Settled so far."""
        return self._spent / _PER_USD

    @property
    def reserved_usd(self) -> float:
        """Held for requests in flight."""
        return self._reserved / _PER_USD

    def reserve(self, usd: float) -> Purse:
        """Hold money for one request. Raises `OverBudget`."""
        purse = Purse(self)
        if not purse.cover(usd):
            raise OverBudget(
                f"the key's budget is used up: {self.spent_usd:.6f} USD are spent and "
                f"{self.reserved_usd:.6f} reserved of {self._limit / _PER_USD:.6f}, and this "
                f"request may cost {usd:.6f}"
            )
        return purse

    def renew(self) -> None:
        """Begin a new period; what is in flight counts in it."""
        self._spent = 0

    def _take(self, amount: int) -> bool:
        if self._spent + self._reserved + amount > self._limit:
            return False
        self._reserved += amount
        return True


class Purse:
    """What is held for one request. Close it, whatever happens."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def cover(self, usd: float) -> bool:
        """Hold at least so much, taking more where needed; False where the budget forbids it."""
        lacking = _pico(usd) - self._held
        if lacking <= 0:
            return True
        if not self._budget._take(lacking):
            return False
        self._held += lacking
        return True

    def charge(self, usd: float) -> None:
        """Spend out of what is held."""
        amount = _pico(usd)
        held = min(amount, self._held)
        self._held -= held
        self._budget._reserved -= held
        self._budget._spent += amount

    def close(self) -> None:
        """Give back what is left."""
        self._budget._reserved -= self._held
        self._held = 0


def bound_usd(request: Request, price: Price, most_output: int, *, at_least: int = 0) -> float:
    """The most that one call can cost.

    A token is at least a byte of what was sent, and output stops at `max_tokens`, or at
    `most_output` where the request says none. `at_least`: bytes of the body, where one is sent as
    it is.
    """
    sent = max(_sent(request), at_least)
    output = request.sampling.max_tokens
    usage = Usage(input_tokens=sent, output_tokens=most_output if output is None else output)
    return price.cost(usage) or 0.0


def _sent(request: Request) -> int:
    """Bytes of all in a request that a provider is sent, whether or not it counts them."""
    sent = _bytes(request.tool_choice) + _bytes(request.response_name)
    for message in request.messages:
        sent += _bytes(message.content) + _bytes(message.reasoning) + _AROUND
        if message.tool_call_id:
            sent += _bytes(message.tool_call_id)
        for call in message.tool_calls:
            sent += _bytes(call.id) + _bytes(call.name) + _bytes(call.arguments) + _AROUND
    for tool in request.tools:
        sent += _bytes(tool.name) + _bytes(tool.description) + _json(tool.parameters) + _AROUND
    if request.response_schema is not None:
        sent += _json(request.response_schema)
    for text in request.sampling.stop:
        sent += _bytes(text)
    return sent


def _json(schema: dict[str, Any]) -> int:
    return len(canonical(schema))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _pico(usd: float) -> int:
    return math.ceil(usd * _PER_USD)
