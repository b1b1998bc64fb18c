"""Training by optimizers that are not steepest's own: as the hand-written loop, and measured without a trace."""

from itertools import islice

import numpy as np
import pytest
import torch

import steepest
from steepest import rules, schedules
from steepest.base.errors import InvalidValue
from steepest.optim.external import Joined, evaluating
from steepest.optim.routing import optimizer_of
from steepest.rules import AdamW
from steepest.training import train
from steepest.training.population import Member, train_many
from steepest.training.sizes import draws
from steepest.training.trainer import Trainer
from steepest.workloads import find
from steepest.workloads.seeding import seeded
from steepest.workloads.stepping import make_step, needs_closure
from steepest.workloads.supervised import _batches

STEPS = 12


def by_hand(make, steps=STEPS, factor=None):
    """Weights after the plain loop of torch on digits, from the same start and batches."""
    problem = find("digits")
    with seeded(7):
        model = problem.model()
        optimizer = make(model.parameters())
        rate = optimizer.param_groups[0]["lr"]
        for step, (inputs, targets) in enumerate(islice(_batches(*problem.data()[:2], problem.batch_size, 7), steps)):
            if factor is not None:
                optimizer.param_groups[0]["lr"] = rate * factor(step, steps)

            def closure(inputs=inputs, targets=targets):
                optimizer.zero_grad()
                loss = problem.loss(model(inputs), targets)
                loss.backward()
                return loss.detach()

            optimizer.step(closure)
    return [param.detach() for param in model.parameters()]


def trained(spec, schedule="constant", measure=0, **settings):
    """Weights after as many steps of a session, measured now and then."""
    with seeded(7):
        trainer = Trainer(find("digits"), rules.find(spec, **settings), 7, STEPS, None, schedule)
        for _ in range(STEPS):
            for _ in range(measure):
                trainer.measure()
            trainer.spend(1)
    return [param.detach() for param in trainer.session.model.parameters()]


def equal(one, other):
    return all(map(torch.equal, one, other))


@pytest.mark.parametrize(
    ("spec", "make"),
    [
        ("torch.optim:Adam(lr=0.01)", lambda params: torch.optim.Adam(params, lr=0.01)),
        ("torch.optim:SGD(lr=0.1,momentum=0.9,nesterov=True)",
         lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True)),
        ("torch.optim:Rprop(lr=0.01)", lambda params: torch.optim.Rprop(params, lr=0.01)),
        ("torch.optim:LBFGS(lr=0.5,max_iter=4)", lambda params: torch.optim.LBFGS(params, lr=0.5, max_iter=4)),
    ],
)  # fmt: skip
def test_a_session_makes_the_steps_of_the_plain_loop_bit_by_bit(spec, make):
    assert equal(trained(spec), by_hand(make))


def test_a_schedule_holds_for_it_too():
    expected = by_hand(lambda params: torch.optim.Adam(params, lr=0.01), factor=schedules.find("cosine"))
    assert equal(trained("torch.optim:Adam(lr=0.01)", "cosine"), expected)


def test_torchs_adam_and_ours_train_alike():
    for one, other in zip(trained("torch.optim:Adam(lr=0.01)"), trained("adam(lr=0.01)"), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize(
    "spec", ["schedulefree:AdamWScheduleFree(lr=0.02)", "prodigyopt:Prodigy(lr=1.0)", "torch.optim:Muon(lr=0.02)"]
)
def test_measuring_leaves_no_trace(spec):
    pytest.importorskip(spec.partition(":")[0].partition(".")[0])
    assert equal(trained(spec), trained(spec, measure=2))


def test_the_weights_to_evaluate_of_schedule_free_are_those_of_its_eval():
    schedulefree = pytest.importorskip("schedulefree")
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = schedulefree.SGDScheduleFree([weight], lr=0.3)
    optimizer.train()
    for _ in range(3):
        weight.grad = 2 * weight.detach()
        optimizer.step()
    before = weight.detach().clone()
    with evaluating(optimizer):
        seen = weight.detach().clone()
    assert torch.equal(weight, before)
    optimizer.eval()
    assert torch.equal(seen, weight)
    assert not torch.equal(seen, before)


def test_schedule_free_of_its_authors_trains_as_ours():
    pytest.importorskip("schedulefree")
    theirs = trained("schedulefree:AdamWScheduleFree(lr=0.02)")
    ours = trained("scheduleFreeAdamW(lr=0.02)".lower())
    for one, other in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(one, other, rtol=5e-3, atol=1e-4)


def test_a_class_for_matrices_is_joined_by_a_partner():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(16, 8), torch.nn.Linear(8, 2)
    )
    optimizer = optimizer_of(rules.find("torch.optim:Muon(lr=0.02)"), model)
    assert isinstance(optimizer, Joined)
    muon, partner = optimizer.parts
    assert isinstance(muon, torch.optim.Muon)
    assert partner.rule_class is AdamW
    assert [tuple(param.shape) for group in muon.param_groups for param in group["params"]] == [(8, 16)]
    assert [group["lr"] for group in optimizer.param_groups] == [0.02, 0.02]
    model(torch.ones(1, 1, 4, 4)).sum().backward()
    before = [param.detach().clone() for param in model.parameters()]
    optimizer.step()
    assert not any(map(torch.equal, before, model.parameters()))
    with pytest.raises(InvalidValue, match="no matrix between"):
        optimizer_of(rules.find("torch.optim:Muon"), torch.nn.EmbeddingBag(2, 2))
    with pytest.raises(InvalidValue, match="groups"):
        optimizer_of(rules.find("torch.optim:Muon"), model, [{"params": list(model.parameters())}])


def test_a_step_with_a_closure_returns_the_first_loss():
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = torch.optim.LBFGS([weight], lr=0.1, max_iter=3)
    losses = []

    def compute():
        weight.grad = None
        loss = (weight**4).sum()
        loss.backward()
        losses.append(float(loss.detach()))
        return loss

    assert needs_closure(optimizer)
    assert not needs_closure(torch.optim.SGD([weight], lr=0.1))
    assert float(make_step(optimizer, compute)) == losses[0] == 16
    assert len(losses) > 1


def test_groups_of_a_session_keep_their_settings():
    model = torch.nn.Linear(2, 2)
    groups = [{"params": [model.weight]}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = optimizer_of(rules.find("torch.optim:AdamW(weight_decay=0.5)"), model, groups)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]


def test_a_class_without_learning_rate_refuses_a_schedule(write_file):
    file = write_file(
        "still.py",
        """
        import torch

        class Still(torch.optim.Optimizer):
            def __init__(self, params, scale=1.0):
                super().__init__(params, {"scale": scale})

            def step(self, closure=None):
                pass
        """,
    )
    assert train(find("digits"), rules.find(f"{file}:Still"), 1, 2).curve[-1].step == 2
    with pytest.raises(InvalidValue, match="Still: has no learning rate that a schedule could change"):
        train(find("digits"), rules.find(f"{file}:Still"), 1, 2, schedule="cosine")


RECIPE = """
import torch

target = 0.1
clip_norm = 0.5
accumulate = 2
ema = 0.5


def model():
    return torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))


def batches():
    while True:
        inputs = torch.randn(8, 2)
        yield inputs, inputs.sum(dim=1, keepdim=True)


def loss(model, batch):
    seen.append(torch.rand(()).item())
    return torch.nn.functional.mse_loss(model(batch[0]), batch[1])


def evaluate(model):
    return {"loss": model(torch.ones(1, 2)).square().sum()}


seen = []
"""


def test_a_closure_sees_the_same_batches_and_random_numbers_each_time(write_file):
    problem = find(write_file("recipe.py", RECIPE), try_out=False)
    seen = problem.loss.__globals__["seen"]
    with seeded(0):
        trainer = Trainer(problem, rules.find("torch.optim:LBFGS(lr=0.1, max_iter=3)"), 0, 5, None, "constant")
        trainer.advance(1)
    assert len(seen) > 2
    assert len(set(seen)) == 2  # one of each of the two batches
    with pytest.raises(InvalidValue, match="float16 scales the loss, which no closure can"):
        train(problem.replace(autocast="float16"), rules.find("torch.optim:LBFGS"), 0, 1)


def test_a_population_trains_them_as_run_by_run():
    problem = find("digits")
    members = [Member(rules.find(f"torch.optim:Adam(lr={lr})"), seed=1) for lr in (0.01, 0.02)]
    members.append(Member(rules.find("schedulefree:AdamWScheduleFree(lr=0.02)"), seed=1))
    together = train_many(problem, members, steps=6)
    for run, member in zip(together, members, strict=True):
        alone = train(problem, member.rule, member.seed, 6)
        assert run.curve[-1].loss == pytest.approx(alone.curve[-1].loss, rel=1e-4)
    assert draws(problem, rules.find("torch.optim:LBFGS"))
    assert not draws(problem, rules.find("torch.optim:Adam"))


@pytest.mark.parametrize(
    ("spec", "make"),
    [
        ("torch.optim:SGD(lr=0.3, momentum=0.9)", lambda params: torch.optim.SGD(params, lr=0.3, momentum=0.9)),
        ("momentum(lr=0.3)", lambda params: steepest.Momentum(params, lr=0.3)),
    ],
)
def test_a_scheduler_of_torch_is_stepped_as_in_a_loop_by_hand(spec, make):
    """Learning rates and momenta of one cycle, in pieces of any length."""
    expected = []
    optimizer = make([torch.nn.Parameter(torch.ones(1))])
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=STEPS)
    for _ in range(STEPS):
        expected.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        scheduler.step()
    schedule, seen = "torch.optim.lr_scheduler:OneCycleLR", []
    with seeded(0):
        trainer = Trainer(find("digits"), rules.find(spec), 0, STEPS, None, schedule)
        trainer.optimizer.register_step_pre_hook(
            lambda own, *_: seen.append((own.param_groups[0]["lr"], own.param_groups[0]["momentum"]))
        )
        for count in (1, 5, STEPS - 6, 3):  # a measurement of time goes on beyond the run
            trainer.advance(count)
    assert seen[:STEPS] == expected
    assert seen[STEPS:] == [expected[-1]] * 3
