"""Pictures of maps: each start has the colour of its end, scales are shared, and every kind of map can be drawn."""

import warnings

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from steepest.figures import style
from steepest.figures.basins import draw_basin
from steepest.figures.looks import lightness
from steepest.figures.map_data import (
    COLOURS,
    SHADES,
    STRIPES,
    basin_image,
    by_value,
    ends_present,
    legend_image,
    nearest_cells,
    swatch,
    swept,
)
from steepest.figures.scales import Scale, final_scale, step_scale
from steepest.figures.style import DARK, LIGHT, save
from steepest.figures.sweeps import draw_sweep
from steepest.paths.maps import Axis, End, map_basin, map_sweep


@pytest.fixture(scope="module")
def well():
    return map_basin(["sgd(lr=0.1)", "adam(lr=0.1)", "sgd(lr=1e-5)", "sgd(lr=2)"], "double_well", size=40)


@pytest.fixture(scope="module")
def pits():
    return map_basin("sgd(lr=0.002)", "rastrigin", size=40)


@pytest.fixture(scope="module")
def sweep():
    over = {"lr": (1e-3, 3), "momentum/betas.0": (0, 0.9)}
    return map_sweep(["momentum", "adam(eps=1e-6)"], "ravine", over, size=12, steps=60)


def words(figure, tmp_path) -> str:
    return save(figure, tmp_path / "map.svg").read_text(encoding="utf-8")


# --- scales -----------------------------------------------------------------------------------------------------------


def test_a_scale_puts_values_between_its_ends():
    np.testing.assert_allclose(Scale(10, 30, False).position(np.array([0, 10, 15, 30, 99])), [0, 0, 0.25, 1, 1])
    np.testing.assert_allclose(Scale(1, 100, True).position(np.array([0.1, 1, 10, 1000])), [0, 0, 0.5, 1])
    for scale in (Scale(10, 30, False), Scale(1, 100, True)):
        values = np.linspace(1, 40, 9)
        np.testing.assert_allclose(scale.norm()(values), scale.position(values))


def test_scales_fit_what_arrived_and_what_is_finite():
    assert step_scale(np.array([101, 101]), 100) == Scale(1.0, 100.0, True)  # nothing arrived
    arrived = np.arange(10, 30).repeat(100)
    assert step_scale(arrived, 100) == Scale(10.0, 29.0, False)
    assert step_scale(np.append(arrived, [5000] * 300), 5000).log
    assert final_scale(np.array([np.nan, np.inf]), True) == Scale(0.0, 1.0, False)
    assert final_scale(np.array([3.0, 3.0, np.nan]), False) == Scale(3.0, 4.0, False)
    spread = final_scale(np.geomspace(1e-6, 1e3, 1001), True)
    assert spread.log and 1e-6 < spread.low < 2e-6 and 800 < spread.high < 1e3
    assert not final_scale(np.geomspace(1e-6, 1e3, 1001), False).log


def test_cells_are_the_nearest_values_on_the_axis_as_it_is_drawn():
    linear = Axis("a", ("a",), np.array([0.0, 1.0, 10.0]), False)
    assert nearest_cells(linear, 20).tolist() == [0] + [1] * 10 + [2] * 9  # edges at 0.5 and 5.5
    log = Axis("a", ("a",), np.array([1.0, 10.0, 100.0]), True)
    assert nearest_cells(log, 8).tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


# --- basins -----------------------------------------------------------------------------------------------------------


def test_a_start_has_the_colour_of_its_minimum_and_few_steps_are_light(well):
    scale = step_scale(well.arrived, well.steps)
    image = basin_image(well, 1, scale, LIGHT)
    for row, column in ((3, 2), (20, 35), (38, 20)):
        full = np.array(to_rgb(COLOURS[well.end[1, row, column]]))
        here = image[row, column] / 255
        other = np.array(to_rgb(COLOURS[1 - well.end[1, row, column]]))
        assert np.linalg.norm(here / here.max() - full) < np.linalg.norm(here / here.max() - other)
    ours = image[:, :19].reshape(-1, 3) / 255  # all on their way to the left well
    light = np.array([lightness(tuple(each)) for each in ours])
    steps = well.arrived[1, :, :19].ravel()
    assert light[steps.argmin()] > light[steps.argmax()] + 20
    order = np.argsort(steps, kind="stable")
    assert (np.diff(light[order]) <= 1e-9).all()


def test_ends_that_are_no_minimum_have_patterns_of_their_own(well, pits):
    assert ends_present(well) == [End.UNDER_WAY, End.ESCAPED] and ends_present(pits) == [End.OTHER]
    scale = step_scale(well.arrived, well.steps)
    for theme in (LIGHT, DARK):
        slow, gone = basin_image(well, 2, scale, theme), basin_image(well, 3, scale, theme)
        where = well.end[2] == End.UNDER_WAY
        assert len(np.unique(slow[where], axis=0)) == 2  # stripes
        where = well.end[3] == End.ESCAPED
        assert len(np.unique(gone[where], axis=0)) == 1
        stripes = swatch(End.UNDER_WAY, (1200, 1200), theme)[0, :, 0].astype(int)
        assert np.count_nonzero(np.diff(stripes)) == STRIPES - 1


def test_the_legend_shows_every_shade_of_every_minimum(well):
    image = legend_image(well, LIGHT, height=3, width=2 * SHADES)
    assert image.shape == (3 * (2 + 2), 2 * SHADES, 3)
    ramp = image[0, ::2]
    shown = {
        tuple(each) for each in basin_image(well, 1, step_scale(well.arrived, well.steps), LIGHT)[:, :19].reshape(-1, 3)
    }
    assert shown <= {tuple(each) for each in ramp}
    assert len({tuple(each) for each in image[4, :: 2 * SHADES - 1]}) == 2


def test_where_there_are_too_many_minima_the_picture_shows_the_last_value(well, pits, tmp_path):
    assert by_value(pits) and not by_value(well)
    assert "final value above the minimum" in words(draw_basin(pits), tmp_path)
    text = words(draw_basin(well), tmp_path)
    assert "steps to the minimum" in text
    for each in ("(-1, 0), value -0.25", "on its way, or stuck", "escaped", "SGD lr=0.1", "Adam lr=0.1"):
        assert each in text


def test_basins_have_a_panel_for_each_rule_with_equal_axes(well, pits):
    *panels, legend = draw_basin(well).axes
    assert [axes.get_title(loc="left") for axes in panels] == [rule.label() for rule in well.rules]
    assert all(axes.get_aspect() == 1 for axes in panels)
    assert len(legend.get_yticklabels()) == 4
    wide = map_basin("sgd(lr=0.1)", "bowl", size=10, window=((-9, 9), (-1, 1)))
    assert draw_basin(wide).axes[0].get_aspect() == "auto"
    assert draw_basin(map_basin("sgd(lr=0.1)", "bowl", size=900, steps=5)).dpi > draw_basin(pits).dpi == 150


def test_basins_say_what_their_marks_are_and_saddles_show_on_any_colour(tmp_path):
    figure = draw_basin(map_basin("sgd(lr=0.5)", "himmelblau", size=9, steps=5))
    text = words(figure, tmp_path)
    assert "★ minimum" in text and "✕ saddle" in text and "local minimum" not in text
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert crosses and all(line.get_path_effects() for line in crosses)


def test_a_typed_formula_is_the_title_as_mathematics(tmp_path):
    assert draw_basin(map_basin("sgd(lr=0.1)", "x^2 + 0.1y**4", size=3)).get_suptitle() == "f(x, y) = x² + 0.1 y⁴"


# --- sweeps -----------------------------------------------------------------------------------------------------------


def test_a_sweep_shows_limit_best_pair_and_what_diverged(sweep, tmp_path):
    figure = draw_sweep(sweep)
    text = words(figure, tmp_path)
    for each in ("stability limit", "escaped", "not reached", "best", "learning rate (η)", "Adam eps=1e-06",
                 "steps to the minimum", "final value above the minimum", "momentum / betas.0"):  # fmt: skip
        assert each in text, each
    first, second, third, _ = figure.axes[:4]
    assert any(np.array_equal(line.get_xdata(), sweep.limits[0][:, 0]) for line in first.lines)
    assert len(second.lines) == len(first.lines) - 2  # Adam has no such limit
    stars = [line for line in first.lines if line.get_marker() == "*"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in stars] == [sweep.pair(sweep.best(0))]
    assert (first.get_xscale(), first.get_yscale(), third.get_xscale()) == ("log", "linear", "log")


def test_the_label_of_a_scale_lies_within_the_figure():
    figure = draw_sweep(map_sweep("adam", "rosenbrock", {"lr": (1e-4, 1), "betas.0": (0, 0.99)}, size=4))
    figure.canvas.draw()
    label = figure.axes[-1].yaxis.label
    assert "\n" in label.get_text()
    ends = label.get_window_extent()
    assert ends.y0 >= 0 and ends.y1 <= figure.bbox.height


def test_a_sweep_in_which_nothing_arrives_has_no_panel_of_arrivals():
    over = {"lr": (1e-6, 1e-4), "momentum": (0, 0.1)}
    slow = map_sweep("sgd", "rosenbrock", over, size=4, steps=5)
    assert not swept(slow)
    assert len([axes for axes in draw_sweep(slow).axes if axes.get_xlabel()]) == 1
    lost = map_sweep("sgd", "rosenbrock", {"lr": (10, 20), "momentum": (0, 0.1)}, size=4, steps=50)
    assert np.isnan(lost.final).all()
    draw_sweep(lost)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_map_is_drawn_without_a_warning(lang, dark, well, pits, sweep, tmp_path):
    if lang == "zh" and not style._chinese_fonts():
        pytest.skip("no font with Chinese characters is installed")
    figures = [draw_basin(well, lang=lang, dark=dark), draw_basin(pits, lang=lang, dark=dark),
               draw_sweep(sweep, lang=lang, dark=dark, title="5 $ or 9 $")]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in figures:
            assert save(figure, tmp_path / "map.png").stat().st_size > 5000
    assert all(figure.get_facecolor()[:3] == to_rgb((DARK if dark else LIGHT).paper) for figure in figures)


def test_a_panel_that_no_start_leaves_for_a_minimum_says_so_and_no_shade_is_as_dark_as_escape(well, tmp_path):
    assert words(draw_basin(well), tmp_path).count("no start reaches a minimum") == 2  # too short and too long steps
    legend = legend_image(map_basin("adam(lr=0.1)", "himmelblau", size=20), LIGHT)
    escape = lightness(tuple(swatch(End.ESCAPED, (1, 1), LIGHT)[0, 0] / 255))
    assert min(lightness(tuple(pixel)) for pixel in legend[:, -1] / 255) > escape + 20


def test_panels_name_the_schedule_and_scales_their_extremes(tmp_path):
    basins = map_basin("sgd(lr=0.1)", "double_well", size=20, steps=60, schedule="cosine")
    assert basins.schedule == "cosine"
    text, reached = words(draw_basin(basins), tmp_path), basins.arrived[basins.arrived <= 60]
    assert "SGD lr=0.1, schedule=cosine" in text
    assert f"steps to the minimum, {reached.min()} … {reached.max()}" in text
    over = {"lr": (1e-3, 3), "momentum": (0, 0.9)}
    sweep = map_sweep("momentum", "ravine", over, size=6, steps=60, schedule="cosine")
    text, final = words(draw_sweep(sweep), tmp_path), sweep.final[np.isfinite(sweep.final)]
    assert "schedule=cosine" in text
    assert "final value above the minimum" in text and f"{final.min():.3g} … {final.max():.3g}" in text
