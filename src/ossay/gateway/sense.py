"""What no single value of gateway.toml shows: whether those in it fit each other.

Knows nothing of files and models.
"""

from __future__ import annotations

import re

import msgspec

from ossay.core.errors import ConfigError, UnknownName, nearest
from ossay.gateway.decode import Document
from ossay.gateway.file import GatewayFile, RouteTable
from ossay.gateway.lines import Path
from ossay.gateway.redaction import Redaction
from ossay.router.breaker import BreakerLimits
from ossay.router.detectors import NAMES as DETECTORS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def is_name(text: str) -> bool:
    """Whether a route or a key may be called that."""
    return _NAME.fullmatch(text) is not None


def check_sense(document: Document, file: GatewayFile) -> None:
    """Raise `ConfigError` at the first thing that can't be meant."""
    if not file.routes:
        document.fail((), "no route; write [routes.NAME] with cheap and strong models")
    for where in ("routes", "keys"):
        for name in getattr(file, where):
            if not is_name(name):
                document.fail(
                    (where, name),
                    f"{name!r} is no name; take letters, digits, '.', '_' and '-', 64 at most",
                )
    default = file.gateway.default
    if default and default not in file.routes:
        near = nearest(default, file.routes)
        document.fail(("gateway", "default"), f"gateway.default = {default!r}: no such route{near}")
    _check_words(document, file)
    for name, table in file.routes.items():
        _check_route(document, name, table)
    _check_breakers(document, file)
    _check_keys(document, file)


def _check_words(document: Document, file: GatewayFile) -> None:
    for number, name in enumerate(file.gateway.detectors):
        if name not in DETECTORS:
            near = nearest(name, DETECTORS)
            document.fail(("gateway", "detectors", number), f"no detector {name!r}{near}")
    for number, kind in enumerate(file.gateway.redact):
        try:
            Redaction((kind,))
        except (ConfigError, UnknownName) as error:
            document.fail(("gateway", "redact", number), str(error))


def _check_route(document: Document, name: str, table: RouteTable) -> None:
    path: Path = ("routes", name)
    if not table.strongs:
        document.fail((*path, "strong"), f"routes.{name}.strong is empty; name a strong model")
    for what in ("deadlines", "retries", "breaker"):
        for key, value in msgspec.structs.asdict(getattr(table, what)).items():
            least = 1 if key in ("attempts", "trips_after") else 0
            if key == "kinds" or (least <= value < 1e9 and (value > 0 or key in ("base_s",))):
                continue
            document.fail_value((*path, what, key), "a number from 1" if least else "above 0")
    try:
        table.route(name)
    except ConfigError as error:
        found = re.search(r": (plans|floor|most_escapes|audit_share)\b", str(error))
        document.fail((*path, found[1]) if found else path, str(error))
    if table.redact_upstream and not document.data.get("gateway", {}).get("redact"):
        document.fail(
            (*path, "redact_upstream"),
            f"routes.{name}.redact_upstream needs what to redact; list it as redact in [gateway]",
        )
    if table.check is not None:
        _check_check(document, (*path, "check"), table)


def _check_check(document: Document, path: Path, table: RouteTable) -> None:
    check = table.check
    assert check is not None
    if (check.schema is None) == (check.command is None):
        document.fail(path, "a check has either a schema or a command; give one of them")
    if not _PART.fullmatch(check.file):
        document.fail_value((*path, "file"), "a plain file name, such as 'draft.py'")


def _check_breakers(document: Document, file: GatewayFile) -> None:
    """One breaker a model: two routes can't have two opinions of it."""
    limits: dict[str, tuple[str, BreakerLimits]] = {}
    for name, table in file.routes.items():
        for reference in table.references:
            first, said = limits.setdefault(reference, (name, table.breaker))
            if said != table.breaker:
                document.fail(
                    ("routes", name, "breaker"),
                    f"{reference!r} has one breaker for all routes, and routes {first!r} and "
                    f"{name!r} set it differently; set it the same in both",
                )


def _check_keys(document: Document, file: GatewayFile) -> None:
    seen: dict[str, str] = {}
    for name, key in file.keys.items():
        first = seen.setdefault(key.sha256, name)
        if first != name:
            document.fail(("keys", name, "sha256"), f"keys {first!r} and {name!r} are the same key")
        for number, route in enumerate(key.routes):
            if route not in file.routes:
                near = nearest(route, file.routes)
                document.fail(("keys", name, "routes", number), f"no route {route!r}{near}")
