"""Muon's family: the polynomials of Polar Express derived anew, NorMuon as its authors' code has it, in float64."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from steepest.rules.muon import POLAR_EXPRESS, Muon
from steepest.rules.normuon import NorMuon

from .rule_paths import NOISE, START, agree, points

pytestmark = pytest.mark.quick


def best_quintic(low, high):
    """The odd polynomial of degree 5 that differs least from 1 in an interval, by the Remez algorithm."""
    inner, error = np.array([3 * low + high, low + 3 * high]) / 4, math.inf
    while True:
        x = np.array([low, *inner, high])
        *polynomial, new = np.linalg.solve(np.stack([x, x**3, x**5, [1, -1, 1, -1]], axis=1), np.ones(4))
        if abs(new - error) < 1e-15:
            return polynomial
        (a, b, c), error = polynomial, new
        inner = np.sqrt((-3 * b + np.array([-1, 1]) * math.sqrt(9 * b**2 - 20 * a * c)) / (10 * c))


def test_each_polynomial_of_polar_express_is_the_best_for_what_those_before_it_leave():
    """As the paper derives them: from 0.001 to 1, with the interval kept wide enough that small values grow."""
    low, high = 1e-3, 1.0
    for given in POLAR_EXPRESS[:-1]:
        a, b, c = best_quintic(max(low, 0.02407327424182761 * high), high)
        centre = 2 / sum(a * x + b * x**3 + c * x**5 for x in (low, high))
        a, b, c = a * centre, b * centre, c * centre
        assert_allclose(given, (a, b, c), rtol=1e-10)
        low = a * low + b * low**3 + c * low**5
        high = 2 - low
    assert POLAR_EXPRESS[-1] == (15 / 8, -10 / 8, 3 / 8)  # the quintic of Newton-Schulz, the limit


def singular_values(rule, values):
    """What the direction makes of a square matrix with these singular values, of length 1 together."""
    rng = np.random.default_rng(5)
    left, right = (np.linalg.qr(rng.normal(size=(len(values), len(values))))[0] for _ in range(2))
    matrix = left @ np.diag(values) @ right
    delta, _ = rule.update(matrix, 0 * matrix, 1, 0 * matrix)
    return np.diag(left.T @ -delta @ right.T)


SPREAD = np.geomspace(1e-3, 1.0, 12) / 1.4


def test_polar_express_comes_near_to_one_where_the_fixed_polynomial_does_not():
    settings = {"lr": 1.0, "momentum": 0.0, "weight_decay": 0.0}
    worst = {
        (kind, steps): np.abs(
            singular_values(Muon(**settings, ns_steps=steps, coefficient_type=kind), SPREAD) - 1
        ).max()
        for kind in (None, "polar_express")
        for steps in (5, 8, 12)
    }
    assert worst["polar_express", 8] < 0.01 < 0.2 < worst[None, 8]
    assert worst["polar_express", 12] < 1e-6 < 0.2 < worst[None, 12]
    assert worst["polar_express", 5] < worst[None, 5]


def test_polar_express_keeps_the_singular_vectors():
    """It is one odd polynomial of each singular value after the other."""
    values = SPREAD / np.linalg.norm(SPREAD) / 1.01
    for a, b, c in POLAR_EXPRESS[:5]:
        a, b, c = a / 1.01, b / 1.01**3, c / 1.01**5
        values = a * values + b * values**3 + c * values**5
    rule = Muon(lr=1.0, momentum=0.0, weight_decay=0.0, coefficient_type="polar_express")
    assert_allclose(singular_values(rule, SPREAD), values, rtol=0, atol=1e-12)


def slope_of(x, step):
    return x / np.sqrt(1 + x * x) + NOISE[step][: len(x)]


def normuon(x, steps):
    """The authors' single-device loop, in float64, but for the ten millionth that is added to the length."""
    factor = math.sqrt(max(1, len(x) / x.shape[1]))
    momentum, second = np.zeros_like(x), np.zeros((len(x), 1))
    for t in range(steps):
        gt = slope_of(x, t)
        momentum = momentum + 0.1 * (gt - momentum)
        update = gt + 0.9 * (momentum - gt)
        o = update.T if len(update) > update.shape[1] else update
        o = o / np.linalg.norm(o)
        for _ in range(5):
            gram = o @ o.T
            o = 3.4445 * o + (-4.7750 * gram + 2.0315 * gram @ gram) @ o
        update = o.T if len(update) > update.shape[1] else o
        length = np.linalg.norm(update)
        second = second + 0.2 * (np.mean(update * update, axis=-1, keepdims=True) - second)
        update = update / (np.sqrt(second) + 1e-10)
        update = update * (length / (np.linalg.norm(update) + 1e-10)) * factor
        x = x * (1 - 0.05 * 0.2) - 0.05 * update
        yield x


@pytest.mark.parametrize("rows", [4, 2])
def test_normuon_is_its_authors_loop(rows):
    """The iteration multiplies rounding errors by up to 3.4445 ** 5 in each of 20 steps, which the slope lets decay."""
    rule = NorMuon(lr=0.05, weight_decay=0.2, momentum=0.9, beta2=0.8, eps=0.0)
    path = points(rule, start=START[:rows], gradient=slope_of, steps=20)
    assert_allclose(path, list(normuon(START[:rows], 20)), rtol=0, atol=1e-11)
    assert np.abs(path[-1] - START[:rows]).max() > 0.1


def test_normuon_moves_every_row_alike_and_as_far_as_muon():
    """With no memory the rows have one length, and the whole that of Muon's step."""
    settings = {"lr": 1.0, "weight_decay": 0.0, "momentum": 0.0}
    even, *_ = NorMuon(**settings, beta2=0.0).update(NOISE[0], START, 1, 0 * START, np.zeros((4, 1)))
    plain, _ = Muon(**settings).update(NOISE[0], START, 1, 0 * START)
    rows = np.linalg.norm(even, axis=1)
    assert_allclose(rows, rows[0], rtol=1e-8)
    assert np.ptp(np.linalg.norm(plain, axis=1)) > 0.1
    assert np.linalg.norm(even) == pytest.approx(np.linalg.norm(plain), rel=1e-9)


def test_the_second_average_of_normuon_has_one_number_a_row():
    shapes = {shape: NorMuon().init(np.zeros(shape))["second_momentum_buffer"].shape for shape in [(4, 3), (2, 3, 5)]}
    assert shapes == {(4, 3): (4, 1), (2, 3, 5): (2, 1)}
    filters = NOISE[:2].reshape(2, 2, 2, 3)
    as_matrix, deep = (
        NorMuon().update(grad, grad, 1, *([0 * grad, np.zeros((2, 1))]))[0]
        for grad in (filters.reshape(2, -1), filters)
    )
    agree([deep.reshape(2, -1), deep.reshape(2, -1) + 1], [as_matrix, as_matrix + 1])
