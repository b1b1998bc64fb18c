"""Adafactor: RMSProp for matrices that stores mean squares by row and by column only."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import machine_epsilon, maximum, minimum, rms, sqrt, zeros_like
from .base import Rule, hyperparameter, with_decoupled_decay
from .foreign import only, renamed

FOREIGN = {  # Hugging Face's
    "clip_threshold": renamed("d"),
    "decay_rate": renamed("beta2_decay"),
    "beta1": only(None, instead="there is no momentum; leave it out"),
    "scale_parameter": only(True, instead="steps are always a share of the parameter's size; leave it out"),
    "relative_step": only(True, instead="the learning rate is never above 1/sqrt(step); leave it out, and set lr"),
    "warmup_init": only(False, instead="put torch.optim.lr_scheduler.LinearLR on lr"),
}


@dataclass(frozen=True, kw_only=True)
class Adafactor(Rule, look=("#5A874B", "X", "dotted"), foreign=FOREIGN):
    r"""Adafactor: RMSProp whose mean squares are the product of those of the rows and of the columns.

    $$w_t = t^{\tau}, \qquad R_t = (1 - w_t) R_{t-1} + w_t \, \mathrm{mean}_{\text{row}}(g_t^2), \qquad
      C_t = (1 - w_t) C_{t-1} + w_t \, \mathrm{mean}_{\text{column}}(g_t^2)$$
    $$V_t = \frac{R_t C_t}{\max(\mathrm{mean}(R_t), \epsilon_1)}, \qquad
      u_t = \frac{g_t}{\sqrt{\max(V_t, \epsilon_1^2)}}, \qquad \hat u_t = \frac{u_t}{\max(1, \mathrm{rms}(u_t) / d)}$$
    $$x_t = (1 - \eta \lambda) x_{t-1}
      - \max(\epsilon_2, \mathrm{rms}(x_{t-1})) \min\left(\eta, \tfrac{1}{\sqrt t}\right) \hat u_t$$

    Vectors keep $V_t$ itself; of a tensor with more axes the last two are rows and columns. This is torch's form: the
    learning rate is the largest step as a share of the parameter's size (the paper: 0.01, no decay, and $\epsilon_1$
    added to each squared gradient); no $\epsilon_1$ is the distance from 1 to the next number of the dtype. Hugging
    Face's and optax's differ in all of these.
    """

    title = "Adafactor"
    reference = "Shazeer and Stern 2018"
    symbols = {"row_var": "R", "col_var": "C", "variance": "V"}
    elementwise = False
    eps_stands = "below: the mean square is never less than its square"
    decay = "decoupled"
    helps = Text(
        "Almost no memory beside the parameters; step and decay follow the parameters' size.",
        "除参数外几乎不占内存；步长与衰减随参数大小而变。",
    )
    fails = Text("No momentum and a coarse scale: often a little behind Adam.", "没有动量且尺度较粗：往往略逊于 Adam。")

    lr: float = hyperparameter(1e-2, r"\eta", "largest step, as a share of the parameter's size", search=(1e-4, 1.0))
    beta2_decay: float = hyperparameter(
        -0.8, r"\tau", "power of the step by which the newest square is weighted", within="(-inf, 0]"
    )
    eps: tuple[float | None, float] = hyperparameter(
        (None, 1e-3), (r"\epsilon_1", r"\epsilon_2"), "least scale (None: of the dtype), and least size"
    )
    d: float = hyperparameter(1.0, "d", "largest root mean square of the direction", within="[1, inf)")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")

    def init(self, param: Any) -> dict[str, Any]:
        if param.ndim < 2:
            return {"row_var": None, "col_var": None, "variance": 0.0}
        return {"row_var": zeros_like(param[..., :1]), "col_var": zeros_like(param[..., :1, :]), "variance": None}

    def update(self, grad: Any, param: Any, step: Any, row_var: Any, col_var: Any, variance: Any) -> tuple[Any, ...]:
        least = machine_epsilon(param) if self.eps[0] is None else self.eps[0]
        newest = step**self.beta2_decay
        square = grad * grad
        if variance is None:
            row_var = row_var + newest * (square.mean(axis=-1, keepdims=True) - row_var)
            col_var = col_var + newest * (square.mean(axis=-2, keepdims=True) - col_var)
            estimate = row_var @ col_var / maximum(row_var.mean(axis=-2, keepdims=True), least)
        else:
            estimate = variance = variance + newest * (square - variance)
        direction = grad / sqrt(maximum(estimate, least * least))
        size = maximum(rms(param), self.eps[1]) * minimum(self.lr, step**-0.5)
        delta = -size / maximum(rms(direction) / self.d, 1.0) * direction
        return with_decoupled_decay(delta, param, self.lr, self.weight_decay), row_var, col_var, variance
