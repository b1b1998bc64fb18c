"""A page that plays paths: a small player over drawings of the landscape, in one file, sharp at any size.

The drawings are Matplotlib's, their colours turned into variables, so that the page is light or dark as its reader
likes; the player only moves what moves.
"""

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from numpy.typing import NDArray

from ..landscapes import Landscape
from ..paths.tracing import Path
from .landscapes import draw_contours, draw_curve, named_marks, shape_of
from .looks import Dash
from .path_data import Frame, Heights, Track, frame_of, heights_of, story, tracks_of
from .paths import check_paths, draw_value_axes
from .scenes import Move, clock, moves_of
from .style import DARK, LIGHT, Theme, house_style, in_language, new_figure
from .words import CHINESE

__all__ = ["page"]

Floats = NDArray[np.float64]

LINE = 1.6
"""Width of a path."""

WIDTH, DOTS = 5.3, 72
"""Of a drawing: inches, and units an inch."""

MOST_POINTS = 2000
"""Of a path: a longer one is thinned out, as the screen has no more."""

COARSE = 161
"""Points along each side at which a landscape is computed; lines between them are as smooth as the eye can tell."""

MOST_MOMENTS = 400


def page(paths: Sequence[Path], *, title: str | None = None, lang: str = "en") -> str:
    """A page with an animation of the paths, as HTML that needs nothing else; it opens in this language.

    Raises:
        InvalidValue: no paths, or on different landscapes.
    """
    check_paths(paths)
    landscape, frame = paths[0].landscape, frame_of(paths)
    tracks = tracks_of(paths, frame)
    heights = heights_of(tracks, frame)
    moves = moves_of(tracks, frame, heights)
    drawings, data = _drawings(landscape, frame, tracks, heights, moves)
    environment = Environment(
        loader=PackageLoader("steepest.figures"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    dark = [track.look.colour for track in tracks_of(paths, frame, dark=True)]
    return environment.get_template("player.html").render(
        title=title or landscape.name, about=landscape.about, lang=lang, drawings=drawings, data=data,
        rows=[_row(track, colour) for track, colour in zip(tracks, dark, strict=True)],
        marks=[(mark, name, CHINESE[name]) for mark, name in named_marks(landscape)] if landscape.dims <= 2 else [],
        themes=_used(drawings),
    )  # fmt: skip


def _row(track: Track, dark: str) -> dict[str, Any]:
    """What the page says of one path."""
    texts = {}
    for lang in ("en", "zh"):
        with in_language(lang):
            texts[lang] = story(track).removeprefix(f"{track.label}: ")
    look = track.look
    shape, dash = _shape(look.marker), _dash(look.dash)
    return {"label": track.label, "light": look.colour, "dark": dark, "shape": shape, "dash": dash} | texts


def _shape(marker: str) -> str:
    """A mark as an SVG path around 0, about a unit wide."""
    style = MarkerStyle(marker)
    outline = style.get_path().transformed(style.get_transform())
    polygons: list[Any] = outline.to_polygons()
    return "".join(f"M{' L'.join(f'{x:.3g} {-y:.3g}' for x, y in polygon[:-1])}Z" for polygon in polygons)


def _dash(dash: Dash) -> str:
    """As SVG has it, for lines of the width that paths have."""
    return "none" if isinstance(dash, str) else " ".join(f"{LINE * each:g}" for each in dash[1])


# --- drawings ---------------------------------------------------------------------------------------------------------


def _drawings(
    landscape: Landscape, frame: Frame, tracks: Sequence[Track], heights: Heights, moves: Sequence[Move]
) -> tuple[list[Markup], dict[str, Any]]:
    """The still drawings, and in their units where the paths are."""
    steps = max(track.path.steps for track in tracks)
    kept = np.unique(np.linspace(0, steps, min(steps, MOST_POINTS) + 1).round().astype(int))
    height = 4.2 if landscape.dims != 2 else min(max(WIDTH / shape_of(frame), 3.2), 5.0)
    drawings, boxes, ways = [], [], []
    with house_style():
        if landscape.dims <= 2:
            figure, axes = _empty(height)
            if landscape.dims == 2:
                draw_contours(axes, landscape, frame, COARSE)
            else:
                draw_curve(axes, landscape, frame)
            drawings.append(_svg(figure, axes))
            boxes.append(_box(axes))
            ways.append([_units(axes, _thinned(move.points, kept)) for move in moves])
        figure, axes = _empty(height)
        draw_value_axes(axes, heights, tracks)
        axes.set_xlim(-0.02 * steps, 1.02 * steps)
        drawings.append(_svg(figure, axes))
        boxes.append(_box(axes))
        ways.append([_units(axes, _thinned(_curve(move.values), kept)) for move in moves])
    data = {
        "steps": kept.tolist(), "boxes": boxes, "ways": ways, "every": [track.every for track in tracks],
        "leaves": [track.leaves for track in tracks], "clock": clock(moves, MOST_MOMENTS).round(3).tolist(),
        "values": [[f"{value:.4g}" for value in _thinned(track.path.f, kept)] for track in tracks],
    }  # fmt: skip
    return drawings, data


def _empty(height: float) -> tuple[Figure, Axes]:
    figure = new_figure(WIDTH, height)
    figure.set_dpi(DOTS)
    return figure, figure.add_subplot()


def _curve(values: Floats) -> Floats:
    """Values over their steps, as far as they are numbers."""
    lost = np.flatnonzero(~np.isfinite(values))
    values = values[: lost[0]] if len(lost) else values
    return np.column_stack([np.arange(len(values)), values])


def _thinned(points: Any, kept: NDArray[np.intp]) -> Floats:
    """The points at these steps, and the last one in any case."""
    return np.asarray(points)[[*kept[kept < len(points) - 1], len(points) - 1]] if len(points) else np.asarray(points)


def _units(axes: Axes, points: Floats) -> list[float]:
    """Points of the axes in units of the drawing, x and y by turns."""
    with np.errstate(all="ignore"):
        places = axes.transData.transform(points)
    places[:, 1] = axes.figure.bbox.height - places[:, 1]
    return [round(float(each), 1) for each in np.clip(places, -1e4, 1e4).ravel()]


def _box(axes: Axes) -> list[float]:
    """Left, top, width and height of the axes in units of the drawing."""
    box = axes.get_window_extent()
    return [round(float(each), 1) for each in (box.x0, axes.figure.bbox.height - box.y1, box.width, box.height)]


def _svg(figure: Figure, axes: Axes) -> Markup:
    """The drawing as SVG inside a page: colours as variables, words in both languages, no more digits than one sees."""
    axes.set_title("", loc="left")
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = drawn.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(?<= d=")[^"]*', _shortened, svg)
    svg = re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), svg)
    svg = re.sub(r"#[0-9a-f]{6}", lambda colour: f"var(--{NAMES[colour[0]]})" if colour[0] in NAMES else colour[0], svg)
    return Markup(re.sub(r"(<text [^>]*>)([^<]+)(</text>)", _in_both, svg))


def _shortened(found: "re.Match[str]") -> str:
    """A path's outline in tenths of a unit, straight lines as differences: a quarter of the characters."""
    words, place, last = [], (0, 0), ""
    for command, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", found[0]):
        tenths = [round(10 * float(number)) for number in numbers.split()]
        if command == "L":
            step = (tenths[0] - place[0], tenths[1] - place[1])
            if step == (0, 0):
                continue
            words.append(("" if last == "l" else "l") + _tenths(step))
            last = "l"
        else:
            words.append(command + _tenths(tenths))
            last = command
        place = (tenths[-2], tenths[-1]) if tenths else place
    return " ".join(words)


def _tenths(numbers: Sequence[int]) -> str:
    return " ".join(f"{number / 10:g}" for number in numbers)


def _in_both(found: "re.Match[str]") -> str:
    before, label, after = found.groups()
    if label not in CHINESE:
        return found[0]
    return f'{before}<tspan lang="en">{escape(label)}</tspan><tspan lang="zh">{escape(CHINESE[label])}</tspan>{after}'


# --- colours ----------------------------------------------------------------------------------------------------------


def _variables(theme: Theme) -> dict[str, str]:
    """Every colour of a theme by the name that it has in the page."""
    shades = {f"s{level}": to_hex(theme.ramp(level)) for level in range(256)}
    plain = {each: getattr(theme, each) for each in ("paper", "ink", "grey", "grid", "contour", "height", "star")}
    return shades | plain


NAMES = {colour: name for name, colour in _variables(LIGHT).items()}


def _used(drawings: Sequence[str]) -> list[dict[str, str]]:
    """The variables that the page needs, in light and in dark."""
    names = {"paper", "ink", "grey", "grid", *re.findall(r"var\(--(\w+)\)", "".join(drawings))}
    return [{name: colour for name, colour in _variables(each).items() if name in names} for each in (LIGHT, DARK)]
