"""AdEMAMix: AdamW with a second, much slower average of the gradients."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import exp, is_zero, log, maximum, minimum, sqrt
from .base import Rule, hyperparameter, memories, warmed_up, with_decoupled_decay
from .foreign import renamed

FOREIGN = {
    "t_alpha": renamed("alpha_warmup"),
    "T_alpha": renamed("alpha_warmup"),
    "t_beta3": renamed("beta3_warmup"),
    "T_beta3": renamed("beta3_warmup"),
}


def _steps(symbol: str, about: str) -> Any:
    """The length of a schedule; none is 0, or None as in the authors' code."""
    return hyperparameter(0, symbol, about, none=0)


@dataclass(frozen=True, kw_only=True)
class AdEMAMix(Rule, look=("#784B00", "s", "dashed"), foreign=FOREIGN):
    r"""AdEMAMix: AdamW along a mixture of a fast and a very slow average of gradients.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad n_t = \beta_3 n_{t-1} + (1 - \beta_3) g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
    $$x_t = (1 - \eta \lambda) x_{t-1}
      - \eta \frac{m_t / (1 - \beta_1^t) + \alpha n_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    The slow average is not corrected for starting at zero: it is meant to come in late. Two schedules over $T$ steps
    soften that, both off at 0. `alpha_warmup` raises $\alpha$ in a straight line from 0. `beta3_warmup` raises
    $\beta_3$ from $\beta_1$ so that its half-life grows in a straight line:
    $$\beta_3(t) = \exp\left(1 \Big/ \left(\frac{1 - t/T}{\ln \beta_1} + \frac{t/T}{\ln \beta_3}\right)\right)$$
    The paper takes $\alpha$ from 4 to 10; the default is that of its PyTorch code (optax: 5).
    """

    title = "AdEMAMix"
    reference = "Pagliardini, Ablin and Grangier 2024"
    symbols = {"exp_avg_fast": "m", "exp_avg_slow": "n", "exp_avg_sq": "v"}
    eps_stands = "outside the root, after bias correction"
    decay = "decoupled"
    helps = Text(
        "Uses gradients of thousands of steps ago; forgets training data more slowly than AdamW.",
        "能利用数千步之前的梯度；比 AdamW 更慢地遗忘训练数据。",
    )
    fails = Text(
        "Three states a parameter; the long memory hurts in short runs and when the data change.",
        "每个参数要存三个状态；训练短或数据变化时，长记忆反而有害。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-5, 1e-1))
    betas: tuple[float, float, float] = memories(
        (0.9, 0.999, 0.9999), "memory of the gradients, of their squares, and the slow memory of the gradients"
    )
    alpha: float = hyperparameter(2.0, r"\alpha", "weight of the slow average")
    beta3_warmup: int | None = _steps(r"T_{\beta_3}", "steps until the slow memory is as long as it gets, or 0")
    alpha_warmup: int | None = _steps(r"T_\alpha", "steps until the slow average has its full weight, or 0")
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")

    def init(self, param: Any) -> dict[str, Any]:
        return {"exp_avg_fast": 0.0, "exp_avg_slow": 0.0, "exp_avg_sq": 0.0}

    def update(
        self, grad: Any, param: Any, step: Any, exp_avg_fast: Any, exp_avg_slow: Any, exp_avg_sq: Any
    ) -> tuple[Any, ...]:
        beta1, beta2, beta3 = self.betas
        alpha = self.alpha if is_zero(self.alpha_warmup) else self.alpha * warmed_up(step, self.alpha_warmup)
        if not is_zero(self.beta3_warmup):
            beta3 = _between(beta1, beta3, warmed_up(step, self.beta3_warmup))
        exp_avg_fast = beta1 * exp_avg_fast + (1 - beta1) * grad
        exp_avg_slow = beta3 * exp_avg_slow + (1 - beta3) * grad
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
        mixture = exp_avg_fast / (1 - beta1**step) + alpha * exp_avg_slow
        delta = -self.lr * mixture / (sqrt(exp_avg_sq / (1 - beta2**step)) + self.eps)
        delta = with_decoupled_decay(delta, param, self.lr, self.weight_decay)
        return delta, exp_avg_fast, exp_avg_slow, exp_avg_sq


def _between(start: Any, end: Any, share: Any) -> Any:
    """The memory whose half-life is interpolated linearly between those of `start` and `end`, at `share`."""
    from_start, from_end = log(maximum(start, 1e-8)), log(maximum(end, 1e-8))
    return minimum(exp(1 / ((1 - share) / from_start + share / from_end)), end)
