"""Steps are evaluations of the gradient where an optimizer's step makes several: what is measured is paid for."""

import copy
import itertools

import pytest
import torch

import steepest
from steepest import rules
from steepest.optim.routing import optimizer_of
from steepest.rules.external import external
from steepest.training import step_times, train
from steepest.training.evaluations import Evaluations
from steepest.training.forecast import forecasts
from steepest.training.own_draws import separate_draws
from steepest.training.trainer import Trainer
from steepest.workloads import find
from steepest.workloads.seeding import seeded
from steepest.workloads.stepping import needs_closure

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


class Called(Often):
    """An optimizer that can be called, which is no closure."""

    def __call__(self):
        raise AssertionError


class Aside(Often):
    """The weights to evaluate are the mean of those of all updates; `eval()` and `train()` go there and back."""

    def step(self, closure):
        loss = super().step(closure)
        for group in self.param_groups:
            for param in group["params"]:
                state = self.state[param]
                state["all"] = [*state.get("all", []), param.detach().clone()]
        return loss

    @torch.no_grad()
    def eval(self):
        for param in self.param_groups[0]["params"]:
            if self.state[param]:
                self.state[param]["own"] = param.clone()
                param.copy_(torch.stack(self.state[param]["all"]).mean(dim=0))

    @torch.no_grad()
    def train(self):
        for param in self.param_groups[0]["params"]:
            if "own" in self.state[param]:
                param.copy_(self.state[param]["own"])


class Ours(steepest.SGD):
    """It derives from an optimizer of steepest's, and says only when it is called that it needs a closure."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)

    def step(self, closure=None):
        with torch.enable_grad():
            closure()
        return super().step(closure)


class Matrices(Often):
    """For matrices only."""

    def step(self, closure):
        for param in self.param_groups[0]["params"]:
            assert param.ndim == 2, "matrices only"
        return super().step(closure)


def weight_and_closure():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    calls = []

    def closure():
        calls.append(1)
        weight.grad = weight.detach().clone()
        return (weight.detach() ** 2).sum()

    return weight, closure, calls


@pytest.mark.parametrize("kind", [Often, Twice, Called])
def test_calls_of_a_closure_are_counted_once_each(kind):
    weight, closure, calls = weight_and_closure()
    optimizer = kind([weight], turns="1,3,2")
    counted = Evaluations(optimizer)
    assert [(optimizer.step(closure), counted.taken())[1] for _ in range(3)] == [1, 3, 2]
    optimizer.step(closure=closure)
    assert counted.taken() == 1
    assert len(calls) == 7


def test_calls_are_counted_where_a_step_raised_before():
    weight, closure, _ = weight_and_closure()
    optimizer = Often([weight], turns="2")
    counted = Evaluations(optimizer)
    with pytest.raises(ZeroDivisionError):
        optimizer.step(lambda: 1 / 0)
    optimizer.step(closure)
    assert counted.taken() == 3


def test_an_optimizer_that_can_be_called_is_no_closure_whose_draws_are_apart():
    weight, closure, calls = weight_and_closure()
    optimizer = Called([weight])
    separate_draws(optimizer, 0, "cpu")
    optimizer.step(closure)
    assert len(calls) == 1


def test_a_class_that_derives_from_ours_is_given_closures():
    """To the last bit the plain optimizer, at every second step."""
    rule = external(Ours).configure(lr=0.1)
    assert rule.evaluations is None
    plain, own = by_step(curve_of()), by_step(train(find("digits"), rule, 3, steps=STEPS).curve)
    assert {step: measured for step, measured in own.items() if step % 2 == 0 and step // 2 in plain} == {
        2 * step: measured for step, measured in plain.items() if 2 * step in own
    }
    copied = copy.deepcopy(rule.make([torch.nn.Parameter(torch.ones(1))]))
    assert needs_closure(copied)


def test_a_class_for_matrices_calls_the_closure_and_its_partner_takes_the_gradient():
    rule = external(Matrices).configure(turns="3")
    assert (rule.least_axes, rule.evaluations) == (2, None)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))
    optimizer = optimizer_of(rule, model)
    assert needs_closure(optimizer)
    counted, before = Evaluations(optimizer), [param.detach().clone() for param in model.parameters()]

    def closure():
        optimizer.zero_grad()
        loss = model(torch.ones(1, 2)).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert counted.taken() == 3
    assert not any(map(torch.equal, before, model.parameters()))


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


def test_weights_to_evaluate_are_those_before_an_update_that_is_not_paid_for():
    problem, whole, measured = find("digits"), [], []
    for turns, found in (("1", whole), ("3", measured)):
        with seeded(3):
            trainer = Trainer(problem, external(Aside).configure(turns=turns), 3, STEPS, None, "constant")
            for _ in range(5 if turns == "1" else 15):
                found.append(trainer.measure())
                trainer.advance(1)
    assert len(set(whole)) == 5
    assert measured == [each for each in whole for _ in range(3)]


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
