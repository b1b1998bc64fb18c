"""What looks like a leak or a bad scale, and is none: rows that are alike by chance, matrices between rows."""

import pytest
import torch
from torch import nn

import steepest
from steepest.diagnose.leak import Rows, bits_of


def names(count, seed):
    """Names of up to 8 letters, padded in front; the short ones are frequent."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.multinomial(torch.tensor([0.3, 0.3, 0.2, 0.2]), count, replacement=True, generator=generator) + 2
    letters = 1 + torch.multinomial(0.6 ** torch.arange(6.0), 8 * count, replacement=True, generator=generator)
    return letters.reshape(count, 8) * (torch.arange(8) >= 8 - lengths[:, None])


def codes(train, held, steps=12):
    torch.manual_seed(0)
    whole = not train.is_floating_point()
    model = nn.Sequential(nn.Embedding(8, 4) if whole else nn.Identity(), nn.Flatten(), nn.LazyLinear(2))
    model(train[:1])
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def loss_on(rows):
        return nn.functional.cross_entropy(model(rows), (rows.flatten(1).sum(1) > 20).long())

    def validation():
        with torch.no_grad():
            return loss_on(held)

    with steepest.watch(model, optimizer, budget=1.0, validation=validation) as doctor:
        for step in range(steps):
            optimizer.zero_grad()
            loss = loss_on(train[16 * step % len(train) :][:16])
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    return [finding.code for finding in doctor.findings if finding.code == "leak"]


def test_names_that_are_alike_by_chance_are_no_leak():
    train, held = names(192, 0), names(250, 1)
    rows = Rows()
    rows.trained(train)
    rows.held |= rows.checksums(held)
    alike, trained = rows.shared
    assert alike >= 8 and alike > 0.1 * trained  # so many that images would be a leak
    assert codes(train, held) == []


def test_what_is_trained_on_and_held_out_is_a_leak_whatever_it_is():
    sentences = torch.randint(8, (400, 24), generator=torch.Generator().manual_seed(0))
    assert codes(sentences[:192], sentences[100:300]) == ["leak"]
    assert codes(sentences[:192], sentences[192:]) == []
    numbers = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    twice = numbers.repeat(2, 1)[torch.randperm(800, generator=torch.Generator().manual_seed(1))]
    assert codes(twice[:192], twice[192:]) == ["leak"]  # repeated before it was split


def test_bits_of_rows_tell_names_from_numbers_and_images():
    assert bits_of(names(250, 1)) < 30
    assert bits_of(torch.rand(100, 4)) == float("inf")
    levels = torch.randint(17, (200, 64), generator=torch.Generator().manual_seed(0))
    assert bits_of(levels.float()) > 200
    assert bits_of(torch.ones(10, 4)) == 0


class Graph(nn.Module):
    """A mean over neighbours, and a linear map."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 2)

    def forward(self, links, nodes):
        return self.last(links @ torch.tanh(self.first(nodes)))


@pytest.mark.parametrize(("scale", "told"), [(1.0, False), (1e-3, True)])
@pytest.mark.parametrize("shape", [(40,), (16, 40)])
def test_links_of_a_graph_are_no_features_of_a_scale(scale, told, shape):
    generator = torch.Generator().manual_seed(0)
    links = (torch.rand(*shape, shape[-1], generator=generator) < 0.05).float() / shape[-1]
    nodes = scale * torch.randn(*shape, 6, generator=generator)
    model = Graph()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(5):
            optimizer.zero_grad()
            loss = model(links, nodes).square().mean()
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert ["input_scale"] * told == [each.code for each in doctor.findings if each.code == "input_scale"]
