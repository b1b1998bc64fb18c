"""Draws that send no gradient back: told where nothing else teaches the distribution, and nothing stays patched."""

import pytest
import torch
from torch import nn
from torch.distributions import Distribution, Independent, Normal
from torch.nn import functional

import steepest


class Coded(nn.Module):
    """A code drawn from a normal distribution, by one of several ways."""

    def __init__(self, draw):
        super().__init__()
        self.encoder, self.decoder, self.draw = nn.Linear(4, 4), nn.Linear(2, 4), draw

    def forward(self, inputs):
        mean, log = self.encoder(inputs).chunk(2, 1)
        code = Normal(mean, log.exp())
        drawn, more = self.draw(code)
        return self.decoder(drawn.reshape(-1, 2)), (mean.square() + log.square()).mean() + more


def alone(code):
    value = code.sample()
    return value, 0.0


def scored(code):
    value = code.sample()
    return value, code.log_prob(value).mean()


def shown(code):
    code.sample()
    return code.rsample(), 0.0


def unlearnt(code):
    return Normal(code.mean.detach(), code.stddev.detach()).sample() + code.mean, 0.0


def independent(code):
    return Independent(code, 1).sample(), 0.0


@pytest.mark.parametrize(
    ("draw", "found"),
    [(alone, True), (independent, True), (scored, False), (shown, False), (unlearnt, False)],
)
def test_a_draw_without_a_gradient_is_told_where_nothing_else_teaches_its_distribution(draw, found):
    before = vars(Normal)["sample"], vars(Distribution)["sample"]
    torch.manual_seed(0)
    model = Coded(draw)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with steepest.watch(model, optimizer) as doctor:
        for _ in range(5):
            inputs = torch.randn(16, 4)
            optimizer.zero_grad()
            output, penalty = model(inputs)
            loss = functional.mse_loss(output, inputs) + penalty
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert ("no_rsample" in [finding.code for finding in doctor.findings]) == found
    assert before == (vars(Normal)["sample"], vars(Distribution)["sample"])
