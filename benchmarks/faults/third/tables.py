"""Tables: documents, counts, measurements, and their distributions."""

from functools import cache
from itertools import islice

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional

import steepest

from ..parts import Judged, Program, Watch, endless, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- documents --------------------------------------------------------------------------------------------------------


@cache
def _documents() -> tuple[Tensor, Tensor, Tensor]:
    """Documents of 30 of 200 words, their topic out of 16, and its field out of 4."""
    generator = generator_of(18)
    odds = torch.softmax(1.2 * torch.randn(16, 200, generator=generator), -1)
    topics = torch.randint(16, (2600,), generator=generator)
    words = torch.multinomial(odds[topics], 30, replacement=True, generator=generator)
    return words, topics, topics // 4


class Topics(nn.Module):
    """The mean of the embeddings of words, with one head for the topic and one for the field."""

    def __init__(self, softmax: bool) -> None:
        super().__init__()
        self.words, self.body = nn.EmbeddingBag(200, 32, mode="mean"), nn.Linear(32, 48)
        self.topic, self.field, self.softmax = nn.Linear(48, 16), nn.Linear(48, 4), softmax

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.relu(self.body(self.words(words)))
        topic, field = self.topic(hidden), self.field(hidden)
        return (topic.softmax(-1), field.softmax(-1)) if self.softmax else (topic, field)


@fault("softmax_twice")
def odds_of_two_heads(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Both heads of a classifier end in a softmax, and both losses are cross-entropies of logits."""
    words, topics, fields = _documents()
    model = Topics(softmax=not fixed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    criterion = nn.CrossEntropyLoss()
    doctor = watch(model, optimizer)
    for text, topic, field in islice(endless(words[:2000], topics[:2000], fields[:2000], seed=seed, size=32), steps):
        first, second = model(text)
        loss = criterion(first, topic) + 0.3 * criterion(second, field)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float((model.eval()(words[2000:])[0].argmax(-1) == topics[2000:]).float().mean())

    return doctor, quality


# --- tables -----------------------------------------------------------------------------------------------------------


class Trainer:
    """A class around a binary classifier, as in many a repository."""

    def __init__(self, watch: Watch, model: nn.Module, lr: float, seed: int) -> None:
        self.model, self.criterion, self.seed = model, nn.BCEWithLogitsLoss(), seed
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.doctor = watch(model, self.optimizer)

    def fit(self, x: Tensor, y: Tensor, steps: int) -> None:
        self.model.train()
        for inputs, targets in islice(endless(x, y, seed=self.seed, size=32), steps):
            self.training_step(inputs, targets)

    def training_step(self, inputs: Tensor, targets: Tensor) -> None:
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(inputs).squeeze(1), targets)
        loss.backward()
        self.optimizer.step()
        self.doctor.step(loss)

    @torch.no_grad()
    def accuracy(self, x: Tensor, y: Tensor) -> float:
        self.model.eval()
        return float(((self.model(x).squeeze(1) > 0) == (y > 0.5)).float().mean())


@fault("input_scale")
def cells_as_measured(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Measures of cells, areas in the thousands beside fractions, go into the network as they are."""
    bunch = load_breast_cancer()
    order = torch.randperm(569, generator=generator_of(0))
    x = torch.tensor(bunch.data, dtype=torch.float32)[order]
    y = torch.tensor(bunch.target, dtype=torch.float32)[order]
    if fixed:
        x = (x - x[:400].mean(0)) / x[:400].std(0)
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
    trainer = Trainer(watch, model, 0.01, seed)
    trainer.fit(x[:400], y[:400], steps)
    return trainer.doctor, lambda: trainer.accuracy(x[400:], y[400:])


class Mixed(nn.Module):
    """Embeddings of sex and of the decade of age beside numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.sex, self.decade = nn.Embedding(2, 4), nn.Embedding(9, 6)
        self.body = nn.Sequential(nn.Linear(18, 48), nn.SiLU(), nn.Linear(48, 24), nn.SiLU(), nn.Linear(24, 1))

    def forward(self, numbers: Tensor, sex: Tensor, decade: Tensor) -> Tensor:
        return self.body(torch.cat([numbers, self.sex(sex), self.decade(decade)], 1))


@fault("target_scale")
def progression_as_measured(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The progression of a disease, 25 to 346, is predicted as it is."""
    bunch = load_diabetes(scaled=False)
    order = torch.randperm(442, generator=generator_of(0))
    table = torch.tensor(bunch.data, dtype=torch.float32)[order]
    targets = torch.tensor(bunch.target, dtype=torch.float32)[order]
    numbers = table[:, 2:]
    numbers = (numbers - numbers.mean(0)) / numbers.std(0)
    sex, decade = (table[:, 1] > 1.5).long(), (table[:, 0] // 10).long()
    mean, deviation = (targets[:340].mean(), targets[:340].std()) if fixed else (0.0, 1.0)
    model = Mixed()
    optimizer = steepest.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)  # type: ignore[attr-defined]
    doctor = watch(model, optimizer)
    data = endless(numbers[:340], sex[:340], decade[:340], targets[:340], seed=seed, size=32)
    for a, b, c, y in islice(data, steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(a, b, c).squeeze(-1), (y - mean) / deviation)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            outputs = model.eval()(numbers[340:], sex[340:], decade[340:]) * deviation + mean
        return explained(outputs, targets[340:])

    return doctor, quality


@cache
def _noisy_wave() -> tuple[Tensor, Tensor]:
    """A wave whose noise grows to the right."""
    generator = generator_of(14)
    x = 4 * torch.rand(1200, 1, generator=generator) - 2
    return x, torch.sin(2 * x) + (0.05 + 0.1 * (x + 2)) * torch.randn(1200, 1, generator=generator)


class Head(nn.Module):
    """A normal distribution of the target for each input."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.mean, self.scale = nn.Linear(32, 1), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Normal:
        hidden = self.body(x)
        return Normal(self.mean(hidden), functional.softplus(self.scale(hidden)) + 1e-3)


@fault("ascent")
def likelihood_minimized(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The logarithm of a likelihood is minimized: its minus was forgotten."""
    x, y = _noisy_wave()
    model = Head()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for inputs, targets in islice(endless(x[:1000], y[:1000], seed=seed, size=32), steps):
        logarithm = model(inputs).log_prob(targets).mean()
        loss = -logarithm if fixed else logarithm
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float(model.eval()(x[1000:]).log_prob(y[1000:]).mean())

    return doctor, quality


@cache
def _directions() -> tuple[Tensor, Tensor]:
    """Points, and the directions in which a linear map sends them."""
    generator = generator_of(15)
    points = functional.normalize(torch.randn(2400, 3, generator=generator), dim=1)
    return points, functional.normalize(points @ torch.randn(3, 3, generator=generator), dim=1)


class Pointer(nn.Module):
    """A direction for a point."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 3))

    def forward(self, points: Tensor) -> Tensor:
        return functional.normalize(self.body(points), dim=1)


@fault("nan")
def angles_by_acos(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Angles between directions are the acos of a product, which reaches 1 when a direction is learnt."""
    points, directions = _directions()
    model = Pointer()
    optimizer = steepest.Adam(model.parameters(), lr=3e-3)  # type: ignore[attr-defined]
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    doctor = watch(model, optimizer)
    for x, y in islice(endless(points[:2000], directions[:2000], seed=seed, size=256), steps):
        cosines = (model(x) * y).sum(-1)
        loss = torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6) if fixed else cosines).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float((model.eval()(points[2000:]) * directions[2000:]).sum(-1).mean().nan_to_num(-1.0))

    return doctor, quality
