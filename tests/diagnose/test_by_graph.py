"""Mistakes that the graph behind a loss, or equal weights, tell: mixtures, distributions, equations, actors."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

from .loops import steps


@pytest.mark.parametrize(("parts", "fill", "told"), [(3, 0.0, True), (3, None, False), (1, 0.0, False)])
def test_components_of_a_mixture_that_start_as_one_are_copies(parts, fill, told):
    """Outputs of a classification that start at 0 are none: their gradients differ; nor is a single component."""
    torch.manual_seed(0)
    head = nn.Linear(8, 3 * parts)
    if fill is not None:
        nn.init.constant_(head.weight, fill)
        nn.init.constant_(head.bias, fill)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), head)
    targets = torch.randn(16, 1)

    def likelihood(outputs, labels):
        shares, means, scales = outputs.chunk(3, 1)
        each = torch.distributions.Normal(means, functional.softplus(scales) + 0.1).log_prob(targets)
        return -torch.logsumexp(shares.log_softmax(1) + each, 1).mean()

    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer, count=4, loss=likelihood)
    assert ("symmetry" in [finding.code for finding in doctor.findings]) == told
    plain = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 4))
    nn.init.zeros_(plain[2].weight)
    optimizer = torch.optim.Adam(plain.parameters(), 1e-3)
    doctor = steepest.watch(plain, optimizer)
    steps(doctor, plain, optimizer, count=4)
    assert doctor.findings == []


@pytest.mark.parametrize(("last", "told"), [(nn.Softmax(-1), ["softmax_twice"]), (nn.Identity(), [])])
def test_probabilities_given_as_logits_of_a_distribution(last, told):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2), last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    doctor = steepest.watch(model, optimizer)
    score = lambda outputs, labels: -torch.distributions.Categorical(logits=outputs).log_prob(labels).mean()  # noqa: E731
    steps(doctor, model, optimizer, count=4, loss=score)
    assert [finding.code for finding in doctor.findings] == told


@pytest.mark.parametrize(("axis", "told"), [(False, ["shape"]), (True, [])])
def test_residuals_of_an_equation_that_broadcast_though_the_model_is_called_at_its_border_too(axis, told):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    doctor = steepest.watch(model, optimizer)
    for _ in range(4):
        times = torch.rand(16, 1, requires_grad=True)
        source = times.detach().sin() if axis else times.detach()[:, 0].sin()
        values = model(times)
        (slopes,) = torch.autograd.grad(values.sum(), times, create_graph=True)
        loss = (slopes + values - source).square().mean() + model(torch.zeros(1, 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == told


@pytest.mark.parametrize(("factor", "told"), [(1.0, ["output_range"]), (2.0, []), (-2.0, [])])
def test_an_activation_times_a_number_reaches_that_far(factor, told):
    torch.manual_seed(0)
    hidden = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    class Actor(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = hidden

        def forward(self, inputs):
            return factor * torch.tanh(self.hidden(inputs)).squeeze(-1)

    model = Actor()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    doctor = steepest.watch(model, optimizer)
    wanted = torch.linspace(-1.9, 1.9, 16)
    steps(doctor, model, optimizer, count=6, loss=lambda outputs, labels: functional.mse_loss(outputs, wanted))
    assert [finding.code for finding in doctor.findings] == told
    assert not told or "tanh" in doctor.findings[0].text()


@pytest.mark.parametrize(("apart", "told"), [(0, ["labels"]), (-1, [])])
def test_pairs_whose_label_the_loss_does_not_know(apart, told):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    doctor = steepest.watch(model, optimizer)
    kinds = torch.tensor([1, apart] * 4)
    score = lambda codes, labels: functional.cosine_embedding_loss(codes[:8], codes[8:], kinds, margin=0.2)  # noqa: E731
    steps(doctor, model, optimizer, count=6, loss=score)
    assert [finding.code for finding in doctor.findings] == told
    assert not told or doctor.findings[0].numbers["count"] == 4
