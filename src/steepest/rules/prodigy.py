"""Prodigy: Adam that estimates its own learning rate from the distance travelled."""

import math
from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import absolute, is_zero, maximum, sqrt
from .base import Rule, hyperparameter, memories, with_decoupled_decay
from .foreign import ANY, only

FOREIGN = {
    "beta3": only(None, instead="it is the root of betas[1]; leave it out"),
    "decouple": only(True, instead="the decay is never added to the gradient; add a penalty to the loss"),
    "growth_rate": only(math.inf, instead="d may grow at any rate; leave it out"),
    "slice_p": only(1, instead="d is measured over all coordinates; leave it out"),
    "fsdp_in_use": ANY,  # sharded parameters are recognised
}


@dataclass(frozen=True, kw_only=True)
class Prodigy(Rule, look=("#780F3C", "P", "dotted"), foreign=FOREIGN):
    r"""Prodigy: Adam with a learning rate that grows with the distance travelled, one for all parameters.

    $$\eta_t = \eta \, d_{t-1}, \qquad
      n_t = \sqrt{\beta_2} \, n_{t-1} + \frac{d_{t-1} \eta_t}{d_0} \langle g_t, x_0 - x_{t-1} \rangle, \qquad
      s_t = \sqrt{\beta_2} \, s_{t-1} + \frac{d_{t-1} \eta_t}{d_0} g_t, \qquad
      d_t = \max\left(d_{t-1}, c \frac{n_t}{\lVert s_t \rVert_1}\right)$$
    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) d_{t-1} g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) d_{t-1}^2 g_t^2$$
    $$x_t = (1 - \eta_t \lambda) x_{t-1} - \eta_t \frac{m_t}{\sqrt{v_t} + d_t \epsilon}$$

    The inner product and the norm go over all parameters of all groups, each with its own $\eta_t$ (a group may have a
    factor of its own; the authors' code takes the largest for all). `use_bias_correction` multiplies $\eta_t$ by
    $\sqrt{1 - \beta_2^t} / (1 - \beta_1^t)$ (optax always does). Leave the learning rate at 1 and put a schedule on it;
    with a warm-up, `safeguard_warmup` takes $\eta$ out of $s$. The distance is `optimizer.param_groups[0]["d"]`.
    """

    title = "Prodigy"
    reference = "Mishchenko and Defazio 2024"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v", "s": "s", "p0": "x_0", "d": "d", "d_numerator": "n"}
    elementwise = False
    numbers = shared = ("d", "d_numerator")
    shared_settings = ("betas", "d0", "d_coef")
    eps_stands = "outside the root, times d"
    decay = "scaled"
    helps = Text(
        "No learning rate to tune: it finds one within some hundred steps, often near the best for Adam.",
        "无需调学习率：几百步内自行找到，往往接近 Adam 的最优值。",
    )
    fails = Text("Keeps four states; d only grows: a jump too far stays.", "要存四个状态；d 只增不减，跳过头便回不去。")

    lr: float = hyperparameter(1.0, r"\eta", "factor on the learning rate found", search=(1e-2, 100.0))
    betas: tuple[float, float] = memories((0.9, 0.999))
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate found")
    use_bias_correction: bool = hyperparameter(False, r"\text{corrected}", "correct the averages for starting at zero")
    safeguard_warmup: bool = hyperparameter(False, r"\text{safe}", "leave the factor out of what d is measured by")
    d0: float = hyperparameter(1e-6, "d_0", "first guess of the distance, rather too small", within="(0, inf)")
    d_coef: float = hyperparameter(1.0, "c", "factor on the distance found")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, "s": 0.0, "p0": param, "d": self.d0, "d_numerator": 0.0}

    def measure(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        _, _, s, p0, d, _ = state
        return _weight(self, step, d) * (grad * (p0 - param)).sum(), absolute(_gradients(self, grad, step, s, d)).sum()

    def update(self, grad: Any, param: Any, step: Any, *state: Any, shared: Any = None) -> tuple[Any, ...]:
        exp_avg, exp_avg_sq, s, p0, d, d_numerator = state
        inner, total = self.measure(grad, param, step, *state) if shared is None else shared
        beta1, beta2 = self.betas
        lr = _rate(self, step, d)
        s = _gradients(self, grad, step, s, d)
        d_numerator = sqrt(beta2) * d_numerator + inner
        new_d = maximum(d, self.d_coef * d_numerator / maximum(total, 1e-37))  # 1e-37: a total of 0 leaves d
        exp_avg = beta1 * exp_avg + (1 - beta1) * d * grad
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * d * d * grad * grad
        delta = -lr * exp_avg / (sqrt(exp_avg_sq) + new_d * self.eps)
        return with_decoupled_decay(delta, param, lr, self.weight_decay), exp_avg, exp_avg_sq, s, p0, new_d, d_numerator


def _rate(rule: Prodigy, step: Any, d: Any) -> Any:
    """The learning rate: the factor `lr` times the current estimate of the distance."""
    beta1, beta2 = rule.betas
    return rule.lr * d * (sqrt(1 - beta2**step) / (1 - beta1**step) if rule.use_bias_correction else 1.0)


def _weight(rule: Prodigy, step: Any, d: Any) -> Any:
    """The weight of a gradient in the sums."""
    return d / rule.d0 * _rate(rule, step, d)


def _gradients(rule: Prodigy, grad: Any, step: Any, s: Any, d: Any) -> Any:
    """The decaying sum of gradients, s, with the new gradient; one that moves nothing (lr = 0) is not counted."""
    safe = rule.safeguard_warmup and not is_zero(rule.lr)
    return sqrt(rule.betas[1]) * s + (d / rule.d0 * d if safe else _weight(rule, step, d)) * grad
