"""Training in evaluation mode: of which parts it is a mistake, and what functions do that depend on the mode."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

INPUTS = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS[:, :1] - INPUTS[:, 1:2]


class Noisy(nn.Module):
    """Drops by a function, and counts its calls."""

    def __init__(self, share=0.3):
        super().__init__()
        self.first, self.last, self.share, self.calls = nn.Linear(6, 16), nn.Linear(16, 1), share, 0
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, inputs):
        self.calls += 1
        self.seen += 1
        return self.last(functional.dropout(self.first(inputs).tanh(), self.share, self.training))


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.last = nn.LSTM(2, 8, num_layers=2, dropout=0.3, batch_first=True), nn.Linear(8, 1)

    def forward(self, inputs):
        return self.last(self.rnn(inputs.view(-1, 3, 2))[0][:, -1])


def train(model, training, watched=True, steps=14):
    """Codes of what is found; None without a doctor."""
    optimizer = torch.optim.Adam([param for param in model.parameters() if param.requires_grad], 0.01)
    doctor = steepest.watch(model, optimizer, budget=1.0) if watched else None
    model.train(training)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(INPUTS), TARGETS)
        loss.backward()
        optimizer.step()
        if doctor is not None:
            doctor.step(loss)
    return [finding.code for finding in doctor.findings] if doctor is not None else None


@pytest.mark.parametrize("make", [Noisy, Layers])
def test_what_depends_on_the_mode_without_a_layer_for_it(make):
    torch.manual_seed(0)
    model = make()
    assert train(copy.deepcopy(model), training=True) == []
    assert train(copy.deepcopy(model), training=False) == ["eval_mode"]


def test_what_does_not_depend_on_the_mode():
    torch.manual_seed(0)
    assert train(Noisy(share=0.0), training=False) == []
    layers = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Dropout(0.0), nn.Linear(16, 1))
    assert train(layers, training=False) == []


def test_the_look_at_the_other_mode_leaves_no_trace():
    torch.manual_seed(0)
    plain = Noisy()
    model = copy.deepcopy(plain)
    draws = torch.get_rng_state()
    train(plain, training=False, watched=False)
    after = torch.rand(1)
    torch.set_rng_state(draws)
    assert train(model, training=False) == ["eval_mode"] and torch.equal(torch.rand(1), after)
    assert model.calls == plain.calls and not any(module.training for module in model.modules())
    assert all(torch.equal(one, other) for one, other in zip(plain.parameters(), model.parameters(), strict=True))
    assert torch.equal(plain.seen, model.seen)


def body():
    return [nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU()]


PARTS = {
    "a module": lambda: (nn.Sequential(nn.Sequential(*body()), nn.Linear(16, 1)), 1),
    "layers": lambda: (nn.Sequential(*body(), nn.Linear(16, 1)), 6),
    "dropout of the head": lambda: (nn.Sequential(nn.Sequential(*body()), nn.Dropout(0.3), nn.Linear(16, 1)), 1),
    "all": lambda: (nn.Sequential(*body(), nn.Linear(16, 1)), 0),
}


@pytest.mark.parametrize(("part", "told"), [("a module", 0), ("layers", 0), ("dropout of the head", 1), ("all", 1)])
def test_a_frozen_part_is_meant_to_be_in_evaluation_mode(part, told):
    torch.manual_seed(0)
    model, frozen = PARTS[part]()
    model(INPUTS)  # statistics of a pretraining
    model[:frozen].requires_grad_(False)
    assert train(model, training=False) == ["eval_mode"] * told


class Apart(nn.Module):
    """Runs a part without gradients, and may change it as an average of the other one."""

    def __init__(self, averages):
        super().__init__()
        self.apart, self.other, self.last = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(16, 1)
        self.averages = averages

    def forward(self, inputs):
        with torch.no_grad():
            if self.averages:
                self.apart.weight.lerp_(self.other.weight, 0.1)
                self.apart.bias.lerp_(self.other.bias, 0.1)
            apart = self.apart(inputs)
        return self.last(torch.cat([apart, self.other(inputs)], 1).tanh())


@pytest.mark.parametrize("averages", [False, True])
def test_a_part_that_runs_without_gradients(averages):
    torch.manual_seed(0)
    assert train(Apart(averages), training=True) == ["no_grad"] * (not averages)


def test_weights_that_a_forward_pass_changes_are_not_changed_once_more():
    torch.manual_seed(0)
    plain = Apart(averages=True)
    model = copy.deepcopy(plain)
    train(plain, training=True, watched=False)
    train(model, training=True)
    assert all(torch.equal(one, other) for one, other in zip(plain.parameters(), model.parameters(), strict=True))
