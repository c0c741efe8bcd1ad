"""Model references into models: `provider/name` -> something that answers.

Imports what a reference needs, and only that. Knows nothing of any wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ossay.core.errors import UnknownName, UsageError
from ossay.core.model import Model
from ossay.core.settings import Settings
from ossay.models.providers import load_providers
from ossay.models.retry import RetryPolicy
from ossay.models.secret import Secret

_REFERENCE = re.compile(r"([^\s/]+)/(\S+)")


def open_model(
    reference: str,
    *,
    settings: Settings,
    environ: Mapping[str, str],
    retry: RetryPolicy | None = None,
) -> Model:
    """Open the model that a reference names; nothing is called yet.

    `scripted/NAME` plays a script and `played/NAME` speaks it token by token, `local/NAME` and
    `llamacpp/NAME` run here, anything else is an endpoint of providers.toml or of the user's
    ossay.toml. `retry` is an endpoint's; None: its own.

    Raises:
        UsageError: The reference has not the form `provider/model`.
        UnknownName: No such provider.
        MissingKey: The provider's key is not in `environ`.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UsageError(
            f"{reference!r} is not a model reference; write provider/model, for example "
            "'groq/openai/gpt-oss-120b', 'llamacpp/smollm2-135m' or 'scripted/reference'"
        )
    name, model = match.groups()
    if name == "scripted":
        from ossay.models.scripted import scripted

        return scripted(model)
    if name == "played":
        from ossay.models.played import open_played

        return open_played(model, settings, environ)
    if name == "local":
        from ossay.models.local import open_local

        return open_local(model, settings, environ)
    if name == "llamacpp":
        from ossay.models.llamacpp import open_llamacpp

        return open_llamacpp(model, settings)
    return _open_endpoint(reference, name, settings, environ, retry)


def _open_endpoint(
    reference: str,
    name: str,
    settings: Settings,
    environ: Mapping[str, str],
    retry: RetryPolicy | None,
) -> Model:
    providers = load_providers(settings)
    provider = providers.get(name)
    if provider is None:
        raise UnknownName.of(
            "provider",
            name,
            [*providers, "scripted", "played", "local", "llamacpp"],
            hint=f'your own goes into ossay.toml: [providers.{name}] with base_url = "…"',
        )
    key = Secret.from_environ(provider.key_variable, environ) if provider.key_variable else None
    from ossay.models.endpoint import Endpoint

    return Endpoint(reference, provider, key, retry=retry)
