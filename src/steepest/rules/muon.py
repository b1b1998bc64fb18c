"""Muon: momentum for matrices, orthogonalized by a Newton-Schulz iteration."""

import math
from collections.abc import Callable, Sequence
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

POLAR_EXPRESS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    (1.875, -1.25, 0.375),
)
"""Polynomials of least error for singular values from 0.001 to 1, one a step (Amsel et al. 2025); the last repeats."""

SAFETY = 1.01
"""By how much the singular values may exceed 1 in half precision without leaving the interval of a polynomial."""

Coefficients = Sequence[tuple[Any, Any, Any]]


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
    between about 0.7 and 1.2. With `coefficient_type="polar_express"` each step has the polynomial that is best for the
    singular values left by the steps before (Amsel et al. 2025): after eight they are within 0.01 of 1, and
    `ns_coefficients` are not used. The factor $\gamma$ of a matrix with $n$ rows and $k$ columns is
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
    coefficient_type: str | None = hyperparameter(
        None, "a, b, c", "a polynomial for each step", among=(None, "polar_express"), keyword=True
    )

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
        average, direction = orthogonalized(self, grad, momentum_buffer)
        return step_along(self, direction, param), average


def orthogonalized(rule: Muon, grad: Any, momentum_buffer: Any) -> tuple[Any, Any]:
    """The new average of gradients, and what it looks ahead to as a matrix with singular values of about 1."""
    average = rule.momentum * momentum_buffer + (1 - rule.momentum) * grad
    ahead = rule.momentum * average + (1 - rule.momentum) * grad if rule.nesterov else average
    polynomials: Coefficients = [rule.ns_coefficients] * rule.ns_steps
    reach = 1.0
    if rule.coefficient_type == "polar_express":
        polynomials, reach = _polar_express(rule.ns_steps), SAFETY
    return average, _orthogonal(ahead.reshape(ahead.shape[0], -1), polynomials, rule.eps, reach)


def step_along(rule: Muon, direction: Any, param: Any) -> Any:
    """The change of a parameter by a step along a matrix, with the factor of its shape, and the decay."""
    delta = -rule.lr * rule.factor(*direction.shape) * direction.reshape(param.shape)
    return with_decoupled_decay(delta, param, rule.lr, rule.weight_decay)


def _polar_express(steps: int) -> Coefficients:
    """The polynomials of so many steps; all but the last leave room for values that rounding puts over 1."""
    safe = [(a / SAFETY, b / SAFETY**3, c / SAFETY**5) for a, b, c in POLAR_EXPRESS[:-1]] + [POLAR_EXPRESS[-1]]
    return [safe[min(step, len(safe) - 1)] for step in range(steps)]


def _orthogonal(matrix: Any, polynomials: Coefficients, eps: Any, reach: float) -> Any:
    """A matrix with the same singular vectors and singular values of about 1, by one odd polynomial after the other."""
    rows, columns = matrix.shape
    if rows > columns:  # so that X X^T is the smaller of the two products
        return _orthogonal(matrix.mT, polynomials, eps, reach).mT
    x = matrix / maximum(reach * norm(matrix), eps)
    for a, b, c in polynomials:
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x
