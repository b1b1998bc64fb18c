"""Any sequence of events between steps: what is kept from the last step makes no difference to the eager engine."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import steepest

SHAPES = ((4, 3), (5,), (2, 2, 1), ())


class Training:
    """An optimizer and its parameters, to which things happen."""

    def __init__(self, name, fused):
        generator = torch.Generator().manual_seed(3)
        values = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]
        self.params = [torch.nn.Parameter(value) for value in values]
        groups = [
            {"params": self.params[:3], "name": "first"},
            {"params": self.params[3:], "lr": 0.03, "name": "second"},
        ]
        self.optimizer = getattr(steepest, name)(groups, lr=0.1, fused=fused)

    def give_gradients(self, seed):
        generator = torch.Generator().manual_seed(seed)
        for param in self.params:
            param.grad = torch.randn(param.shape, generator=generator, dtype=torch.float64)

    def state(self, place):
        """A state that is a tensor of the parameter's shape, with its name; None before the first step."""
        kept = self.optimizer.state.get(self.params[place], {})
        arrays = [
            (kept, name) for name, value in kept.items() if name != "step" and value.shape == self.params[place].shape
        ]
        return arrays[-1] if arrays else None


def nothing(training, place):
    pass


def no_gradient(training, place):
    training.params[place].grad = None


def gradient_in_another_order(training, place):
    grad = training.params[place].grad
    if grad is not None and grad.ndim == 2:
        training.params[place].grad = grad.T.contiguous().T


def expanded_gradient(training, place):
    grad = training.params[place].grad
    if grad is not None and grad.numel() > 1:
        training.params[place].grad = grad.flatten()[0].expand(grad.shape)


def learning_rate(training, place):
    for group in training.optimizer.param_groups:
        group["lr"] *= 0.9


def weight_decay(training, place):
    group = training.optimizer.param_groups[place % 2]
    group["weight_decay"] = 0.1 - group["weight_decay"]


def direction(training, place):
    group = training.optimizer.param_groups[place % 2]
    group["maximize"] = not group["maximize"]


def data_elsewhere(training, place):
    training.params[place].data = training.params[place].data.clone()


def data_in_another_order(training, place):
    if training.params[place].ndim == 2:
        training.params[place].data = training.params[place].data.T.contiguous().T


def another_state(training, place):
    if found := training.state(place):
        kept, name = found
        kept[name] = kept[name] * 0.5


def state_elsewhere(training, place):
    if found := training.state(place):
        kept, name = found
        kept[name].data = kept[name].data.clone() * 0.5


def forgotten_state(training, place):
    training.optimizer.state.pop(training.params[place], None)


def checkpoint(training, place):
    training.optimizer.load_state_dict(copy.deepcopy(training.optimizer.state_dict()))


def hook(training, place):
    training.optimizer.register_step_post_hook(lambda *arguments: None)


def evaluation(training, place):
    with training.optimizer.evaluating():
        pass


def other_parameters(training, place):
    """Take one out, and put back those that were taken out before."""
    group = next(each for each in training.optimizer.param_groups if each["name"] == "first")
    staying = [param for param in group["params"] if param is not training.params[place]]
    missing = [param for param in training.params[:3] if all(param is not each for each in group["params"])]
    group["params"] = staying + missing or group["params"]
    for param in training.params[:3]:
        if all(param is not each for each in group["params"]):
            training.optimizer.state.pop(param, None)  # torch saves no state without its parameter


def groups_in_another_order(training, place):
    training.optimizer.param_groups.reverse()


def another_group(training, place):
    training.params.append(torch.nn.Parameter(torch.ones(3, dtype=torch.float64)))
    training.optimizer.add_param_group({"params": [training.params[-1]], "lr": 0.05, "name": "more"})


def no_gradients_any_more(training, place):
    training.optimizer.zero_grad()


EVENTS = [
    nothing, nothing, nothing, no_gradient, gradient_in_another_order, expanded_gradient, learning_rate, weight_decay,
    direction, data_elsewhere, data_in_another_order, another_state, state_elsewhere, forgotten_state, checkpoint, hook,
    evaluation, other_parameters, groups_in_another_order,
    another_group, no_gradients_any_more,
]  # fmt: skip
happenings = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, len(SHAPES) - 1)), min_size=6, max_size=25)


@pytest.mark.parametrize("name", ["SGD", "Adam", "NAdam", "ScheduleFreeAdamW"])
@given(happened=happenings)
@settings(max_examples=60)
def test_whatever_happens_between_steps(name, happened):
    reached = []
    for fused in (None, False):
        training = Training(name, fused)
        for step, (event, place) in enumerate(happened):
            training.give_gradients(step)
            event(training, place)
            training.optimizer.step()
            if step % 3 == 2:
                training.optimizer.step()  # once more with the same gradients
        reached.append(torch.cat([param.detach().flatten() for param in training.params]))
    torch.testing.assert_close(*reached, rtol=1e-11, atol=1e-12)
