"""Cautious steps, and cautious weight decay: where two signs disagree, nothing is done."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import is_zero, maximum, sign, where
from .base import Rule, with_decoupled_decay
from .wrapper import Wrapper, without_decay

LEAST = 1e-3
"""The share of coordinates that agree is taken for no less, as in the authors' code."""


@dataclass(frozen=True, kw_only=True)
class Cautious(Wrapper):
    r"""Cautious: the step of a rule, only where it goes against the newest gradient.

    $$\phi_t = [\Delta_t g_t < 0], \qquad
      x_t = x_{t-1} + \frac{\phi_t}{\max(\bar\phi_t, 10^{-3})} \Delta_t - \eta \lambda x_{t-1}$$

    where $\Delta_t$ is the step of the rule without decay, and $\bar\phi_t$ the share of the tensor's coordinates whose
    step is made, so that the others' are made up for. A decoupled decay $\lambda$ is not masked, and acts on the
    parameter before the step, as torch's AdamW does (the authors' code decays what the step has led to); any other
    decay is a part of $\Delta_t$.
    """

    title = "Cautious"
    reference = "Liang et al. 2024"
    elementwise = False
    marker = "*"
    helps = Text(
        "Drops the part of a momentum that has become wrong: the loss falls faster at the settings of the rule inside.",
        "去掉动量中已经过时的部分：沿用原优化器的设置，损失也下降得更快。",
    )
    fails = Text(
        "Where gradients are mostly noise, signs disagree at random and the mask is noise, too.",
        "梯度以噪声为主时，符号的一致与否是随机的，掩码也成了噪声。",
    )

    def update(
        self, rule: Rule, grad: Any, param: Any, step: Any, state: tuple[Any, ...], *own: Any, **shared: Any
    ) -> tuple[Any, ...]:
        weight_decay = rule.weight_decay if rule.decays_apart else 0.0  # type: ignore[attr-defined]
        bare = without_decay(rule) if rule.decays_apart else rule
        delta, *state_after = bare.update(grad, param, step, *state, **shared)
        agrees = maximum(-sign(delta) * sign(grad), 0.0)
        delta = agrees / maximum(agrees.mean(), LEAST) * delta
        return with_decoupled_decay(delta, param, rule.lr, weight_decay), *state_after


@dataclass(frozen=True, kw_only=True)
class CautiousDecay(Wrapper):
    r"""Cautious weight decay: a coordinate decays only where the step goes towards zero anyway.

    $$x_t = x_{t-1} + \Delta_t - \eta \lambda \, [\Delta_t x_{t-1} \le 0] \, x_{t-1}$$

    where $\Delta_t$ is the step of the rule without decay, and $\lambda$ its `weight_decay`, which is decoupled here
    whatever it is in the rule. The loss alone decides where the path ends: a decay never works against it.
    """

    title = "Cautious-decay"
    reference = "Chen et al. 2025"
    marker = "H"
    decay = "scaled"
    helps = Text(
        "Decays without pulling the weights away from what the loss wants: no bias of the minimum.",
        "衰减权重，但从不把权重拉离损失所要的方向：极小点没有偏差。",
    )
    fails = Text(
        "Regularizes less than the same full decay; the best decay is larger.",
        "比同样大小的全衰减正则化更弱；最优衰减更大。",
    )

    def update(
        self, rule: Rule, grad: Any, param: Any, step: Any, state: tuple[Any, ...], *own: Any, **shared: Any
    ) -> tuple[Any, ...]:
        delta, *state_after = without_decay(rule).update(grad, param, step, *state, **shared)
        weight_decay = rule.weight_decay  # type: ignore[attr-defined]
        if not is_zero(weight_decay):
            delta = delta - rule.lr * weight_decay * where(sign(delta) * param <= 0, param, 0.0)
        return delta, *state_after

    @classmethod
    def refusal(cls, rule: type[Rule]) -> str | None:
        if "weight_decay" not in rule.hyperparameters():
            return "it has no weight_decay"
        if rule.decay == "scaled":
            return "it scales its decay with its step, of which it is a part"
        return super().refusal(rule)
