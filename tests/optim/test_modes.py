"""`train()` and `eval()`, as trainers call them: the weights saved are those to use, and training goes on."""

import copy
import io
import pickle

import pytest
import schedulefree
import torch

import steepest
from steepest.optim.routing import MuonWith

from ..optimizer_cases import Problem, Run, assert_same

RULES = {
    "ScheduleFreeSGD": (schedulefree.SGDScheduleFree, {"lr": 0.3, "momentum": 0.8, "warmup_steps": 5}),
    "ScheduleFreeAdamW": (schedulefree.AdamWScheduleFree, {"lr": 0.05, "betas": (0.8, 0.99), "weight_decay": 0.1}),
}
every_rule = pytest.mark.parametrize("name", RULES)


def run_of(optimizer_class, settings, problem=None):
    problem = problem or Problem()
    return Run(optimizer_class(problem.parameters(), **settings), problem)


def ours(name, problem=None, **more):
    return run_of(getattr(steepest, name), RULES[name][1] | more, problem)


def weights(run):
    return [param.detach().clone() for param in run.problem.parameters()]


def train_as_hugging_face(run, steps):
    """`train` before every step, `eval` before every evaluation, at the end too; the weights saved at each."""
    saved = []
    for step in steps:
        run.optimizer.train()
        run.train([step])
        if step % 4 == 3:
            run.optimizer.eval()
            saved.append(weights(run))
    return saved


@every_rule
@pytest.mark.parametrize("fused", [None, False])
def test_a_trainer_saves_the_weights_that_the_authors_code_saves(name, fused):
    theirs = run_of(*RULES[name])
    run = ours(name, fused=fused)
    for mine, wanted in zip(*(train_as_hugging_face(each, range(20)) for each in (run, theirs)), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-12, atol=1e-12)
    undisturbed = ours(name, fused=fused).train(range(20))
    run.optimizer.train()
    assert_same(run, undisturbed, tolerance=0)


@every_rule
def test_both_may_be_called_twice_and_within_evaluating(name):
    run, undisturbed = (ours(name).train(range(5)) for _ in range(2))
    run.optimizer.train()
    assert_same(run, undisturbed, tolerance=0)
    run.optimizer.eval()
    average = weights(run)
    for enter in (run.optimizer.eval, run.optimizer.eval):
        enter()
        assert all(map(torch.equal, weights(run), average))
    with run.optimizer.evaluating(), run.optimizer.evaluating():
        assert all(map(torch.equal, weights(run), average))
    assert all(map(torch.equal, weights(run), average))
    with pytest.raises(RuntimeError, match=r"a step after eval\(\) would be lost; call train\(\) first"):
        run.optimizer.step()
    run.optimizer.train()
    with run.optimizer.evaluating():
        run.optimizer.eval()
        with run.optimizer.evaluating():
            run.optimizer.train()
            assert all(map(torch.equal, weights(run), average))
    assert_same(run.train(range(5, 9)), undisturbed.train(range(5, 9)), tolerance=0)


@every_rule
def test_training_resumes_from_what_a_trainer_saved(name):
    """The model and the optimizer, both in the mode of evaluation."""
    run, undisturbed = (ours(name).train(range(10)) for _ in range(2))
    run.optimizer.eval()
    torch.save(run.optimizer.state_dict(), file := io.BytesIO())
    file.seek(0)
    problem = Problem()
    for param, saved in zip(problem.parameters(), weights(run), strict=True):
        param.data.copy_(saved)
    other = ours(name, problem)
    other.optimizer.load_state_dict(torch.load(file, weights_only=True))
    with pytest.raises(RuntimeError, match="call train"):
        other.optimizer.step()
    other.optimizer.train()
    assert_same(other.train(range(10, 30)), undisturbed.train(range(10, 30)), tolerance=1e-12)


@every_rule
def test_a_copy_made_while_evaluating_goes_on(name):
    run, undisturbed = (ours(name).train(range(10)) for _ in range(2))
    run.optimizer.eval()
    for other in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        other.optimizer.train()
        assert_same(other.train(range(10, 20)), copy.deepcopy(undisturbed).train(range(10, 20)), tolerance=1e-12)


@every_rule
def test_weights_loaded_while_evaluating_are_not_undone(name):
    """As the best model is at the end of a training."""
    run = ours(name).train(range(10))
    run.optimizer.eval()
    loaded = [torch.ones_like(param) for param in run.problem.parameters()]
    for param, values in zip(run.problem.parameters(), loaded, strict=True):
        param.data.copy_(values)
    run.optimizer.train()
    run.optimizer.eval()
    torch.testing.assert_close(weights(run), loaded, rtol=1e-12, atol=0)


@every_rule
@pytest.mark.parametrize("way", ["master_weights", "stochastic_rounding"])
def test_half_precision_comes_back_bit_by_bit(name, way):
    param = torch.nn.Parameter(torch.linspace(-1, 1, 50).bfloat16())
    optimizer = getattr(steepest, name)([param], lr=0.01, **{way: True})
    for step in range(5):
        param.grad = torch.full_like(param, 1.0 + step)
        optimizer.step()
    before, state = param.detach().clone(), optimizer.state[param]
    optimizer.eval()
    if way == "master_weights":
        share = getattr(optimizer.rule_class(), "momentum", 0.9)
        average = state["master"] + (1 - 1 / share) * (state["z"] - state["master"])
        assert torch.equal(param, average.bfloat16())
    assert not torch.equal(param, before)
    optimizer.train()
    assert torch.equal(param, before)


def test_other_rules_stay_and_step_in_every_mode():
    """A trainer that calls `eval` without `train` trains them all the same."""
    run, undisturbed = (run_of(steepest.Adam, {"lr": 0.05}) for _ in range(2))
    run.optimizer.eval()
    assert_same(run.train(range(5)), undisturbed.train(range(5)), tolerance=0)
    run.optimizer.train()
    assert run.optimizer.param_groups[0].keys() == undisturbed.optimizer.param_groups[0].keys()


def test_a_partner_of_muon_has_modes_too():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    optimizer = MuonWith(model, partner="schedulefreesgd(lr=0.1)")
    for _ in range(3):
        model(torch.ones(2, 3)).square().sum().backward()
        optimizer.step()
    before = copy.deepcopy(model.state_dict())
    with optimizer.evaluating():
        average = copy.deepcopy(model.state_dict())
    optimizer.eval()
    assert all(torch.equal(value, average[name]) for name, value in model.state_dict().items())
    with pytest.raises(RuntimeError, match="MuonWith: a step after eval"):
        optimizer.step()
    optimizer.train()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not all(torch.equal(value, average[name]) for name, value in before.items())
