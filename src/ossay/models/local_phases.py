"""What the engine is asked for one turn: one generation, or several that go on from each other.

A turn is free unless something of it must come. Then the model thinks first, the header of what
must come is put after its thoughts, and it goes on from there; it cannot think for ever, since a
part of the tokens is kept for the rest. Knows nothing of the engine's work.
"""

from __future__ import annotations

from collections.abc import Generator

from msgspec import Struct

from ossay.core.types import Request
from ossay.engine import Constraint
from ossay.harmony.vocabulary import Vocabulary
from ossay.models.local_constraint import Rules
from ossay.models.local_words import CHANNEL, CONSTRAIN, END, MESSAGE, START, TURN_ENDS, Words

_REST = 4096  # tokens that thoughts leave to what must come, or half of all where there are fewer


class Phase(Struct, frozen=True):
    """One generation.

    Attributes:
        given: Tokens of the turn that are put before it, as if the model had written them.
        stops: Tokens that end it.
        spare: Tokens that it must leave of those that the turn may have.
        keep_stop: Whether the token that stopped it belongs to the turn.
        constraint: What binds it.
    """

    given: tuple[int, ...] = ()
    stops: tuple[int, ...] = TURN_ENDS
    spare: int = 0
    keep_stop: bool = True
    constraint: Constraint | None = None


Phases = Generator[Phase, tuple[int, ...], None]  # is sent what each phase generated


def phases(request: Request, rules: Rules | None, vocabulary: Vocabulary) -> Phases:
    """Return the phases of a request's turn. `rules` may be None where nothing is bound."""
    if rules is None:
        return free()
    words = Words(vocabulary)
    if forces_call(request):
        named = [tool.name for tool in request.tools if tool.name == request.tool_choice]
        return _call(named or [tool.name for tool in request.tools], rules, words, vocabulary)
    if forces_answer(request):
        return _answer(rules, words)
    return free(rules.everywhere())


def forces_call(request: Request) -> bool:
    """Whether a tool must be called."""
    return bool(request.tools) and request.tool_choice not in ("auto", "none")


def forces_answer(request: Request) -> bool:
    """Whether an answer must come, and it must follow a schema."""
    free = request.tools and request.tool_choice != "none"
    return request.response_schema is not None and not free


def free(constraint: Constraint | None = None) -> Phases:
    """The model does what it wants."""
    yield Phase(constraint=constraint)


def _thoughts(words: Words) -> Phase:
    """The first message, up to whatever ends it: a new header would lead around what must come."""
    stops = (END, START, CHANNEL, MESSAGE, *TURN_ENDS)
    return Phase(given=words.channel("analysis"), stops=stops, spare=_REST, keep_stop=False)


def _answer(rules: Rules, words: Words) -> Phases:
    yield _thoughts(words)
    given = (END, *words.start, *words.channel("final"))
    yield Phase(given=given, stops=(END, *TURN_ENDS), constraint=rules.answer())


def _call(names: list[str], rules: Rules, words: Words, vocabulary: Vocabulary) -> Phases:
    yield _thoughts(words)
    if len(names) == 1:
        name = names[0]
        given = (END, *words.start, *words.call(name))
    else:
        made = yield Phase(
            given=(END, *words.start, *words.calling),
            stops=(CONSTRAIN, MESSAGE),
            constraint=rules.choice(names),
        )
        if made[-1] not in (CONSTRAIN, MESSAGE):
            return
        name = vocabulary.decode(made[:-1]).strip(" ").removeprefix(".")
        given = () if made[-1] == MESSAGE else words.json[1:]
    yield Phase(given=given, stops=(END, *TURN_ENDS), constraint=rules.arguments(name))
