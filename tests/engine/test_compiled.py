"""Compiled grammars are kept up to so much cost in all."""

import pytest

from ossay.engine.compiled import Compiled
from ossay.engine.grammar import Grammar

SMALL = [Grammar.regex(f"a{n}") for n in range(5)]


@pytest.fixture
def compiled():
    """Three small ones fit, and nothing is really compiled."""
    return Compiled(lambda grammar: [grammar], capacity=3 * SMALL[0].cost)


def test_the_same_is_compiled_once(compiled):
    assert compiled.matcher(SMALL[0]) is compiled.matcher(SMALL[0])


def test_the_one_that_was_not_used_for_longest_goes_first(compiled):
    first = [compiled.matcher(grammar) for grammar in SMALL[:3]]
    compiled.matcher(SMALL[0])
    compiled.matcher(SMALL[3])
    assert compiled.matcher(SMALL[0]) is first[0]
    assert compiled.matcher(SMALL[1]) is not first[1]
    assert len(compiled) == 3


def test_what_is_kept_is_bounded_by_cost(compiled):
    for n in range(50):
        compiled.matcher(Grammar.regex("a" * (30 * n)))
        assert compiled.cost <= 3 * SMALL[0].cost
    costly = compiled.matcher(Grammar.json_schema({"multipleOf": 9973}))
    assert costly
    assert compiled.matcher(Grammar.json_schema({"multipleOf": 9973})) is not costly
    assert len(compiled) > 0


def test_what_cannot_be_compiled_is_not_kept():
    def fail(grammar):
        raise ValueError(grammar.text)

    compiled = Compiled(fail)
    with pytest.raises(ValueError, match="a0"):
        compiled.matcher(SMALL[0])
    assert (len(compiled), compiled.cost) == (0, 0)
