"""The time of a study by its parts: imports and data of a process, and the steps of a run of the digits network."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch

import steepest
from steepest.rules import RULES
from steepest.workloads import find

from .timing import best, race

__all__ = ["loading", "measure"]

STEPS, MEASUREMENTS = 400, 50

TORCHS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
}

LOADED = {
    "torch": "import torch",
    "scikit-learn's digits": "from sklearn.datasets import load_digits",
    "first optimizer of torch.optim": "import torch; torch.optim.SGD([torch.zeros(1)])",
    "first step of ours": "import torch, steepest; p = torch.nn.Parameter(torch.ones(1)); p.grad = torch.ones(1);"
    " steepest.Adam([p]).step()",
    "steepest's digits": "from steepest.workloads import find; find('digits').data()",
}


def loading(rounds: int) -> list[dict[str, Any]]:
    """Seconds of each import or first call in a fresh process, with the import of torch where it is needed."""
    rows = []
    for what, code in LOADED.items():
        timed = f"import time; t = time.perf_counter(); {code}; print(time.perf_counter() - t)"
        command = [sys.executable, "-c", timed]
        seconds = min(
            float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(rounds)
        )
        rows.append({"what a process loads": what, "s": seconds})
    return rows


def measure(rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of a run, by part: batches with forward and backward pass; measurements; the optimizer's steps.

    The optimizer's time is that of a run with it minus that of a run without.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    candidates = {"network": partial(_train, None), "measuring": _measure}
    for name, make in TORCHS.items():
        candidates[f"ours {name}"] = partial(_train, getattr(steepest, RULES[name].__name__))
        candidates[f"torch {name}"] = partial(_train, make)
    ms = {name: 1e3 * seconds for name, seconds in best(race(candidates, rounds)).items()}
    torch.set_num_threads(threads)
    return [
        {
            "a run, in ms": name,
            "forward and backward": ms["network"],
            "measurements": ms["measuring"],
            "our optimizer": ms[f"ours {name}"] - ms["network"],
            "torch's": ms[f"torch {name}"] - ms["network"],
        }
        for name in TORCHS
    ]


def _train(make: Callable[..., torch.optim.Optimizer] | None) -> None:
    """The training loop of a run, with an optimizer or, if `make` is None, without."""
    workload, (inputs, targets, _, _) = find("digits"), _data()
    model = workload.model()
    params = list(model.parameters())
    optimizer = None if make is None else make(params, lr=0.01)
    for chosen in torch.randint(len(inputs), (STEPS, workload.batch_size)):
        for param in params:
            param.grad = None
        workload.loss(model(inputs[chosen]), targets[chosen]).backward()
        if optimizer is not None:
            optimizer.step()


@cache
def _data() -> tuple[torch.Tensor, ...]:
    return find("digits").data()


@torch.no_grad()
def _measure() -> None:
    workload, (_, _, inputs, targets) = find("digits"), _data()
    model = workload.model()
    for _ in range(MEASUREMENTS):
        output = model(inputs)
        float(workload.loss(output, targets)), float(workload.metric(output, targets))
