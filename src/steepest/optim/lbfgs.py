"""L-BFGS: a line search along the step of Newton's method, by the curvature that the last gradients tell."""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..base.errors import InvalidValue
from ..base.text import Text
from ..rules.base import Hyperparameter
from . import sharded
from .line_search import Trial, strong_wolfe

__all__ = ["LBFGS"]

LEAST_CURVATURE = 1e-10
"""A step and a change of the gradient with a smaller inner product are not remembered: no positive curvature."""


class LBFGS(torch.optim.Optimizer):
    r"""L-BFGS with a line search: a step of Newton's method whose curvature the last gradients tell.

    $$p_k = -H_k \nabla f(x_k), \qquad x_{k+1} = x_k + t_k p_k$$

    where $H_k$ is what the last $m$ pairs $s_i = x_{i+1} - x_i$ and $y_i = \nabla f(x_{i+1}) - \nabla f(x_i)$ make of
    $\frac{s^\top y}{y^\top y} I$, by the two-loop recursion, and $t_k$ fulfils the strong Wolfe conditions

    $$f(x_k + t_k p_k) \le f(x_k) + c_1 t_k \, p_k^\top \nabla f(x_k), \qquad
      |p_k^\top \nabla f(x_k + t_k p_k)| \le c_2 |p_k^\top \nabla f(x_k)|$$

    A step is one iteration. It **evaluates the gradient several times**, at least twice: `optimizer.step(closure)`
    needs a closure that clears the gradients, computes the loss on the *same* data each time, calls `backward()` and
    returns the loss. `evaluations` counts the calls. Both gradients of a pair are of one step, so that batches may
    change between steps.

    Args:
        params: parameters, all in one group, real and dense.
        lr: the first trial of a line search; of the first step, times $\min(1, 1 / \lVert \nabla f \rVert_1)$.
        history_size: $m$, pairs that are remembered; each is as large as the weights, twice.
        c1, c2: of the conditions, $0 < c_1 < c_2 < 1$.
        max_evaluations: of a line search; if they do not suffice, the step is the best one that was tried.

    Raises:
        InvalidValue: several groups, a setting out of its interval, a step without a closure.

    Reference: Liu and Nocedal 1989; Nocedal and Wright 2006, algorithms 7.4, 3.5 and 3.6.

    >>> weight = torch.nn.Parameter(torch.tensor([-1.0, 2.0], dtype=torch.float64))
    >>> optimizer = LBFGS([weight])
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (torch.tensor([1.0, 9.0]) * weight**2).sum()
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(12):
    ...     loss = optimizer.step(closure)
    >>> bool(weight.abs().max() < 1e-6)
    True
    """

    title = "L-BFGS"
    reference = "Liu and Nocedal 1989"
    rate_matters = False
    own_schedule = "constant"  # the line search finds the length of a step, whatever it tries first
    look = ("#5C6B00", "H", "dashdot")
    helps = Text(
        "Smooth losses on all data at once: few steps, without a learning rate to tune.",
        "全数据上的光滑损失：步数少，无需调学习率。",
    )
    fails = Text(
        "Noisy gradients, as of small batches: their differences are no curvature. A step takes several gradients.",
        "小批量的噪声梯度：其差并不反映曲率。每步要多次求梯度。",
    )
    memory = Text(
        "2 m numbers a parameter (m pairs, history_size), and 6 more during a step",
        "每个参数 2 m 个数（m 对，即 history_size），一步之中另加 6 个",
    )
    settings: ClassVar[Mapping[str, Hyperparameter]] = {
        # the best, by median steps to the target of 8 seeds: 0.17 on quadratic, 0.3 on airfoil, 1 on digits and where
        # a batch is all data, of digits and of airfoil; above 0.5 the first two miss their targets (2026-11-30)
        "lr": Hyperparameter(
            r"\eta", Text("first trial of a line search", "线搜索的首次试探步长"), "(0, inf)", search=(0.01, 10.0)
        ),
        "history_size": Hyperparameter("m", Text("pairs that are remembered", "记住的向量对数"), "[1, inf)"),
        "c1": Hyperparameter("c_1", Text("share of the slope's decrease that is needed", "要求的下降比例"), "(0, 1)"),
        "c2": Hyperparameter("c_2", Text("share of the slope that may be left", "允许剩余的斜率比例"), "(0, 1)"),
        "max_evaluations": Hyperparameter(
            "n", Text("evaluations in a line search, at most", "一次线搜索的求值上限"), "[1, inf)"
        ),
    }
    needs_closure = True
    evaluations = 0
    """Calls of closures so far."""

    def __init__(
        self, params: Any, lr: float = 1.0, history_size: int = 10, c1: float = 1e-4, c2: float = 0.9,
        max_evaluations: int = 25,
    ) -> None:  # fmt: skip
        given = {"lr": lr, "history_size": history_size, "c1": c1, "c2": c2, "max_evaluations": max_evaluations}
        for name, facts in self.settings.items():
            facts.check("LBFGS", name, given[name], None, whole=name in ("history_size", "max_evaluations"))
        if not c1 < c2:
            raise InvalidValue(f"LBFGS: c1 must be below c2, got {c1!r} and {c2!r}")
        super().__init__(params, given)
        if len(self.param_groups) > 1:
            raise InvalidValue("LBFGS: takes one group of parameters, since its curvature is of all of them together")
        for param in self.param_groups[0]["params"]:
            if param.is_complex() or sharded.is_sharded(param):
                raise InvalidValue("LBFGS: complex and sharded parameters are not possible")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Make one iteration.

        Args:
            closure: clears the gradients, computes the loss, calls `backward()` and returns the loss.

        Returns:
            The loss before the step.
        """
        if closure is None:
            raise InvalidValue("LBFGS: evaluates the gradient several times; call step(closure)")
        (group,) = self.param_groups
        params: list[Tensor] = group["params"]
        memory = self.state[params[0]]  # where torch saves it, with the first parameter
        steps, changes = memory.setdefault("steps", []), memory.setdefault("changes", [])
        before = [param.clone() for param in params]
        loss, value, gradient = self._evaluated(closure)
        if not math.isfinite(value) or not gradient.any():
            return loss
        direction = -_curved(gradient, steps, changes)
        slope = float(direction @ gradient)
        if not slope < 0:  # the memory is of another landscape
            steps.clear()
            changes.clear()
            direction, slope = -gradient, -float(gradient @ gradient)
        first = group["lr"] if steps else group["lr"] * min(1.0, 1.0 / float(gradient.abs().sum()))

        def go_to(t: float) -> None:
            for param, old, part in zip(params, before, _parts(direction, params), strict=True):
                param.copy_(old + t * part)

        def evaluate(t: float) -> Trial:
            go_to(t)
            _, value, found = self._evaluated(closure)
            return Trial(t, value, float(direction @ found), found)

        start = Trial(0.0, value, slope, gradient)
        end = strong_wolfe(evaluate, start, first, group["c1"], group["c2"], group["max_evaluations"])
        go_to(end.t)
        moved, change = end.t * direction, end.gradient - gradient
        if float(moved @ change) > LEAST_CURVATURE:
            steps.append(moved)
            changes.append(change)
            del steps[: -group["history_size"]], changes[: -group["history_size"]]
        return loss

    def _evaluated(self, closure: Callable[[], Any]) -> tuple[Any, float, Tensor]:
        """The loss, as it was returned and as a number, and all gradients as one vector, in float32 at least."""
        with torch.enable_grad():
            loss = closure()
        self.evaluations += 1
        rows = [
            (torch.zeros_like(param) if param.grad is None else param.grad.to_dense()).flatten()
            for param in self.param_groups[0]["params"]
        ]
        wide = [row.float() if row.dtype in (torch.float16, torch.bfloat16) else row for row in rows]
        return loss, float(loss), torch.cat(wide)


def _curved(gradient: Tensor, steps: list[Tensor], changes: list[Tensor]) -> Tensor:
    """The inverse curvature times a gradient: the two-loop recursion."""
    result, shares = gradient.clone(), []
    pairs = [(step, change, 1 / (step @ change)) for step, change in zip(steps, changes, strict=True)]
    for step, change, inverse in reversed(pairs):
        shares.append(inverse * (step @ result))
        result = result - shares[-1] * change
    if pairs:
        _, change, inverse = pairs[-1]
        result = result / (inverse * (change @ change))
    for (step, change, inverse), share in zip(pairs, reversed(shares), strict=True):
        result = result + (share - inverse * (change @ result)) * step
    return result


def _parts(vector: Tensor, params: list[Tensor]) -> list[Tensor]:
    """A vector of all numbers as tensors of the parameters' shapes."""
    parts = torch.split_with_sizes(vector, [param.numel() for param in params])
    return [part.view_as(param) for part, param in zip(parts, params, strict=True)]
