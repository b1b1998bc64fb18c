"""AdaGrad: gradient descent divided by the root of the sum of all squared gradients."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import sqrt
from .base import Rule, hyperparameter, with_weight_decay


@dataclass(frozen=True, kw_only=True)
class Adagrad(Rule, look=("#009E73", "^", "solid")):
    r"""AdaGrad: divides by the root of the sum of all squared gradients so far.

    $$s_t = s_{t-1} + g_t^2, \qquad
      x_t = x_{t-1} - \frac{\eta}{1 + (t - 1) \kappa} \cdot \frac{g_t}{\sqrt{s_t} + \epsilon}$$

    with $s_0$ the initial accumulator value. `eps_inside_sqrt` divides by $\sqrt{s_t + \epsilon}$ instead, as in the
    lecture and in TensorFlow.
    """

    title = "AdaGrad"
    reference = "Duchi, Hazan and Singer 2011"
    symbols = {"sum": "s"}
    eps_stands = "outside the root"
    decay = "coupled"
    sparse = ("weight_decay",)
    helps = Text(
        "Rare features keep a large learning rate; forgives a learning rate that is too large.",
        "稀疏特征保持较大学习率；学习率偏大也能容忍。",
    )
    fails = Text(
        "The sum only grows, so steps shrink like 1/sqrt(t) and long training stalls.",
        "累加和只增不减，步长按 1/sqrt(t) 缩小，长时间训练会停滞。",
    )

    lr: float = hyperparameter(1e-2, r"\eta", "learning rate", search=(1e-4, 1.0))
    lr_decay: float = hyperparameter(0.0, r"\kappa", "decay of the learning rate with the step")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    initial_accumulator_value: float = hyperparameter(0.0, "s_0", "where the sum starts")
    eps: float = hyperparameter(1e-10, r"\epsilon", "keeps the division finite")
    eps_inside_sqrt: bool = hyperparameter(
        False, r"\sqrt{s+\epsilon}", "eps under the root, as in the lecture", keyword=True
    )

    def init(self, param: Any) -> dict[str, Any]:
        return {"sum": self.initial_accumulator_value}

    def update(self, grad: Any, param: Any, step: Any, sum: Any) -> tuple[Any, ...]:
        grad = with_weight_decay(grad, param, self.weight_decay)
        lr = self.lr / (1 + (step - 1) * self.lr_decay)
        sum = sum + grad * grad
        root = sqrt(sum + self.eps) if self.eps_inside_sqrt else sqrt(sum) + self.eps
        return -lr * grad / root, sum
