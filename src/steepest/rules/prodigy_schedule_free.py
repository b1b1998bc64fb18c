"""Prodigy with Schedule-Free: no learning rate to tune, no schedule, and no end to plan for."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import absolute, maximum, sqrt
from .base import hyperparameter, memories, with_weight_decay
from .schedule_free import SHARES, AveragedAdam, averaged

SYMBOLS = {
    "z": "z", "exp_avg_sq": "v", "s": "s", "p0": "x_0", "weight_sum": r"\sum w", "d": "d", "d_numerator": "n",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ProdigyScheduleFree(AveragedAdam):
    r"""Schedule-Free Prodigy: Schedule-Free Adam along a learning rate that grows with the distance travelled.

    $$y_t = (1 - \beta_1) z_{t-1} + \beta_1 x_{t-1}, \qquad \eta_t = \eta \, d_{t-1}, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) d_{t-1}^2 g(y_t)^2$$
    $$n_t = \sqrt{\beta_2} \, n_{t-1} + d_{t-1} \eta_t \langle g(y_t), x_0 - z_{t-1} \rangle, \qquad
      s_t = \sqrt{\beta_2} \, s_{t-1} + d_{t-1} \eta_t g(y_t), \qquad
      d_t = \max\left(d_{t-1}, c \frac{n_t}{\lVert s_t \rVert_1}\right)$$
    $$z_t = z_{t-1} - \eta_t \left(\frac{d_{t-1} g(y_t)}{\sqrt{v_t} + d_t \epsilon} + \lambda x_{t-1}\right), \qquad
      c_t = \frac{t^r}{1^r + \dots + t^r}, \qquad x_t = (1 - c_t) x_{t-1} + c_t z_t$$

    The distance is measured from $z$, at the gradients of $y$, which is the parameter; inner product and norm go over
    all parameters of all groups, each with its own $\eta_t$. **The weights to use are $x$**: see
    `optimizer.evaluating()` and `optimizer.eval()`. As in the authors' entry to AlgoPerf, but for that it takes the
    largest $\eta$ of all groups for each, and keeps $v$, $s$ and $x_0$ in bfloat16. The distance is
    `optimizer.param_groups[0]["d"]`.
    """

    title = "Schedule-Free Prodigy"
    reference = "Defazio et al. 2024; Mishchenko and Defazio 2024"
    symbols = SYMBOLS
    elementwise = False
    numbers = ("weight_sum", "d", "d_numerator")
    shared = ("d", "d_numerator")
    shared_settings = ("betas", "d0", "d_coef")
    eps_stands = "outside the root, times d"
    decay = "scaled"
    helps = Text(
        "Neither learning rate nor schedule: the first thing to try where there is time for one run only.",
        "学习率与调度都不必选：只够跑一次时，可先试它。",
    )

    lr: float = hyperparameter(1.0, r"\eta", "factor on the learning rate found", search=(1e-2, 100.0))
    betas: tuple[float, float] = memories((0.9, 0.9955), SHARES, "(0, 1)")
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate found")
    r: float = hyperparameter(0.75, "r", "power of the step in the weights of the average")
    d0: float = hyperparameter(1e-6, "d_0", "first guess of the distance, rather too small", within="(0, inf)")
    d_coef: float = hyperparameter(1.0, "c", "factor on the distance found")

    def init(self, param: Any) -> dict[str, Any]:
        return dict(zip(SYMBOLS, (param, 0.0, 0.0, param, 0.0, self.d0, 0.0), strict=True))

    def measure(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        z, _, s, p0, _, d, _ = state
        weight = d * d * self.lr
        return weight * (grad * (p0 - z)).sum(), absolute(sqrt(self.betas[1]) * s + weight * grad).sum()

    def update(self, grad: Any, param: Any, step: Any, *state: Any, shared: Any = None) -> tuple[Any, ...]:
        z, exp_avg_sq, s, p0, weight_sum, d, d_numerator = state
        inner, total = self.measure(grad, param, step, *state) if shared is None else shared
        beta1, beta2 = self.betas
        s = sqrt(beta2) * s + d * d * self.lr * grad
        d_numerator = sqrt(beta2) * d_numerator + inner
        new_d = maximum(d, self.d_coef * d_numerator / maximum(total, 1e-37))  # 1e-37: a total of 0 leaves d
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * d * d * grad * grad
        average = self.evaluation(param, z)
        direction = with_weight_decay(d * grad / (sqrt(exp_avg_sq) + new_d * self.eps), average, self.weight_decay)
        delta, z, weight_sum = averaged(beta1, self.lr * d, direction, step**self.r, param, z, weight_sum)
        return delta, z, exp_avg_sq, s, p0, weight_sum, new_d, d_numerator
