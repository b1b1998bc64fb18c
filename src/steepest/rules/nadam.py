"""NAdam: Adam with Nesterov momentum and a warm-up of the momentum."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import sqrt
from .base import Rule, hyperparameter, memories, with_decoupled_decay, with_weight_decay
from .foreign import renamed

FOREIGN = {"schedule_decay": renamed("momentum_decay")}


@dataclass(frozen=True, kw_only=True)
class NAdam(Rule, look=("#B4B469", "h", "dashed"), foreign=FOREIGN):
    r"""NAdam: Adam whose average of gradients is taken one step ahead, with a momentum that warms up.

    $$\mu_t = \beta_1 (1 - \tfrac12 \, 0.96^{t \psi}), \qquad m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$\hat m_t = \frac{\mu_{t+1} m_t}{1 - \prod_{i=1}^{t+1} \mu_i} + \frac{(1 - \mu_t) g_t}{1 - \prod_{i=1}^t \mu_i},
      \qquad x_t = x_{t-1} - \eta \frac{\hat m_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    `momentum_decay` is $\psi$. As it grows, $\mu_t = \beta_1$: that is the form without warm-up, which optax and others
    call NAdam. torch keeps the product of the $\mu_i$ in float32, ours is kept in float64.
    """

    title = "NAdam"
    reference = "Dozat 2016"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v", "mu_product": r"\prod\mu"}
    numbers = ("mu_product",)
    eps_stands = "outside the root, after bias correction"
    decay = "coupled"
    helps = Text(
        "Adam that reacts to a turn one step earlier; often slightly faster.",
        "比 Adam 早一步感知转向；通常略快。",
    )
    fails = Text(
        "The latest gradient weighs more than in Adam, so noise does too.",
        "最新梯度的权重比 Adam 大，噪声的影响也更大。",
    )

    lr: float = hyperparameter(2e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999))
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    momentum_decay: float = hyperparameter(4e-3, r"\psi", "how fast the momentum warms up from a half of beta1")
    decoupled_weight_decay: bool = hyperparameter(
        False, r"\text{decoupled}", "take the decay from the parameter, as AdamW does"
    )

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, "mu_product": 1.0}

    def update(
        self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any, mu_product: Any
    ) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        coupled, decoupled = (0.0, self.weight_decay) if self.decoupled_weight_decay else (self.weight_decay, 0.0)
        grad = with_weight_decay(grad, param, coupled)
        mu = beta1 * (1 - 0.5 * 0.96 ** (step * self.momentum_decay))
        next_mu = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * self.momentum_decay))
        mu_product = mu_product * mu
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        ahead = next_mu / (1 - mu_product * next_mu) * exp_avg + (1 - mu) / (1 - mu_product) * grad
        delta = -self.lr * ahead / (sqrt(exp_avg_sq / (1 - beta2**step)) + self.eps)
        return with_decoupled_decay(delta, param, self.lr, decoupled), exp_avg, exp_avg_sq, mu_product
