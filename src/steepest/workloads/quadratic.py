"""Noisy quadratic of chosen curvatures: each start has a loss of 1, and the expected losses are known exactly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue
from .families import family
from .supervised import Supervised

__all__ = ["NoisyQuadratic", "quadratic"]

about_zh = "曲率可选的带噪声二次型：每次从损失 1 出发，期望损失有精确公式。"

LARGEST = 10.0
"""The largest curvature: gradient descent diverges from a learning rate of 2/10, inside the range of every rule."""

EXAMPLES = 5000


@dataclass(frozen=True, kw_only=True)
class NoisyQuadratic(Supervised):
    r"""The mean over examples $z$ of $\frac12 \sum_i h_i (\theta_i - z_i)^2$.

    Attributes:
        curvatures: $h_i$, largest first.
        noise: $\sigma$; the gradient of one example has the variance $\sigma^2 h_i$ in direction $i$.
        start: size of $\theta_i$ at the start; its sign is random.
        rows: number of examples. In each direction their mean is 0 and their variance $\sigma^2 / h_i$ exactly.
    """

    curvatures: tuple[float, ...]
    noise: float
    start: tuple[float, ...]
    rows: int


@family
def quadratic(
    condition: float = 100.0, dims: int = 10, noise: float = 1.0, spectrum: Sequence[float] | None = None
) -> NoisyQuadratic:
    """A noisy quadratic: a bowl whose every gradient is that of a few random examples.

    The covariance of a gradient's noise is `noise**2 / batch_size` times the Hessian, as in Zhang et al. 2019, "Which
    Algorithmic Choices Matter at Which Batch Sizes?". At the start every direction has the same share of the loss. The
    held-out loss is without noise: it is what `steepest.workloads.expected.expected_losses` tells in advance.

    Args:
        condition: largest over smallest curvature; those between are evenly spaced on a log scale below 10.
        dims: number of directions.
        noise: standard deviation of one example's gradient along a direction of curvature 1.
        spectrum: the curvatures themselves, instead of `condition` and `dims`.

    Raises:
        InvalidValue: a setting out of its range.

    >>> quadratic(condition=100, dims=3).curvatures
    (10.0, 1.0, 0.1)
    >>> quadratic(spectrum=(4, 1), noise=0).name
    'quadratic(noise=0, spectrum=(4, 1))'
    """
    _check(condition, dims, noise, spectrum)
    if spectrum is None:
        shares = [i / max(1, dims - 1) for i in range(dims)]
        curvatures = tuple(LARGEST * float(condition) ** -share for share in shares)
    else:
        curvatures = tuple(sorted(map(float, spectrum), reverse=True))
    start = tuple(math.sqrt(2 / (len(curvatures) * curvature)) for curvature in curvatures)
    loss = _loss(curvatures)
    return NoisyQuadratic(
        data=lambda: _data(curvatures, noise),
        model=lambda: _model(start),
        loss=loss,
        metric=loss,
        metric_name="loss without noise",
        higher_is_better=False,
        target=0.05,
        batch_size=10,
        steps=400,
        curvatures=curvatures,
        noise=float(noise),
        start=start,
        rows=EXAMPLES,
    )


def _check(condition: Any, dims: Any, noise: Any, spectrum: Any) -> None:
    if not (_is_finite(condition) and condition >= 1):
        raise InvalidValue(f"quadratic: condition must be a finite number from 1, got {condition!r}")
    if isinstance(dims, bool) or not isinstance(dims, int) or dims < 1:
        raise InvalidValue(f"quadratic: dims must be a whole number from 1, got {dims!r}")
    if not (_is_finite(noise) and noise >= 0):
        raise InvalidValue(f"quadratic: noise must be a finite number from 0, got {noise!r}")
    if spectrum is None:
        return
    if (condition, dims) != (100, 10):
        raise InvalidValue("quadratic: give either a spectrum, or condition and dims")
    values = spectrum if isinstance(spectrum, Sequence) and not isinstance(spectrum, str) else ()
    if not values or not all(_is_finite(value) and value > 0 for value in values):
        raise InvalidValue(
            f"quadratic: spectrum must be finite numbers above 0, such as (10, 1, 0.1); got {spectrum!r}"
        )


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


@cache
def _data(curvatures: tuple[float, ...], noise: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A model without inputs learns the mean of its targets; held out is that mean itself, 0."""
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(EXAMPLES, len(curvatures), generator=generator, dtype=torch.float64)
    draws = (draws - draws.mean(dim=0)) / draws.std(dim=0, correction=0)
    targets = draws * noise / torch.tensor(curvatures, dtype=torch.float64).sqrt()
    return torch.ones(EXAMPLES, 1), targets.float(), torch.ones(1, 1), torch.zeros(1, len(curvatures))


def _model(start: tuple[float, ...]) -> nn.Module:
    """The parameters themselves, as the weights of an input that is always 1; their signs are drawn."""
    # a generator of its own: that of the batches may have the same seed as torch's, and must not know the signs
    generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
    signs = torch.randint(2, (len(start), 1), generator=generator) * 2 - 1
    linear = nn.Linear(1, len(start), bias=False)
    linear.weight = nn.Parameter(signs * torch.tensor(start)[:, None])
    return linear


def _loss(curvatures: tuple[float, ...]) -> Any:
    weights = torch.tensor(curvatures)

    def loss(output: Tensor, targets: Tensor) -> Tensor:
        return 0.5 * (weights * (output - targets).square()).sum(dim=1).mean()

    return loss
