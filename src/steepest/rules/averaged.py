"""An exponential average of the weights (EMA), which is what is evaluated."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import minimum
from .base import Rule, hyperparameter
from .wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class Averaged(Wrapper):
    r"""EMA of weights: trains by a rule as it is, and evaluates an exponential average of the path.

    $$x_t = x_{t-1} + \Delta_t, \qquad \bar x_t = \beta \bar x_{t-1} + (1 - \beta) x_t, \qquad \bar x_0 = x_0$$

    **The weights to use are $\bar x$**: `with optimizer.evaluating():` puts them into the model for that long,
    `optimizer.eval()` until `optimizer.train()`. Only their distance $a_t = \bar x_t - x_t$ is stored, for which
    $a_t = \beta (a_{t-1} - \Delta_t)$, so that both follow from each other. With `ema_warmup` (the default) $\beta$ is
    at most $(1 + t) / (10 + t)$, so that the start is soon forgotten. Half-precision parameters need
    `master_weights=True`: the distance counts steps that rounding swallows.
    """

    title = "Averaged"
    reference = "Polyak and Juditsky 1992; Tarvainen and Valpola 2017"
    symbols = {"ema_distance": "a"}
    marker = "8"
    helps = Text(
        "Evaluates as if the learning rate had been lowered, at any time, for one more copy of the weights.",
        "任何时候评估都如同已降低过学习率；只多存一份权重。",
    )
    fails = Text(
        "Lags behind by 1/(1 - decay) steps; BatchNorm's averages belong to the other weights.",
        "滞后约 1/(1 - 衰减) 步；BatchNorm 的统计属于另一组权重。",
    )

    ema_decay: float = hyperparameter(
        0.999, r"\beta", "memory of the average of the weights", within="[0, 1)", keyword=True, near_one=True
    )
    ema_warmup: bool = hyperparameter(True, r"\text{warm-up}", "a shorter memory at the start", keyword=True)

    def init(self, param: Any) -> dict[str, Any]:
        return {"ema_distance": 0.0}

    def update(
        self, rule: Rule, grad: Any, param: Any, step: Any, state: tuple[Any, ...], *own: Any, **shared: Any
    ) -> tuple[Any, ...]:
        (distance,) = own
        delta, *state_after = rule.update(grad, param, step, *state, **shared)
        memory = minimum(self.ema_decay, (1 + step) / (10 + step)) if self.ema_warmup else self.ema_decay
        return delta, *state_after, memory * (distance - delta)

    def evaluation(self, rule: Rule, param: Any, state: tuple[Any, ...], *own: Any) -> Any:
        return param + own[0]

    def from_evaluation(self, rule: Rule, weights: Any, state: tuple[Any, ...], *own: Any) -> Any:
        return weights - own[0]
