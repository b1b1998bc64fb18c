"""LARS: momentum whose gradient is scaled, for each tensor, to a share of the tensor's own length."""

from dataclasses import dataclass
from typing import Any

from ..base.text import Text
from .base import Rule, hyperparameter, trust_ratio, with_weight_decay
from .foreign import only, renamed

FOREIGN = {
    "trust_coef": renamed("trust_coefficient"),
    "dampening": only(0.0, instead="the whole gradient counts; leave it out"),
    "trust_clip": only(False, instead="the factor is not bounded; leave it out"),
    "always_adapt": only(True, instead="every tensor is scaled; give those that shall not be to steepest.SGD"),
}


@dataclass(frozen=True, kw_only=True)
class LARS(Rule, foreign=FOREIGN):
    r"""LARS: SGD whose gradient is made a fixed share of each parameter tensor's own length.

    $$u_t = g_t + \lambda x_{t-1}, \qquad
      v_t = \mu v_{t-1} + \eta \, \tau \frac{\lVert x_{t-1} \rVert}{\lVert u_t \rVert + \epsilon} u_t, \qquad
      x_t = x_{t-1} - v_t$$

    and with `nesterov` $x_t = x_{t-1} - (u'_t + \mu v_t)$, where $u'_t$ is what was added to $\mu v_{t-1}$. The factor
    $\tau \lVert x \rVert / \lVert u \rVert$ is 1 where either length is 0. The learning rate is inside the velocity, so
    that steps under a schedule keep the rate of their time (the paper's form, and optax's). The paper divides by
    $\lVert g \rVert + \lambda \lVert x \rVert$ instead, which is hardly less. Published results leave biases and the
    gains of norms out: give them to `SGD` in a group of their own optimizer.
    """

    title = "LARS"
    reference = "You, Gitman and Ginsburg 2017"
    symbols = {"momentum_buffer": "v"}
    elementwise = False
    eps_stands = "added to the length of the gradient"
    decay = "scaled"
    helps = Text(
        "Every layer moves by the same share of its length: ResNets train with batches of 32,000.",
        "每一层都按自身长度的相同比例移动：ResNet 可用三万二千的批量训练。",
    )
    fails = Text(
        "Needs a warm-up, and a learning rate of its own kind; of no use at ordinary batch sizes.",
        "需要预热，学习率的量级也不同；普通批量下没有好处。",
    )

    lr: float = hyperparameter(1.0, r"\eta", "learning rate, times the trust coefficient", search=(1e-2, 100.0))
    momentum: float = hyperparameter(0.9, r"\mu", "share of the last step's velocity that is kept")
    weight_decay: float = hyperparameter(0.0, r"\lambda", "decay of the parameter, a part of the direction")
    trust_coefficient: float = hyperparameter(1e-3, r"\tau", "share of the parameter's length that a step is")
    eps: float = hyperparameter(0.0, r"\epsilon", "keeps the division finite")
    nesterov: bool = hyperparameter(False, r"\text{nesterov}", "look one velocity ahead")

    def init(self, param: Any) -> dict[str, Any]:
        return {"momentum_buffer": 0.0}

    def update(self, grad: Any, param: Any, step: Any, momentum_buffer: Any) -> tuple[Any, ...]:
        direction = with_weight_decay(grad, param, self.weight_decay)
        scaled = self.lr * trust_ratio(param, direction, self.trust_coefficient, self.eps) * direction
        velocity = self.momentum * momentum_buffer + scaled
        return -(scaled + self.momentum * velocity if self.nesterov else velocity), velocity
