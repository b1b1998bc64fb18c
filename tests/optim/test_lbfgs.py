"""L-BFGS against torch's and SciPy's, its line search against the conditions of Wolfe, and what it refuses."""

import copy
import itertools

import numpy as np
import pytest
import scipy.optimize
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.optim.line_search import Trial, strong_wolfe
from steepest.rules import resolve

START = (-1.2, 1.0, -0.5, 0.8)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def wavy(x):
    return (torch.arange(1, 5, dtype=x.dtype) * x * x).sum() + torch.cos(3 * x).sum()


def problem(function, start=START, shapes=((4,),), dtype=torch.float64):
    """Parameters that together hold the start, and a closure maker; each evaluated loss is recorded."""
    parts = torch.tensor(start, dtype=dtype).split([int(np.prod(shape)) for shape in shapes])
    params = [torch.nn.Parameter(part.clone().view(shape)) for part, shape in zip(parts, shapes, strict=True)]
    losses = []

    def closure():
        for param in params:
            param.grad = None
        loss = function(torch.cat([param.flatten() for param in params]))
        loss.backward()
        losses.append(loss.item())
        return loss

    return params, closure, losses


@pytest.mark.quick
@pytest.mark.parametrize("function", [rosenbrock, wavy])
@pytest.mark.parametrize("history", [1, 5])
def test_every_trial_is_that_of_torch(function, history):
    """In twelve iterations of one of torch's steps, which evaluates at the beginning only once for all of them."""
    params, closure, losses = problem(function)
    optimizer = steepest.LBFGS(params, history_size=history)
    evaluated = []
    for iteration in range(12):
        before = len(losses)
        optimizer.step(closure)
        evaluated += losses[before + (iteration > 0) :]
    assert optimizer.evaluations == len(losses) == len(evaluated) + 11
    others, their_closure, theirs = problem(function)
    settings = {"tolerance_grad": 0, "tolerance_change": 0, "line_search_fn": "strong_wolfe"}
    torch.optim.LBFGS(others, max_iter=12, max_eval=1000, history_size=history, **settings).step(their_closure)
    np.testing.assert_allclose(evaluated[: len(theirs)], theirs[: len(evaluated)], rtol=1e-9)
    torch.testing.assert_close(params[0], others[0], rtol=1e-9, atol=1e-9)


def test_it_arrives_where_scipy_arrives():
    params, closure, losses = problem(wavy)
    optimizer = steepest.LBFGS(params)
    for _ in range(40):
        optimizer.step(closure)

    def both(x):
        x = torch.tensor(x, requires_grad=True)
        loss = wavy(x)
        loss.backward()
        return loss.item(), x.grad.numpy()

    expected = scipy.optimize.minimize(both, np.array(START), jac=True, method="L-BFGS-B", tol=1e-15)
    np.testing.assert_allclose(losses[-1], expected.fun, rtol=1e-12)
    np.testing.assert_allclose(params[0].detach(), expected.x, atol=1e-6)


def test_the_direction_is_that_of_scipys_inverse_hessian():
    """Of its product with the gradient, from the same pairs."""
    params, closure, _ = problem(rosenbrock)
    optimizer = steepest.LBFGS(params, history_size=4)
    for _ in range(6):
        optimizer.step(closure)
    memory = optimizer.state[params[0]]
    steps, changes = (torch.stack(memory[name]).numpy() for name in ("steps", "changes"))
    before = params[0].detach().clone()
    closure()
    gradient = params[0].grad.clone()
    scale = steps[-1] @ changes[-1] / (changes[-1] @ changes[-1])  # SciPy's product starts from the identity
    root = np.sqrt(scale)
    inverse = scale * scipy.optimize.LbfgsInvHessProduct(steps / root, changes * root).todense()
    optimizer.step(closure)
    moved = params[0].detach() - before
    direction = -inverse @ gradient.numpy()
    np.testing.assert_allclose(moved / moved.norm(), direction / np.linalg.norm(direction), rtol=1e-9)


FUNCTIONS = {
    "quadratic": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "flat at first": (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
    "wave": (lambda t: np.sin(5 * t) / 5 - 1.01 * t + 0.3 * t * t, lambda t: np.cos(5 * t) - 1.01 + 0.6 * t),
    "wall": (lambda t: -np.log(1 - t) - 3 * t if t < 1 else np.inf, lambda t: 1 / (1 - t) - 3 if t < 1 else np.nan),
}


@pytest.mark.quick
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("first", [1e-3, 0.5, 1.0, 40.0])
@pytest.mark.parametrize("curvature", [0.1, 0.9])
def test_a_step_fulfils_the_conditions_of_wolfe(name, first, curvature):
    loss, slope = FUNCTIONS[name]
    calls = itertools.count()

    def evaluate(t):
        next(calls)
        return Trial(t, float(loss(t)), float(slope(t)), None)

    start = Trial(0.0, float(loss(0.0)), float(slope(0.0)), None)
    end = strong_wolfe(evaluate, start, first, 1e-4, curvature, 60)
    assert end.loss <= start.loss + 1e-4 * end.t * start.slope
    assert abs(end.slope) <= -curvature * start.slope
    assert next(calls) <= 60


def test_a_line_search_that_finds_nothing_stays():
    """A loss that rises along its own gradient, as one of other data at each call may."""
    params, _, _ = problem(wavy)
    before, count = params[0].detach().clone(), itertools.count()

    def closure():
        params[0].grad = torch.ones_like(params[0])
        return torch.tensor(float(next(count)))

    optimizer = steepest.LBFGS(params, max_evaluations=5)
    optimizer.step(closure)
    assert torch.equal(params[0].detach(), before) and optimizer.evaluations == 6


def test_several_tensors_are_one_vector():
    one, closure, losses = problem(rosenbrock)
    many, other_closure, others = problem(rosenbrock, shapes=((1, 2), (), (1,)))
    first, second = steepest.LBFGS(one), steepest.LBFGS(many)
    for _ in range(8):
        first.step(closure)
        second.step(other_closure)
    assert losses == others


def test_a_checkpoint_goes_on_bit_by_bit():
    params, closure, losses = problem(rosenbrock)
    optimizer = steepest.LBFGS(params)
    for _ in range(5):
        optimizer.step(closure)
    others, other_closure, theirs = problem(rosenbrock, start=params[0].tolist())
    other = steepest.LBFGS(others, lr=0.5)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    done = len(losses)
    for _ in range(5):
        optimizer.step(closure)
        other.step(other_closure)
    assert losses[done:] == theirs


def test_what_is_no_number_is_not_stepped_to():
    params, _, _ = problem(wavy)
    before = params[0].detach().clone()

    def closure():
        params[0].grad = torch.full_like(params[0], torch.nan)
        return torch.tensor(torch.nan)

    steepest.LBFGS(params).step(closure)
    assert torch.equal(params[0].detach(), before)


def test_it_competes_as_a_class_whose_step_takes_a_closure():
    rule = resolve("steepest:LBFGS(history_size=5)").rule_class
    assert (rule.title, rule.evaluations) == ("L-BFGS", None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.0}, r"LBFGS: lr must lie in \(0, inf\), got 0"),
        ({"history_size": 0}, r"LBFGS: history_size must lie in \[1, inf\), got 0"),
        ({"max_evaluations": 2.5}, "LBFGS: max_evaluations must be a whole number, got 2.5"),
        ({"c1": 0.9, "c2": 0.1}, "LBFGS: c1 must be below c2, got 0.9 and 0.1"),
    ],
)
def test_settings_out_of_their_interval_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        steepest.LBFGS([torch.nn.Parameter(torch.ones(2))], **settings)


def test_what_it_cannot_step_is_refused():
    weight = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(InvalidValue, match=r"call step\(closure\)"):
        steepest.LBFGS([weight]).step()
    with pytest.raises(InvalidValue, match="LBFGS: takes one group of parameters"):
        steepest.LBFGS([{"params": [weight]}, {"params": [torch.nn.Parameter(torch.ones(3))]}])
    with pytest.raises(InvalidValue, match="LBFGS: complex and sharded parameters are not possible"):
        steepest.LBFGS([torch.nn.Parameter(torch.ones(2, dtype=torch.complex64))])
