"""The papers' equations of the rules that need whole tensors, or all parameters at once, written out in float64."""

import math
from itertools import permutations

import numpy as np
import prodigyopt
import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.rules.adafactor import Adafactor
from steepest.rules.adam import AdamW
from steepest.rules.lamb import LAMB
from steepest.rules.muon import Muon
from steepest.rules.prodigy import Prodigy
from steepest.rules.soap import SOAP

from ..optimizer_cases import SHAPES, STEPS, Problem, Run, assert_same, moved, spell
from .rule_paths import NOISE, PRODIGY, START, B, agree, points, slope, walk

# --- LAMB, Muon, Adafactor: whole matrices ----------------------------------------------------------------------------


def test_lamb_is_the_papers_algorithm():
    x, m, v, path = START, 0.0, 0.0, []
    for t in range(1, STEPS + 1):
        gt = slope(x, t - 1)
        m, v = 0.8 * m + 0.2 * gt, 0.9 * v + 0.1 * gt**2
        r = m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.9**t)) + 1e-3)
        u = r + 0.2 * x
        x = x - 0.05 * np.linalg.norm(x) / np.linalg.norm(u) * u
        path.append(x)
    agree(points(LAMB(**B, weight_decay=0.2)), path)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (5, 5)], ids=str)
def test_muon_works_on_singular_values_alone(shape):
    """The iteration is an odd polynomial of each singular value; the singular vectors stay."""
    matrix = np.random.default_rng(4).normal(size=shape)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    s = s / math.sqrt((s**2).sum())
    for _ in range(5):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    expected = -0.5 * math.sqrt(max(1, shape[0] / shape[1])) * (u * s) @ v
    delta, _ = Muon(lr=0.5, momentum=0.0).update(matrix, 0 * matrix, 1, 0 * matrix)
    np.testing.assert_allclose(delta, expected, rtol=0, atol=1e-12)
    assert 0.3 < s.min() < s.max() < 1.3


def test_muon_of_a_polynomial_that_converges_is_the_orthogonal_factor():
    """With Newton-Schulz's own cubic, the iteration ends at U V of the singular value decomposition."""
    matrix = np.random.default_rng(4).normal(size=(4, 3))
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    rule = Muon(lr=1.0, momentum=0.0, ns_coefficients=(1.5, -0.5, 0.0), ns_steps=40, weight_decay=0.0)
    delta, _ = rule.update(matrix, matrix, 1, 0 * matrix)
    np.testing.assert_allclose(delta, -math.sqrt(4 / 3) * u @ v, rtol=0, atol=1e-12)


def test_muon_averages_and_looks_ahead():
    path = walk(Muon(momentum=0.9, ns_steps=0, eps=1e9, lr=1e9, weight_decay=0.0), gradient=lambda x, t: NOISE[t])
    plain = walk(Muon(momentum=0.9, nesterov=False, ns_steps=0, eps=1e9, lr=1e9, weight_decay=0.0),
                 gradient=lambda x, t: NOISE[t])  # fmt: skip
    m, x, y = 0.0, START, START
    for t, ((ahead, _), (behind, _)) in enumerate(zip(path, plain, strict=True)):
        m = 0.9 * m + 0.1 * NOISE[t]
        x = x - math.sqrt(4 / 3) * (0.9 * m + 0.1 * NOISE[t])
        y = y - math.sqrt(4 / 3) * m
        np.testing.assert_allclose(ahead, x, rtol=0, atol=1e-12)
        np.testing.assert_allclose(behind, y, rtol=0, atol=1e-12)


def test_adafactor_of_squares_of_rank_one_is_not_factored_at_all():
    """Where the squared gradients are a product of row and column factors, nothing is lost by keeping those alone."""
    rows, columns = np.array([1.0, 2.0, 0.5, 3.0])[:, None], np.array([1.0, 4.0, 0.3])

    def gradient(x, step):
        return np.sign(NOISE[step]) * rows * columns * (1 + step % 3)

    rule = Adafactor(lr=0.1, d=1e9)
    whole, x, path = 0.0, START, []
    for t in range(1, STEPS + 1):
        gt = gradient(x, t - 1)
        whole = (1 - t**-0.8) * whole + t**-0.8 * gt**2
        size = max(1e-3, math.sqrt((x**2).mean())) * min(0.1, 1 / math.sqrt(t))
        x = x - size * gt / np.sqrt(whole)
        path.append(x)
    agree(points(rule, gradient=gradient), path)


# --- Prodigy: one number for all parameters ---------------------------------------------------------------------------


def prodigy_by_hand(problem, steps, lr=1.0, beta1=0.9, beta2=0.99, eps=1e-8, decay=0.1, d0=1e-2, c=1.0):
    """All parameters as one long vector, as the paper has it; yields d."""
    params = problem.parameters()
    x = torch.cat([each.detach().flatten() for each in params])
    start, m, v, s, n, d = x.clone(), 0.0, 0.0, 0.0, 0.0, d0
    for step in range(steps):
        for param in params:
            param.grad = None
        problem.loss(step).backward()
        gt = torch.cat([each.grad.flatten() for each in params])
        n = math.sqrt(beta2) * n + d * lr * d / d0 * float(gt @ (start - x))
        s = math.sqrt(beta2) * s + d * lr * d / d0 * gt
        new = max(d, c * n / float(s.abs().sum()))
        m = beta1 * m + (1 - beta1) * d * gt
        v = beta2 * v + (1 - beta2) * d**2 * gt**2
        x = x - d * lr * decay * x - d * lr * m / (v.sqrt() + new * eps)
        d = new
        places = np.cumsum([0] + [each.numel() for each in params])
        for param, first, last in zip(params, places, places[1:], strict=False):
            param.data = x[first:last].reshape(param.shape).clone()
        yield d


def test_prodigy_is_the_papers_algorithm_on_all_parameters_at_once():
    problem, expected = Problem(), Problem()
    run = Run(steepest.Prodigy(problem.parameters(), **PRODIGY), problem)
    for step, d in enumerate(prodigy_by_hand(expected, STEPS)):
        run.train([step])
        assert run.optimizer.param_groups[0]["d"] == pytest.approx(d, rel=1e-12)
    assert_same(run, Run(None, expected))
    assert d > 2 * PRODIGY["d0"]


def prodigy_in_groups(library, names, lrs=(1.0, 1.0), **settings):
    """A run with decay for all but the last two of the named parameters, and a learning rate for each part."""
    problem = Problem()
    parts = ({"weight", "bias"}, {"head", "scale"})
    groups = [
        {"params": [problem.params[name] for name in names if name in part], "weight_decay": decay, "lr": lr}
        for part, decay, lr in zip(parts, (0.1, 0.0), lrs, strict=True)
    ]
    return Run(library.Prodigy(groups, **PRODIGY | settings), problem)


@pytest.mark.parametrize("lrs", [(1.0, 1.0), (0.5, 0.5), (1.0, 0.0)], ids=str)
@pytest.mark.parametrize("settings", [{}, {"use_bias_correction": True}, {"safeguard_warmup": True}], ids=spell)
def test_prodigy_finds_one_d_for_all_groups_as_its_authors_code(lrs, settings, capsys):
    """With and without decay is how parameters are split; a learning rate of 0 freezes a group."""
    ours, theirs = (prodigy_in_groups(library, SHAPES, lrs, **settings).train() for library in (steepest, prodigyopt))
    ds = [group["d"] for run in (ours, theirs) for group in run.optimizer.param_groups]
    assert ds == pytest.approx([ds[0]] * 4, rel=1e-12)
    assert ds[0] > 2 * PRODIGY["d0"]
    assert_same(ours, theirs)


def test_prodigy_does_not_depend_on_the_order_of_parameters():
    """Nor of those that come late, whose bias correction is their own."""
    runs = []
    for names in permutations(SHAPES):
        run = prodigy_in_groups(steepest, names, (1.0, 0.7), use_bias_correction=True)
        runs.append(run.train(range(9), [name for name in SHAPES if name != "bias"]).train(range(9, 20)))
    assert len({group["d"] for run in runs for group in run.optimizer.param_groups}) == 1
    for run in runs[1:]:
        assert_same(run, runs[0], tolerance=0)


def test_prodigy_of_a_group_added_later_goes_on_with_the_common_d():
    run = prodigy_in_groups(steepest, ("weight", "bias", "head", "scale")).train(range(20))
    d = run.optimizer.param_groups[0]["d"]
    run.optimizer.add_param_group({"params": [other := torch.ones(3, dtype=torch.float64, requires_grad=True)]})
    other.grad = torch.ones_like(other)
    run.train(range(20, 21))
    assert len({group["d"] for group in run.optimizer.param_groups}) == 1
    assert run.optimizer.param_groups[0]["d"] >= d > 2 * PRODIGY["d0"]


def test_prodigy_of_groups_that_cannot_share_is_refused():
    run = prodigy_in_groups(steepest, ("weight", "bias", "head", "scale"))
    message = "Prodigy: d_coef must be the same in all groups, which share d, d_numerator"
    with pytest.raises(InvalidValue, match=message):
        run.optimizer.add_param_group({"params": [torch.ones(1, requires_grad=True)], "d_coef": 2.0})
    assert len(run.optimizer.param_groups) == 2
    run.optimizer.param_groups[1]["d_coef"] = 2.0
    with pytest.raises(InvalidValue, match=message):
        run.train(range(1))
    assert not moved(run)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_prodigy_takes_a_gradient_that_is_not_finite_as_its_authors_code(bad, capsys):
    for library in (steepest, prodigyopt):
        param = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = library.Prodigy([param], d0=1e-2)
        param.grad = torch.tensor([bad, -bad])
        optimizer.step()
        assert not param.isfinite().any()


def test_prodigy_of_a_rule_alone_takes_its_parameter_for_all():
    param = torch.tensor(START, requires_grad=True)
    optimizer = steepest.Prodigy([param], **PRODIGY)
    for step in range(STEPS):
        param.grad = torch.from_numpy(slope(param.detach().numpy(), step))
        optimizer.step()
    agree(np.array([START, param.detach().numpy()]), [START, points(Prodigy(**PRODIGY))[-1]])


def test_prodigy_before_any_gradient_stays_and_learns_nothing():
    param = torch.zeros(3, requires_grad=True)
    optimizer = steepest.Prodigy([param])
    param.grad = torch.zeros(3)
    optimizer.step()
    assert not param.any()
    assert optimizer.param_groups[0]["d"] == 1e-6


# --- SOAP -------------------------------------------------------------------------------------------------------------


def soap_by_hand(lr, beta1, beta2, eps, decay, frequency):
    """The paper's algorithm 3 on a matrix: momentum in the original space, turned anew in every step."""
    x, m, v = START, np.zeros_like(START), np.zeros_like(START)
    left = (1 - beta2) * slope(x, 0) @ slope(x, 0).T
    right = (1 - beta2) * slope(x, 0).T @ slope(x, 0)
    ql, qr = (np.linalg.eigh(each)[1][:, ::-1] for each in (left, right))
    yield x  # the first gradient only makes the bases
    for t in range(1, STEPS):
        gt = slope(x, t)
        m = beta1 * m + (1 - beta1) * gt
        v = beta2 * v + (1 - beta2) * (ql.T @ gt @ qr) ** 2
        turned = (ql.T @ m @ qr) / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        x = x - lr * (ql @ turned @ qr.T + decay * x)
        left = beta2 * left + (1 - beta2) * gt @ gt.T
        right = beta2 * right + (1 - beta2) * gt.T @ gt
        if t % frequency == 0:
            by_rows = np.argsort(-np.diag(ql.T @ left @ ql))
            by_columns = np.argsort(-np.diag(qr.T @ right @ qr))
            v = v[by_rows][:, by_columns]
            ql = np.linalg.qr(left @ ql[:, by_rows])[0]
            qr = np.linalg.qr(right @ qr[:, by_columns])[0]
        yield x


def test_the_bases_of_soap_are_eigenvectors_by_falling_eigenvalue():
    (*_, left, right, left_basis, right_basis) = walk(SOAP(), steps=1)[0][1]
    for product, basis in ((left, left_basis), (right, right_basis)):
        values = np.linalg.eigvalsh(product)[::-1]
        np.testing.assert_allclose(basis.T @ product @ basis, np.diag(values), rtol=0, atol=1e-14 * values[0])
        np.testing.assert_allclose(basis.T @ basis, np.eye(len(basis)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("frequency", [1, 4, 100])
def test_soap_is_the_papers_algorithm(frequency):
    """The bases are well separated here; QR steps pass rounding errors on, times the ratio of eigenvalues at most."""
    rule = SOAP(lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.2, precondition_frequency=frequency)
    agree(points(rule), list(soap_by_hand(0.05, 0.8, 0.9, 1e-3, 0.2, frequency)), factor=100)


def test_soap_without_bases_is_adam_from_the_second_gradient_on():
    rule = SOAP(**B, weight_decay=0.2, max_precond_dim=0)
    expected = points(AdamW(**B, weight_decay=0.2), gradient=lambda x, step: slope(x, step + 1), steps=STEPS - 1)
    agree(points(rule)[1:], expected)


def test_soap_in_the_identity_basis_is_adam():
    """Where gradients are diagonal, and so are the products, of falling eigenvalues, no basis turns anything."""
    scale = np.diag([8.0, 4.0, 2.0])

    def gradient(x, step):
        return scale * (1.5 + NOISE[step, :3, :3].clip(-1, 1))

    start = START[:3]
    expected = points(AdamW(**B, weight_decay=0.2), start=start, gradient=lambda x, step: gradient(x, step + 1),
                      steps=STEPS - 1)  # fmt: skip
    rule = SOAP(**B, weight_decay=0.2, precondition_frequency=3)
    path = walk(rule, start=start, gradient=gradient)
    agree([param for param, _ in path][1:], expected)
    for basis in path[-1][1][4:]:
        np.testing.assert_allclose(np.abs(basis), np.eye(3), rtol=0, atol=1e-12)


def test_soap_turns_with_the_coordinates():
    """Gradients turned by orthogonal matrices on both sides give the path turned: Adam's does not."""
    turn_left, _ = np.linalg.qr(NOISE[0] @ NOISE[1].T + np.eye(4))
    turn_right, _ = np.linalg.qr(NOISE[2].T @ NOISE[3] + np.eye(3))

    def paths(rule):
        plain = points(rule, gradient=lambda x, step: NOISE[step], steps=30)
        turned = points(rule, start=turn_left @ START @ turn_right,
                        gradient=lambda x, step: turn_left @ NOISE[step] @ turn_right, steps=30)  # fmt: skip
        return turn_left @ plain @ turn_right, turned

    expected, path = paths(SOAP(lr=0.05, weight_decay=0.2, precondition_frequency=3))
    agree(path, expected, factor=1000)
    expected, path = paths(AdamW(lr=0.05, weight_decay=0.2))
    assert np.abs(path - expected).max() > 1e-2


def test_soap_of_a_vector_is_adam_and_of_four_axes_has_four_bases():
    assert list(SOAP().init(np.zeros(3))) == ["exp_avg", "exp_avg_sq"]
    state = SOAP(max_precond_dim=4).init(np.zeros((2, 3, 4, 5)))
    shapes = {name: np.shape(value) for name, value in state.items() if value is not None}
    bases = {f"{kind}_{axis}": (size, size) for axis, size in enumerate((2, 3, 4)) for kind in ("GG", "Q")}
    assert shapes == {"exp_avg": (), "exp_avg_sq": ()} | bases
    assert state["Q_3"] is None


def test_soap_of_three_axes_turns_each():
    """A 3-axis tensor with one slice along the last is a matrix: the third basis is the number 1, or -1."""
    rule = SOAP(lr=0.05, weight_decay=0.2, precondition_frequency=3)
    flat = points(rule, steps=20)
    deep = points(rule, start=START[..., None], gradient=lambda x, step: slope(x[..., 0], step)[..., None], steps=20)
    agree(deep[..., 0], flat, factor=100)
