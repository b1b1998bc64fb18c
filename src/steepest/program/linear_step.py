"""One step of a rule on the quadratic `curvature / 2 * x**2`, as a linear function: a matrix.

There the gradient is `curvature * x`, and parameter and states make one step `u -> M u`. Two kinds of state are no
part of `u`:

- **Scales** are states that stay the same when gradient, parameter and all other states change sign: averages, sums and
  maxima of squares or sizes. They are *frozen* at 1, with eps at 0, so that what the rule divides by is 1.
- States that depend on the step alone (NAdam's product of momenta) stand where they are after many steps, and so do
  corrections for starting at zero: there are none left.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InvalidValue
from ..rules import Rule
from .evaluate import interpret
from .record import Program, Value, record, settings

__all__ = ["LATE", "Floats", "Step"]

LATE = 10**12
"""The step that stands for "after many steps"."""

PATIENCE = 50_000
"""Steps in which a state that depends on the step alone has to settle."""

TINY = 2.0**-30
"""How far from 0 a step is called linear; a power of two loses no digit."""

Floats = NDArray[np.float64]


class Step:
    """A rule's step as a function of parameter and moving states, all else frozen or settled.

    Attributes:
        program: the rule's, with its learning rate an input.
        settings: the hyperparameters by the name of the input, with eps set to 0.
        moving: names of the states that are part of the linear step.
        scales: names of the states that are frozen at 1, such as the mean square of Adam.
        frozen: the constant value of every state that is not `moving`, by name.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.program = record(replace(rule, lr=1.0))
        if any(operation.kind in ("mod", "floordiv") for operation in self.program.needed()):
            raise InvalidValue(f"{rule.title} has no largest stable learning rate: not all of its steps are alike")
        self.settings = {
            name: np.float64(value) for name, value in settings(rule).items() if name in self.program.inputs
        }
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
        """The constant values of the frozen states, by the name of the result that would replace each."""
        outputs = self.program.outputs
        return {outputs[name].name: value for name, value in self.frozen.items() if isinstance(outputs[name], Value)}

    def matrix(self, lr: float, curvature: float, step: int = LATE) -> Floats:
        """The matrix of the step around 0, shape (1 + moving, 1 + moving): parameter first, then the moving states."""
        given = self.settings | {"lr": np.float64(lr), "step": np.float64(step)}
        unit = TINY * np.eye(1 + len(self.moving))
        with np.errstate(all="ignore"):
            return np.array([self(row, curvature, given, {}) for row in unit], dtype=np.float64).T / TINY

    def check(self, curvature: float) -> None:
        """Raise `InvalidValue` unless the step is linear near 0 and no longer changes with the step count."""
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
        """Where the states that depend on the step alone stand after many steps, whatever the learning rate."""
        settled = self._settled_at(1.0, clocks)
        if clocks and self._settled_at(2.0, clocks) != settled:
            raise InvalidValue(f"{self.rule.title} has no largest stable learning rate: a state of it is one")
        return settled

    def _settled_at(self, lr: float, clocks: Sequence[str]) -> dict[str, float]:
        program = replace(self.program, outputs={name: self.program.outputs[name] for name in clocks})
        given = self.settings | {"lr": np.float64(lr), "step": np.float64(LATE)}
        first = {name: self.program.initial[name] for name in clocks}
        state = {
            name: given[value.name] if isinstance(value, Value) else np.float64(value) for name, value in first.items()
        }
        for _ in range(PATIENCE if clocks else 1):
            new = interpret(program, given | state)
            if all(abs(new[name] - state[name]) <= 1e-15 * abs(state[name]) + 1e-18 for name in clocks):
                return {name: round(float(value), 12) for name, value in state.items()}
            state = new
        raise InvalidValue(f"{self.rule.title} has no largest stable learning rate: its step never settles")

    def _scales(self, states: Sequence[str]) -> list[str]:
        """The states that do not change sign with the gradient, the parameter and all others."""
        random = np.random.default_rng(0)
        values = {name: np.float64(random.uniform(0.5, 1.5)) for name in ("grad", "param", *states)}
        fixed = self.settings | self.frozen | {"lr": np.float64(1), "step": np.float64(3)}
        there = interpret(self.program, fixed | values)
        for even in product((False, True), repeat=len(states)):
            scales = {name for name, is_even in zip(states, even, strict=True) if is_even}
            flipped = {name: value if name in scales else -value for name, value in values.items()}
            back = interpret(self.program, fixed | flipped)
            signs = {name: 1 if name in scales else -1 for name in (*states, "delta")}
            if all(np.isclose(back[name], sign * there[name], rtol=1e-12, atol=0) for name, sign in signs.items()):
                return sorted(scales)
        raise InvalidValue(
            f"{self.rule.title} has no largest stable learning rate: its step is not odd in the gradient"
        )


def _autonomous(program: Program, states: Sequence[str]) -> list[str]:
    """The states that depend on neither gradient nor parameter."""
    touched = {"grad", "param"}
    while True:
        reached = set(touched)
        for operation in program.needed():
            if any(isinstance(operand, Value) and operand.name in reached for operand in operation.operands):
                reached.add(operation.result.name)
        outputs = {name: value for name, value in program.outputs.items() if name != "delta"}
        grown = touched | {
            name for name, value in outputs.items() if isinstance(value, Value) and value.name in reached
        }
        if grown == touched:
            return [name for name in states if name not in touched]
        touched = grown
