"""Wrappers that change the gradient of a tensor before the rule sees it: centralized, and clipped by block."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from ..ops import maximum, rms
from .base import hyperparameter
from .wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class Centralized(Wrapper):
    r"""Gradient centralization: each output's gradient without its mean over the inputs.

    $$\hat g_t = \nabla f(x_{t-1}) - \mathrm{mean}_{\text{rows}}(\nabla f(x_{t-1}))$$

    for the rows of a weight (the filters of a convolution); a tensor with one axis keeps its gradient. The rule inside
    sees $\hat g$, so that the mean of each row stays as it was, but for the decay.
    """

    title = "Centralized"
    reference = "Yong et al. 2020"
    elementwise = False
    marker = "d"
    helps = Text(
        "Steadier training of convolutions with normalization; keeps no state, but a step copies the gradients.",
        "带归一化的卷积网络训练更稳；不保存状态，但每一步要另做一份梯度。",
    )
    fails = Text(
        "Wrong where the mean of a row has to be learned, as in a last layer.",
        "若每行的均值本身需要学习（如最后一层），则有害。",
    )

    def gradient(self, grad: Any) -> Any:
        if grad.ndim < 2:
            return grad
        rows = grad.reshape(grad.shape[0], -1)
        return (rows - rows.mean(1)[:, None]).reshape(grad.shape)


@dataclass(frozen=True, kw_only=True)
class Clipped(Wrapper):
    r"""Clipping by block: the gradient of each tensor is scaled down to a root mean square of at most `max_rms`.

    $$\hat g_t = \frac{\nabla f(x_{t-1})}{\max(1, \mathrm{rms}(\nabla f(x_{t-1})) / c)}$$

    with $\mathrm{rms}(g) = \lVert g \rVert / \sqrt n$ for a tensor of $n$ numbers. The rule inside sees $\hat g$. No
    norm over all tensors is needed, so that one tensor's spike does not shrink the steps of the others.
    """

    title = "Clipped"
    reference = "Shazeer and Stern 2018; optax's clip_by_block_rms"
    elementwise = False
    marker = "<"
    helps = Text(
        "A spike in one layer's gradient is cut off there, and nowhere else.",
        "某层梯度出现尖峰时，只在该层截断，不影响其他层。",
    )
    fails = Text(
        "Changes the direction of the whole gradient; a bound that suits one layer may not suit another.",
        "会改变整体梯度的方向；适合一层的上限未必适合另一层。",
    )

    max_rms: float = hyperparameter(
        1.0, "c", "largest root mean square of a tensor's gradient", within="(0, inf)", keyword=True
    )

    def gradient(self, grad: Any) -> Any:
        return grad / maximum(rms(grad) / self.max_rms, 1.0)
