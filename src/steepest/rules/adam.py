"""Adam and AdamW: averages of the gradients and of their squares, with bias correction."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ..base.text import Text
from ..ops import maximum, sqrt
from .base import Rule, hyperparameter, memories, with_decoupled_decay, with_weight_decay
from .foreign import ANY, only, renamed

FOREIGN = {  # NVIDIA's and Hugging Face's
    "adam_w_mode": renamed("decoupled_weight_decay"),
    "bias_correction": only(True, instead="averages are always corrected for starting at zero; leave it out"),
    "correct_bias": only(True, instead="averages are always corrected for starting at zero; leave it out"),
    "no_deprecation_warning": ANY,
    "set_grad_none": ANY,
}


@dataclass(frozen=True, kw_only=True)
class Adam(Rule, look=("#E69F00", "v", "solid"), foreign=FOREIGN):
    r"""Adam: the leaky average of gradients, divided by the root of that of their squares.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$x_t = x_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    `amsgrad` divides by the largest $v$ so far. Weight decay is added to the gradient, or, with
    `decoupled_weight_decay`, taken from the parameter (that is `AdamW`). `eps_inside_sqrt` divides by
    $\sqrt{v_t / (1 - \beta_2^t) + \epsilon}$.
    """

    title = "Adam"
    reference = "Kingma and Ba 2015; AMSGrad: Reddi, Kale and Kumar 2018"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": r"\hat v"}
    eps_stands = "outside the root, after bias correction"
    decay: ClassVar[Literal["coupled", "decoupled"]] = "coupled"
    sparse = ("weight_decay", "amsgrad")
    helps = Text(
        "Works untuned on most problems; each coordinate moves about one learning rate a step.",
        "不调参也大多可用；每步每个坐标约移动一个学习率。",
    )
    fails = Text(
        "Two states a parameter; noise in the scale misleads it; L2 decay acts weakly where gradients are large.",
        "每个参数要存两个状态；尺度估计受噪声误导，梯度大处 L2 衰减作用变弱。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999))
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    amsgrad: bool = hyperparameter(False, r"\text{amsgrad}", "divide by the largest average so far")
    decoupled_weight_decay: bool = hyperparameter(False, r"\text{decoupled}", "decay as AdamW does", keyword=True)
    eps_inside_sqrt: bool = hyperparameter(False, r"\sqrt{v+\epsilon}", "eps under the root", keyword=True)

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, "max_exp_avg_sq": 0.0 if self.amsgrad else None}

    def update(
        self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any, max_exp_avg_sq: Any
    ) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        coupled, decoupled = (0.0, self.weight_decay) if self.decoupled_weight_decay else (self.weight_decay, 0.0)
        grad = with_weight_decay(grad, param, coupled)
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        if self.amsgrad:
            max_exp_avg_sq = maximum(max_exp_avg_sq, exp_avg_sq)
        second = (max_exp_avg_sq if self.amsgrad else exp_avg_sq) / (1 - beta2**step)
        root = sqrt(second + self.eps) if self.eps_inside_sqrt else sqrt(second) + self.eps
        delta = -self.lr / (1 - beta1**step) * exp_avg / root
        return with_decoupled_decay(delta, param, self.lr, decoupled), exp_avg, exp_avg_sq, max_exp_avg_sq


FOREIGN_TO_ADAMW = FOREIGN | {"adam_w_mode": only(True, instead="that is steepest.Adam")}


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam, look=("#56B4E9", "P", "solid"), foreign=FOREIGN_TO_ADAMW):
    r"""Adam whose weight decay acts on the parameter itself, not through the gradient.

    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    with $m$ and $v$ as in `Adam`, of the bare gradient. The decay is multiplied by the learning rate (torch's form; the
    paper's schedule multiplier is the learning rate's own schedule).
    """

    title = "AdamW"
    reference = "Loshchilov and Hutter 2019"
    decay = "decoupled"
    helps = Text(
        "Adam with a weight decay that means the same for every coordinate; the default for transformers.",
        "权重衰减对每个坐标作用一致的 Adam；Transformer 的默认选择。",
    )
    fails = Text(
        "Two states a parameter; the decay is on by default and scales with the learning rate.",
        "每个参数要存两个状态；默认开启衰减，且衰减随学习率缩放。",
    )

    weight_decay: float = hyperparameter(1e-2, r"\lambda", "decay of the parameter, times the learning rate")
    decoupled_weight_decay: bool = field(default=True, init=False)
