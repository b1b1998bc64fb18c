"""Drawing a landscape, below the paths on it: contour lines, a curve or a surface, with its minima and saddles."""

from collections.abc import Callable
from typing import Any

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from numpy.typing import NDArray

from ..landscapes import Landscape
from ..landscapes.custom import TYPED
from ..program.latex import of_landscape
from ..program.plain import plain
from .path_data import Frame, contour_levels, even_levels, widened
from .style import clean, theme, translate

__all__ = [
    "EQUAL", "draw_contours", "draw_curve", "draw_surface", "key_of", "mark_facts", "shape_of", "title_of",
]  # fmt: skip

Floats = NDArray[np.float64]

EQUAL = 3.0
"""Largest ratio of a frame's sides up to which both axes have the same scale."""


def shape_of(frame: Frame) -> float:
    """Width over height of a frame of two coordinates."""
    (left, right), (bottom, top) = frame
    return (right - left) / (top - bottom)


def _grid(landscape: Landscape, frame: Frame, count: int) -> tuple[Floats, Floats, Floats]:
    x, y = np.meshgrid(*[np.linspace(*side, count) for side in frame])
    return x, y, _drawable(landscape(x, y), x.shape)


def _drawable(values: Any, shape: tuple[int, ...]) -> Floats:
    """Values as an array of a shape, NaN (a gap) where there is none, or one too large for Matplotlib's ticks."""
    values = np.broadcast_to(values, shape).astype(np.float64)
    return np.where(np.abs(values) < 1e300, values, np.nan)


def _lowest(landscape: Landscape, z: Floats) -> float:
    values = z[np.isfinite(z)]
    lowest = float(values.min()) if len(values) else 0.0
    return lowest if landscape.minimum is None else min(lowest, landscape.minimum)


# --- two coordinates --------------------------------------------------------------------------------------------------


def draw_contours(axes: Axes, landscape: Landscape, frame: Frame, count: int = 301) -> None:
    """Draw contour lines with their values, at levels that are even on a log scale, as far as there is a minimum.

    Args:
        axes: to draw on; of equal scales unless the frame is a strip, see `EQUAL`.
        landscape: of two coordinates.
        frame: the part to be drawn.
        count: points along each side at which the landscape is computed.
    """
    x, y, z = _grid(landscape, frame, count)
    lowest = _lowest(landscape, z)
    edge = np.concatenate([z[0], z[-1], z[:, 0], z[:, -1]])
    # lowest at the frame, as a saddle is: there is no minimum to measure from, so the levels are even
    unbounded = landscape.minimum is None and bool(np.isfinite(edge).any()) and np.nanmin(edge) <= np.nanmin(z)
    levels = even_levels(z) if unbounded else lowest + contour_levels(z - lowest)
    if len(levels):
        shades = theme().ramp(np.linspace(0, 1, len(levels) + 1))
        axes.contourf(x, y, z, [-np.inf, *levels, np.inf], colors=shades, zorder=0)
        lines = axes.contour(x, y, z, levels, colors=theme().contour, linewidths=0.6, linestyles="solid", zorder=1)
        _label_contours(axes, lines, levels, frame)
    if 1 / EQUAL <= shape_of(frame) <= EQUAL:
        axes.set_aspect("equal")  # only then does the gradient look perpendicular to the lines
    mark_facts(axes, landscape)
    axes.grid(False)
    axes.set(xlim=frame[0], ylim=frame[1])
    axes.locator_params(nbins=6)
    x_name, y_name = landscape.coordinates
    clean(axes, x_name, y_name, key_of(landscape, START))


def _label_contours(axes: Axes, lines: QuadContourSet, levels: Floats, frame: Frame) -> None:
    """Write the values on the lines, but not within 6 % of the frame of another one: some maps have hundreds."""
    names = dict(zip(levels, _names_of_levels(levels), strict=True))
    size, kept = np.ptp(frame, axis=1), np.empty((0, 2))
    for text in axes.clabel(lines, fmt=names, fontsize=7, colors=theme().height, inline=False):
        position = np.array(text.get_position()) / size
        if len(kept) and np.linalg.norm(kept - position, axis=1).min() < 0.06:
            text.remove()
            continue
        text.set_bbox({"facecolor": theme().paper, "edgecolor": "none", "alpha": 0.7, "pad": 0.4})
        kept = np.vstack([kept, position])


def _names_of_levels(values: Floats) -> list[str]:
    """The values with as few digits as keep them different."""
    for digits in range(2, 10):
        rounded = [float(f"{value:.{digits}g}") for value in values]
        names = [f"{value:.10g}" if abs(value) < 1e5 else f"{value:.{digits}g}" for value in rounded]
        if len(set(names)) == len(names):
            break
    return [name.replace("e+0", "e") for name in names]


# --- one coordinate ---------------------------------------------------------------------------------------------------


def draw_curve(axes: Axes, landscape: Landscape, frame: Frame) -> None:
    """Draw the curve of a landscape of one coordinate."""
    (name,), x = landscape.coordinates, np.linspace(*frame[0], 801)
    f = _drawable(landscape(x), x.shape)
    finite = f[np.isfinite(f)] if np.isfinite(f).any() else np.zeros(1)
    axes.plot(x, f, color=theme().contour, linewidth=2.5, zorder=1)
    mark_facts(axes, landscape)
    axes.set(xlim=frame[0], ylim=widened(float(finite.min()), float(finite.max())))
    clean(axes, name, f"f({name})", key_of(landscape, START))


# --- minima and saddles -----------------------------------------------------------------------------------------------

START = ("○", "start")
"""The mark of a path's start, in the order of `key_of`."""

MOST_LETTERS = 100
"""Of a title."""

NAMES = {"minima": ("★", "minimum"), "local_minima": ("☆", "local minimum"), "saddles": ("✕", "saddle")}


def _marks() -> dict[str, dict[str, Any]]:
    """The look of each kind of stationary point, by the name of the landscape's fact."""
    ink, edge = theme().ink, "#222222" if theme().dark else theme().ink
    rim = [effects.withStroke(linewidth=3.6, foreground=theme().paper)]  # a cross has no edge of another colour
    return {
        "minima": {"marker": "*", "color": theme().star, "markersize": 17, "mec": edge, "mew": 1.0, "zorder": 3},
        "local_minima": {"marker": "*", "color": theme().paper, "markersize": 16, "mec": ink, "mew": 1.0, "zorder": 3},
        "saddles": {"marker": "x", "color": ink, "markersize": 8, "mew": 1.8, "zorder": 6, "path_effects": rim},
    }


def mark_facts(axes: Axes, landscape: Landscape, size: float = 1.0) -> None:
    """Mark the minima and saddles that a landscape of one or two coordinates states; `size` scales the marks."""
    for fact, look in _marks().items():
        look |= {"markersize": size * look["markersize"], "mew": max(0.6, size) * look["mew"]}
        points = np.array(getattr(landscape, fact)).reshape(-1, landscape.dims)
        if landscape.dims == 1:
            points = np.column_stack([points, landscape(points[:, 0])])
        axes.plot(*points.T, linestyle="none", **look)


def key_of(landscape: Landscape, *others: tuple[str, str]) -> str:
    """What the marks in the picture of a landscape mean, `others` (mark and English name) first."""
    marks = [*others, *(named for fact, named in NAMES.items() if getattr(landscape, fact))]
    if landscape.dims == 1:
        marks = [(mark, "inflection" if name == "saddle" else name) for mark, name in marks]
    return "    ".join(f"{mark} {translate(name)}" for mark, name in marks)


def title_of(landscape: Landscape) -> str:
    """The name of a landscape; of one that was typed, its formula as `steepest show` prints it.

    >>> from steepest.landscapes import find
    >>> title_of(find("0.1*x**2 + 2*y**2")), title_of(find("bowl"))
    ('f(x, y) = 0.1 x² + 2 y²', 'bowl')
    """
    if landscape.source != TYPED:
        return landscape.name
    title = plain(of_landscape(landscape, slopes=False)[0])
    return title if len(title) <= MOST_LETTERS else f"{title[: MOST_LETTERS - 1]}…"


# --- as a surface -----------------------------------------------------------------------------------------------------


def draw_surface(axes: Any, landscape: Landscape, frame: Frame) -> Callable[[Floats, Floats], Floats]:
    """Draw a landscape of two coordinates as a surface; logarithmic where it is steep.

    Returns:
        The function `(x, y) -> height` by which anything else is drawn on the surface.
    """
    x, y, z = _grid(landscape, frame, 121)
    lowest = _lowest(landscape, z)
    above = z[np.isfinite(z)] - lowest
    steep = len(above) > 0 and bool(above.max() > 100 * np.median(above))

    def height(x: Floats, y: Floats) -> Floats:
        values = _drawable(landscape(x, y), np.shape(x))
        return np.log10(1 + np.maximum(values - lowest, 0.0)) if steep else values

    axes.computed_zorder = False  # the paths lie on the surface: they are drawn after it
    pale = {"cmap": theme().ramp, "edgecolor": theme().contour, "linewidth": 0.25, "rcount": 40, "ccount": 40}
    axes.plot_surface(x, y, height(x, y), zorder=1, **pale)
    for fact, mark in _marks().items():
        points = np.array(getattr(landscape, fact)).reshape(-1, 2).T
        axes.plot(*points, height(*points), linestyle="none", **mark)
    axes.set_title(key_of(landscape, START), loc="left", color=theme().grey, fontsize=9)
    x_name, y_name = landscape.coordinates
    value = translate("log₁₀(1 + f − lowest)") if steep else f"f({x_name}, {y_name})"
    axes.set(xlabel=x_name, ylabel=y_name, zlabel=value)
    axes.locator_params(nbins=5)
    axes.view_init(elev=35, azim=-60)
    return height
