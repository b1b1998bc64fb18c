"""Models that are called in parts: the last layer that runs gives what the loss is computed from."""

import pytest
import torch
from torch import nn

import steepest

INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))


class Parts(nn.Module):
    """A network without a forward pass of its own."""

    def __init__(self, last=None, outputs=1):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, outputs)
        self.last = last or nn.Identity()
        self.weight = nn.Parameter(torch.randn(8, 1))

    def encode(self, inputs):
        return torch.tanh(self.first(inputs))

    def predict(self, inputs):
        return self.last(self.second(self.encode(inputs))).squeeze(1)

    def by_hand(self, inputs):
        return (self.encode(inputs) @ self.weight).squeeze(1)


def train(model, predict, loss_of, steps=14):
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer, budget=1.0) as doctor:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_of(predict(INPUTS))
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert {finding.code for finding in doctor.unseen} == {"unseen_model"}, doctor.text()
    return [finding.code for finding in doctor.findings if finding.code != "no_grad"]


@pytest.mark.parametrize(
    ("targets", "told"), [((INPUTS[:, 0] > 9).float(), ["labels"]), ((INPUTS[:, 0] > 0).float(), [])]
)
def test_labels_that_are_all_the_same(targets, told):
    torch.manual_seed(0)
    model = Parts()
    assert train(model, model.predict, lambda z: nn.functional.binary_cross_entropy_with_logits(z, targets)) == told


def test_activations_of_the_last_part():
    torch.manual_seed(0)
    labels, targets = (INPUTS[:, 0] > 0).long(), 3 * INPUTS[:, 0]
    twice, once = Parts(nn.Softmax(1), outputs=2), Parts(outputs=2)
    assert train(twice, twice.predict, lambda z: nn.functional.cross_entropy(z, labels)) == ["softmax_twice"]
    assert train(once, once.predict, lambda z: nn.functional.cross_entropy(z, labels)) == []
    narrow = Parts(nn.Sigmoid())
    assert train(narrow, narrow.predict, lambda z: (z - targets).square().mean()) == ["output_range"]


def test_a_layer_behind_which_the_model_goes_on_by_hand_is_no_output():
    torch.manual_seed(0)
    model = Parts()
    assert train(model, model.by_hand, lambda z: (z - 1e3).square().mean()) == []
    sums = Parts()
    assert train(sums, lambda x: sums.predict(x) + sums.encode(x).sum(1), lambda z: (z - 1e3).square().mean()) == []
