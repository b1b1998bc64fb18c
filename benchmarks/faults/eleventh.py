"""Programs of an author who knew only the names of the mistakes, drawn by chance; kept before the doctor saw them.

Here are those about tables and curves; the others are in `eleventh_images` and `eleventh_sequences`. What each mistake
costs on unseen data is in `harm.jsonl`.
"""

import math
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from . import eleventh_images, eleventh_sequences
from .fifth_parts import epochs, loader
from .parts import Judged, Program, Watch, explained, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _pendulum() -> tuple[Tensor, Tensor]:
    """Cosine, sine and speed of a pendulum, and the torque that an expert gives: at most 2 N m either way."""
    generator = generator_of(1101)
    angle = math.pi * (2 * torch.rand(3000, generator=generator) - 1)
    speed = 3 * torch.randn(3000, generator=generator)
    upwards = 5 * (0.5 * speed.square() + 10 * angle.cos() - 10)
    torque = torch.where(angle.abs() < 0.6, -8 * angle - 2 * speed, -upwards * speed.sign())
    return torch.stack([angle.cos(), angle.sin(), speed / 3], 1), torque.clamp(-2, 2)


@fault("output_range")
def a_policy_without_the_scale_of_its_actions(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Behavioural cloning: the actor ends in tanh, the expert's torques go to 2 and nothing multiplies by it."""
    states, torques = _pendulum()

    class Actor(nn.Module):
        def __init__(self, limit: float = 1.0) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
            self.action, self.limit = nn.Linear(64, 1), limit

        def forward(self, state: Tensor) -> Tensor:
            return self.limit * torch.tanh(self.action(self.body(state)))

    actor = Actor(limit=2.0) if fixed else Actor()
    optimizer = torch.optim.Adam(actor.parameters(), lr=3e-3)
    doctor = watch(actor, optimizer)
    generator = generator_of(seed)
    for _ in range(steps):
        batch = torch.randint(0, 2400, (64,), generator=generator)
        loss = functional.mse_loss(actor(states[batch]).squeeze(-1), torques[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(actor(states[2400:]), torques[2400:])

    return doctor, quality


@cache
def _claims() -> tuple[Tensor, Tensor]:
    """Six standardized facts about drivers, and how many claims each made in a year."""
    generator = generator_of(1102)
    x = torch.randn(3000, 6, generator=generator)
    rate = torch.exp(0.2 + 0.7 * x[:, 0] - 0.6 * x[:, 1] * (x[:, 2] > 0) + 0.4 * torch.sin(2 * x[:, 3]))
    return x, torch.poisson(rate, generator=generator)


@fault("shape")
def claims_of_each_driver_for_all(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """PoissonNLLLoss takes logarithms of rates of shape (N, 1) and counts of shape (N,): every rate for every count."""
    x, counts = _claims()
    net = nn.Sequential(nn.Linear(6, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))
    optimizer = torch.optim.NAdam(net.parameters(), lr=2e-3)
    criterion = nn.PoissonNLLLoss(log_input=True)
    doctor = watch(net, optimizer)
    for drivers, claims in epochs(loader(x[:2400], counts[:2400], size=50, seed=seed), steps):
        optimizer.zero_grad()
        rates = net(drivers)
        if fixed:
            rates = rates.squeeze(1)
        loss = criterion(rates, claims)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(criterion(net(x[2400:]).squeeze(1), counts[2400:]))

    return doctor, quality


@cache
def _songs() -> tuple[Tensor, Tensor]:
    """Twelve standardized measures of a song's sound, and the year in which it came out."""
    generator = generator_of(1103)
    sound = torch.randn(3000, 12, generator=generator)
    age = sound[:, 0] + 0.8 * sound[:, 1] * sound[:, 2] + torch.sin(sound[:, 3]) - 0.5 * sound[:, 4].abs()
    age = functional.softplus(age + 0.3 * torch.randn(3000, generator=generator))
    return sound, torch.round(2011 - 9 * age)


@fault("target_scale")
def the_year_as_it_is_written(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The year of a song, such as 1998, is the target as it stands in the file."""
    sound, year = _songs()
    mean, std = (year[:2400].mean(), year[:2400].std()) if fixed else (torch.tensor(0.0), torch.tensor(1.0))
    model = mlp(12, 64, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(sound[:2400], (year[:2400] - mean) / std, size=48, seed=seed), steps):
        loss = functional.mse_loss(model(x).flatten(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(sound[2400:]) * std + mean, year[2400:])

    return doctor, quality


@cache
def _inverse() -> tuple[Tensor, Tensor]:
    """Bishop's inverse problem: x = t + 0.3 sin(2 pi t) and noise; several t lead to one x. Both standardized."""
    generator = generator_of(1104)
    t = torch.rand(2400, generator=generator)
    x = t + 0.3 * torch.sin(math.tau * t) + 0.03 * torch.randn(2400, generator=generator)
    return ((x - x.mean()) / x.std())[:, None], (t - t.mean()) / t.std()


@fault("symmetry")
def components_of_a_mixture_start_as_one(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The head of a mixture density network starts at 0 to be neutral: its five components are and stay one."""
    x, t = _inverse()

    class Mixture(nn.Module):
        def __init__(self, components: int = 5) -> None:
            super().__init__()
            self.hidden = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh())
            self.head = nn.Linear(40, 3 * components)
            if not fixed:
                nn.init.zeros_(self.head.weight)
                nn.init.zeros_(self.head.bias)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            shares, means, scales = self.head(self.hidden(x)).chunk(3, -1)
            return shares.log_softmax(-1), means, scales.clamp(-5, 5)

    def nll(outputs: tuple[Tensor, Tensor, Tensor], t: Tensor) -> Tensor:
        shares, means, scales = outputs
        each = -0.5 * ((t[:, None] - means) / scales.exp()) ** 2 - scales - 0.5 * math.log(math.tau)
        return -torch.logsumexp(shares + each, -1).mean()

    model = Mixture()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    doctor = watch(model, optimizer)
    for a, b in epochs(loader(x[:1800], t[:1800], size=60, seed=seed), steps):
        optimizer.zero_grad()
        loss = nll(model(a), b)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(nll(model(x[1800:]), t[1800:]))

    return doctor, quality


@cache
def _meter() -> tuple[Tensor, Tensor]:
    """Hour, temperature and whether someone is in; what a meter of five digits (kWh) shows, from hour to hour."""
    generator = generator_of(1105)
    hour = torch.arange(4001) % 24 * math.tau / 24
    warmth = torch.randn(4001, generator=generator)
    inside = (torch.rand(4001, generator=generator) < 0.6).double()
    used = 1.2 + inside * (0.8 - 0.7 * torch.cos(2 * hour)) + 0.5 * (-warmth).relu() + 0.3 * torch.sin(hour)
    used = (used + 0.15 * torch.randn(4001, generator=generator)).clamp(min=0).double()
    counter = (96000 + used.cumsum(0)) % 100_000
    return torch.stack([hour.sin(), hour.cos(), warmth, 2 * inside.float() - 1], 1)[1:], counter


@fault("spike")
def a_meter_passes_its_last_digit(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """What was used is the difference of two readings; once in 4000 hours the meter goes from 99999 back to 0."""
    x, counter = _meter()
    used = torch.diff(counter)
    if fixed:
        used = used % 100_000
    y = used.float()
    model = mlp(4, 32, 32, 1, activation=nn.Tanh)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    data = DataLoader(TensorDataset(x[:3200], y[:3200]), batch_size=32, shuffle=True, generator=generator_of(seed))
    for features, kwh in epochs(data, steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(features).squeeze(-1), kwh)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(x[3200:]), y[3200:])

    return doctor, quality


PROGRAMS.update(eleventh_images.PROGRAMS | eleventh_sequences.PROGRAMS)
