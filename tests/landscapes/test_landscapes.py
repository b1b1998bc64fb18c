"""Every fact that a landscape states is proved here: from its values alone, its derivatives, and outside oracles."""

import math
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import scipy.optimize

from steepest.base.errors import InvalidValue, SteepestError
from steepest.landscapes import FAMILIES, LANDSCAPES, Landscape, quadratic

LECTURE = ["parabola", "two_minima", "wavy", "cubic", "saddle", "tanh", "bowl", "ravine"]
OTHERS = [
    "double_well", "monkey_saddle", "rosenbrock", "beale", "booth", "matyas", "mccormick", "goldstein_price",
    "himmelblau", "styblinski_tang", "three_hump_camel", "six_hump_camel", "branin", "rastrigin", "ackley", "griewank",
    "levy", "easom",
]  # fmt: skip
ONE_DIMENSION = {"parabola", "two_minima", "wavy", "cubic", "tanh"}
MANY = {"rastrigin", "ackley", "griewank", "levy", "easom"}  # too many local minima and saddles to list
FLAT_SADDLES = {"cubic", "monkey_saddle"}  # no curvature there either
NO_GRADIENT_AT_MINIMUM = {"ackley"}  # a cone's tip: 0/0

QUADRATICS = [quadratic(), quadratic(1.0), quadratic(100.0, 30.0), quadratic(1000, -75), quadratic(0.2, 90)]
EVERY = [*LANDSCAPES.values(), *QUADRATICS]

every = pytest.mark.parametrize("each", EVERY, ids=lambda each: each.name)


def of_names(*names):
    return pytest.mark.parametrize("each", [LANDSCAPES[name] for name in names], ids=lambda each: each.name)


# --- tools ------------------------------------------------------------------------------------------------------------


def window(each: Landscape):
    low, high = np.array(each.window).T
    return low, high


def width(each: Landscape) -> float:
    low, high = window(each)
    return float(np.max(high - low))


def inside(each: Landscape, points, margin=0.0):
    """Which of the points, of shape (dims, n), lie in the window and at least `margin` from its edge."""
    (low, high), points = window(each), points.T
    return np.all((low + margin <= points) & (points <= high - margin), axis=1)


def grid(each: Landscape, count: int):
    """Points of a grid over the window, of shape (dims, count, ...)."""
    return np.array(np.meshgrid(*[np.linspace(*side, count) for side in each.window], indexing="ij"))


def random_points(each: Landscape, count: int, seed=7):
    low, high = window(each)
    return np.random.default_rng(seed).uniform(low, high, (count, each.dims)).T


def ring(point, radius: float, count=64):
    """Points around one point, of shape (dims, count)."""
    if len(point) == 1:
        return np.array([[point[0] - radius, point[0] + radius]])
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.array(point)[:, None] + radius * np.array([np.cos(angle), np.sin(angle)])


def distinct(points, tolerance: float):
    kept: list = []
    for point in points:
        if not any(np.max(np.abs(point - other)) < tolerance for other in kept):
            kept.append(point)
    return kept


def assert_same_points(found, stated, tolerance: float):
    lost = [p for p in stated if not any(np.allclose(p, q, rtol=0, atol=tolerance) for q in found)]
    extra = [q for q in found if not any(np.allclose(p, q, rtol=0, atol=tolerance) for p in stated)]
    assert not lost and not extra, f"stated but not found: {lost}; found but not stated: {extra}"


def newton(each: Landscape, points, steps=60):
    """Newton's method on many points of shape (dims, n) at once; the last steps' sizes come along."""
    with np.errstate(all="ignore"):
        for _ in range(steps):
            slope, curve = each.gradient(points), each.hessian(points)
            if each.dims == 1:
                step = slope / curve[0]
            else:
                (a, b), (_, d) = curve
                step = np.array([d * slope[0] - b * slope[1], a * slope[1] - b * slope[0]]) / (a * d - b * b)
            step = np.where(np.isfinite(step), step, 0.0)
            points = points - step
    return points, np.max(np.abs(step), axis=0)


@cache
def stationary_points(each: Landscape):
    """Every stationary point inside the window, by Newton's method from a grid."""
    points, step = newton(each, grid(each, 61 if each.dims == 2 else 2001).reshape(each.dims, -1))
    with np.errstate(all="ignore"):
        flat = np.max(np.abs(each.gradient(points)), axis=0) < 1e-6
    good = flat & (step < 1e-9 * width(each)) & inside(each, points, margin=1e-6)
    return distinct(points[:, good].T, 1e-6 * width(each))


@cache
def minimizers(each: Landscape):
    """Minimizers in the window, from the lowest points of a dense grid: (point, value, on the edge?) of each."""
    count = 240 if each.dims == 2 else 5000  # even, so that no point of the grid is at the centre
    points = grid(each, count)
    values = each(*points)
    padded = np.pad(values, 1, constant_values=np.inf)
    shifts = np.ndindex(*[3] * each.dims)
    neighbours = [padded[tuple(slice(s, s + count) for s in shift)] for shift in shifts]
    lowest = np.argwhere(values <= np.min(neighbours, axis=0))
    lowest = sorted(map(tuple, lowest), key=lambda index: values[index])[:80]
    ends = distinct([polish(each, points[(slice(None), *index)]) for index in lowest], 1e-6 * width(each))
    return [(end, float(each(*end)), not inside(each, end[:, None], 1e-6)[0]) for end in ends]


def polish(each: Landscape, start):
    def value(x):
        return each(*x)

    end = scipy.optimize.minimize(
        value, start, jac=each.gradient, method="L-BFGS-B", bounds=each.window, options={"ftol": 1e-15, "gtol": 1e-10}
    ).x
    if not inside(each, end[:, None], 1e-6)[0]:
        return end
    exact, step = newton(each, end[:, None], steps=4)
    if step[0] < 1e-9 and np.max(np.abs(exact[:, 0] - end)) < 1e-3 * width(each):
        return exact[:, 0]
    options = {"xatol": 1e-11, "fatol": 1e-15, "maxfev": 2000}
    return scipy.optimize.minimize(value, end, method="Nelder-Mead", bounds=each.window, options=options).x


def descend(each: Landscape, lr: float, steps: int, start=None, momentum=0.0):
    x, velocity = np.array(each.start if start is None else start), 0.0
    for _ in range(steps):
        velocity = momentum * velocity + lr * each.gradient(x)
        x = x - velocity
    return x


# --- the catalogue ----------------------------------------------------------------------------------------------------


def test_the_catalogue_has_the_lecture_first_and_every_name():
    assert list(LANDSCAPES) == [*LECTURE, *OTHERS]
    assert all(name == each.name for name, each in LANDSCAPES.items())
    assert list(FAMILIES.items()) == [("quadratic", quadratic)]


def test_importing_the_catalogue_loads_neither_sympy_nor_torch():
    code = "import sys, steepest.landscapes; print(sorted({'sympy', 'torch', 'scipy'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@every
def test_the_plain_facts_are_there(each):
    assert each.dims == len(each.start) == (1 if each.name in ONE_DIMENSION else 2)
    assert all(low < high for low, high in each.window)
    for text, end in ((each.about.en, "."), (each.about.zh, "。")):
        assert text.endswith(end) and text.count(end + " ") == 0 and "\n" not in text and len(text) <= 160
    assert any("\u4e00" <= character <= "\u9fff" for character in each.about.zh)
    assert each.source
    assert (each.minimum is None) == (not each.minima)
    for point in (each.start, *each.minima, *each.local_minima, *each.saddles):
        assert len(point) == each.dims
        assert inside(each, np.array(point)[:, None])[0], point


# --- minima -----------------------------------------------------------------------------------------------------------


@every
def test_stated_minima_have_the_stated_value_and_are_minima(each):
    for point in each.minima:
        assert each(*point) == pytest.approx(each.minimum, rel=1e-9, abs=1e-9)
        assert np.all(each(*ring(point, 1e-3 * width(each))) > each.minimum)
        if each.name in NO_GRADIENT_AT_MINIMUM:
            assert np.all(np.isnan(each.gradient(point)))
            assert all(np.all(each(*ring(point, radius)) > each.minimum) for radius in (1e-8, 1e-6, 1e-4))
        else:
            assert np.max(np.abs(each.gradient(point))) < 1e-6
            assert np.linalg.eigvalsh(each.hessian(point))[0] > -1e-9


@every
def test_nothing_in_the_window_is_lower_and_no_global_minimum_is_missing(each):
    if each.minimum is None:
        end, value, on_edge = min(minimizers(each), key=lambda found: found[1])
        assert on_edge
        assert each(*(10 * end)) < value  # and it falls on outside
        return
    tolerance = 1e-9 * max(1.0, abs(each.minimum))
    assert each(*grid(each, 401)).min() >= each.minimum - tolerance
    assert min(value for _, value, _ in minimizers(each)) >= each.minimum - tolerance
    found = [end for end, value, _ in minimizers(each) if value <= each.minimum + tolerance]
    assert_same_points(found, each.minima, 1e-8 if each.name not in NO_GRADIENT_AT_MINIMUM else 1e-6)


@every
def test_stated_local_minima_are_minima_but_not_global(each):
    for point in each.local_minima:
        assert np.max(np.abs(each.gradient(point))) < 1e-6
        assert np.linalg.eigvalsh(each.hessian(point))[0] > 1e-3
        assert each(*point) > each.minimum + 1e-3


@every
def test_no_local_minimum_is_missing(each):
    found = [end for end, value, on_edge in minimizers(each) if not on_edge]
    if each.name in MANY:
        assert not each.local_minima and len(found) > 8
    else:
        assert_same_points(found, [*each.minima, *each.local_minima], 1e-8)


# --- saddles ----------------------------------------------------------------------------------------------------------


@every
def test_stated_saddles_are_neither_minimum_nor_maximum(each):
    for point in each.saddles:
        assert np.max(np.abs(each.gradient(point))) < 1e-6
        for radius in (1e-3, 1e-4):
            around = each(*ring(point, radius)) - each(*point)
            assert around.min() < 0 < around.max()
        curvatures = np.linalg.eigvalsh(each.hessian(point))
        if each.name in FLAT_SADDLES:
            assert not curvatures.any()
        else:
            assert curvatures[0] < 0 < curvatures[-1]


@pytest.mark.parametrize("each", [each for each in EVERY if each.name not in MANY], ids=lambda each: each.name)
def test_no_stationary_point_is_missing(each):
    """Newton's method, which knows no downhill, finds the stated minima and saddles and otherwise maxima only."""
    curvatures = {tuple(point): np.linalg.eigvalsh(each.hessian(point)) for point in stationary_points(each)}
    found = [point for point, bends in curvatures.items() if not np.all(bends < -1e-6)]
    assert_same_points(found, [*each.minima, *each.local_minima, *each.saddles], 1e-8)


# --- derivatives ------------------------------------------------------------------------------------------------------


@every
def test_derivatives_agree_with_central_differences(each):
    points = random_points(each, 50)
    slope, curve, h = each.gradient(points), each.hessian(points), 1e-6 * width(each)
    for i, unit in enumerate(np.eye(each.dims)[:, :, None]):
        ahead, behind = points + h * unit, points - h * unit
        by_value = (each(*ahead) - each(*behind)) / (2 * h)
        by_slope = (each.gradient(ahead) - each.gradient(behind)) / (2 * h)
        np.testing.assert_allclose(slope[i], by_value, rtol=1e-6, atol=1e-7 * np.max(np.abs(slope)))
        np.testing.assert_allclose(curve[i], by_slope, rtol=1e-6, atol=1e-7 * np.max(np.abs(curve)))


@every
def test_the_formula_and_its_gradient_are_the_same_in_torch(each):
    torch = pytest.importorskip("torch")
    points = random_points(each, 20)
    coordinates = [torch.tensor(p, requires_grad=True) for p in points]
    values = each(*coordinates)
    slope = torch.autograd.grad(values.sum(), coordinates)
    scale = np.max(np.abs(each.gradient(points)))
    np.testing.assert_allclose(values.detach().numpy(), each(*points), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.array([s.numpy() for s in slope]), each.gradient(points), 1e-9, 1e-12 * scale)


@every
def test_many_points_at_once_are_the_same_as_one_by_one(each):
    points = random_points(each, 6).reshape(each.dims, 2, 3)
    assert each.gradient(points).shape == (each.dims, 2, 3)
    assert each.hessian(points).shape == (each.dims, each.dims, 2, 3)
    for i in np.ndindex(2, 3):
        one = points[(slice(None), *i)]
        assert each(*points)[i] == pytest.approx(each(*map(float, one)), rel=1e-12, abs=1e-12)
        np.testing.assert_allclose(each.gradient(points)[(..., *i)], each.gradient(one), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(each.hessian(points)[(..., *i)], each.hessian(one), rtol=1e-9, atol=1e-12)


# --- outside oracles --------------------------------------------------------------------------------------------------


def test_rosenbrock_is_scipys():
    rosenbrock = LANDSCAPES["rosenbrock"]
    for point in random_points(rosenbrock, 20).T:
        assert rosenbrock(*point) == pytest.approx(scipy.optimize.rosen(point), rel=1e-12)
        np.testing.assert_allclose(rosenbrock.gradient(point), scipy.optimize.rosen_der(point), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(rosenbrock.hessian(point), scipy.optimize.rosen_hess(point), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("two_minima", (0.5,), 0.0),  # 0.5 cos(pi/2)
        ("wavy", (10.0,), 0.0),  # 10 cos(3 pi/2)
        ("ravine", (-5.0, -2.0), 10.5),  # 0.1 * 25 + 2 * 4
        ("double_well", (2.0, 1.0), 2.5),  # 16/4 - 4/2 + 1/2
        ("monkey_saddle", (1.0, 1.0), -2.0),  # 1 - 3
        ("rosenbrock", (-1.2, 1.0), 24.2),  # 2.2^2 + 100 (1 - 1.44)^2 = 4.84 + 19.36
        ("beale", (1.0, 1.0), 14.203125),  # 1.5^2 + 2.25^2 + 2.625^2 = 2.25 + 5.0625 + 6.890625
        ("booth", (0.0, 0.0), 74.0),  # 7^2 + 5^2
        ("matyas", (1.0, 1.0), 0.04),  # 0.26 * 2 - 0.48
        ("mccormick", (0.0, 0.0), 1.0),  # sin 0 + 0 + 1
        ("mccormick", (1.0, -1.0), 1.0),  # sin 0 + 4 - 1.5 - 2.5 + 1
        ("goldstein_price", (0.0, 0.0), 600.0),  # (1 + 1 * 19) (30 + 0) = 20 * 30
        ("goldstein_price", (1.0, 1.0), 1876.0),  # (1 + 9 * 3) (30 + 1 * 37) = 28 * 67
        ("himmelblau", (0.0, 0.0), 170.0),  # 11^2 + 7^2
        ("styblinski_tang", (1.0, 1.0), -10.0),  # 2 (1 - 16 + 5) / 2
        ("three_hump_camel", (1.0, 1.0), 3.1166666666666667),  # 2 - 1.05 + 1/6 + 1 + 1
        ("six_hump_camel", (1.0, 1.0), 3.2333333333333333),  # (4 - 2.1 + 1/3) + 1 + 0
        ("branin", (0.0, 0.0), 55.602112642270264),  # 36 + 10 (1 - 0.0397887357729738) + 10
        ("rastrigin", (0.5, 0.5), 40.5),  # 20 + 2 (0.25 + 10)
        ("ackley", (1.0, 1.0), 3.6253849384403627),  # 20 (1 - e^-0.2) - e + e
        ("griewank", (math.pi, 0.0), 2.0024674011002724),  # pi^2/4000 + 1 + 1
        ("griewank", (0.0, math.pi * math.sqrt(2)), 2.0049348022005447),  # 2 pi^2/4000 + 1 + 1
        ("levy", (1.0, 2.0), 0.125),  # u = 1, v = 1.25: 0 + 0 + 0.0625 (1 + sin^2(2.5 pi))
        ("levy", (-3.0, 1.0), 8.08073418273571),  # u = 0, v = 1: 0 + 1 (1 + 10 sin^2 1) + 0; sin 1 = 0.841470984807897
        ("easom", (math.pi, 0.0), 5.172318620381234e-05),  # -cos(pi) cos(0) e^(-pi^2)
        ("easom", (0.0, 0.0), -2.675287991074243e-09),  # -e^(-2 pi^2)
    ],
)  # fmt: skip
def test_values_worked_by_hand(name, point, value):
    assert LANDSCAPES[name](*point) == pytest.approx(value, rel=1e-12, abs=1e-14)


def test_values_that_the_lecture_prints():
    assert f"{LANDSCAPES['tanh'].gradient([4.0])[0]:.4f}" == "0.0013"
    assert f"{descend(LANDSCAPES['wavy'], 2.0, 10)[0]:.6f}" == "-1.528166"
    assert [f"{x:.6f}" for x in descend(LANDSCAPES["bowl"], 0.1, 20)] == ["-0.057646", "-0.000073"]
    end = descend(LANDSCAPES["ravine"], 0.6, 20, momentum=0.25)
    assert [f"{x:.6f}" for x in end] == ["-0.126340", "-0.186632"]


# --- what the sentences claim -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lr", "end"),
    [
        ("two_minima", 0.05, "local_minima"),
        ("cubic", 0.1, "saddles"),
        ("mccormick", 0.1, "local_minima"),
        ("goldstein_price", 1e-4, "local_minima"),
        ("styblinski_tang", 0.01, "local_minima"),
        ("three_hump_camel", 0.05, "local_minima"),
        ("three_hump_camel", 0.2, "minima"),
        ("six_hump_camel", 0.05, "local_minima"),
        ("six_hump_camel", 0.1, "minima"),
    ],
)
def test_descent_from_the_start_ends_where_the_sentence_says(name, lr, end):
    each = LANDSCAPES[name]
    distance = [np.max(np.abs(descend(each, lr, 1000) - point)) for point in getattr(each, end)]
    assert min(distance) < 0.01


def test_doubling_the_rate_on_branin_and_moving_the_start_on_himmelblau_change_the_minimum():
    branin, himmelblau = LANDSCAPES["branin"], LANDSCAPES["himmelblau"]
    np.testing.assert_allclose(descend(branin, 0.035, 1000), branin.minima[0], atol=0.01)
    np.testing.assert_allclose(descend(branin, 0.07, 1000), branin.minima[1], atol=0.01)
    np.testing.assert_allclose(descend(himmelblau, 0.01, 1000), himmelblau.minima[2], atol=0.01)
    np.testing.assert_allclose(descend(himmelblau, 0.01, 1000, (-0.27, -0.9)), himmelblau.minima[3], atol=0.01)


@of_names("rastrigin", "ackley", "griewank", "levy", "easom")
def test_descent_never_finds_the_one_global_minimum(each):
    assert np.max(np.abs(descend(each, 0.001, 1000) - each.minima[0])) > 1


@of_names("saddle", "double_well", "monkey_saddle")
def test_descent_lingers_at_the_saddle_then_leaves(each):
    x, path = np.array(each.start), []
    while inside(each, x[:, None])[0] and len(path) < 200:
        path.append(np.linalg.norm(x))
        x = descend(each, 0.05, 1, start=x)
    nearest = int(np.argmin(path))
    assert nearest > 5 and path[nearest] < 0.5 * path[0] and max(path[nearest:]) > 0.9


def test_leaving_a_monkey_saddle_takes_longer_than_leaving_a_plain_one():
    plain = descend(LANDSCAPES["saddle"], 0.05, 50, start=(0.0, 0.01))
    monkey = descend(LANDSCAPES["monkey_saddle"], 0.05, 500, start=(0.005, 0.01 * math.sin(math.pi / 3)))
    assert np.linalg.norm(plain) > 1 > 0.1 > np.linalg.norm(monkey)


@pytest.mark.parametrize(("name", "condition"), [("bowl", 2), ("ravine", 20), ("booth", 9), ("matyas", 25)])
def test_condition_numbers(name, condition):
    curvatures = np.linalg.eigvalsh(LANDSCAPES[name].hessian([0.3, -0.4]))
    assert curvatures[1] / curvatures[0] == pytest.approx(condition, rel=1e-9)


# --- the family -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [0.0, 30.0, 45, 90, -75.0, 400.0])
@pytest.mark.parametrize("condition", [0.2, 1.0, 10, 1e6])
def test_quadratic_has_the_curvatures_and_axes_asked_for(condition, rotation):
    angle = math.radians(rotation)
    flat, steep = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    each = quadratic(condition, rotation)
    hessian = each.hessian([0.7, -0.2])
    np.testing.assert_allclose(hessian @ flat, flat, atol=1e-14 * max(condition, 1) + 1e-12)
    np.testing.assert_allclose(hessian @ steep, condition * steep, rtol=1e-9, atol=1e-12 * condition)
    assert each(*(3 * flat + 2 * steep)) == pytest.approx((9 + 4 * condition) / 2, rel=1e-9)


def test_descent_on_a_turned_quadratic_takes_the_turned_path():
    angle = math.radians(30)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    straight, turned = descend(quadratic(), 0.05, 20), descend(quadratic(rotation=30), 0.05, 20)
    np.testing.assert_allclose(turned, turn @ straight, rtol=1e-12)


def test_quadratic_names_itself():
    assert quadratic().name == quadratic(10, 0.0).name == "quadratic"
    assert quadratic(100, 30.0).name == "quadratic(condition=100, rotation=30)"
    assert quadratic(rotation=22.5).name == "quadratic(condition=10, rotation=22.5)"


@pytest.mark.parametrize("condition", [0, -1.0, math.nan, math.inf, "ten", None, True])
def test_quadratic_refuses_a_bad_condition(condition):
    with pytest.raises(InvalidValue, match=r"^quadratic: condition must be a finite number above 0, got .*$") as caught:
        quadratic(condition=condition)
    assert isinstance(caught.value, SteepestError) and "\n" not in str(caught.value)


@pytest.mark.parametrize("rotation", [math.nan, -math.inf, "left"])
def test_quadratic_refuses_a_bad_rotation(rotation):
    with pytest.raises(InvalidValue, match=r"^quadratic: rotation must be a finite number of degrees, got "):
        quadratic(rotation=rotation)
