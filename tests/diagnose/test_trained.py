"""Who is trained: optimizers of another model, and weights that are no parameters."""

import pytest
import torch
from torch import nn

import steepest

INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()


def train(model, optimizer, extra=lambda outputs: 0.0, by_hand=lambda: None, steps=5):
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(steps):
            model.zero_grad()
            outputs = model(INPUTS)
            loss = nn.functional.cross_entropy(outputs, LABELS) + extra(outputs)
            loss.backward()
            by_hand()
            optimizer.step()
            doctor.step(loss)
    return doctor


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


@pytest.mark.parametrize("part", [False, True])
def test_an_optimizer_whose_tensors_still_have_the_gradients_of_an_earlier_model(part):
    first = network()
    optimizer = torch.optim.Adam(first.parameters(), 1e-3)
    assert train(first, optimizer).findings == []
    assert all(param.grad is not None and param.grad.any() for param in first.parameters())
    if part:
        first[2] = nn.Linear(8, 2)  # a new head for a new task
    found = train(first if part else network(), optimizer).findings
    assert found[0].code == "foreign_params" and found[0].numbers["count"] == (2 if part else 4)


def test_a_tensor_that_another_loss_trains_is_not_foreign():
    model, temperature = network(), torch.ones((), requires_grad=True)
    optimizer = torch.optim.Adam([*model.parameters(), temperature], 1e-3)

    def calibrate():
        (temperature * torch.rand(())).square().backward()

    assert train(model, optimizer, by_hand=calibrate).findings == []


class Scaled(nn.Module):
    """A network between weights that are kept in several ways."""

    def __init__(self, kept):
        super().__init__()
        self.network = network()
        weight = torch.ones(4, requires_grad=True)
        if kept == "buffer":
            self.register_buffer("weight", weight)
        else:
            self.weight = {"list": [weight], "dict": {"a": (weight,)}, "parameter": nn.Parameter(weight)}.get(
                kept, weight
            )
        self.kept = kept

    @property
    def tensor(self):
        return {"list": lambda: self.weight[0], "dict": lambda: self.weight["a"][0]}.get(
            self.kept, lambda: self.weight
        )()

    def forward(self, inputs):
        return self.network(inputs * self.tensor)


@pytest.mark.parametrize("kept", ["attribute", "list", "dict", "buffer"])
def test_weights_that_are_plain_tensors_are_in_no_optimizer(kept):
    model = Scaled(kept)
    found = train(model, torch.optim.Adam(model.parameters(), 1e-3)).findings
    assert [finding.code for finding in found] == ["missing_params"]
    assert found[0].numbers["name"].startswith("weight") and found[0].numbers["count"] == 1


def test_plain_tensors_that_are_trained_or_are_points_of_derivatives_are_none():
    model = Scaled("parameter")
    assert train(model, torch.optim.Adam(model.parameters(), 1e-3)).findings == []
    model = Scaled("list")
    assert train(model, torch.optim.Adam([*model.parameters(), model.tensor], 1e-3)).findings == []
    model = Scaled("attribute")

    def by_hand():
        with torch.no_grad():
            model.tensor.sub_(0.01 * model.tensor.grad)

    assert train(model, torch.optim.Adam(model.parameters(), 1e-3), by_hand=by_hand).findings == []
    model = Scaled("attribute")  # of the outputs by a point that the model keeps, as a differential equation has it

    def steepness(outputs):
        return torch.autograd.grad(outputs.sum(), model.tensor, create_graph=True)[0].square().mean()

    assert train(model, torch.optim.Adam(model.parameters(), 1e-3), steepness).findings == []
