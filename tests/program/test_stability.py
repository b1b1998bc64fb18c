"""The largest stable learning rate, against closed forms written out here and against runs on both sides of it."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

import steepest
from steepest.base.errors import InvalidValue
from steepest.program.linear_step import Step
from steepest.program.stability import stability_formula, stability_limit
from steepest.rules import RULES, SGD, Adagrad, Adam, AdamW, AdEMAMix, NAdam, RMSprop, Rule, find

CURVATURES = [1e-3, 1.0, 7.3, 2e4]

CLOSED = [
    (SGD(), lambda h: 2 / h),
    (SGD(weight_decay=0.5), lambda h: 2 / (h + 0.5)),
    (SGD(momentum=0.9), lambda h: 2 * (1 + 0.9) / h),
    (SGD(momentum=0.5, dampening=0.5), lambda h: 2 * (1 + 0.5) / (0.5 * h)),
    (SGD(momentum=0.9, nesterov=True), lambda h: 2 * (1 + 0.9) / ((1 + 2 * 0.9) * h)),
    (RMSprop(), lambda h: 2 / h),
    (RMSprop(momentum=0.8, centered=True), lambda h: 2 * (1 + 0.8) / h),
    (Adagrad(), lambda h: 2 / h),
    (Adam(), lambda h: (2 + 2 * 0.9) / ((1 - 0.9) * h)),
    (Adam(betas=(0.5, 0.9), eps=0.1, amsgrad=True), lambda h: (2 + 2 * 0.5) / ((1 - 0.5) * h)),
    (AdamW(weight_decay=0.3), lambda h: (2 + 2 * 0.9) / ((1 - 0.9) * h + (1 + 0.9) * 0.3)),
    (NAdam(), lambda h: 2 * (1 + 0.9) / ((1 - 0.9) * (1 + 2 * 0.9) * h)),
]

LINEAR = [
    "sgd",
    "sgd(weight_decay=0.5)",
    "momentum",
    "sgd(momentum=0.5,dampening=0.3)",
    "sgd(momentum=0.9,nesterov=True)",
]

DIVIDING = [Adam(), Adam(betas=(0.5, 0.99)), AdamW(weight_decay=0.1), NAdam(), RMSprop(momentum=0.9)]


def defined(rule: Rule) -> bool:
    try:
        stability_limit(rule, 1.0)
    except InvalidValue:
        return False
    return True


WITH_LIMIT = [name for name, rule in RULES.items() if rule.elementwise and defined(rule())]


@pytest.mark.quick
@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize(("rule", "expected"), CLOSED, ids=[rule.label() for rule, _ in CLOSED])
def test_closed_forms(rule, expected, curvature):
    assert stability_limit(rule, curvature) == pytest.approx(expected(curvature), rel=1e-12)


@pytest.mark.parametrize("curvature", [0.3, 40.0])
@pytest.mark.parametrize("rule", LINEAR)
def test_a_run_converges_below_the_limit_and_diverges_above(rule, curvature):
    limit = stability_limit(rule, curvature)
    on = f"{curvature / 2} * x**2"
    below, above = (
        np.abs(steepest.trace(rule, on, start=1.0, steps=3000, lr=factor * limit).x[:, 0]) for factor in (0.99, 1.01)
    )
    assert below[-100:].max() < 1e-8
    assert not above[-100:].max() < 1e3  # it may be NaN


@pytest.mark.parametrize("rule", DIVIDING, ids=lambda rule: rule.label())
@pytest.mark.parametrize("curvature", [0.3, 40.0])
def test_an_adaptive_rule_with_its_scale_held_agrees(rule, curvature):
    """The rule's own update late in a run, its scale put back before each step, gradients too small to change it."""
    scale, eps = 4.0, 0.5
    divisor = math.sqrt(scale) + eps
    limit = stability_limit(rule, curvature / divisor)
    if rule.decay == "decoupled":  # the decay is not divided by the scale
        limit = 3.8 / (0.1 * curvature / divisor + 1.9 * 0.1)
    memory = rule.betas[1] if hasattr(rule, "betas") else rule.alpha
    held = scale / memory
    ends = []
    for factor in (0.99, 1.01):
        tried = find(rule, lr=factor * limit, eps=eps)
        states = tried.init(0.0)
        names = list(states)
        states |= {"mu_product": 0.0} if "mu_product" in states else {}
        x = start = 1e-60
        for _ in range(4000):
            states |= {name: held for name in names if name.endswith(("avg_sq", "square_avg"))}
            delta, *new = tried.update(curvature * x, x, 10**8, *states.values())
            states, x = dict(zip(names, new, strict=True)), x + delta
        ends.append(abs(x) / start)
    assert ends[0] < 1e-3
    assert ends[1] > 1e3


@pytest.mark.parametrize("name", WITH_LIMIT)
def test_the_linear_step_shrinks_below_the_limit_and_grows_above(name):
    rule = RULES[name]()
    step, limit = Step(rule), stability_limit(rule, 5.0)
    point = np.random.default_rng(0).normal(size=1 + len(step.moving))
    with np.errstate(over="ignore", invalid="ignore"):
        shrunk, grown = (
            np.linalg.matrix_power(step.matrix(factor * limit, 5.0), 300_000) @ point for factor in (0.99, 1.0001)
        )
    assert np.abs(shrunk).max() < 1e-6
    assert not np.abs(grown).max() < 1e6  # it may be NaN


@pytest.mark.parametrize("name", WITH_LIMIT)
def test_without_decay_the_limit_is_inverse_to_the_curvature(name):
    rule = RULES[name]
    bare = rule(**{key: 0.0 for key in ("weight_decay",) if key in rule.hyperparameters()})
    assert stability_limit(bare, 50.0) == pytest.approx(stability_limit(bare, 1.0) / 50, rel=1e-12)


def test_the_rules_learning_rate_plays_no_part():
    assert stability_limit("momentum(lr=0.1)", 3.0) == stability_limit("momentum(lr=7)", 3.0)
    assert stability_limit("sgd(lr=0)", 2.0) == 1.0


def test_momentum_of_one_never_settles():
    assert stability_limit(SGD(momentum=1.0), 1.0) == 0
    assert stability_limit(SGD(momentum=1.1), 1.0) == 0


REFUSED = {
    "signum": "does not shrink with the gradient",
    "lion": "does not shrink with the gradient",
    "adagrad(lr_decay=0.1)": "never settles",
    "schedulefreesgd": "never settles",
    "lamb": "is not elementwise",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_rules_without_a_limit_say_why(rule):
    with pytest.raises(InvalidValue, match=REFUSED[rule]):
        stability_limit(rule, 1.0)


@dataclass(frozen=True, kw_only=True)
class Decreasing(SGD):
    """The rate of the next step is a state, as in torch's ASGD."""

    def init(self, param):
        return {"eta": self.lr}

    def update(self, grad, param, step, eta):
        return -eta * grad, self.lr / (1 + 0.1 * self.lr)


def test_a_rule_whose_state_is_a_learning_rate_has_no_limit_of_its_own():
    with pytest.raises(InvalidValue, match="a state of it is one"):
        stability_limit(Decreasing(), 1.0)


@pytest.mark.parametrize("curvature", [0, -1.0, math.inf, math.nan, "1", True])
def test_a_curvature_that_is_none(curvature):
    with pytest.raises(InvalidValue, match="curvature: must be a finite number above 0"):
        stability_limit("sgd", curvature)


FORMULAS = {
    "sgd": r"\frac{2}{h}",
    "momentum": r"\frac{2 (1 + \mu)}{h}",
    "nesterov": r"\frac{2 (1 + \mu)}{h (1 + 2 \mu)}",
    "adam": r"\frac{2 (1 + \beta_1)}{h (1 - \beta_1)}",
    "sgd(momentum=0.9,weight_decay=0.1)": r"\frac{2 (1 + \mu)}{\lambda + h}",
}


@pytest.mark.parametrize("rule", FORMULAS)
def test_formula(rule):
    assert stability_formula(rule) == FORMULAS[rule]


def test_no_formula_where_none_is_simple():
    assert stability_formula(AdEMAMix(alpha_warmup=5, beta3_warmup=7)) is None
    assert stability_formula(SGD(momentum=1.0)) is None
