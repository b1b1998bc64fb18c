"""State saved, loaded, copied, handed to torch and taken from it: the run goes on as if uninterrupted."""

import copy
import io
import pickle
from functools import partial

import pytest
import torch

import steepest

from ..optimizer_cases import (
    LIBRARIES,
    RICH,
    SHAPES,
    STEPS,
    Problem,
    Run,
    alone,
    assert_same,
    default_dtype,
    every_optimizer,
    moved,
    on_both_engines,
    pair,
    plain_and_rich,
)

MIDDLE = STEPS // 2
FIRST, SECOND = range(MIDDLE), range(MIDDLE, STEPS)


def through_a_file(state):
    """Written by torch.save and read back, allowing nothing but plain data and tensors."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def resumed(run, make, route=copy.deepcopy):
    """A fresh optimizer, `make(params)`, on a copy of the problem, that loads the run's state."""
    problem = copy.deepcopy(run.problem)
    optimizer = make(problem.parameters())
    optimizer.load_state_dict(route(run.optimizer.state_dict()))
    return Run(optimizer, problem)


# --- saving and loading -----------------------------------------------------------------------------------------------


@plain_and_rich
@on_both_engines
@pytest.mark.parametrize("route", [copy.deepcopy, through_a_file], ids=["in memory", "through a file"])
def test_state_dict_goes_on_bit_by_bit(name, settings, fused, route):
    run = alone(name, settings | {"fused": fused})
    run.train(FIRST)
    other = resumed(run, getattr(steepest, name), route)
    assert_same(other.train(SECOND), run.train(SECOND), tolerance=0)


@plain_and_rich
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))], ids=["deepcopy", "pickle"]
)
def test_copy_goes_on_bit_by_bit(name, settings, copied):
    run = alone(name, settings)
    other = copied(run.train(FIRST))
    assert_same(other.train(SECOND), run.train(SECOND), tolerance=0)
    assert type(other.optimizer) is type(run.optimizer)
    assert repr(other.optimizer) == repr(run.optimizer)


@every_optimizer
@on_both_engines
def test_loading_shares_nothing_with_the_giver(name, fused):
    """Also without a copy in between, which torch's own would need."""
    run, undisturbed = (alone(name, RICH[name] | {"fused": fused}) for _ in range(2))
    run.train(FIRST)
    other = resumed(run, getattr(steepest, name), route=lambda state: state)
    assert_same(run.train(SECOND), undisturbed.train(), tolerance=0)
    assert_same(other.train(SECOND), undisturbed, tolerance=0)


@every_optimizer
def test_load_before_the_first_step(name):
    run = alone(name, RICH[name])
    other = resumed(run, getattr(steepest, name))
    assert_same(other.train(), run.train(), tolerance=0)


@every_optimizer
def test_settings_that_a_checkpoint_lacks_take_the_default(name):
    run = alone(name, RICH[name])
    state = run.train(FIRST).optimizer.state_dict()
    (group,) = state["param_groups"]
    for setting in group.keys() - {"params", *RICH[name]}:
        del group[setting]
    other = resumed(run, getattr(steepest, name), route=lambda _: state)
    assert other.optimizer.param_groups[0].keys() == {"params", *run.optimizer.defaults}
    assert_same(other.train(SECOND), run.train(SECOND), tolerance=0)


# --- checkpoints to and from torch ------------------------------------------------------------------------------------


@plain_and_rich
@pytest.mark.parametrize("late", [(), ("bias",)], ids=["all", "bias late"])
@pytest.mark.parametrize(("giver", "taker"), [LIBRARIES, LIBRARIES[::-1]], ids=["ours to torch", "torch to ours"])
def test_checkpoints_travel(name, settings, giver, taker, late):
    run = Run(getattr(giver, name)((problem := Problem()).parameters(), **settings), problem)
    run.train(FIRST, names=[each for each in SHAPES if each not in late])
    # torch's Adagrad reads where a late parameter's sum starts from the constructor, not from the group
    other = resumed(run, partial(getattr(taker, name), **settings), through_a_file)
    assert_same(other.train(SECOND), run.train(SECOND))
    assert moved(other) == SHAPES.keys()


@every_optimizer
def test_state_has_the_names_of_torch(name):
    ours, theirs = (run.train(FIRST).optimizer.state_dict()["state"] for run in pair(name, RICH[name]))
    assert ours.keys() == theirs.keys()
    for index in theirs:
        assert ours[index].keys() >= theirs[index].keys()
        assert ours[index].keys() - theirs[index].keys() <= {"step"}  # torch's SGD does not count


# --- hooks ------------------------------------------------------------------------------------------------------------


@every_optimizer
def test_step_hooks(name):
    run, undisturbed = alone(name, {}), alone(name, {})
    seen = []
    run.optimizer.register_step_pre_hook(lambda optimizer, *_: seen.append(("before", optimizer, moved(run))))
    run.optimizer.register_step_post_hook(lambda optimizer, *_: seen.append(("after", optimizer, moved(run))))
    run.train(range(1))
    assert seen == [("before", run.optimizer, set()), ("after", run.optimizer, SHAPES.keys())]
    assert_same(run, undisturbed.train(range(1)), tolerance=0)


@every_optimizer
def test_state_dict_hooks(name):
    run = alone(name, {})
    run.train(FIRST)
    seen = []
    run.optimizer.register_state_dict_pre_hook(lambda _: seen.append("before saving"))
    run.optimizer.register_state_dict_post_hook(lambda _, state: state | {"note": "kept"})
    run.optimizer.register_load_state_dict_pre_hook(lambda _, state: seen.append(state.pop("note")))
    run.optimizer.register_load_state_dict_post_hook(lambda _: seen.append("after loading"))
    run.optimizer.load_state_dict(run.optimizer.state_dict())
    assert seen == ["before saving", "kept", "after loading"]


# --- GradScaler -------------------------------------------------------------------------------------------------------


def train_scaled(run, scaler, overflow):
    """Train with scaled losses; the gradient overflows in the given step. The scales, step by step."""
    scales = []
    for step in range(20):
        run.optimizer.zero_grad()
        scaler.scale(run.problem.loss(step)).backward()
        if step == overflow:
            run.problem.params["bias"].grad[1] = torch.inf
        scaler.step(run.optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
    return scales


@every_optimizer
def test_grad_scaler_skips_an_overflow_as_with_torch(name):
    def scaler():
        return torch.amp.GradScaler("cpu", init_scale=16.0, growth_interval=4)

    ours, theirs = pair(name, RICH[name], torch.float32)
    assert (scales := train_scaled(ours, scaler(), overflow=5)) == train_scaled(theirs, scaler(), overflow=5)
    assert scales[5] == scales[4] / 2
    assert_same(ours, theirs)
    assert {int(state["step"]) for state in ours.optimizer.state.values()} == {19}


# --- layout and dtype -------------------------------------------------------------------------------------------------


@every_optimizer
def test_step_is_counted_whatever_the_default_dtype(name):
    """A bfloat16 counter would stop at 256."""
    run = alone(name, {})
    with default_dtype(torch.bfloat16):
        run.train(range(1))
    assert {state["step"].dtype for state in run.optimizer.state.values()} == {torch.float32}


@every_optimizer
@pytest.mark.parametrize("form", [torch.channels_last, torch.contiguous_format], ids=str)
def test_state_has_the_layout_of_its_parameter(name, form):
    param = torch.nn.Parameter(torch.ones(2, 3, 4, 5).to(memory_format=form))
    param.grad = torch.ones_like(param)
    optimizer = getattr(steepest, name)([param], **RICH[name])
    optimizer.step()
    kept = [value for key, value in optimizer.state[param].items() if key != "step"]
    assert kept
    assert all(value.is_contiguous(memory_format=form) for value in kept)
