"""MARS: AdamW on gradients whose noise is reduced by those of the step before."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import maximum, norm, sqrt
from .base import Rule, hyperparameter, memories, with_decoupled_decay
from .foreign import only

FOREIGN = {
    "is_approx": only(True, instead="the last step's own gradient is taken; leave it out"),
    "mars_type": only("mars-adamw", instead="only the form of AdamW is here; leave it out"),
    "optimize_1d": only(True, instead="every parameter is trained by MARS; give the others to steepest.AdamW"),
    "amsgrad": only(False, instead="leave it out"),
} | dict.fromkeys(
    ("lr_1d", "betas_1d", "weight_decay_1d"), only(instead="give those parameters to an optimizer of their own")
)


@dataclass(frozen=True, kw_only=True)
class MARS(Rule, foreign=FOREIGN):
    r"""MARS: AdamW along gradients to which a share of their change since the last step is added.

    $$c_t = g_t + \gamma \frac{\beta_1}{1 - \beta_1} (g_t - g_{t-1}), \qquad
      \tilde c_t = \frac{c_t}{\max(1, \lVert c_t \rVert)}$$
    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) \tilde c_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) \tilde c_t^2$$
    $$x_t = (1 - \eta \lambda) x_{t-1}
      - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    with $g_0 = 0$ (the authors' code) and the norm of each tensor. $g_{t-1}$ is the gradient of the last step's own
    batch (`mars-adamw`, approximate; the exact form takes it on the batch of this step, a second backward pass). The
    authors train what is no matrix by AdamW.
    """

    title = "MARS"
    reference = "Yuan et al. 2024"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v", "last_grad": "g'"}
    elementwise = False
    eps_stands = "outside the root, after bias correction"
    decay = "decoupled"
    helps = Text(
        "On language models fewer tokens than AdamW to the same loss, with one state more.",
        "训练语言模型时，以多存一个状态的代价，用比 AdamW 更少的词元达到同样的损失。",
    )
    fails = Text(
        "The difference of two batches is mostly noise: a gamma that is too large makes it worse than AdamW.",
        "两个批次的梯度差大多是噪声：gamma 过大时不如 AdamW。",
    )

    lr: float = hyperparameter(3e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.95, 0.99))
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")
    gamma: float = hyperparameter(0.025, r"\gamma", "share of the gradient's change that is added")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, "last_grad": 0.0}

    def update(
        self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any, last_grad: Any
    ) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        corrected = grad + self.gamma * beta1 / (1 - beta1) * (grad - last_grad)
        corrected = corrected / maximum(norm(corrected), 1.0)
        exp_avg = beta1 * exp_avg + (1 - beta1) * corrected
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * corrected * corrected
        delta = -self.lr / (1 - beta1**step) * exp_avg / (sqrt(exp_avg_sq / (1 - beta2**step)) + self.eps)
        return with_decoupled_decay(delta, param, self.lr, self.weight_decay), exp_avg, exp_avg_sq, grad
