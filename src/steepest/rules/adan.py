"""Adan: Adam with Nesterov's look ahead, told by how the gradient changes."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import sqrt, where
from .base import Rule, hyperparameter, memories, with_decoupled_decay
from .foreign import only

FOREIGN = {
    "no_prox": only(True, instead="the decay is that of AdamW, which differs by lr * weight_decay of itself"),
    "max_grad_norm": only(0.0, None, instead="call torch.nn.utils.clip_grad_norm_ before the step"),
}


@dataclass(frozen=True, kw_only=True)
class Adan(Rule, foreign=FOREIGN):
    r"""Adan: averages of the gradients and of their differences, divided by the root of that of their squared sum.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad
      d_t = \beta_2 d_{t-1} + (1 - \beta_2)(g_t - g_{t-1})$$
    $$n_t = \beta_3 n_{t-1} + (1 - \beta_3)(g_t + \beta_2 (g_t - g_{t-1}))^2$$
    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta
      \frac{m_t / (1 - \beta_1^t) + \beta_2 d_t / (1 - \beta_2^t)}{\sqrt{n_t / (1 - \beta_3^t)} + \epsilon}$$

    The first difference is 0. `betas` are shares that are kept, as in the authors' code; the paper writes
    $1 - \beta_i$ for them. (optax 0.2 weighs the differences by $1 - \beta_2$ of the kept share, which is another
    method.) The decay is that of `AdamW`, theirs with `no_prox`; without it they divide by $1 + \eta \lambda$ instead.
    """

    title = "Adan"
    reference = "Xie et al. 2022"
    symbols = {"exp_avg": "m", "exp_avg_diff": "d", "exp_avg_sq": "n", "pre_grad": "g'"}
    eps_stands = "outside the root, after bias correction"
    decay = "decoupled"
    helps = Text(
        "Takes learning rates several times those of AdamW; strong on vision transformers and large batches.",
        "可用数倍于 AdamW 的学习率；视觉 Transformer 与大批量训练表现突出。",
    )
    fails = Text(
        "Four states a parameter, twice those of Adam; differences of small batches are mostly noise.",
        "每个参数存四个状态，是 Adam 的两倍；小批量的梯度差大多是噪声。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float, float] = memories(
        (0.98, 0.92, 0.99), "memory of the gradients, of their differences, and of the squares of both"
    )
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_diff": 0.0, "exp_avg_sq": 0.0, "pre_grad": 0.0}

    def update(
        self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_diff: Any, exp_avg_sq: Any, pre_grad: Any
    ) -> tuple[Any, ...]:
        beta1, beta2, beta3 = self.betas
        difference = where(step > 1, grad - pre_grad, 0.0)
        ahead = grad + beta2 * difference
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        exp_avg_diff = beta2 * exp_avg_diff + (1 - beta2) * difference
        exp_avg_sq = beta3 * exp_avg_sq + (1 - beta3) * ahead * ahead
        direction = exp_avg / (1 - beta1**step) + beta2 / (1 - beta2**step) * exp_avg_diff
        delta = -self.lr * direction / (sqrt(exp_avg_sq / (1 - beta3**step)) + self.eps)
        delta = with_decoupled_decay(delta, param, self.lr, self.weight_decay)
        return delta, exp_avg, exp_avg_diff, exp_avg_sq, grad
