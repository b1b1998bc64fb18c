"""ASGD: gradient descent at a decreasing rate, with an average of its path."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import maximum
from .base import Rule, hyperparameter, with_weight_decay


@dataclass(frozen=True, kw_only=True)
class ASGD(Rule, look=("#6E6E32", "H", "dashdot")):
    r"""ASGD: SGD at a rate that decreases by a power of the step, and the plain average of its path.

    $$\eta_t = \frac{\eta}{(1 + \lambda \eta (t - 1))^\alpha}, \qquad
      x_t = (1 - \lambda \eta_t) x_{t-1} - \eta_t g_t, \qquad
      \bar x_t = \bar x_{t-1} + \frac{x_t - \bar x_{t-1}}{\max(1, t - t_0)}$$

    with $g$ the gradient plus `weight_decay` times the parameter. The average begins after $t_0$ steps, and is kept
    beside the parameter, in the state `ax`: as in torch, nothing puts it into the model, and with $t_0$ of a million it
    is the parameter itself. (`ScheduleFreeSGD` is the method whose average is used.)
    """

    title = "ASGD"
    reference = "Polyak and Juditsky 1992; Bottou's rates"
    symbols = {"eta": r"\eta_t", "mu": r"\mu_t", "ax": r"\bar x"}
    numbers = ("eta", "mu")
    decay = "coupled"
    own_schedule = "constant"
    helps = Text(
        "The average of a noisy path is nearer to the minimum than any of its points.",
        "带噪声的轨迹，其平均比任何一点都更接近最小值。",
    )
    fails = Text(
        "The average remembers the start; as long as it has not begun, this is SGD.",
        "平均会记住起点；平均未开始时，它就是 SGD。",
    )

    lr: float = hyperparameter(1e-2, r"\eta", "learning rate", search=(1e-4, 1.0))
    lambd: float = hyperparameter(1e-4, r"\lambda", "decay of the parameter and of the learning rate")
    alpha: float = hyperparameter(0.75, r"\alpha", "power by which the learning rate decreases")
    t0: float = hyperparameter(1e6, "t_0", "step after which the average begins")
    weight_decay: float = hyperparameter(0.0, r"\lambda_2", "L2 penalty, added to the gradient")

    def init(self, param: Any) -> dict[str, Any]:
        return {"eta": self.lr, "mu": 1.0, "ax": 0.0}

    def update(self, grad: Any, param: Any, step: Any, eta: Any, mu: Any, ax: Any) -> tuple[Any, ...]:
        grad = with_weight_decay(grad, param, self.weight_decay)
        delta = -eta * (self.lambd * param + grad)
        ax = ax + mu * (param + delta - ax)
        eta = self.lr / (1 + self.lambd * self.lr * step) ** self.alpha
        return delta, eta, 1 / maximum(step - self.t0, 1.0), ax
