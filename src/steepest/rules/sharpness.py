"""Sharpness-aware minimization, SAM and ASAM: the gradient is taken where the loss is largest nearby."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..base.text import Text
from ..ops import absolute, sqrt
from .base import Rule, hyperparameter
from .wrapper import Wrapper

HELPS = Text(
    "Flat minima: better accuracy on new data where a network can learn its training data by heart.",
    "偏向平坦的极小点：网络足以背下训练数据时，对新数据更准。",
)
FAILS = Text(
    "Two gradients a step, at twice the time; BatchNorm sees both of them.",
    "每步求两次梯度，时间加倍；BatchNorm 的统计会包含两次前向。",
)


@dataclass(frozen=True, kw_only=True)
class SAM(Wrapper):
    r"""SAM: each step of a rule takes the gradient at the worst point within a small distance.

    $$e_t = \rho \frac{\nabla f(x_{t-1})}{\lVert \nabla f(x_{t-1}) \rVert}, \qquad
      \hat g_t = \nabla f(x_{t-1} + e_t)$$

    The norm goes over all parameters. The rule inside makes its step from $x_{t-1}$ with $\hat g_t$. A step **evaluates
    the gradient twice**: `optimizer.step(closure)` needs a closure that clears the gradients, computes the loss, calls
    `backward()` and returns the loss. Where steps are counted, as in `trace` and `compare`, each evaluation counts.
    """

    title = "SAM"
    reference = "Foret et al. 2021"
    elementwise = False
    evaluations: ClassVar[int] = 2
    marker = "h"
    helps, fails = HELPS, FAILS

    rho: float = hyperparameter(0.05, r"\rho", "distance of the worst point", keyword=True)

    def scale(self, param: Any) -> Any:
        """The unit of distance at each coordinate."""
        return 1.0

    def square(self, grad: Any, param: Any) -> Any:
        """What a parameter adds to the square of the norm."""
        scaled = self.scale(param) * grad
        return (scaled * scaled).sum()

    def ascent(self, grad: Any, param: Any, square: Any) -> Any:
        """The way to the worst point, with the square of the norm over all parameters."""
        scale = self.scale(param)
        return self.rho / (sqrt(square) + 1e-12) * scale * scale * grad

    @classmethod
    def refusal(cls, rule: type[Rule]) -> str | None:
        return "it evaluates the gradient more than once already" if rule.evaluations != 1 else None


@dataclass(frozen=True, kw_only=True)
class ASAM(SAM):
    r"""ASAM: SAM whose distances are measured in units of each weight's own size.

    $$e_t = \rho \frac{T^2 \nabla f(x_{t-1})}{\lVert T \nabla f(x_{t-1}) \rVert}, \qquad
      T = |x_{t-1}| + \eta_T, \qquad \hat g_t = \nabla f(x_{t-1} + e_t)$$

    so that it does not matter how weights are scaled; $\eta_T$ is `eta`. All else is as in `SAM`. (The authors' code
    leaves out $T$ for biases; here it is the same for all parameters.)
    """

    title = "ASAM"
    reference = "Kwon et al. 2021"
    marker = "p"

    rho: float = hyperparameter(0.5, r"\rho", "distance of the worst point", keyword=True)
    eta: float = hyperparameter(0.01, r"\eta_T", "least unit of distance", keyword=True)

    def scale(self, param: Any) -> Any:
        return absolute(param) + self.eta
