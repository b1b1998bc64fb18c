"""StableAdamW: AdamW whose learning rate gives way where a gradient is larger than its scale expects."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import maximum, rms, sqrt
from .base import Rule, hyperparameter, memories, with_decoupled_decay
from .foreign import only, renamed

FOREIGN = {
    "clip_threshold": renamed("d"),
    "clipping_threshold": renamed("d"),
    "decouple_lr": only(False, instead="the decay is times lr; divide weight_decay by lr"),
    "kahan_sum": only(False, None, instead="keep the parameters in float32, or in bfloat16 under torch.autocast"),
}


@dataclass(frozen=True, kw_only=True)
class StableAdamW(Rule, foreign=FOREIGN):
    r"""StableAdamW: AdamW whose learning rate is divided, for each tensor, by how far gradients exceed their scale.

    $$\hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
      \rho_t = \sqrt{\frac{1}{n} \sum \frac{g_t^2}{\max(\hat v_t, \epsilon^2)}}, \qquad
      \eta_t = \frac{\eta}{\max(1, \rho_t / d)}$$
    $$x_t = (1 - \eta_t \lambda) x_{t-1} - \eta_t \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}$$

    with $m$ and $v$ as in `Adam` and the mean over the $n$ numbers of the tensor: Adafactor's update clipping in AdamW.
    It replaces clipping by norm; the paper's $d$ is 1. States are those of `AdamW`; the authors store them corrected.
    """

    title = "StableAdamW"
    reference = "Wortsman et al. 2023"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v"}
    elementwise = False
    eps_stands = "outside the root, after bias correction"
    decay = "scaled"
    helps = Text(
        "A sudden large gradient shortens its own step, so loss spikes of transformers stay away without clipping.",
        "突然变大的梯度会缩短自己的步长，Transformer 无需裁剪也少有损失尖峰。",
    )
    fails = Text(
        "The first steps after a change of data are slow; two states a parameter, as Adam has.",
        "数据变化后的头几步偏慢；与 Adam 一样每个参数存两个状态。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.99))
    eps: float = hyperparameter(1e-6, r"\epsilon", "keeps the division finite", within="(0, inf)")
    d: float = hyperparameter(1.0, "d", "largest excess over the scale", within="(0, inf)")
    weight_decay: float = hyperparameter(1e-2, r"\lambda", "decay of the parameter, times the learning rate")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        scale = sqrt(exp_avg_sq / (1 - beta2**step))
        excess = rms(grad / maximum(scale, self.eps))
        lr = self.lr / maximum(excess / self.d, 1.0)
        delta = -lr / (1 - beta1**step) * exp_avg / (scale + self.eps)
        return with_decoupled_decay(delta, param, lr, self.weight_decay), exp_avg, exp_avg_sq
