"""NorMuon: Muon whose rows, the weights of one neuron each, are brought to the same length."""

import math
from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import norm, sqrt, zeros_like
from .base import hyperparameter
from .muon import FOREIGN, Muon, orthogonalized, step_along


@dataclass(frozen=True, kw_only=True)
class NorMuon(Muon, foreign=FOREIGN):
    r"""NorMuon: Muon whose direction is divided, row by row, by the root mean square that the row had so far.

    $$O_t = \mathrm{NS}(\mu m_t + (1 - \mu) g_t), \qquad
      v_t = \beta_2 v_{t-1} + (1 - \beta_2) \, \mathrm{mean}_{\text{row}} (O_t^2), \qquad
      \hat O_t = \frac{O_t}{\sqrt{v_t} + 10^{-10}}$$
    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \gamma \frac{\lVert O_t \rVert}{\lVert \hat O_t \rVert} \hat O_t$$

    with $m$, NS and $\gamma$ as in `Muon`: the length of the step stays that of Muon, and is shared out more equally
    among neurons. $v$ has one number a row. The paper's factor, $0.2 \sqrt{n k} / \lVert \hat O_t \rVert$, is what
    `adjust_lr_fn="match_rms_adamw"` comes to where NS makes all singular values 1; the authors' code has that of None.
    """

    title = "NorMuon"
    reference = "Li et al. 2025"
    symbols = {"momentum_buffer": "m", "second_momentum_buffer": "v"}
    helps = Text(
        "Muon without neurons that move much further than others: some ten percent fewer steps on language models.",
        "避免个别神经元走得远比其他神经元多的 Muon：训练语言模型约再少一成步数。",
    )
    fails = Text(
        "For hidden matrices only; gains over Muon are small where rows are alike already.",
        "只适用于隐藏层矩阵；各行本已相近时比 Muon 好不了多少。",
    )

    lr: float = hyperparameter(2e-2, r"\eta", "learning rate", search=(1e-4, 1.0))
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")
    beta2: float = hyperparameter(
        0.95, r"\beta_2", "memory of the rows' squares", within="[0, 1)", near_one=True, keyword=True
    )

    def init(self, param: Any) -> dict[str, Any]:
        start = super().init(param)  # which refuses what is no matrix
        return start | {
            "second_momentum_buffer": zeros_like(param.reshape(param.shape[0], math.prod(param.shape[1:]))[:, :1])
        }

    def update(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        momentum_buffer, squares = state
        average, direction = orthogonalized(self, grad, momentum_buffer)
        mean = (direction * direction).sum(axis=1).reshape(squares.shape) / direction.shape[1]
        squares = self.beta2 * squares + (1 - self.beta2) * mean
        even = direction / (sqrt(squares) + 1e-10)
        return step_along(self, even * (norm(direction) / (norm(even) + 1e-10)), param), average, squares
