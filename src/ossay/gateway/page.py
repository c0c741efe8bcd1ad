"""The page at GET /: what the gateway did, as one HTML file without scripts.

All text goes through `visible` and is escaped by the template engine; the policy that is sent along
allows the page's own style and nothing else. Knows nothing of how a number is counted.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ossay.core.display import visible
from ossay.gateway import figures
from ossay.gateway.map import draw
from ossay.gateway.view import ENDINGS, View, how

if TYPE_CHECKING:
    from jinja2 import Template

_STAGES = {
    "draft": "Draft",
    "check": "Check",
    "validate": "Validate",
    "strong": "Strong model",
    "audit": "Audit",
    "request": "Whole request",
}
_ENDINGS = {
    "draft": "draft as it was",
    "repair": "draft repaired",
    "strong": "strong model",
    "failed": "failed",
    "refused": "over budget",
    "left": "caller left",
}
_PLANS = {
    "cheap": "Cheap",
    "validate": "Draft and validate",
    "finalise": "Draft and finalise",
    "strong": "Strong",
}
_STATES = {"closed": "asked", "half_open": "being probed", "open": "left alone"}
_TEXT_CHARS = 200  # of a reason


class Page(Struct, frozen=True):
    """The page, and the Content-Security-Policy that it is sent with."""

    html: bytes
    policy: str


def render(view: View) -> Page:
    """Return the page of what was seen."""
    from markupsafe import Markup

    style = _style()
    html = _template().render(
        view=view,
        summary=view.summary,
        style=Markup(style),
        map=Markup(draw(view.dots)),  # numbers and single letters
        endings=ENDINGS,
        ending_names=_ENDINGS,
        plan_names=_PLANS,
        stage_names=_STAGES,
        state_names=_STATES,
        most_requests=max((plan.requests for plan in view.plans), default=0),
        slowest=max((stage.p95_s for stage in view.stages), default=0.0),
    )
    return Page(html.encode("utf-8", "replace"), _policy(style))


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ossay.gateway", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        percent=figures.percent,
        usd=figures.usd,
        price=figures.price,
        seconds=figures.seconds,
        number=figures.count,
        speed=figures.speed,
        moment=figures.moment,
        how=how,
        short=lambda text: visible(text, _TEXT_CHARS),
    )
    return environment.get_template("page.html.j2")


def _shown(value: Any) -> Any:
    """Make every plain string visible on its way into the page; what is Markup is our own."""
    return visible(value) if type(value) is str else value


@cache
def _style() -> str:
    return files("ossay.gateway").joinpath("templates", "page.css").read_text(encoding="utf-8")


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
