"""Published figures: prices, speeds and qualities of models at hosts, each with date and source.

A figure without either is refused, so none is ever shown. Knows nothing of what this gateway has
measured.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files

from msgspec import Struct

from ossay.core.config import decode_toml
from ossay.core.errors import ConfigError
from ossay.core.types import Price


class Figure(Struct, frozen=True, forbid_unknown_fields=True):
    """A number on a day, with the place where it was read; `of` says what it is of."""

    value: float
    date: str
    source: str
    of: str = ""


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of one model at one host.

    `price` in USD per million tokens, `speed` in output tokens a second, `quality` in percent.
    """

    model: str
    host: str
    price: Price | None = None
    speed: Figure | None = None
    quality: Figure | None = None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    figures: tuple[Published, ...]


@cache
def published() -> tuple[Published, ...]:
    """The figures that come with the package."""
    text = files("ossay.gateway").joinpath("figures.toml").read_text(encoding="utf-8")
    return read_figures(text, source="figures.toml")


def read_figures(text: str, *, source: str) -> tuple[Published, ...]:
    """Read figures. Raises `ConfigError` for one without a day or a source."""
    found = decode_toml(text, _File, source=source).figures
    for one in found:
        for what in (one.price, one.speed, one.quality):
            if what is not None and not (_is_day(what.date) and what.source.strip()):
                raise ConfigError(
                    f"{source}: {one.model!r} at {one.host!r}: a figure needs a date such as "
                    f"'2026-11-21' and a source, not {what.date!r} and {what.source!r}"
                )
    return found


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
