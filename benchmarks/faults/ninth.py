"""Programs as people write them, drawn by chance from the table of mistakes; kept before the doctor saw them.

Here are those about tables and labels; the others are in `ninth_images` and `ninth_sequences`.
"""

from functools import cache

import torch
from sklearn.datasets import make_friedman2, make_multilabel_classification
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from steepest import datasets

from . import ninth_images, ninth_sequences
from .fifth_parts import epochs, loader
from .parts import Judged, Program, Watch, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _noise() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Airfoils: five standardized settings and the standardized sound level, for training and for testing."""
    table = torch.tensor(datasets.load("airfoil"), dtype=torch.float32)
    table = table[torch.randperm(len(table), generator=generator_of(90))]
    table = (table - table.mean(0)) / table.std(0)
    return table[:1200, :5], table[:1200, 5], table[1200:, :5], table[1200:, 5]


@fault("not_shuffled")
def table_sorted_for_a_plot(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The rows were sorted by the measured level, to plot them, and the loader does not shuffle."""
    inputs, levels, new, new_levels = _noise()
    order = levels.argsort()
    data = TensorDataset(inputs[order], levels[order].unsqueeze(1))
    batches = DataLoader(data, batch_size=24, shuffle=fixed, generator=generator_of(seed))
    model = nn.Sequential(nn.Linear(5, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(batches, steps):
        loss = functional.smooth_l1_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: explained(model(new).detach(), new_levels)


class _Ladder(nn.Module):
    """Linear layers with layer norm and GELU, and a head."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        sizes = [inputs] + [width] * depth
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(before, width), nn.LayerNorm(width), nn.GELU()) for before in sizes[:-1]
        )
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(x).squeeze(-1)


@fault("group_lr")
def layerwise_rates_of_a_tenth(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Each layer's learning rate is to be 0.9 of the next one's; 0.1 was written, and the model is trained from new."""
    inputs, levels, new, new_levels = _noise()
    model = _Ladder(5, 12, 6)
    rate, factor = 4e-3, 0.9 if fixed else 0.1
    groups = [{"params": model.head.parameters(), "lr": rate}]
    for depth, block in enumerate(reversed(model.blocks), start=1):
        groups.append({"params": block.parameters(), "lr": rate * factor**depth})
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-4)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs, levels, size=48, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: explained(model(new).detach(), new_levels)


@cache
def _impedances() -> tuple[Tensor, Tensor]:
    """Friedman's second function, standardized: four quantities of a circuit and its impedance."""
    inputs, targets = make_friedman2(1800, noise=20.0, random_state=3)
    table = torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
    x, y = ((part - part.mean(0)) / part.std(0) for part in table)
    return x, y


@fault("weight_decay")
def penalty_on_the_sum_of_squares(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A hand-written L2 penalty, half the sum of all squared weights, lacks the small factor in front of it."""
    x, y = _impedances()
    model = nn.Sequential(nn.Linear(4, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    strength = 1e-4 if fixed else 1.0
    doctor = watch(model, optimizer)
    for inputs, targets in epochs(loader(x[:1400], y[:1400], size=50, seed=seed), steps):
        error = functional.mse_loss(model(inputs).squeeze(1), targets)
        penalty = sum((p.square().sum() for p in model.parameters()), torch.zeros(()))
        loss = error + strength * penalty / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: explained(model(x[1400:]).detach(), y[1400:])


class _Gaussian(nn.Module):
    """A mean and a standard deviation for every input."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, 48), nn.ELU(), nn.Linear(48, 48), nn.ELU())
        self.mean, self.spread = nn.Linear(48, 1), nn.Linear(48, 1)

    def forward(self, x: Tensor) -> torch.distributions.Normal:
        hidden = self.body(x)
        scale = functional.softplus(self.spread(hidden)) + 0.05
        return torch.distributions.Normal(self.mean(hidden).squeeze(1), scale.squeeze(1))


@fault("ascent")
def log_likelihood_without_minus(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The loss is the mean log-likelihood of the targets, which the optimizer makes small."""
    x, y = _impedances()
    model = _Gaussian(4)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for inputs, targets in epochs(loader(x[:1400], y[:1400], size=64, seed=seed), steps):
        optimizer.zero_grad()
        loss = model(inputs).log_prob(targets).mean()
        if fixed:
            loss = -loss
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: max(-1.0, explained(model(x[1400:]).mean.detach(), y[1400:]))


@cache
def _tags() -> tuple[Tensor, Tensor]:
    """Word counts of 2,000 documents, as standardized square roots, and which of 12 tags each one has."""
    counts, tags = make_multilabel_classification(2000, 60, n_classes=12, n_labels=2, length=80, random_state=4)
    x = torch.tensor(counts, dtype=torch.float32).sqrt()
    return (x - x.mean(0)) / x.std(0), torch.tensor(tags, dtype=torch.float32)


@fault("softmax_twice")
def tags_through_two_sigmoids(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The tagger's forward ends in a sigmoid, so that its outputs can be thresholded, and the loss has another one."""
    x, tags = _tags()

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.out = nn.Linear(60, 96), nn.Linear(96, 12)

        def forward(self, words: Tensor) -> Tensor:
            return torch.sigmoid(self.out(functional.relu(self.hidden(words))))

    model = Tagger()
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)
    criterion = nn.BCELoss() if fixed else nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for words, target in epochs(loader(x[:1600], tags[:1600], size=32, seed=seed), steps):
        loss = criterion(model(words), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(functional.binary_cross_entropy(model(x[1600:]).clamp(1e-4, 1 - 1e-4), tags[1600:]))

    return doctor, quality


@cache
def _calls() -> tuple[Tensor, Tensor]:
    """Eight standardized measurements of 1,600 hours, and how many calls came in each."""
    generator = generator_of(95)
    x = torch.randn(1600, 8, generator=generator)
    level = torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2].sign() - 0.4 * x[:, 3].abs()
    return x, torch.poisson(torch.exp(1.8 + 0.7 * level), generator=generator)


@fault("loss_input")
def rates_for_their_logarithms(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The model ends in softplus and gives rates; nn.PoissonNLLLoss takes logarithms of rates unless told otherwise."""
    x, calls = _calls()
    model = nn.Sequential(nn.Linear(8, 64), nn.SiLU(), nn.Linear(64, 32), nn.SiLU(), nn.Linear(32, 1), nn.Softplus())
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
    criterion = nn.PoissonNLLLoss(log_input=not fixed)
    doctor = watch(model, optimizer)
    for inputs, counts in epochs(loader(x[:1200], calls[:1200], size=40, seed=seed), steps):
        loss = criterion(model(inputs).squeeze(1), counts)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        def deviance(rates: Tensor) -> Tensor:
            return (torch.xlogy(counts, counts / rates) - counts + rates).mean()

        counts = calls[1200:]
        with torch.no_grad():
            return float(1 - deviance(model(x[1200:]).squeeze(1).clamp(min=1e-3)) / deviance(counts.mean()))

    return doctor, quality


PROGRAMS.update(ninth_images.PROGRAMS | ninth_sequences.PROGRAMS)
