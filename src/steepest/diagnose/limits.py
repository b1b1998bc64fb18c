r"""How sharply the loss may curve along a step before steps of its rule are no longer stable there.

A step $\delta$ of a rule with learning rate $\eta$ is stable where the preconditioned curvature along it stays below
the rule's limit $c / \eta$ (`steepest.program.stability`; $c = 2$ of gradient descent, 38 of Adam):

$$\delta^\top H \delta \le \frac{c}{\eta} \, \delta^\top P \delta$$

$P$ is what the rule divides by, as it stands at the step: 1 of momentum, the root of the second moment of Adam, with
both corrections for starting at zero, as in Cohen et al. 2022. No rule needs $P$ itself where its memory is divided
last: with $u = P \delta$, the step before the division, $\delta^\top P \delta = \delta \cdot u$, and $u$ is a sum of
gradient and moving states whose coefficients the rule's program tells. The left side is at most what the sharpest
direction has, so a step beyond its limit proves that direction beyond it, up to third order.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor

from .. import rules
from ..base.errors import SteepestError
from ..optim import modes
from ..program.evaluate import interpret
from ..program.linear_step import LATE, TINY, Step
from ..program.record import Value
from ..program.stability import stability_limit
from ..rules import Rule

__all__ = ["Limit", "Why", "limit_of", "rule_in"]

LIKE: dict[str, Callable[[Any], Rule]] = {
    "LAMB": lambda rule: rules.Adam(betas=rule.betas),
    "StableAdamW": lambda rule: rules.Adam(betas=rule.betas),
    "Adafactor": lambda rule: rules.SGD(),
}
"""Rules that divide by more than one number at a time: with all of it frozen, steps are those of these."""

IN_TORCH: dict[str, type[Rule]] = {
    "Adadelta": rules.Adadelta, "Adagrad": rules.Adagrad, "Adam": rules.Adam, "AdamW": rules.AdamW,
    "Adamax": rules.Adamax, "ASGD": rules.SGD, "NAdam": rules.NAdam, "RAdam": rules.RAdam, "RMSprop": rules.RMSprop,
    "SGD": rules.SGD, "Adafactor": rules.Adafactor, "Lion": rules.Lion, "Rprop": rules.Rprop, "Muon": rules.Muon,
}  # fmt: skip
"""The rule of each class of `torch.optim` whose steps are those of a rule."""

Why = str
"""Why there is no limit: a variant of the phrase `no_limit`."""


@dataclass(frozen=True)
class Limit:
    r"""The limit of a rule, for one setting of its hyperparameters.

    Attributes:
        times: $c$: the limit as learning rate times preconditioned curvature.
        parts: coefficient of each part of $-u / \eta$ by its name: `"grad"`, `"param"` (weight decay that is part of
            the gradient), or a state after the step.
        rule: where what a rule divides by acts before its memory, that rule: $P$ is then computed entry by entry.
        scales: names of the states that $P$ is computed from, in that case.
    """

    times: float
    parts: tuple[tuple[str, float], ...]
    rule: Rule | None = None
    scales: tuple[str, ...] = ()

    @property
    def needs(self) -> list[str]:
        """Names of the states that it takes."""
        return [*(name for name, _ in self.parts if name not in ("grad", "param")), *self.scales]

    def along(self, inner: dict[str, float]) -> float:
        r"""The largest stable $\delta^\top H \delta$, from the inner product of the step with each part."""
        return self.times * math.fsum(factor * inner[name] for name, factor in self.parts)

    def entrywise(self, changes: Sequence[Tensor], states: Sequence[dict[str, Any]], lr: float) -> float:
        """The same of a rule that divides before it remembers."""
        assert self.rule is not None
        total = 0.0
        for change, state in zip(changes, states, strict=True):  # each has its own count of steps
            scales = {name: state[name] for name in self.scales}
            total += float((change.square() / _divided(self.rule, scales, float(state["step"]))).sum())
        return self.times * total / lr


def rule_in(optimizer: Any, group: dict[str, Any]) -> Rule | Why:
    """The rule that an optimizer steps a group by, at learning rate 1; or why there is no limit of it."""
    if hasattr(optimizer, "rule_class"):
        rule_class: type[Rule] = optimizer._class(group)
    elif type(optimizer).__module__.startswith("torch.optim.") and type(optimizer).__name__ in IN_TORCH:
        rule_class = IN_TORCH[type(optimizer).__name__]
    else:
        return "unknown"
    if modes.evaluates_elsewhere(rule_class):
        return "average"
    if group.get("maximize"):
        return "unknown"
    given = {name: _plain(group[name]) for name in rule_class.hyperparameters() if name in group}
    if any(isinstance(value, Tensor) for value in given.values()):
        return "unknown"  # a setting on an accelerator, which would have to be fetched
    try:
        return rule_class(**given | {"lr": 1.0} | ({"lr_decay": 0.0} if "lr_decay" in given else {}))
    except (SteepestError, TypeError):
        return "unknown"


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.is_cpu and value.numel() == 1):
        return value.item()
    return value


@lru_cache(maxsize=128)
def limit_of(rule: Rule) -> Limit | Why:
    """The limit of a rule, without its decay; or why it has none.

    >>> limit_of(rules.SGD(lr=1.0, momentum=0.9))
    Limit(times=3.8, parts=(('momentum_buffer', -1.0),), rule=None, scales=())
    >>> limit_of(rules.Lion(lr=1.0))
    'sign'
    """
    name = type(rule).__name__
    if name in LIKE:
        return limit_of(LIKE[name](rule))
    if not rule.elementwise:
        return "sign" if isinstance(rule, rules.Muon) else "tensor"
    if getattr(rule, "centered", False):
        return "unknown"  # what it divides by is made of gradients with their signs
    try:
        undecayed: dict[str, Any] = {"weight_decay": 0.0} if hasattr(rule, "weight_decay") else {}
        bare = replace(rule, **undecayed)
        times = round(stability_limit(bare, 1.0), 12)
        step = Step(rule)
    except SteepestError as error:
        return "sign" if "does not shrink with the gradient" in str(error) else "unknown"
    if not 0 < times < math.inf:
        return "unknown"
    parts = _parts(step, 1.0)
    if parts is None:
        return "unknown"
    scaled = _parts(step, 4.0) if step.scales and step.moving else None
    if scaled is None:
        return Limit(times, tuple(parts.items()))
    if scaled == parts:  # the division comes first, and its result is remembered
        return Limit(times, (), bare, tuple(step.scales))
    ratio = next(scaled[name] / parts[name] for name in parts if name != "param")
    alike = {name: factor for name, factor in parts.items() if math.isclose(scaled[name], ratio * factor, rel_tol=1e-9)}
    return Limit(times, tuple(alike.items())) if alike.keys() | {"param"} == parts.keys() | {"param"} else "unknown"


def _parts(step: Step, scale: float) -> dict[str, float] | None:
    """What the change of a parameter is made of: its coefficients, at one value of all scales; None if of more."""
    outputs = step.program.outputs
    after = {
        outputs[name].name: name
        for name in step.moving
        if isinstance(outputs[name], Value) and outputs[name].name.startswith("%")
    }
    frozen = {name: scale if name in step.scales else value for name, value in step.frozen.items()}
    still = {outputs[name].name: value for name, value in frozen.items() if isinstance(outputs[name], Value)}
    inputs = step.settings | frozen | {"lr": np.float64(1), "step": np.float64(LATE)}

    def change(**given: float) -> float:
        known = {key: np.float64(given.get(name, 0.0)) for key, name in after.items()} | still
        before = {name: np.float64(given.get(f"before {name}", 0.0)) for name in step.moving}
        point = {name: np.float64(given.get(name, 0.0)) for name in ("grad", "param")}
        with np.errstate(all="ignore"):
            return float(interpret(step.program, inputs | before | point, known)["delta"]) / TINY

    names = ("grad", "param", *after.values())
    found = {name: change(**{name: TINY}) for name in names}
    hidden = [change(**{f"before {name}": TINY}) for name in step.moving]
    if any(hidden) or not all(map(math.isfinite, found.values())) or not any(found.values()):
        return None
    return {name: round(factor, 12) for name, factor in found.items() if factor}


def _divided(rule: Rule, scales: dict[str, Tensor], step: float) -> Tensor:
    """1 over what a rule divides by, for each entry, from the scales as they stand."""
    linear = _linear(rule)
    outputs = linear.program.outputs
    eps = {name: getattr(rule, name) for name in linear.settings if name == "eps"}
    frozen: dict[str, Any] = linear.frozen | scales
    known = {outputs[name].name: value for name, value in frozen.items() if isinstance(outputs[name], Value)}
    point = dict.fromkeys(linear.moving, 0.0) | {"grad": TINY, "param": 0.0, "lr": 1.0}
    inputs = {name: float(value) for name, value in linear.settings.items()} | eps | frozen | point
    changed: Tensor = interpret(linear.program, inputs | {"step": step}, known)["delta"]
    return changed / (TINY * float(linear.matrix(1.0, 1.0)[0, 0] - 1))


@lru_cache(maxsize=64)
def _linear(rule: Rule) -> Step:
    return Step(rule)
