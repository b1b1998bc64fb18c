"""RMSProp: gradient descent divided by the root mean square of recent gradients."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import is_zero, maximum, sqrt
from .base import Rule, hyperparameter, with_weight_decay
from .foreign import renamed

FOREIGN = {"rho": renamed("alpha")}


@dataclass(frozen=True, kw_only=True)
class RMSprop(Rule, look=("#CC79A7", "D", "solid"), foreign=FOREIGN):
    r"""RMSProp: divides by the root of a leaky average of squared gradients.

    $$s_t = \alpha s_{t-1} + (1 - \alpha) g_t^2, \qquad x_t = x_{t-1} - \eta \frac{g_t}{\sqrt{s_t} + \epsilon}$$

    `centered` subtracts the square of the leaky average of gradients, $s_t - \bar g_t^2$, an estimate of the variance
    (never below 0, where rounding would put it). `momentum` adds $b_t = \mu b_{t-1} + g_t / (\sqrt{s_t} + \epsilon)$
    and steps along $b_t$. `eps_inside_sqrt` divides by $\sqrt{s_t + \epsilon}$, as in the lecture and in TensorFlow.
    """

    title = "RMSProp"
    reference = "Tieleman and Hinton 2012; centred: Graves 2013"
    symbols = {"square_avg": "s", "momentum_buffer": "b", "grad_avg": r"\bar g"}
    eps_stands = "outside the root"
    decay = "coupled"
    helps = Text(
        "Equal progress in every coordinate whatever its scale; keeps moving where AdaGrad stalls.",
        "各坐标无论尺度都同等前进；AdaGrad 停滞之处仍能前进。",
    )
    fails = Text(
        "With a constant learning rate it ends in a cycle of about half the learning rate around the minimum.",
        "学习率恒定时，最终在最小值附近以约半个学习率的幅度来回循环。",
    )

    lr: float = hyperparameter(1e-2, r"\eta", "learning rate", search=(1e-4, 1.0))
    alpha: float = hyperparameter(0.99, r"\alpha", "memory of the squared gradients")
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    momentum: float = hyperparameter(0.0, r"\mu", "share of the last step that is kept")
    centered: bool = hyperparameter(False, r"\text{centered}", "divide by the standard deviation instead")
    eps_inside_sqrt: bool = hyperparameter(
        False, r"\sqrt{s+\epsilon}", "eps under the root, as in the lecture", keyword=True
    )

    def init(self, param: Any) -> dict[str, Any]:
        momentum_buffer, grad_avg = None if is_zero(self.momentum) else 0.0, 0.0 if self.centered else None
        return {"square_avg": 0.0, "momentum_buffer": momentum_buffer, "grad_avg": grad_avg}

    def update(
        self, grad: Any, param: Any, step: Any, square_avg: Any, momentum_buffer: Any, grad_avg: Any
    ) -> tuple[Any, ...]:
        grad = with_weight_decay(grad, param, self.weight_decay)
        square_avg = self.alpha * square_avg + (1 - self.alpha) * grad * grad
        scale = square_avg
        if self.centered:
            grad_avg = self.alpha * grad_avg + (1 - self.alpha) * grad
            scale = maximum(square_avg - grad_avg * grad_avg, 0.0)
        direction = grad / (sqrt(scale + self.eps) if self.eps_inside_sqrt else sqrt(scale) + self.eps)
        if momentum_buffer is not None:
            direction = momentum_buffer = self.momentum * momentum_buffer + direction
        return -self.lr * direction, square_avg, momentum_buffer, grad_avg
