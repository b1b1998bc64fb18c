"""LAMB: AdamW whose step is scaled, for each tensor, to the tensor's own length."""

import math
from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from .adam import AdamW
from .base import Rule, hyperparameter, memories, trust_ratio
from .foreign import ANY, only

FOREIGN = {
    "adam": only(False, instead="that is steepest.AdamW"),
    "clamp_value": only(math.inf, instead="the parameter's length is not bounded; leave it out"),
    "trust_clip": only(False, instead="the factor is not bounded; leave it out"),
    "always_adapt": only(True, instead="every tensor is stretched; give those that shall not be to steepest.AdamW"),
    "use_nvlamb": only(True, instead="every tensor is stretched; give those that shall not be to steepest.AdamW"),
    "bias_correction": only(True, instead="averages are always corrected for starting at zero; leave it out"),
    "debias": only(True, instead="averages are always corrected for starting at zero; leave it out"),
    "grad_averaging": only(True, instead="the newest gradient always weighs 1 - betas[0]; leave it out"),
    "max_grad_norm": only(None, 0, instead="call torch.nn.utils.clip_grad_norm_ before the step"),
    "adam_w_mode": only(True, instead="the decay is never added to the gradient; add a penalty to the loss"),
    "decoupled_decay": only(False, instead="the decay is a part of the direction; leave it out"),
    "amsgrad": only(False, instead="leave it out"),
    "set_grad_none": ANY,
}


@dataclass(frozen=True, kw_only=True)
class LAMB(Rule, look=("#004BA5", "^", "dotted"), foreign=FOREIGN):
    r"""LAMB: the step of AdamW, stretched for each parameter tensor to a share of that tensor's own length.

    $$u_t = \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda x_{t-1}, \qquad
      x_t = x_{t-1} - \eta \frac{\lVert x_{t-1} \rVert}{\lVert u_t \rVert} u_t$$

    with $m$ and $v$ as in `Adam`; the factor is 1 where either length is 0. The weight decay is part of what is
    stretched. This is the paper's form, and optax's; some libraries bound the parameter's length (at 10), leave out the
    corrections for starting at zero, or stretch only tensors with decay.
    """

    title = "LAMB"
    reference = "You et al. 2020"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v"}
    elementwise = False
    eps_stands = "outside the root, after bias correction"
    decay = "scaled"
    helps = Text(
        "Every layer moves by the same share of its length, so very large batches and learning rates stay stable.",
        "每一层都按自身长度的相同比例移动，超大批量和大学习率下仍稳定。",
    )
    fails = Text(
        "The step of small tensors, such as biases, is made of noise; at ordinary batch sizes no better than AdamW.",
        "偏置等小张量的步长多由噪声决定；普通批量下不优于 AdamW。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate, as a share of the parameter's length", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999))
    eps: float = hyperparameter(1e-6, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, a part of the direction")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any) -> tuple[Any, ...]:
        adamw = AdamW(lr=1.0, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay)
        direction, exp_avg, exp_avg_sq, _ = adamw.update(grad, param, step, exp_avg, exp_avg_sq, None)
        return self.lr * trust_ratio(param, direction) * direction, exp_avg, exp_avg_sq
