"""The gateway's numbers in Prometheus' text format: GET /metrics.

Labels are names out of the gateway's file and fixed words, never what a client or a model wrote.
Every name is in this file. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from ossay.core.display import visible
from ossay.gateway.metrics import SECONDS, TOKENS, Metrics, Timed
from ossay.gateway.state import State

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from ossay.gateway.cache import Cache
    from ossay.router.escaped import Escapes
    from ossay.router.tally import Summary

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_STATES = ("closed", "half_open", "open")
_VERDICTS = ("approved", "repaired", "rejected", "too_unsure", "malformed", "failed")

Labels = tuple[str, ...]
Rows = Iterable[tuple[Labels, float]]
L = TypeVar("L", bound=Labels)


def text_of(
    metrics: Metrics, summary: Summary, state: State, *, in_flight: float, cache: Cache | None
) -> bytes:
    """Return all of it."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Here(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from _counted(metrics)
            yield from _summed(summary)
            yield from _held(state, in_flight)
            if cache is not None:
                yield from _cached(metrics, cache)

    registry = CollectorRegistry()
    registry.register(Here())
    return generate_latest(registry)


def _counted(metrics: Metrics) -> Iterator[Metric]:
    yield _counter(
        "requests", "Requests decided; draft, repair and strong were answered.",
        ("route", "plan", "criticality", "ending"), metrics.decisions.items(),
    )  # fmt: skip
    http = (((endpoint, str(status)), n) for (endpoint, status), n in metrics.http.items())
    yield _counter("http_requests", "Answers over HTTP; 499: the client left.",
                   ("endpoint", "status"), http)  # fmt: skip
    yield _counter("cost_usd", "USD of requests, as far as known, audits aside.",
                   ("route", "plan"), _each(metrics.requests, "cost_usd"))  # fmt: skip
    yield _counter("unpriced_requests", "Requests whose cost nobody knows.", ("route",),
                   (((name,), n) for name, n in metrics.unpriced.items()))  # fmt: skip
    yield _histogram("request_seconds", "From a request to its decision.", ("route", "plan"),
                     metrics.requests)  # fmt: skip
    yield _histogram("stage_seconds", "Calls of models and checks, however they ended.",
                     ("stage", "model"), metrics.calls)  # fmt: skip
    yield _counter("calls", "How calls ended.", ("stage", "model", "ended"), metrics.ends.items())
    yield _counter("call_cost_usd", "USD of calls, as far as known.", ("stage", "model"),
                   _each(metrics.calls, "cost_usd"))  # fmt: skip
    tokens = (
        ((*names, kind), count)
        for names, timed in metrics.calls.items()
        for kind, count in zip(TOKENS, timed.tokens, strict=True)
        if count
    )
    yield _counter("tokens", "Tokens; cached ones are part of input, reasoning ones of output.",
                   ("stage", "model", "kind"), tokens)  # fmt: skip


def _summed(summary: Summary) -> Iterator[Metric]:
    money, verdicts = summary.money, summary.verdicts
    if money.always_strong_usd is not None:
        yield _gauge("compared_usd", "USD of the requests for which always-strong is known.", (),
                     [((), money.compared_usd)])  # fmt: skip
        yield _gauge("always_strong_usd", "About what the strong model alone would have cost for "
                     "those.", (), [((), money.always_strong_usd)])  # fmt: skip
    yield _counter("verdicts", "Verdicts on drafts, and what brought none.", ("verdict",),
                   (((name,), getattr(verdicts, name)) for name in _VERDICTS))  # fmt: skip
    yield _counter("refused_without_need", "Drafts refused that the strong model then gave word "
                   "for word.", (), [((), verdicts.same_again)])  # fmt: skip
    escapes = summary.escapes
    right = escapes.labelled - escapes.wrong
    audits = (("wrong", escapes.wrong), ("right", right))
    yield _counter("audits", "Audits of published drafts, by what they said.", ("label",),
                   (((name,), count) for name, count in audits))  # fmt: skip
    yield _gauge("audits_unlabelled", "Audits drawn that failed, or are still to come.", (),
                 [((), escapes.unlabelled)])  # fmt: skip
    estimated = (("all", escapes), ("cheap", summary.cheap), ("validate", summary.validated))
    for name, says in (
        ("rate", "Share of answers that an auditor would not have approved, estimated."),
        ("at_most", "Upper bound of that share at level 0.95, valid at every moment."),
    ):
        rows = (((plan,), getattr(one.estimate, name)) for plan, one in estimated if _known(one))
        yield _gauge(f"escapes_{name}", says, ("plan",), rows)


def _held(state: State, in_flight: float) -> Iterator[Metric]:
    breakers = state.breakers()
    states = (
        ((model, name), float(breaker.state == name))
        for model, breaker in breakers.items()
        for name in _STATES
    )
    yield _gauge("breaker_state", "1 for the state that a model's breaker is in.",
                 ("model", "state"), states)  # fmt: skip
    yield _counter("breaker_trips", "How often a model's breaker opened.", ("model",),
                   (((model,), breaker.trips) for model, breaker in breakers.items()))  # fmt: skip
    yield _gauge("stratum_tripped", "1 for a stratum that only the strong model answers by now.",
                 ("stratum",), (((name,), 1.0) for name in state.tripped()))  # fmt: skip
    yield _gauge("in_flight", "Requests being read, waiting or answered.", (), [((), in_flight)])
    if state.log is not None:
        yield _gauge("log_waiting", "Rows on their way to the disk.", (),
                     [((), state.log.waiting)])  # fmt: skip
        yield _counter("log_lost", "Rows that could not be written.", (),
                       [((), state.log.lost)])  # fmt: skip


def _cached(metrics: Metrics, cache: Cache) -> Iterator[Metric]:
    yield _counter("cache_hits", "Requests that the cache answered.", ("route",),
                   (((name,), n) for name, n in metrics.cached.items()))  # fmt: skip
    yield _gauge("cache_bytes", "About what the answers kept take.", (), [((), cache.size)])


def _known(escapes: Escapes) -> bool:
    return escapes.estimate is not None


def _each(timed: Mapping[L, Timed], name: str) -> Rows:
    return ((labels, getattr(one, name)) for labels, one in timed.items())


def _counter(name: str, says: str, labels: Labels, rows: Rows) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"ossay_gateway_{name}", says, labels=labels)
    for values, count in rows:
        family.add_metric([visible(value) for value in values], count)
    return family


def _gauge(name: str, says: str, labels: Labels, rows: Rows) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"ossay_gateway_{name}", says, labels=labels)
    for values, value in rows:
        family.add_metric([visible(value) for value in values], value)
    return family


def _histogram(name: str, says: str, labels: Labels, timed: Mapping[L, Timed]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(f"ossay_gateway_{name}", says, labels=labels)
    for values, one in timed.items():
        seen, buckets = 0, []
        for end, count in zip((*map(str, SECONDS), "+Inf"), one.buckets, strict=True):
            seen += count
            buckets.append((end, seen))
        family.add_metric([visible(value) for value in values], buckets, one.seconds)
    return family
