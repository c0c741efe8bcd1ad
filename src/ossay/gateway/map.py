"""The price-speed-quality map: this gateway's models as it measured them, published ones beside.

Price to the right, speed upwards, both by factors; quality is written at the mark. Drawn as SVG of
numbers and single characters, so nothing in it needs escaping. Knows nothing of where figures are
from.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from msgspec import Struct

WIDTH, HEIGHT = 330, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 12, 44
_FREE = 34  # pixels for what costs nothing, which has no place on a scale of factors
_RADIUS = 9.0
_HALF_LABEL = 15.0  # half the width of the quality beside a mark
_FLOOR = HEIGHT - _BOTTOM


class Dot(Struct, frozen=True):
    """A model on the map.

    Attributes:
        mark: One or two characters.
        own: Whether this gateway asks it.
        usd: Per million tokens, three of input to one of output.
        speed: Output tokens a second.
        quality: In percent; None where nothing is known.
    """

    mark: str
    own: bool
    usd: float
    speed: float
    quality: float | None = None


def blended(input_usd: float, output_usd: float) -> float:
    """USD per million tokens, three of input to one of output."""
    return (3.0 * input_usd + output_usd) / 4.0


def draw(dots: Sequence[Dot]) -> str:
    """Return the SVG; '' without dots."""
    dots = [dot for dot in dots if dot.usd >= 0.0 and dot.speed > 0.0]
    if not dots:
        return ""
    free = any(dot.usd == 0.0 for dot in dots)
    left = _LEFT + (_FREE if free else 0)
    x = _Scale(
        [dot.usd for dot in dots if dot.usd], left + 2 * _RADIUS, WIDTH - _RIGHT - 2 * _HALF_LABEL
    )
    y = _Scale([dot.speed for dot in dots], HEIGHT - _BOTTOM - _RADIUS, _TOP + _RADIUS)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="map-title">',
        '<title id="map-title">Price and speed of models; the table below has the numbers</title>',
        *_axes(x, y, free=free),
    ]
    circles: list[_Box] = []
    for dot in dots:
        x_at = x.of(dot.usd) if dot.usd else _LEFT + _FREE / 2
        circles.append(_apart(_around(x_at, y.of(dot.speed)), circles))
    taken = list(circles)
    for dot, circle in zip(dots, circles, strict=True):
        label = _label_of(circle, taken) if dot.quality is not None else None
        taken += [label] if label is not None else []
        parts.append(_dot(dot, circle, label))
    return "".join([*parts, "</svg>"])


class _Box(Struct, frozen=True):
    """A rectangle, by its middle and half its sides, in pixels."""

    x: float
    y: float
    half_width: float
    half_height: float

    def meets(self, other: _Box) -> bool:
        """Whether the two overlap."""
        across = abs(self.x - other.x) < self.half_width + other.half_width - 0.1
        return across and abs(self.y - other.y) < self.half_height + other.half_height - 0.1

    @property
    def inside(self) -> bool:
        """Whether it lies between the axes and the edges."""
        across = self.x - self.half_width >= _LEFT and self.x + self.half_width <= WIDTH
        return across and self.y - self.half_height >= 0 and self.y + self.half_height <= _FLOOR


class _Scale:
    """Factors into pixels, over at least one power of ten."""

    def __init__(self, values: Sequence[float], low: float, high: float) -> None:
        least, most = min(values, default=0.1), max(values, default=1.0)
        spare = max(0.0, 1.0 - log10(most / least)) / 2.0
        self._from = log10(least) - spare
        self._to = log10(most) + spare
        self._low, self._high = low, high

    def of(self, value: float) -> float:
        """Where a value lies."""
        share = (log10(value) - self._from) / (self._to - self._from)
        return self._low + share * (self._high - self._low)

    def ticks(self) -> list[float]:
        """Round values, some four of them."""
        wide = self._to - self._from
        steps = (1, 2, 5) if wide <= 1.7 else (1,)
        every = max(1, round(wide / 4.0))
        powers = range(floor(self._from), floor(self._to) + 1)
        found = [step * 10.0**power for power in powers if power % every == 0 for step in steps]
        return [value for value in found if self._from <= log10(value) <= self._to]


def _axes(x: _Scale, y: _Scale, *, free: bool) -> list[str]:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    parts = []
    for value in y.ticks():
        at = y.of(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{right}"/>')
        parts.append(_text(_LEFT - 5, at + 4, _short(value), "end"))
    if free:
        parts.append(_text(_LEFT + _FREE / 2, bottom + 15, "free"))
    for value in x.ticks():
        at = x.of(value)
        parts.append(f'<path class="grid" d="M{at:.1f} {_TOP}V{bottom}"/>')
        parts.append(_text(at, bottom + 15, f"${_short(value)}"))
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>')
    parts.append(_text((_LEFT + right) / 2, HEIGHT - 6, "USD per million tokens, 3 in : 1 out"))
    parts.append(
        f'<text transform="translate(11 {(_TOP + bottom) / 2}) rotate(-90)" '
        'text-anchor="middle">output tokens a second</text>'
    )
    return parts


def _dot(dot: Dot, circle: _Box, label: _Box | None) -> str:
    kind = "own" if dot.own else "published"
    x, y = circle.x, circle.y
    quality = "" if label is None else _text(label.x, label.y + 4, f"{dot.quality:.0f}%")
    return (
        f'<g class="{kind}"><circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:g}"/>'
        f'<text class="mark" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{dot.mark}</text>'
        f"{quality}</g>"
    )


def _around(x: float, y: float) -> _Box:
    return _Box(x, y, _RADIUS + 1.0, _RADIUS + 1.0)


def _apart(circle: _Box, others: Sequence[_Box]) -> _Box:
    """Move a mark up or down to where no other lies; where there is no room, leave it."""
    for step in range(30):
        shift = 2.0 * circle.half_height * ((step + 1) // 2) * (1 if step % 2 else -1)
        moved = _around(circle.x, circle.y - shift)
        if (moved.inside or not step) and not any(map(moved.meets, others)):
            return moved
    return circle


def _label_of(circle: _Box, others: Sequence[_Box]) -> _Box | None:
    """Room for a quality beside a mark, below it or above; None where there is none."""
    aside, over = circle.half_width + _HALF_LABEL, circle.half_height + 7.0
    for x, y in ((aside, 0.0), (-aside, 0.0), (0.0, over), (0.0, -over)):
        label = _Box(circle.x + x, circle.y + y, _HALF_LABEL, 7.0)
        if label.inside and not any(map(label.meets, others)):
            return label
    return None


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _short(value: float) -> str:
    if value >= 1_000_000.0:
        return f"{value / 1_000_000.0:g}M"
    return f"{value / 1_000.0:g}k" if value >= 1_000.0 else f"{value:g}"
