"""PSGD-Kron: the gradient whitened by a Kronecker product of triangular matrices, which is learnt by descent itself."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..base.text import Text
from ..ops import absolute, maximum, minimum, norm, random_signs, solve_lower, upper_triangle, zeros_like
from .base import Rule, hyperparameter, with_decoupled_decay
from .foreign import ANY, only, renamed
from .soap import gram

FOREIGN = {  # kron-torch's and pytorch-optimizer's
    "b1": renamed("momentum"),
    "merge_dims": only(True, instead="more than two axes are always taken for a matrix; leave it out"),
    "momentum_into_precond_update": only(True, instead="the average of gradients is what is whitened; leave it out"),
    "partition_grads": only(False, instead="leave it out"),
    "clip_update_rms": only(True, instead="the root mean square of a step is at most 1.1; leave it out"),
    "weight_decouple": only(True, instead="add a penalty to the loss"),
} | dict.fromkeys(("mu_dtype", "precond_dtype", "rank", "world_size", "block_size"), ANY)

LONGEST = 1.1
"""The largest root mean square of a direction; 1 is that of a gradient which is white."""

SMALL, TINY = 2**-11.5, 1e-30
"""The root of the distance from 1 to the next number of float32; less than any number that is divided by."""

FALLEN = 5000
"""A step when the share of steps in which the factors follow has reached its least value."""


@dataclass(frozen=True, kw_only=True)
class PSGDKron(Rule, foreign=FOREIGN):
    r"""PSGD-Kron: the average of gradients, whitened by a Kronecker product that is fitted to it in each step.

    $$m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad
      A = Q_L \hat m_t Q_R^\top, \qquad
      B = Q_L^{-\top} V Q_R^{-1}$$
    $$Q_L \leftarrow Q_L - \eta_Q \frac{\mathrm{triu}(A A^\top - B B^\top)}{\lVert A A^\top + B B^\top \rVert} Q_L,
      \qquad u_t = Q_L^\top Q_L \, \hat m_t \, Q_R^\top Q_R$$
    $$x_t = (1 - \eta \lambda) x_{t-1} - \eta \min\left(1, \frac{1.1}{\mathrm{rms}(u_t)}\right) u_t$$

    where $\hat m$ is corrected for starting at zero, $V$ are signs that are drawn anew, and $Q_R$ follows as $Q_L$
    does, both upper triangular, until $u$ has the covariance $I$. The norm is a lower bound of the spectral one. A
    tensor of more than two axes is taken for the matrix that is nearest to square; a vector, and an axis that is
    longer than `max_size_triangular`, has a diagonal $Q$; `memory_save_mode` makes the longest axis ("one_diag",
    "smart_one_diag": if there is one) or all ("all_diag") diagonal. $Q$ follows in each of the first 500 steps, then
    more and more rarely, in one of 34 from step 4000 on; or with the probability `preconditioner_update_probability`,
    at regular distances.

    As in the authors' code, but for $V$, which is normal there, and weight decay, which leaves vectors out there.
    """

    title = "PSGD-Kron"
    reference = "Li 2018; Li 2024"
    symbols = {"momentum_buffer": "m", "Q_0": "Q_L", "Q_1": "Q_R"}
    elementwise = False
    decay = "decoupled"
    helps = Text(
        "Learns the curvature of a layer by matrix products and triangular solves alone; robust in low precision.",
        "仅用矩阵乘法与三角求解学习层的曲率；低精度下也稳健。",
    )
    fails = Text(
        "A learning rate some three times smaller than Adam's; the first hundreds of steps cost several times Adam's.",
        "学习率约需取 Adam 的三分之一；最初几百步每步耗时数倍于 Adam。",
    )

    lr: float = hyperparameter(3e-4, r"\eta", "learning rate", search=(1e-5, 1e-1))
    momentum: float = hyperparameter(0.9, r"\mu", "memory of the gradients", within="[0, 1)", near_one=True)
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")
    preconditioner_update_probability: float | None = hyperparameter(
        None, "p", "share of the steps in which the factors follow (None: falling)", within="(0, 1]"
    )
    max_size_triangular: int = hyperparameter(8192, r"n_{\max}", "longest axis that has a triangular factor")
    min_ndim_triangular: int = hyperparameter(2, r"k_{\min}", "least axes for triangular factors")
    memory_save_mode: str | None = hyperparameter(
        None, r"\text{diag}", "axes with a diagonal factor", among=(None, "smart_one_diag", "one_diag", "all_diag")
    )
    precond_lr: float = hyperparameter(0.1, r"\eta_Q", "step of the factors")
    precond_init_scale: float = hyperparameter(1.0, "q_0", "where the factors start", within="(0, inf)")

    def init(self, param: Any) -> dict[str, Any]:
        return {"momentum_buffer": 0.0} | _first_factors(self, param)

    def update(self, grad: Any, param: Any, step: Any, momentum_buffer: Any, *factors: Any) -> tuple[Any, ...]:
        average = self.momentum * momentum_buffer + (1 - self.momentum) * grad
        matrix = (average / (1 - self.momentum**step)).reshape(_matrix_shape(param.shape))
        if _follows(step, self.preconditioner_update_probability):
            factors = _followed(factors, matrix, self.precond_lr, step)
        white = _whitened(matrix, factors).reshape(param.shape)
        length = norm(white) / math.sqrt(max(1, math.prod(param.shape)))
        delta = -self.lr * minimum(LONGEST / (length + 1e-12), 1.0) * white
        return with_decoupled_decay(delta, param, self.lr, self.weight_decay), average, *factors


def _first_factors(rule: PSGDKron, param: Any) -> dict[str, Any]:
    """A multiple of the identity for each axis, by name: a matrix, or a vector for its diagonal."""
    sizes = _matrix_shape(param.shape)
    scale, diagonal = rule.precond_init_scale ** (1 / len(sizes)), _diagonal_axes(rule, sizes)
    factors = {}
    for axis, size in enumerate(sizes):
        rows = param.reshape(sizes).swapaxes(0, axis).reshape(size, math.prod(sizes) // max(1, size))
        zeros = zeros_like(rows).sum(axis=1)
        ones = zeros + 1 if axis in diagonal else upper_triangle(zeros[:, None] + zeros + 1)
        factors[f"Q_{axis}"] = scale * (ones if axis in diagonal else ones * ones.mT)
    return factors


def _whitened(matrix: Any, factors: tuple[Any, ...]) -> Any:
    """A matrix times Q^T Q along each axis."""
    for axis, factor in enumerate(factors):
        turned = _along(axis, matrix, factor)
        matrix = _along(axis, turned, factor if factor.ndim == 1 else factor.mT)
    return matrix


def _diagonal_axes(rule: PSGDKron, sizes: tuple[int, ...]) -> set[int]:
    """The axes of a matrix whose factor is diagonal."""
    axes = set(range(len(sizes)))
    if len(sizes) < rule.min_ndim_triangular or rule.memory_save_mode == "all_diag":
        return axes
    long = {axis for axis in axes if sizes[axis] == 1 or sizes[axis] > rule.max_size_triangular}
    longest = max(axes, key=lambda axis: (sizes[axis], axis))
    is_outlier = all(sizes[longest] > sizes[axis] for axis in axes - {longest}) and len(sizes) > 1
    if rule.memory_save_mode == "one_diag" or (rule.memory_save_mode == "smart_one_diag" and is_outlier):
        return long | {longest}
    return long


def _matrix_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of the matrix, nearest to square, that a tensor of more than two axes is read as; a number is a vector of one."""
    if len(shape) < 3:
        return tuple(shape) or (1,)
    splits = [(math.prod(shape[:cut]), math.prod(shape[cut:])) for cut in (len(shape) - 1, 1)]
    return min(splits, key=lambda sizes: abs(sizes[0] - sizes[1]))


def _along(axis: int, x: Any, factor: Any, divide: bool = False) -> Any:
    """A matrix times one of its factors along an axis; or, to `divide`, times the transposed inverse of the factor."""
    turned = x.swapaxes(0, axis)
    rows = turned.reshape(turned.shape[0], -1)
    if factor.ndim == 1:
        rows = rows / factor[:, None] if divide else rows * factor[:, None]
    else:
        rows = solve_lower(factor.mT, rows) if divide else factor @ rows
    return rows.reshape(turned.shape).swapaxes(0, axis)


def _followed(factors: tuple[Any, ...], matrix: Any, rate: Any, step: Any) -> tuple[Any, ...]:
    """The factors after a step of descent towards a gradient that they make white."""
    inverse = random_signs(matrix, step)
    # a little of it added, so that no direction is without a gradient
    white = matrix + SMALL * absolute(matrix).mean() * inverse
    for axis, factor in enumerate(factors):
        white, inverse = _along(axis, white, factor), _along(axis, inverse, factor, divide=True)
    new = []
    for axis, factor in enumerate(factors):
        if factor.ndim == 1:
            first, second = (_squares(axis, x) for x in (white, inverse))
            new.append(factor - rate * (first - second) / maximum((first + second).max(), TINY) * factor)
        else:
            first, second = (gram(x, axis) for x in (white, inverse))
            longest = maximum(_length(first + second), TINY)
            new.append(factor - (rate / longest * upper_triangle(first - second)) @ factor)
    return tuple(new)


def _squares(axis: int, x: Any) -> Any:
    """The diagonal of the products of a matrix along an axis."""
    rows = x.swapaxes(0, axis).reshape(x.shape[axis], -1)
    return (rows * rows).sum(axis=1)


def _length(square: Any) -> Any:
    """A lower bound of a symmetric matrix's spectral norm, by one step of power iteration from its longest column."""
    largest = maximum(absolute(square).max(), TINY)
    scaled = square / largest
    column = scaled[:, (scaled * scaled).sum(axis=0).argmax().reshape(1)].reshape(-1)
    row = column @ scaled
    return norm(scaled @ (row / maximum(norm(row), TINY))) * largest


@cache
def _early_steps() -> tuple[int, ...]:
    """The steps in which the factors follow while the probability falls, exp(-(t - 501) / 1000) from 1 to 0.03."""
    chosen = [0]
    for step in range(1, FALLEN + 1):
        if step - chosen[-1] >= 1 / min(1.0, max(0.03, math.exp(-0.001 * (step - 501)))):
            chosen.append(step)
    return tuple(chosen[1:])


def _follows(step: int, probability: float | None) -> bool:
    if probability is not None:
        return step % math.ceil(1 / probability) == 0
    if step <= FALLEN:
        place = bisect_left(_early_steps(), step)
        return place < len(_early_steps()) and _early_steps()[place] == step
    return (step - _early_steps()[-1]) % math.ceil(1 / 0.03) == 0
