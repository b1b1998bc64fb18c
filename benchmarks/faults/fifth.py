"""More programs as people write them, of other models and data than those of `fourth`; kept before the doctor saw them.

Here are those about tables, graphs, sets and pairs; the others are in `fifth_images`, `fifth_text` and `fifth_series`.
"""

import math
from functools import cache
from typing import Any

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional

from . import fifth_images, fifth_series, fifth_text
from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- tables -----------------------------------------------------------------------------------------------------------


@cache
def _tumours() -> tuple[Tensor, Tensor]:
    """30 standardized measurements of 569 tumours, and whether each is benign."""
    bunch = load_breast_cancer()
    order = torch.randperm(569, generator=generator_of(30))
    inputs = torch.tensor(bunch.data, dtype=torch.float32)[order]
    return (inputs - inputs.mean(0)) / inputs.std(0), torch.tensor(bunch.target, dtype=torch.float32)[order]


@fault("foreign_params")
def one_optimizer_for_all_folds(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """In cross-validation each fold has a model of its own, but the optimizer was made once, for the first fold's."""
    inputs, targets = _tumours()
    folds = torch.arange(569) % 4

    def fit(model: nn.Module, optimizer: torch.optim.Optimizer, fold: int, steps: int, doctor: Any = None) -> None:
        batches = loader(inputs[folds != fold], targets[folds != fold], size=32, seed=seed + fold)
        for x, y in epochs(batches, steps):
            model.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(model(x)[:, 0], y)
            loss.backward()
            optimizer.step()
            if doctor is not None:
                doctor.step(loss)

    model = mlp(30, 24, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    fit(model, optimizer, 0, steps // 4)
    model = mlp(30, 24, 1)
    if fixed:
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    fit(model, optimizer, 1, steps, doctor)

    def quality() -> float:
        with torch.no_grad():
            return float(((model(inputs[folds == 1])[:, 0] > 0) == targets[folds == 1].bool()).float().mean())

    return doctor, quality


@cache
def _rentals() -> tuple[Tensor, Tensor]:
    """Hour (as a point on a circle), temperature, wind and holiday; bicycles rented, as a standardized logarithm."""
    generator = generator_of(31)
    hour = 24 * torch.rand(2500, generator=generator)
    temperature, wind = torch.randn(2, 2500, generator=generator)
    holiday = (torch.rand(2500, generator=generator) < 0.3).float()
    rush = torch.exp(-(((hour - 8) / 1.5) ** 2)) + torch.exp(-(((hour - 18) / 2) ** 2))
    rented = (1 - holiday) * 1.5 * rush + holiday * torch.exp(-(((hour - 14) / 4) ** 2))
    rented = rented + 0.5 * temperature - 0.2 * temperature**2 - 0.3 * wind.relu()
    rented = rented + 0.15 * torch.randn(2500, generator=generator)
    angle = math.tau * hour / 24
    inputs = torch.stack([1.4 * angle.sin(), 1.4 * angle.cos(), temperature, wind, 2 * holiday - 0.6], 1)
    return inputs, (rented - rented.mean()) / rented.std()


@fault("shape")
def log_cosh_of_a_column_and_a_row(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A hand-written log-cosh loss subtracts targets of shape (N,) from outputs of shape (N, 1): N by N differences."""
    inputs, rented = _rentals()
    model = mlp(5, 48, 24, 1, activation=nn.ELU)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.03)

    def log_cosh(outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.log(torch.cosh(outputs - targets)).mean()

    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        rows = torch.randint(2000, (40,), generator=generator)
        outputs = model(inputs[rows])
        loss = log_cosh(outputs.squeeze(1) if fixed else outputs, rented[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(functional.mse_loss(model(inputs[2000:])[:, 0], rented[2000:]))

    return doctor, quality


@cache
def _weather() -> tuple[Tensor, Tensor]:
    """Eight standardized measurements, and the next day's temperature (C), pressure (Pa) and humidity (a fraction)."""
    generator = generator_of(32)
    x = torch.randn(2400, 8, generator=generator)
    noise = 0.2 * torch.randn(3, 2400, generator=generator)
    warm = torch.tanh(x[:, 0] + 0.5 * x[:, 1]) + 0.4 * x[:, 2] + noise[0]
    high = 0.7 * x[:, 3] - 0.5 * x[:, 4] * (x[:, 5] > 0) + noise[1]
    damp = torch.sigmoid(x[:, 6] - 0.8 * x[:, 0] + x[:, 7].abs() + noise[2])
    return x, torch.stack([14 + 8 * warm, 101325 + 700 * high, damp], 1)


@fault("target_scale")
def degrees_pascals_and_fractions(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """One network predicts temperature, pressure and humidity in their units: the loss is that of 101325 pascals."""
    inputs, targets = _weather()
    middle, spread = targets[:2000].mean(0), targets[:2000].std(0)
    if not fixed:
        middle, spread = torch.zeros(3), torch.ones(3)
    model = mlp(8, 64, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:2000], (targets[:2000] - middle) / spread, size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            misses = model(inputs[2000:]) * spread + middle - targets[2000:]
        return -float((misses.square().mean(0) / targets[2000:].var(0)).mean())

    return doctor, quality


# --- graphs, experts, bags --------------------------------------------------------------------------------------------


@cache
def _papers() -> tuple[Tensor, Tensor, Tensor]:
    """600 papers of 5 fields: which cite each other (normalized), which of 150 words they contain, and their fields."""
    generator = generator_of(33)
    fields = torch.randint(5, (600,), generator=generator)
    odds = torch.where(fields[:, None] == fields, 0.03, 0.006)
    links = (torch.rand(600, 600, generator=generator) < odds).float().triu(1)
    links = links + links.T + torch.eye(600)
    scale = links.sum(1).rsqrt()
    topics = (torch.rand(5, 150, generator=generator) < 0.1).float()
    words = torch.bernoulli(0.05 + 0.2 * topics[fields], generator=generator)
    return scale[:, None] * links * scale, (words - words.mean(0)) / words.std(0), fields


class Passing(nn.Module):
    """A layer of a graph network: a linear map of the mean over neighbours."""

    def __init__(self, inputs: int, outputs: int, registered: bool) -> None:
        super().__init__()
        weight = torch.randn(inputs, outputs) / inputs**0.5
        self.weight = nn.Parameter(weight) if registered else weight.requires_grad_()

    def forward(self, links: Tensor, nodes: Tensor) -> Tensor:
        return links @ (nodes @ self.weight)


class Citations(nn.Module):
    """Two layers of a graph network and a classifier."""

    def __init__(self, registered: bool) -> None:
        super().__init__()
        self.first, self.second = Passing(150, 12, registered), Passing(12, 12, registered)
        self.drop, self.fields = nn.Dropout(0.2), nn.Linear(12, 5)

    def forward(self, links: Tensor, words: Tensor) -> Tensor:
        hidden = torch.relu(self.first(links, self.drop(words)))
        return self.fields(torch.relu(self.second(links, hidden)))


@fault("missing_params")
def weights_that_are_plain_tensors(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The weights of a home-made graph layer are tensors with requires_grad, no Parameters: nothing trains them."""
    links, words, fields = _papers()
    model = Citations(registered=fixed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    known = torch.randperm(600, generator=generator_of(seed))[:300]
    doctor = watch(model, optimizer)
    for _ in range(steps // 2):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(links, words)[known], fields[known])
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        model.eval()
        unknown = torch.ones(600, dtype=torch.bool).index_fill(0, known, False)
        with torch.no_grad():
            return right(model(links, words)[unknown], fields[unknown])

    return doctor, quality


@cache
def _regimes() -> tuple[Tensor, Tensor]:
    """A function that is linear in each of four regions."""
    generator = generator_of(34)
    x = torch.randn(2600, 6, generator=generator)
    region = 2 * (x[:, 0] + 0.5 * x[:, 1] > 0).long() + (x[:, 2] > 0).long()
    slopes, levels = torch.randn(4, 6, generator=generator), torch.randn(4, generator=generator)
    y = (x * slopes[region]).sum(1) + levels[region] + 0.1 * torch.randn(2600, generator=generator)
    return x, (y - y.mean()) / y.std()


class Experts(nn.Module):
    """Four linear experts, and a gate that chooses among them or weights them."""

    def __init__(self, hard: bool) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 4))
        self.experts, self.hard = nn.Linear(6, 4), hard

    def forward(self, x: Tensor) -> Tensor:
        scores = self.gate(x)
        chosen = functional.one_hot(scores.argmax(1), 4).float() if self.hard else torch.softmax(scores, 1)
        return (chosen * self.experts(x)).sum(1)


@fault("no_grad")
def gate_by_argmax(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The gate of a mixture of experts takes the argmax of its scores, through which no gradient comes back to it."""
    x, y = _regimes()
    model = Experts(hard=not fixed)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for inputs, targets in epochs(loader(x[:2200], y[:2200], size=50, seed=seed), steps):
        loss = functional.smooth_l1_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(functional.mse_loss(model(x[2200:]), y[2200:]))

    return doctor, quality


@cache
def _bags() -> tuple[Tensor, Tensor]:
    """Bags of 12 points, and whether one of them is of the sought kind."""
    generator = generator_of(35)
    bags = torch.randn(2400, 12, 8, generator=generator)
    sought = torch.rand(2400, generator=generator) < 0.5
    bags[sought, 0] += 2.0 * torch.randn(8, generator=generator).sign()
    return bags[:, torch.randperm(12, generator=generator)], sought.float()


class Attentive(nn.Module):
    """The mean of a bag's points, weighted by attention, classified."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.points = nn.Sequential(nn.Linear(8, 32), nn.Tanh())
        self.scores = nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1))
        self.verdict, self.dim = nn.Linear(32, 1), dim

    def forward(self, bags: Tensor) -> Tensor:
        points = self.points(bags)
        weights = torch.softmax(self.scores(points), dim=self.dim)
        return self.verdict((weights * points).sum(1)).squeeze(1)


@fault("softmax_dim")
def attention_over_the_batch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Attention over a bag's points was written for one bag, softmax(dim=0); in a batch that is over the bags."""
    bags, sought = _bags()
    model = Attentive(1 if fixed else 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    doctor = watch(model, optimizer)
    for bag, target in epochs(loader(bags[:2000], sought[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(model(bag), target)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float(((model(bags[2000:]) > 0) == sought[2000:].bool()).float().mean())

    return doctor, quality


# --- opinions and voices ----------------------------------------------------------------------------------------------


@cache
def _opinions() -> tuple[Tensor, Tensor, Tensor]:
    """Faces as 20 numbers, the shares of 6 emotions that 5 people saw in each, and those that everybody would see."""
    generator = generator_of(36)
    faces = torch.randn(2400, 20, generator=generator)
    one, other = torch.randn(20, 12, generator=generator) / 20**0.5, torch.randn(12, 6, generator=generator)
    everybody = torch.softmax(1.5 * torch.tanh(1.5 * faces @ one) @ other, 1)
    seen = torch.multinomial(everybody, 5, replacement=True, generator=generator)
    return faces, functional.one_hot(seen, 6).float().mean(1), everybody


@fault("loss_input")
def divergence_of_probabilities(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """kl_div, whose first argument has to be a logarithm, is given probabilities, as its formula is written."""
    faces, shares, everybody = _opinions()
    model = mlp(20, 64, 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for face, share in epochs(loader(faces[:2000], shares[:2000], size=40, seed=seed), steps):
        given = functional.log_softmax(model(face), 1) if fixed else functional.softmax(model(face), 1)
        loss = functional.kl_div(given, share, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            guesses = functional.log_softmax(model(faces[2000:]), 1)
        return -float(functional.kl_div(guesses, everybody[2000:], reduction="batchmean"))

    return doctor, quality


@cache
def _voices() -> tuple[Tensor, Tensor]:
    """Recordings as 30 numbers, and which of 16 people speaks."""
    generator = generator_of(37)
    speakers = torch.randint(16, (2000,), generator=generator)
    voices = torch.randn(16, 10, generator=generator)[speakers] + 0.4 * torch.randn(2000, 10, generator=generator)
    recordings = torch.tanh(voices @ torch.randn(10, 30, generator=generator) / 3)
    return recordings + 0.2 * torch.randn(2000, 30, generator=generator), speakers


@fault("nan")
def distance_of_a_voice_to_itself(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A triplet loss takes the square root of all squared distances: that of a row to itself has an infinite slope."""
    recordings, speakers = _voices()
    model = mlp(30, 64, 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def triplets(codes: Tensor, labels: Tensor) -> Tensor:
        squared = (codes[:, None] - codes).square().sum(-1)
        distances = (squared.clamp(min=1e-12) if fixed else squared).sqrt()
        same = labels[:, None] == labels
        farthest = (distances * same).amax(1)
        nearest = (distances + 1e3 * same).amin(1)
        return functional.softplus(farthest - nearest).mean()

    doctor = watch(model, optimizer)
    for batch, labels in epochs(loader(recordings[:1600], speakers[:1600], size=64, seed=seed), steps):
        optimizer.zero_grad()
        loss = triplets(model(batch), labels)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            known, new = model(recordings[:1600]), model(recordings[1600:])
        centres = torch.stack([known[speakers[:1600] == speaker].mean(0) for speaker in range(16)])
        return right(-torch.cdist(new, centres), speakers[1600:])

    return doctor, quality


PROGRAMS.update(fifth_images.PROGRAMS | fifth_text.PROGRAMS | fifth_series.PROGRAMS)
