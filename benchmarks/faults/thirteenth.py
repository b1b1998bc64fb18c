"""Programs with the mistakes that are made most often, made in the usual way; kept before the doctor saw them.

Here are those about tables; the others are in `thirteenth_images` and `thirteenth_sequences`.
"""

from functools import cache
from itertools import pairwise

import torch
from sklearn.datasets import make_classification
from torch import Tensor, nn
from torch.nn import functional

from steepest.datasets import load

from . import thirteenth_images, thirteenth_sequences
from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, explained, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _airfoil() -> tuple[Tensor, Tensor]:
    """Five standardized settings of an airfoil, and how loud it is, standardized."""
    table = torch.tensor(load("airfoil"), dtype=torch.float32)
    table = table[torch.randperm(len(table), generator=generator_of(130))]
    table = (table - table.mean(0)) / table.std(0)
    return table[:, :5], table[:, 5]


class _Layers(nn.Module):
    """Any number of hidden layers."""

    def __init__(self, sizes: list[int], registered: bool) -> None:
        super().__init__()
        self.first = nn.Linear(5, sizes[0])
        self.hidden = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        if registered:
            self.hidden = nn.ModuleList(self.hidden)
        self.last = nn.Linear(sizes[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.last(x).squeeze(1)


@fault("missing_params")
def hidden_layers_in_a_list(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The hidden layers are kept in a Python list, not in a ModuleList: `parameters()` does not have them."""
    inputs, loud = _airfoil()
    model = _Layers([32, 32, 32, 32], registered=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1200], loud[:1200], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(inputs[1200:]), loud[1200:])

    return doctor, quality


@cache
def _houses() -> tuple[Tensor, Tensor]:
    """Seven standardized facts about houses, and their prices in dollars."""
    generator = generator_of(131)
    x = torch.randn(2000, 7, generator=generator)
    worth = 12.1 + 0.25 * x[:, 0] + 0.15 * x[:, 1] - 0.1 * x[:, 2] * x[:, 0] + 0.1 * torch.tanh(2 * x[:, 3])
    return x, torch.exp(worth + 0.05 * torch.randn(2000, generator=generator)).round()


@fault("target_scale")
def prices_in_dollars(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """House prices are predicted in dollars, some 200,000 of them; the inputs are standardized, the prices are not."""
    inputs, prices = _houses()
    mean, scale = (prices[:1600].mean(), prices[:1600].std()) if fixed else (0.0, 1.0)
    targets = ((prices - mean) / scale)[:, None]
    model = nn.Sequential(nn.Linear(7, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], targets[:1600], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(inputs[1600:]) * scale + mean, prices[1600:])

    return doctor, quality


@cache
def _concrete() -> tuple[Tensor, Tensor]:
    """Eight standardized parts of a mixture, and how strong it gets, standardized."""
    generator = generator_of(132)
    x = torch.randn(1500, 8, generator=generator)
    y = x[:, 0] - 0.8 * x[:, 3] + 0.7 * torch.tanh(2 * x[:, 7]) + 0.5 * x[:, 0] * x[:, 4] + 0.3 * x[:, 1].abs()
    y = y + 0.2 * torch.randn(1500, generator=generator)
    return x, (y - y.mean()) / y.std()


@fault("dead_units", "lr_high")
def dying_relus(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A deep ReLU network with SGD at a high rate: the first steps turn units off for good, and it predicts the mean.

    The rate is the cause and the dead units what is left of it, and why a smaller rate later does not help: either
    name is true.
    """
    inputs, strength = _concrete()
    model = mlp(8, 64, 64, 64, 64, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02 if fixed else 0.2, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1200], strength[:1200], size=64, seed=seed), steps):
        loss = functional.mse_loss(model(x).squeeze(1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(inputs[1200:]), strength[1200:])

    return doctor, quality


@cache
def _customers() -> tuple[Tensor, Tensor]:
    """16 measurements of 2400 customers, and which of four kinds each is."""
    x, y = make_classification(2400, 16, n_informative=8, n_classes=4, class_sep=1.5, random_state=133)
    x = torch.tensor(x, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(y)


@fault("foreign_params")
def the_teachers_optimizer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A small student learns from a trained teacher, but the line of the optimizer was copied: it has the teacher."""
    inputs, kinds = _customers()
    teacher, student = mlp(16, 128, 128, 4), mlp(16, 24, 4)
    optimizer = torch.optim.Adam(teacher.parameters(), lr=2e-3)
    for x, y in epochs(loader(inputs[:1800], kinds[:1800], size=64, seed=seed), steps // 2):
        optimizer.zero_grad()
        functional.cross_entropy(teacher(x), y).backward()
        optimizer.step()

    teacher.eval()
    optimizer = torch.optim.Adam((student if fixed else teacher).parameters(), lr=3e-3)
    doctor = watch(student, optimizer)
    for x, y in epochs(loader(inputs[:1800], kinds[:1800], size=64, seed=seed + 1), steps):
        with torch.no_grad():
            soft = torch.softmax(teacher(x) / 2, 1)
        outputs = student(x)
        distilled = functional.kl_div(functional.log_softmax(outputs / 2, 1), soft, reduction="batchmean")
        loss = functional.cross_entropy(outputs, y) + 4 * distilled
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(student(inputs[1800:]), kinds[1800:])

    return doctor, quality


class _Recommender(nn.Module):
    """A user's and a film's vector, and layers on both."""

    def __init__(self, squash: bool) -> None:
        super().__init__()
        self.users, self.films = nn.Embedding(80, 12), nn.Embedding(60, 12)
        self.layers = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 1))
        self.squash = squash

    def forward(self, pairs: Tensor) -> Tensor:
        users, films = self.users(pairs[:, 0]), self.films(pairs[:, 1])
        rating = self.layers(torch.cat([users, films], 1)).squeeze(1)
        return torch.sigmoid(rating) if self.squash else rating


@cache
def _ratings() -> tuple[Tensor, Tensor]:
    """Pairs of users and films in random order, and one to five stars."""
    generator = generator_of(134)
    users, films = torch.randn(80, 3, generator=generator), torch.randn(60, 3, generator=generator)
    liked = 3.3 + 0.5 * (users @ films.T) + 0.5 * films[:, 0] + 0.5 * users[:, :1]
    stars = (liked + 0.3 * torch.randn(80, 60, generator=generator)).round().clamp(1, 5)
    order = torch.randperm(4800, generator=generator)
    pairs = torch.cartesian_prod(torch.arange(80), torch.arange(60))
    return pairs[order], stars.flatten()[order]


@fault("output_range")
def stars_from_a_sigmoid(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Ratings of one to five stars are to be learned by a model that ends in a sigmoid."""
    pairs, stars = _ratings()
    model = _Recommender(squash=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    doctor = watch(model, optimizer)
    for chosen, y in epochs(loader(pairs[:4000], stars[:4000], size=64, seed=seed), steps):
        loss = functional.mse_loss(model(chosen), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(pairs[4000:]), stars[4000:])

    return doctor, quality


PROGRAMS.update(thirteenth_images.PROGRAMS | thirteenth_sequences.PROGRAMS)
