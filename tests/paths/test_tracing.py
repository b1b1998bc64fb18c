"""Paths: the lecture's printed values, the papers' equations written out plainly, exact laws of noise, and outcomes."""

import math

import numpy as np
import pytest

from steepest import trace
from steepest.base.errors import InvalidValue, SteepestError, UnknownName, UnknownSetting
from steepest.base.status import Status
from steepest.landscapes import LANDSCAPES, formula
from steepest.rules import RULES, SGD

ELEMENTWISE = [name for name, rule in RULES.items() if rule.elementwise]  # some others are for matrices only
RAVINE = "0.1*x**2 + 2*y**2"
LECTURE_EPS = {"eps": 1e-6, "eps_inside_sqrt": True}


def printed(values, digits=6) -> list[str]:
    return [f"{value:.{digits}f}" for value in np.ravel(values)]


def slope_of_ravine(x):
    return np.array([0.2, 4.0]) * x


# --- the lecture's printed values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["tanh", "tanh(x)"])
def test_row_4_the_gradient_of_tanh_at_4_has_all_but_vanished(on):
    path = trace("sgd", on, start=4, lr=1.0, steps=1)
    assert printed(path.grad, 4) == ["0.0013"]


@pytest.mark.quick
@pytest.mark.parametrize("on", ["parabola", "x**2"])
@pytest.mark.parametrize("lr", [0.05, 0.2, 1.1])
def test_row_6_the_parabola_has_a_closed_form(on, lr):
    path = trace("sgd", on, start=10, lr=lr, steps=10)
    np.testing.assert_allclose(path.x[:, 0], 10 * (1 - 2 * lr) ** np.arange(11), rtol=1e-13)


def test_row_6_a_small_learning_rate_is_still_far_away_and_a_large_one_diverges():
    small, large = (trace("sgd", "parabola", start=10, lr=lr, steps=10) for lr in (0.05, 1.1))
    assert printed(small.x[-1]) == ["3.486784"] and small.outcome.status is Status.FINISHED
    assert printed(large.x[-1]) == ["61.917364"] and large.outcome.status is Status.DIVERGED
    assert large.outcome.step == 1


@pytest.mark.parametrize("on", ["wavy", "x*cos(0.15*pi*x)"])
def test_row_7_a_large_learning_rate_ends_in_a_poor_minimum(on):
    path = trace("sgd", on, start=10, lr=2, steps=10)
    assert printed(path.x[-1]) == ["-1.528166"]


@pytest.mark.parametrize("on", ["bowl", "x**2 + 2*y**2"])
def test_row_8_gradient_descent_with_two_variables(on):
    path = trace("sgd", on, start=(-5, -2), lr=0.1, steps=20)
    assert printed(path.x[-1]) == ["-0.057646", "-0.000073"]


@pytest.mark.parametrize("on", ["ravine", RAVINE])
def test_row_12_the_ravine_is_slow_then_diverges_and_momentum_mends_it(on):
    slow, diverging = (trace("sgd", on, start=(-5, -2), lr=lr, steps=20) for lr in (0.4, 0.6))
    assert printed(slow.x[-1]) == printed([-5 * 0.92**20, -2 * (-0.6) ** 20])
    np.testing.assert_allclose(diverging.x[-1], [-5 * 0.88**20, -2 * (-1.4) ** 20], rtol=1e-12)
    assert (diverging.outcome.status, diverging.outcome.step) == (Status.DIVERGED, 1)
    for rule, settings in (("sgd", {"momentum": 0.25}), ("momentum", {"momentum": 0.25}), ("sgd(momentum=0.25)", {})):
        mended = trace(rule, on, start=(-5, -2), lr=0.6, steps=20, **settings)
        assert printed(mended.x[-1]) == ["-0.126340", "-0.186632"]


# --- the papers' equations, written out -------------------------------------------------------------------------------


@pytest.mark.parametrize("lr", [0.4, 2.0])
def test_row_14_adagrad_with_eps_inside_the_root(lr):
    x, s, path = np.array([-5.0, -2.0]), np.zeros(2), [np.array([-5.0, -2.0])]
    for _ in range(20):
        g = slope_of_ravine(x)
        s = s + g**2
        x = x - lr * g / np.sqrt(s + 1e-6)
        path.append(x)
    ours = trace("adagrad", RAVINE, start=(-5, -2), lr=lr, steps=20, **LECTURE_EPS)
    np.testing.assert_allclose(ours.x, path, rtol=1e-12, atol=1e-300)


def test_row_15_rmsprop_with_eps_inside_the_root():
    x, s, path = np.array([-5.0, -2.0]), np.zeros(2), [np.array([-5.0, -2.0])]
    for _ in range(20):
        g = slope_of_ravine(x)
        s = 0.9 * s + (1 - 0.9) * g**2
        x = x - 0.4 * g / np.sqrt(s + 1e-6)
        path.append(x)
    ours = trace("rmsprop", RAVINE, start=(-5, -2), lr=0.4, alpha=0.9, steps=20, **LECTURE_EPS)
    np.testing.assert_allclose(ours.x, path, rtol=1e-9)


@pytest.mark.parametrize("beta2", [0.999, 0.99, 0.98])
def test_row_16_adam_with_eps_outside_the_root(beta2):
    x, m, v, path = np.array([-5.0, -2.0]), np.zeros(2), np.zeros(2), [np.array([-5.0, -2.0])]
    for t in range(1, 41):
        g = slope_of_ravine(x)
        m = 0.9 * m + (1 - 0.9) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - beta2**t)
        x = x - 0.4 * m_hat / (np.sqrt(v_hat) + 1e-6)
        path.append(x)
    ours = trace("adam", RAVINE, start=(-5, -2), lr=0.4, betas=(0.9, beta2), eps=1e-6, steps=40)
    np.testing.assert_allclose(ours.x, path, rtol=1e-10, atol=1e-12)


def test_rmsprop_with_a_fixed_rate_ends_in_a_cycle_of_half_the_rate():
    for lr in (0.1, 0.4):
        path = trace("rmsprop", "x**2", start=3, lr=lr, alpha=0.9, steps=2000, **LECTURE_EPS)
        np.testing.assert_allclose(np.abs(path.x[-10:, 0]), lr / 2, rtol=1e-3)
        assert (np.diff(np.sign(path.x[-10:, 0])) != 0).all()
        assert path.outcome.message.startswith(f"cycles around a minimum at 0, {lr / 2:g} to each side; lower the")


# --- noise ------------------------------------------------------------------------------------------------------------


def test_noisy_descent_on_a_bowl_has_the_exact_mean_and_variance():
    """The recursion x <- (1 - lr c) x - lr noise is linear: after k steps x is normal, mean and variance known."""
    runs, steps, lr, noise = 500, 20, 0.1, 1.5
    ends = np.array([trace("sgd", "bowl", lr=lr, steps=steps, noise=noise, seed=seed).x[-1] for seed in range(runs)])
    shrink = 1 - lr * np.array([2.0, 4.0])
    mean = shrink**steps * [-5.0, -2.0]
    variance = (lr * noise) ** 2 * (1 - shrink ** (2 * steps)) / (1 - shrink**2)
    # 5 standard errors: exceeded by chance once in 1.7 million; the seeds are fixed
    assert (np.abs(ends.mean(axis=0) - mean) < 5 * np.sqrt(variance / runs)).all()
    assert (np.abs(ends.var(axis=0, ddof=1) / variance - 1) < 5 * math.sqrt(2 / (runs - 1))).all()
    assert abs(np.corrcoef(ends.T)[0, 1]) < 5 / math.sqrt(runs)


def test_noise_is_added_to_each_coordinate_of_each_gradient():
    path = trace("adam", "himmelblau", lr=0.01, steps=4000, noise=0.5, seed=3)
    noise = (path.grad - path.landscape.gradient(path.x[:-1].T).T) / 0.5
    assert np.abs(noise.mean(axis=0)).max() < 5 / math.sqrt(4000)
    assert np.abs(noise.var(axis=0) - 1).max() < 5 * math.sqrt(2 / 4000)
    later = [(noise[1:, i] * noise[:-1, j]).mean() for i in (0, 1) for j in (0, 1)]
    assert np.abs([*later, (noise[:, 0] * noise[:, 1]).mean()]).max() < 5 / math.sqrt(3999)


def test_heavy_ball_is_its_linear_recursion():
    lr, beta, steps = 0.3, 0.7, 25
    path = trace("sgd", RAVINE, lr=lr, momentum=beta, start=(-5, -2), steps=steps)
    for i, curvature in enumerate((0.2, 4.0)):
        step = np.array([[1 - lr * curvature, -lr * beta], [curvature, beta]])  # of (x, v)
        exact = [np.linalg.matrix_power(step, k) @ [path.x[0, i], 0.0] for k in range(steps + 1)]
        np.testing.assert_allclose(path.x[:, i], [x for x, _ in exact], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(path.state["momentum_buffer"][:, i], [v for _, v in exact], rtol=1e-9, atol=1e-12)


def test_the_seed_decides_the_noise_and_nothing_else():
    def run(**settings):
        return trace("sgd", "bowl", lr=0.1, steps=10, **settings).x

    assert np.array_equal(run(noise=1.0, seed=5), run(noise=1.0, seed=5))
    assert np.array_equal(run(noise=1.0), run(noise=1.0, seed=0))
    assert not np.isclose(run(noise=1.0, seed=5), run(noise=1.0, seed=6))[1:].any()
    assert np.array_equal(run(seed=5), run(seed=6))
    assert np.array_equal(run(noise=1.0, seed=5), run(noise=np.float64(1), seed=np.int64(5)))


def test_global_random_generators_are_left_alone():
    before = np.random.get_state()
    trace("sgd", "bowl", lr=0.1, noise=1.0)
    after = np.random.get_state()
    assert before[0] == after[0] and np.array_equal(before[1], after[1]) and before[2:] == after[2:]


# --- schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        (None, lambda t: 1.0),
        ("exponential(0.3)", lambda t: math.exp(-0.3 * t)),
        ("inverse_sqrt(rate=2)", lambda t: (1 + 2 * t) ** -0.5),
        ("cosine", lambda t: (1 + math.cos(math.pi * t / 15)) / 2),
        (lambda step, steps: step / steps, lambda t: t / 15),
    ],
    ids=["constant", "exponential", "inverse_sqrt", "cosine", "function"],
)
def test_schedules_act_from_the_first_step_on(schedule, factor):
    path = trace("sgd", "x**2", start=10, lr=0.3, steps=15, schedule=schedule)
    rates = 0.3 * np.array([factor(t) for t in range(15)])
    np.testing.assert_allclose(path.lr, rates, rtol=1e-14)
    np.testing.assert_allclose(path.x[1:, 0], 10 * np.cumprod(1 - 2 * rates), rtol=1e-12)


# --- what a path holds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("on", ["parabola", "himmelblau", "x1**2 + x2**2 + 3*x3**4"])
def test_shapes_types_and_consistency(name, on):
    path = trace(name, on, lr=0.01, steps=7)
    dims = path.landscape.dims
    assert path.x.shape == (8, dims) and path.grad.shape == (7, dims)
    assert path.f.shape == (8,) and path.lr.shape == (7,) and path.steps == 7
    assert all(states.shape == (8, dims) for states in path.state.values())
    assert {each.dtype for each in (path.x, path.f, path.grad, path.lr, *path.state.values())} == {np.dtype("f8")}
    np.testing.assert_array_equal(path.x[0], path.landscape.start)
    np.testing.assert_allclose(path.f, [path.landscape(*each) for each in path.x], rtol=1e-12)
    np.testing.assert_allclose(path.grad, [path.landscape.gradient(each) for each in path.x[:-1]], rtol=1e-12)
    assert type(path.rule) is RULES[name] and path.rule.lr == 0.01


def test_state_begins_before_the_first_step_and_follows_the_gradients():
    path = trace("adagrad", "bowl", lr=0.1, steps=30, noise=0.3, initial_accumulator_value=0.5)
    sums = 0.5 + np.vstack([np.zeros(2), np.cumsum(path.grad**2, axis=0)])
    np.testing.assert_allclose(path.state["sum"], sums, rtol=1e-12)

    path = trace("adam", "bowl", lr=0.1, betas=(0.8, 0.95), steps=30, noise=0.3)
    assert set(path.state) == {"exp_avg", "exp_avg_sq"}
    for name, beta, signal in (("exp_avg", 0.8, path.grad), ("exp_avg_sq", 0.95, path.grad**2)):
        for k in (0, 1, 2, 30):
            weights = (1 - beta) * beta ** np.arange(k)[::-1]
            np.testing.assert_allclose(path.state[name][k], weights @ signal[:k], rtol=1e-10, atol=1e-15)


def test_only_states_that_the_settings_need_are_there():
    assert trace("sgd", "bowl").state == {}
    assert set(trace("sgd", "bowl", momentum=0.5).state) == {"momentum_buffer"}
    assert set(trace("adam", "bowl", amsgrad=True).state) == {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}


def test_one_step_and_numbers_of_numpy():
    path = trace("sgd", "bowl", lr=np.float64(0.1), steps=np.int64(1))
    assert path.x.shape == (2, 2) and path.grad.shape == (1, 2)
    np.testing.assert_allclose(path.x[1], [-4.0, -1.2], rtol=1e-15)


def test_a_start_may_be_a_number_a_list_or_an_array_and_is_not_changed():
    starts = (3, 3.0, [3], (3.0,), np.array(3), np.array([3.0]), np.float32(3))
    paths = [trace("sgd", "x**2", start=start, lr=0.1, steps=5) for start in starts]
    assert all(np.array_equal(path.x, paths[0].x) for path in paths)
    start = np.array([1.0, 2.0])
    path = trace("adam", "bowl", start=start, lr=0.5, steps=5)
    assert start.tolist() == [1.0, 2.0] and not np.shares_memory(path.x, start)


def test_a_rule_and_a_landscape_may_be_names_or_themselves():
    paths = [
        trace(rule, on, lr=0.1, steps=3)
        for rule in ("sgd", "SGD", SGD, SGD(), "sgd()")
        for on in ("bowl", LANDSCAPES["bowl"])
    ]
    assert all(np.array_equal(path.x, paths[0].x) for path in paths)
    assert np.array_equal(trace("sgd(lr=0.1)", formula("x**2 + 2*y**2"), (-5, -2), 3).x, paths[0].x)


# --- divergence is a result -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_divergence_raises_nothing_and_the_arrays_keep_their_shape(name):
    rule = "rprop(step_sizes=(1e-6, 1e30))" if name == "rprop" else name  # which bounds its steps
    with np.errstate(all="raise"):
        path = trace(rule, "x**4 + y**4", lr=1e30, steps=30)
    assert path.x.shape == (31, 2) and path.f.shape == (31,) and path.grad.shape == (30, 2)
    early = path.x[1:8]  # ADOPT measures in its first step, and Schedule-Free RAdam stands still for five
    assert np.abs(early).max() > 1e20 or not np.isfinite(early).all()
    if path.outcome.status is not Status.DIVERGED:  # a rule of steps of one length comes back, leap for leap
        assert str(path.outcome).startswith(("swings around a minimum at (0, 0), up to ", "cycles around a minimum"))


# --- outcomes ---------------------------------------------------------------------------------------------------------

OUTCOMES = {
    # arrived
    "minimum": ("sgd", "bowl", {"lr": 0.2}, Status.REACHED, None, "converged to the global minimum at (0, 0)"),
    "one of several": (
        "sgd", "himmelblau", {"lr": 0.01}, Status.REACHED, None, "converged to a global minimum at (-3.779, -3.283)",
    ),
    "local minimum": (
        "sgd", "two_minima", {"lr": 0.05}, Status.REACHED, None,
        "converged to the local minimum at -0.2739 (value -0.1786, the global one -1.047)",
    ),
    "a formula's minimum": ("sgd", "x**2", {"lr": 0.2}, Status.REACHED, None, "converged to a minimum at 0"),
    "no curvature": ("adagrad", "x**4", {"lr": 4.0, "steps": 500}, Status.REACHED, None, "converged to a minimum at 0"),
    "no gradient": (
        "sgd", "ackley", {"start": (0.3, 0.2), "lr": 0.05, "schedule": "exponential(0.05)", "steps": 200},
        Status.REACHED, None, "converged to the global minimum at (0, 0)",
    ),
    "outside the window": (
        "sgd", "(x - 30)**2", {"lr": 0.3}, Status.REACHED, None, "converged to a minimum outside the window, at 30",
    ),
    "in a leap": ("sgd", "x**2", {"lr": 0.5, "steps": 1}, Status.REACHED, None, "converged to a minimum at 0"),
    # not there yet
    "approaches": ("sgd", "bowl", {"lr": 0.1, "steps": 20}, Status.FINISHED, None,
                   "approaches the global minimum at (0, 0), 0.0576 away; more steps would get there"),
    "falling": ("sgd", "parabola", {"lr": 0.05, "steps": 10}, Status.FINISHED, None,
                "still falling at 3.487: value 12.16, gradient 7; more steps or a larger learning rate would help"),
    "hardly moving": ("sgd", "parabola", {"lr": 1e-6}, Status.FINISHED, None,
                      "hardly moves at 9.998 though the gradient is 20; try a larger learning rate"),
    "no learning rate": ("sgd", "parabola", {"lr": 0.0}, Status.FINISHED, None,
                         "hardly moves at 10 though the gradient is 20; try a larger learning rate"),
    "climbing": ("sgd", "parabola", {"lr": 1.1, "steps": 2}, Status.FINISHED, None,
                 "climbing at 14.4, outside the window: value 207.4, gradient 29; more steps would show"),
    # never there
    "cycle": ("sgd", "parabola", {"lr": 1.0}, Status.FINISHED, None,
              "cycles around the global minimum at 0, 10 to each side; lower the learning rate or let it decay"),
    "cycle around a kink": ("sgd", "abs(x) + abs(y)", {"lr": 0.3}, Status.FINISHED, None,
                            "cycles around (0.05, -0.05), 0.212 to each side; lower the learning rate or let it decay"),
    "swings": ("rmsprop", RAVINE, {"start": (-5, -2), "lr": 0.4, "alpha": 0.9}, Status.FINISHED, None,
               "swings around a minimum at (0, 0), up to 0.93 away; lower the learning rate or let it decay"),
    "noise": ("sgd", "bowl", {"lr": 0.1, "noise": 1.0, "steps": 200}, Status.FINISHED, None,
              "swings around the global minimum at (0, 0), up to 0.36 away; the noise keeps it moving: lower the"),
    "leaps": ("sgd", "two_minima", {"lr": 0.4}, Status.FINISHED, None, "leaps to and fro between the values"),
    "rests": ("sgd", "(x - 3)**2", {"lr": 0.2, "weight_decay": 0.1}, Status.FINISHED, None,
              "rests 0.143 from a minimum at 3: weight decay, or a learning rate too small, holds it there"),
    # stuck
    "saddle": ("sgd", "saddle", {"start": (-0.9, 0.0), "lr": 0.2}, Status.STUCK, None,
               "stuck on the saddle at (0, 0), where the gradient vanishes; a little noise would free it"),
    "a formula's saddle": ("sgd", "x**2 - y**2", {"start": (3, 0), "lr": 0.2}, Status.STUCK, None,
                           "stuck on the saddle at (0, 0), where the gradient vanishes"),
    "inflection": ("rmsprop", "cubic", {"lr": 0.1}, Status.STUCK, None, "stuck on the inflection point at 0, where"),
    "maximum": ("sgd", "-x**2", {"start": 0.0, "lr": 0.1}, Status.STUCK, None, "stuck on the maximum at 0, where"),
    "slows at a saddle": ("sgd", "saddle", {"lr": 0.01}, Status.FINISHED, None,
                          "slows down at the saddle at (0, 0), 0.14 away, where the gradient vanishes"),
    "plateau": ("sgd", "tanh", {"lr": 1.0}, Status.STUCK, None,
                "stuck on a plateau at 3.844: the gradient is only 0.0018; a larger learning rate or an adaptive rule"),
    "far from a well": ("sgd", "easom", {"lr": 0.1}, Status.STUCK, None, "stuck on a plateau at (0.5, 0.5)"),
    "constant": ("sgd", "0*x + 3", {"lr": 0.1}, Status.STUCK, None,
                 "stuck on level ground at 4: the gradient is exactly 0;"),
    "drifts": ("momentum", "tanh", {"lr": 1.0}, Status.STUCK, None, "drifts over level ground at -19.22, outside the"),
    # gone
    "diverged": ("sgd", "ravine", {"lr": 0.6, "steps": 20}, Status.DIVERGED, 1,
                 "diverged: the value rises from step 1 on, to 5.6e+06; try a smaller learning rate"),
    "diverged later": ("sgd", "ravine", {"start": (-5, -1e-6), "lr": 0.6, "steps": 60}, Status.DIVERGED, 42,
                       "diverged: the value rises from step 42 on, to 6.86e+05"),
    "overflow": ("sgd", "rosenbrock", {"lr": 0.01}, Status.DIVERGED, 6,
                 "diverged: overflows at step 6; try a smaller learning rate"),
    "leaped": ("sgd", "two_minima", {"lr": 1.0}, Status.DIVERGED, 2,
               "diverged: leaped out of the window at step 2 and never came back; try a smaller learning rate"),
    "ran down": ("sgd", "saddle", {"lr": 0.1}, Status.DIVERGED, 26,
                 "ran down without end, out of the window at step 26: no minimum stops it there"),
    "ran down and overflowed": ("sgd", "cubic", {"lr": 0.4}, Status.DIVERGED, 7, "ran down without end, out of the"),
    "ran down a straight slope": ("sgd", "2*x + 3", {"lr": 1.0}, Status.DIVERGED, 5, "ran down without end"),
    # no value
    "no value at the start": ("sgd", "log(x)", {"start": -1.0}, Status.NON_FINITE, 0,
                              "the start -1 has no finite value; choose another start"),
    "left the domain": ("sgd", "log(x)", {"lr": 1.0}, Status.NON_FINITE, 10,
                        "no finite value at -6.439, step 10; try a smaller learning rate or another start"),
    "no gradient at the start": ("sgd", "sqrt(abs(x))", {"start": 0.0, "lr": 1.0}, Status.NON_FINITE, 1,
                                 "no finite gradient at 0, step 1; choose another start"),
}  # fmt: skip


@pytest.mark.parametrize("case", OUTCOMES)
def test_an_outcome_says_what_happened_and_what_to_try(case):
    rule, on, settings, status, step, message = OUTCOMES[case]
    outcome = trace(rule, on, **settings).outcome
    assert str(outcome).startswith(message)
    assert (outcome.status, outcome.step) == (status, step)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("on", LANDSCAPES)
def test_every_outcome_is_a_sentence_that_agrees_with_its_status(name, on):
    for lr in (1e-3, 0.1, 2.0):
        path = trace(name, on, lr=lr, steps=60)
        text, status = str(path.outcome), path.outcome.status
        assert 20 < len(text) < 200 and "\n" not in text and "nan" not in text and "-0," not in text
        stays = [
            np.abs(path.x[-3:] - point).max() < 1e-6
            for point in (*path.landscape.minima, *path.landscape.local_minima)
        ]  # fmt: skip
        assert not any(stays) or status is Status.REACHED
        assert (status in (Status.DIVERGED, Status.NON_FINITE)) == (path.outcome.step is not None)
        assert np.isfinite(path.x).all() or status is Status.DIVERGED


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": 1.0}, "start: bowl has 2 coordinates, got 1 number"),
        ({"start": (1, 2, 3)}, "start: bowl has 2 coordinates, got 3 numbers"),
        ({"start": [[1, 2]]}, "start: bowl has 2 coordinates, got 1×2 numbers"),
        ({"on": "x**2", "start": (1, 2)}, r"start: x\*\*2 has 1 coordinate, got 2 numbers"),
        ({"start": (1, math.nan)}, "start: must be finite numbers"),
        ({"start": (math.inf, 1)}, "start: must be finite numbers"),
        ({"start": "near"}, "start: must be numbers, one a coordinate, got 'near'"),
        ({"start": (1, [2])}, "start: must be numbers"),
        ({"steps": 0}, "steps: must be a whole number from 1, got 0"),
        ({"steps": -3}, "steps: must be a whole number from 1, got -3"),
        ({"steps": True}, "steps: must be a whole number from 1, got True"),
        ({"steps": 1.5}, "steps: must be a whole number from 1, got 1.5"),
        ({"steps": "9"}, "steps: must be a whole number from 1, got '9'"),
        ({"noise": -0.1}, "noise: must be a finite number from 0, got -0.1"),
        ({"noise": math.nan}, "noise: must be a finite number from 0, got nan"),
        ({"noise": None}, "noise: must be a finite number from 0, got None"),
        ({"seed": -1}, "seed: must be a whole number from 0, got -1"),
        ({"seed": 1.5}, "seed: must be a whole number from 0, got 1.5"),
        ({"rule": "adm"}, "unknown rule 'adm'; did you mean 'adam'\\?"),
        ({"rule": 3}, "rule: expected a name or a rule, got 3"),
        ({"rule": "sgd(0.1)"}, r"name the settings, for example sgd\(lr=0.1\)"),
        ({"on": "rosenbrok"}, "unknown landscape 'rosenbrok'; did you mean 'rosenbrock'\\?"),
        ({"on": 3}, "landscape: expected a name, a formula or a landscape, got 3"),
        ({"on": "x*foo(y)"}, r"unknown function 'foo'; .*\n    x\*foo\(y\)\n      \^"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'\\?"),
        ({"lr": -1.0}, r"SGD: lr must lie in \[0, inf\), got -1.0"),
        ({"lr": "fast"}, "SGD: lr must be a number, got 'fast'"),
    ],
)
def test_a_mistake_is_named_with_its_place(settings, message):
    with pytest.raises(InvalidValue, match=message) as caught:
        trace(**{"rule": "sgd", "on": "bowl"} | settings)
    assert isinstance(caught.value, SteepestError) and isinstance(caught.value, ValueError)


def test_an_unknown_name_or_setting_has_an_error_of_its_own():
    with pytest.raises(UnknownName):
        trace("adm", "bowl")
    with pytest.raises(UnknownSetting, match="SGD has no hyperparameter 'momentun'; did you mean 'momentum'"):
        trace("sgd", "bowl", momentun=0.9)
