"""Figures of sweeps over two hyperparameters: last value and steps to the minimum for every pair of settings."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from ..base.numbers import general, point
from ..base.text import Text
from ..findings.catalogue import phrase
from ..paths.maps import Axis as Setting
from ..paths.maps import End, SweepMap
from ..program.plain import plain
from .landscapes import title_of
from .map_data import nearest_cells, swatch, swept
from .paths import draw_heading
from .scales import GOOD_IS_BRIGHT, PANEL, Scale, extremes, final_scale, name_of_final, step_scale, wrapped
from .style import house_style, language, new_figure, theme, translate

__all__ = ["draw_sweep"]

Floats = NDArray[np.float64]


def draw_sweep(
    sweep: SweepMap, *, title: str | Text | None = None, lang: str | None = None, dark: bool = False
) -> Figure:
    """Draw the last value, and the steps to the minimum, of every pair of settings; all rules side by side.

    A line shows the largest stable learning rate where it is known, a star the best pair.

    Args:
        sweep: the result of `map_sweep`.
        title: of the figure, in one language or both. Default: the landscape's name.
        lang: language of the words, `"en"` or `"zh"`. Default: that of the enclosing `in_language`, or else English.
        dark: light ink on dark paper.
    """
    kinds, count = 2 if swept(sweep) else 1, len(sweep.rules)
    rows, columns = (kinds, count) if count > 1 else (1, kinds)  # of one rule, both kinds side by side
    with house_style(lang, dark):
        figure = new_figure(1.3 * kinds / rows + PANEL * columns, 0.9 + (0.85 * PANEL + 0.2) * rows)
        draw_heading(figure, title or title_of(sweep.landscape))
        figure.set_layout_engine("constrained", w_pad=0.08, wspace=0.03 if count > 1 else 0.08)
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        finals, *arrivals = grid if count > 1 else grid.T
        _draw_finals(figure, finals, sweep)
        if arrivals:
            _draw_arrivals(figure, arrivals[0], sweep)
        for axes in grid[-1]:
            axes.set_xlabel(_name_of(sweep, sweep.across))
        for axes in grid[:, 0]:
            axes.set_ylabel(_name_of(sweep, sweep.up))
        _draw_key(figure, sweep, bool(arrivals))
    return figure


def _draw_finals(figure: Figure, panels: Sequence[Axes], sweep: SweepMap) -> None:
    scale = final_scale(sweep.final, sweep.above)
    for index, axes in enumerate(panels):
        _draw_pairs(axes, sweep, index, sweep.final[index], scale)
        best, text = sweep.best(index), _fixed_settings(sweep, index)
        if best is not None:
            text += "\n" + translate("best {} at {}", general(sweep.final[index].flat[best], 2), _pair(sweep, best))
            _draw_star(axes, sweep.pair(best))
        axes.set_title(text, loc="left", color=theme().grey, fontsize=9, parse_math=False)
    _draw_bar(figure, panels, scale, name_of_final(sweep.above), extremes(sweep.final))


def _draw_arrivals(figure: Figure, panels: Sequence[Axes], sweep: SweepMap) -> None:
    assert sweep.arrived is not None
    scale = step_scale(sweep.arrived, sweep.steps)
    for index, axes in enumerate(panels):
        arrived = np.where(sweep.arrived[index] <= sweep.steps, sweep.arrived[index], np.nan)
        _draw_pairs(axes, sweep, index, arrived, scale)
        fastest = sweep.fastest(index)
        if fastest is not None:
            _draw_star(axes, sweep.pair(fastest))
            text = translate("best {} steps at {}", sweep.arrived[index].flat[fastest], _pair(sweep, fastest))
            axes.set_title(text, loc="left", color=theme().grey, fontsize=9)
    reached = sweep.arrived[sweep.arrived <= sweep.steps]
    _draw_bar(figure, panels, scale, translate("steps to the minimum"), extremes(reached))


def _draw_pairs(axes: Axes, sweep: SweepMap, index: int, values: Floats, scale: Scale) -> None:
    """Draw a rule's panel: values where there are any, a pattern where there are none, black where it escaped."""
    x, y = sweep.across.values, sweep.up.values
    background = {"transform": axes.transAxes, "linewidth": 0, "zorder": 0, **_not_reached()}
    axes.add_patch(Rectangle((0, 0), 1, 1, **background))
    image = matplotlib.colormaps[GOOD_IS_BRIGHT](scale.position(np.nan_to_num(values, nan=scale.high)))
    image[np.isnan(values), 3] = 0.0
    image[np.isnan(sweep.final[index])] = to_rgba(_black())
    cells = image[nearest_cells(sweep.up)][:, nearest_cells(sweep.across)]
    axes.imshow(cells, extent=(0, 1, 0, 1), transform=axes.transAxes, origin="lower", aspect="auto")
    if sweep.across.log:
        axes.set_xscale("log")
    if sweep.up.log:
        axes.set_yscale("log")
    limit = sweep.limits[index]
    if limit is not None:
        axes.plot(*limit.T, color="white", linewidth=3.4, zorder=3)
        axes.plot(*limit.T, **_limit_look())
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axes.grid(False)


def _limit_look() -> dict[str, Any]:
    return {"color": "#d55e00", "linewidth": 1.8, "linestyle": (0, (4, 1.5)), "zorder": 4}


STAR: dict[str, Any] = {"marker": "*", "color": "white", "markersize": 14, "mec": "#222222", "linestyle": "none"}


def _draw_star(axes: Axes, at: tuple[float, float]) -> None:
    axes.plot(*at, zorder=5, clip_on=False, **STAR)


def _pair(sweep: SweepMap, index: int) -> str:
    return point(sweep.pair(index), 3)


def _black() -> str:
    return to_hex(swatch(End.ESCAPED, (1, 1), theme())[0, 0] / 255)


def _not_reached() -> dict[str, Any]:
    return {"facecolor": theme().paper, "hatch": "////", "edgecolor": theme().grid}


def _draw_bar(figure: Figure, panels: Sequence[Axes], scale: Scale, name: str, ends: str) -> None:
    """Draw the scale beside the panels; its extremes stand on a line of their own, as a bar may be short."""
    label = f"{name}\n{ends.removeprefix(', ')}".strip()
    bar = figure.colorbar(ScalarMappable(scale.norm(), GOOD_IS_BRIGHT), ax=list(panels), label=label, pad=0.02)
    bar.outline.set_visible(False)
    ticks = scale.ticks()
    bar.set_ticks(ticks.tolist(), labels=[f"{tick:g}" for tick in ticks], minor=False)
    bar.ax.minorticks_off()


def _fixed_settings(sweep: SweepMap, index: int) -> str:
    """The rule's title with its learning rate and changed settings, as far as they are not swept."""
    rule = sweep.rules[index]
    swept_names = {axis.names[index].partition(".")[0] for axis in (sweep.across, sweep.up)}
    fixed = {name: getattr(rule, name) for name in rule.hyperparameters() if name not in swept_names}
    shown = [f"{name}={value}" for name, value in fixed.items() if name == "lr" or value != rule.defaults()[name]]
    return wrapped(" ".join([rule.title, ", ".join(shown)]).strip(), sweep.schedule)


def _name_of(sweep: SweepMap, axis: Setting) -> str:
    """The label of an axis: the hyperparameter, with its symbol where all rules have the same."""
    symbols = set()
    for rule, name in zip(sweep.rules, axis.names, strict=True):
        base, dot, index = name.partition(".")
        symbol = rule.hyperparameters()[base].metadata["facts"].symbol
        symbols.add(symbol[int(index)] if dot else symbol)
    name = translate("learning rate") if set(axis.names) == {"lr"} else axis.name.replace("/", " / ")
    return f"{name} ({plain(symbols.pop())})" if len(symbols) == 1 else name


def _draw_key(figure: Figure, sweep: SweepMap, arrivals: bool) -> None:
    handles: list[Any] = [Line2D([], [], **STAR)]
    labels = [translate("best")]
    if any(limit is not None for limit in sweep.limits):
        handles.append(Line2D([], [], **_limit_look()))
        labels.append(translate("stability limit"))
    if not np.isfinite(sweep.final).all():
        handles.append(Patch(facecolor=_black(), linewidth=0))
        labels.append(phrase("basin", "escaped", language()))
    if arrivals:
        handles.append(Patch(linewidth=0, **_not_reached()))
        labels.append(translate("not reached"))
    figure.legend(handles, labels, loc="outside lower left", ncols=len(handles), columnspacing=2.5)
