"""Shampoo: the gradient divided by roots of its own products, along every axis or along one."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import eigenvectors, maximum, norm, sqrt, zeros_like
from .base import Rule, hyperparameter, memories, with_decoupled_decay
from .foreign import only, renamed
from .soap import gram, turn

FOREIGN = {  # Meta's, and pytorch-optimizer's
    "epsilon": renamed("eps"),
    "max_preconditioner_dim": renamed("max_precond_dim"),
    "preconditioning_compute_steps": renamed("precondition_frequency"),
    "use_bias_correction": only(True, instead="averages are always corrected for starting at zero; leave it out"),
    "use_decoupled_weight_decay": only(True, instead="add a penalty to the loss"),
    "weight_decouple": only(True, instead="add a penalty to the loss"),
    "use_merge_dims": only(False, instead="axes are never merged; reshape the parameter in the model"),
    "momentum": only(0.0, instead="write betas=(momentum, ...): the average of gradients is what is divided"),
    "use_nesterov": only(False, instead="leave it out"),
    "grafting_config": only(instead='write grafting="adam", "sgd" or None'),
}

SYMBOLS = {
    "exp_avg": "m", "exp_avg_sq": "v", "factor_0": "L", "factor_1": "R", "root_0": r"L^{-1/4}", "root_1": r"R^{-1/4}",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shampoo(Rule, foreign=FOREIGN):
    r"""Shampoo: the average of gradients, divided along each axis by a root of the products of gradients so far.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad L_t = \beta_2 L_{t-1} + (1 - \beta_2) g_t g_t^\top, \qquad
      R_t = \beta_2 R_{t-1} + (1 - \beta_2) g_t^\top g_t$$
    $$u_t = \hat L_t^{-1/4} \, \hat m_t \, \hat R_t^{-1/4}, \qquad
      x_t = (1 - \eta \lambda) x_{t-1} - \eta \frac{\lVert a_t \rVert}{\lVert u_t \rVert} u_t$$

    where hats are corrections for starting at zero, and $\epsilon$ times the largest eigenvalue is added to $L$ and $R$
    before the root. Roots are computed every `precondition_frequency` steps; before the first, the step is $a_t$, that
    of another method. `grafting` lends its length to each tensor's later steps too: that of `Adam` ("adam", at the
    learning rates of Adam) or $\hat m_t$ ("sgd"); with None they are $u_t$ as it is. With `one_sided` only the
    shorter axis is divided, $\hat L_t^{-1/2} \hat m_t$ (Xie et al. 2025): less work and less memory. A tensor of $k$
    axes has $k$ products and roots $-1/(2k)$; an axis longer than `max_precond_dim` has none and does not count.
    `accumulate` adds the products up, as Gupta et al. do, in place of the average.
    """

    title = "Shampoo"
    reference = "Gupta et al. 2018; grafting: Anil et al. 2020, Shi et al. 2023"
    symbols = SYMBOLS
    elementwise = False
    eps_stands = "added to the products, as a share of their largest eigenvalue"
    decay = "decoupled"
    helps = Text(
        "Takes account of correlations within a layer; grafted on Adam it needs fewer steps at Adam's learning rates.",
        "考虑层内的相关性；嫁接 Adam 的步长后，沿用 Adam 的学习率即可减少步数。",
    )
    fails = Text(
        "Two square matrices an axis in memory, and an eigendecomposition every few steps; not for very wide layers.",
        "每个轴要存两个方阵，每隔几步做一次特征分解；不适合极宽的层。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    betas: tuple[float, float] = memories((0.9, 0.999), "memory of the gradients, and of their products")
    eps: float = hyperparameter(1e-6, r"\epsilon", "keeps the roots finite")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, times the learning rate")
    precondition_frequency: int = hyperparameter(10, "f", "steps between two computations of roots", within="[1, inf)")
    max_precond_dim: int = hyperparameter(8192, r"n_{\max}", "longest axis that is divided")
    grafting: str | None = hyperparameter("adam", "a", "whose length the step has", among=("adam", "sgd", None))
    one_sided: bool = hyperparameter(False, r"\text{one-sided}", "divide along the shorter axis only")
    accumulate: bool = hyperparameter(False, r"\textstyle\sum", "add the products up")

    def init(self, param: Any) -> dict[str, Any]:
        start = {"exp_avg": 0.0, "exp_avg_sq": 0.0 if self.grafting == "adam" else None}
        return start | _with_matrices(param, self.max_precond_dim, self.one_sided)

    def update(self, grad: Any, param: Any, step: Any, exp_avg: Any, exp_avg_sq: Any, *rest: Any) -> tuple[Any, ...]:
        beta1, beta2 = self.betas
        kept, fresh, correction = (1.0, 1.0, 1.0) if self.accumulate else (beta2, 1 - beta2, 1 - beta2**step)
        exp_avg = beta1 * exp_avg + (1 - beta1) * grad
        mean = lent = exp_avg / (1 - beta1**step)
        if self.grafting == "adam":
            exp_avg_sq = kept * exp_avg_sq + fresh * grad * grad
            lent = mean / (sqrt(exp_avg_sq / correction) + 1e-8)
        factors, roots = _followed(self, grad, step, rest, (kept, fresh, correction))
        direction = lent if step < self.precondition_frequency else _divided(mean, roots, lent, self.grafting)
        delta = with_decoupled_decay(-self.lr * direction, param, self.lr, self.weight_decay)
        return delta, exp_avg, exp_avg_sq, *factors, *roots


def _followed(
    rule: Shampoo, grad: Any, step: Any, matrices: tuple[Any, ...], averaging: tuple[Any, Any, Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The products with the new gradient's, and the roots, which are computed anew in some steps."""
    kept, fresh, correction = averaging
    factors, roots = matrices[: len(matrices) // 2], matrices[len(matrices) // 2 :]
    factors = tuple(f if f is None else kept * f + fresh * gram(grad, axis) for axis, f in enumerate(factors))
    if step % rule.precondition_frequency == 0:
        order = 2 * sum(factor is not None for factor in factors)
        roots = tuple(f if f is None else _inverse_root(f / correction, order, rule.eps) for f in factors)
    return factors, roots


def _divided(mean: Any, roots: tuple[Any, ...], lent: Any, grafting: str | None) -> Any:
    """The average times the root of each axis, with the length that is lent, if one is."""
    direction = turn(mean, roots)
    return direction if grafting is None else direction * (norm(lent) / maximum(norm(direction), 1e-30))


def _with_matrices(param: Any, longest: int, one_sided: bool) -> dict[str, Any]:
    """Zeros for the products and the roots of each axis that is divided, None for those of another."""
    axes = [axis for axis, size in enumerate(param.shape) if size <= longest]
    if one_sided:
        axes = sorted(axes, key=lambda axis: param.shape[axis])[:1]
    squares = [gram(zeros_like(param), axis) if axis in axes else None for axis in range(param.ndim)]
    return {f"{kind}_{axis}": square for kind in ("factor", "root") for axis, square in enumerate(squares)}


def _inverse_root(square: Any, order: int, eps: Any) -> Any:
    """A symmetric matrix, with a share of its largest eigenvalue added, to the power of -1 / order."""
    vectors = eigenvectors(square)
    values = maximum((vectors * (square @ vectors)).sum(axis=0), 0.0)
    ridge = maximum(values + eps * values.max(), 1e-30)
    return (vectors * ridge ** (-1 / order)) @ vectors.mT
