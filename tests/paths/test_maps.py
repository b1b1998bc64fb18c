"""Maps: every pixel is what a single run says, arrivals are told right, limits are where runs diverge."""

import re

import numpy as np
import pytest

import steepest
from steepest import landscapes, rules, schedules, trace
from steepest.base.errors import InvalidValue, SteepestError, UnknownSetting
from steepest.base.status import Status
from steepest.paths import engine as engine
from steepest.paths.maps import End, map_basin, map_sweep
from steepest.paths.maps.common import escaped, minima_of
from steepest.paths.trajectories import run


def radius(landscape) -> float:
    return 1e-3 * float(np.linalg.norm(np.ptp(landscape.window, axis=1)))


def arrival(path, points, near) -> int:
    """The first step from which on every position is near one of the points; one more than the last, if none."""
    with np.errstate(all="ignore"):
        apart = [np.sqrt(((path - point) ** 2).sum(axis=1)) for point in np.array(points)]
    away = [not nearest <= near for nearest in np.min(apart, axis=0)]
    return len(away) - away[::-1].index(True) if any(away) else 0


def scattered(landscape, count):
    low, high = np.array(landscape.window).T
    return np.random.default_rng(1).uniform(low, high, (count, len(low)))


# --- arrivals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "on"),
    [
        ("sgd(lr=0.01)", "himmelblau"), ("adam(lr=0.1)", "himmelblau"), ("momentum(lr=0.1)", "parabola"),
        ("rmsprop(lr=0.05)", "x1**2 + 2*x2**2 + x3**2 - x1*x3"),
    ],
)  # fmt: skip
def test_arrivals_are_those_of_the_whole_path(spec, on):
    rule, landscape = rules.find(spec), landscapes.find(on)
    points = landscape.minima or ((0.0,) * landscape.dims,)
    starts = np.vstack([scattered(landscape, 300), points])
    ends = run(rule, landscape, starts, 120, schedules.find(None), paths=True, minima=points)
    assert ends.arrived.tolist() == [arrival(path, points, radius(landscape)) for path in ends.path]
    assert len(set(ends.arrived.tolist())) > 5
    late = run(rule, landscape, starts, 120, schedules.find(None), minima=points, dtype="float32")
    assert np.mean(late.arrived == ends.arrived) > 0.9


def test_numpy_tells_the_same_arrivals(monkeypatch):
    landscape = landscapes.find("himmelblau")
    given = (rules.find("adam", lr=0.1), landscape, scattered(landscape, 50), 120, schedules.find("cosine"))
    kernel = run(*given, minima=landscape.minima)
    monkeypatch.setattr(engine, "record_gradient", lambda landscape: None)
    plain = run(*given, minima=landscape.minima)
    assert (kernel.engine, plain.engine) == ("numba", "numpy")
    assert kernel.arrived.tolist() == plain.arrived.tolist()


def test_arrivals_with_noise_and_of_paths_that_overflow():
    landscape = landscapes.find("bowl")
    starts = scattered(landscape, 20)
    noisy = run(rules.find("sgd", lr=0.1), landscape, starts, 60, schedules.find(None), noise=0.05, paths=True,
                minima=landscape.minima)  # fmt: skip
    assert noisy.arrived.tolist() == [arrival(path, [(0, 0)], radius(landscape)) for path in noisy.path]
    lost = run(rules.find("sgd", lr=10.0), landscape, starts, 900, schedules.find(None), minima=landscape.minima)
    assert not np.isfinite(lost.x).any() and set(lost.arrived.tolist()) == {901}
    told_nothing = run(rules.find("sgd", lr=0.1), landscape, starts, 60, schedules.find(None))
    assert set(told_nothing.arrived.tolist()) == {61}


# --- basins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["himmelblau", "six_hump_camel"])
def test_every_start_ends_where_a_single_path_does(on):
    basins = map_basin(["momentum", "adam"], on, lr=0.02, steps=150, size=6)
    stated = np.array(basins.landscape.minima + basins.landscape.local_minima)
    np.testing.assert_array_equal(basins.minima[: len(stated)], stated)
    for place, rule in enumerate(basins.rules):
        for row, column in np.ndindex(6, 6):
            path = trace(rule, on, start=(basins.x[column], basins.y[row]), steps=150)
            last = path.x[-1]
            nearest = int(np.argmin(np.linalg.norm(basins.minima - last, axis=1)))
            there = np.linalg.norm(basins.minima[nearest] - last) <= radius(basins.landscape)
            assert (basins.end[place, row, column] == nearest) == there
            assert basins.arrived[place, row, column] == arrival(path.x, basins.minima, radius(basins.landscape))
            if basins.end[place, row, column] != End.ESCAPED:
                assert basins.final[place, row, column] == pytest.approx(path.f[-1], rel=1e-6)


def test_gradient_descent_on_the_double_well_goes_to_the_side_where_it_starts():
    basins = map_basin("sgd(lr=0.1)", "double_well", size=100, steps=300)
    np.testing.assert_array_equal(basins.end[0], np.broadcast_to(basins.x > 0, (100, 100)))
    assert basins.shares(0) == {0: 0.5, 1: 0.5, End.OTHER: 0.0, End.UNDER_WAY: 0.0, End.ESCAPED: 0.0}
    np.testing.assert_allclose(basins.values, -0.25, rtol=1e-15)


def test_minima_that_a_formula_does_not_state_are_found():
    basins = map_basin(["sgd(lr=0.03)", "adam(lr=0.1)"], "x**4 - 2*x**2 + 0.3*x + y**4 - y**2", size=20,
                       window=((-2, 2), (-2, 2)))  # fmt: skip
    roots = [np.roots([4, 0, -4, 0.3]).real, np.roots([4, 0, -2, 0]).real]
    expected = {(round(x, 9), round(y, 9)) for x in roots[0] for y in roots[1] if 12 * x**2 > 4 and 12 * y**2 > 2}
    assert len(expected) == 4
    assert {(round(x, 9), round(y, 9)) for x, y in basins.minima.tolist()} == expected
    assert (basins.end >= 0).all()


def test_a_saddle_is_no_minimum_and_other_minima_are_named_by_how_many_reach_them():
    assert len(map_basin("sgd(lr=0.1)", "x**2 - y**2", size=9, steps=50).minima) == 0
    basins = map_basin("sgd(lr=0.002)", "rastrigin", size=40)
    assert basins.minima.shape == (8, 2) and basins.minima[0].tolist() == [0, 0]
    counts = [basins.shares(0)[place] for place in range(8)]
    assert counts[0] < 0.05 < basins.shares(0)[End.OTHER]
    assert sum(basins.shares(0).values()) == pytest.approx(1.0)
    assert np.all(np.linalg.norm(basins.landscape.gradient(basins.minima.T), axis=0) < 1e-9)


def test_what_diverges_what_leaves_the_domain_and_what_is_on_its_way():
    basins = map_basin(["sgd(lr=0.05)", "sgd(lr=1e-4)"], "x**4 + y**4", size=12)
    path = trace("sgd", "x**4 + y**4", start=(basins.x[0], basins.y[0]), lr=0.05, steps=200)
    assert path.outcome.status is Status.DIVERGED
    gone = np.abs(basins.x) > np.sqrt(10)  # a step 0.05 * 4 x**3 beyond -x
    np.testing.assert_array_equal(basins.end[0] == End.ESCAPED, gone[:, None] | gone[None, :])
    assert np.isnan(basins.final[0][basins.end[0] == End.ESCAPED]).all()
    assert (basins.end[1] == End.UNDER_WAY).any() and not (basins.end[1] == End.ESCAPED).any()
    domain = map_basin("sgd(lr=0.01)", "sqrt(x) + y**2 + 1", size=4, window=((-2, -1), (-1, 1)), steps=10)
    assert (domain.end == End.ESCAPED).all()


def test_leaps_to_and_fro_inside_the_window_are_no_divergence():
    starts = np.array([(-1.2, 1.0)])
    ends = run(rules.find("adam", lr=np.geomspace(0.1, 1, 2000), betas=(np.full(2000, 0.3), 0.999)),
               landscapes.find("rosenbrock"), starts, 500, schedules.find(None))  # fmt: skip
    low, high = np.array(ends.landscape.window).T
    inside = ((low <= ends.x) & (ends.x <= high)).all(axis=1)
    told = ends.status == Status.DIVERGED  # from the last few positions alone
    assert (told & inside).any() and (told & ~inside).any()
    np.testing.assert_array_equal(escaped(ends), told & ~inside)


def test_only_minima_are_found_near_ends():
    landscape = landscapes.find("double_well")
    ends = np.array([[1.001, 0.0], [0.999, 0.001], [0.001, 0.0], [-1.0, 0.002], [5.0, 5.0]])
    np.testing.assert_allclose(minima_of(landscape, ends, 9), [[1, 0], [-1, 0]], atol=1e-12)  # the saddle is none
    assert len(minima_of(landscape, ends, 1)) == 1 and minima_of(landscape, ends[:0], 9).shape == (0, 2)


def test_a_map_does_not_depend_on_how_many_starts_are_computed_at_a_time(monkeypatch):
    from steepest.paths.maps import basin

    whole, told = map_basin("momentum(lr=0.01)", "himmelblau", size=30, steps=60), []
    monkeypatch.setattr(basin, "AT_ONCE", 100)
    parts = map_basin("momentum(lr=0.01)", "himmelblau", size=30, steps=60, on_progress=lambda *done: told.append(done))
    np.testing.assert_array_equal(whole.end, parts.end)
    np.testing.assert_array_equal(whole.arrived, parts.arrived)
    assert told == [(90 * part, 900) for part in range(1, 11)]


# --- sweeps -----------------------------------------------------------------------------------------------------------


def test_every_pair_of_settings_is_a_single_run():
    over = {"lr": (1e-3, 0.3), "momentum/betas.0": (0.0, 0.9)}
    sweep = map_sweep(["momentum", "adam(betas=(0.5, 0.99))"], "rosenbrock", over, size=5, steps=80)
    assert sweep.across.log and not sweep.up.log and sweep.above
    np.testing.assert_allclose(sweep.across.values, np.geomspace(1e-3, 0.3, 5))
    for row, column in np.ndindex(5, 5):
        lr, memory = float(sweep.across.values[column]), float(sweep.up.values[row])
        singles = (
            trace("momentum", "rosenbrock", lr=lr, momentum=memory, steps=80),
            trace("adam", "rosenbrock", lr=lr, betas=(memory, 0.99), steps=80),
        )
        for place, path in enumerate(singles):
            assert sweep.arrived[place, row, column] == arrival(path.x, [(1, 1)], radius(path.landscape))
            if np.isfinite(sweep.final[place, row, column]):
                assert sweep.final[place, row, column] == pytest.approx(path.f[-1], rel=1e-6)
            else:
                assert path.outcome.status is Status.DIVERGED


def test_the_best_pair_is_the_lowest_and_ties_go_to_the_fastest():
    sweep = map_sweep("adam", "rosenbrock", {"lr": (1e-3, 1), "betas.0": (0, 0.99)}, size=20, steps=150)
    best = sweep.best(0)
    assert sweep.final[0].flat[best] == np.nanmin(sweep.final)
    lr, beta = sweep.pair(best)
    assert trace("adam", "rosenbrock", lr=lr, betas=(beta, 0.999), steps=150).f[-1] == pytest.approx(
        np.nanmin(sweep.final), rel=1e-6
    )
    swings = map_sweep("momentum", "rosenbrock", {"lr": (5e-4, 5e-3), "momentum": (0.8, 0.99)}, size=20, steps=500)
    assert swings.best(0) == np.nanargmin(swings.final[0]) != swings.fastest(0) == np.argmin(swings.arrived[0])
    converged = map_sweep("sgd", "parabola", {"lr": np.linspace(0.3, 0.6, 7), "momentum": [0.0, 0.05]}, steps=400)
    assert converged.pair(converged.best(0)) == (pytest.approx(0.5), 0.0)  # one step, all others need more
    assert converged.fastest(0) == converged.best(0) and converged.arrived[0].flat[converged.best(0)] == 1
    hopeless = map_sweep("sgd", "parabola", {"lr": [2.0, 3.0], "momentum": [0.0, 0.1]}, steps=300)
    assert (hopeless.best(0), hopeless.fastest(0)) == (None, None)


def test_a_landscape_without_a_stated_minimum_is_measured_by_the_one_that_is_found():
    over = {"lr": (0.01, 0.4), "momentum": (0.0, 0.8)}
    unknown = map_sweep("sgd", "(x - 1)**2 + 3*(y + 2)**2 + 5", over, size=6, start=(4, 2))
    assert not unknown.above and np.nanmin(unknown.final) == pytest.approx(5.0)
    near = 1e-3 * np.hypot(10, 10)
    for row, column in np.ndindex(6, 6):
        path = trace("sgd", unknown.landscape, start=(4, 2), lr=unknown.across.values[column],
                     momentum=unknown.up.values[row], steps=200)  # fmt: skip
        assert unknown.arrived[0, row, column] == arrival(path.x, [(1, -2)], near)
    assert map_sweep("sgd", "x - y", over, size=3).arrived is None


@pytest.mark.parametrize("on", ["ravine", "quadratic(condition=50, rotation=30)"])
def test_the_stability_limit_is_where_runs_diverge(on):
    largest = np.linalg.eigvalsh(landscapes.find(on).hessian([0.0, 0.0])).max()
    over = {"lr": (0.05 / largest, 6 / largest), "momentum": (0.0, 0.9)}
    sweep = map_sweep(["momentum", "sgd"], on, over, size=60, steps=4000)
    for place in range(2):
        curve = sweep.limits[place]
        np.testing.assert_allclose(curve[:, 0], 2 * (1 + curve[:, 1]) / largest, rtol=1e-9)  # Polyak 1964
        limit = np.interp(sweep.up.values, curve[:, 1], curve[:, 0])[:, None]
        diverged = np.isnan(sweep.final[place])
        assert diverged[sweep.across.values > 1.02 * limit].all()
        assert not diverged[sweep.across.values < 0.98 * limit].any()


def test_no_limit_is_drawn_where_none_is_known():
    lr = {"lr": (0.01, 1)}
    assert map_sweep("adam", "ravine", lr | {"betas.0": (0, 0.9)}, size=3).limits == (None,)
    assert map_sweep("signum", "ravine", lr | {"momentum": (0, 0.9)}, size=3).limits == (None,)
    assert map_sweep("sgd", "rosenbrock", lr | {"momentum": (0, 0.9)}, size=3).limits == (None,)
    assert map_sweep("sgd", "saddle", lr | {"momentum": (0, 0.9)}, size=3).limits == (None,)
    assert map_sweep("sgd", "ravine", {"dampening": (0, 0.9), "momentum": (0, 0.9)}, lr=0.1, size=3).limits == (None,)
    (turned,) = map_sweep("sgd", "ravine", {"momentum": (0, 0.9), "lr": (0.01, 1)}, size=3).limits
    np.testing.assert_allclose(turned[0], [0.0, 0.5], rtol=1e-9)


def test_progress_is_told_and_one_dimension_will_do():
    told = []
    sweep = map_sweep(["sgd", "momentum"], "wavy", {"lr": [0.1, 0.2, 0.4], "weight_decay": (0, 0.1)}, size=2,
                      on_progress=lambda *done: told.append(done))  # fmt: skip
    assert told == [(1, 2), (2, 2)] and sweep.final.shape == (2, 2, 3) and sweep.start.tolist() == [10.0]


# --- what is refused --------------------------------------------------------------------------------------------------

OVER = {"lr": (0.01, 1), "momentum": (0, 0.9)}

REFUSED = {
    "a basin map needs two coordinates, parabola has 1": lambda: map_basin("sgd", "parabola"),
    "optimizers: name at least one": lambda: map_basin([], "bowl"),
    "size: must be a whole number from 2 to 10000, got 1": lambda: map_basin("sgd", "bowl", size=1),
    "steps: must be a whole number from 1 to 10000000, got 0": lambda: map_basin("sgd", "bowl", steps=0),
    "window: write low and high for x and y": lambda: map_basin("sgd", "bowl", window=((1, 0), (0, 1))),
    "window: write low and high": lambda: map_basin("sgd", "bowl", window=((0, 1),)),
    "Muon is not elementwise": lambda: map_basin("muon", "bowl"),
    "over: name two hyperparameters, such as lr and betas.0, got lr": lambda: map_sweep("sgd", "bowl", {"lr": (1, 2)}),
    "over: lr needs a low and a high value": lambda: map_sweep("sgd", "bowl", OVER | {"lr": (1, 0.1)}),
    "over: lr needs a low and a high value, or": lambda: map_sweep("sgd", "bowl", OVER | {"lr": 3}),
    "SGD: lr must lie in [0, inf), got -1": lambda: map_sweep("sgd", "bowl", OVER | {"lr": (-1, 1)}),
    "Adam has no hyperparameter 'momentum'; it has lr, betas": lambda: map_sweep("adam", "bowl", OVER),
    "over: betas: of Adam, write betas.0, betas.1": lambda: map_sweep("adam", "bowl", {"lr": (1, 2), "betas": (0, 1)}),
    "over: lr.0: of Adam, write lr": lambda: map_sweep("adam", "bowl", {"lr.0": (1, 2), "betas.0": (0, 0.5)}),
    "over: betas.2: of Adam, write": lambda: map_sweep("adam", "bowl", {"lr": (1, 2), "betas.2": (0, 0.5)}),
    "SGD: nesterov": lambda: map_sweep("sgd", "bowl", {"lr": (1, 2), "nesterov": (0, 1)}),
    "starts: bowl needs shape (n, 2)": lambda: map_sweep("sgd", "bowl", OVER, start=(1, 2, 3)),
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_input_is_refused_in_a_line(message):
    with pytest.raises(SteepestError, match=re.escape(message)) as caught:
        REFUSED[message]()
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UnknownSetting if "no hyperparameter" in message else InvalidValue)


# --- the command ------------------------------------------------------------------------------------------------------


def test_map_basin_prints_the_shares_and_draws(command, tmp_path):
    code, printed, complaint = command("map basin sgd(lr=0.1) adam(lr=0.1) --on double_well --size 20 --save well.png")
    assert (code, complaint) == (0, "")
    rows = {line.split("  ")[0]: line.split() for line in printed.splitlines() if line}
    assert rows["(-1, 0)"][-3:] == ["-0.25", "50.0%", "50.0%"]
    assert "double_well from 20 x 20 starts, 200 steps" in printed
    assert printed.splitlines()[-1] == "drawn to well.png"
    assert (tmp_path / "well.png").read_bytes().startswith(b"\x89PNG")


def test_map_sweep_prints_the_best_and_draws(command, tmp_path):
    code, printed, complaint = command(
        "map sweep momentum --on ravine --over lr=0.01:2 --over momentum=0:0.9 --size 20 --steps 100 --save m.svg"
    )
    assert (code, complaint) == (0, "")
    assert "ravine from (-5.000000, -2.000000), 20 x 20 settings, 100 steps" in printed
    sweep = map_sweep("momentum", "ravine", {"lr": (0.01, 2), "momentum": (0, 0.9)}, size=20, steps=100)
    lr, momentum = sweep.pair(sweep.best(0))
    assert f"lr={lr:.3g}," in printed and f"momentum={momentum:.3g}" in printed
    assert "stability limit" in (tmp_path / "m.svg").read_text(encoding="utf-8")


BAD = {
    "map basin sgd --on parabola": "a basin map needs two coordinates",
    "map basin sgd --save map.gif": "map.gif: a figure is a .png, .svg or .pdf file",
    "map basin sgd --lang fr --save map.png": "lang: must be en or zh, got 'fr'",
    "map basin sgd --window 1,2": "--window '1,2': write low:high, for example -5:5,-5:5",
    "map sweep sgd --over lr=1": "--over 'lr=1': write low:high, for example lr=1e-4:1",
    "map sweep sgd --over lr": "--over 'lr': write it as name=low:high, for example lr=1e-4:1",
    "map sweep sgd --over lr=1:2": "over: name two hyperparameters",
    "map sweep sgd": "Missing option '--over'",
    "map bassin sgd": "No such command 'bassin'",
}


@pytest.mark.parametrize("arguments", BAD)
def test_a_bad_command_gets_one_line_and_leaves_nothing(arguments, command, tmp_path):
    code, printed, complaint = command(arguments)
    assert (code, printed) == (2, "")
    assert BAD[arguments] in complaint and complaint.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", ["", "map"])
def test_a_command_without_words_prints_its_help_once(arguments, command):
    code, printed, complaint = command(arguments)
    assert (code, complaint) == (2, "") and printed.count("Usage: ") == 1


def test_maps_are_public():
    assert steepest.map_basin is map_basin and steepest.map_sweep is map_sweep
