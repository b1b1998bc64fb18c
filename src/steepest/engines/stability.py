"""How large a learning rate a curvature bears: one step of a rule, linearised on the quadratic `curvature / 2 * x**2`.

There the gradient is `curvature * x`, and parameter and states make one step `u -> M u`. It is stable while every
eigenvalue of M lies inside the unit circle. M depends on the learning rate; the limit is where the first one leaves.

Two kinds of state are no part of `u`:

- **Scales** are states that stay the same when gradient, parameter and all other states change sign: averages, sums and
  maxima of squares or sizes. They are *frozen* at 1, with eps at 0, so that what the rule divides by is 1: the limit is
  that of the *preconditioned* curvature, the curvature divided by what the rule divides by (for Adam the root of v,
  plus eps). To know whether a run of Adam is at its edge, divide the curvature along each coordinate by it first
  (Cohen et al. 2022, Adaptive gradient methods at the edge of stability). A rule without scales has no such caveat.
- States that depend on the step alone (NAdam's product of momenta) stand where they are after many steps, and so do
  corrections for starting at zero: there are none left.

Not defined for rules that need whole tensors (their coordinates are coupled), for rules whose step does not shrink with
the gradient (signs), and for those whose step goes on changing with time (a learning rate that decays, a running mean).
"""

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ops
from ..errors import InvalidValue
from ..rules import Rule, find
from .program import BINARY, FUNCTIONS, Program, Value, record, settings

__all__ = ["LATE", "Step", "interpret", "stability_formula", "stability_limit", "stability_scales"]

LATE = 10**12
"""The step that stands for "after many steps"."""

PATIENCE = 50_000
"""Steps in which a state that depends on the step alone has to settle."""

TINY = 2.0**-30
"""How far from 0 a step is called linear; a power of two loses no digit."""

SMALLEST, LARGEST, GROWTH = 1e-6, 1e15, 1.1
"""Learning rates times curvature that are tried, and the factor between two."""

Floats = NDArray[np.float64]


def stability_limit(rule: str | Rule | type[Rule], curvature: float) -> float:
    """The learning rate from which on a rule no longer converges on a quadratic of this curvature.

    The rule's own learning rate plays no part. Of a rule that divides by a scale (Adagrad, RMSprop, Adam...) the limit
    belongs to the preconditioned curvature, with that scale frozen; see `steepest.engines.stability`.

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
    return _first_unstable(lambda scaled: _radius(step.matrix(scaled / curvature, curvature))) / curvature


def stability_formula(rule: str | Rule | type[Rule]) -> str | None:
    r"""The limit as LaTeX, with the curvature h; None where it has no closed form of one line.

    >>> stability_formula("adam")
    '\\frac{2 (1 + \\beta_1)}{h (1 - \\beta_1)}'
    """
    chosen = find(rule)
    limit = stability_limit(chosen, 1.0)
    if not 0 < limit < math.inf:
        return None
    from .closed_form import closed_form

    return closed_form(chosen, Step(chosen), limit)


def stability_scales(rule: str | Rule | type[Rule]) -> list[str]:
    """The states that the limit takes as frozen; of a rule without any, the limit is that of the curvature itself.

    >>> stability_scales("adam"), stability_scales("momentum")
    (['exp_avg_sq'], [])
    """
    return Step(find(rule)).scales


def _radius(matrix: Floats) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _first_unstable(radius: Callable[[float], float]) -> float:
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


# --- the linear step --------------------------------------------------------------------------------------------------


class Step:
    """A rule's step as a function of parameter and moving states, all else frozen or settled.

    Attributes:
        program: the rule's, with its learning rate an input.
        settings: the hyperparameters by the name of the input, eps 0.
        moving: states that are part of the linear step.
        frozen: what all other states are, by name.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.program = record(replace(rule, lr=1.0))
        self.settings = {name: np.float64(value) for name, value in _numbers(rule) if name in self.program.inputs}
        self.settings |= {name: np.float64(0) for name in self.settings if name.partition("_")[0] == "eps"}
        states = [*self.program.states, *self.program.numbers]
        clocks = _autonomous(self.program, states)
        with np.errstate(all="ignore"):
            self.frozen: dict[str, float] = self._settled(clocks)
            self.scales = self._scales([name for name in states if name not in clocks])
        self.frozen |= dict.fromkeys(self.scales, 1.0)
        self.moving = [name for name in states if name not in self.frozen]

    def __call__(self, state: Any, curvature: Any, given: dict[str, Any], cut: dict[str, Any]) -> list[Any]:
        """Parameter and moving states after a step; `cut` gives results that are not to be computed, by name."""
        param, *moving = state
        inputs = given | self.frozen | dict(zip(self.moving, moving, strict=True))
        inputs |= {"param": param, "grad": curvature * param}
        new = interpret(self.program, inputs, cut | self.still())
        return [param + new["delta"], *(new[name] for name in self.moving)]

    def still(self) -> dict[str, float]:
        """The results that are frozen states."""
        outputs = self.program.outputs
        return {outputs[name].name: value for name, value in self.frozen.items() if isinstance(outputs[name], Value)}

    def matrix(self, lr: float, curvature: float, step: int = LATE) -> Floats:
        """The linear step, at the place where parameter and moving states are 0."""
        given = self.settings | {"lr": np.float64(lr), "step": np.float64(step)}
        unit = TINY * np.eye(1 + len(self.moving))
        with np.errstate(all="ignore"):
            return np.array([self(row, curvature, given, {}) for row in unit], dtype=np.float64).T / TINY

    def check(self, curvature: float) -> None:
        """Raise `InvalidValue` unless the step is linear near 0 and stays the same."""
        matrix, later = (self.matrix(1 / curvature, curvature, step) for step in (LATE, 2 * LATE))
        moved = matrix - self.matrix(0.0, curvature)
        tolerance = 1e-9 * np.abs(moved).max()
        if not np.isfinite(matrix).all() or np.abs(later - matrix).max() > tolerance:
            raise InvalidValue(f"{self.rule.title} has no largest stable learning rate: its step never settles")
        point = TINY * np.random.default_rng(0).uniform(-1, 1, len(matrix))
        given = self.settings | {"lr": np.float64(1 / curvature), "step": np.float64(LATE)}
        if not np.allclose(self(point, curvature, given, {}), matrix @ point, rtol=1e-9, atol=1e-9 * TINY):
            raise InvalidValue(
                f"{self.rule.title} has no largest stable learning rate: its step does not shrink with the gradient"
            )

    def _settled(self, clocks: Sequence[str]) -> dict[str, float]:
        """Where the states that depend on the step alone stand after many steps."""
        program = replace(self.program, outputs={name: self.program.outputs[name] for name in clocks})
        state = {name: np.float64(self.program.initial[name]) for name in clocks}
        given = self.settings | {"lr": np.float64(1), "step": np.float64(LATE)}
        for _ in range(PATIENCE if clocks else 1):
            new = interpret(program, given | state, {})
            if all(abs(new[name] - state[name]) <= 1e-15 * abs(state[name]) + 1e-18 for name in clocks):
                return {name: round(float(value), 12) for name, value in state.items()}
            state = new
        raise InvalidValue(f"{self.rule.title} has no largest stable learning rate: its step never settles")

    def _scales(self, states: Sequence[str]) -> list[str]:
        """The states that do not change sign with the gradient, the parameter and all others."""
        random = np.random.default_rng(0)
        values = {name: random.uniform(0.5, 1.5) for name in ("grad", "param", *states)}
        fixed = self.settings | self.frozen | {"lr": np.float64(1), "step": np.float64(3)}
        there = interpret(self.program, fixed | values, {})
        for even in product((False, True), repeat=len(states)):
            scales = {name for name, each in zip(states, even, strict=True) if each}
            flipped = {name: value if name in scales else -value for name, value in values.items()}
            back = interpret(self.program, fixed | flipped, {})
            signs = {name: 1 if name in scales else -1 for name in (*states, "delta")}
            if all(np.isclose(back[name], sign * there[name], rtol=1e-12, atol=0) for name, sign in signs.items()):
                return sorted(scales)
        raise InvalidValue(
            f"{self.rule.title} has no largest stable learning rate: its step is not odd in the gradient"
        )


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (*BINARY, "neg")},
    **{name: getattr(ops, name) for name in FUNCTIONS},
}


def interpret(program: Program, inputs: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The outputs of a program for any kind of inputs; `known` results, by name, are not computed."""
    values = inputs | known
    for each in program.needed():
        if each.result.name not in values:
            operands = [values[one.name] if isinstance(one, Value) else one for one in each.operands]
            values[each.result.name] = OPERATIONS[each.kind](*operands)
    return {name: values[one.name] if isinstance(one, Value) else one for name, one in program.outputs.items()}


def _numbers(rule: Rule) -> Iterator[tuple[str, float]]:
    for name, value in settings(rule):
        if isinstance(value, tuple | list):
            yield from ((f"{name}_{i}", each) for i, each in enumerate(value))
        else:
            yield name, value


def _autonomous(program: Program, states: Sequence[str]) -> list[str]:
    """The states that gradient and parameter never touch."""
    touched = {"grad", "param"}
    while True:
        reached = set(touched)
        for each in program.needed():
            if any(isinstance(one, Value) and one.name in reached for one in each.operands):
                reached.add(each.result.name)
        outputs = {name: value for name, value in program.outputs.items() if name != "delta"}
        grown = touched | {name for name, one in outputs.items() if isinstance(one, Value) and one.name in reached}
        if grown == touched:
            return [name for name in states if name not in touched]
        touched = grown
