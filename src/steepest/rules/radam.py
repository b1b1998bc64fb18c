"""RAdam: Adam that takes plain momentum steps until its mean square is known well enough."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import maximum, sqrt, where
from .base import Rule, hyperparameter, memories, with_decoupled_decay, with_weight_decay
from .foreign import only

FOREIGN = {"degenerated_to_sgd": only(True, instead="the first steps are plain momentum; leave it out")}


@dataclass(frozen=True, kw_only=True)
class RAdam(Rule, look=("#690F69", ">", "dashed"), foreign=FOREIGN):
    r"""RAdam: plain momentum in the first steps, then Adam with a factor for how well its scale is known.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$\rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad
      r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}$$
    $$x_t = x_{t-1} - \frac{\eta \, m_t}{1 - \beta_1^t} \cdot \begin{cases}
      r_t \sqrt{1 - \beta_2^t} / (\sqrt{v_t} + \epsilon) & \rho_t > 5 \\ 1 & \text{otherwise} \end{cases}$$

    `eps` is added before the correction of $v$ (torch's form; optax adds it after), and the limit is 5 (the paper: 4).
    With $\beta_2 \le 2/3$ the limit is never reached.
    """

    title = "RAdam"
    reference = "Liu et al. 2020"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v"}
    eps_stands = "outside the root, before bias correction"
    decay = "coupled"
    helps = Text(
        "Needs no warm-up: no wild first steps on a scale made of a few gradients.",
        "无需预热：不会因少数梯度估出的尺度而一开始乱跳。",
    )
    fails = Text(
        "The first steps are plain momentum, with a learning rate meant for Adam: slow where gradients are small.",
        "最初几步是普通动量，却用着为 Adam 准备的学习率：梯度小处很慢。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999))
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    decoupled_weight_decay: bool = hyperparameter(
        False, r"\text{decoupled}", "take the decay from the parameter, as AdamW does"
    )

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        coupled, decoupled = (0.0, self.weight_decay) if self.decoupled_weight_decay else (self.weight_decay, 0.0)
        grad = with_weight_decay(grad, param, coupled)
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        correction = 1 - beta2**step
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / correction
        # raised to 5 where the other case holds, so that no root is of a negative number
        rho, limit = maximum(length, 5.0), maximum(longest, 5.0)
        rectified = sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho) * correction)
        scale = where(length > 5, rectified / (sqrt(exp_avg_sq) + self.eps), 1.0)
        delta = -self.lr / (1 - beta1**step) * exp_avg * scale
        return with_decoupled_decay(delta, param, self.lr, decoupled), exp_avg, exp_avg_sq
