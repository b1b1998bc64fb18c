"""The rules' papers' equations of one coordinate, and Schedule-Free's three sequences, written out in float64."""

import math

import numpy as np
import pytest

from steepest.rules.adabelief import AdaBelief
from steepest.rules.adadelta import Adadelta
from steepest.rules.adamax import Adamax
from steepest.rules.adan import Adan
from steepest.rules.ademamix import AdEMAMix
from steepest.rules.adopt import ADOPT
from steepest.rules.lion import Lion, Signum
from steepest.rules.mars import MARS
from steepest.rules.nadam import NAdam
from steepest.rules.radam import RAdam
from steepest.rules.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from steepest.rules.sgd import Nesterov
from steepest.rules.stable_adamw import StableAdamW

from ..optimizer_cases import STEPS
from .rule_paths import NOISE, START, B, agree, begin, evaluated, points, slope, walk

pytestmark = pytest.mark.quick

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


def adan(x):
    """As the paper's algorithm has it, whose betas are shares of what is new, with the decay of AdamW."""
    b1, b2, b3, before = 1 - 0.8, 1 - 0.7, 1 - 0.9, None
    m = v = n = 0.0
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        change, before = 0.0 if before is None else gt - before, gt
        m = (1 - b1) * m + b1 * gt
        v = (1 - b2) * v + b2 * change
        n = (1 - b3) * n + b3 * (gt + (1 - b2) * change) ** 2
        rate = 0.05 / (math.sqrt(n / (1 - 0.9**t)) + 1e-3)
        step = rate * (m / (1 - 0.8**t) + (1 - b2) * v / (1 - 0.7**t))
        x = (1 - 0.05 * 0.2) * x - step
        yield x


def adopt(x):
    """The loop of the authors' code, with the decay of AdamW."""
    m = v = 0.0
    for t in range(STEPS):
        gt = g(x, t + 1)
        if t == 0:
            v = gt**2
        else:
            x = x - 0.05 * 0.2 * x
            m = 0.8 * m + 0.2 * max(-(t**0.25), min(t**0.25, gt / max(math.sqrt(v), 1e-3)))
            x = x - 0.05 * m
            v = 0.9 * v + 0.1 * gt**2
        yield x


def adabelief(x):
    m = s = 0.0
    for t in range(1, STEPS + 1):
        gt = g(x, t)
        m = 0.8 * m + 0.2 * gt
        s = 0.9 * s + 0.1 * (gt - m) ** 2 + 1e-3
        x = (1 - 0.05 * 0.2) * x - 0.05 * m / (1 - 0.8**t) / (math.sqrt(s / (1 - 0.9**t)) + 1e-3)
        yield x


DECAY = {"lr": 0.05, "weight_decay": 0.2}
ADAN = {"lr": 0.05, "betas": (0.8, 0.7, 0.9), "eps": 1e-3, "weight_decay": 0.2}
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
        (Adan(**ADAN), adan),
        (ADOPT(**B, weight_decay=0.2, decoupled_weight_decay=True), adopt),
        (AdaBelief(**B, weight_decay=0.2, decoupled_weight_decay=True), adabelief),
        (AdEMAMix(**MIX, alpha_warmup=40, beta3_warmup=30), ademamix_warming_up),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_equals_the_equation(rule, equation):
    expected = list(equation(START[PLACE]))
    agree(points(rule)[:, *PLACE], expected)
    agree(points(rule, start=float(START[PLACE]), gradient=lambda x, step: g(x, step + 1)), expected)


# --- equations of a whole tensor --------------------------------------------------------------------------------------


def stable_adamw(x):
    """With averages that are stored corrected, by a memory that grows (algorithm 2 of the paper)."""
    v = u = np.zeros_like(x)
    for t in range(1, STEPS + 1):
        gt = slope(x, t - 1)
        b1, b2 = (beta * (1 - beta ** (t - 1)) / (1 - beta**t) for beta in (0.8, 0.9))
        v, u = b1 * v + (1 - b1) * gt, b2 * u + (1 - b2) * gt**2
        excess = np.sqrt(np.mean(gt**2 / np.maximum(u, 1e-6)))
        rate = 0.05 / max(1.0, excess / 0.7)
        x = x - rate * 0.2 * x - rate * v / (np.sqrt(u) + 1e-3)
        yield x


def mars(x):
    m = v = before = np.zeros_like(x)
    for t in range(1, STEPS + 1):
        gt = slope(x, t - 1)
        c, before = gt + 0.5 * (0.8 / 0.2) * (gt - before), gt
        length = math.sqrt(np.sum(c**2))
        if length > 1:
            c = c / length
        m, v = 0.8 * m + 0.2 * c, 0.9 * v + 0.1 * c**2
        x = x - 0.05 * (0.2 * x + m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.9**t)) + 1e-3))
        yield x


@pytest.mark.parametrize(
    ("rule", "equation"),
    [(StableAdamW(**B, weight_decay=0.2, d=0.7), stable_adamw), (MARS(**B, weight_decay=0.2, gamma=0.5), mars)],
    ids=lambda each: getattr(each, "__name__", ""),
)
@pytest.mark.parametrize("size", [1.0, 0.02], ids=["large", "small"])
def test_equals_the_equation_of_tensors(rule, equation, size, monkeypatch):
    """Also where gradients are too small for what bounds them."""
    monkeypatch.setitem(globals(), "slope", lambda x, step: size * (x / np.sqrt(1 + x * x) + NOISE[step]))
    agree(points(rule, gradient=slope), list(equation(START)))


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
