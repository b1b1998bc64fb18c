"""SOAP: Adam in the eigenbasis of Shampoo's gradient products."""

import math
from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import eigenvectors, orthonormal, zeros_like
from .adam import Adam
from .base import Rule, hyperparameter, memories, with_decoupled_decay
from .foreign import only

FOREIGN = {
    "merge_dims": only(False, instead="axes are never merged; reshape the parameter in the model"),
    "precondition_1d": only(False, instead="vectors get plain Adam; leave it out"),
    "normalize_grads": only(False, instead="divide the gradients before the step"),
    "correct_bias": only(True, instead="averages are always corrected for starting at zero; leave it out"),
    "data_format": only("channels_first", instead="axes are never merged; leave it out"),
}


@dataclass(frozen=True, kw_only=True)
class SOAP(Rule, look=("#5A694B", "<", "dotted"), foreign=FOREIGN):
    r"""SOAP: Adam in the eigenbasis of Shampoo's two averages of gradient products.

    $$L_t = \beta L_{t-1} + (1 - \beta) g_t g_t^\top, \qquad R_t = \beta R_{t-1} + (1 - \beta) g_t^\top g_t$$
    $$g'_t = Q_L^\top g_t Q_R, \qquad x_t = (1 - \eta \lambda) x_{t-1} + Q_L \, \mathrm{Adam}(g'_t) \, Q_R^\top$$

    with the step of `Adam` in the rotated coordinates. After the step $L$ and $R$ take the gradient in, and every
    `precondition_frequency` steps the bases follow them by one QR step, $Q \leftarrow \mathrm{QR}(L Q)$, columns by
    falling eigenvalue. The first gradient only makes the bases: no step is taken. Each axis of a tensor with more than
    one has its own basis, unless it is longer than `max_precond_dim`; vectors get plain Adam. A negative `shampoo_beta`
    takes Adam's second beta.

    As in the authors' code, but for the order of decay and step, and Adam's `eps`, which stands after the correction
    for starting at zero here.
    """

    title = "SOAP"
    reference = "Vyas et al. 2024"
    symbols = {"exp_avg": "m", "exp_avg_sq": "v", "GG_0": "L", "GG_1": "R", "Q_0": "Q_L", "Q_1": "Q_R"}
    elementwise = False
    eps_stands = "outside the root, after bias correction, in rotated coordinates"
    decay = "decoupled"
    helps = Text(
        "Takes account of how the inputs and the outputs of a layer are correlated; fewer steps than Adam.",
        "考虑层的输入之间与输出之间的相关性；所需步数少于 Adam。",
    )
    fails = Text(
        "Two square matrices an axis in memory, and a QR decomposition every few steps; not for very wide layers.",
        "每个轴要存两个方阵，每隔几步做一次 QR 分解；不适合极宽的层。",
    )

    lr: float = hyperparameter(3e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.95, 0.95))
    shampoo_beta: float = hyperparameter(-1.0, r"\beta", "memory of the gradient products", within="[-1, 1)")
    eps: float = hyperparameter(1e-8, r"\epsilon", "keeps the division finite")
    weight_decay: float = hyperparameter(1e-2, r"\lambda", "decay of the parameter, times the learning rate")
    precondition_frequency: int = hyperparameter(10, "f", "steps between two QR steps", within="[1, inf)")
    max_precond_dim: int = hyperparameter(10000, r"n_{\max}", "longest axis that gets a basis")

    def init(self, param: Any) -> dict[str, Any]:
        squares = _zero_products(param, self.max_precond_dim)
        bases = {f"{kind}_{axis}": square for kind in ("GG", "Q") for axis, square in enumerate(squares)}
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0} | bases

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any, *bases: Any) -> tuple[Any, ...]:
        products, turns = bases[: len(bases) // 2], bases[len(bases) // 2 :]
        beta = self.betas[1] if self.shampoo_beta < 0 else self.shampoo_beta
        products = tuple(p if p is None else beta * p + (1 - beta) * gram(grad, i) for i, p in enumerate(products))
        if step == 1:  # only the bases are set: before, there are none in which a step could be taken
            turns = tuple(p if p is None else eigenvectors(p) for p in products)
            return 0 * grad, exp_avg, exp_avg_sq, *products, *turns
        adam = Adam(lr=self.lr, betas=self.betas, eps=self.eps)
        turned, exp_avg, exp_avg_sq, _ = adam.update(turn(grad, turns), None, step - 1, exp_avg, exp_avg_sq, None)
        delta = with_decoupled_decay(turn(turned, turns, back=True), param, self.lr, self.weight_decay)
        if (step - 1) % self.precondition_frequency == 0:
            exp_avg, exp_avg_sq, turns = _follow(exp_avg, exp_avg_sq, products, turns)
        return delta, exp_avg, exp_avg_sq, *products, *turns


def _zero_products(param: Any, longest: int) -> list[Any]:
    """A square of zeros for each axis; None for one without a basis, since it is too long. A vector has no bases."""
    sizes = param.shape if param.ndim > 1 else ()
    return [gram(zeros_like(param), axis) if size <= longest else None for axis, size in enumerate(sizes)]


def gram(x: Any, axis: int) -> Any:
    """The Gram matrix of a tensor's slices along one axis, shape (n, n): their products, summed over all other axes."""
    rows = x.swapaxes(0, axis).reshape(x.shape[axis], math.prod((*x.shape[:axis], *x.shape[axis + 1 :])))
    return rows @ rows.mT


def turn(x: Any, turns: tuple[Any, ...], back: bool = False) -> Any:
    """The tensor rotated into the basis of each axis, or back from there; an axis without a basis (None) stays."""
    for axis, basis in enumerate(turns):
        if basis is not None:
            x = (x.swapaxes(axis, -1) @ (basis.mT if back else basis)).swapaxes(axis, -1)
    return x


def _follow(exp_avg: Any, exp_avg_sq: Any, products: tuple[Any, ...], turns: tuple[Any, ...]) -> tuple[Any, ...]:
    """One QR step (of power iteration) for each basis; the averages in the new coordinates, then the new bases.

    The columns are sorted by decreasing eigenvalue first, and the averages of squares, which cannot be rotated, are
    permuted with them.
    """
    new = list(turns)
    for axis, (product, basis) in enumerate(zip(products, turns, strict=True)):
        if basis is not None:
            power = product @ basis
            order = (-(basis * power).sum(axis=0)).argsort()
            exp_avg_sq = exp_avg_sq.swapaxes(axis, -1)[..., order].swapaxes(axis, -1)
            new[axis] = orthonormal(power[:, order])
    return turn(turn(exp_avg, turns, back=True), tuple(new)), exp_avg_sq, tuple(new)
