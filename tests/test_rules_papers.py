"""The rules that torch does not have: their papers' equations written out, one rule within another, and properties.

The equations are of one coordinate, a matrix or all parameters at once, whatever the paper speaks of, in float64.
"""

import copy
import math

import numpy as np
import pytest
import torch

import steepest
from steepest.errors import InvalidValue
from steepest.optim import as_optimizer
from steepest.rules.adadelta import Adadelta
from steepest.rules.adafactor import Adafactor
from steepest.rules.adam import Adam, AdamW
from steepest.rules.adamax import Adamax
from steepest.rules.ademamix import AdEMAMix
from steepest.rules.lamb import LAMB
from steepest.rules.lion import Lion, Signum
from steepest.rules.muon import Muon
from steepest.rules.nadam import NAdam
from steepest.rules.prodigy import Prodigy
from steepest.rules.radam import RAdam
from steepest.rules.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from steepest.rules.sgd import SGD, Nesterov
from steepest.rules.soap import SOAP

from .optimizer_cases import SHAPES, STEPS, Problem, Run, assert_same, rounding

random = np.random.default_rng(2)
START = random.normal(size=(4, 3))
NOISE = random.normal(size=(STEPS, *START.shape))


def slope(x, step):
    """Of a bowl that turns into a cone, with noise."""
    return x / np.sqrt(1 + x * x) + NOISE[step]


def begin(rule, param):
    """The state before the first step."""
    return list(rule.init(param).values())


def walk(rule, start=START, gradient=slope, steps=STEPS):
    """Parameters and states after each step."""
    param, state, path = start, begin(rule, start), []
    for step in range(steps):
        delta, *state = rule.update(gradient(param, step), param, step + 1, *state)
        param = param + delta
        path.append((param, state))
    return path


def points(rule, **how):
    return np.array([param for param, _ in walk(rule, **how)])


def evaluated(rule, **how):
    """The weights to evaluate after each step."""
    return np.array([rule.evaluation(param, *state) for param, state in walk(rule, **how)])


def agree(path, expected, factor=1.0):
    """60 steps of about 10 roundings each, of a slope that does not let them grow."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        path, expected, rtol=0, atol=factor * rounding(torch.float64) * max(1.0, np.abs(expected).max())
    )
    assert np.abs(expected[-1] - expected[0]).max() > 1e-3


def bits(path):
    return np.asarray(path).tobytes()


# --- equations of one coordinate --------------------------------------------------------------------------------------

PLACE = (1, 2)


def g(x, t):
    """The slope at one coordinate in step t, which counts from 1."""
    return x / math.sqrt(1 + x * x) + NOISE[(t - 1, *PLACE)]


def sgn(x):
    return int(x > 0) - int(x < 0)


def nesterov(x):
    """In Nesterov's own form: theta is where momentum has led, the gradient is taken one velocity ahead of it."""
    theta, v = x, 0.0
    for t in range(1, STEPS + 1):
        ahead = theta + 0.8 * v
        v = 0.8 * v - 0.05 * g(ahead, t)
        theta = theta + v
        yield theta + 0.8 * v


def adadelta(x):
    s = a = 0.0
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        s = 0.7 * s + 0.3 * gt**2
        step = math.sqrt(a + 1e-3) / math.sqrt(s + 1e-3) * gt
        a = 0.7 * a + 0.3 * step**2
        x = x - 2.0 * step
        yield x


def adamax(x):
    m = u = 0.0
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        m = 0.8 * m + 0.2 * gt
        u = max(0.9 * u, abs(gt) + 1e-3)
        x = x - 0.05 / (1 - 0.8**t) * m / u
        yield x


def nadam(x):
    """Without momentum decay: the product of the momenta is a power."""
    m, v, mu = 0.0, 0.0, 0.4
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        m, v = 0.8 * m + 0.2 * gt, 0.9 * v + 0.1 * gt**2
        ahead = mu * m / (1 - mu ** (t + 1)) + (1 - mu) * gt / (1 - mu**t)
        x = x - 0.05 * ahead / (math.sqrt(v / (1 - 0.9**t)) + 1e-3)
        yield x


def nadam_warming_up(x):
    m, v, product = 0.0, 0.0, 1.0
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        now, soon = (0.8 * (1 - 0.96 ** (0.3 * each) / 2) for each in (t, t + 1))
        product *= now
        m, v = 0.8 * m + 0.2 * gt, 0.9 * v + 0.1 * gt**2
        ahead = soon * m / (1 - product * soon) + (1 - now) * gt / (1 - product)
        x = (1 - 0.05 * 0.2) * x - 0.05 * ahead / (math.sqrt(v / (1 - 0.9**t)) + 1e-3)
        yield x


def radam(x):
    """Momentum while the average of squares is of too few steps, then Adam times r."""
    m = v = 0.0
    rho_max = 2 / (1 - 0.98) - 1
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        m, v = 0.8 * m + 0.2 * gt, 0.98 * v + 0.02 * gt**2
        rho = rho_max - 2 * t * 0.98**t / (1 - 0.98**t)
        hat = m / (1 - 0.8**t)
        if rho > 5:
            r = math.sqrt((rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho))
            x = x - 0.05 * r * hat * math.sqrt(1 - 0.98**t) / (math.sqrt(v) + 1e-3)
        else:
            x = x - 0.05 * hat
        yield x


def signum(x):
    m = 0.0
    for t in range(1, STEPS + 1):
        m = 0.8 * m + 0.2 * g(x, t)
        x = x - 0.05 * (sgn(m) + 0.2 * x)
        yield x


def lion(x):
    m = 0.0
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        c = 0.6 * m + 0.4 * gt
        x = x - 0.05 * (sgn(c) + 0.2 * x)
        m = 0.9 * m + 0.1 * gt
        yield x


def ademamix(x, alpha_warmup=0, beta3_warmup=0):
    """With the two schedulers as the paper defines them, half-lives included."""
    m1 = m2 = v = 0.0
    for t in range(1, STEPS + 1):
        alpha = min(t * 3.0 / alpha_warmup, 3.0) if alpha_warmup else 3.0
        beta3 = 0.99
        if beta3_warmup:
            low, high, mu = math.log(0.8), math.log(0.99), t / beta3_warmup
            beta3 = min(math.exp(low * high / ((1 - mu) * high + mu * low)), 0.99) if t < beta3_warmup else 0.99
        gt = g(x, t)
        m1, m2, v = 0.8 * m1 + 0.2 * gt, beta3 * m2 + (1 - beta3) * gt, 0.9 * v + 0.1 * gt**2
        x = x - 0.05 * ((m1 / (1 - 0.8**t) + alpha * m2) / (math.sqrt(v / (1 - 0.9**t)) + 1e-3) + 0.2 * x)
        yield x


def ademamix_warming_up(x):
    return ademamix(x, alpha_warmup=40, beta3_warmup=30)


B = {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3}
DECAY = {"lr": 0.05, "weight_decay": 0.2}
MIX = {"lr": 0.05, "betas": (0.8, 0.9, 0.99), "alpha": 3.0, "eps": 1e-3, "weight_decay": 0.2}


@pytest.mark.parametrize(
    ("rule", "equation"),
    [
        (Nesterov(lr=0.05, momentum=0.8), nesterov),
        (Adadelta(lr=2.0, rho=0.7, eps=1e-3), adadelta),
        (Adamax(**B), adamax),
        (NAdam(**B, momentum_decay=0.0), nadam),
        (NAdam(**B, momentum_decay=0.3, weight_decay=0.2, decoupled_weight_decay=True), nadam_warming_up),
        (RAdam(**B | {"betas": (0.8, 0.98)}), radam),
        (Signum(momentum=0.8, **DECAY), signum),
        (Lion(betas=(0.6, 0.9), **DECAY), lion),
        (AdEMAMix(**MIX), ademamix),
        (AdEMAMix(**MIX, alpha_warmup=40, beta3_warmup=30), ademamix_warming_up),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_equals_the_equation(rule, equation):
    expected = list(equation(START[PLACE]))
    agree(points(rule)[:, *PLACE], expected)
    agree(points(rule, start=float(START[PLACE]), gradient=lambda x, step: g(x, step + 1)), expected)


# --- Schedule-Free: the paper's three sequences -----------------------------------------------------------------------


def three_sequences(direction, lr, beta, r=0.0, power=2.0):
    """Z moves, x averages z, and the gradient is taken at y between them; yields y and x of all coordinates."""
    x, z, total, largest = START, START, 0.0, 0.0
    for t in range(1, STEPS + 1):
        y = (1 - beta) * z + beta * x
        z = z - lr(t) * direction(y, t)
        largest = max(largest, lr(t))
        weight = t**r * largest**power
        total += weight
        x = (1 - weight / total) * x + weight / total * z
        yield (1 - beta) * z + beta * x, x


def test_schedule_free_sgd_is_the_papers_three_sequences():
    rule = ScheduleFreeSGD(lr=0.3, momentum=0.8, weight_decay=0.1, warmup_steps=20, r=0.5, weight_lr_power=1.5)

    def rate(t):
        return 0.3 * min(1, t / 20)

    ys, xs = zip(*three_sequences(lambda y, t: slope(y, t - 1) + 0.1 * y, rate, 0.8, 0.5, 1.5), strict=True)
    agree(points(rule), ys)
    agree(evaluated(rule), xs)


@pytest.mark.parametrize("lr_correction", [False, True])
def test_schedule_free_adamw_is_the_papers_three_sequences(lr_correction):
    """With the paper's bias correction, which makes the first learning rates smaller, or the one of its later code."""
    rule = ScheduleFreeAdamW(**B | {"weight_decay": 0.1, "warmup_steps": 20, "r": 0.5, "lr_correction": lr_correction})
    v = 0.0

    def corrected(t):
        return math.sqrt(1 - 0.9**t)

    def direction(y, t):
        nonlocal v
        gt = slope(y, t - 1)
        v = 0.9 * v + 0.1 * gt**2
        root = np.sqrt(v) if lr_correction else np.sqrt(v) / corrected(t)
        return gt / (root + 1e-3) + 0.1 * y

    def rate(t):
        return 0.05 * min(1, t / 20) * (corrected(t) if lr_correction else 1)

    ys, xs = zip(*three_sequences(direction, rate, 0.8, 0.5), strict=True)
    agree(points(rule), ys)
    agree(evaluated(rule), xs)


def test_schedule_free_with_equal_weights_evaluates_the_mean_of_the_path():
    rule = ScheduleFreeSGD(lr=0.3, momentum=0.5)
    path = walk(rule)
    mean = np.cumsum([state[0] for _, state in path], axis=0) / np.arange(1, STEPS + 1)[:, None, None]
    agree(evaluated(rule), mean)


def test_schedule_free_after_a_learning_rate_of_zero():
    """A schedule that starts at 0 weights nothing, and divides by nothing."""
    still = ScheduleFreeSGD(lr=0.0)
    delta, *state = still.update(NOISE[0], START, 1, *begin(still, START))
    assert not delta.any()
    later = ScheduleFreeSGD(lr=0.1)
    delta, *state = later.update(NOISE[1], START, 2, *state)
    agree(np.array([START, later.evaluation(START + delta, *state)]), [START, START - 0.1 * NOISE[1]])


def test_schedule_free_weights_by_the_largest_learning_rate_so_far():
    """After it has fallen to a fifth, a step still counts as much as those before."""
    high, low = (ScheduleFreeSGD(lr=lr, momentum=0.5) for lr in (0.5, 0.1))
    delta, *state = high.update(NOISE[0], START, 1, *begin(high, START))
    first = START + delta
    delta, *after = low.update(NOISE[1], first, 2, *state)
    agree(np.array([START, low.evaluation(first + delta, *after)]), [START, (state[0] + after[0]) / 2])


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


PRODIGY = {"betas": (0.9, 0.99), "weight_decay": 0.1, "d0": 1e-2}


def test_prodigy_is_the_papers_algorithm_on_all_parameters_at_once():
    problem, expected = Problem(), Problem()
    run = Run(steepest.Prodigy(problem.parameters(), **PRODIGY), problem)
    for step, d in enumerate(prodigy_by_hand(expected, STEPS)):
        run.train([step])
        assert run.optimizer.param_groups[0]["d"] == pytest.approx(d, rel=1e-12)
    assert_same(run, Run(None, expected))
    assert d > 2 * PRODIGY["d0"]


def test_prodigy_shares_d_within_a_group_only():
    """Two groups on problems that do not touch: each as if it were alone."""
    names = list(SHAPES)
    together, apart = Problem(), [Problem(), Problem()]
    halves = (names[:2], names[2:])
    groups = [{"params": [together.params[name] for name in half]} for half in halves]
    both = Run(steepest.Prodigy(groups, **PRODIGY), together)
    alone = [
        Run(steepest.Prodigy([problem.params[name] for name in half], **PRODIGY), problem)
        for problem, half in zip(apart, halves, strict=True)
    ]
    for step in range(STEPS):
        both.optimizer.zero_grad()
        sum(together.loss(step, half) for half in halves).backward()
        both.optimizer.step()
        for run, half in zip(alone, halves, strict=True):
            run.train([step], half)
    for run, half, group in zip(alone, halves, both.optimizer.param_groups, strict=True):
        assert group["d"] == run.optimizer.param_groups[0]["d"]
        assert all(torch.equal(together.params[name], run.problem.params[name]) for name in half)
    assert both.optimizer.param_groups[0]["d"] != both.optimizer.param_groups[1]["d"]


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


# --- one rule within another ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "same"),
    [
        (Nesterov(lr=0.1, momentum=0.8, weight_decay=0.1), SGD(lr=0.1, momentum=0.8, weight_decay=0.1, nesterov=True)),
        (Lion(lr=0.1, betas=(0.7, 0.7), weight_decay=0.1), Signum(lr=0.1, momentum=0.7, weight_decay=0.1)),
    ],
    ids=str,
)
def test_is_bit_by_bit_the_same(rule, same):
    assert bits(points(rule)) == bits(points(same))


def test_signum_without_momentum_is_the_sign_of_sgd():
    steps = np.diff(points(Signum(lr=0.5, momentum=0.0), gradient=lambda x, t: NOISE[t]), axis=0)
    expected = np.diff(points(SGD(lr=0.5), gradient=lambda x, t: np.sign(NOISE[t])), axis=0)
    assert bits(steps) == bits(expected)


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_ademamix_without_the_slow_average_is_adamw(decay):
    rule = AdEMAMix(lr=0.05, betas=(0.8, 0.9, 0.99), alpha=0.0, weight_decay=decay)
    agree(points(rule), points(AdamW(lr=0.05, betas=(0.8, 0.9), weight_decay=decay)))


def test_ademamix_after_the_warm_up_is_the_plain_one():
    """The two differ in state; a step from the same state, late enough, does not."""
    state = (NOISE[1], NOISE[2], NOISE[3] ** 2)
    plain, warm = AdEMAMix(), AdEMAMix(alpha_warmup=40, beta3_warmup=30)
    first, second = (np.array(rule.update(NOISE[0], START, 40, *state)) for rule in (plain, warm))
    np.testing.assert_allclose(first, second, rtol=1e-12)
    assert np.abs(first - np.array(warm.update(NOISE[0], START, 5, *state))).max() > 1e-4


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_lamb_with_a_trust_of_one_is_adamw(decay):
    """Its steps are those of AdamW, stretched: from the same states, divided by their length over the parameter's."""
    rule, adamw = LAMB(**B, weight_decay=decay), AdamW(**B | {"lr": 1.0}, weight_decay=decay)
    param, state = START, begin(rule, START)
    for step in range(STEPS):
        gradient = slope(param, step)
        direction, *_ = adamw.update(gradient, param, step + 1, *state, None)
        delta, *state = rule.update(gradient, param, step + 1, *state)
        trust = np.linalg.norm(param) / np.linalg.norm(direction)
        np.testing.assert_allclose(delta, 0.05 * trust * direction, rtol=1e-13)
        param = param + delta


@pytest.mark.parametrize("zero", ["parameter", "gradient"])
def test_lamb_without_length_takes_the_step_of_adamw(zero):
    param, gradient = (0 * START, NOISE[0]) if zero == "parameter" else (START, 0 * START)
    first, second = (
        rule.update(gradient, param, 1, *begin(rule, param))[0] for rule in (LAMB(**B), AdamW(**B, weight_decay=0.0))
    )
    np.testing.assert_allclose(first, second, rtol=1e-15)


def test_nadam_whose_momentum_warms_up_at_once_corrects_by_a_power():
    """With a huge momentum decay mu is beta1 from the start: Dozat's simple form."""
    agree(points(NAdam(lr=0.05, momentum_decay=1e9)), [*simple_nadam(START)])


def simple_nadam(x):
    m = v = 0.0
    for t in range(1, STEPS + 1):
        gt = slope(x, t - 1)
        m, v = 0.9 * m + 0.1 * gt, 0.999 * v + 0.001 * gt**2
        ahead = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * gt / (1 - 0.9**t)
        x = x - 0.05 * ahead / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        yield x


@pytest.mark.parametrize(("beta2", "momentum_steps"), [(0.999, 5), (0.9, 5), (0.7, 20), (2 / 3, STEPS), (0.5, STEPS)])
def test_first_steps_of_radam_are_momentum(beta2, momentum_steps):
    """They do not depend on the scale of Adam at all; later ones do, but not with a short memory of squares."""
    rule = RAdam(lr=0.05, betas=(0.8, beta2))
    x, m = START, 0.0
    apart = None
    for t, point in enumerate(points(rule), 1):
        m = 0.8 * m + 0.2 * slope(x, t - 1)
        x = x - 0.05 * m / (1 - 0.8**t)
        if np.abs(point - x).max() > 1e-12 and apart is None:
            apart = t
    assert (apart or STEPS + 1) > momentum_steps or beta2 == 0.7
    assert (apart is None) == (beta2 <= 2 / 3)
    assert apart is None or apart == next(t for t in range(1, STEPS) if length(beta2, t) > 5)


def length(beta2, t):
    """Of the average of squares, in steps that it stands for."""
    return 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)


def test_radam_in_the_long_run_is_adam():
    states = (NOISE[1], NOISE[2] ** 2)
    first, second = (
        rule.update(NOISE[0], START, 10**6, *states, *more)[0] for rule, more in ((RAdam(), ()), (Adam(), (None,)))
    )
    np.testing.assert_allclose(first, second, rtol=1e-6)


# --- weights to evaluate, through the optimizer -----------------------------------------------------------------------


def trained(steps=range(20), **settings):
    problem = Problem()
    return Run(steepest.ScheduleFreeAdamW(problem.parameters(), lr=0.1, **settings), problem).train(steps)


def test_evaluating_puts_the_average_in_and_everything_back():
    run, undisturbed = trained(), trained()
    before = copy.deepcopy(run.problem.params)
    rule = ScheduleFreeAdamW(lr=0.1)
    with run.optimizer.evaluating():
        for name, param in run.problem.params.items():
            state = run.optimizer.state[param]
            values = [state["z"], state["exp_avg_sq"], float(state["weight_sum"]), float(state["lr_max"])]
            assert torch.equal(param, rule.evaluation(before[name], *values).detach())
            assert param.requires_grad and param.is_leaf
            assert not torch.equal(param, before[name])
    assert_same(run, undisturbed, 0)
    assert_same(run.train(range(20, 40)), undisturbed.train(range(20, 40)), 0)


def test_evaluating_puts_back_after_an_error():
    run, undisturbed = trained(), trained()
    with pytest.raises(KeyError), run.optimizer.evaluating():
        raise KeyError
    assert_same(run.train(range(20, 40)), undisturbed.train(range(20, 40)), 0)


def test_a_step_while_evaluating_is_refused():
    run = trained()
    with run.optimizer.evaluating(), pytest.raises(RuntimeError, match="a step within evaluating"):
        run.optimizer.step()
    run.optimizer.step()


def test_evaluating_is_nothing_before_the_first_step_and_for_other_rules():
    param = torch.nn.Parameter(torch.ones(2))
    for name in ("ScheduleFreeSGD", "Adam"):
        with getattr(steepest, name)([param]).evaluating():
            assert torch.equal(param, torch.ones(2))


def test_evaluation_weights_of_bfloat16_parameters():
    param = torch.nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    optimizer = steepest.ScheduleFreeSGD([param], lr=0.1)
    param.grad = torch.ones_like(param)
    optimizer.step()
    with optimizer.evaluating():
        assert param.dtype == torch.bfloat16
        torch.testing.assert_close(param.float(), torch.full((4,), 0.9), rtol=1e-2, atol=0)


# --- states that are not like the parameter, through the optimizer ----------------------------------------------------

ODD = {
    "NAdam": (NAdam, {"lr": 0.02}),
    "ScheduleFreeSGD": (ScheduleFreeSGD, {"lr": 0.1, "warmup_steps": 30}),
    "ScheduleFreeAdamW": (ScheduleFreeAdamW, {"lr": 0.1, "warmup_steps": 30}),
    "Prodigy": (Prodigy, PRODIGY),
    "SOAP": (SOAP, {"lr": 0.02, "precondition_frequency": 3}),
    "Adafactor": (Adafactor, {"lr": 0.02}),
    "LAMB": (LAMB, {"lr": 0.02}),
}
every_odd = pytest.mark.parametrize(("rule", "settings"), ODD.values(), ids=ODD)


@every_odd
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_resumes_bit_by_bit(rule, settings, dtype):
    optimizer_class = as_optimizer(rule)
    problem = Problem(dtype)
    run = Run(optimizer_class(problem.parameters(), **settings), problem).train(range(20))
    other = Run(optimizer_class((again := copy.deepcopy(problem)).parameters(), **settings), again)
    other.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    assert_same(other.train(range(20, STEPS)), run.train(range(20, STEPS)), 0)


@every_odd
def test_a_late_gradient_finds_its_state(rule, settings):
    problem = Problem()
    run = Run(as_optimizer(rule)(problem.parameters(), **settings), problem)
    run.train(range(20), [name for name in SHAPES if name != "bias"])
    assert problem.params["bias"] not in run.optimizer.state
    run.train(range(20, STEPS))
    assert run.optimizer.state[problem.params["bias"]]["step"] == STEPS - 20
    assert all(torch.isfinite(param).all() for param in problem.parameters())


@every_odd
def test_the_optimizer_walks_as_the_rule(rule, settings):
    """On a matrix, in float64; for Prodigy, which adds up in another order, but for rounding."""
    param = torch.tensor(START, requires_grad=True)
    optimizer = as_optimizer(rule)([param], **settings)
    path = []
    for step in range(STEPS):
        param.grad = torch.from_numpy(slope(param.detach().numpy(), step))
        optimizer.step()
        path.append(param.detach().numpy().copy())
    agree(path, points(rule(**settings)), factor=100 if rule is SOAP else 1)


@pytest.mark.parametrize("rule", ["prodigy", "lamb", "schedulefreesgd", "nadam"])
def test_trace_takes_them(rule):
    path = steepest.trace(rule, "x**2 + 2*y**2", start=(-5, -2), steps=20)
    assert np.isfinite(path.x).all()
    assert (path.x[-1] != path.x[0]).all()


def test_trace_of_a_rule_for_matrices_is_refused():
    with pytest.raises(InvalidValue, match=r"Muon is for matrices only, got a parameter of shape \(2,\)"):
        steepest.trace(Muon(), "x**2 + 2*y**2")
