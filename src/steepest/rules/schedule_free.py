"""Schedule-Free SGD, AdamW and RAdam: an average of the path replaces a decreasing learning rate."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import is_zero, maximum, sqrt, where
from .base import Rule, hyperparameter, memories, warmed_up, with_weight_decay
from .foreign import only

APART = Text(
    "Trains at one point and is used at another: wrong without `evaluating()`, or with BatchNorm's old averages.",
    "训练所在的点与最终使用的权重不同：忘记 `evaluating()`，或 BatchNorm 统计过时，结果就不对。",
)

SHARES = "share of the average in the point of the gradient, memory of the squared gradients"


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
        lr, lr_max, weight = _weight(self, self.lr, self.warmup_steps, step, lr_max)
        return *averaged(self.momentum, lr, direction, weight, param, z, weight_sum), lr_max

    def evaluation(self, param: Any, z: Any, weight_sum: Any, lr_max: Any) -> Any:
        return param + (1 - 1 / self.momentum) * (z - param)

    def from_evaluation(self, weights: Any, z: Any, *numbers: Any) -> Any:
        return weights + (1 - self.momentum) * (z - weights)


class AveragedAdam(Rule):
    """What the rules have in common that divide as Adam does: the parameter is between z and the average."""

    own_schedule = "constant"
    fails = APART
    betas: tuple[float, float]

    def evaluation(self, param: Any, z: Any, *others: Any) -> Any:
        return param + (1 - 1 / self.betas[0]) * (z - param)

    def from_evaluation(self, weights: Any, z: Any, *others: Any) -> Any:
        return weights + (1 - self.betas[0]) * (z - weights)


FOREIGN = {"decay_at_z": only(False, instead="the decay is of the parameter y; leave it out")}


@dataclass(frozen=True, kw_only=True)
class ScheduleFreeAdamW(AveragedAdam, look=("#3CC3D2", "v", "dotted"), foreign=FOREIGN):
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
    helps = Text(
        "As good as AdamW with a tuned schedule, without knowing when training ends, in the same memory.",
        "不必知道训练何时结束，也能达到调好调度的 AdamW 的水平，内存相同。",
    )

    lr: float = hyperparameter(2.5e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999), SHARES, "(0, 1)")
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")
    warmup_steps: int = hyperparameter(0, "T", "steps in which the learning rate rises from 0")
    r: float = hyperparameter(0.0, "r", "power of the step in the weights of the average")
    weight_lr_power: float = hyperparameter(2.0, "p", "power of the learning rate in the weights of the average")
    lr_correction: bool = hyperparameter(False, r"\sqrt{1-\beta_2^t}\,\eta", "correct the learning rate, not the scale")

    def init(self, param: Any) -> dict[str, Any]:
        return {"z": param, "exp_avg_sq": 0.0, "weight_sum": 0.0, "lr_max": 0.0}

    def update(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        z, exp_avg_sq, weight_sum, lr_max = state
        beta1, beta2 = self.betas
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        correction = 1 - beta2**step
        scale = exp_avg_sq if self.lr_correction else exp_avg_sq / correction
        direction = with_weight_decay(grad / (sqrt(scale) + self.eps), param, self.weight_decay)
        lr = self.lr * sqrt(correction) if self.lr_correction else self.lr
        lr, lr_max, weight = _weight(self, lr, self.warmup_steps, step, lr_max)
        delta, z, weight_sum = averaged(beta1, lr, direction, weight, param, z, weight_sum)
        return delta, z, exp_avg_sq, weight_sum, lr_max


@dataclass(frozen=True, kw_only=True)
class ScheduleFreeRAdam(AveragedAdam):
    r"""Schedule-Free RAdam: Schedule-Free AdamW whose warm-up is RAdam's factor for how well the scale is known.

    $$v_t = \beta_2 v_{t-1} + (1 - \beta_2) g(y_t)^2, \qquad
      \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad
      r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}$$
    $$z_{t+1} = z_t - \eta r_t \left(\frac{g(y_t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon} + \lambda y_t\right), \qquad
      x_{t+1} = (1 - c_t) x_t + c_t z_{t+1}$$

    with $\rho_\infty = 2 / (1 - \beta_2) - 1$, and $y$ and $c_t$ as in `ScheduleFreeSGD`, of the learning rate
    $\eta r_t$. While $\rho_t \le 4$ nothing moves ($r_t = 0$); without `silent_sgd_phase` $z$ takes plain steps along
    the gradient, $r_t = 1$. **The weights to use are $x$**: see `optimizer.evaluating()` and `optimizer.eval()`.
    """

    title = "Schedule-Free RAdam"
    reference = "Defazio et al. 2024; Liu et al. 2020"
    symbols = {"z": "z", "exp_avg_sq": "v", "weight_sum": r"\sum w", "lr_max": r"\eta_{\max}"}
    numbers = ("weight_sum", "lr_max")
    eps_stands = "outside the root, after bias correction"
    decay = "scaled"
    helps = Text(
        "Neither schedule nor warm-up to choose: both follow from the number of steps made.",
        "学习率调度与预热都不必选：两者都由已走的步数决定。",
    )

    lr: float = hyperparameter(2.5e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999), SHARES, "(0, 1)")
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")
    r: float = hyperparameter(0.0, "r", "power of the step in the weights of the average")
    weight_lr_power: float = hyperparameter(2.0, "p", "power of the learning rate in the weights of the average")
    silent_sgd_phase: bool = hyperparameter(True, r"\text{silent}", "stand still until the scale is known")

    def init(self, param: Any) -> dict[str, Any]:
        return {"z": param, "exp_avg_sq": 0.0, "weight_sum": 0.0, "lr_max": 0.0}

    def update(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        z, exp_avg_sq, weight_sum, lr_max = state
        beta1, beta2 = self.betas
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        correction = 1 - beta2**step
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / correction
        # raised above 4 where the other case holds, so that no root is of a number that has no derivative
        rho, limit = maximum(length, 4.0001), maximum(longest, 4.0001)
        known = sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        factor = where(length > 4, known, 0.0 if self.silent_sgd_phase else 1.0)
        scaled = grad / (sqrt(exp_avg_sq / correction) + self.eps)
        if not self.silent_sgd_phase:
            scaled = where(length > 4, scaled, grad)
        lr, lr_max, weight = _weight(self, self.lr * factor, 0, step, lr_max)
        direction = with_weight_decay(scaled, param, self.weight_decay)
        delta, z, weight_sum = averaged(beta1, lr, direction, weight, param, z, weight_sum)
        return delta, z, exp_avg_sq, weight_sum, lr_max


def _weight(rule: Any, lr: Any, warmup_steps: Any, step: Any, lr_max: Any) -> tuple[Any, Any, Any]:
    """The learning rate of this step, the largest so far, and the weight in the average."""
    if not is_zero(warmup_steps):
        lr = lr * warmed_up(step, warmup_steps)
    lr_max = maximum(lr_max, lr)
    return lr, lr_max, step**rule.r * lr_max**rule.weight_lr_power


def averaged(
    share: Any, lr: Any, direction: Any, weight: Any, param: Any, z: Any, weight_sum: Any
) -> tuple[Any, Any, Any]:
    """The step of z along the direction, and of the parameter y to between z and the new average x.

    x is eliminated: with y = (1 - share) z + share x the change of y follows from y, z and the direction alone.

    Returns:
        The change of y, the new z, and the sum of the weights with the new one.
    """
    weight_sum = weight_sum + weight
    newest = weight / maximum(weight_sum, 1e-37)  # 0 while the learning rate is 0
    delta = newest * (z - param) - lr * (1 - share * (1 - newest)) * direction
    return delta, z - lr * direction, weight_sum
