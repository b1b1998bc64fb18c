"""Shampoo and PSGD-Kron, which divide by correlations along the axes, as their papers have them, in float64."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import fractional_matrix_power

import steepest
from steepest.ops import random_signs, solve_lower, upper_triangle
from steepest.rules.adam import AdamW
from steepest.rules.psgd_kron import PSGDKron
from steepest.rules.shampoo import Shampoo

from ..optimizer_cases import STEPS
from .rule_paths import NOISE, START, B, agree, points, slope, walk

pytestmark = pytest.mark.quick

# --- Shampoo ----------------------------------------------------------------------------------------------------------


def powered(square, exponent):
    """With a thousandth of the largest eigenvalue added."""
    return fractional_matrix_power(square + 1e-3 * np.linalg.eigvalsh(square)[-1] * np.eye(len(square)), exponent)


def shampoo(grafting="adam", one_sided=False, accumulate=False, frequency=5):
    """Meta's paper's algorithm on a matrix (Shi et al. 2023), with the roots of the paper of Gupta et al."""
    x, left, right, m, v = START, 0.0, 0.0, 0.0, 0.0
    for t in range(1, STEPS + 1):
        gt = slope(x, t - 1)
        old, new, correction = (1, 1, 1) if accumulate else (0.9, 0.1, 1 - 0.9**t)
        m, v = 0.8 * m + 0.2 * gt, old * v + new * gt**2
        left, right = old * left + new * gt @ gt.T, old * right + new * gt.T @ gt
        mean = m / (1 - 0.8**t)
        lent = mean / (np.sqrt(v / correction) + 1e-8) if grafting == "adam" else mean
        if t % frequency == 0 and one_sided:  # the columns of a tall matrix are fewer
            roots = np.eye(4), powered(right / correction, -1 / 2)
        elif t % frequency == 0:
            roots = powered(left / correction, -1 / 4), powered(right / correction, -1 / 4)
        step = lent
        if t >= frequency:
            step = roots[0] @ mean @ roots[1]
            if grafting is not None:
                step = step * np.linalg.norm(lent) / np.linalg.norm(step)
        x = x - 0.05 * (step + 0.2 * x)
        yield x


VARIANTS = [{}, {"grafting": "sgd"}, {"grafting": None}, {"one_sided": True}, {"accumulate": True, "grafting": None}]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_shampoo_is_the_papers_algorithm(variant):
    rule = Shampoo(lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.2, precondition_frequency=5, **variant)
    agree(points(rule), list(shampoo(**variant)), factor=100)  # a root of the least eigenvalue magnifies by up to 6


def test_shampoo_before_its_first_roots_is_adam():
    expected = points(AdamW(**B | {"eps": 1e-8}, weight_decay=0.2), steps=9)
    agree(points(Shampoo(lr=0.05, betas=(0.8, 0.9), weight_decay=0.2), steps=9), expected)


def test_shampoo_turns_with_the_coordinates():
    """Gradients turned by orthogonal matrices on both sides give the path turned, where no other method's is lent."""
    turn_left, _ = np.linalg.qr(NOISE[0] @ NOISE[1].T + np.eye(4))
    turn_right, _ = np.linalg.qr(NOISE[2].T @ NOISE[3] + np.eye(3))
    rule = Shampoo(lr=0.05, grafting=None, precondition_frequency=1)
    plain = points(rule, gradient=lambda x, step: NOISE[step], steps=30)
    turned = points(rule, start=turn_left @ START @ turn_right,
                    gradient=lambda x, step: turn_left @ NOISE[step] @ turn_right, steps=30)  # fmt: skip
    # in the first steps the products are singular: rounding of their least eigenvalue, over the ridge of a millionth
    agree(turned, turn_left @ plain @ turn_right, factor=1e5)


def test_shampoo_of_a_vector_is_adagrad_with_the_whole_matrix():
    rule = Shampoo(lr=0.1, betas=(0.0, 0.9), eps=1e-3, grafting=None, accumulate=True, precondition_frequency=1)
    x, square, expected = START[0], 0.0, []
    for t in range(STEPS):
        gt = slope(x, t)[0]
        square = square + np.outer(gt, gt)
        x = x - 0.1 * powered(square, -1 / 2) @ gt
        expected.append(x)
    agree(points(rule, start=START[0], gradient=lambda x, t: slope(x, t)[0]), expected, factor=100)


def test_long_axes_have_no_products_and_do_not_count():
    shapes = {name: np.shape(value) for name, value in Shampoo(max_precond_dim=3).init(START).items()}
    assert shapes == dict.fromkeys(("exp_avg", "exp_avg_sq", "factor_0", "root_0"), ()) | dict.fromkeys(
        ("factor_1", "root_1"), (3, 3)
    )
    one_sided = points(Shampoo(lr=0.05, one_sided=True, precondition_frequency=2))
    agree(points(Shampoo(lr=0.05, max_precond_dim=3, precondition_frequency=2)), one_sided)
    assert set(Shampoo().init(np.zeros((2, 3, 4)))) >= {"factor_2", "root_2"}


def test_shampoo_of_gradients_of_zero_stands_still():
    delta = points(Shampoo(lr=0.05, precondition_frequency=1), gradient=lambda x, step: 0 * x, steps=3)
    assert (delta == START).all()


# --- PSGD-Kron --------------------------------------------------------------------------------------------------------


def bound(square):
    """The authors' cheap lower bound of a spectral norm."""
    largest = np.abs(square).max()
    scaled = square / largest
    column = scaled[:, np.argmax((scaled**2).sum(0))]
    row = column @ scaled
    return np.linalg.norm(scaled @ (row / np.linalg.norm(row))) * largest


def psgd(momentum=0.9, diagonal=()):
    """The authors' loop on a matrix, written as products of whole matrices; `diagonal` names axes."""
    x, m = START, 0.0
    q = [np.eye(4), np.eye(3)]
    for t in range(1, STEPS + 1):
        m = momentum * m + (1 - momentum) * slope(x, t - 1)
        mean = m / (1 - momentum**t)
        v = random_signs(mean, t)
        noisy = mean + math.sqrt(np.finfo(np.float32).eps) * np.abs(mean).mean() * v
        a = q[0] @ noisy @ q[1].T
        b = np.linalg.inv(q[0]).T @ v @ np.linalg.inv(q[1])
        new = []
        for axis, (first, second) in enumerate([(a @ a.T, b @ b.T), (a.T @ a, b.T @ b)]):
            if axis in diagonal:
                change = np.diag(np.diag(first - second)) / np.diag(first + second).max()
            else:
                change = np.triu(first - second) / bound(first + second)
            new.append(q[axis] - 0.1 * change @ q[axis])
        q = new
        white = q[0].T @ q[0] @ mean @ q[1].T @ q[1]
        x = x - 0.05 * (white * min(1, 1.1 / math.sqrt((white**2).mean())) + 0.2 * x)
        yield x


@pytest.mark.parametrize(
    ("mode", "diagonal"), [(None, ()), ("one_diag", (0,)), ("smart_one_diag", (0,)), ("all_diag", (0, 1))]
)
def test_psgd_kron_is_its_authors_loop(mode, diagonal):
    """With the same signs for their normal numbers; kron-torch itself, given these signs, differs by 1e-15 here."""
    agree(points(PSGDKron(lr=0.05, weight_decay=0.2, memory_save_mode=mode)), list(psgd(diagonal=diagonal)), factor=10)


def test_psgd_kron_makes_gradients_white():
    """Of gradients with a covariance that is a Kronecker product, the factors take it all away."""
    rng = np.random.default_rng(3)
    left, right = np.tri(4) * [1, 3, 10, 30], rng.normal(size=(3, 3)) + 2 * np.eye(3)
    gradients = left @ rng.normal(size=(900, 4, 3)) @ right.T
    rule = PSGDKron(lr=0.0, momentum=0.0)
    _, (_, ql, qr) = walk(rule, gradient=lambda x, step: gradients[step], steps=500)[-1]
    white = np.stack([(ql @ each @ qr.T).ravel() for each in gradients[500:]])
    covariance = white.T @ white / len(white)
    before = np.stack([each.ravel() for each in gradients[500:]])
    assert np.linalg.cond(before.T @ before) > 100 * np.linalg.cond(covariance)
    assert np.trace(covariance) * len(before) < np.trace(before.T @ before) / 10  # towards 12


def test_the_factors_follow_more_and_more_rarely():
    """As often as in the authors' loop, which counts from the last time."""
    gradients = iter(np.random.default_rng(1).normal(size=(6000, 2, 2)))
    rule, state = PSGDKron(), list(PSGDKron().init(np.zeros((2, 2))).values())
    followed, expected, last = [], [], 0
    for step in range(1, 5200):
        _, *new = rule.update(next(gradients), np.zeros((2, 2)), step, *state)
        if (new[1] != state[1]).any():
            followed.append(step)
        state = new
        if step - last >= 1 / min(1, max(0.03, math.exp(-0.001 * (step - 1 - 500)))):
            expected.append(step)
            last = step
    assert followed == expected
    assert followed[:500] == list(range(1, 501))
    assert 1000 < len(followed) < 1500


def test_a_filter_is_read_as_the_matrix_nearest_to_square():
    shapes = {
        shape: [np.shape(value) for value in list(PSGDKron().init(np.zeros(shape)).values())[1:]]
        for shape in [(4, 2, 3), (6, 2, 3), (20, 5, 2), (5,), ()]
    }
    assert shapes == {
        (4, 2, 3): [(4, 4), (6, 6)], (6, 2, 3): [(6, 6), (6, 6)], (20, 5, 2): [(20, 20), (10, 10)],
        (5,): [(5,)], (): [(1,)],
    }  # fmt: skip
    deep = NOISE[0].reshape(2, 3, 2)  # as six rows of two, or two of six: the former is tried first
    flat = deep.reshape(6, 2)
    of_deep, of_flat = (PSGDKron().update(x, x, 1, *PSGDKron().init(x).values())[0] for x in (deep, flat))
    assert_allclose(of_deep.reshape(6, 2), of_flat, rtol=1e-12)


# --- what both are written with ---------------------------------------------------------------------------------------


def test_signs_look_drawn_anew_in_each_step_and_are_the_same_in_every_library():
    drawn = np.stack([random_signs(np.zeros((40, 50)), step) for step in range(1, 51)]).reshape(50, -1)
    assert set(np.unique(drawn)) == {-1.0, 1.0}
    assert abs(drawn.mean()) < 4 / math.sqrt(drawn.size)
    for axis in (0, 1):  # neighbours in time and in place are independent
        equal = np.diff(drawn, axis=axis) == 0
        assert abs(equal.mean() - 0.5) < 2 / math.sqrt(equal.size)
    between = (drawn @ drawn.T / drawn.shape[1])[np.triu_indices(50, 1)]
    assert np.abs(between).max() < 5 / math.sqrt(drawn.shape[1])
    for dtype in (torch.float32, torch.float64):
        ours = random_signs(torch.zeros(40, 50, dtype=dtype), 7)
        assert ours.dtype == dtype
        assert (ours.numpy().ravel() == drawn[6]).all()


@pytest.mark.parametrize("library", [np.asarray, torch.asarray], ids=["numpy", "torch"])
def test_triangles(library):
    upper = np.triu(NOISE[0] @ NOISE[1].T) + 5 * np.eye(4)
    assert_allclose(upper_triangle(library(NOISE[0] @ NOISE[1].T)), np.triu(NOISE[0] @ NOISE[1].T))
    assert_allclose(solve_lower(library(upper.T), library(START)), np.linalg.inv(upper).T @ START, atol=1e-13)


def test_they_train_parameters_of_every_shape():
    for optimizer_class in (steepest.Shampoo, steepest.PSGDKron):
        params = [torch.ones(shape, requires_grad=True) for shape in [(), (3,), (4, 3), (2, 3, 2, 2), (0, 3)]]
        optimizer = optimizer_class(params, lr=1e-2)
        for _ in range(12):
            optimizer.zero_grad()
            sum((param**2).sum() for param in params).backward()
            optimizer.step()
        assert all(0.5 < param.max() < 1 for param in params[:-1])
