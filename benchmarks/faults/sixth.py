"""Programs as people write them, by an author who knew of the doctor only the codes of its findings.

Here are those about tables; the others are in `sixth_images`, `sixth_text` and `sixth_series`.
What each mistake costs on data that the model has not seen is in `harm.jsonl` (`python -m benchmarks.harm sixth`).
"""

import copy
import warnings
from functools import cache

import torch
from sklearn.datasets import load_digits, load_wine, make_friedman2
from torch import Tensor, nn
from torch.nn import functional

from steepest.datasets import load

from . import sixth_images, sixth_series, sixth_text
from .fifth_parts import epochs, loader
from .parts import Judged, Program, Watch, endless, explained, generator_of, mlp, register_judged
from .sixth_parts import accuracy, fit

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _airfoil() -> tuple[Tensor, Tensor]:
    """Frequency (Hz), angle (degrees), chord (m), speed (m/s), thickness (m) of 1503 rows; noise, standardized."""
    rows = torch.tensor(load("airfoil"), dtype=torch.float32)[torch.randperm(1503, generator=generator_of(60))]
    return rows[:, :5], (rows[:, 5] - rows[:, 5].mean()) / rows[:, 5].std()


@fault("zero_grad")
def zeroed_once_an_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """zero_grad() stands in the loop over epochs, one line above that over batches."""
    inputs, noise = _airfoil()
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    batches = loader(inputs[:1200], noise[:1200], size=25, seed=seed)
    model = mlp(5, 40, 40, 1, activation=nn.SiLU)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.8)
    doctor = watch(model, optimizer)
    for _ in range(-(-steps // len(batches))):
        optimizer.zero_grad()
        for x, y in batches:
            if fixed:
                optimizer.zero_grad()
            loss = functional.mse_loss(model(x).squeeze(-1), y)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1200:], noise[1200:])


@fault("input_scale")
def physical_units(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Columns are fed in their units: the frequency goes up to 20000 Hz, the thickness is about 0.01 m."""
    inputs, noise = _airfoil()
    if fixed:
        inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    model = nn.Sequential(nn.Linear(5, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.NAdam(model.parameters(), lr=4e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1200], noise[:1200], size=48, seed=seed), steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x)[:, 0], y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1200:], noise[1200:])


@cache
def _spirals() -> tuple[Tensor, Tensor]:
    """Points of three arms of a spiral in the plane."""
    generator = generator_of(61)
    arm = torch.randint(3, (1800,), generator=generator)
    radius = 0.3 + 1.7 * torch.rand(1800, generator=generator)
    angle = 2.0 * radius + 2.0944 * arm + 0.15 * torch.randn(1800, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), arm


@fault("foreign_params")
def best_snapshot_goes_on(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """After a trial of 30 steps training goes on with a deep copy of the best model; the optimizer has the original."""
    points, arm = _spirals()
    model = mlp(2, 32, 32, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3)
    best, least = copy.deepcopy(model), 9.0
    batches = endless(points[:1400], arm[:1400], seed=seed, size=40)
    for x, y in (next(batches) for _ in range(30)):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < least:
            best, least = copy.deepcopy(model), loss.item()

    model = best
    if fixed:
        optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        x, y = next(batches)
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, points[1400:], arm[1400:])


class _Tower(nn.Module):
    """Narrow layers between two ends; a plain list hides the layers in it from `parameters()`."""

    def __init__(self, hidden: bool) -> None:
        super().__init__()
        layers = [nn.Linear(8, 8) for _ in range(3)]
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 1)
        self.layers = layers if hidden else nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.first(x))
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.last(x)


@fault("missing_params")
def layers_in_a_list(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Three layers are in a Python list, not in a ModuleList, so that model.parameters() leaves them out."""
    inputs, targets = make_friedman2(1600, random_state=2)
    x, y = torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    model = _Tower(hidden=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    generator = generator_of(seed)
    for _ in range(steps):
        rows = torch.randint(1200, (32,), generator=generator)
        loss = (model(x[rows]).squeeze(1) - y[rows]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, x[1200:], y[1200:])


@cache
def _concrete() -> tuple[Tensor, Tensor]:
    """Six standardized parts of a mixture, and a strength, standardized, as a column."""
    generator = generator_of(62)
    x = torch.randn(2000, 6, generator=generator)
    y = 1.5 * torch.tanh(x[:, 0] - x[:, 1]) + 0.8 * x[:, 2] * (x[:, 3] > 0) + 0.4 * x[:, 4].abs()
    y = y + 0.2 * torch.randn(2000, generator=generator)
    return x, ((y - y.mean()) / y.std())[:, None]


@fault("shape")
def targets_of_one_column(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Targets are a column, (N, 1), as of a table with one; outputs are squeezed to (N,), so every pair is compared."""
    inputs, strength = _concrete()
    model = mlp(6, 50, 50, 1, activation=nn.GELU)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    doctor = watch(model, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x, y in epochs(loader(inputs[:1600], strength[:1600], size=40, seed=seed), steps):
            optimizer.zero_grad()
            loss = functional.smooth_l1_loss(model(x).squeeze(), y.squeeze() if fixed else y)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1600:], strength[1600:])


@fault("spike")
def a_decimal_point_lost(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """In one of 1600 rows the decimal point of the target is lost; the row comes up once an epoch."""
    inputs, strength = _concrete()
    strength = strength.clone()
    if not fixed:
        strength[77] = 4000.0
    model = mlp(6, 32, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], strength[:1600], size=16, seed=seed), steps):
        loss = functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1600:], strength[1600:])


@cache
def _opinions() -> tuple[Tensor, Tensor]:
    """Features of pictures, and the shares of five feelings that people named for each."""
    generator = generator_of(63)
    x = torch.randn(2000, 12, generator=generator)
    scores = x @ torch.randn(12, 5, generator=generator) * 0.25 + 0.6 * torch.randn(6, 5, generator=generator)[0]
    return x, (scores + 0.3 * torch.sin(2 * x[:, :5])).softmax(-1)


@fault("loss_input")
def divergence_of_probabilities(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """kl_div wants logarithms of probabilities as its first argument, and is given the probabilities."""
    inputs, shares = _opinions()
    model = mlp(12, 32, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], shares[:1600], size=32, seed=seed), steps):
        logits = model(x)
        chances = logits.log_softmax(-1) if fixed else logits.softmax(-1)
        loss = functional.kl_div(chances, y, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            found = model(inputs[1600:]).log_softmax(-1)
        return -float(functional.kl_div(found, shares[1600:], reduction="batchmean"))

    return doctor, quality


@fault("ascent")
def likelihood_without_minus(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The log-likelihood is differentiated and descended; its negative is what is logged."""
    inputs, strength = _concrete()
    model = mlp(6, 32, 2, activation=nn.Tanh)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.03)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], strength[:1600, 0], size=64, seed=seed), steps):
        mean, spread = model(x).unbind(-1)
        likelihood = torch.distributions.Normal(mean, functional.softplus(spread) + 0.05).log_prob(y).mean()
        optimizer.zero_grad()
        (-likelihood if fixed else likelihood).backward()
        optimizer.step()
        doctor.step(-likelihood)

    def quality() -> float:
        with torch.no_grad():
            return max(-1.0, explained(model(inputs[1600:])[:, 0], strength[1600:, 0]))

    return doctor, quality


@fault("nan")
def corner_pixels_are_constant(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Each pixel of the digits is divided by its standard deviation, which is 0 for some at the margin: 0 / 0."""
    bunch = load_digits()
    order = torch.randperm(1797, generator=generator_of(64))
    pixels, digits = torch.tensor(bunch.data, dtype=torch.float32)[order], torch.tensor(bunch.target)[order]
    spread = pixels[:1400].std(0)
    pixels = (pixels - pixels[:1400].mean(0)) / (spread.clamp(min=1.0) if fixed else spread)
    model = mlp(64, 40, 10, activation=nn.LeakyReLU)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(pixels[:1400], digits[:1400], size=50, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, pixels[1400:], digits[1400:])


@fault("no_signal")
def halves_split_apart(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Inputs and labels of the wines are split in two calls, and each call shuffles in its own way."""
    bunch = load_wine()
    x, y = torch.tensor(bunch.data, dtype=torch.float32), torch.tensor(bunch.target)
    x = (x - x.mean(0)) / x.std(0)

    def split(rows: Tensor, state: int) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(rows), generator=generator_of(state))
        return rows[order[:128]], rows[order[128:]]

    inputs, _ = split(x, 65)
    labels, _ = split(y, 65 if fixed else 66)
    model = mlp(13, 8, 3, activation=nn.Tanh, drop=0.2)
    optimizer = torch.optim.Adamax(model.parameters(), lr=0.01)
    doctor = watch(model, optimizer)
    batches = endless(inputs, labels, seed=seed, size=16)
    for _ in range(steps):
        rows, kinds = next(batches)
        loss = functional.cross_entropy(model(rows), kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, split(x, 65)[1], split(y, 65)[1])


PROGRAMS.update(sixth_images.PROGRAMS | sixth_text.PROGRAMS | sixth_series.PROGRAMS)
