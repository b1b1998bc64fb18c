"""Schedule-Free SGD and AdamW: an average of the path replaces a decreasing learning rate."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import is_zero, maximum, sqrt
from .base import Rule, hyperparameter, memories, warmed_up, with_weight_decay
from .foreign import only

APART = Text(
    "Trains at one point and is used at another: wrong without `evaluating()`, or with BatchNorm's old averages.",
    "训练所在的点与最终使用的权重不同：忘记 `evaluating()`，或 BatchNorm 统计过时，结果就不对。",
)


@dataclass(frozen=True, kw_only=True)
class ScheduleFreeSGD(Rule, look=("#E1A5A5", "D", "dotted")):
    r"""Schedule-Free SGD: takes gradients between its path and the path's average, which is the result.

    $$y_t = (1 - \mu) z_t + \mu x_t, \qquad z_{t+1} = z_t - \eta_t g(y_t), \qquad
      x_{t+1} = (1 - c_t) x_t + c_t z_{t+1}$$
    $$\eta_t = \eta \min(1, t / T), \qquad w_t = t^r \max_{i \le t} \eta_i^p, \qquad c_t = w_t / (w_1 + \dots + w_t)$$

    The parameter is $y$, the point of the gradient. **The weights to use are $x$**: `with optimizer.evaluating():` puts
    them into the model for that long, `optimizer.eval()` until `optimizer.train()`, as trainers call them. With
    `weight_decay` $\lambda$ the gradient is $g(y_t) + \lambda y_t$. $T$ is `warmup_steps`, $p$ is `weight_lr_power`.
    Only $z$ is stored; $x$ follows from $y$ and $z$.

    Steps and weights count from a parameter's own first gradient (the authors' code counts for a whole group).
    """

    title = "Schedule-Free SGD"
    reference = "Defazio et al. 2024"
    symbols = {"z": "z", "weight_sum": r"\sum w", "lr_max": r"\eta_{\max}"}
    numbers = ("weight_sum", "lr_max")
    decay = "coupled"
    own_schedule = "constant"
    helps = Text(
        "No schedule and no end to plan for: the average is good at every step, like a run that was made to end there.",
        "无需学习率调度，也不必事先定好终点：任何一步的平均权重都可用，如同专为此终点训练。",
    )
    fails = APART

    lr: float = hyperparameter(1.0, r"\eta", "learning rate", search=(1e-2, 100.0))
    momentum: float = hyperparameter(0.9, r"\mu", "share of the average in the point of the gradient", within="(0, 1)")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    warmup_steps: int = hyperparameter(0, "T", "steps in which the learning rate rises from 0")
    r: float = hyperparameter(0.0, "r", "power of the step in the weights of the average")
    weight_lr_power: float = hyperparameter(2.0, "p", "power of the learning rate in the weights of the average")

    def init(self, param: Any) -> dict[str, Any]:
        return {"z": param, "weight_sum": 0.0, "lr_max": 0.0}

    def update(self, grad: Any, param: Any, step: Any, z: Any, weight_sum: Any, lr_max: Any) -> tuple[Any, ...]:
        direction = with_weight_decay(grad, param, self.weight_decay)
        return _average(self, self.momentum, self.lr, direction, param, step, z, weight_sum, lr_max)

    def evaluation(self, param: Any, z: Any, weight_sum: Any, lr_max: Any) -> Any:
        return param + (1 - 1 / self.momentum) * (z - param)

    def from_evaluation(self, weights: Any, z: Any, *numbers: Any) -> Any:
        return weights + (1 - self.momentum) * (z - weights)


FOREIGN = {"decay_at_z": only(False, instead="the decay is of the parameter y; leave it out")}


@dataclass(frozen=True, kw_only=True)
class ScheduleFreeAdamW(Rule, look=("#3CC3D2", "v", "dotted"), foreign=FOREIGN):
    r"""Schedule-Free AdamW: an average of the path takes the place of both Adam's momentum and the schedule.

    $$y_t = (1 - \beta_1) z_t + \beta_1 x_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g(y_t)^2$$
    $$z_{t+1} = z_t - \eta_t \left(\frac{g(y_t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda y_t\right), \qquad
      x_{t+1} = (1 - c_t) x_t + c_t z_{t+1}$$

    with $\eta_t$ and $c_t$ as in `ScheduleFreeSGD`, and $y$ as the parameter. **The weights to use are $x$**: see
    `optimizer.evaluating()` and `optimizer.eval()`. $v$ is corrected where it is used (as optax does, and the authors'
    code of today); the paper corrects the learning rate instead, $\eta_t = \eta \sqrt{1 - \beta_2^t} \min(1, t/T)$,
    which makes the first weights and decays smaller too: `lr_correction` does so.
    """

    title = "Schedule-Free AdamW"
    reference = "Defazio et al. 2024"
    symbols = {"z": "z", "exp_avg_sq": "v", "weight_sum": r"\sum w", "lr_max": r"\eta_{\max}"}
    numbers = ("weight_sum", "lr_max")
    eps_stands = "outside the root"
    decay = "decoupled"
    own_schedule = "constant"
    helps = Text(
        "As good as AdamW with a tuned schedule, without knowing when training ends, in the same memory.",
        "不必知道训练何时结束，也能达到调好调度的 AdamW 的水平，内存相同。",
    )
    fails = APART

    lr: float = hyperparameter(2.5e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories(
        (0.9, 0.999), "share of the average in the point of the gradient, memory of the squared gradients", "(0, 1)"
    )
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")
    warmup_steps: int = hyperparameter(0, "T", "steps in which the learning rate rises from 0")
    r: float = hyperparameter(0.0, "r", "power of the step in the weights of the average")
    weight_lr_power: float = hyperparameter(2.0, "p", "power of the learning rate in the weights of the average")
    lr_correction: bool = hyperparameter(False, r"\sqrt{1-\beta_2^t}\,\eta", "correct the learning rate, not the scale")

    def init(self, param: Any) -> dict[str, Any]:
        return {"z": param, "exp_avg_sq": 0.0, "weight_sum": 0.0, "lr_max": 0.0}

    def update(self, grad: Any, param: Any, step: Any, z: Any, exp_avg_sq: Any, *numbers: Any) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        correction = 1 - beta2**step
        scale = exp_avg_sq if self.lr_correction else exp_avg_sq / correction
        direction = with_weight_decay(grad / (sqrt(scale) + self.eps), param, self.weight_decay)
        lr = self.lr * sqrt(correction) if self.lr_correction else self.lr
        delta, z, *new = _average(self, beta1, lr, direction, param, step, z, *numbers)
        return delta, z, exp_avg_sq, *new

    def evaluation(self, param: Any, z: Any, exp_avg_sq: Any, weight_sum: Any, lr_max: Any) -> Any:
        return param + (1 - 1 / self.betas[0]) * (z - param)

    def from_evaluation(self, weights: Any, z: Any, *others: Any) -> Any:
        return weights + (1 - self.betas[0]) * (z - weights)


def _average(
    rule: Any, share: Any, lr: Any, direction: Any, param: Any, step: Any, z: Any, weight_sum: Any, lr_max: Any
) -> tuple[Any, ...]:
    """The step of z along the direction, and of the parameter y to between z and the new average x.

    x is eliminated: with y = (1 - share) z + share x the change of y follows from y, z and the direction alone.
    """
    if not is_zero(rule.warmup_steps):
        lr = lr * warmed_up(step, rule.warmup_steps)
    lr_max = maximum(lr_max, lr)
    weight = step**rule.r * lr_max**rule.weight_lr_power
    weight_sum = weight_sum + weight
    newest = weight / maximum(weight_sum, 1e-37)  # 0 while the learning rate is 0
    delta = newest * (z - param) - lr * (1 - share * (1 - newest)) * direction
    return delta, z - lr * direction, weight_sum, lr_max
