"""AdaBelief: Adam that divides by how far a gradient was from what its average led to expect."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import sqrt
from .base import Rule, hyperparameter, memories, with_decoupled_decay, with_weight_decay
from .foreign import ANY, only, renamed

FOREIGN = {
    "weight_decouple": renamed("decoupled_weight_decay"),
    "fixed_decay": only(False, instead="the decay is times lr; divide weight_decay by lr"),
    "rectify": only(False, instead="that is RAdam's factor, which is left out here"),
    "degenerated_to_sgd": ANY,
    "amsgrad": only(False, instead="leave it out"),
    "print_change_log": ANY,
}


@dataclass(frozen=True, kw_only=True)
class AdaBelief(Rule, foreign=FOREIGN):
    r"""AdaBelief: the leaky average of gradients, divided by the root of that of their squared distances to it.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad
      s_t = \beta_2 s_{t-1} + (1 - \beta_2) (g_t - m_t)^2 + \epsilon$$
    $$x_t = x_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{s_t / (1 - \beta_2^t)} + \epsilon}$$

    A gradient that is as expected makes the step long, one that is not makes it short. $\epsilon$ is added in both
    places, in $s$ at every step (the authors' code, and optax). Weight decay is that of `Adam`. The authors' code
    applies RAdam's factor, too, unless told `rectify=False`; here there is none.
    """

    title = "AdaBelief"
    reference = "Zhuang et al. 2020"
    symbols = {"exp_avg": "m", "exp_avg_var": "s"}
    eps_stands = "in the average, and outside the root"
    decay = "coupled"
    helps = Text(
        "Long steps where gradients agree, short ones where they do not; near SGD on images, near Adam elsewhere.",
        "梯度一致处步长大，不一致处步长小；图像上接近 SGD，其余接近 Adam。",
    )
    fails = Text(
        "Very sensitive to eps: where gradients hardly change, the step is as long as eps lets it be.",
        "对 eps 极敏感：梯度几乎不变时，步长只受 eps 限制。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-5, 1e-1))
    betas: tuple[float, float] = memories((0.9, 0.999), "memory of the gradients and of their squared distances to it")
    eps: float = hyperparameter(1e-16, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    decoupled_weight_decay: bool = hyperparameter(
        False, r"\text{decoupled}", "take the decay from the parameter, as AdamW does"
    )

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_var": 0.0}

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_var: Any) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        coupled, decoupled = (0.0, self.weight_decay) if self.decoupled_weight_decay else (self.weight_decay, 0.0)
        grad = with_weight_decay(grad, param, coupled)
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        surprise = grad - exp_avg
        exp_avg_var = beta2 * exp_avg_var + (1 - beta2) * surprise * surprise + self.eps
        root = sqrt(exp_avg_var / (1 - beta2**step)) + self.eps
        delta = -self.lr / (1 - beta1**step) * exp_avg / root
        return with_decoupled_decay(delta, param, self.lr, decoupled), exp_avg, exp_avg_var
