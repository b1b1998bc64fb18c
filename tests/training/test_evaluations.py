"""Steps are evaluations of the gradient where an optimizer's step makes several: what is measured is paid for."""

import itertools

import pytest
import torch

from steepest import rules
from steepest.rules.external import external
from steepest.training import step_times, train
from steepest.training.evaluations import Evaluations
from steepest.training.forecast import forecasts
from steepest.training.trainer import Trainer
from steepest.workloads import find
from steepest.workloads.seeding import seeded

STEPS = 60


class Often(torch.optim.Optimizer):
    """SGD that evaluates the gradient at the same point several times, as the turn says, and uses the last one."""

    def __init__(self, params, lr=0.1, turns="1"):
        super().__init__(params, {"lr": lr})
        self.turns, self.rates = itertools.cycle(map(int, turns.split(","))), []

    @torch.no_grad()
    def step(self, closure):
        for _ in range(next(self.turns)):
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self.rates.append(group["lr"])
            for param in group["params"]:
                param.add_(param.grad, alpha=-group["lr"])
        return loss


class Twice(Often):
    """Its step is that of its base class, whose hooks see the closure once more."""

    @torch.no_grad()
    def step(self, closure):
        return super().step(lambda: closure())


def weight_and_closure():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    calls = []

    def closure():
        calls.append(1)
        weight.grad = weight.detach().clone()
        return (weight.detach() ** 2).sum()

    return weight, closure, calls


@pytest.mark.parametrize("kind", [Often, Twice])
def test_calls_of_a_closure_are_counted_once_each(kind):
    weight, closure, calls = weight_and_closure()
    optimizer = kind([weight], turns="1,3,2")
    counted = Evaluations(optimizer)
    assert [(optimizer.step(closure), counted.taken())[1] for _ in range(3)] == [1, 3, 2]
    optimizer.step(closure=closure)
    assert counted.taken() == 1
    assert len(calls) == 7


def curve_of(turns="1", steps=STEPS, workload="digits", kind=Often):
    rule = external(kind).configure(turns=turns)
    assert rule.evaluations is None
    return train(find(workload), rule, 3, steps=steps).curve


def by_step(curve):
    return {point.step: (point.loss, point.metric) for point in curve}


def test_one_evaluation_a_step_ties_with_the_plain_optimizer():
    """To the last bit: a twin whose step takes a closure neither gains nor loses."""
    plain = train(find("digits"), rules.find("torch.optim:SGD", lr=0.1), 3, steps=STEPS).curve
    own = curve_of()
    assert by_step(own) == by_step(plain)
    assert [point.train_loss for point in own] == [point.train_loss for point in plain]


@pytest.mark.parametrize("turns", ["3", "1,4", "50,1"])
def test_an_update_counts_once_all_its_evaluations_are_made(turns):
    """Evaluations that are not needed move the same curve to later steps, and never to an earlier one."""
    plain = by_step(curve_of())
    spent = [0, *itertools.accumulate(itertools.islice(itertools.cycle(map(int, turns.split(","))), STEPS))]
    for step, measured in by_step(curve_of(turns)).items():
        updates = max(made for made, after in enumerate(spent) if after <= step)
        if updates in plain:
            assert measured == plain[updates]
    assert updates < STEPS


def test_a_line_search_gets_no_weights_that_the_steps_do_not_pay_for():
    """L-BFGS of torch, against a loop of our own that counts its closures."""
    rule = rules.find("torch.optim:LBFGS", lr=0.5, max_iter=4, line_search_fn="strong_wolfe")
    problem = find("digits")
    curve = by_step(train(problem, rule, 3, steps=STEPS).curve)
    with seeded(3):
        session = problem.begin(3)
        optimizer = rule.make(session.model.parameters())
        counted, spent, expected = Evaluations(optimizer), 0, [(0, *problem.read_measure(session.measure()))]
        while spent < STEPS:
            session.advance(optimizer, 1)
            spent += counted.taken()
            expected.append((spent, *problem.read_measure(session.measure())))
    assert len(expected) < STEPS / 2
    for step, measured in curve.items():
        assert measured == [tuple(numbers) for spent, *numbers in expected if spent <= step][-1]


def test_measuring_in_the_middle_of_an_update_leaves_no_trace():
    def weights(measures):
        with seeded(3):
            trainer = Trainer(find("digits"), external(Often).configure(turns="3,1"), 3, STEPS, None, "constant")
            for _ in range(20):
                trainer.advance(1)
                for _ in range(measures):
                    trainer.measure()
            return [param.detach().clone() for param in trainer.session.model.parameters()]

    assert all(map(torch.equal, weights(0), weights(2)))


NORMED = """
import torch

def model():
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))

def data():
    x = torch.randn(64, 4)
    return x[:48], x[:48, :1], x[48:], x[48:, :1]

loss = torch.nn.functional.mse_loss
target, steps, batch_size = 1e-9, 40, 8
"""


@pytest.mark.parametrize("more", ["", "ema = 0.9\n"])
def test_buffers_and_averages_are_those_of_the_update_that_counts(more, write_file):
    def trainer_of(workload):
        return Trainer(find(workload), external(Often).configure(turns="3"), 3, 40, None, "constant")

    workload, whole, measured = write_file("normed.py", NORMED + more), [], []
    with seeded(3):
        trainer = trainer_of(workload)
        for _ in range(6):
            whole.append(trainer.measure())
            trainer.advance(3)
    with seeded(3):
        trainer = trainer_of(workload)
        for _ in range(18):
            measured.append(trainer.measure())
            trainer.advance(1)
    assert len(set(whole)) == 6
    assert measured == [each for each in whole for _ in range(3)]


def test_a_schedule_goes_by_evaluations():
    rule = external(Often).configure(turns="3,1,2")
    with seeded(0):
        trainer = Trainer(find("digits"), rule, 0, 12, None, "linear")
        trainer.advance(12)
    plain = Trainer(find("digits"), external(Often).configure(), 0, 12, None, "linear")
    plain.advance(12)
    begun = [0, 3, 4, 6, 9, 10]
    assert trainer.optimizer.rates == [plain.optimizer.rates[step] for step in begun]


@pytest.mark.parametrize(("turns", "made"), [("1", [5, 1]), ("3", [6, 3]), ("2,7", [9, 2])])
def test_whole_updates_are_timed(turns, made):
    """At least as many evaluations as asked for, and their true number to divide by."""
    trainer = Trainer(find("digits"), external(Often).configure(turns=turns), 0, 100, None, "constant")
    assert [trainer.spend(5), trainer.spend(1)] == made
    sam = Trainer(find("digits"), rules.find("sam(sgd)"), 0, 100, None, "constant")
    assert [sam.spend(5), sam.spend(1), sam.spend(2)] == [6, 2, 2]


def test_whole_studies_of_time_take_such_classes():
    rule = external(Often).configure(turns="40")
    times = step_times(find("digits"), [(rule, 0, "constant"), (rules.find("sam(sgd)"), 0, "constant")], rounds=3)
    assert all(0 < seconds < 1 for own in times.seconds for seconds in own)
    (forecast,) = forecasts(find("digits"), [(rule, 0, "constant", 100)])
    assert 0 < forecast.step < 1
