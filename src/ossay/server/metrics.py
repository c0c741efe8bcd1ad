"""What the server counts, for Prometheus: GET /metrics.

OpenTelemetry's GenAI names where they exist (`gen_ai.server.…`, `gen_ai.client.token.usage`), dots
as underscores; `ossay_…` for the rest. Every name is in this file. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ossay.core.types import Usage

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
# Seconds; OpenTelemetry's advice for these two.
_TO_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DURATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)

Gauges = Callable[[], Mapping[str, float]]


class Metrics:
    """The counters of one server, in a registry of their own.

    Args:
        model: The name that goes into the label gen_ai_response_model.
        in_flight: How many requests are being read or answered.
        gauges: What the model says of itself.
    """

    def __init__(self, model: str, in_flight: Callable[[], float], gauges: Gauges) -> None:
        registry = self._registry = CollectorRegistry()
        registry.register(_ModelGauges(gauges))
        active = Gauge(
            "http_server_active_requests",
            "Requests being read, waiting or answered.",
            registry=registry,
        )
        active.set_function(in_flight)
        self._requests = Counter(
            "ossay_requests", "Requests by route and status; 499: the client left.",
            ["route", "status"], registry=registry,
        )  # fmt: skip
        self._broken = Counter(
            "ossay_streams_failed", "Streams that ended with an error event.", registry=registry
        )
        self._left = Counter(
            "ossay_disconnects", "Clients that left before their answer's end.", registry=registry
        )
        tokens = Counter(
            "ossay_tokens",
            "Tokens; cached ones are part of input, reasoning ones of output.",
            ["gen_ai_token_type"],
            registry=registry,
        )
        self._tokens = [tokens.labels(kind) for kind in ("input", "cached", "output", "reasoning")]
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds", "Of requests that were answered.",
            ["gen_ai_response_model"], registry=registry, buckets=_DURATION,
        ).labels(model)  # fmt: skip
        self._to_first = Histogram(
            "gen_ai_server_time_to_first_token_seconds", "From the request to the first text.",
            ["gen_ai_response_model"], registry=registry, buckets=_TO_FIRST,
        ).labels(model)  # fmt: skip

    def request(self, route: str, status: int) -> None:
        """Count a request that is over."""
        self._requests.labels(route, str(status)).inc()

    def left(self) -> None:
        """Count a client that left."""
        self._left.inc()

    def broken(self) -> None:
        """Count a stream that ended with an error."""
        self._broken.inc()

    def answered(self, usage: Usage, total_s: float, first_s: float | None) -> None:
        """Count an answer that is whole."""
        self._duration.observe(total_s)
        if first_s is not None:
            self._to_first.observe(first_s)
        counts = (
            usage.input_tokens,
            usage.cached_input_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
        )
        for counter, count in zip(self._tokens, counts, strict=True):
            if count:
                counter.inc(count)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)


class _ModelGauges(Collector):
    """Asks the model when somebody looks."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """Yield a gauge for each value."""
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"ossay_model_{name}", f"{name}, as the model says.", value)
