"""View: what the page shows, picked out of what was counted. Plain values, no text of a client.

Knows nothing of HTML.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ossay.core.decision import Decision, Ending
from ossay.core.types import Price
from ossay.gateway.map import Dot, blended
from ossay.gateway.metrics import Metrics, is_cached
from ossay.gateway.published import Published
from ossay.gateway.seen import Seen
from ossay.gateway.state import State
from ossay.router.route import PLANS
from ossay.router.stage import Upstream
from ossay.router.tally import Summary

# What a request may come to, in the order of the bars.
ENDINGS: tuple[Ending, ...] = ("draft", "repair", "strong", "failed", "refused", "left")
_LEAST_SPEED = 5  # answers, below which a speed is not shown


class Part(Struct, frozen=True):
    """How some of a plan's requests ended; `before` ended in the ways named earlier."""

    ending: str
    count: int
    before: int


class Plan(Struct, frozen=True):
    """A plan, its requests, and how they ended."""

    name: str
    requests: int
    parts: tuple[Part, ...]


class Stage(Struct, frozen=True):
    """A step and how long it took, in seconds."""

    name: str
    count: int
    mean_s: float
    p50_s: float
    p95_s: float


class Guard(Struct, frozen=True):
    """A model's breaker."""

    model: str
    state: str
    trips: int
    wait_s: float


class Measured(Struct, frozen=True):
    """A model of the gateway's file.

    `speed` in output tokens a second over `answers`; `approved` of `judged` drafts.
    """

    mark: str
    model: str
    price: Price | None
    answers: int
    speed: float | None
    judged: int
    approved: int


class View(Struct, frozen=True):
    """All of it. `published` are pairs of mark and figure."""

    at: float
    began: float
    routes: tuple[str, ...]
    in_flight: int
    summary: Summary
    plans: tuple[Plan, ...]
    stages: tuple[Stage, ...]
    guards: tuple[Guard, ...]
    tripped: dict[str, str]
    recent: tuple[Decision, ...]
    cached: int
    measured: tuple[Measured, ...]
    published: tuple[tuple[str, Published], ...]
    dots: tuple[Dot, ...]
    waiting: int = 0
    lost: int = 0
    trouble: str = ""


def look(seen: Seen, state: State, figures: Iterable[Published], *, in_flight: int) -> View:
    """Look at everything once."""
    summary = seen.tally.summary()
    measured = tuple(_measured(state, seen.metrics))
    shown = tuple((str(number), one) for number, one in enumerate(figures, 1))
    log = state.log
    return View(
        at=seen.now(),
        began=seen.began,
        routes=tuple(one.route.name for one in state.parts),
        in_flight=in_flight,
        summary=summary,
        plans=tuple(_plans(summary)),
        stages=tuple(_stages(summary)),
        guards=tuple(_guards(state)),
        tripped=state.tripped(),
        recent=tuple(reversed(seen.recent)),
        cached=sum(seen.metrics.cached.values()),
        measured=measured,
        published=shown,
        dots=(*_own_dots(measured), *_published_dots(shown)),
        waiting=log.waiting if log is not None else 0,
        lost=log.lost if log is not None else 0,
        trouble=log.trouble if log is not None else "",
    )


def how(decision: Decision) -> str:
    """What became of a request, in two or three words."""
    if is_cached(decision):
        return "from the cache"
    words = {
        "draft": "draft published",
        "repair": "draft repaired",
        "strong": "strong model",
        "failed": "failed",
        "refused": "over budget",
        "left": "caller left",
    }
    return words[decision.ending]


def _plans(summary: Summary) -> Iterable[Plan]:
    for name in PLANS:
        counted = summary.endings_of.get(name)
        if not counted:
            continue
        parts: list[Part] = []
        for ending in ENDINGS:
            if counted.get(ending):
                before = parts[-1].before + parts[-1].count if parts else 0
                parts.append(Part(ending, counted[ending], before))
        yield Plan(name, sum(counted.values()), tuple(parts))


def _stages(summary: Summary) -> Iterable[Stage]:
    for name in ("draft", "check", "validate", "strong", "audit", "request"):
        found = summary.latency.get(name)
        if found is not None:
            yield Stage(name, found.count, found.mean_s, found.p50_s, found.p95_s)


def _guards(state: State) -> Iterable[Guard]:
    for model, breaker in state.breakers().items():
        yield Guard(model, breaker.state, breaker.trips, breaker.wait_s)


def _measured(state: State, metrics: Metrics) -> Iterable[Measured]:
    for number, (model, upstream) in enumerate(sorted(state.upstreams().items())):
        yield _of_model(_letter(number), model, upstream, metrics)


def _of_model(mark: str, model: str, upstream: Upstream, metrics: Metrics) -> Measured:
    timed = [one for (_, name), one in metrics.calls.items() if name == model]
    answers = sum(one.answers for one in timed)
    seconds, tokens = sum(one.answer_s for one in timed), sum(one.answer_tokens for one in timed)
    speed = tokens / seconds if answers >= _LEAST_SPEED and seconds > 0.0 else None
    judged = sum(count for (name, _), count in metrics.judged.items() if name == model)
    approved = metrics.judged.get((model, "approve"), 0)
    return Measured(mark, model, upstream.model.card.price, answers, speed, judged, approved)


def _own_dots(measured: Iterable[Measured]) -> Iterable[Dot]:
    for one in measured:
        if one.price is not None and one.speed is not None:
            quality = 100.0 * one.approved / one.judged if one.judged else None
            usd = blended(one.price.input, one.price.output)
            yield Dot(one.mark, True, usd, one.speed, quality)


def _published_dots(shown: Iterable[tuple[str, Published]]) -> Iterable[Dot]:
    for mark, one in shown:
        if one.price is not None and one.speed is not None:
            quality = one.quality.value if one.quality is not None else None
            usd = blended(one.price.input, one.price.output)
            yield Dot(mark, False, usd, one.speed.value, quality)


def _letter(number: int) -> str:
    """A to Z, then A2 to Z2, and so on."""
    letter, again = chr(ord("A") + number % 26), number // 26
    return f"{letter}{again + 1}" if again else letter
