"""What of a provider's row goes on a model's card: whatever changes its requests, and no secret.

Knows nothing of the network or of who reads the card.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ossay.models.providers import Provider
from ossay.models.secret import HIDDEN, Secret

# Elsewhere on the card, or of no effect on what is asked.
_ELSEWHERE = frozenset({"base_url", "key_variable", "dialect", "body", "prices"})

# A text under such a name is taken for a secret; a number (max_tokens) is none.
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTHORIZATION", re.IGNORECASE)


def recorded(provider: Provider, key: Secret | None) -> dict[str, str]:
    """Return the row's details: base_url, `body` as JSON, and every switch that is not default.

    Equal rows give equal details, whatever the order of their keys.
    """
    details = {"base_url": provider.base_url}
    if provider.body:
        details["body"] = msgspec.json.encode(_shown(provider.body), order="sorted").decode()
    for field in msgspec.structs.fields(Provider):
        value = getattr(provider, field.name)
        if field.name not in _ELSEWHERE and value != field.default:
            details[field.name] = value if isinstance(value, str) else str(value).lower()
    if key is not None:
        details = {name: key.redact(text) for name, text in details.items()}
    return details


def _shown(value: Any, name: str = "") -> Any:
    """Blank out every text under a name that says secret, at any depth."""
    if isinstance(value, dict):
        return {key: _shown(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item, name) for item in value]
    return HIDDEN if isinstance(value, str) and _SECRET_NAME.search(name) else value
