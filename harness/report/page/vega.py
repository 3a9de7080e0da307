"""The Vega-Lite specifications that the charts of a page share. Colours and fonts come from the page, by its theme.

Values are in the fields ``x``, ``x_low``, ``x_high`` and the same of y: where its ends are missing, an
interval is not drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS = 7  # that a theme has
STEP = 15  # pixels, of one line of a dot chart
ASIDE = 9.0  # pixels between the values of twins
PUBLISHED = "published"
FRAMEWORKS = ("torch", "keras", "onnx", PUBLISHED)  # the order of the theme's colours and shapes
# Of a logarithmic axis over more than a decade the ticks at 1, 2 and 5, else all of them; as plain numbers.
LOG_LABELS = (
    "domain('{axis}')[1] < 10 * domain('{axis}')[0] || indexof('125', slice(format(datum.value, '.0e'), 0, 1)) >= 0 "
    "? format(datum.value, '~g') : ''"
)
HOVER = {"field": "hover", "type": "nominal"}

Spec = dict[str, Any]


def axis(title: str, along: str = "x", *, log: bool = False, zero: bool = False, **others: Any) -> Spec:
    """A quantitative axis, without the field."""
    scale: Spec = {"type": "log", "nice": False} if log else {"zero": zero, "nice": True}
    found: Spec = {"type": "quantitative", "title": title, "scale": {**scale, "padding": 12}}
    return found | ({"axis": {"labelExpr": LOG_LABELS.format(axis=along)}} if log else {}) | others


def kinds(field: str, title: str, present: Sequence[str], first: Sequence[str] = ()) -> tuple[Spec, Spec]:
    """A nominal field as colour and as shape, so that either is enough; ``first`` keep their colour on every chart."""
    domain = [*first, *(name for name in present if name not in first)]
    legend = {"title": title, "values": [name for name in domain if name in present]}
    colour: Spec = {"field": field, "type": "nominal", "scale": {"domain": domain}, "legend": legend}
    return colour, dict(colour)


def dots(x: Spec, kind: tuple[Spec, Spec], *, offset: str, guide: float | None = None) -> Spec:
    """Dots with intervals along x, by ``name`` in the order of the records; those of ``offset`` under one another."""
    colour, shape = kind
    names: Spec = {"field": "name", "type": "nominal", "title": None, "sort": None}
    place: Spec = {"y": names, "yOffset": {"field": offset, "type": "nominal", "sort": None}}
    whole = {"field": "x", **x}
    layers: list[Spec] = [
        {
            "mark": "rule",
            "encoding": {**place, "x": {"field": "x_low", **x}, "x2": {"field": "x_high"}, "stroke": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "strokeWidth": 1.5, "opacity": 1},
            "encoding": {
                **place,
                "x": whole,
                "shape": shape,
                "fill": colour,
                "stroke": colour,
                "fillOpacity": {"condition": {"test": "datum.hollow === true", "value": 0}, "value": 1},
                "tooltip": HOVER,
            },
        },
    ]
    if guide is not None:
        layers.insert(0, {"data": {"values": [{}]}, "mark": _guide(), "encoding": {"x": {"datum": guide}}})
    # The page makes it as high as what passes the filters: a line a name and offset.
    return {"usermeta": {"step": STEP, "lines": ["name", offset]}, "layer": layers}


def lines(x: Spec, y: Spec, colour: Spec, dash: Spec, *, points: bool = True, intervals: bool = True) -> Spec:
    """Lines with intervals along y, where there are any; one each ``series``."""
    of: Spec = {"x": {"field": "x", **x}, "color": colour}
    interval = {**of, "y": {"field": "y_low", **y}, "y2": {"field": "y_high"}}
    detail = {"field": "series", "type": "nominal"}
    whole = {**of, "y": {"field": "y", **y}}
    layers: list[Spec] = [
        {"mark": {"type": "line", "strokeWidth": 1.8}, "encoding": {**whole, "strokeDash": dash, "detail": detail}},
        *([{"mark": "rule", "encoding": interval}] if intervals else []),
        {
            "mark": {"type": "point", "filled": True, "opacity": 1 if points else 0, "size": 45},
            "encoding": {**whole, "tooltip": HOVER},
        },
    ]
    return {"height": 220, "layer": layers}


def bubbles(y: Spec, kind: tuple[Spec, Spec], frameworks: Sequence[str], *, names: bool) -> Spec:
    """Accuracy against a cost that the page chooses, the area by parameters, with the Pareto front of what is shown.

    The values of a network's two files stand beside one another, since they would hide each other.
    """
    place: Spec = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", **y}}
    hollow = {"condition": {"test": "datum.published === true", "value": 0}}
    area = {
        "field": "params",
        "type": "quantitative",
        "scale": {"type": "linear", "zero": True, "range": [0, 2200]},
        "legend": {"title": "Parameters", "format": ".2~s", "tickCount": 4, "symbolType": "circle"},
    }
    dashed = {"condition": {"test": "datum.published === true", "value": [4, 3]}, "value": [1, 0]}
    bubble: Spec = {**place, "size": area, "fillOpacity": {**hollow, "value": 0.18}, "strokeDash": dashed}
    front: Spec = {"type": "line", "interpolate": "step-after", "style": "front"}
    layers: list[Spec] = [
        {"transform": _front(), "mark": front, "encoding": place},
        {"mark": {"type": "point", "filled": True, "style": "bubble"}, "encoding": {**bubble, "tooltip": HOVER}},
    ]
    for number, name in enumerate(frameworks):
        aside = ASIDE * (number - (len(frameworks) - 1) / 2)
        layers += _values(name, aside, place, kind, hollow)
    if names:
        label: Spec = {"type": "text", "style": "name"}
        only = [{"filter": "datum.named === true"}]
        layers.append(
            {"name": "names", "transform": only, "mark": label, "encoding": {**place, "text": {"field": "name"}}}
        )
    return {"height": 420, "layer": layers}


def _values(name: str, aside: float, place: Spec, kind: tuple[Spec, Spec], hollow: Spec) -> list[Spec]:
    """The values of the files from one framework with their intervals, so many pixels beside their place."""
    colour, shape = kind
    only = [{"filter": {"field": "framework", "equal": name}}]
    rule: Spec = {"type": "rule", "xOffset": aside, "x2Offset": aside}
    upright = {**place, "y": {**place["y"], "field": "y_low"}, "y2": {"field": "y_high"}, "stroke": colour}
    level = {**place, "x": {**place["x"], "field": "x_low"}, "x2": {"field": "x_high"}, "stroke": colour}
    value = {**place, "shape": shape, "fill": colour, "stroke": colour, "fillOpacity": {**hollow, "value": 1}}
    point: Spec = {"type": "point", "filled": True, "size": 50, "strokeWidth": 1.5, "opacity": 1, "xOffset": aside}
    return [
        {"transform": only, "mark": rule, "encoding": upright},
        {"transform": only, "mark": rule, "encoding": level},
        {"transform": only, "mark": point, "encoding": {**value, "tooltip": HOVER}},
    ]


def roofline(x: Spec, y: Spec, kind: tuple[Spec, Spec], roofs: Sequence[Mapping[str, Any]]) -> Spec:
    """The nodes of one file as bubbles by their share of the time, under the machine's measured peaks."""
    colour, _ = kind
    area = {
        "field": "share",
        "type": "quantitative",
        "scale": {"type": "linear", "zero": True, "domain": [0, 0.5], "clamp": False, "range": [8, 900]},
        "legend": {"title": "Share of the time", "format": ".0%", "values": [0.02, 0.1, 0.5], "symbolType": "circle"},
    }
    place: Spec = {"x": {"field": "x", **x}, "y": {"field": "y", **y}}
    roof: Spec = {"field": "roof", "type": "nominal", "title": "Measured peaks"}
    return {
        "height": 300,
        "layer": [
            {
                "data": {"values": list(roofs)},
                "mark": {"type": "line", "style": "guide", "strokeWidth": 1.5},
                "encoding": {**place, "strokeDash": roof, "detail": roof},
            },
            {
                "mark": {"type": "circle", "style": "bubble", "strokeWidth": 1},
                "encoding": {
                    **place,
                    "size": area,
                    "fill": {**colour, "legend": None},
                    "stroke": {**colour, "legend": None},
                    "fillOpacity": {"value": 0.35},
                    "tooltip": HOVER,
                },
            },
            {
                "transform": [{"filter": "datum.rank <= 10"}],
                "mark": {"type": "text", "dy": -9, "fontSize": 10},
                "encoding": {**place, "text": {"field": "rank"}},
            },
        ],
    }


def _guide() -> Spec:
    return {"type": "rule", "style": "guide"}


def _front() -> list[Spec]:
    """Of what is shown, the points that no other beats: at most as costly, and at least as accurate."""
    ordered = [{"field": "x", "order": "ascending"}, {"field": "y", "order": "descending"}]
    in_order = {"sort": ordered, "frame": [None, 0], "ignorePeers": True}
    best = {"op": "max", "field": "y", "as": "best"}
    before = {"op": "lag", "param": 1, "field": "best", "as": "best_before"}
    return [
        {"filter": "datum.standing === true"},
        {"window": [best], **in_order},
        {"window": [before], **in_order},
        {"filter": "!isValid(datum.best_before) || datum.y > datum.best_before"},
    ]
