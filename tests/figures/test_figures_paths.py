"""Figures of paths: what they show, as data; what the files hold; and that nothing else is touched."""

import math
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from steepest import trace
from steepest.base.errors import InvalidValue, SteepestError
from steepest.figures.basins import draw_basin
from steepest.figures.looks import DASHES, MARKERS, PALETTE, colors_and_marks, lightness
from steepest.figures.path_data import (
    GROWTH,
    contour_levels,
    even_levels,
    frame_of,
    heights_of,
    story,
    stride,
    tracks_of,
    visible_points,
)  # fmt: skip
from steepest.figures.paths import draw_paths
from steepest.figures.style import DARK, LIGHT, house_style, new_figure, save
from steepest.landscapes import LANDSCAPES
from steepest.paths.maps import map_basin
from steepest.rules import RULES

MAGIC = {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}


def tracks(*paths):
    return tracks_of(paths, frame_of(paths))


def svg_of(figure, folder) -> str:
    return save(figure, folder / "figure.svg").read_text(encoding="utf-8")


def listing(folder) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture(scope="module")
def ravine():
    """The lecture's ravine: slow, diverging, mended by momentum."""
    settings = ({"lr": 0.4}, {"lr": 0.6}, {"lr": 0.6, "momentum": 0.25})
    return [trace("sgd", "ravine", steps=20, **each) for each in settings]


# --- looks ------------------------------------------------------------------------------------------------------------


WITH_LOOK = [name for name, rule in RULES.items() if rule.look]
"""The rules that declare a look; that of another follows from its name."""


def test_every_rule_has_a_look_of_its_own_in_every_variant():
    looks = [colors_and_marks(name, variant) for name in WITH_LOOK for variant in range(4)]
    assert len({(look.colour, look.marker, look.dash) for look in looks}) == len(looks)
    firsts = [colors_and_marks(name) for name in WITH_LOOK]
    assert len({look.colour for look in firsts}) == len(WITH_LOOK) >= len(PALETTE)
    assert len({look.marker for look in firsts}) == len(MARKERS)
    assert all(look.dash == DASHES[0] for look in firsts[:7])
    assert len({(look.marker, look.dash) for look in firsts}) == len(WITH_LOOK)  # also told apart in black and white


RED_BLIND, GREEN_BLIND = (np.array(rows).reshape(3, 3) for rows in (
    [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881],
))  # fmt: skip
"""How light is seen without red or green cones: Machado, Oliveira and Fernandes 2009, severity 1."""

TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)


def seen(names, eye=None):
    """CIELAB coordinates of colours, as seen by normal or other eyes, shape (n, 3)."""
    rgb = np.array([to_rgb(name) for name in names])
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    light = light if eye is None else np.clip(light @ eye.T, 0, 1)
    xyz = light @ TO_XYZ.T / TO_XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def nearest_pair(names, eye=None):
    lab = seen(names, eye)
    return min(np.linalg.norm(lab[i] - lab[j]) for i in range(len(lab)) for j in range(i))


def test_colours_differ_for_every_eye():
    first_seven = [colors_and_marks(name).colour for name in WITH_LOOK[:7]]
    everyone = [colors_and_marks(name).colour for name in WITH_LOOK]
    for names, normal, other in ((first_seven, 25, 17), (everyone, 21, 14)):  # 2 is just seen
        assert nearest_pair(names) > normal
        assert nearest_pair(names, RED_BLIND) > other and nearest_pair(names, GREEN_BLIND) > other


@pytest.mark.parametrize("dark", [False, True])
def test_lines_stand_out_from_the_paper_and_so_do_their_tints(dark):
    paper = lightness((DARK if dark else LIGHT).paper)
    for name in RULES:
        tints = [colors_and_marks(name, variant, dark).colour for variant in range(4)]
        assert min(abs(lightness(tint) - paper) for tint in tints) > 20
        light = sorted(lightness(tint) for tint in tints)
        assert min(np.diff(light)) > 4  # four settings of one rule are told apart
    assert lightness("#777777") == pytest.approx(50.03, abs=0.01)
    np.testing.assert_allclose([lightness(each) for each in PALETTE], seen(PALETTE)[:, 0], atol=0.01)


def test_variants_of_one_rule_differ_in_colour_and_mark_and_dash():
    plain, *others = [colors_and_marks("adam", variant) for variant in range(3)]
    for other in others:
        assert plain.colour != other.colour and plain.marker != other.marker and plain.dash != other.dash


def test_a_look_only_depends_on_the_name():
    assert colors_and_marks("SGD") == colors_and_marks("sgd")
    assert colors_and_marks("mine") == colors_and_marks("mine") != colors_and_marks("yours")
    code = "from steepest.figures.looks import colors_and_marks; print(colors_and_marks('mine', 2))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(colors_and_marks("mine", 2))


# --- frames -----------------------------------------------------------------------------------------------------------


def test_the_frame_is_the_window_while_the_paths_stay_inside_even_if_one_diverges(ravine):
    assert frame_of(ravine) == LANDSCAPES["ravine"].window


def test_the_frame_grows_for_a_path_that_overshoots_but_only_so_far():
    path = trace("momentum", "ackley", lr=0.1)
    (x_low, y_low), (x_high, y_high) = path.x.min(axis=0), path.x.max(axis=0)
    assert x_low > -5 and x_high > 10 and y_low < -6 and y_high > 5  # where the window is from -5 to 5
    (left, right), (bottom, top) = frame_of([path])
    assert left == -5 and right == pytest.approx(5 + (GROWTH - 1) / 2 * 10 + 0.3)
    assert bottom == pytest.approx(y_low - 0.3) and top == pytest.approx(y_high + 0.3)


def test_a_start_outside_the_window_is_in_the_frame():
    ((low, high),) = frame_of([trace("sgd", "parabola", start=37.0, lr=1.1, steps=10)])
    assert low == -10 and high == pytest.approx(37.6)


def test_a_formulas_window_is_a_guess_so_its_paths_are_shown_whole():
    path = trace("sgd", "(x - 30)**2", lr=0.1, steps=30)
    ((low, high),) = frame_of([path])
    assert low == -5 and high > path.x.max()


# --- tracks -----------------------------------------------------------------------------------------------------------


def test_labels_say_the_learning_rate_and_what_is_not_default(ravine):
    assert [track.label for track in tracks(*ravine)] == ["SGD lr=0.4", "SGD lr=0.6", "SGD lr=0.6, momentum=0.25"]


def test_labels_of_schedules_starts_and_repeated_runs():
    decaying = trace("sgd", "bowl", lr=0.1, schedule="inverse_sqrt(1)", steps=4)
    assert tracks(decaying)[0].label == "SGD lr=0.1→0.05, schedule=inverse_sqrt(1)"
    here, there = trace("sgd", "bowl", lr=0.1), trace("sgd", "bowl", start=(1, 2.5), lr=0.1)
    assert [track.label for track in tracks(here, there)] == [
        "SGD lr=0.1, start=(-5, -2)",
        "SGD lr=0.1, start=(1, 2.5)",
    ]
    runs = [trace("sgd", "bowl", lr=0.1, noise=1.0, seed=seed) for seed in range(2)]
    assert [track.label for track in tracks(*runs)] == [f"SGD lr=0.1, noise=1, seed={seed}" for seed in range(2)]
    again = [trace("sgd", "bowl", lr=0.1), trace("sgd", "bowl", lr=0.1)]
    assert [track.label for track in tracks(*again)] == ["SGD lr=0.1 #1", "SGD lr=0.1 #2"]
    risen = trace("sgd", "bowl", lr=0.1, schedule="warmup_cosine", steps=60)
    assert tracks(risen)[0].label.startswith(f"SGD lr={risen.lr[0]:.3g}→0.1→{risen.lr[-1]:.3g}, schedule=warmup")
    unnamed = trace("sgd", "bowl", lr=0.1, schedule=lambda step, steps: 1 - step / steps, steps=4)
    assert tracks(unnamed)[0].label == "SGD lr=0.1→0.025"


def test_the_same_rule_again_gets_another_variant(ravine):
    adam = trace("adam", "ravine")
    looks = [track.look for track in tracks(ravine[0], adam, ravine[1])]
    assert looks == [colors_and_marks("sgd"), colors_and_marks("adam"), colors_and_marks("sgd", 1)]


def test_a_diverging_path_ends_on_the_frame(ravine):
    slow, diverging, _ = tracks(*ravine)
    frame = frame_of(ravine)
    assert slow.leaves is None and np.array_equal(visible_points(slow, frame), slow.path.x)
    # |y| grows by 1.4 a step from 2: 2.8, 3.92, and at step 3 it is beyond the frame's 5
    assert diverging.leaves == 3
    way = visible_points(diverging, frame)
    assert np.array_equal(way[:3], diverging.path.x[:3]) and way.shape == (4, 2)
    before, after = diverging.path.x[2:4]
    share = (5 - before[1]) / (after[1] - before[1])
    np.testing.assert_allclose(way[3], [before[0] + share * (after[0] - before[0]), 5.0], rtol=1e-12)
    assert story(diverging) == (
        "SGD lr=0.6: diverged: the value rises from step 1 on, to 5.6e+06 (leaves the frame at step 3)"
    )


def test_a_path_that_overflows_at_once_has_a_way_of_its_start_alone():
    path = trace("sgd", "x**2 + y**2", lr=1e308, steps=3)
    assert not np.isfinite(path.x[1]).all()
    (track,) = tracks(path)
    assert track.leaves == 1 and np.array_equal(visible_points(track, frame_of([path])), path.x[:1])


@pytest.mark.quick
def test_marks_thin_out_in_round_steps():
    assert [stride(steps) for steps in (1, 40, 41, 100, 200, 201, 400, 401, 10_000)] == [1, 1, 2, 5, 5, 10, 10, 20, 500]
    for steps in range(1, 3000, 7):
        assert steps / stride(steps) <= 40
        assert stride(steps) == 1 or steps / stride(steps) > 40 / 2.5
    (track,) = tracks(trace("sgd", "ravine", lr=0.1, steps=200))
    assert track.every == 5
    (gone,) = tracks(trace("sgd", "ravine", lr=0.6, steps=200))
    assert gone.every == 1  # of the three steps that one sees


# --- levels -----------------------------------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize("name", [each.name for each in LANDSCAPES.values() if each.dims == 2])
def test_levels_rise_evenly_on_a_log_scale_and_are_round(name):
    each = LANDSCAPES[name]
    z = each(*np.meshgrid(*[np.linspace(*side, 101) for side in each.window]))
    levels = contour_levels(z - z.min())
    assert 4 <= len(levels) <= 13
    ratios = levels[1:] / levels[:-1]
    assert ratios.min() > 1.2 and ratios.max() <= 10.01 and ratios.max() / ratios.min() < 2.6
    assert {f"{level:.1e}"[:3] for level in levels} <= {"1.0", "1.5", "2.0", "3.0", "5.0", "7.0"}
    assert levels[0] > 0 and levels[-1] < (z - z.min()).max()


def test_levels_of_a_plain_have_none_and_of_a_slope_are_even():
    assert len(contour_levels(np.zeros(9))) == 0 == len(even_levels(np.ones(9)))
    levels = even_levels(np.array([-1.0, 0.3, np.nan, 1.0]))
    assert 0 in levels.round(12) and np.ptp(np.diff(levels)) < 1e-12 and -1 < levels[0] < levels[-1] < 1


def test_contour_lines_carry_their_values(tmp_path):
    text = svg_of(draw_paths([trace("sgd", "bowl", lr=0.1, steps=20)]), tmp_path)
    assert all(f">{value}</text>" in text for value in ("5", "10", "50", "100"))


# --- values -----------------------------------------------------------------------------------------------------------


def test_values_are_above_the_known_minimum_and_logarithmic():
    path = trace("sgd", "two_minima", lr=0.05, steps=30)
    heights = heights_of(tracks(path), frame_of([path]))
    assert heights.label == "value above the minimum"
    np.testing.assert_array_equal(heights.curves[0], path.f - LANDSCAPES["two_minima"].minimum)
    assert not heights.log  # they span less than a decade
    path = trace("sgd", "bowl", lr=0.1, steps=30)
    assert heights_of(tracks(path), frame_of([path])).log


def test_values_below_zero_are_linear_and_as_they_are():
    path = trace("sgd", "saddle", lr=0.1, steps=20)
    heights = heights_of(tracks(path), frame_of([path]))
    assert heights.label == "value" and not heights.log
    np.testing.assert_array_equal(heights.curves[0], path.f)


def test_a_diverging_path_does_not_flatten_the_others(ravine):
    heights = heights_of(tracks(*ravine), frame_of(ravine))
    assert ravine[1].f[-1] > 1e6 and heights.limits[1] < 200
    assert heights.limits[0] < ravine[2].f.min()


def test_a_path_that_goes_on_outside_the_frame_keeps_its_values():
    path = trace("momentum", "mccormick", lr=0.1)
    assert path.f[-1] < -40  # far outside, but not diverging: there are minima for ever
    heights = heights_of(tracks(path), frame_of([path]))
    assert heights.limits[0] < path.f.min() and np.array_equal(heights.curves[0], path.f)


def test_values_that_reach_the_minimum_stop_at_rounding():
    path = trace("sgd", "parabola", lr=0.4, steps=100)
    heights = heights_of(tracks(path), frame_of([path]))
    assert path.f[-1] < 1e-100 and heights.limits[0] == pytest.approx(0.5e-14)


# --- figures and files ------------------------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize("kind", MAGIC)
def test_files_are_what_their_ending_says(kind, tmp_path, ravine):
    path = save(draw_paths(ravine), tmp_path / f"ravine{kind}")
    assert path.read_bytes().startswith(MAGIC[kind]) and path.stat().st_size > 5000
    assert listing(tmp_path) == [f"ravine{kind}"]
    assert save(draw_paths(ravine[:1]), str(path)).read_bytes().startswith(MAGIC[kind])  # written over


def test_the_svg_names_the_rules_and_what_happened(tmp_path, ravine):
    text = svg_of(draw_paths([*ravine, trace("adam", "ravine", lr=0.4)], title="Why pay 5 $, not 9 $?"), tmp_path)
    assert ">Why pay 5 $, not 9 $?<" in text and ">step<" in text and ">value above the minimum<" in text
    assert ">SGD lr=0.6, momentum=0.25: approaches the global minimum" in text and ">Adam lr=0.4: " in text
    assert ">SGD lr=0.6: diverged: the value rises from step 1 on" in text


def test_the_same_figure_is_the_same_file(tmp_path, ravine):
    for kind in MAGIC:
        first, second = (save(draw_paths(ravine), tmp_path / f"{i}{kind}").read_bytes() for i in range(2))
        assert first == second
    assert "<dc:date>" not in (tmp_path / "0.svg").read_text(encoding="utf-8")


CASES = {
    "one dimension": (["sgd", "momentum"], "two_minima", {"lr": 0.1}, False),
    "ran down": (["sgd"], "cubic", {"lr": 0.4}, False),
    "saddle": (["sgd", "adam"], "saddle", {"lr": 0.1}, False),
    "saddle surface": (["sgd", "adam"], "saddle", {"lr": 0.1}, True),
    "steep surface": (["sgd"], "beale", {"lr": 0.01}, True),
    "three dimensions": (["sgd"], "x1**2 + x2**2 + 10*x3**2", {"lr": 0.04}, False),
    "no value at the start": (["sgd"], "log(-1 - x**2 - y**2)", {}, False),
    "no value at the start, surface": (["sgd"], "log(-1 - x**2 - y**2)", {}, True),
    "gone in a step": (["sgd"], "goldstein_price", {"lr": 1.0}, False),
    "close to overflow": (["sgd"], "exp(exp(x))", {"start": 6.5, "lr": 1e-250}, False),
    "flat": (["sgd"], "0*x + 0*y + 3", {}, False),
    "one step": (["sgd"], "bowl", {"steps": 1, "lr": 0.1}, False),
    "many rules": (
        [name for name, rule in RULES.items() if rule.elementwise],
        "himmelblau",
        {"lr": 0.01, "steps": 30},
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_picture_is_drawn_without_a_warning(case, tmp_path):
    names, on, settings, surface = CASES[case]
    figure = draw_paths([trace(name, on, **settings) for name in names], surface=surface)
    assert isinstance(figure, Figure)
    assert save(figure, tmp_path / "figure.png").stat().st_size > 5000


def test_there_is_a_panel_for_the_landscape_unless_it_has_more_than_two_coordinates():
    panels = [
        [axes.get_ylabel() for axes in draw_paths([trace("sgd", on)]).axes] for on in ("x**2", "bowl", "x1 + x2 + x3")
    ]
    assert panels == [["f(x)", "value"], ["y", "value above the minimum"], ["value"]]


def test_contours_have_equal_axes_unless_the_window_is_a_strip():
    wide = trace("sgd", "x**2 + y**2", start=(4000.0, 1.0), lr=0.1)
    assert draw_paths([trace("sgd", "rosenbrock")]).axes[0].get_aspect() == 1
    assert draw_paths([wide]).axes[0].get_aspect() == "auto"


def test_chinese_titles_are_drawn_where_there_is_a_font_for_them(tmp_path):
    with house_style():
        if len(matplotlib.rcParams["font.family"]) < 2:
            pytest.skip("no font with Chinese characters is installed")
    save(draw_paths([trace("sgd", "x**2")], title="为什么要用动量"), tmp_path / "figure.png")


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["path.jpg", "path", "path.svg.gz"])
def test_another_ending_is_refused_before_anything_is_drawn(name, tmp_path):
    with pytest.raises(InvalidValue, match=r"a figure is a \.png, \.svg or \.pdf file$") as caught:
        save(new_figure(), tmp_path / name)
    assert "\n" not in str(caught.value) and listing(tmp_path) == []


def test_a_place_that_cannot_be_written_is_refused_in_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    for place in ("missing/a.png", "file/a.png", "folder.png"):
        with pytest.raises(InvalidValue, match=r"cannot be written \(.+\); choose another place$") as caught:
            save(new_figure(), tmp_path / place)
        assert "\n" not in str(caught.value)
    assert listing(tmp_path) == ["file", "folder.png"] and listing(tmp_path / "folder.png") == []


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path, monkeypatch):
    place = tmp_path / "a.png"
    place.write_text("old")

    def write_half(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(InvalidValue, match="No space left on device"):
        save(new_figure(), place)
    assert listing(tmp_path) == ["a.png"] and place.read_text() == "old"


def test_what_cannot_be_drawn_is_refused(ravine):
    for paths, surface, message in (
        ([], False, "paths: nothing to draw"),
        ([ravine[0], trace("sgd", "bowl")], False, r"different landscapes \(ravine, bowl\)"),
        ([trace("sgd", "parabola")], True, "surface: needs two coordinates, parabola has 1"),
        ([trace("sgd", "x1 + x2 + x3")], True, "surface: needs two coordinates, .* has 3"),
    ):
        with pytest.raises(SteepestError, match=message):
            draw_paths(paths, surface=surface)


# --- nothing else is touched ------------------------------------------------------------------------------------------


def test_settings_of_matplotlib_are_left_alone_and_not_seen(tmp_path, ravine):
    plain = svg_of(draw_paths(ravine), tmp_path)
    with matplotlib.rc_context({"font.size": 33, "axes.facecolor": "red", "svg.hashsalt": "mine"}):
        before = dict(matplotlib.rcParams)
        assert svg_of(draw_paths(ravine), tmp_path) == plain
        assert dict(matplotlib.rcParams) == before


def test_drawing_needs_neither_pyplot_nor_torch(tmp_path):
    code = (
        "import sys\nfrom steepest import trace\nfrom steepest.figures.paths import draw_paths\n"
        "from steepest.figures.style import save\n"
        f"save(draw_paths([trace('sgd', 'bowl')]), {str(tmp_path / 'a.png')!r})\n"
        "print(sorted({'torch', 'matplotlib.pyplot', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("on", ["x1**2 + 3*x2**2", "x**2 + 3*y**2"])
def test_axes_and_sentences_have_the_names_that_were_typed(on):
    names = ("x1", "x2") if "x1" in on else ("x", "y")
    path = trace("sgd", on, lr=0.5, steps=5)
    pictures = draw_paths([path]), draw_paths([path], surface=True), draw_basin(map_basin("sgd", on, size=5, steps=3))
    for figure in pictures:
        assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == names
    assert pictures[1].axes[0].get_zlabel() == f"f({', '.join(names)})"
    assert f"along {names[1]} (" in str(path.why[0])
    assert draw_paths([trace("sgd", "x1**2")]).axes[0].get_ylabel() == "f(x1)"


def test_a_given_window_is_what_is_drawn_and_holds_the_start():
    paths = [trace("sgd", "bowl", (1.0, 1.0), lr=0.1, steps=10)]
    axes = draw_paths(paths, window=[(-0.5, 2.0), (0.0, 1.5)]).axes[0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 2.0), (0.0, 1.5))
    for window, told in [
        ([(2.0, 3.0), (0.0, 1.5)], r"must hold the start, \(1, 1\)"),
        ([(-1.0, 2.0)], "low and high for x, y"),
        ([(2.0, -1.0), (0.0, 1.5)], "low and high for x, y"),
        ([(-math.inf, 2.0), (0.0, 1.5)], "low and high for x, y"),
    ]:
        with pytest.raises(InvalidValue, match=told):
            draw_paths(paths, window=window)
