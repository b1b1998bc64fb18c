r"""What a noisy quadratic does on average, exactly: expected losses without a single run.

A rule whose step is linear in gradient, parameter and state moves the second moments of a quadratic's parameters by
matrices, a small one for each direction, and the loss is a sum of second moments. The matrices are taken from the rule
itself: what is computed is what is run.

The batches of a run are drawn without replacement, so they know of each other: what one has had, the others of its
epoch lack. Of $n$ examples with mean 0 and variance $s$, the means of batches of size $b$ have the covariances
$\frac{n s}{n - 1} (\frac{\delta}{b} - \frac1n)$, $\delta$ being 1 for a batch and itself: those of independent noise,
and of a part that a whole epoch shares, with a variance below 0.
"""

import math
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .. import rules, schedules, workloads
from ..base.checks import check_whole
from ..base.errors import InvalidValue
from ..rules import Rule
from ..schedules import Schedule
from . import Problem

__all__ = ["KnownQuadratic", "best_learning_rate", "expected_losses"]

Array = np.ndarray[Any, Any]


@runtime_checkable
class KnownQuadratic(Protocol):
    """The capability of problems whose expected losses are known; the attributes are those of `NoisyQuadratic`."""

    curvatures: tuple[float, ...]
    noise: float
    start: tuple[float, ...]
    rows: int


def expected_losses(
    workload: str | Problem = "quadratic",
    rule: str | Rule = "sgd",
    steps: int | None = None,
    batch_size: int | None = None,
    schedule: str | Schedule | None = None,
    **settings: Any,
) -> Array:
    """The mean over all seeds of the held-out loss, before the first step and after each.

    Args:
        workload: a noisy quadratic, such as `"quadratic(condition=1000)"`.
        rule: one whose step is linear: `sgd`, `momentum`, `nesterov`, with or without weight decay.
        steps: number of updates; default: the workload's.
        batch_size: examples a step; default: the workload's; as many as there are, or more, leave no noise.
        schedule: of the learning rate, as in `steepest.compare`.
        settings: hyperparameters of the rule; `lr` may be an array of learning rates.

    Returns:
        Array of `steps + 1` losses, infinite where too large for a number; a row for each of several learning rates.

    Raises:
        InvalidValue: another workload, a rule whose step is not linear, or a number that counts nothing.

    >>> losses = expected_losses("quadratic", "momentum", steps=100, lr=0.02)
    >>> losses.shape, round(float(losses[0]), 6)
    ((101,), 1.0)
    """
    problem, chosen, factor = _quadratic(workload), rules.find(rule, **settings), schedules.find(schedule)
    _check_that_it_is_linear(chosen)
    length = problem.steps if steps is None else steps
    check_whole("steps", length)
    size = problem.batch_size if batch_size is None else batch_size
    check_whole("batch_size", size)
    size = min(size, problem.rows)
    rates = np.atleast_1d(np.asarray(chosen.lr, dtype=float))[:, None]
    curvatures = np.array(problem.curvatures)
    variance = (problem.noise**2 / curvatures * problem.rows / (problem.rows - 1))[:, None, None]
    moments = _moments_at_start(chosen, problem.start)
    losses = [np.full(len(rates), _loss(moments, curvatures))]
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(length):
            matrix, push = _linear_step(chosen, rates * factor(step, length), step + 1, curvatures)
            if step % (problem.rows // size) == 0:  # a new epoch
                shared = np.zeros_like(push)
            carried = (matrix @ shared[..., None])[..., 0]
            shared = carried + push
            noise = _square(push) / size - (_square(shared) - _square(carried)) / problem.rows
            moments = matrix @ moments @ matrix.swapaxes(-1, -2) + variance * noise
            losses.append(_loss(moments, curvatures))
    table: Array = np.nan_to_num(np.stack(losses, axis=-1), nan=math.inf, posinf=math.inf)
    return table if np.ndim(chosen.lr) else table.ravel()


def best_learning_rate(
    workload: str | Problem = "quadratic",
    rule: str | Rule = "sgd",
    steps: int | None = None,
    batch_size: int | None = None,
    schedule: str | Schedule | None = None,
    within: tuple[float, float] = (1e-6, 1e2),
    **settings: Any,
) -> float:
    """The learning rate with the lowest expected loss after the last step, to six digits.

    Args:
        workload, rule, steps, batch_size, schedule, settings: as in `expected_losses`.
        within: where to look.

    >>> lr = best_learning_rate("quadratic(noise=0, spectrum=(1,))", "sgd", steps=5)
    >>> round(lr, 4)  # one Newton step
    1.0
    """
    from scipy.optimize import minimize_scalar

    def final(lr: Any) -> Any:
        return expected_losses(workload, rule, steps, batch_size, schedule, **settings | {"lr": lr})[..., -1]

    grid = np.geomspace(*within, 400)
    place = int(np.argmin(final(grid)))
    around = np.log(grid[[max(place - 1, 0), min(place + 1, len(grid) - 1)]])
    found = minimize_scalar(lambda log: float(final(math.exp(log))), bounds=around, options={"xatol": 1e-7})
    return math.exp(found.x)


def _quadratic(workload: str | Problem) -> Any:
    problem = workloads.find(workload) if isinstance(workload, str) else workload
    if not isinstance(problem, KnownQuadratic):
        raise InvalidValue(f"{problem.name}: has no exact expected losses; the quadratic workload has them")
    return problem


# --- a step as a matrix -----------------------------------------------------------------------------------------------


def _linear_step(rule: Rule, lr: Any, step: int, curvatures: Array) -> tuple[Array, Array]:
    """What a step multiplies parameter and state by, and what it adds for a batch whose mean is 1.

    Returns:
        Arrays `(rates, directions, n, n)` and `(rates, directions, n)`, n counting the parameter and its states.
    """
    count = 1 + len(_states(rule))
    inputs = np.eye(count + 1).reshape(count + 1, count + 1, 1, 1)  # one at a time of parameter, states and noise
    outputs = _step(replace(rule, lr=lr), step, curvatures, inputs)
    return np.moveaxis(outputs[:, :-1], (0, 1), (-2, -1)), np.moveaxis(outputs[:, -1], 0, -1)


def _step(rule: Rule, step: int, curvatures: Array, inputs: Array) -> Array:
    """New parameter and states from old ones and the mean of a batch, all stacked along the first axis."""
    param, *values, mean = inputs
    states = iter(values)
    given = [None if start is None else next(states) for start in rule.init(param).values()]
    delta, *new = rule.update(curvatures * (param - mean), param, step, *given)
    kept = [value for value in new if value is not None]
    return np.stack(np.broadcast_arrays(*(param + delta, *kept)))


def _states(rule: Rule) -> list[str]:
    return [name for name, start in rule.init(np.zeros(1)).items() if start is not None]


def _check_that_it_is_linear(rule: Rule) -> None:
    refusal = InvalidValue(f"{rule.title}: has no exact expected losses, its step is not linear in the gradient")
    if not rule.elementwise or rule.numbers or any(np.any(rule.init(np.ones(1))[name] != 0) for name in _states(rule)):
        raise refusal
    one = replace(rule, lr=float(np.ravel(rule.lr)[0]))
    draws = np.random.default_rng(0).standard_normal((2 + len(_states(rule)), 1, 8))
    for step in (1, 2):
        matrix, push = _linear_step(one, one.lr, step, np.ones(8))
        with np.errstate(all="ignore"):
            expected = np.einsum("...ij,j...->i...", matrix, draws[:-1]) + np.moveaxis(push, -1, 0) * draws[-1]
            if not np.allclose(_step(one, step, np.ones(8), draws), expected, rtol=1e-9):
                raise refusal


# --- moments ----------------------------------------------------------------------------------------------------------


def _moments_at_start(rule: Rule, start: Any) -> Array:
    """Second moments `(1, directions, n, n)` of the parameter, whose size is known, and of states that are 0."""
    count = 1 + len(_states(rule))
    moments = np.zeros((1, len(start), count, count))
    moments[..., 0, 0] = np.square(start)
    return moments


def _loss(moments: Array, curvatures: Array) -> Array:
    return np.asarray(0.5 * (curvatures * moments[..., 0, 0]).sum(axis=-1))


def _square(vector: Array) -> Array:
    return vector[..., :, None] * vector[..., None, :]
