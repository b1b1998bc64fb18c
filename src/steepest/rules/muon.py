"""Muon: momentum for matrices, orthogonalized by a Newton-Schulz iteration."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..base.errors import InvalidValue
from ..base.text import Text
from ..ops import maximum, norm
from .base import Rule, hyperparameter, with_decoupled_decay
from .foreign import ANY, only, renamed

SQUARED_FACTORS: dict[str | None, Callable[[int, int], float]] = {
    None: lambda rows, columns: max(1, rows / columns),
    "original": lambda rows, columns: max(1, rows / columns),
    "match_rms_adamw": lambda rows, columns: 0.04 * max(rows, columns),
    "spectral_unclamped": lambda rows, columns: rows / columns,
}
"""The square of the factor on the learning rate, by value of `adjust_lr_fn`, for a number of rows and columns."""

ADAMW_STEP = 0.2
"""The root mean square of a step of AdamW, in learning rates."""


FOREIGN = {  # Jordan's and Moonlight's
    "backend": only("newtonschulz5", instead="the iteration is Newton-Schulz; leave it out"),
    "backend_steps": renamed("ns_steps"),
    "rank": ANY,  # sharded parameters are recognised
    "world_size": ANY,
    "use_muon": only(True, instead="give the model to steepest.MuonWith, which trains the rest by AdamW"),
} | dict.fromkeys(
    ("muon_params", "adamw_params", "adamw_lr", "adamw_betas", "adamw_eps", "adamw_wd"),
    only(instead='write steepest.MuonWith(model, partner="adamw(lr=3e-4)")'),
)


@dataclass(frozen=True, kw_only=True)
class Muon(Rule, look=("#785A87", "p", "dotted"), foreign=FOREIGN):
    r"""Muon: a step along the momentum matrix with all its singular values made about 1.

    $$m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad
      x_t = (1 - \eta \lambda) x_{t-1} - \eta \, \gamma \, \mathrm{NS}(\mu m_t + (1 - \mu) g_t)$$

    and without `nesterov` $\mathrm{NS}(m_t)$. The Newton-Schulz iteration NS starts from $X = M / \lVert M \rVert$ and
    repeats $A = X X^\top$, $X \leftarrow a X + (b A + c A^2) X$, `ns_steps` times; it brings the singular values to
    between about 0.7 and 1.2. The factor $\gamma$ of a matrix with $n$ rows and $k$ columns is
    $\sqrt{\max(1, n / k)}$ (`adjust_lr_fn` None or "original"), $0.2 \sqrt{\max(n, k)}$ ("match_rms_adamw", for a
    learning rate and decay tuned for AdamW), or $\sqrt{n / k}$ ("spectral_unclamped").

    For matrices only, and meant for those within a network; embeddings, heads, gains and biases need another rule (see
    `MuonWith`). A tensor with more axes, such as a filter, is taken for the matrix of its first axis against all others
    (Jordan's form; torch refuses it). The iteration runs in the parameter's own dtype, half precision in float32; torch
    rounds it to bfloat16, which changes a step by about a percent of itself.
    """

    title = "Muon"
    reference = "Jordan et al. 2024; match_rms_adamw: Liu et al. 2025"
    symbols = {"momentum_buffer": "m"}
    elementwise, least_axes = False, 2
    eps_stands, decay = "least length that the matrix is divided by", "decoupled"
    helps = Text(
        "Moves all directions of a layer equally; on transformers about a third fewer steps than AdamW, one state.",
        "层内各方向同等前进；训练 Transformer 约比 AdamW 少三分之一的步数，只存一个状态。",
    )
    fails = Text(
        "For hidden matrices only; the iteration costs several matrix products a step.",
        "只适用于隐藏层矩阵；每步需多次矩阵乘法。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    weight_decay: float = hyperparameter(0.1, r"\lambda", "decay of the parameter, times the learning rate")
    momentum: float = hyperparameter(0.95, r"\mu", "memory of the gradients")
    nesterov: bool = hyperparameter(True, r"\text{nesterov}", "look one step of the average ahead")
    ns_coefficients: tuple[float, float, float] = hyperparameter(
        (3.4445, -4.775, 2.0315), ("a", "b", "c"), "polynomial of the iteration", within="(-inf, inf)"
    )
    eps: float = hyperparameter(1e-7, r"\epsilon", "keeps the division finite")
    ns_steps: int = hyperparameter(5, "k", "iterations", within="[0, 100)")
    adjust_lr_fn: str | None = hyperparameter(None, r"\gamma", "factor by shape", among=tuple(SQUARED_FACTORS))

    def factor(self, rows: int, columns: int) -> float:
        r"""The factor $\gamma$ of a matrix on the learning rate."""
        return math.sqrt(SQUARED_FACTORS[self.adjust_lr_fn](rows, columns))

    def partner_lr(self, rows: int, columns: int) -> Any:
        r"""The learning rate at which steps of AdamW are as long as those of Muon on a matrix of this size.

        A step of AdamW has a root mean square of about 0.2 of its learning rate (Liu et al. 2025), so this is
        $\eta \gamma / (0.2 \sqrt{\max(n, k)})$.
        """
        return self.lr * self.factor(rows, columns) / (ADAMW_STEP * max(rows, columns) ** 0.5)

    def init(self, param: Any) -> dict[str, Any]:
        if param.ndim < self.least_axes:
            raise InvalidValue(f"{self.title} is for matrices only, got a parameter of shape {tuple(param.shape)}")
        return {"momentum_buffer": 0.0}

    def update(self, grad: Any, param: Any, step: Any, momentum_buffer: Any) -> tuple[Any, ...]:
        average = self.momentum * momentum_buffer + (1 - self.momentum) * grad
        ahead = self.momentum * average + (1 - self.momentum) * grad if self.nesterov else average
        matrix = ahead.reshape(ahead.shape[0], -1)
        direction = _orthogonal(matrix, self.ns_coefficients, self.ns_steps, self.eps).reshape(param.shape)
        delta = -self.lr * self.factor(*matrix.shape) * direction
        return with_decoupled_decay(delta, param, self.lr, self.weight_decay), average


def _orthogonal(matrix: Any, coefficients: tuple[Any, ...], steps: int, eps: Any) -> Any:
    """A matrix with the same singular vectors and singular values of about 1, by the Newton-Schulz iteration."""
    rows, columns = matrix.shape
    if rows > columns:  # so that X X^T is the smaller of the two products
        return _orthogonal(matrix.mT, coefficients, steps, eps).mT
    a, b, c = coefficients
    x = matrix / maximum(norm(matrix), eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x
