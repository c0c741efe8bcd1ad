"""A policy made for a route of a gateway file: what it pins, which rows it learns from.

Knows nothing of how a policy is made.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ossay.core.errors import UnknownName, UsageError
from ossay.router.criticality import LEVELS

if TYPE_CHECKING:
    from ossay.cli.calibrate_source import Source as Given
    from ossay.core.graded import Graded
    from ossay.core.model import Model
    from ossay.gateway.file import RouteTable


class ForRoute(NamedTuple):
    """The route, its name, what a policy for it must pin, and its models as a log names them."""

    name: str
    table: RouteTable
    pins: Mapping[str, str]
    cheap: str
    strong: str


def for_route(path: Path, name: str) -> ForRoute:
    """Read a route of a gateway file; its policy, which may not be there yet, is not looked at.

    Raises:
        UsageError: the file, or something in the route, can't be.
    """
    from ossay.cli import place
    from ossay.cli.gateway_models import Models
    from ossay.cli.gateway_source import Source
    from ossay.gateway.pins import pins_of

    source = Source(path)
    routes = source.file.routes
    if not name and len(routes) == 1:
        name = next(iter(routes))
    if name not in routes:
        raise UnknownName.of("route", name, routes, hint="name one with --route")
    table = replace(routes[name], policy=None)
    source.file = replace(source.file, routes={name: table})
    models = Models(source, place.here(), os.environ)
    try:
        cards = models.cards
        pins = pins_of(table, cards, source.beside(name).check)
        cheap, strong = (cards[one].reference for one in (table.cheap, table.strongs[0]))
        return ForRoute(name, table, pins, cheap, strong)
    finally:
        asyncio.run(models.aclose())


def as_asked(given: Given, route: ForRoute) -> Given:
    """Leave in a source's rows what the gateway will know of a request, and note what that is not.

    Raises `UsageError` as `named` does.
    """
    rows = named(given.rows, route)
    if not any(row.task for row in rows):
        return given._replace(rows=rows)
    rows = tuple(replace(row, task="") for row in rows)
    note = (
        "The rows' tasks were left out: a request to a gateway names none, so the gate may not "
        "learn from them."
    )
    return given._replace(rows=rows, notes=(*given.notes, note))


def named(rows: Sequence[Graded], route: ForRoute) -> tuple[Graded, ...]:
    """Name strata as the gateway does, 'route/criticality'.

    A row without one is taken for the route's own criticality, one that is a criticality for that
    of the route. Raises `UsageError` for any other that is none of the route's.
    """
    known = {f"{route.name}/{level}" for level in LEVELS}
    names = {"": f"{route.name}/{route.table.criticality}"}
    names |= {level: f"{route.name}/{level}" for level in LEVELS} | {one: one for one in known}
    other = sorted({row.stratum for row in rows} - set(names))
    if other:
        raise UsageError(
            f"stratum {other[0]!r} is none of route {route.name!r}: the gateway asks for 'low', "
            "'medium' or 'high'; give --stratum a column that holds those, or none"
        )
    return tuple(replace(row, stratum=names[row.stratum]) for row in rows)


def open_validator(reference: str) -> Model:
    """Open a model to try as a validator."""
    from ossay.cli import place
    from ossay.models.resolve import open_model
    from ossay.models.scripted import Rehearsal

    model = open_model(reference, settings=place.here(), environ=os.environ)
    if isinstance(model, Rehearsal):
        raise UsageError(
            f"{reference!r} plays in campaigns only; the script that validates is "
            "'scripted/validator'"
        )
    return model
