"""The path of a class of `torch.optim.Optimizer` on a landscape: its own steps, from the landscape's gradients."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import last_words
from ..landscapes import Landscape
from ..rules import External
from ..schedules import Schedule

__all__ = ["Steps", "steps_of_class"]

Floats = NDArray[np.float64]


@dataclass
class Steps:
    """What a path is made of: positions, the first gradient and learning rate of each step, and evaluations so far."""

    x: list[Floats]
    grad: list[Floats] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    evaluated: list[int] = field(default_factory=lambda: [0])


def steps_of_class(
    rule: External, landscape: Landscape, start: Floats, budget: int, factor: Schedule, noise: float, seed: int
) -> Steps:
    """The steps that a class makes of so many evaluations of the gradient; one that would need more is left out.

    The position is a float64 parameter. All evaluations of one step have the same noise, as they have the same batch
    when a network is trained; the loss is then that whose gradient has it, $f(x) + n^T x$. What the class draws from
    torch's generator follows from the seed, too.

    Raises:
        InvalidValue: the class cannot make a step here, or has no learning rate for the schedule; in one line.
    """
    torch = sys.modules["torch"]  # loaded, as the class is there; whoever traces rules only needs none
    random = np.random.default_rng(seed)
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = rule.make([weight])
    if callable(getattr(optimizer, "train", None)):  # as Schedule-Free's classes need it
        optimizer.train()
    group = optimizer.param_groups[0]
    if "lr" not in group and {factor(step, budget) for step in range(budget)} - {1.0}:
        raise InvalidValue(f"{rule.title}: has no learning rate that a schedule could change; leave out --schedule")
    made, rate = Steps([start]), float(group.get("lr", np.nan))
    seen: list[Floats] = []
    tilt = np.zeros_like(start)

    def evaluate() -> Any:
        point = weight.detach().numpy().copy()
        seen.append(landscape.gradient(point) + tilt)
        weight.grad = torch.tensor(seen[-1])
        return torch.tensor(float(landscape(*point)) + float(tilt @ point), dtype=torch.float64)

    with np.errstate(all="ignore"), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # what the class draws
        while made.evaluated[-1] < budget:
            seen.clear()
            tilt = noise * random.standard_normal(landscape.dims) if noise else tilt
            if "lr" in group:
                group["lr"] = rate * factor(made.evaluated[-1], budget)
            _step(rule, optimizer, evaluate)
            spent = made.evaluated[-1] + max(1, len(seen))
            if spent > budget:
                break
            made.x.append(weight.detach().numpy().copy())
            made.grad.append(seen[0] if seen else np.full_like(start, np.nan))
            made.lr.append(float(group.get("lr", np.nan)))
            made.evaluated.append(spent)
    return made


def _step(rule: External, optimizer: Any, evaluate: Callable[[], Any]) -> None:
    try:
        if rule.evaluations is None:
            optimizer.step(evaluate)
        else:
            evaluate()
            optimizer.step()
    except SteepestError:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidValue(f"{rule.title}: {last_words(error)}") from error
