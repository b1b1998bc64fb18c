"""Two rules: one that goes number by number, one for matrices."""

from dataclasses import dataclass

from steepest import Rule
from steepest.base.text import Text
from steepest.ops import maximum, norm, sqrt
from steepest.rules.base import hyperparameter


@dataclass(frozen=True, kw_only=True)
class SoftSignum(Rule, look=("#8B5A2B", "s", "dashed")):
    r"""Soft signum: a step along the average of gradients, of at most one learning rate a coordinate.

    $$m_t = \beta m_{t-1} + (1 - \beta) g_t, \qquad x_t = x_{t-1} - \eta \frac{m_t}{\sqrt{m_t^2 + \delta^2}}$$
    """

    title = "Soft signum"
    reference = "an example"
    symbols = {"exp_avg": "m"}
    helps = Text("Steps of known size that end at a minimum.", "步长已知，且能停在极小点。")
    fails = Text("One more number to choose.", "多一个要选的数。")

    lr: float = hyperparameter(1e-2, r"\eta", "learning rate", search=(1e-4, 1.0))
    beta: float = hyperparameter(0.9, r"\beta", "memory of the gradients", within="[0, 1)")
    softness: float = hyperparameter(
        0.1, r"\delta", Text("gradient at which steps become short", "步长开始变短的梯度大小"), within="(0, inf)"
    )

    def init(self, param):
        return {"exp_avg": 0.0}

    def update(self, grad, param, step, exp_avg):
        exp_avg = self.beta * exp_avg + (1 - self.beta) * grad
        return -self.lr * exp_avg / sqrt(exp_avg * exp_avg + self.softness * self.softness), exp_avg


@dataclass(frozen=True, kw_only=True)
class MatrixLength(Rule):
    r"""Matrix length: a step of one learning rate along each matrix's average of gradients.

    $$m_t = \beta m_{t-1} + (1 - \beta) g_t, \qquad x_t = x_{t-1} - \eta \frac{m_t}{\lVert m_t \rVert}$$
    """

    title = "Matrix length"
    reference = "an example"
    symbols = {"exp_avg": "m"}
    elementwise = False
    least_axes = 2  # in a network, `partner` trains what has fewer axes: AdamW, unless said otherwise
    helps = Text("All layers move equally far.", "各层移动同样远。")
    fails = Text(
        "For matrices only; never settles at a constant learning rate.", "只适用于矩阵；学习率恒定时无法收敛。"
    )

    lr: float = hyperparameter(1e-2, r"\eta", "learning rate", search=(1e-4, 1.0))
    beta: float = hyperparameter(0.9, r"\beta", "memory of the gradients", within="[0, 1)")

    def init(self, param):
        return {"exp_avg": 0.0}

    def update(self, grad, param, step, exp_avg):
        exp_avg = self.beta * exp_avg + (1 - self.beta) * grad
        return -self.lr * exp_avg / maximum(norm(exp_avg), 1e-12), exp_avg
