"""Signum and Lion: steps of equal size along the sign of averaged gradients."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import sign
from .base import Rule, hyperparameter, memories, with_decoupled_decay
from .foreign import ANY, only


@dataclass(frozen=True, kw_only=True)
class Signum(Rule, look=("#1E5A5A", "d", "dashed")):
    r"""Signum: a step of one learning rate along the sign of the leaky average of gradients.

    $$m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \mathrm{sign}(m_t)$$

    With `momentum` 0 it is sign descent.
    """

    title = "Signum"
    reference = "Bernstein et al. 2018"
    symbols = {"exp_avg": "m"}
    decay = "decoupled"
    helps = Text(
        "One state a parameter, steps of known size, deaf to the scale of gradients.",
        "每个参数只存一个状态，步长已知，不受梯度大小影响。",
    )
    fails = Text(
        "Never settles at a constant learning rate: it hops about the minimum by one learning rate.",
        "学习率恒定时不收敛：以一个学习率的幅度在最小值附近跳动。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-5, 1e-1))
    momentum: float = hyperparameter(0.9, r"\mu", "memory of the gradients", within="[0, 1)")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0}

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any) -> tuple[Any, ...]:
        exp_avg = self.momentum * exp_avg + (1 - self.momentum) * grad
        delta = -self.lr * sign(exp_avg)
        return with_decoupled_decay(delta, param, self.lr, self.weight_decay), exp_avg


FOREIGN = {
    "use_triton": ANY,
    "decoupled_weight_decay": only(False, instead="the decay is times lr; divide weight_decay by lr"),
    "cautious_factor": only(1.0, instead="all coordinates are stepped; leave it out"),
}


@dataclass(frozen=True, kw_only=True)
class Lion(Rule, look=("#7896FF", "o", "dashed"), foreign=FOREIGN):
    r"""Lion: the sign of a mixture of gradient and average, which has a longer memory than the mixture.

    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \mathrm{sign}(\beta_1 m_{t-1} + (1 - \beta_1) g_t), \qquad
      m_t = \beta_2 m_{t-1} + (1 - \beta_2) g_t$$

    With equal betas it is `Signum`. Its steps are larger than Adam's of the same learning rate: take a third to a tenth
    of that, and as many times more weight decay (optax has 0.001 of it by default).
    """

    title = "Lion"
    reference = "Chen et al. 2023"
    symbols = {"exp_avg": "m"}
    decay = "decoupled"
    helps = Text(
        "Half the memory of Adam, and often as good on large models with large batches.",
        "内存为 Adam 的一半，大模型大批量时往往不逊于它。",
    )
    fails = Text(
        "All coordinates move equally far, so noise moves the unimportant ones too; poor with small batches.",
        "所有坐标移动同样远，噪声也会推动不重要的坐标；小批量时表现差。",
    )

    lr: float = hyperparameter(1e-4, r"\eta", "learning rate", search=(1e-5, 1e-1))
    betas: tuple[float, float] = memories((0.9, 0.99), "share of the average in the step, and its memory")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0}

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        delta = -self.lr * sign(beta1 * exp_avg + (1 - beta1) * grad)
        exp_avg = beta2 * exp_avg + (1 - beta2) * grad
        return with_decoupled_decay(delta, param, self.lr, self.weight_decay), exp_avg
