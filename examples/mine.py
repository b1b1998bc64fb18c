"""A rule of your own, in one file: `steepest compare --optimizers adam,mine.py`. CONTRIBUTING.md says more of it."""

from dataclasses import dataclass

from steepest.ops import sign
from steepest.rules.base import Rule, hyperparameter


@dataclass(frozen=True, kw_only=True)
class SignMomentum(Rule):
    """A step of one learning rate along the sign of the leaky average of gradients."""

    symbols = {"exp_avg": "m"}

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate", search=(1e-5, 1e-1))
    beta: float = hyperparameter(0.9, r"\beta", "memory of the gradients", within="[0, 1)")

    def init(self, param):
        return {"exp_avg": 0.0}

    def update(self, grad, param, step, exp_avg):
        exp_avg = self.beta * exp_avg + (1 - self.beta) * grad
        return -self.lr * sign(exp_avg), exp_avg
