"""Stochastic gradient descent, plain, with heavy-ball momentum and with Nesterov momentum."""

from dataclasses import dataclass, field
from typing import Any

from ..base.errors import InvalidValue
from ..base.text import Text
from ..ops import is_zero, where
from .base import Rule, hyperparameter, with_weight_decay


@dataclass(frozen=True, kw_only=True)
class SGD(Rule, look=("#0072B2", "o", "solid")):
    r"""Stochastic gradient descent: a step against the gradient, optionally through momentum.

    $$v_t = \mu v_{t-1} + (1 - \tau) g_t, \qquad x_t = x_{t-1} - \eta v_t$$

    with $g_t = \nabla f(x_{t-1}) + \lambda x_{t-1}$ and $v_1 = g_1$ (the first step is not dampened). Without momentum
    $v_t = g_t$; with `nesterov`, $x_t = x_{t-1} - \eta (g_t + \mu v_t)$.

    The learning rate multiplies the buffer as it is used (torch's form), so changing it acts at once on the whole step;
    Sutskever et al. and Keras keep it inside the buffer.
    """

    title = "SGD"
    reference = "Robbins and Monro 1951; Polyak 1964; Sutskever et al. 2013"
    symbols = {"momentum_buffer": "v"}
    decay = "coupled"
    sparse = ("momentum", "weight_decay")
    helps = Text(
        "One number to tune and nothing to store; generalizes well when tuned.",
        "只需调一个数，不用额外存储；调好后泛化好。",
    )
    fails = Text(
        "Crawls along flat directions when steep ones limit the learning rate.",
        "陡峭方向限制学习率时，平坦方向走得极慢。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-3, 10.0))
    momentum: float = hyperparameter(0.0, r"\mu", "share of the last step's velocity that is kept")
    dampening: float = hyperparameter(
        0.0, r"\tau", "share of the gradient kept out of the velocity", within="(-inf, inf)"
    )
    weight_decay: float = hyperparameter(0.0, r"\lambda", "L2 penalty, added to the gradient")
    nesterov: bool = hyperparameter(False, r"\text{nesterov}", "look one velocity ahead")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (is_zero(self.momentum) or not is_zero(self.dampening)):
            raise InvalidValue(f"{self.title}: nesterov needs momentum > 0 and dampening = 0")

    def init(self, param: Any) -> dict[str, Any]:
        return {"momentum_buffer": None if is_zero(self.momentum) else 0.0}

    def update(self, grad: Any, param: Any, step: Any, momentum_buffer: Any) -> tuple[Any, ...]:
        grad = with_weight_decay(grad, param, self.weight_decay)
        if momentum_buffer is None:
            return -self.lr * grad, None
        velocity = where(step == 1, grad, self.momentum * momentum_buffer + (1 - self.dampening) * grad)
        direction = grad + self.momentum * velocity if self.nesterov else velocity
        return -self.lr * direction, velocity


@dataclass(frozen=True, kw_only=True)
class Momentum(SGD, look=("#D55E00", "s", "solid")):
    r"""Heavy ball: SGD whose steps add up until the gradient turns.

    $$v_t = \mu v_{t-1} + g_t, \qquad x_t = x_{t-1} - \eta v_t$$

    The same rule as `SGD`, with momentum 0.9 unless told otherwise.
    """

    title = "Momentum"
    reference = "Polyak 1964"
    helps = Text(
        "Averages out zigzag and noise, speeds up along valleys by up to 1/(1 - momentum).",
        "抵消来回震荡与噪声，沿山谷方向最多加速 1/(1 - 动量) 倍。",
    )
    fails = Text(
        "Overshoots and circles; the learning rate must shrink as momentum grows.",
        "容易冲过头、绕圈；动量越大，学习率越要减小。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    momentum: float = hyperparameter(0.9, r"\mu", "share of the last step's velocity that is kept")


@dataclass(frozen=True, kw_only=True)
class Nesterov(SGD, look=("#000000", "X", "solid")):
    r"""Nesterov momentum: heavy ball that corrects its velocity by the gradient one velocity ahead.

    $$v_t = \mu v_{t-1} + g_t, \qquad x_t = x_{t-1} - \eta (g_t + \mu v_t)$$

    The same rule as `SGD` with `nesterov`, and momentum 0.9 unless told otherwise. The parameter is the point at which
    the gradient is taken, so the look ahead stands in the step (torch's form; Nesterov keeps the point behind it).
    """

    title = "Nesterov momentum"
    reference = "Nesterov 1983; Sutskever et al. 2013"
    helps = Text(
        "Feels a turn one step earlier than heavy ball, so it overshoots less at the same speed.",
        "比重球法早一步感知转向，同样的速度下冲过头更少。",
    )
    fails = Text(
        "The gain needs smooth, nearly noiseless gradients; noise takes it away.",
        "收益依赖平滑、几乎无噪声的梯度；有噪声时优势消失。",
    )

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-4, 1.0))
    momentum: float = hyperparameter(0.9, r"\mu", "share of the last step's velocity that is kept", within="(0, inf)")
    dampening: float = field(default=0.0, init=False)
    nesterov: bool = field(default=True, init=False)
