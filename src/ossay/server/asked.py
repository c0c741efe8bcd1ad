"""Settings that chat and plain completions share: sampling, stop strings, stream options.

Knows nothing of messages.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from ossay.core.types import Effort, Sampling
from ossay.server.fields import invalid, unsupported

Positive = Annotated[int, Meta(ge=1, le=2**31)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]

_MOST_STOPS = 4

# 'none' and 'minimal' are less than gpt-oss can, 'xhigh' and 'max' more: the nearest is taken.
_EFFORTS: dict[str, Effort] = {
    "none": "low",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


class StreamOptions(Struct, frozen=True):
    """What a stream holds besides the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None  # nothing is padded here


class Common(Struct, frozen=True, kw_only=True):
    """Fields that chat and plain completions have in common."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Share | None = None
    top_k: Annotated[int, Meta(ge=-1, le=2**31)] | None = None
    min_p: Share | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Seed | None = None
    stop: str | list[str] | None = None
    max_tokens: Positive | None = None
    n: int | None = None
    logit_bias: dict[str, Any] | None = None
    user: str | None = None


def sampling_of(
    body: Common, *, max_tokens: int | None, reasoning_effort: str | None = None
) -> Sampling:
    """Return how to sample. Raises `ApiError`."""
    refuse_common(body)
    return Sampling(
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k if body.top_k and body.top_k > 0 else None,  # vLLM: 0 and -1 keep all
        min_p=body.min_p,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        seed=body.seed,
        stop=stops_of(body.stop),
        max_tokens=max_tokens,
        reasoning_effort=effort_of(reasoning_effort),
    )


def stops_of(stop: str | list[str] | None) -> tuple[str, ...]:
    """Return the stop strings; an empty one can stop nothing and is left out."""
    stops = [stop] if isinstance(stop, str) else stop or []
    if len(stops) > _MOST_STOPS:
        raise invalid("stop", f"has {len(stops)} strings; at most {_MOST_STOPS} are allowed")
    return tuple(text for text in stops if text)


def effort_of(effort: str | None, param: str = "reasoning_effort") -> Effort | None:
    """Return the effort that gpt-oss knows."""
    if effort is None:
        return None
    if effort not in _EFFORTS:
        raise invalid(param, f"{effort!r} is not one of {', '.join(_EFFORTS)}")
    return _EFFORTS[effort]


def refuse_common(body: Common) -> None:
    """Refuse what would change the answer and is not done here."""
    if body.n not in (None, 1):
        raise unsupported("n", f"{body.n} answers to one request: ask once for each")
    if body.logit_bias:
        raise unsupported("logit_bias", "this server does not bias tokens; leave it out")
    if body.stream_options is not None and not body.stream:
        raise invalid("stream_options", "is for stream=true only")
