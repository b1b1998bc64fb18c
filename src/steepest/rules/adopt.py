"""ADOPT: Adam whose scale knows nothing of the gradient that it divides."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import maximum, minimum, sqrt, where
from .base import Rule, hyperparameter, memories, with_decoupled_decay, with_weight_decay
from .foreign import only, renamed

FOREIGN = {
    "decouple": renamed("decoupled_weight_decay"),
    "clip_lambda": only(instead="the bound is the fourth root of the number of steps; clip=False leaves it out"),
}


@dataclass(frozen=True, kw_only=True)
class ADOPT(Rule, foreign=FOREIGN):
    r"""ADOPT: the leaky average of gradients that were each divided by the scale of those before.

    $$v_1 = g_1^2, \qquad u_t = \mathrm{clip}\left(\frac{g_t}{\max(\sqrt{v_{t-1}}, \epsilon)}, (t - 1)^{1/4}\right)$$
    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) u_t, \qquad x_t = x_{t-1} - \eta m_t, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$

    where $\mathrm{clip}(u, c)$ bounds $u$ between $-c$ and $c$. The first step measures $v$ and moves nothing. Gradient
    and scale are independent, so it converges with any $\beta_2$; Adam does not. Without `clip` nothing is bounded, as
    in the paper's first form.
    """

    title = "ADOPT"
    reference = "Taniguchi et al. 2024"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v"}
    eps_stands = "below: the root is never less"
    decay = "coupled"
    helps = Text(
        "Converges with any memory of the squares, also where gradients are rarely large.",
        "无论平方的记忆多长都收敛，梯度偶尔才大时也如此。",
    )
    fails = Text(
        "The first step is lost to measuring; scales of the start are remembered for ten thousand steps.",
        "第一步只用于测量尺度；起始处的尺度会被记住上万步。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-5, 1e-1))
    betas: tuple[float, float] = memories((0.9, 0.9999))
    eps: float = hyperparameter(1e-6, r"\epsilon", "keeps the division finite", within="(0, inf)")
    clip: bool = hyperparameter(True, r"\text{clip}", "bound the divided gradients")
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
        direction = grad / maximum(sqrt(exp_avg_sq), self.eps)
        if self.clip:
            bound = (step - 1) ** 0.25
            direction = maximum(minimum(direction, bound), -bound)
        exp_avg = where(step > 1, beta1 * exp_avg + (1 - beta1) * direction, exp_avg)
        delta = with_decoupled_decay(-self.lr * exp_avg, param, self.lr, decoupled)
        squared = grad * grad
        exp_avg_sq = where(step > 1, beta2 * exp_avg_sq + (1 - beta2) * squared, squared)
        return where(step > 1, delta, 0.0 * delta), exp_avg, exp_avg_sq
