"""python -m benchmarks.populations [rounds]: 64 runs as populations against the same runs one by one, a process a core.

Both do the same: Adam at 64 learning rates on seed 1, each with its own weights, measured on the grid; half of the runs
in each process. The processes are forked when everything is loaded, so starting up does not count. In turns; the best
turn of each counts.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import nn

from steepest import workloads
from steepest.rules import find
from steepest.training import train
from steepest.training.population import Member, train_many
from steepest.training.sizes import best_size
from steepest.workloads import Problem

__all__ = ["measure"]

RUNS = 64

STEPS = {"digits": 400, "cnn": 20, "transformer": 20}
"""Of a run; 100 of any other network."""

Row = dict[str, Any]


def _mlp(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip


class _Transformer(nn.Module):
    """Of one block, over the eight rows of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.attend, self.leave = nn.Linear(8, 16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.first, self.second, self.head = nn.LayerNorm(16), nn.Linear(16, 64), nn.Linear(16, 10)
        self.third = nn.Linear(64, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.enter(x.unflatten(1, (8, 8)))
        query, key, value = self.attend(self.first(x)).chunk(3, dim=-1)
        x = x + self.leave(((query @ key.mT) / 4).softmax(dim=-1) @ value)
        x = x + self.third(nn.functional.gelu(self.second(x)))
        return self.head(x.mean(dim=1))


def measure(
    rounds: int = 3, names: tuple[str, ...] = ("digits", "64-64", "128-128", "cnn", "transformer")
) -> list[Row]:
    """Seconds of both ways, their ratio, and the size that a measurement would choose, as rows of a table."""
    torch.set_num_threads(1)
    digits = workloads.find("digits")
    models: dict[str, Callable[[], nn.Module]] = {
        "64-64": partial(_mlp, 64), "128-128": partial(_mlp, 128), "cnn": _cnn, "transformer": _Transformer,
    }  # fmt: skip
    problems = {name: digits.replace(model=models[name]) if name in models else digits for name in names}
    return [_row(name, problem, rounds) for name, problem in problems.items()]


def _row(name: str, problem: Problem, rounds: int) -> Row:
    members = [Member(find("adam", lr=10 ** (-1 - index / RUNS)), 1) for index in range(RUNS)]
    problem = problem.replace(steps=STEPS.get(name, 100))
    train_many(problem, members[:2], 2)
    cores = len(os.sched_getaffinity(0))
    shares = [members[core::cores] for core in range(cores)]
    turns = [(_seconds(_one_by_one, problem, shares), _seconds(_together, problem, shares)) for _ in range(rounds)]
    alone, together = (min(times) for times in zip(*turns, strict=True))
    apart = _difference(problem, members[:4])
    return {
        "network": name,
        "steps": problem.steps,
        "one by one, runs a second": RUNS / alone,
        "as populations": RUNS / together,
        "times": median(one / other for one, other in turns),
        "size chosen": best_size(problem),
        "losses differ at first at most, in the end in the median": "{:.0e}, {:.0e}".format(*apart),
    }


def _one_by_one(problem: Problem, members: list[Member]) -> None:
    for member in members:
        train(problem, member.rule, member.seed)


def _together(problem: Problem, members: list[Member]) -> None:
    train_many(problem, members)


def _seconds(do: Callable[[Problem, list[Member]], None], problem: Problem, shares: list[list[Member]]) -> float:
    """Of as many processes as there are shares, until the last one ends."""
    processes = [get_context("fork").Process(target=do, args=(problem, share)) for share in shares]
    started = perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return perf_counter() - started


def _difference(problem: Problem, members: list[Member]) -> tuple[float, float]:
    """Relative differences of losses: the largest at the first measurement, the median at the last one."""
    pairs = [
        (run.curve, train(problem, member.rule, member.seed).curve)
        for member, run in zip(members, train_many(problem, members), strict=True)
    ]
    first, last = ([abs(a[place].loss / b[place].loss - 1) for a, b in pairs] for place in (1, -1))
    return max(first), median(last)


if __name__ == "__main__":
    for row in measure(*map(int, sys.argv[1:2])):
        print(row, flush=True)
