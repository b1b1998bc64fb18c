"""Many trajectories at once: equal to single paths, to the exact laws of noise, and told apart as single paths are."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

import steepest
from steepest import trace
from steepest.base.errors import InvalidValue, UnknownSetting
from steepest.base.status import Status
from steepest.findings.outcome import explain
from steepest.landscapes import LANDSCAPES
from steepest.paths import engine as engine
from steepest.rules import RULES

ELEMENTWISE = [name for name, rule in RULES.items() if rule.elementwise]
ROUNDING = {"rtol": 1e-12, "atol": 1e-13}
"""The engine makes the same operations in the same order; powers such as x**3, and sin and exp, may round otherwise."""

FORMULAS = {
    "one dimension": "x*cos(pi*x)",
    "three": "x1**2 + x2**4/4 + x3**2*x1**2 + exp(x3/9)",
    "straight": "2*x + 3",
    "kinks": "abs(x) + maximum(x, y)**2 + minimum(x*y, 1)",
    "pieces": "where(x > 0, x**2, where(y <= 1, -x**3, y**2)) * sqrt(y**2 + 1)",
    "a sign": "sign(x)*abs(x)**1.5 + y**2/(1 + x**2)",
    "functions": "tanh(x)*arctan(y) + cosh(x/5) + log(2 + sin(y)) + 2**(-x) + tan(y/9) + sinh(x/7)",
    "leaves its domain": "log(x) + y**2",
}


def scattered(on, count, seed=0):
    """Starts all over the landscape's window."""
    low, high = np.array(steepest.trace("sgd", on, steps=1).landscape.window).T
    return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


def singles(rule, on, starts, settings, **common):
    """The same trajectories one by one, shape (n, steps + 1, dims)."""
    rows = [{name: _of(value, i) for name, value in settings.items()} for i in range(len(starts))]
    return np.array([trace(rule, on, start=start, **row, **common).x for start, row in zip(starts, rows, strict=True)])


def _of(value, i):
    if isinstance(value, tuple):
        return tuple(_of(each, i) for each in value)
    return float(value[i]) if np.ndim(value) else value


# --- equal to single paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_rule_takes_the_steps_of_single_paths(name, on="rosenbrock"):
    starts = scattered(on, 4)
    many = trace(name, on, starts=starts, lr=1e-3, steps=120, paths=True)
    assert many.engine == "numba" and many.path.shape == (4, 121, many.landscape.dims)
    np.testing.assert_allclose(many.path, singles(name, on, starts, {"lr": 1e-3}, steps=120), **ROUNDING)


@pytest.mark.parametrize("on", [*LANDSCAPES, *FORMULAS.values(), "quadratic(condition=50, rotation=30)"])
def test_every_landscape_has_its_own_gradient_in_the_kernel(on):
    starts = scattered(on, 4)
    many = trace("adagrad", on, starts=starts, lr=0.1, steps=120, paths=True)
    assert many.engine == "numba"
    np.testing.assert_allclose(
        many.path, singles("adagrad", on, starts, {"lr": 0.1}, steps=120), rtol=1e-10, atol=1e-11
    )


def three_of_each(rule):
    """Three settings of every hyperparameter that is a number."""

    def around(value):
        if type(value) is int:
            return value + np.array([0, 2, 1])
        return np.array([0.0, 0.01, 0.1]) if value == 0 else value * np.array([0.9, 1.0, 0.95])

    found = {}
    for name, each in rule.hyperparameters().items():
        if isinstance(each.default, tuple):
            found[name] = tuple(around(value) for value in each.default)
        elif isinstance(each.default, int | float) and not isinstance(each.default, bool):
            found[name] = around(each.default)
    return found | {"lr": np.array([0.003, 0.01, 0.02])}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_arrays_of_every_hyperparameter_equal_one_at_a_time(name):
    settings, starts = three_of_each(RULES[name]), scattered("himmelblau", 3)
    many = trace(name, "himmelblau", starts=starts, steps=60, paths=True, schedule="cosine", **settings)
    expected = singles(name, "himmelblau", starts, settings, steps=60, schedule="cosine")
    np.testing.assert_allclose(many.path, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("settings", [
    {"rule": "sgd", "momentum": 0.9, "nesterov": True},
    {"rule": "rmsprop", "momentum": 0.5, "centered": True, "eps_inside_sqrt": True},
    {"rule": "adam", "amsgrad": True, "weight_decay": 0.1},
    {"rule": "adagrad", "initial_accumulator_value": np.array([0.0, 0.1, 2.0])},
    {"rule": "adam", "betas": (0.8, np.array([0.9, 0.99, 0.999]))},
], ids=str)  # fmt: skip
def test_switches_and_starts_of_states(settings):
    rule, starts = settings.pop("rule"), scattered("bowl", 3)
    many = trace(rule, "bowl", starts=starts, lr=0.1, steps=50, paths=True, **settings)
    np.testing.assert_allclose(many.path, singles(rule, "bowl", starts, settings, lr=0.1, steps=50), **ROUNDING)


@pytest.mark.parametrize("count", [1, 255, 256, 257, 600])
def test_the_ends_do_not_depend_on_how_many_there_are(count):
    starts = scattered("bowl", 600)
    ends = trace("adam", "bowl", starts=starts[:count], lr=np.linspace(0.01, 1, 600)[:count], steps=40)
    for i in {0, count // 2, count - 1}:
        single = trace("adam", "bowl", start=starts[i], lr=np.linspace(0.01, 1, 600)[i], steps=40)
        np.testing.assert_allclose(ends.x[i], single.x[-1], **ROUNDING)
        np.testing.assert_allclose(ends.f[i], single.f[-1], **ROUNDING)
    assert ends.x.shape == (count, 2) == ends.start.shape and len(ends) == count and ends.path is None


@pytest.mark.parametrize(("rule", "settings"), [("adam", {}), ("nadam", {"lr": [0.01, 0.02, 0.05]})])
def test_numpy_takes_what_a_kernel_cannot_say(rule, settings, monkeypatch):
    common = {"starts": scattered("levy", 3), "steps": 60, "paths": True, "noise": 0.1, "schedule": "cosine"}
    kernel = trace(rule, "levy", **common, **settings)
    monkeypatch.setattr(engine, "record_gradient", lambda landscape: None)
    plain = trace(rule, "levy", **common, **settings)
    assert (kernel.engine, plain.engine) == ("numba", "numpy")
    np.testing.assert_allclose(plain.path, kernel.path, rtol=1e-9)
    np.testing.assert_array_equal(plain.status, kernel.status)
    np.testing.assert_array_equal(plain.steps_taken, kernel.steps_taken)


def test_a_gradient_that_is_a_complex_number_somewhere_is_left_to_numpy():
    ends = trace("sgd", "sqrt(-1 - x**2 + 2)*x", starts=[0.3, 0.5], lr=0.01, steps=3)
    assert ends.engine in ("numba", "numpy") and np.isfinite(ends.x).all()


def test_float32_is_rounded_but_corrects_for_the_start_in_float64():
    starts = scattered("rosenbrock", 50)
    ends = {
        dtype: trace("adam", "rosenbrock", starts=starts, lr=0.01, steps=100, dtype=dtype) for dtype in ("f8", "f4")
    }
    assert ends["f4"].x.dtype == np.float32 and ends["f4"].f.dtype == np.float64
    apart = np.abs(ends["f4"].x - ends["f8"].x).max()
    assert 0 < apart < 5e-5
    own = trace("adam", "rosenbrock", starts=starts, lr=np.full(50, 0.01), betas=(np.full(50, 0.9), 0.999), steps=100,
                dtype=np.float32)  # fmt: skip
    np.testing.assert_allclose(own.x, ends["f4"].x, atol=5e-6)


def test_a_grid_of_starts_and_settings_is_a_meshgrid():
    x, lr = (each.ravel() for each in np.meshgrid([-3.0, 2.0], [0.05, 0.2, 0.4]))
    ends = trace("sgd", "parabola", starts=x, lr=lr, steps=9)
    np.testing.assert_allclose(ends.x[:, 0], x * (1 - 2 * lr) ** 9, rtol=1e-12)


def test_one_start_serves_all_settings_and_one_setting_all_starts():
    lr = np.array([0.05, 0.2, 0.4])
    for start in ({}, {"start": 10.0}, {"starts": [10.0]}, {"starts": [[10.0]]}):
        ends = trace("sgd", "parabola", lr=lr, steps=9, **start)
        np.testing.assert_allclose(ends.x[:, 0], 10 * (1 - 2 * lr) ** 9, rtol=1e-12)
    rule = RULES["sgd"](lr=lr)
    np.testing.assert_array_equal(trace(rule, "parabola", steps=9).x, ends.x)
    np.testing.assert_array_equal(trace("sgd", "parabola", lr=[0.05, 0.2, 0.4], steps=9).x, ends.x)
    many = trace("sgd", "parabola", starts=[1.0, 2.0, 3.0], lr=[0.1], steps=9)
    np.testing.assert_allclose(many.x[:, 0], np.array([1, 2, 3]) * 0.8**9, rtol=1e-12)


# --- noise and threads ------------------------------------------------------------------------------------------------


def test_each_trajectory_has_a_generator_of_its_own():
    starts = scattered("bowl", 300)
    one = trace("sgd", "bowl", starts=starts, lr=0.1, steps=1, noise=0.5, seed=7)
    drawn = np.array([np.random.default_rng([7, i]).standard_normal(2) for i in range(300)])
    np.testing.assert_allclose(one.x, starts - 0.1 * (starts * [2, 4] + 0.5 * drawn), rtol=1e-12, atol=1e-14)
    many = trace("sgd", "bowl", starts=starts, lr=0.1, steps=50, noise=0.5, seed=7)
    few = trace("sgd", "bowl", starts=starts[:9], lr=0.1, steps=50, noise=0.5, seed=7)
    np.testing.assert_array_equal(many.x[:9], few.x)
    assert (trace("sgd", "bowl", starts=starts, lr=0.1, steps=50, noise=0.5, seed=8).x != many.x).all()


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_threads_change_nothing(noise, monkeypatch):
    starts, ends = scattered("rosenbrock", 1000), []
    for count in (1, 2, 3):
        monkeypatch.setattr(engine, "threads", lambda count=count: count)
        ends.append(trace("adam", "rosenbrock", starts=starts, lr=0.01, steps=400, noise=noise, paths=True))
    for other in ends[1:]:
        np.testing.assert_array_equal(other.path, ends[0].path)
    np.testing.assert_array_equal(ends[0].x, ends[0].path[:, -1])
    np.testing.assert_array_equal(ends[0].start, ends[0].path[:, 0])


def test_noise_in_stretches_is_the_same_noise(monkeypatch):
    settings = {"starts": scattered("bowl", 5), "lr": 0.1, "steps": 50, "noise": 0.3, "paths": True}
    whole = trace("nadam", "bowl", momentum_decay=[0.01] * 5, **settings)
    monkeypatch.setattr(engine, "DRAWN", 70)
    np.testing.assert_array_equal(trace("nadam", "bowl", momentum_decay=[0.01] * 5, **settings).path, whole.path)


def test_noise_follows_the_law_of_the_linear_recursion():
    count, lr, noise, start, steps = 20_000, 0.1, 2.0, 3.0, 12
    ends = trace("sgd", "parabola", starts=np.full(count, start), lr=lr, noise=noise, steps=steps, seed=3).x[:, 0]
    shrink = 1 - 2 * lr
    mean, variance = start * shrink**steps, (lr * noise) ** 2 * (1 - shrink ** (2 * steps)) / (1 - shrink**2)
    assert abs(ends.mean() - mean) < 4 * np.sqrt(variance / count)
    assert abs(ends.var() / variance - 1) < 4 * np.sqrt(2 / count)
    assert abs(np.corrcoef(ends[:-1], ends[1:])[0, 1]) < 4 / np.sqrt(count)


# --- what became of them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_statuses_agree_with_those_of_single_paths(rule):
    same = total = 0
    differing = []
    for on in ("parabola", "saddle", "tanh", "rosenbrock", "himmelblau", "rastrigin", "easom"):
        starts = scattered(on, 40, seed=5)
        lr = 10 ** np.random.default_rng(6).uniform(-3, 0.5, 40)
        many = trace(rule, on, starts=starts, lr=lr, steps=150, paths=True)
        with np.errstate(all="ignore"):
            outcomes = [explain(many.landscape, path, many.landscape(*path.T)) for path in many.path]
        decided = [each.status for each in outcomes]
        differing += [
            (on, each.code) for each, status in zip(outcomes, many.status, strict=True) if each.status != status
        ]
        ends = trace(rule, on, starts=starts, lr=lr, steps=150)  # of which only the last positions are kept
        same += np.sum(ends.status == np.array(decided, dtype=object))
        total += 40
    assert not differing
    assert same >= 0.98 * total


CLEAR = {
    "minimum": ("sgd", "bowl", [[-5.0, -2.0]], 0.2, Status.REACHED),
    "a formula's minimum": ("sgd", "x**2", [4.0], 0.2, Status.REACHED),
    "no curvature": ("sgd", "x**4", [0.005], 1.0, Status.REACHED),
    "not there yet": ("adagrad", "x**4", [1.0], 4.0, Status.FINISHED),
    "on the way": ("sgd", "parabola", [10.0], 1e-4, Status.FINISHED),
    "to and fro": ("sgd", "parabola", [10.0], 1.0, Status.FINISHED),
    "to and fro nearby": ("sgd", "parabola", [0.005], 1.0, Status.FINISHED),
    "saddle": ("sgd", "saddle", [[-0.9, 0.0]], 0.2, Status.STUCK),
    "a formula's saddle": ("sgd", "x**2 - y**2", [[3.0, 0.0]], 0.2, Status.STUCK),
    "plateau": ("sgd", "tanh", [4.0], 1.0, Status.STUCK),
    "climbs": ("sgd", "ravine", [[-5.0, -2.0]], 0.6, Status.DIVERGED),
    "overflows": ("sgd", "rosenbrock", [[-1.2, 1.0]], 0.01, Status.DIVERGED),
    "runs down": ("sgd", "saddle", [[-0.9, 0.01]], 0.1, Status.DIVERGED),
    "a straight slope": ("sgd", "2*x + 3", [4.0], 1.0, Status.DIVERGED),
    "no value at the start": ("sgd", "log(x)", [-1.0], 0.1, Status.NON_FINITE),
    "no gradient": ("sgd", "sqrt(abs(x))", [0.0], 1.0, Status.NON_FINITE),
}


@pytest.mark.quick
@pytest.mark.parametrize("case", CLEAR)
def test_a_status_for_each(case):
    rule, on, start, lr, status = CLEAR[case]
    ends = trace(rule, on, starts=start * 3, lr=lr, steps=200)
    assert ends.status.tolist() == [status] * 3
    assert trace(rule, on, start=start[0], lr=lr, steps=200).outcome.status is status


@pytest.mark.parametrize("used", ["numba", "numpy"])
def test_steps_taken_end_where_the_position_does(used, monkeypatch):
    if used == "numpy":
        monkeypatch.setattr(engine, "record_gradient", lambda landscape: None)
    ends = trace("sgd", "rosenbrock", lr=[0.01, 1e-3], steps=30, paths=True)
    finite = np.isfinite(ends.path).all(axis=2)
    assert ends.steps_taken.tolist() == [finite[0].sum() - 1, 30] and ends.steps_taken[0] < 10
    np.testing.assert_array_equal(ends.path[0], trace("sgd", "rosenbrock", lr=0.01, steps=30).x)
    np.testing.assert_array_equal(ends._last.T, [ends.path[0, ends.steps_taken[0]], ends.x[1]])
    assert ends.steps == 30 and ends.engine == used


@pytest.mark.quick
def test_himmelblau_sends_starts_to_four_minima():
    landscape = LANDSCAPES["himmelblau"]
    starts = np.concatenate([np.array(landscape.minima) + 0.3, [[0.0, 0.0], [5.0, 5.0]]])
    ends = trace("sgd", "himmelblau", starts=starts, lr=np.array([0.01] * 4 + [1e-6, 0.5]), steps=200)
    assert ends.nearest_minimum.tolist() == [0, 1, 2, 3, -1, -1]
    basins = trace("momentum", "himmelblau", starts=scattered("himmelblau", 2000), lr=0.002, steps=600)
    assert set(basins.nearest_minimum.tolist()) == {0, 1, 2, 3}
    reached = np.array(landscape.minima)[basins.nearest_minimum]
    np.testing.assert_allclose(basins.x, reached, atol=1e-3)
    assert (basins.status == Status.REACHED).all()


def test_local_minima_come_after_the_global_ones_and_a_formula_has_none():
    ends = trace("sgd", "two_minima", starts=[-0.3, 1.0], lr=0.02, steps=200)
    assert ends.nearest_minimum.tolist() == [1, 0]
    assert trace("sgd", "x**2", starts=[1.0, 2.0], lr=0.1).nearest_minimum.tolist() == [-1, -1]


def test_the_result_is_plain_data():
    ends = trace("sgd", "bowl", starts=[[1, 2]], lr=0.1)
    assert isinstance(ends, steepest.Trajectories) and dataclasses.is_dataclass(ends)
    assert ends.rule.lr == 0.1 and ends.landscape is LANDSCAPES["bowl"]
    starts = np.array([[1.0, 2.0]])
    trace("sgd", "bowl", starts=starts, lr=0.1)
    assert starts.tolist() == [[1.0, 2.0]]


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"starts": [1.0, 2.0]}, r"starts: bowl needs shape \(n, 2\), 2 coordinates each, got \(2,\)"),
        ({"starts": [[1.0], [2.0]]}, r"starts: bowl needs shape \(n, 2\), 2 coordinates each, got \(2, 1\)"),
        ({"starts": np.zeros((0, 2))}, r"starts: .* got \(0, 2\)"),
        ({"starts": np.zeros((2, 2, 2))}, r"starts: .* got \(2, 2, 2\)"),
        ({"starts": [[1.0, np.nan]]}, "starts: must be finite numbers"),
        ({"starts": "near"}, r"starts: must be numbers, of shape \(n, 2\), got 'near'"),
        ({"starts": [[1, 2]], "start": (1, 2)}, "start, starts: give one of them"),
        ({"starts": [[1, 2]] * 3, "lr": [0.1, 0.2]}, "these differ in length: starts 3, lr 2"),
        ({"lr": [0.1, 0.2], "momentum": [0.1, 0.2, 0.3]}, "differ in length: starts 1, lr 2, momentum 3"),
        ({"lr": [0.1, -0.2]}, r"SGD: lr must lie in \[0, inf\), got .*-0.2"),
        ({"lr": np.array([0.1, -0.2])}, r"SGD: lr must lie in \[0, inf\), got -0.2"),
        ({"lr": np.array([0.1, np.nan])}, r"SGD: lr must lie in \[0, inf\), got nan"),
        ({"lr": np.array([[0.1], [0.2]])}, r"SGD: lr: an array must have shape \(n,\)"),
        ({"lr": np.array([])}, r"SGD: lr: an array must have shape \(n,\)"),
        ({"lr": np.array(["a", "b"])}, "SGD: lr must be numbers, one a trajectory"),
        ({"starts": [[1, 2]], "rule": "adam", "amsgrad": [True, False]}, "Adam: amsgrad must be true or false"),
        ({"starts": [[1, 2]], "dtype": "float16"}, "dtype: must be float64 or float32, got 'float16'"),
        ({"starts": [[1, 2]], "dtype": "wide"}, "dtype: must be float64 or float32, got 'wide'"),
        ({"starts": [[1, 2]], "steps": 0}, "steps: must be a whole number from 1, got 0"),
        ({"starts": [[1, 2]], "noise": -1.0}, "noise: must be a finite number from 0, got -1.0"),
        ({"paths": True}, "paths, dtype: for many trajectories only"),
        ({"dtype": "float32"}, "paths, dtype: for many trajectories only"),
        ({"rule": "adam", "betas": (0.9, np.array([0.5, 1.5]))}, r"Adam: betas must lie in \[0, 1\), got \(0.9, 1.5\)"),
    ],
)
def test_a_mistake_is_named(settings, message):
    with pytest.raises(InvalidValue, match=message) as caught:
        trace(**{"rule": "sgd", "on": "bowl"} | settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if not rule.elementwise])
def test_a_rule_of_whole_tensors_is_refused(name):
    with pytest.raises(InvalidValue, match="is not elementwise, so trace cannot run many of it at once"):
        trace(name, "bowl", starts=[[1, 2]])


def test_an_unknown_setting_is_still_unknown():
    with pytest.raises(UnknownSetting, match="SGD has no hyperparameter 'momentun'"):
        trace("sgd", "bowl", starts=[[1, 2]], momentun=[0.9])


def test_a_forked_process_can_trace():
    """Threads stay with the parent; a child that waited for them would wait forever."""
    code = (
        "import os, steepest\n"
        "starts = [[i / 1000, 1.0] for i in range(2000)]\n"
        "follow = lambda: steepest.trace('sgd', 'himmelblau', starts=starts, steps=100).x.sum()\n"
        "before = follow()\n"
        "child = os.fork()\n"
        "correct = follow() == before\n"
        "if not child: os._exit(0 if correct else 1)\n"
        "print(correct, os.waitpid(child, 0)[1])\n"
    )
    run = [sys.executable, "-W", "ignore", "-c", code]
    said = subprocess.run(run, env=os.environ | {"OMP_NUM_THREADS": "2"}, capture_output=True, text=True, timeout=60)
    assert (said.stdout, said.stderr) == ("True 0\n", "")
