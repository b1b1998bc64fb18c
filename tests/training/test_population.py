"""A population: many runs trained as one are the runs that they are one by one."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from steepest.optim.replay import Replay
from steepest.optim.routing import optimizer_of
from steepest.rules import find
from steepest.training import sizes, train
from steepest.training.chains import Chain, chain_or_stacked
from steepest.training.population import Member, Population, train_many
from steepest.training.sizes import best_size, draws, obstacle
from steepest.training.stacked import Stacked, tensors_of
from steepest.training.trainer import Trainer
from steepest.workloads import find as workload
from steepest.workloads.problem import Problem

STEPS = 30

SPECS = [
    "sgd(lr=0.5)", "momentum(lr=0.1)", "adam(lr=0.01)", "adamw(lr=0.01)", "rmsprop(lr=0.003)", "adagrad(lr=0.05)",
    "lion(lr=0.001)", "schedulefreeadamw(lr=0.01)", "prodigy", "muon(lr=0.01)", "sgd(lr=1e30)",
]  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    return workload("digits")


def deep():
    """Of three layers, in float64, where rounding is far below what training enlarges."""
    return nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 10)).double()


def in_float64(problem):
    inputs, targets, held_out, digits = problem.data()
    data = inputs.double(), targets, held_out.double(), digits
    return problem.replace(data=lambda: data, model=deep, target=0.6)


def test_a_population_is_the_runs_one_by_one(digits):
    problem, steps = in_float64(digits), 12
    members = [
        Member(find(spec), seed, schedule)
        for (index, spec), seed in product(enumerate(SPECS), (1, 2))
        for schedule in ["constant" if index % 2 else "cosine"]
    ]
    together = train_many(problem, members, steps, batch_size=32)
    for member, run in zip(members, together, strict=True):
        alone = train(problem, member.rule, member.seed, steps, 32, member.schedule)
        assert run.fingerprint == alone.fingerprint
        assert run.curve[0] == alone.curve[0]
        assert (run.outcome.code, run.steps_to_target) == (alone.outcome.code, alone.steps_to_target), member
        assert [point.step for point in run.curve] == [point.step for point in alone.curve]
        # Lion's sign, and Muon's iteration in bfloat16, enlarge a difference of the last bit
        close = 1e-4 if find("muon").title in member.rule.title or "Lion" in member.rule.title else 1e-9
        for here, there in zip(run.curve, alone.curve, strict=True):
            for name in ("train_loss", "loss"):
                assert math.isclose(getattr(here, name), getattr(there, name), rel_tol=close) or not math.isfinite(
                    getattr(there, name)
                ), (member, name, here, there)


def test_losses_in_float32_agree_to_rounding(digits):
    members = [Member(find("adam", lr=lr), seed) for lr in (1e-3, 1e-2) for seed in (1, 2)]
    for member, run in zip(members, train_many(digits, members, STEPS), strict=True):
        alone = train(digits, member.rule, member.seed, STEPS)
        first, last = (
            [abs(a.loss / b.loss - 1) for a, b in zip(run.curve, alone.curve, strict=True)][i] for i in (1, -1)
        )
        assert first < 1e-5 and last < 1e-4


def test_a_run_does_not_depend_on_who_else_is_in_the_population(digits):
    members = [Member(find(spec), seed) for spec in ("sgd(lr=0.5)", "adam(lr=0.01)", "sgd(lr=1e4)") for seed in (1, 2)]
    together = train_many(digits, members, STEPS)
    for some in (members[:2], members[3:], members[2:3]):
        for member, run in zip(some, train_many(digits, some, STEPS), strict=True):
            other = together[members.index(member)]
            assert [point.loss for point in run.curve] == [point.loss for point in other.curve]


def test_large_held_out_sets_are_measured_one_by_one_whoever_else_is_there(digits):
    member = Member(find("sgd(lr=0.1)"), 1)
    for size, together in ((32, True), (16, False)):
        trainers = [Trainer(digits, member.rule, 1, 5, size, "constant") for _ in range(3)]
        population, calls = Population(trainers, [1] * 3), []
        population._measure_together = lambda function, calls=calls: calls.append(function) or [(1.0, 1.0)] * 3
        population.advance(1)
        population.measure()
        assert bool(calls) is together
    for size in (32, 16):
        alone = train_many(digits, [member], 5, size)[0]
        assert [point.loss for point in train_many(digits, [member] * 9, 5, size)[4].curve] == [
            point.loss for point in alone.curve
        ]


def test_runs_that_ended_leave_the_stack(digits):
    members = [Member(find("sgd", lr=lr), 1) for lr in (0.1, 1e30, 1e30, 1e30)]
    trainers = [Trainer(digits, member.rule, 1, STEPS, None, "constant") for member in members]
    population = Population(trainers, [1] * 4)
    population.advance(3)
    for index in (1, 2, 3):
        population.end(index)
    population.advance(1)
    assert population.alive == [0] and len(next(iter(population._stacks.values()))) == 1
    runs = train_many(digits, members, STEPS)
    assert [run.outcome.code for run in runs[1:]] == ["loss_non_finite"] * 3 and runs[0].curve[-1].step == STEPS


def test_unused_and_frozen_and_tied_weights(digits):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.unused = nn.Linear(64, 16).requires_grad_(False), nn.Linear(3, 3)
            self.register_buffer("mask", torch.rand(16))
            self.hidden, self.tied, self.out = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 10)
            self.tied.weight = self.hidden.weight

        def forward(self, x):
            x = torch.tanh(self.frozen(x)) * self.mask
            return self.out(self.tied(torch.tanh(self.hidden(x))))

    problem = digits.replace(model=Odd)
    assert obstacle(problem) == ""
    members = [Member(find("adamw", lr=0.01, weight_decay=0.1), seed) for seed in (1, 2)]
    for member, run in zip(members, train_many(problem, members, 40), strict=True):
        alone = train(problem, member.rule, member.seed, 40)
        assert run.fingerprint == alone.fingerprint
        assert run.curve[-1].loss == pytest.approx(alone.curve[-1].loss, rel=1e-4)


def test_a_metric_that_looks_at_values_is_measured_run_by_run(digits):
    problem = digits.replace(metric=lambda output, targets: float(output.argmax(dim=1)[0] == targets[0]))
    assert obstacle(problem) == ""
    runs = train_many(problem, [Member(find("sgd", lr=0.1), seed) for seed in (1, 2)], 5)
    assert {point.metric for run in runs for point in run.curve} <= {0.0, 1.0}


# --- what no population can train -------------------------------------------------------------------------------------


class Permuted(nn.Module):
    """Draws something that is no tensor of the model's."""

    def __init__(self):
        super().__init__()
        self.order, self.layer = torch.randperm(64), nn.Linear(64, 10)

    def forward(self, x):
        return self.layer(x[:, self.order])


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        y = self.layer(x)
        return y * 2 if y.sum() > 0 else y


def noisy(output, targets):
    return nn.functional.cross_entropy(output + 0.1 * np.random.rand(), targets)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"model": lambda: nn.Sequential(nn.Linear(64, 10), nn.Dropout(0.1))}, "random"),
        ({"model": lambda: nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10))}, "differ"),
        ({"model": Permuted}, "differ"),
        ({"model": Branching}, "data-dependent"),
        ({"loss": noisy}, "the loss draws random numbers"),
        ({"loss": lambda output, targets: 1 / 0}, "ZeroDivisionError"),
    ],
)
def test_obstacles(digits, facts, words):
    assert words in obstacle(digits.replace(**facts))


def test_a_session_without_functions_trains_run_by_run():
    class Own(Problem):
        target = 1.0

        def begin(self, seed, device):
            return OwnSession()

    class OwnSession:
        groups = None

        def __init__(self):
            self.model = nn.Linear(1, 1)

        def functional(self):
            return None

    assert obstacle(Own()) == "the session has no `functional()`"


def test_rules_that_draw(digits):
    class Drawing(type(find("sgd"))):
        title, elementwise = "Drawing", False

        def update(self, grad, param, step, *state):
            return super().update(grad + 0 * torch.rand(()), param, step, *state)

    assert draws(digits, Drawing(lr=0.1)) and not draws(digits, find("sgd(lr=0.1)"))


@pytest.mark.parametrize(
    ("seconds", "size"),
    [
        ((100, 400, 800, 2000), 64),  # alone, then a step of 4, 16 and 64
        ((100, 200, 800, 3100), 4),
        ((100, 200, 500, 2000), 16),
        ((100, 400, 1600, 6400), 0),
    ],
)
def test_the_size_is_the_cheapest_per_run(digits, monkeypatch, seconds, size):
    times = iter([second * 1e-6 for second in seconds])
    monkeypatch.setattr(sizes, "_seconds", lambda advance: next(times))
    assert best_size(digits) == size


def test_a_population_that_would_take_long_is_not_made_larger(digits, monkeypatch):
    times = iter([0.1, 0.2, 0.3])
    monkeypatch.setattr(sizes, "_seconds", lambda advance: next(times))
    assert best_size(digits, steps=1000) == 4  # 200 seconds


# --- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [
    nn.functional.cross_entropy,
    nn.CrossEntropyLoss(),
    lambda output, targets: nn.functional.cross_entropy(output, targets.where(targets != 3, -100)),
    lambda output, targets: nn.functional.cross_entropy(output, targets, weight=torch.arange(1.0, 11)),
    lambda output, targets: nn.functional.cross_entropy(output, targets, label_smoothing=0.1, reduction="sum"),
    lambda output, targets: nn.functional.nll_loss(output.log_softmax(-1), targets),
    lambda output, targets: (output.softmax(1)[:, 0] - targets).square().mean(),
    lambda output, targets: torch.log_softmax(output, 0).square().mean(),
])  # fmt: skip
def test_the_layout_of_a_loss_does_not_change_it(digits, loss):
    inputs, targets = (part[:32] for part in digits.data()[:2])
    models = [digits.model() for _ in range(3)]
    stacks = {name: torch.stack([tensors_of(model)[name] for model in models]) for name in tensors_of(models[0])}
    data = tuple(part.expand(3, *part.shape) for part in (inputs, targets))
    found = Stacked(models[0], lambda model, batch: loss(model(batch[0]), batch[1]))(stacks, data)
    expected = torch.stack([loss(model(inputs), targets) for model in models])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", [
    nn.functional.cross_entropy,
    lambda output, targets: nn.functional.cross_entropy(output, targets, label_smoothing=0.1),
    lambda output, targets: (output[:, 0] - targets).square().mean(),
])  # fmt: skip
@pytest.mark.parametrize("ignored", [False, True])
def test_a_chain_computes_what_vmap_does(digits, loss, ignored):
    inputs, targets = (part[:32] for part in digits.data()[:2])
    targets = targets.where(targets != 3, -100) if ignored else targets
    models = [nn.Sequential(nn.Linear(64, 8), nn.GELU(), nn.Linear(8, 10, bias=False)) for _ in range(3)]
    stacks = {name: torch.stack([tensors_of(model)[name] for model in models]) for name in tensors_of(models[0])}
    leaves = [stack.requires_grad_() for stack in stacks.values()]
    data = tuple(part.expand(3, *part.shape) for part in (inputs, targets))
    found = []
    for criteria in ({"loss": loss}, None):
        applied = chain_or_stacked(models[0], lambda model, batch: loss(model(batch[0]), batch[1]), criteria, "loss")
        assert type(applied) is (Stacked if criteria is None else Chain)
        losses = applied(stacks, data)
        found.append([losses, *torch.autograd.grad((losses * torch.arange(1.0, 4)).sum(), leaves)])
    for chain, stacked in zip(*found, strict=True):
        torch.testing.assert_close(chain, stacked, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("model", [
    nn.Linear(2, 2),
    nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0)),
    nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2))),
    torch.nn.utils.parametrizations.weight_norm(nn.Sequential(nn.Linear(2, 2))[0]),
    nn.Sequential(*[nn.Linear(2, 2)] * 2),
])  # fmt: skip
def test_what_is_no_chain_is_left_to_vmap(model):
    assert type(chain_or_stacked(model, lambda model, data: model(data), {"loss": nn.MSELoss()}, "loss")) is Stacked


@pytest.mark.parametrize("spec", ["sgd(lr=0.1)", "adam(lr=0.01)", "prodigy", "muon(lr=0.01)"])
def test_a_replayed_step_is_the_step(spec):
    def made():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))
        for param in model.parameters():
            param.grad = torch.randn_like(param)
        return model, optimizer_of(find(spec), model)

    (model, optimizer), (other, rival) = made(), made()
    optimizer.step()
    rival.step()
    replay = Replay.of(optimizer)
    assert (replay is None) == (spec in ("prodigy", "muon(lr=0.01)"))
    for rate in (None, 0.3, 0.0, 0.2):
        if rate is not None:
            optimizer.param_groups[0]["lr"] = rival.param_groups[0]["lr"] = rate
        if replay is None or not replay.step(rate is not None):
            optimizer.step()
            replay = Replay.of(optimizer)
        rival.step()
        assert all(map(torch.equal, model.parameters(), other.parameters()))


def test_a_scheduler_that_changes_the_momentum_too_is_followed(digits):
    schedule = "torch.optim.lr_scheduler:OneCycleLR(max_lr=0.2, total_steps=20)"
    member = Member(find("momentum(lr=0.1)"), 1, schedule)
    together, alone = train_many(digits, [member, member], 20)[0], train(digits, member.rule, 1, 20, schedule=schedule)
    assert together.curve[-1].loss == pytest.approx(alone.curve[-1].loss, rel=1e-5)


def test_no_replay_passes_a_hook_or_a_check_by():
    model = nn.Linear(2, 2)
    for param in model.parameters():
        param.grad = torch.ones_like(param)
    optimizer = optimizer_of(find("sgd(lr=0.1)"), model)
    optimizer.step()
    assert Replay.of(optimizer) is not None
    optimizer.param_groups[0]["non_finite"] = "skip"
    assert Replay.of(optimizer) is None
    optimizer.param_groups[0]["non_finite"] = None
    optimizer.register_step_post_hook(lambda *_: None)
    assert Replay.of(optimizer) is None
    assert Replay.of(torch.optim.SGD(model.parameters(), lr=0.1)) is None
