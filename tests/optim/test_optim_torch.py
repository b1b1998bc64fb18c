"""Our optimizers against torch's own: the same numbers, whatever the settings and whatever happens on the way."""

import pytest
import torch

import steepest

from ..optimizer_cases import (
    ACCEPTED,
    LIBRARIES,
    REFUSED,
    RICH,
    SETTINGS,
    SHAPES,
    STEPS,
    Problem,
    Run,
    alone,
    assert_same,
    both,
    default_dtype,
    every_optimizer,
    moved,
    on_both_engines,
    pair,
    plain_and_rich,
    rounding,
)

OTHERS = [name for name in SHAPES if name != "bias"]

# --- any three settings together --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "settings"), ACCEPTED)
def test_both_engines_equal_torch(name, settings):
    (fused, theirs), eager = pair(name, settings), alone(name, settings | {"fused": False})
    assert_same(fused.train(), theirs.train())
    assert_same(eager.train(), theirs)
    assert moved(fused) == moved(eager) == SHAPES.keys()
    assert (fused.optimizer.engine[:5], eager.optimizer.engine[:5]) == ("fused", "eager")


@pytest.mark.quick
@pytest.mark.parametrize(("name", "settings"), REFUSED)
def test_refuses_what_torch_refuses(name, settings):
    with pytest.raises(ValueError, match="nesterov"):
        getattr(steepest, name)([torch.zeros(1)], **settings)


@plain_and_rich
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128, torch.complex64], ids=str)
def test_dtypes_equal_torch(name, settings, dtype):
    ours, theirs = pair(name, settings, dtype)
    assert_same(ours.train(), theirs.train())
    assert all(param.dtype == dtype for param in ours.problem.parameters())


# --- groups -----------------------------------------------------------------------------------------------------------


def for_a_group(name):
    """The rich settings, but for one: torch starts every group's accumulator at the constructor's value."""
    return {setting: value for setting, value in RICH[name].items() if setting != "initial_accumulator_value"}


@every_optimizer
def test_groups_have_their_own_settings(name):
    def build(library, problem):
        weight, *others = problem.parameters()
        second = {"params": others, "lr": 0.003, **for_a_group(name)}
        return getattr(library, name)([{"params": [weight]}, second], lr=0.02)

    ours, theirs = both(build)
    assert_same(ours.train(), theirs.train())


@every_optimizer
def test_groups_equal_separate_optimizers(name):
    make = getattr(steepest, name)
    grouped, separate = Problem(), Problem()
    (weight, *others), (lone_weight, *lone_others) = grouped.parameters(), separate.parameters()
    one = make([{"params": [weight]}, {"params": others, **RICH[name]}])
    two = [make([lone_weight]), make(lone_others, **RICH[name])]
    for step in range(STEPS):
        for problem, optimizers in ((grouped, [one]), (separate, two)):
            problem.loss(step).backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
    assert_same(Run(one, grouped), Run(two[0], separate), tolerance=0)


@every_optimizer
def test_group_added_in_the_middle(name):
    def build(library, problem):
        return getattr(library, name)([problem.params["weight"]])

    ours, theirs = both(build)
    for run in (ours, theirs):
        run.train(range(20), names={"weight"})
        run.optimizer.add_param_group({"params": run.problem.parameters()[1:], "lr": 0.03, **for_a_group(name)})
        run.train(range(20, STEPS))
    assert_same(ours, theirs)
    assert moved(ours) == SHAPES.keys()


@every_optimizer
def test_refused_group_leaves_the_others_as_they_were(name):
    run, undisturbed = alone(name, {}), alone(name, {})
    alike = [torch.zeros_like(param) for param in run.problem.parameters()]
    with pytest.raises(steepest.SteepestError, match="lr must lie in"):
        run.optimizer.add_param_group({"params": alike, "lr": -1.0})
    assert len(run.optimizer.param_groups) == 1
    assert_same(run.train(), undisturbed.train(), tolerance=0)


@every_optimizer
def test_named_parameters(name):
    def build(library, problem):
        return getattr(library, name)(problem.params.items(), **RICH[name])

    ours, theirs = both(build)
    assert_same(ours.train(), theirs.train())
    assert ours.optimizer.state_dict()["param_groups"][0]["param_names"] == [*SHAPES]


@every_optimizer
def test_parameters_from_a_generator(name):
    def build(library, problem):
        return getattr(library, name)(param for param in problem.parameters())

    ours, theirs = both(build)
    assert_same(ours.train(), theirs.train())
    assert moved(ours) == SHAPES.keys()


# --- gradients that are missing, late, zero or kept -------------------------------------------------------------------


@plain_and_rich
@on_both_engines
def test_no_gradient_skips_the_parameter(name, settings, fused):
    ours, theirs = pair(name, settings, fused=fused)
    assert_same(ours.train(names=OTHERS), theirs.train(names=OTHERS))
    assert moved(ours) == {*OTHERS}
    assert ours.problem.params["bias"] not in ours.optimizer.state


@pytest.mark.quick
@plain_and_rich
@on_both_engines
def test_late_gradient_counts_its_own_steps(name, settings, fused):
    ours, theirs = pair(name, settings, fused=fused)
    for run in (ours, theirs):
        run.train(range(20), names=OTHERS).train(range(20, STEPS))
    assert_same(ours, theirs)
    assert ours.optimizer.state[ours.problem.params["bias"]]["step"] == STEPS - 20


@plain_and_rich
@on_both_engines
def test_zero_gradient_is_not_skipped(name, settings, fused):
    ours, theirs = pair(name, settings, fused=fused)
    for run in (ours, theirs):
        run.train(range(20))
        for step in range(20, STEPS):
            run.optimizer.zero_grad(set_to_none=False)
            run.problem.loss(step, OTHERS).backward()
            run.optimizer.step()
    assert_same(ours, theirs)
    assert ours.optimizer.state[ours.problem.params["bias"]]["step"] == STEPS


@plain_and_rich
def test_first_gradient_zero_is_not_skipped(name, settings):
    ours, theirs = pair(name, settings)
    for run in (ours, theirs):
        for param in run.problem.parameters():
            param.grad = torch.zeros_like(param)
        run.optimizer.step()
    assert_same(ours, theirs)
    assert moved(ours) == (SHAPES.keys() if ours.optimizer.defaults["weight_decay"] else set())


@plain_and_rich
@on_both_engines
@pytest.mark.parametrize("maximize", [False, True])
def test_gradients_are_left_as_they_are(name, settings, fused, maximize):
    run = alone(name, settings | {"maximize": maximize, "fused": fused})
    for step in range(3):
        run.optimizer.zero_grad()
        run.problem.loss(step).backward()
        before = [param.grad.clone() for param in run.problem.parameters()]
        run.optimizer.step()
        assert all(torch.equal(old, param.grad) for old, param in zip(before, run.problem.parameters(), strict=True))


@plain_and_rich
@on_both_engines
@pytest.mark.parametrize("clear", [False, True], ids=["accumulate", "clear-in-place"])
def test_gradients_overwritten_in_place(name, settings, fused, clear):
    """What a step keeps is its own: neither clearing nor adding to the gradient reaches it."""
    ours, theirs = pair(name, settings | {"weight_decay": 0}, fused=fused)
    for run in (ours, theirs):
        for step in range(STEPS):
            if clear:
                run.optimizer.zero_grad(set_to_none=False)
            run.problem.loss(step).backward()
            run.optimizer.step()
    assert_same(ours, theirs)


@every_optimizer
def test_zero_grad(name):
    run = alone(name, {})
    run.train(range(1))
    run.optimizer.zero_grad(set_to_none=False)
    assert all(not param.grad.any() for param in run.problem.parameters())
    run.optimizer.zero_grad()
    assert all(param.grad is None for param in run.problem.parameters())


# --- learning rate as a tensor ----------------------------------------------------------------------------------------


def pair_with_tensor_lr(name, dtype=torch.float64):
    def build(library, problem):
        lr = torch.tensor(SETTINGS[name]["lr"][0], dtype=dtype)
        return getattr(library, name)(problem.parameters(), **RICH[name] | {"lr": lr})

    return both(build, dtype)


@every_optimizer
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_lr_as_a_tensor(name, dtype):
    ours, theirs = pair_with_tensor_lr(name, dtype)
    assert_same(ours.train(), theirs.train())
    assert_same(ours, alone(name, RICH[name] | {"lr": SETTINGS[name]["lr"][0]}, dtype).train())
    assert all(param.dtype == dtype for param in ours.problem.parameters())


@every_optimizer
def test_lr_as_a_tensor_can_be_changed_in_place(name):
    ours, theirs = pair_with_tensor_lr(name)
    for run in (ours, theirs):
        run.train(range(20))
        run.optimizer.param_groups[0]["lr"].mul_(0.3)
        run.train(range(20, STEPS))
    assert_same(ours, theirs)


# --- closures ---------------------------------------------------------------------------------------------------------


@every_optimizer
def test_closure_is_called_once_with_gradients_enabled(name):
    ours, theirs = pair(name, RICH[name])
    losses = []
    for run in (ours, theirs):

        def closure(run=run):
            run.optimizer.zero_grad()
            loss = run.problem.loss(0)
            loss.backward()
            losses.append(loss)
            return loss

        with torch.no_grad():
            assert run.optimizer.step(closure) is losses[-1]
    assert len(losses) == 2
    assert_same(ours, theirs)
    assert moved(ours) == SHAPES.keys()


@every_optimizer
def test_without_closure_nothing_is_returned(name):
    run = alone(name, {})
    run.problem.loss(0).backward()
    assert run.optimizer.step() is None


# --- autograd through the step ----------------------------------------------------------------------------------------

H = 1e-6
DIFFERENTIABLE_BY_LR = {"SGD", "Adam", "AdamW"}  # torch's others want the learning rate as a number
DETACHED = {"SGD"}  # torch cuts the first gradient off the momentum buffer


def quartic(x):
    return 0.1 * x**4 + x.cos()


def losses_after(steps, optimizer_class, settings, start=0.0, lr=0.1, differentiable=False):
    """The loss of each coordinate after some steps from near the usual start."""
    param = torch.linspace(-1.0, 2.5, 4, dtype=torch.float64).requires_grad_() + start
    param = param.clone() if differentiable else param.detach().requires_grad_()
    optimizer = optimizer_class([param], lr=lr, differentiable=differentiable, **settings)
    for _ in range(steps):
        # the step is in place, so the loss works on a copy: autograd would miss the value that it has saved
        loss = quartic(param.clone()).sum()
        (param.grad,) = torch.autograd.grad(loss, param, create_graph=differentiable)
        optimizer.step()
    return quartic(param)


def by_autograd(steps, optimizer_class, settings, wanted):
    at = {"start": torch.zeros(4, dtype=torch.float64), "lr": torch.tensor(0.1, dtype=torch.float64)}[wanted]
    losses = losses_after(steps, optimizer_class, settings, **{wanted: at.requires_grad_()}, differentiable=True)
    return torch.autograd.grad(losses.sum(), at)[0]


def by_differences(steps, optimizer_class, settings, wanted):
    """Central differences; no coordinate's loss depends on another's start."""
    at = {"start": 0.0, "lr": 0.1}[wanted]
    low, high = (losses_after(steps, optimizer_class, settings, **{wanted: at + h}).detach() for h in (-H, H))
    slope = (high - low) / (2 * H)
    return slope if wanted == "start" else slope.sum()


@plain_and_rich
@pytest.mark.parametrize("wanted", ["start", "lr"])
def test_hypergradient_equals_differences(name, settings, wanted):
    arguments = (3, getattr(steepest, name), settings, wanted)
    torch.testing.assert_close(by_autograd(*arguments), by_differences(*arguments), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "settings", "wanted", "steps"),
    [
        *[(name, {}, "start", 3) for name in SETTINGS],
        *[(name, {}, "lr", 3) for name in SETTINGS if name in DIFFERENTIABLE_BY_LR],
        *[(name, RICH[name], "start", 1) for name in SETTINGS if name not in DETACHED],
        *[(name, RICH[name], "lr", 1) for name in SETTINGS if name in DIFFERENTIABLE_BY_LR],
    ],
)
def test_hypergradient_equals_torch(name, settings, wanted, steps):
    # torch's differentiable Adam corrects its bias in the precision of the step counter, which is the default dtype's
    with default_dtype(torch.float64):
        ours, theirs = (by_autograd(steps, getattr(library, name), settings, wanted) for library in LIBRARIES)
    torch.testing.assert_close(ours, theirs, rtol=rounding(torch.float64), atol=rounding(torch.float64))


@every_optimizer
def test_steps_are_not_recorded_unless_asked(name):
    run = alone(name, RICH[name])
    run.train(range(2))
    values = [value for state in run.optimizer.state.values() for value in state.values()]
    assert values
    assert not any(value.requires_grad for value in values)
    assert all(param.is_leaf and param.requires_grad for param in run.problem.parameters())
