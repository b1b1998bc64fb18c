"""Adadelta: RMSProp whose learning rate is the root mean square of the steps so far."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import sqrt
from .base import Rule, hyperparameter, with_weight_decay


@dataclass(frozen=True, kw_only=True)
class Adadelta(Rule, look=("#785AE6", "p", "dashed")):
    r"""Adadelta: the gradient divided by its root mean square, times that of the steps so far.

    $$s_t = \rho s_{t-1} + (1 - \rho) g_t^2, \qquad
      \Delta_t = \frac{\sqrt{a_{t-1} + \epsilon}}{\sqrt{s_t + \epsilon}} g_t$$
    $$a_t = \rho a_{t-1} + (1 - \rho) \Delta_t^2, \qquad x_t = x_{t-1} - \eta \Delta_t$$

    `eps` stands inside both roots: it also decides how long the first step is. The average $a$ is of steps before the
    learning rate, which the paper does not have (there $\eta = 1$). Keras has `rho` 0.95 and a learning rate of 0.001.
    """

    title = "Adadelta"
    reference = "Zeiler 2012"
    symbols = {"square_avg": "s", "acc_delta": "a"}
    eps_stands = "inside both roots"
    decay = "coupled"
    helps = Text(
        "No learning rate to choose; steps have the unit of the parameter.",
        "无需选学习率；步长与参数同量纲。",
    )
    fails = Text(
        "Starts very slowly, as its first steps are about sqrt(eps), and can stay slow for long.",
        "起步极慢，最初步长约为 sqrt(eps)，可能长时间缓慢。",
    )

    lr: float = hyperparameter(1.0, r"\eta", "factor on the step", search=(1e-2, 100.0))
    rho: float = hyperparameter(0.9, r"\rho", "memory of the squared gradients and steps", within="[0, 1]")
    eps: float = hyperparameter(1e-6, r"\epsilon", "keeps the division finite, and starts the steps")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")

    def init(self, param: Any) -> dict[str, Any]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, grad: Any, param: Any, step: Any, square_avg: Any, acc_delta: Any) -> tuple[Any, ...]:
        grad = with_weight_decay(grad, param, self.weight_decay)
        square_avg = self.rho * square_avg + (1 - self.rho) * grad * grad
        delta = sqrt(acc_delta + self.eps) / sqrt(square_avg + self.eps) * grad
        acc_delta = self.rho * acc_delta + (1 - self.rho) * delta * delta
        return -self.lr * delta, square_avg, acc_delta
