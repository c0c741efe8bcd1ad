"""Which providers there are: rows of providers.toml, and the user's own in ossay.toml.

A row says where a provider is, which environment variable holds its key, how its dialect of the
chat completions wire differs, and what it charged on a day. Knows nothing of the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from ossay.core.config import decode_toml, read_toml
from ossay.core.errors import ConfigError
from ossay.core.settings import Settings
from ossay.core.types import Dialect, Price

MaxTokensField = Literal["max_tokens", "max_completion_tokens"]
ReasoningField = Literal["", "reasoning", "reasoning_content"]

# References that are not endpoints.
IN_PROCESS = ("scripted", "played", "llamacpp", "local")

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_OURS = frozenset({"model", "messages", "stream", "stream_options", "tools", "tool_choice"})


class Provider(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row.

    Attributes:
        base_url: What comes before /chat/completions.
        key_variable: The name of the environment variable with the key; '' where none is needed.
        dialect: How models behind it are given tools: as tools, or as a JSON action.
        max_tokens_field: What the limit on output tokens is called.
        stream_usage: Whether stream_options.include_usage is understood. Rows that say no send
            usage without being asked.
        reasoning_effort: Whether that setting is applied.
        reasoning_field: Where an earlier turn's reasoning is sent back; '' means nowhere.
        response_schema: Whether response_format json_schema is applied.
        body: Further fields of every request, as they stand.
        prices: Model name -> dated price. No entry: cost is unknown.
    """

    base_url: str
    key_variable: str = ""
    dialect: Dialect = "native_tools"
    max_tokens_field: MaxTokensField = "max_tokens"
    stream_usage: bool = True
    reasoning_effort: bool = True
    reasoning_field: ReasoningField = ""
    response_schema: bool = True
    body: dict[str, Any] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)


class ProviderChanges(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of ossay.toml. What is None stays as providers.toml has it; see `Provider`."""

    base_url: str | None = None
    key_variable: str | None = None
    dialect: Dialect | None = None
    max_tokens_field: MaxTokensField | None = None
    stream_usage: bool | None = None
    reasoning_effort: bool | None = None
    reasoning_field: ReasoningField | None = None
    response_schema: bool | None = None
    body: dict[str, Any] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """The file providers.toml."""

    providers: dict[str, Provider]


class UserConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The file ossay.toml."""

    providers: dict[str, ProviderChanges] = field(default_factory=dict)


class ProviderRow(Struct, frozen=True):
    """A provider as a listing shows it. `priced_on` is its newest price's date, '' for none."""

    name: str
    base_url: str
    key_variable: str
    key_set: bool
    dialect: Dialect
    priced_on: str


def builtin_providers() -> dict[str, Provider]:
    """The rows that ship."""
    text = files("ossay.models").joinpath("providers.toml").read_text(encoding="utf-8")
    return decode_toml(text, Table, source="providers.toml").providers


def load_providers(settings: Settings) -> dict[str, Provider]:
    """All rows: those that ship, changed and extended by the user's ossay.toml."""
    providers = builtin_providers()
    if settings.config is not None:
        source = str(settings.config)
        for name, changes in read_toml(settings.config, UserConfig).providers.items():
            provider = _changed(name, providers.get(name), changes, source)
            _check(name, provider, source)
            providers[name] = provider
    return providers


def known_providers(settings: Settings, environ: Mapping[str, str]) -> list[ProviderRow]:
    """All rows as a listing shows them; of keys only whether they are set."""
    return [
        ProviderRow(
            name,
            provider.base_url,
            provider.key_variable,
            bool(provider.key_variable and environ.get(provider.key_variable, "").strip()),
            provider.dialect,
            max((price.date for price in provider.prices.values()), default=""),
        )
        for name, provider in sorted(load_providers(settings).items())
    ]


def _changed(name: str, base: Provider | None, changes: ProviderChanges, source: str) -> Provider:
    given = {
        key: value for key, value in msgspec.structs.asdict(changes).items() if value is not None
    }
    if base is None:
        if changes.base_url is None:
            raise ConfigError(
                f"{source}: provider {name!r} has no base_url; "
                f'write base_url = "https://…/v1" under [providers.{name}]'
            )
        return Provider(**given)
    given["body"] = {**base.body, **changes.body}
    given["prices"] = {**base.prices, **changes.prices}
    return msgspec.structs.replace(base, **given)


def _check(name: str, provider: Provider, source: str) -> None:
    where = f"{source}: provider {name!r}"
    if not _NAME.fullmatch(name) or name in IN_PROCESS:
        raise ConfigError(
            f"{where}: not a name for a provider; use lower-case letters, digits, '.', '_' and "
            f"'-', and none of {', '.join(IN_PROCESS)}"
        )
    _check_url(where, provider.base_url)
    if provider.key_variable and not _VARIABLE.fullmatch(provider.key_variable):
        # The value is not shown: it may be the key itself.
        raise ConfigError(
            f"{where}: key_variable must be the name of an environment variable, in capitals, "
            "such as 'MY_API_KEY'; the key itself belongs in the environment"
        )
    taken = sorted(_OURS.intersection(provider.body))
    if taken:
        raise ConfigError(f"{where}: body may not set {taken[0]!r}; ossay sets it itself")
    for model, price in provider.prices.items():
        _check_price(f"{where}: price of {model!r}", price)


def _check_url(where: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"{where}: base_url holds a user name or password; "
            "put the key in an environment variable and name it in key_variable"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(
            f"{where}: base_url {url!r} is not one; write what comes before /chat/completions, "
            "for example 'https://host/v1'"
        )


def _check_price(where: str, price: Price) -> None:
    try:
        date.fromisoformat(price.date)
    except ValueError:
        raise ConfigError(
            f"{where}: date {price.date!r} is not a day; write it as '2026-11-10'"
        ) from None
    if not price.source.strip():
        raise ConfigError(f"{where}: source is empty; write where the price was read")
    if min(price.input, price.output, price.cached_input or 0.0) < 0:
        raise ConfigError(f"{where}: a price below zero; write USD per million tokens")
