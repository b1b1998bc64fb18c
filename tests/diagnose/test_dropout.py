"""Dropout: how much is dropped, however it is written, and what it does to the outputs."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.diagnose.drops import Drops
from steepest.diagnose.signs import SIGNS

from .test_signs import falling, record

INPUTS = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A network that drops the share `p` of its hidden units in one of several ways."""

    def __init__(self, way, p):
        super().__init__()
        self.way, self.p = way, p
        self.inner, self.last = nn.Linear(8, 32), nn.Linear(32, 1)
        self.cell = nn.LSTM(8, 16, 2, batch_first=True, dropout=p) if way == "cell" else None

    def forward(self, x):
        hidden = torch.relu(self.inner(x))
        if self.way == "functional":
            hidden = functional.dropout(hidden, self.p, self.training)
        elif self.way == "by hand" and self.training:
            hidden = hidden * (torch.rand_like(hidden) > self.p).float() / (1 - self.p)
        elif self.cell is not None:
            hidden = hidden + self.cell(x.unsqueeze(1))[0].sum((1, 2)).unsqueeze(1)
        return self.last(hidden).squeeze(1)


def train(model, steps=260, lr=1e-2):
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(steps):
            rows = INPUTS[torch.randint(256, (32,))]
            optimizer.zero_grad()
            loss = functional.mse_loss(model(rows), rows.sin().sum(1) / 2)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    return doctor


@pytest.mark.parametrize("way", ["functional", "cell"])
def test_a_share_that_was_meant_to_be_kept_is_dropped(way):
    strong, weak = train(Net(way, 0.9), 4), train(Net(way, 0.1), 4)
    assert [found.code for found in strong.findings] == ["dropout"] and weak.findings == []
    assert (strong.record.dropout, weak.record.dropout) == (0.9, 0.1)
    assert "keeps 1" in strong.findings[0].text() and "dropout" in strong.findings[0].text("zh")


def test_calls_of_dropout_are_noted_while_it_is_asked_for_and_its_functions_are_as_before():
    before = dict(vars(torch._VF))
    outer, inner = Drops(), Drops()
    functional.dropout(torch.ones(4), 0.3)
    inner.remove()
    functional.dropout2d(torch.ones(1, 4, 2, 2), 0.7)
    functional.dropout(torch.ones(4), 0.9, training=False)
    outer.remove()
    outer.remove()
    assert (inner.share, outer.share) == (0.3, 0.7) and dict(vars(torch._VF)) == before


@pytest.mark.parametrize(
    ("way", "p", "told"), [("by hand", 0.9, True), ("by hand", 0.3, False), ("functional", 0.5, False)]
)
def test_what_dropout_does_to_a_batch_is_measured_late_whoever_wrote_it(way, p, told):
    doctor = train(Net(way, p))
    looks = [tick for tick in doctor.record.ticks if not math.isnan(tick.dropout)]
    assert looks and all(tick.step >= 200 for tick in looks)
    assert ("dropout" in [found.code for found in doctor.findings]) == told
    assert all(module.training for module in doctor._observer.target.model.modules())


@pytest.mark.parametrize(
    ("noise", "share", "end", "told"),
    [(3, 0.5, 1.2, True), (0.3, 0.5, 1.2, False), (3, 0.1, 1.2, False), (3, 0.5, 0.1, False), (3, 0.0, 1.2, True)],
)
def test_outputs_that_depend_more_on_what_is_dropped_than_on_the_example(noise, share, end, told):
    dropping = record(falling(end=end), (*range(0, 30, 3), 120, 240))
    dropping.dropout = share
    for tick in dropping.ticks:
        tick.dropout = noise if tick.step >= 200 else 9.0
    assert (SIGNS["dropout"](dropping) is not None) == told
