"""Pictures of a run: of the very run that is measured, and without a trace in it."""

import random

import numpy as np
import pytest
import torch

from steepest import rules, workloads
from steepest.base.errors import InvalidValue
from steepest.rules import SGD
from steepest.training import pictures, train
from steepest.workloads.seeding import seeded

SHOW = """
    def show(model):
        import random, numpy
        torch.randn(3), numpy.random.rand(), random.random()
        return f"{model.weight.tolist()} {model.training} {torch.is_grad_enabled()} {torch.rand(1).item()}"
"""


@pytest.mark.quick
@pytest.mark.parametrize("rule", ["sgd(lr=0.1)", "schedulefreeadamw(lr=0.05)"])
def test_they_are_of_the_run_that_is_measured(write_workload, rule):
    problem = workloads.find(write_workload(SHOW + "    ema = 0.5\n    dropout = 0.5\n", "shown.py"))
    assert problem.shows()
    made = pictures(problem, rules.find(rule), 3, (12, 0, 4, 4), schedule="cosine")
    run = train(problem, rules.find(rule), 3, schedule="cosine")
    metrics = {point.step: point.metric for point in run.curve}
    assert [shown.step for shown in made] == [0, 4, 12]
    assert [shown.metric for shown in made] == [metrics[0], metrics[4], metrics[12]]
    assert all(shown.picture.split("]] ")[1].startswith("False False") for shown in made)  # as it is evaluated
    assert len({shown.picture.rpartition(" ")[2] for shown in made}) == 1  # draws the same each time
    assert len({shown.picture for shown in made}) == 3


@pytest.mark.quick
def test_the_global_generators_are_left_alone(write_workload):
    problem = workloads.find(write_workload(SHOW, "alone.py"))
    with seeded(1):
        expected = torch.rand(1).item(), np.random.rand(), random.random()
    with seeded(1):
        pictures(problem, SGD(lr=0.1), 3, (0, 2))
        assert (torch.rand(1).item(), np.random.rand(), random.random()) == expected


@pytest.mark.quick
def test_where_nothing_is_shown_nothing_is_trained(write_workload, monkeypatch):
    problem = workloads.find(write_workload("", "plain.py"))
    assert not problem.shows()
    monkeypatch.setattr("steepest.training.showing.Trainer.advance", lambda *_: pytest.fail("a step was made"))
    assert pictures(problem, SGD(lr=0.1), 3, (0, 12)) == []


def test_whether_a_workload_shows_something_is_known_without_its_data(write_workload):
    for name, shows in (("quadratic", False), ("digits", False), ("zipf", False)):
        assert workloads.find(name).shows() is shows
    never = "\n    def data():\n        raise AssertionError\n"
    assert not workloads.find(write_workload(never, "never.py"), try_out=False).shows()


@pytest.mark.quick
def test_a_show_that_takes_something_else_is_refused(write_workload):
    with pytest.raises(
        InvalidValue, match=r"`show` does not take what it is called with; write for example:  def show"
    ):
        workloads.find(write_workload("\n    def show():\n        return ''\n", "takes.py"))
