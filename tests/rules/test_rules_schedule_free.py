"""Schedule-Free RAdam and Prodigy as their authors' code has them: the package's class, and the loop of their entry."""

import math

import numpy as np
import pytest
import schedulefree
import torch

import steepest
from steepest.rules.schedule_free import ScheduleFreeRAdam

from ..optimizer_cases import STEPS, Problem, Run, assert_same
from .rule_paths import START, agree, evaluated, points, slope, walk

pytestmark = pytest.mark.quick

RADAM = {"lr": 0.05, "betas": (0.8, 0.98), "eps": 1e-3, "weight_decay": 0.2, "r": 0.5, "weight_lr_power": 1.5}


@pytest.mark.parametrize("silent", [True, False])
def test_schedule_free_radam_is_its_authors_class(silent):
    """In both modes; their steps count from the first of a group, as ours do where all gradients are there."""
    runs = []
    for library, name in ((steepest, "ScheduleFreeRAdam"), (schedulefree, "RAdamScheduleFree")):
        problem = Problem()
        run = Run(getattr(library, name)(problem.parameters(), **RADAM, silent_sgd_phase=silent), problem)
        run.optimizer.train()
        runs.append(run.train())
    assert_same(*runs)
    for run in runs:
        run.optimizer.eval()
    assert_same(*runs)


def test_schedule_free_radam_stands_still_until_the_scale_is_known():
    """With a memory of 50 steps it is known from the fifth on; then the factor is RAdam's."""
    path = points(ScheduleFreeRAdam(**RADAM))
    assert (path[:4] == START).all()
    assert (path[4] != START).all()
    moving = points(ScheduleFreeRAdam(**RADAM, silent_sgd_phase=False))
    assert (moving[0] != START).all()


def test_schedule_free_radam_of_a_short_memory_never_moves():
    """Where the factor is undefined for ever: the authors' code divides by a number below 0."""
    assert (points(ScheduleFreeRAdam(lr=0.1, betas=(0.9, 0.5))) == START).all()


def test_schedule_free_radam_is_three_sequences():
    rule = ScheduleFreeRAdam(**RADAM)
    x, z, v, total, largest, ys, xs = START, START, 0.0, 0.0, 0.0, [], []
    longest = 2 / 0.02 - 1
    for t in range(1, STEPS + 1):
        y = 0.2 * z + 0.8 * x
        gt = slope(y, t - 1)
        v = 0.98 * v + 0.02 * gt**2
        length = longest - 2 * t * 0.98**t / (1 - 0.98**t)
        if length > 4:
            top, bottom = (length - 4) * (length - 2) * longest, (longest - 4) * (longest - 2) * length
            rate = 0.05 * math.sqrt(top / bottom)
            z = z - rate * (gt / (np.sqrt(v / (1 - 0.98**t)) + 1e-3) + 0.2 * y)
            largest = max(largest, rate)
            total += math.sqrt(t) * largest**1.5
            x = x + math.sqrt(t) * largest**1.5 / total * (z - x)
        ys.append(0.2 * z + 0.8 * x)
        xs.append(x)
    agree(points(rule), ys)
    agree(evaluated(rule), xs)


# --- Prodigy ----------------------------------------------------------------------------------------------------------

SETTINGS = {"betas": (0.9, 0.99), "weight_decay": 0.1, "d0": 1e-2, "r": 0.75}


def prodigy_by_hand(problem, steps, beta1=0.9, beta2=0.99, eps=1e-8, decay=0.1, d=1e-2, r=0.75):
    """The loop of the authors' entry to AlgoPerf, all parameters as one long vector in float64; yields x and d."""
    params = problem.parameters()
    places = np.cumsum([0] + [each.numel() for each in params])
    x = torch.cat([each.detach().flatten() for each in params])
    p0, z, v, s, numerator, total = x.clone(), x.clone(), 0.0, 0.0, 0.0, 0.0
    for k in range(steps):
        y = beta1 * x + (1 - beta1) * z
        for param, first, last in zip(params, places, places[1:], strict=False):
            param.data = y[first:last].reshape(param.shape).clone()
            param.grad = None
        problem.loss(k).backward()
        gt = torch.cat([each.grad.flatten() for each in params])
        numerator = math.sqrt(beta2) * numerator + d * d * float(gt @ (p0 - z))
        v = beta2 * v + d * d * (1 - beta2) * gt**2
        s = math.sqrt(beta2) * s + d * d * gt
        new = max(d, numerator / float(s.abs().sum()))
        weight = (k + 1) ** r
        total += weight
        z = z - decay * d * x - d * d * gt / (v.sqrt() + new * eps)
        x = (1 - weight / total) * x + weight / total * z
        d = new
        yield x, d


def test_schedule_free_prodigy_is_its_authors_loop_on_all_parameters_at_once():
    problem = Problem()
    run = Run(steepest.ProdigyScheduleFree(problem.parameters(), **SETTINGS), problem)
    for step, (x, d) in enumerate(prodigy_by_hand(Problem(), STEPS)):
        run.train([step])
        assert run.optimizer.param_groups[0]["d"] == pytest.approx(d, rel=1e-11)
        with run.optimizer.evaluating():
            found = torch.cat([each.detach().flatten() for each in problem.parameters()])
        torch.testing.assert_close(found, x, rtol=0, atol=1e-11)
    assert d > 2 * SETTINGS["d0"]


def test_schedule_free_prodigy_shares_the_distance_of_all_groups_and_comes_back_from_evaluation():
    problem = Problem()
    first, *others = problem.parameters()
    groups = [{"params": [first], "weight_decay": 0.0}, {"params": others, "lr": 0.5}]
    run = Run(steepest.ProdigyScheduleFree(groups, **SETTINGS), problem).train(range(20))
    assert len({group["d"] for group in run.optimizer.param_groups}) == 1
    before = [each.detach().clone() for each in problem.parameters()]
    run.optimizer.eval()
    assert not all(torch.equal(a, b) for a, b in zip(before, problem.parameters(), strict=True))
    run.optimizer.train()
    assert all(torch.equal(a, b) for a, b in zip(before, problem.parameters(), strict=True))


def test_schedule_free_prodigy_of_a_rule_alone_takes_its_parameter_for_all():
    rule = steepest.RULES["prodigyschedulefree"](**SETTINGS)
    param = torch.tensor(START, requires_grad=True)
    optimizer = steepest.ProdigyScheduleFree([param], **SETTINGS)
    for step in range(STEPS):
        param.grad = torch.from_numpy(slope(param.detach().numpy(), step))
        optimizer.step()
    agree(np.array([START, param.detach().numpy()]), [START, walk(rule)[-1][0]])
