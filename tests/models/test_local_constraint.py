"""What the schemas of one request may cost, and how headers are read for them."""

import threading

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Request, Tool
from ossay.models.local_constraint import BUDGET, Grammars, Rules
from ossay.models.local_words import CHANNEL, MESSAGE

ASKED = (Message("user", "Hello"),)


class Counting:
    """Grammars that compile nothing, and count what they are asked for."""

    def __init__(self, grammars):
        self.compiled = []
        self.headers = 0
        self.tokens = self
        self._grammars = grammars

    def matcher(self, grammar):
        self.compiled.append(grammar)
        return object()

    def header(self, ids):
        self.headers += 1
        return self._grammars.header(ids)


@pytest.fixture
def counting(grammars):
    return Counting(grammars)


def multiple(of, *, strict=False):
    parameters = {"properties": {"a": {"type": "integer", "multipleOf": of}}}
    return Tool(f"t{of}", "", parameters, strict=strict)


def test_the_schemas_of_a_request_are_bounded_together(counting):
    tools = tuple(multiple(9999 - n) for n in range(100))
    rules = Rules(Request(ASKED, tools=tools), counting)
    assert sum(grammar.cost for grammar in counting.compiled) <= BUDGET
    assert 10 < len(counting.compiled) < 50
    assert rules.arguments("t9999") is not None
    assert rules.arguments("t9900") is None  # its arguments are free


def test_many_small_schemas_are_bounded_too(counting):
    tools = tuple(Tool(f"t{n}", "", {}) for n in range(5000))
    Rules(Request(ASKED, tools=tools), counting)
    assert len(counting.compiled) < 1000


def test_what_must_be_bound_comes_first_or_is_refused(counting):
    free = tuple(multiple(9999 - n) for n in range(100))
    rules = Rules(Request(ASKED, tools=(*free, multiple(7, strict=True))), counting)
    assert rules.arguments("t7") is not None
    strict = tuple(multiple(9999 - n, strict=True) for n in range(100))
    with pytest.raises(ModelCallError, match="together cost more than") as caught:
        Rules(Request(ASKED, tools=strict), counting)
    assert caught.value.kind == "refused"


def test_a_schema_that_is_refused_by_itself_costs_the_others_nothing(grammars):
    bombs = tuple(multiple(10**7 + n) for n in range(40))
    rules = Rules(Request(ASKED, tools=(*bombs, multiple(7))), grammars)
    assert rules.arguments("t7") is not None
    assert rules.arguments("t10000000") is None


def test_nothing_is_compiled_for_those_who_left(counting):
    left = threading.Event()

    def stopped():
        if len(counting.compiled) == 3:
            left.set()
        return left.is_set()

    tools = tuple(Tool(f"t{n}", "", {}) for n in range(100))
    with pytest.raises(ModelCallError, match="nobody waits"):
        Rules(Request(ASKED, tools=tools), counting, stopped)
    assert len(counting.compiled) == 3


def test_a_header_is_read_once_for_all_tools(vocabulary):
    counting = Counting(Grammars(vocabulary))
    tools = tuple(Tool(f"t{n}", "", {}) for n in range(500))
    constraint = Rules(Request(ASKED, tools=tools), counting).everywhere()
    guide = constraint.guide()
    for name in ("nobody", "none"):
        for token in (CHANNEL, *vocabulary.encode(f"commentary to=functions.{name}"), MESSAGE):
            guide.advance(token)
        assert not guide.bound
        for token in next(iter(constraint.ends)), *vocabulary.encode("assistant"):
            guide.advance(token)
    assert counting.headers == 2
