"""The linear step of a rule, as findings need it: cached, with its limits, and the rates that it has at a step."""

from copy import copy
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..base.errors import InvalidValue
from ..program.linear_step import Step
from ..program.stability import first_unstable, spectral_radius, stability_limit
from ..rules import External, Rule
from .measures import Floats

__all__ = ["is_adaptive", "limit_now", "limit_of", "linear_of", "own_rate", "scales_at", "unit_of"]


def unit_of(rule: Rule) -> Rule:
    """The rule with learning rate 1, by which its linear step and its limits are cached; itself if it has no rate."""
    return replace(rule, lr=1.0) if "lr" in rule.hyperparameters() else rule


@lru_cache(maxsize=256)
def linear_of(unit: Rule) -> Step | None:
    """The linear step of a rule; None for one that has none, or an average over all steps, which never settles."""
    if type(unit).evaluation is not Rule.evaluation or isinstance(unit, External):
        return None
    try:
        return Step(unit)
    except InvalidValue:
        return None


@lru_cache(maxsize=4096)
def limit_of(unit: Rule, curvature: float) -> float | None:
    """The stability limit of a rule at a curvature, None if it has none."""
    if linear_of(unit) is None:
        return None
    try:
        return stability_limit(unit, curvature)
    except InvalidValue:
        return None


def is_adaptive(rule: Rule) -> bool:
    """Whether a step is not in proportion to the gradient: the rule divides by a scale, or takes signs."""
    linear = linear_of(unit_of(rule))
    return linear is None or len(linear.scales) > 0


def limit_now(rule: Rule, scales: dict[str, float], step: int, curvature: float) -> float | None:
    """The limit of a rule that divides by scales, as they and the step count are now; None if it has none."""
    if not curvature > 0 or limit_of(unit_of(rule), curvature) is None:
        return None
    now = _frozen(rule, scales)
    return first_unstable(lambda lr: spectral_radius(now.matrix(lr, curvature, step)))


def own_rate(rule: Rule, scales: dict[str, float], lr: float, step: int) -> float:
    """How far the update moves a coordinate whose gradient was 1 at every step so far, with its scales as they are now.

    For Adam this is lr over the root of v; the last change over the last gradient is not, as the change averages many
    gradients.
    """
    now = _frozen(rule, scales)
    still, pulled = now.matrix(lr, 0.0, step), now.matrix(lr, 1.0, step)
    kick, memory = pulled[:, 0] - still[:, 0], np.zeros(len(still) - 1)
    for _ in range(step - 1):
        memory = still[1:, 1:] @ memory + kick[1:]
    return -float(kick[0] + still[0, 1:] @ memory)


def _frozen(rule: Rule, scales: dict[str, float]) -> Step:
    """The rule's step, with scales that are not 1 and its own eps."""
    now = copy(linear_of(unit_of(rule)))
    assert now is not None  # of rules with a limit only
    now.frozen = now.frozen | scales
    now.settings = now.settings | {"eps": np.float64(getattr(rule, "eps", 0.0))}
    return now


def scales_at(linear: Step, state: dict[str, Floats], step: int, axis: int, dims: int) -> dict[str, float]:
    """The scales of a coordinate at a step, by name."""
    return {name: float(np.broadcast_to(state[name][step], dims)[axis]) for name in linear.scales}
