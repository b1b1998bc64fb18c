"""What the first layers get, what outputs do where that changes a little, and layers that are matrices of one's own."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.diagnose.first_layers import facts_of, nudged, roughness

ROWS = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))


class By(nn.Module):
    """A network whose forward pass is a function of its layers and its inputs."""

    def __init__(self, function, first=6, act=torch.relu):
        super().__init__()
        self.function, self.act = function, act
        self.first, self.inner, self.last = nn.Linear(first, 32), nn.Linear(32, 32), nn.Linear(32, 1)

    def forward(self, *inputs):
        hidden = self.act(self.first(self.function(*inputs)))
        return self.last(self.act(self.inner(hidden))).squeeze(1)


def codes(model, *inputs, steps=8, lr=1e-3):
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    with steepest.watch(model, optimizer, budget=1.0) as doctor:
        for _ in range(steps):
            chosen = torch.randint(64, (16,))
            optimizer.zero_grad()
            loss = functional.mse_loss(model(*(each[chosen] for each in inputs)), ROWS[chosen, 0])
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    return [finding.code for finding in doctor.findings]


def bytes_of(rows):
    return (rows * 40 + 128).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize(
    ("function", "told"),
    [(lambda x: x.float(), ["input_scale"]), (lambda x: x.float() / 255, []), (lambda x: x / 40 - 3, [])],
)
def test_whole_numbers_are_looked_at_where_the_first_layer_gets_them(function, told):
    assert codes(By(function), bytes_of(ROWS)) == told


def test_inputs_that_are_scaled_within_the_model_and_others_beside_them():
    scaled = By(lambda rows, beside: torch.cat([rows / 1e3, beside], 1), 12)
    assert codes(scaled, 1e3 * ROWS, ROWS) == []

    class Two(By):
        def forward(self, rows, beside):
            return super().forward(rows) + self.other(beside).squeeze(1)

    two = Two(lambda rows: rows)
    two.other = nn.Linear(6, 1)
    assert codes(two, ROWS, 1e3 * ROWS) == ["input_scale"]


def test_columns_of_a_table_of_sizes_far_apart():
    apart = torch.tensor([1e-4, 1e-4, 1e-4, 1e-3, 1e-3, 6.0])
    assert codes(By(lambda rows: rows), ROWS * apart) == ["input_scale"]
    rare = (torch.rand(64, 6, generator=torch.Generator().manual_seed(1)) < 0.3).float() * torch.tensor(
        [1e-4, *[1.0] * 5]
    )
    assert facts_of(rare).apart == 1 and facts_of(ROWS * apart).apart > 1e4  # few entries are no column to scale


@pytest.mark.parametrize("alike", [True, False])
def test_examples_that_all_have_the_same_inputs_explain_everything_else(alike):
    class Words(By):
        def __init__(self):
            super().__init__(lambda tokens: self.table(tokens).mean(1), 8)
            self.table = nn.Embedding(20, 8)

    torch.manual_seed(0)
    model = Words()
    with torch.no_grad():
        model.inner.bias.fill_(-9.0)
    tokens = torch.zeros(64, 5, dtype=torch.long) if alike else torch.arange(320).view(64, 5) % 20
    assert codes(model, tokens, steps=40) == (["no_signal"] if alike else ["dead_units"])


@pytest.mark.parametrize(
    ("act", "scale", "told"),
    [
        (torch.sin, 9.0, ["init_large"]),
        (torch.sin, None, []),
        (torch.tanh, 9.0, []),
    ],
)
def test_weights_that_make_a_rough_function(act, scale, told):
    torch.manual_seed(0)
    model = By(lambda rows: rows, act=act)
    if scale is not None:
        for layer in (model.first, model.inner):
            nn.init.normal_(layer.weight, std=scale)
    assert codes(model, ROWS) == told


def test_a_linear_function_has_a_roughness_of_one_whatever_its_size():
    generator = torch.Generator().manual_seed(0)
    outputs, moves = torch.randn(400, 3, generator=generator), torch.randn(400, 3, generator=generator)
    assert roughness(1e4 * outputs, 1e4 * (outputs + 0.01 * moves)) == pytest.approx(1, rel=0.2)
    assert roughness(1e-9 * outputs + 1, 1e-9 * outputs + 1) != roughness(outputs, outputs) == 0  # NaN: rounding


class Matrices(nn.Module):
    """Layers that are matrices without biases."""

    def __init__(self, gain, offset=0.0, depth=3, act=torch.relu):
        super().__init__()
        sizes = [6, *[32] * (depth - 1), 1]
        pairs = itertools.pairwise(sizes)
        self.weights = nn.ParameterList([nn.Parameter(gain * torch.randn(a, b) / a**0.5) for a, b in pairs])
        self.offset, self.act = offset, act

    def forward(self, rows):
        for weight in self.weights[:-1]:
            rows = self.act(rows @ weight + self.offset)
        return (rows @ self.weights[-1]).squeeze(1) + 0.3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"gain": 0.05, "depth": 8, "act": torch.tanh}, ["vanishing"]),
        ({"gain": 1.4, "offset": -5.0}, ["dead_units"]),
        ({"gain": 1.4}, []),
    ],
)
def test_layers_that_are_matrices_of_ones_own(options, told):
    torch.manual_seed(0)
    assert codes(Matrices(**options), ROWS, steps=40) == told


def test_a_model_that_refuses_other_inputs_or_modes_is_looked_at_otherwise():
    class Strict(Matrices):
        def forward(self, rows):
            assert torch.equal(rows, rows.round()) and self.training
            return super().forward(functional.dropout(rows, 0.5))

    torch.manual_seed(0)
    model = Strict(1.4)
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)
    with steepest.watch(model, optimizer, budget=1.0) as doctor:
        for _ in range(230):
            optimizer.zero_grad()
            loss = functional.mse_loss(model(ROWS.round()), ROWS[:, 0])
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert doctor.unseen == [] and all(math.isfinite(tick.gain) for tick in doctor.record.ticks)
    assert all(math.isnan(tick.rough) and math.isnan(tick.dropout) for tick in doctor.record.ticks)


def test_layers_that_are_called_by_name_are_not_changed():
    layer = nn.Linear(6, 2)
    with nudged([layer]):
        assert torch.equal(layer(input=ROWS), ROWS @ layer.weight.T + layer.bias)
        assert not torch.equal(layer(ROWS), layer(input=ROWS))
