"""A policy as one JSON file: written so that it reads back, read so that an edited one is refused.

Knows nothing of where the bytes come from.
"""

from __future__ import annotations

import msgspec

from ossay.core.errors import ConfigError
from ossay.router.features import SHAPE, WORDS
from ossay.router.policy import FORMAT, Policy, digest_of


def encode_policy(policy: Policy) -> bytes:
    """The policy as JSON, indented; weights are base64."""
    return msgspec.json.format(msgspec.json.encode(policy), indent=2) + b"\n"


def decode_policy(data: bytes, *, source: str) -> Policy:
    """Read a policy; `ConfigError` names the source and what is wrong with it."""
    try:
        policy = msgspec.json.decode(data, type=Policy)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: not a policy: {error}; make it anew") from error
    if policy.format != FORMAT:
        raise ConfigError(
            f"{source}: a policy of format {policy.format!r}, this version reads {FORMAT!r}; "
            "calibrate anew"
        )
    fault = _fault(policy)
    if fault:
        raise ConfigError(f"{source}: {fault}; calibrate anew")
    return policy


def _fault(policy: Policy) -> str:
    """What no policy of ours has, '' where there is nothing."""
    gate = policy.gate
    names = [one.name for one in policy.strata]
    if len(set(names)) < len(names):
        return "two strata have one name"
    if policy.pins.get("gate") != gate.digest():
        return "the gate is not the one that was calibrated"
    if policy.digest != digest_of(policy):
        return "it was edited after it was calibrated, so that it promises nothing"
    if len(gate.centre) != len(SHAPE) or len(gate.scale) != len(SHAPE) or 0.0 in gate.scale:
        return "the gate's scales don't fit"
    for head in (gate.cheap, gate.strong):
        sizes = len(head.words), len(head.shape), len(head.tasks)
        if sizes != (2 * WORDS, 2 * len(SHAPE), len(gate.tasks)):
            return f"the gate's weights are {sizes!r}"
    return ""
