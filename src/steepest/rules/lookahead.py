"""Lookahead: every k steps a slow copy of the weights goes a part of the way that the rule has gone."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import where
from .base import Rule, hyperparameter
from .foreign import only, renamed
from .wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class Lookahead(Wrapper):
    r"""Lookahead: after every k steps of a rule, only a part of the way is gone, and the rule starts from there.

    $$\phi_t = \begin{cases} \phi_{t-1} + \alpha (\tilde x_t - \phi_{t-1}) & k \mid t \\ \phi_{t-1} & \text{else}
      \end{cases}, \qquad x_t = \begin{cases} \phi_t & k \mid t \\ \tilde x_t & \text{else} \end{cases}$$

    where $\tilde x_t$ is where the step of the rule leads from $x_{t-1}$, and $\phi_0 = x_0$. The rule's own states go
    on as they are (the authors' code can also reset or pull back a momentum). The weights to use are the parameters
    themselves; at a step that k divides they are the slow ones, $\phi$.
    """

    title = "Lookahead"
    reference = "Zhang et al. 2019"
    symbols = {"slow": r"\phi"}
    marker = ">"
    foreign = {
        "la_steps": renamed("k"),
        "la_alpha": renamed("alpha"),
        "pullback_momentum": only("none", None, instead="the rule's states go on as they are; leave it out"),
    }
    helps = Text(
        "Bears a larger learning rate inside, and averages out the last steps' noise; one more copy of the weights.",
        "内层可用更大的学习率，并平均掉最近几步的噪声；多存一份权重。",
    )
    fails = Text(
        "Between its pulls the weights are those of the rule; along a slope it goes only a part of the way.",
        "两次回拉之间的权重仍是内层优化器的；在单调的斜坡上只走了部分路程。",
    )

    k: int = hyperparameter(5, "k", "steps of the rule between two pulls", within="[1, inf)", keyword=True)
    alpha: float = hyperparameter(0.5, r"\alpha", "share of the way that is gone", within="[0, 1]", keyword=True)

    def init(self, param: Any) -> dict[str, Any]:
        return {"slow": param}

    def update(
        self, rule: Rule, grad: Any, param: Any, step: Any, state: tuple[Any, ...], *own: Any, **shared: Any
    ) -> tuple[Any, ...]:
        (slow,) = own
        delta, *state_after = rule.update(grad, param, step, *state, **shared)
        pulled = step % self.k == 0
        slow = where(pulled, slow + self.alpha * (param + delta - slow), slow)
        return where(pulled, slow - param, delta), *state_after, slow
