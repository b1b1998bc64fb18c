"""Adamax: Adam with a decaying maximum of gradient sizes instead of the root mean square."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import absolute, maximum
from .base import Rule, hyperparameter, memories, with_weight_decay


@dataclass(frozen=True, kw_only=True)
class Adamax(Rule, look=("#782D1E", "<", "dashed")):
    r"""Adamax: the leaky average of gradients, divided by their largest size, which fades.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon)$$
    $$x_t = x_{t-1} - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m_t}{u_t}$$

    The largest needs no correction for starting at zero. `eps` is added to each gradient's size (torch's form); the
    paper has none, optax and Keras add it to the divisor.
    """

    title = "Adamax"
    reference = "Kingma and Ba 2015, section 7"
    symbols = {"exp_avg": "m", "exp_inf": "u"}
    eps_stands = "added to the size of the gradient, inside the maximum"
    decay = "coupled"
    helps = Text(
        "Like Adam, but the step stays bounded by the learning rate when gradients are rare or spiky.",
        "类似 Adam，但梯度稀少或突变时步长仍以学习率为界。",
    )
    fails = Text(
        "One huge gradient holds a coordinate back for about 1/(1 - beta2) steps.",
        "一次巨大的梯度会让该坐标在约 1/(1 - beta2) 步内变慢。",
    )

    lr: float = hyperparameter(2e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999), "memory of the gradients and of their largest size")
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_inf: Any) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        grad = with_weight_decay(grad, param, self.weight_decay)
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        exp_inf = maximum(beta2 * exp_inf, absolute(grad) + self.eps)
        return -self.lr / (1 - beta1**step) * exp_avg / exp_inf, exp_avg, exp_inf
