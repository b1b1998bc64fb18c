"""The promises of a workload, as checks: one seed is one problem, training helps, and the target lies ahead."""

import math
from collections.abc import Callable
from functools import partial

import torch

from ..rules import Adam
from ..training import train
from ..workloads import Problem, find

__all__ = ["workload_checks"]

Check = Callable[[], object]


def workload_checks(workload: str | Problem, lr: float = 0.01) -> dict[str, Check]:
    """The checks of a workload, by name; they train it for some 50 steps in all.

    Args:
        workload: a name, the path of a file, or a problem.
        lr: a learning rate at which Adam brings the loss down in 30 steps.

    >>> for check in workload_checks("quadratic").values():
    ...     check()
    """
    problem = find(workload) if isinstance(workload, str) else workload
    return {
        "parts_fit_together": partial(parts_fit_together, problem),
        "texts_are_one_line": partial(texts_are_one_line, problem),
        "target_is_reached_at_the_target": partial(target_is_reached_at_the_target, problem),
        "runs_follow_from_the_seed": partial(runs_follow_from_the_seed, problem, lr),
        "global_generator_is_left_alone": partial(global_generator_is_left_alone, problem, lr),
        "loss_falls_and_target_is_ahead": partial(loss_falls_and_target_is_ahead, problem, lr),
    }


def parts_fit_together(problem: Problem) -> None:
    """A training can begin, makes a step, and is measured."""
    problem.try_out()


def texts_are_one_line(problem: Problem) -> None:
    """Tables have one line for it, in each language."""
    for text in (problem.about, problem.about_zh):
        assert 0 < len(text) <= 120 and "\n" not in text, f"write one line of at most 120 letters, not {text!r}"


def target_is_reached_at_the_target(problem: Problem) -> None:
    """The target itself counts, what is worse or no number does not."""
    better = 1e-6 if problem.higher_is_better else -1e-6
    assert problem.reached(problem.target) and problem.reached(problem.target + better)
    assert not problem.reached(problem.target - better) and not problem.reached(math.nan)


def runs_follow_from_the_seed(problem: Problem, lr: float) -> None:
    """The same seed gives the same problem and curve, for every rule the same problem, another seed another one."""
    first, again, other_rule, other = (
        train(problem, Adam(lr=rate), seed=seed, steps=3) for rate, seed in ((lr, 1), (lr, 1), (lr / 2, 1), (lr, 2))
    )
    losses = [[(point.step, point.train_loss, point.loss) for point in run.curve] for run in (first, again)]
    assert losses[0] == losses[1], "two runs of one seed differ: draw from generators that are made from the seed"
    assert first.fingerprint == again.fingerprint == other_rule.fingerprint, "one seed gives two problems"
    assert first.fingerprint != other.fingerprint, "two seeds give the same problem"


def global_generator_is_left_alone(problem: Problem, lr: float) -> None:
    """A run does not change the random numbers of the program that makes it."""
    before = torch.get_rng_state()
    train(problem, Adam(lr=lr), seed=1, steps=1)
    assert torch.equal(torch.get_rng_state(), before)


def loss_falls_and_target_is_ahead(problem: Problem, lr: float) -> None:
    """Training brings the loss down, and does not begin at the target."""
    curve = train(problem, Adam(lr=lr), seed=1, steps=30).curve
    assert not problem.reached(curve[0].metric), f"the target {problem.target:g} is reached before the first step"
    assert curve[-1].loss < curve[0].loss, f"the loss goes from {curve[0].loss:.4g} to {curve[-1].loss:.4g}"
