"""How every chart of the page is drawn: colours, sizes, and a chart as SVG text.

Colours are CSS variables of the page, so one chart serves light and dark. Knows nothing of what a
chart shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altair import TopLevelMixin

# The page defines --m0 to --m7; more models than that share colours, and differ by mark.
MODEL_COLOURS = 8

# Pixels. A chart is as wide as a phone, so that its text is readable there; the page scales it up
# a little where it can.
WIDTH = 262
HEIGHT = 190

Rows = list[dict[str, Any]]


def colour(index: int) -> str:
    """The CSS colour of the model at that place of the plan."""
    return f"var(--m{index % MODEL_COLOURS})"


def svg(chart: TopLevelMixin) -> str:
    """Draw `chart` in the page's fonts and colours."""
    import vl_convert

    spec = chart.to_dict(validate=False)  # validation takes half the time, and they are our own
    text = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "titleFontWeight": 400}
    spec["config"] = {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": {
            **text,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "gridColor": "var(--line)",
            "domainColor": "var(--line)",
            "tickColor": "var(--line)",
        },
        "text": {"fontSize": 12},
    }
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg
