"""Names beside what they name in a picture, none of them on another or on what is drawn."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.report.drawing import imported
from harness.report.tables import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    Array = np.ndarray[Any, np.dtype[np.float64]]

CROWD = 20  # from so many names on, they are written smaller
GAP = 3.0  # pixels that stay free around a name
SLACK = (2.0, 2.0, -2.0, -2.0)  # how much less of it will do where adjustText was content
STEP, REACH = 8.0, 480.0  # pixels: the grid on which a free place is looked for, and how far away
NEARER = 2.0  # pixels: what is so much nearer to a name than its own is taken for it
LEADER = 14.0  # pixels from which on a line leads from a name to what it names


def name(axes: "Axes", occupied: Mapping[str, Sequence["Bbox"]]) -> None:
    """Write names into a panel, given the boxes in pixels that belong to each.

    adjustText moves them apart; what it leaves on something goes to the nearest free place. A name
    that finds none stays where it is. The limits of the axes must be final.
    """
    from matplotlib.transforms import Bbox

    own = [Bbox.union(list(boxes)) for boxes in occupied.values()]
    obstacles = [box for boxes in occupied.values() for box in boxes]
    texts = [_above(axes, label, box, len(own)) for label, box in zip(occupied, own, strict=True)]
    _adjust(axes, texts, obstacles)
    _clear(axes, texts, own, obstacles)
    for text, box in zip(texts, own, strict=True):
        _lead(axes, text.get_window_extent(), box)


def _above(axes: "Axes", label: str, box: "Bbox", number: int) -> "Text":
    from matplotlib.patheffects import withStroke

    x, y = axes.transData.inverted().transform(((box.x0 + box.x1) / 2, box.y1 + GAP))
    size = 10 if number < CROWD else 8
    text = axes.text(x, y, plain(label), fontsize=size, horizontalalignment="center", verticalalignment="bottom")
    text.set_parse_math(False)
    text.set_zorder(5)
    text.set_path_effects([withStroke(linewidth=2.0, foreground="white")])  # legible on a line
    return text


def _adjust(axes: "Axes", texts: "list[Text]", obstacles: "Sequence[Bbox]") -> None:
    from matplotlib.transforms import Bbox

    to_data = axes.transData.inverted()
    imported("adjustText").adjust_text(
        texts,
        objects=[Bbox(to_data.transform(box)) for box in obstacles],
        ax=axes,
        avoid_self=False,
        force_explode=0.0,  # names begin where they belong
        prevent_crossings=False,
        expand=(1.05, 1.2),
        iter_lim=100,  # and no limit of time, so that a slow machine draws the same
    )


def _clear(axes: "Axes", texts: "list[Text]", own: "Sequence[Bbox]", obstacles: "Sequence[Bbox]") -> None:
    """Move each name that lies on something, or beside what another names, to the free place nearest to its own."""
    drawn, named = np.array([box.extents for box in obstacles]), np.array([box.extents for box in own])
    places = [np.array(text.get_window_extent().padded(GAP).extents) for text in texts]
    for index, text in enumerate(texts):
        taken = np.array([*drawn, *places[:index], *places[index + 1 :]])
        lies_on = _hits((places[index] + SLACK)[None], taken).any()
        if not lies_on and not _astray(places[index][None], named, index).any():
            continue
        found = _free_place(places[index], named, index, taken, np.array(axes.bbox.extents))
        if found is not None:
            places[index] = found
            x, y = axes.transData.inverted().transform(found.reshape(2, 2).mean(axis=0))
            text.set_position((x, y))


def _free_place(place: "Array", named: "Array", index: int, taken: "Array", inside: "Array") -> "Array | None":

    half, near = (place[2:] - place[:2]) / 2, named[index]
    steps = np.arange(-REACH, REACH + STEP, STEP)
    shifts = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    middle = near.reshape(2, 2).mean(axis=0)
    places = np.hstack([middle + shifts - half, middle + shifts + half])
    fits = (places[:, :2] >= inside[:2]).all(axis=1) & (places[:, 2:] <= inside[2:]).all(axis=1)
    free = fits & ~_hits(places, taken)
    places, shifts = places[free], shifts[free]
    # How far a place is counts from box to box, so that a long name beside is as near as one above.
    far = _apart(places, near[None])[:, 0] + 0.05 * np.hypot(*shifts.T)
    order = np.lexsort((far, _astray(places, named, index)))
    return places[order[0]] if len(order) else None


def _apart(places: "Array", others: "Array") -> "Array":
    """How far boxes (left, bottom, right, top) (P, 4) are from others (N, 4): (P, N), 0 where they meet."""
    (left, bottom, right, top), (x0, y0, x1, y1) = (side[:, None] for side in places.T), others.T
    across, along = np.maximum(x0 - right, left - x1), np.maximum(y0 - top, bottom - y1)
    return np.asarray(np.hypot(np.maximum(across, 0), np.maximum(along, 0)))


def _astray(places: "Array", named: "Array", index: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether names there would be taken for those of something else: its box and its middle are nearer."""
    middles = np.tile(named.reshape(-1, 2, 2).mean(axis=1), 2)
    edge, middle = _apart(places, named), _apart(places, middles)
    nearer = (edge < edge[:, index : index + 1] + NEARER) & (middle < middle[:, index : index + 1] - NEARER)
    return np.asarray(nearer.any(axis=1))


def _hits(places: "Array", taken: "Array") -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which boxes (left, bottom, right, top) lie on any of the others."""
    left, bottom, right, top = (side[:, None] for side in places.T)
    over = (left < taken[:, 2]) & (right > taken[:, 0]) & (bottom < taken[:, 3]) & (top > taken[:, 1])
    return np.asarray(over.any(axis=1))


def _lead(axes: "Axes", name_box: "Bbox", own: "Bbox") -> None:
    """Draw the shortest line between a name and what it names, where they stand apart."""
    (x, own_x), (y, own_y) = _nearest(name_box.intervalx, own.intervalx), _nearest(name_box.intervaly, own.intervaly)
    if max(abs(x - own_x), abs(y - own_y)) >= LEADER:
        points = axes.transData.inverted().transform([(x, y), (own_x, own_y)])
        axes.plot(points[:, 0], points[:, 1], color="#999999", linewidth=0.7, zorder=1)


def _nearest(one: "Array", other: "Array") -> tuple[float, float]:
    """Where two intervals come nearest to each other: the middle of what they share, or their ends."""
    if one[1] < other[0]:
        return float(one[1]), float(other[0])
    if other[1] < one[0]:
        return float(one[0]), float(other[1])
    middle = float(max(one[0], other[0]) + min(one[1], other[1])) / 2
    return middle, middle
