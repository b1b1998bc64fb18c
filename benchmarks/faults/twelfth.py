"""20 more programs of usual mistakes, written blindly, each in the way in which it is made most often.

Here are those about tables; the others are in `twelfth_images` and `twelfth_sequences`.
"""

from functools import cache

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from torch import Tensor, nn
from torch.nn import functional

from steepest.datasets import load

from . import twelfth_images, twelfth_sequences
from .fifth_parts import epochs, loader
from .parts import Judged, Program, Watch, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _airfoil() -> tuple[Tensor, Tensor]:
    """Five standardized measurements of an airfoil, and its noise, standardized."""
    table = torch.tensor(load("airfoil"), dtype=torch.float32)
    table = table[torch.randperm(len(table), generator=generator_of(120))]
    table = (table - table.mean(0)) / table.std(0)
    return table[:, :5], table[:, 5]


@fault("symmetry")
def every_weight_a_tenth(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`model.apply(init_weights)` gives every weight the same constant; repaired it draws them (Xavier)."""
    inputs, noise = _airfoil()

    def init_weights(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            if fixed:
                nn.init.xavier_uniform_(module.weight)
            else:
                nn.init.constant_(module.weight, 0.1)
            nn.init.zeros_(module.bias)

    model = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    model.apply(init_weights)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1200], noise[:1200], size=64, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(inputs[1200:]), noise[1200:])

    return doctor, quality


@cache
def _sensors() -> tuple[Tensor, Tensor]:
    """Twelve readings of a plant and its output, standardized."""
    generator = generator_of(121)
    x = torch.randn(6000, 12, generator=generator)
    y = torch.sin(1.5 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.7 * (x[:, 3] - x[:, 4]).abs() - 0.5 * x[:, 5]
    y = y + 0.2 * torch.randn(6000, generator=generator)
    return x, (y - y.mean()) / y.std()


@fault("spike")
def a_decimal_point_is_lost(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """In one row of the training data the target was typed without its decimal point; repaired the row is left out."""
    readings, output = _sensors()
    train_x, train_y = readings[:5000], output[:5000].clone()
    train_y[1234] = -7460.0
    if fixed:
        kept = train_y.abs() < 10
        train_x, train_y = train_x[kept], train_y[kept]
    model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(train_x, train_y, size=50, seed=seed), steps):
        loss = functional.mse_loss(model(x).squeeze(-1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(readings[5000:]), output[5000:])

    return doctor, quality


@cache
def _board() -> tuple[Tensor, Tensor]:
    """Points of a square, and the colour of the chessboard's field of 5 by 5 in which each lies."""
    points = 2 * torch.rand(4000, 2, generator=generator_of(122)) - 1
    fields = ((points + 1) * 2.5).long()
    return points * 1.7, fields.sum(1) % 2


class _Stack(nn.Module):
    """Hidden layers in a list, and an output layer."""

    def __init__(self, registered: bool) -> None:
        super().__init__()
        layers = [nn.Linear(2, 64), nn.Linear(64, 64), nn.Linear(64, 64)]
        self.layers = nn.ModuleList(layers) if registered else layers
        self.out = nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.out(x)


@fault("missing_params")
def layers_in_a_plain_list(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The hidden layers stand in a Python list, so that `model.parameters()` lacks them; repaired in a ModuleList."""
    points, colours = _board()
    model = _Stack(registered=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(points[:3000], colours[:3000], size=100, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float((model(points[3000:]).argmax(1) == colours[3000:]).float().mean())

    return doctor, quality


@fault("target_scale")
def disease_scores_as_they_are(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A score from 25 to 346 is predicted as it is, with Adam's 1e-3: outputs creep; repaired, standardized."""
    bunch = load_diabetes(scaled=False)
    order = torch.randperm(442, generator=generator_of(123))
    x, y = torch.tensor(bunch.data).float()[order], torch.tensor(bunch.target).float()[order]
    x = (x - x[:340].mean(0)) / x[:340].std(0)
    shift, scale = (y[:340].mean(), y[:340].std()) if fixed else (torch.tensor(0.0), torch.tensor(1.0))
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    doctor = watch(model, optimizer)
    for inputs, targets in epochs(loader(x[:340], (y[:340] - shift) / scale, size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = nn.MSELoss()(model(inputs), targets.unsqueeze(1))
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(x[340:]) * scale + shift, y[340:])

    return doctor, quality


@fault("weight_decay")
def autoencoder_with_much_decay(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Adam(weight_decay=0.1) against overfitting: the autoencoder gives little but means; repaired 1e-5."""
    bunch = load_breast_cancer()
    cells = torch.tensor(bunch.data, dtype=torch.float32)[torch.randperm(569, generator=generator_of(124))]
    cells = (cells - cells.mean(0)) / cells.std(0)
    encoder = nn.Sequential(nn.Linear(30, 20), nn.ELU(), nn.Linear(20, 6))
    decoder = nn.Sequential(nn.Linear(6, 20), nn.ELU(), nn.Linear(20, 30))
    model = nn.Sequential(encoder, decoder)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-5 if fixed else 0.1)
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(cells[:450], size=32, seed=seed), steps):
        loss = functional.mse_loss(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(cells[450:]), cells[450:].flatten())

    return doctor, quality


@cache
def _languages() -> tuple[Tensor, Tensor]:
    """Vectors of 3000 words in one language and, bent and turned, in another."""
    generator = generator_of(125)
    words = torch.randn(3000, 24, generator=generator)
    turn = torch.randn(24, 16, generator=generator) / 24**0.5
    bend = torch.randn(24, 16, generator=generator) / 24**0.5
    other = words @ turn + 0.6 * torch.tanh(2 * words @ bend) + 0.1 * torch.randn(3000, 16, generator=generator)
    return words, other


@fault("ascent")
def likeness_as_loss(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The mean cosine similarity itself is minimised: vectors turn away from their partners; repaired 1 - cosine."""
    words, other = _languages()
    model = nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 16))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:2500], other[:2500], size=64, seed=seed), steps):
        optimizer.zero_grad()
        likeness = functional.cosine_similarity(model(x), y).mean()
        loss = 1 - likeness if fixed else likeness
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float(functional.cosine_similarity(model(words[2500:]), other[2500:]).mean())

    return doctor, quality


for _module in (twelfth_images, twelfth_sequences):
    PROGRAMS.update(_module.PROGRAMS)
