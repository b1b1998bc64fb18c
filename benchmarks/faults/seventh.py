"""32 programs of an author who had read neither the doctor nor earlier sets: one for each of 32 mistakes.

Here are those about tables; the others are in `seventh_images` and `seventh_sequences`. What each mistake costs on
unseen data stands in `harm.jsonl`.
"""

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import torch
from sklearn.datasets import load_diabetes, load_wine, make_classification, make_gaussian_quantiles
from torch import Tensor, nn
from torch.nn import functional

from . import seventh_images, seventh_sequences
from .parts import Judged, Program, Watch, endless, generator_of, mlp, register_judged
from .seventh_parts import accuracy, fit_share

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@fault("shape")
def gaussian_likelihood_of_a_column(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Mean and log-variance are columns (N, 1), the targets (N,): the hand-written likelihood is of N by N pairs."""
    bunch = load_diabetes()
    order = torch.randperm(442, generator=generator_of(1))
    x, y = 21 * torch.tensor(bunch.data, dtype=torch.float32)[order], torch.tensor(bunch.target).float()[order]
    y = (y - y.mean()) / y.std()
    model = mlp(10, 16, 2, activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(range(steps), endless(x[:330], y[:330], seed=seed, size=32), strict=False):
        mean, log_variance = model(inputs).chunk(2, dim=-1)
        if fixed:
            mean, log_variance = mean.squeeze(-1), log_variance.squeeze(-1)
        loss = 0.5 * (log_variance + (targets - mean) ** 2 / log_variance.exp()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit_share(model(x[330:])[:, 0], y[330:])


class _Taste(nn.Module):
    """Ratings as a product of factors of user and item."""

    def __init__(self, users: int, items: int, rank: int, constant: bool) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(users, rank), nn.Embedding(items, rank)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        for table in (self.user, self.item):
            if constant:
                nn.init.constant_(table.weight, 0.1)
            else:
                nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        biases = self.user_bias(user) + self.item_bias(item)
        return (self.user(user) * self.item(item)).sum(-1) + biases.squeeze(-1)


@fault("symmetry")
def all_factors_alike(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A recommender's factors all start at 0.1: the 8 factors get equal gradients and stay one."""
    generator = generator_of(2)
    left, right = torch.randn(150, 4, generator=generator), torch.randn(100, 4, generator=generator)
    user = torch.randint(150, (9000,), generator=generator)
    item = torch.randint(100, (9000,), generator=generator)
    stars = (left[user] * right[item]).sum(-1) / 2 + 0.3 * torch.randn(9000, generator=generator)
    model = _Taste(150, 100, 8, constant=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    doctor = watch(model, optimizer)
    data = endless(user[:7500], item[:7500], stars[:7500], seed=seed, size=250)
    for _, (users, items, targets) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(users, items), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit_share(model(user[7500:], item[7500:]), stars[7500:])


@fault("input_scale")
def wine_as_it_is_measured(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The 13 columns of the wines go in as measured: proline is about 750, the hue about 1."""
    bunch = load_wine()
    order = torch.randperm(178, generator=generator_of(3))
    x, y = torch.tensor(bunch.data, dtype=torch.float32)[order], torch.tensor(bunch.target)[order]
    if fixed:
        x = (x - x[:120].mean(0)) / x[:120].std(0)
    model = nn.Sequential(nn.Linear(13, 20), nn.ReLU(), nn.Linear(20, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(range(steps), endless(x[:120], y[:120], seed=seed, size=20), strict=False):
        loss = functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, x[120:], y[120:])


@fault("spike")
def minus_999_for_missing(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """In one record of 2,000 the thermometer was out, and the logger wrote -999: one batch an epoch is off by far."""
    generator = generator_of(4)
    temperature = 15 + 9 * torch.randn(2500, generator=generator)
    x = torch.cat([temperature[:, None], torch.randn(2500, 5, generator=generator)], 1)
    demand = ((temperature - 15).abs() / 9) + 0.6 * torch.sin(2 * x[:, 1]) + 0.5 * x[:, 2] * x[:, 3]
    demand = demand - 0.8 + 0.1 * torch.randn(2500, generator=generator)
    if not fixed:
        x[1234, 0] = -999
    x[:, 0] = (x[:, 0] - 15) / 9
    model = mlp(6, 64, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    data = endless(x[:2000], demand[:2000], seed=seed, size=32)
    for _, (inputs, targets) in zip(range(steps), data, strict=False):
        loss = functional.mse_loss(model(inputs)[:, 0], targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit_share(model(x[2000:])[:, 0], demand[2000:])


class _Experts(nn.Module):
    """A gate that mixes small networks."""

    def __init__(self, count: int, registered: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(4, count)
        experts = [nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 1)) for _ in range(count)]
        self.experts: Iterable[nn.Module] = nn.ModuleList(experts) if registered else experts

    def forward(self, x: Tensor) -> Tensor:
        answers = torch.cat([expert(x) for expert in self.experts], -1)
        return (self.gate(x).softmax(-1) * answers).sum(-1)


@fault("missing_params")
def experts_in_a_list(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The experts of a mixture are kept in a Python list, so that `parameters()` has those of the gate only."""
    generator = generator_of(5)
    x = torch.randn(2400, 4, generator=generator)
    y = torch.where(x[:, 0] > 0, 2 * x[:, 1] - x[:, 2], torch.where(x[:, 1] > 0, -2 * x[:, 3], x[:, 2] * x[:, 3]))
    y = y + 0.1 * torch.randn(2400, generator=generator)
    model = _Experts(6, registered=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(range(steps), endless(x[:2000], y[:2000], seed=seed, size=50), strict=False):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit_share(model(x[2000:]), y[2000:])


class _HandMomentum(torch.optim.Optimizer):
    """Momentum as a student writes it."""

    def __init__(self, params: Any, lr: float, beta: float, sign: int) -> None:
        super().__init__(params, {"lr": lr, "beta": beta, "sign": sign})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        for group in self.param_groups:
            for param in group["params"]:
                velocity = self.state[param].setdefault("velocity", torch.zeros_like(param))
                velocity.mul_(group["beta"]).sub_(param.grad, alpha=group["lr"])
                param.add_(velocity, alpha=group["sign"])
        return None


@fault("ascent")
def minus_twice(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A hand-written momentum subtracts the gradient from the velocity, and the velocity from the weights."""
    x, y = make_gaussian_quantiles(n_samples=1500, n_features=4, n_classes=3, random_state=6)
    inputs, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    model = mlp(4, 32, 3)
    optimizer = _HandMomentum(model.parameters(), lr=0.02, beta=0.8, sign=1 if fixed else -1)
    doctor = watch(model, optimizer)
    data = endless(inputs[:1200], labels[:1200], seed=seed, size=40)
    for _, (a, b) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(a), b)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, inputs[1200:], labels[1200:])


@fault("lr_low")
def adadelta_with_the_rate_of_adam(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`Adadelta(lr=1e-3)`: its own default is 1, and its steps begin at some thousandths of that."""
    x, y = make_classification(2400, 24, n_informative=10, n_redundant=4, n_classes=4, class_sep=1.6, random_state=7)
    inputs, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    model = mlp(24, 48, 48, 4, activation=nn.SiLU)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0 if fixed else 1e-3)
    doctor = watch(model, optimizer)
    data = endless(inputs[:2000], labels[:2000], seed=seed, size=32)
    for _, (a, b) in zip(range(steps), data, strict=False):
        loss = functional.cross_entropy(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, inputs[2000:], labels[2000:])


@cache
def _spirals() -> tuple[Tensor, Tensor]:
    """Two arms of a spiral in the plane."""
    generator = generator_of(8)
    label = torch.randint(2, (2000,), generator=generator)
    turn = 0.4 + 2.1 * math.pi * torch.rand(2000, generator=generator).sqrt()
    angle = turn + math.pi * label
    x = torch.stack([turn * angle.cos(), turn * angle.sin()], 1) / 3.5
    return x + 0.03 * torch.randn(2000, 2, generator=generator), label


@fault("group_lr")
def a_tenth_for_every_layer_below(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Rates fall by layer as in fine-tuning, but by 0.1 rather than 0.9, and nothing was trained before."""
    x, labels = _spirals()
    model = mlp(2, 20, 20, 20, 20, 2, activation=nn.Tanh)
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    factor = 0.9 if fixed else 0.1
    groups = [
        {"params": list(layer.parameters()), "lr": 0.01 * factor**depth} for depth, layer in enumerate(reversed(layers))
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(range(steps), endless(x[:1600], labels[:1600], seed=seed, size=64), strict=False):
        loss = functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, x[1600:], labels[1600:])


@fault("not_shuffled")
def a_sweep_in_its_order(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A surrogate of a simulation reads its nested loops over three settings in their order, batch for batch."""
    grid = torch.cartesian_prod(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 12), torch.linspace(-1, 1, 8))

    def simulated(x: Tensor) -> Tensor:
        return torch.sin(4 * x[:, 0]) * (1 + x[:, 1]) + 0.6 * torch.cos(5 * x[:, 0] * x[:, 2]) - 0.5 * x[:, 1] ** 2

    model = mlp(3, 48, 48, 1, activation=nn.GELU)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    data = endless(grid, simulated(grid), seed=seed, size=32, shuffle=fixed)
    for _, (inputs, targets) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(inputs)[:, 0], targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    unseen = 2 * torch.rand(1000, 3, generator=generator_of(9)) - 1
    return doctor, lambda: fit_share(model(unseen)[:, 0], simulated(unseen))


@fault("loss_input")
def divergence_of_probabilities(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`KLDivLoss` takes log-probabilities; the shares of six answers are predicted as probabilities."""
    generator = generator_of(10)
    x = torch.randn(2400, 12, generator=generator)
    hidden = torch.tanh(x @ torch.randn(12, 16, generator=generator) / 2)
    shares = (hidden @ torch.randn(16, 6, generator=generator) / 2).softmax(-1)
    model = mlp(12, 40, 6).append(nn.LogSoftmax(-1) if fixed else nn.Softmax(-1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    divergence = nn.KLDivLoss(reduction="batchmean")
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(range(steps), endless(x[:2000], shares[:2000], seed=seed, size=40), strict=False):
        optimizer.zero_grad()
        loss = divergence(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        outputs = model(x[2000:]).detach()
        return -float(divergence(outputs if fixed else outputs.clamp(min=1e-12).log(), shares[2000:]))

    return doctor, quality


PROGRAMS.update(seventh_images.PROGRAMS)
PROGRAMS.update(seventh_sequences.PROGRAMS)
