"""Every fact that a landscape states is proved here: from its values alone, its derivatives, and outside oracles."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize

from steepest.base.errors import InvalidValue, SteepestError
from steepest.landscapes import FAMILIES, LANDSCAPES, Landscape, quadratic
from steepest.testing import landscape_checks
from steepest.testing.landscapes import inside, random_points

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


CHECKS = [
    pytest.param(check, id=f"{each.name}-{name}")
    for each in EVERY
    for name, check in landscape_checks(
        each,
        many=each.name in MANY,
        kinked=each.name in NO_GRADIENT_AT_MINIMUM,
        flat_saddles=each.name in FLAT_SADDLES,
    ).items()
]


@pytest.mark.parametrize("check", CHECKS)
def test_every_landscape_keeps_the_contract(check):
    check()


@every
def test_dimensions(each):
    assert each.dims == (1 if each.name in ONE_DIMENSION else 2)


# --- outside oracles --------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_rosenbrock_is_scipys():
    rosenbrock = LANDSCAPES["rosenbrock"]
    for point in random_points(rosenbrock, 20).T:
        assert rosenbrock(*point) == pytest.approx(scipy.optimize.rosen(point), rel=1e-12)
        np.testing.assert_allclose(rosenbrock.gradient(point), scipy.optimize.rosen_der(point), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(rosenbrock.hessian(point), scipy.optimize.rosen_hess(point), rtol=1e-9, atol=1e-9)


@pytest.mark.quick
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


@pytest.mark.quick
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
