"""Templates filled in for one study, and what a path says. Knows nothing of what pages show."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ossay.core.display import visible
from ossay.web.form import rater_named
from ossay.web.study import Study


def environment() -> Environment:
    """The templates: what they are given is escaped, and a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("ossay.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["visible"] = visible
    return made


class Frame:
    """Fills templates in with what all pages of a study show."""

    def __init__(self, study: Study, templates: Environment) -> None:
        self._study = study
        self._templates = templates

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a template with `values`."""
        study = self._study
        html = self._templates.get_template(template).render(
            campaign=study.campaign, blind=study.blind, url=path_of, **values
        )
        return HTMLResponse(html, status)

    def of_rater(self, template: str, rater: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The same, with a rater's name and progress."""
        done, of = len(self._study.done(rater)), len(self._study.answers)
        return self.page(template, status, rater=rater, done=done, of=of, **values)


def path_of(*parts: str) -> str:
    """A path of ours from its parts, each quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def rater_of(request: Request) -> str:
    """The rater that a path names. Raises `UsageError` where that is no name."""
    return rater_named(request.path_params["rater"])
