"""Looking at a page in headless Chromium, inside the sandbox: what is where, and a picture.

The driver inside talks to the browser over a pipe; there is no network, and the profile is gone
afterwards. What is measured was perhaps arranged by the page, but not told by it: right values stay
outside. Knows nothing of any task.
"""

from __future__ import annotations

import base64

import msgspec
from msgspec import Struct

from ossay.agent.sandbox.base import Limits, Sandbox
from ossay.core.display import visible
from ossay.core.errors import EnvironmentDefect
from ossay.suites.chromium import PLACES
from ossay.suites.coding.compiler import run_program

WIDTH, HEIGHT = 1280, 900  # CSS pixels

# Generous in wall time, since many may run at once. A page takes about two seconds.
LOOK_LIMITS = Limits(
    wall_s=90.0, cpu_s=60, memory_bytes=2 << 30, processes=400, output_bytes=16 << 20
)

Box = tuple[float, float, float, float]  # left, top, right, bottom in CSS pixels
Colour = tuple[int, int, int]


class Bar(Struct, frozen=True):
    """A mark of the chart, by its attributes; `box` is what can be seen of it."""

    model: str
    benchmark: str
    box: Box
    shown: bool


class Text(Struct, frozen=True):
    """A visible run of text.

    `cut` tells that it does not fit into an element around it, `lines` are the corners of each of
    its lines, `ink` is its colour with the opacity from 0 to 1 (None: not a plain one), `font` its
    size in pixels of the screen.
    """

    text: str
    box: Box
    cut: bool
    lines: tuple[tuple[tuple[float, float], ...], ...]
    ink: tuple[float, float, float, float] | None
    font: float


class Seen(Struct, frozen=True):
    """A box of the picture.

    `colour` is its commonest one, `other` how many pixels are unlike that, `farthest` the one that
    is most unlike; `around` has the commonest colours outside each of its sides.
    """

    colour: Colour
    mean: Colour
    other: int
    farthest: Colour
    around: tuple[Colour, ...] = ()


class Page(Struct, frozen=True):
    """What was found. `seen` has one for each of the texts, then of the bars; None: outside."""

    bars: tuple[Bar, ...]
    texts: tuple[Text, ...]
    canvases: int
    page: tuple[int, int]
    still: bool
    errors: tuple[str, ...]
    dialogs: int
    seen: tuple[Seen | None, ...]
    ground: Colour
    screenshot: str

    @property
    def picture(self) -> bytes:
        """The screenshot as PNG."""
        return base64.b64decode(self.screenshot)


def look_at(sandbox: Sandbox, html: str) -> Page | str:
    """Open a page and measure it; a sentence where it cannot be measured through its own fault.

    Raises:
        EnvironmentDefect: the browser does not work here, with this page or a plain one.
    """
    found = _look(sandbox, html)
    if isinstance(found, str):
        prove_chromium(sandbox)  # so it is the page that is too much for the browser
        return f"the page cannot be looked at: {visible(found, 200)}"
    return found


def prove_chromium(sandbox: Sandbox) -> None:
    """Look at a plain page; raises `EnvironmentDefect` where that does not work."""
    found = _look(sandbox, _PLAIN)
    if isinstance(found, str):
        raise _defect(sandbox, found)
    if not (found.texts and found.seen[0] and found.seen[0].other):
        raise _defect(sandbox, "it shows no text; are the DejaVu fonts there?")


def _defect(sandbox: Sandbox, why: str) -> EnvironmentDefect:
    return EnvironmentDefect(
        f"Chromium does not work inside the {sandbox.kind} sandbox: {visible(why, 300)!r}; "
        "`ossay doctor --install` installs it"
    )


_PLAIN = "<!doctype html><title>x</title><p style='font: 20px sans-serif'>words</p>"


def _look(sandbox: Sandbox, html: str) -> Page | str:
    """The page, or what became of it; raises `EnvironmentDefect` if no page could be opened."""
    job = {"chromium": PLACES, "page": html, "width": WIDTH, "height": HEIGHT}
    items, stopped = run_program(
        sandbox, "browser.cjs", job, beside=("measure.js", "pixels.js"), limits=LOOK_LIMITS
    )
    if not items:
        return stopped
    item = items[-1]
    if "broken" in item:
        if not item.get("ready"):
            raise _defect(sandbox, str(item["broken"]))
        return str(item["broken"])
    try:
        return msgspec.convert(item, Page, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
