"""Rprop: each coordinate has a step of its own, which grows while the sign of its gradient stays."""

from dataclasses import dataclass
from typing import Any

from ..base.errors import InvalidValue
from ..base.text import Text
from ..ops import maximum, minimum, sign, where
from .base import Rule, hyperparameter


@dataclass(frozen=True, kw_only=True)
class Rprop(Rule):
    r"""Rprop: a step along the sign of the gradient, longer while the sign stays and shorter when it changes.

    $$s_t = \begin{cases}
      \min(\eta_+ s_{t-1}, s_{\max}) & g_t g'_{t-1} > 0 \\ \max(\eta_- s_{t-1}, s_{\min}) & g_t g'_{t-1} < 0 \\
      s_{t-1} & \text{otherwise} \end{cases} \qquad
      g'_t = \begin{cases} 0 & g_t g'_{t-1} < 0 \\ g_t & \text{otherwise} \end{cases}$$
    $$x_t = x_{t-1} - s_t \, \mathrm{sign}(g'_t), \qquad s_0 = \eta$$

    After a change of sign the coordinate waits for a step. The learning rate is the first step only: no schedule
    changes what follows. For whole gradients: the signs of mini-batches are noise.
    """

    title = "Rprop"
    reference = "Riedmiller and Braun 1993"
    symbols = {"prev": "g'", "step_size": "s"}
    own_schedule = "constant"
    helps = Text(
        "With whole gradients needs no tuning: steps adapt a coordinate at a time, whatever the gradient's size.",
        "用全批量梯度时几乎无需调参：各坐标的步长自适应，与梯度大小无关。",
    )
    fails = Text(
        "Mini-batches: it counts signs, so nine small gradients outweigh one large one against them.",
        "小批量：只数符号，九个小梯度会压过一个反向的大梯度。",
    )

    lr: float = hyperparameter(1e-2, r"\eta", "first step", search=(1e-5, 1e-1))
    etas: tuple[float, float] = hyperparameter(
        (0.5, 1.2), (r"\eta_-", r"\eta_+"), "factors on the step after a change of sign and without", within="(0, inf)"
    )
    step_sizes: tuple[float, float] = hyperparameter(
        (1e-6, 50.0), (r"s_{\min}", r"s_{\max}"), "shortest and longest step"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        shrink, grow = self.etas
        if all(isinstance(eta, int | float) for eta in self.etas) and not shrink < 1 < grow:
            raise InvalidValue(f"{self.title}: etas must be a number below 1 and one above, got {self.etas!r}")

    def init(self, param: Any) -> dict[str, Any]:
        return {"prev": 0.0, "step_size": 0.0}

    def update(self, grad: Any, param: Any, step: Any, prev: Any, step_size: Any) -> tuple[Any, ...]:
        (shrink, grow), (shortest, longest) = self.etas, self.step_sizes
        agreement, step_size = grad * prev, where(step == 1, step_size + self.lr, step_size)
        shrunk = where(agreement < 0, shrink * step_size, step_size)
        step_size = minimum(maximum(where(agreement > 0, grow * step_size, shrunk), shortest), longest)
        grad = where(agreement < 0, 0.0, grad)
        return -sign(grad) * step_size, grad, step_size
