"""One rule within another, weights to evaluate, and states that are not like the parameter."""

import copy

import numpy as np
import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.optim import as_optimizer
from steepest.rules.adafactor import Adafactor
from steepest.rules.adam import Adam, AdamW
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

from ..optimizer_cases import SHAPES, STEPS, Problem, Run, assert_same
from .rule_paths import NOISE, PRODIGY, START, B, agree, begin, bits, points, slope

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
