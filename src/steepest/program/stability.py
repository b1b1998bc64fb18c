"""The largest stable learning rate at a curvature: one step of a rule, linearised on `curvature / 2 * x**2`.

A step `u -> M u` (see `linear_step`) is stable while every eigenvalue of M lies inside the unit circle. M depends on
the learning rate; the limit is where the first one leaves.

What a rule divides by is frozen at 1: the limit is that of the *preconditioned* curvature, the curvature divided by
what the rule divides by (for Adam the root of v, plus eps). To know whether a run of Adam is at its edge, divide the
curvature along each coordinate by it first (Cohen et al. 2022, Adaptive gradient methods at the edge of stability). A
rule without such scales has no such caveat.

Not defined for rules that need whole tensors (their coordinates are coupled), for rules whose step does not shrink with
the gradient (signs), and for those whose step goes on changing with time (a learning rate that decays, a running mean).
"""

import math
from collections.abc import Callable

import numpy as np

from ..base.errors import InvalidValue
from ..rules import Rule, find
from .linear_step import Floats, Step

__all__ = ["first_unstable", "spectral_radius", "stability_formula", "stability_limit", "stability_scales"]

SMALLEST, LARGEST, GROWTH = 1e-6, 1e15, 1.1
"""Learning rates times curvature that are tried, and the factor between two."""


def stability_limit(rule: str | Rule | type[Rule], curvature: float) -> float:
    """The learning rate from which on a rule no longer converges on a quadratic of this curvature.

    The rule's own learning rate plays no part. Of a rule that divides by a scale (Adagrad, RMSprop, Adam...) the limit
    belongs to the preconditioned curvature, with that scale frozen; see `steepest.program.stability`.

    Returns:
        The limit; infinite if every learning rate is stable, 0 if none is.

    Raises:
        InvalidValue: the curvature is not above 0, or the rule has no such limit.

    >>> stability_limit("sgd", 4.0)
    0.5
    >>> round(stability_limit("momentum", 4.0), 12), round(stability_limit("adam", 1.0), 9)
    (0.95, 38.0)
    """
    if isinstance(curvature, bool) or not isinstance(curvature, int | float) or not 0 < curvature < math.inf:
        raise InvalidValue(f"curvature: must be a finite number above 0, got {curvature!r}")
    step = Step(find(rule))
    step.check(curvature)
    matrix = _of_rates(step, curvature)
    return first_unstable(lambda scaled: spectral_radius(matrix(scaled))) / curvature


def _of_rates(step: Step, curvature: float) -> Callable[[float], Floats]:
    """The matrix of a step as a function of learning rate times curvature.

    Most rules multiply by the learning rate once: the matrix is a straight line of it, which is quicker than the rule.
    """
    start, one, two = (step.matrix(scaled / curvature, curvature) for scaled in (0.0, 1.0, 2.0))
    slope = one - start
    if np.abs(two - start - 2 * slope).max() <= 1e-14 * max(1.0, np.abs(two).max()):
        return lambda scaled: start + scaled * slope
    return lambda scaled: step.matrix(scaled / curvature, curvature)


def stability_formula(rule: str | Rule | type[Rule]) -> str | None:
    r"""The limit as LaTeX, with the curvature h; None where it has no closed form of one line.

    >>> stability_formula("adam")
    '\\frac{2 (1 + \\beta_1)}{h (1 - \\beta_1)}'
    """
    chosen = find(rule)
    limit = stability_limit(chosen, 1.0)
    if not 0 < limit < math.inf:
        return None
    from .closed_form import closed_form  # loads SymPy, which takes half a second

    return closed_form(chosen, Step(chosen), limit)


def stability_scales(rule: str | Rule | type[Rule]) -> list[str]:
    """The states that the limit takes as frozen; of a rule without any, the limit is that of the curvature itself.

    >>> stability_scales("adam"), stability_scales("momentum")
    (['exp_avg_sq'], [])
    """
    return Step(find(rule)).scales


def spectral_radius(matrix: Floats) -> float:
    """The largest modulus of an eigenvalue of a square matrix of finite numbers."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def first_unstable(radius: Callable[[float], float]) -> float:
    """Where the radius first reaches 1 as the learning rate (times the curvature) grows, to the last digit."""
    stable, unstable = SMALLEST, SMALLEST * GROWTH
    if radius(stable) > 1 - 1e-12:
        return 0.0
    while radius(unstable) < 1:
        stable, unstable = unstable, unstable * GROWTH
        if unstable > LARGEST:
            return math.inf
    while stable < (middle := (stable + unstable) / 2) < unstable:
        stable, unstable = (middle, unstable) if radius(middle) < 1 else (stable, middle)
    return unstable
