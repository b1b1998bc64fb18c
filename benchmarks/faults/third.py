"""Programs as people write them, each with its own data, model and loop, kept before the doctor saw them."""

import math
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import steepest

from .parts import Program, Watch, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)

Judged = tuple[Any, Callable[[], float]]


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _endless(*tensors: Tensor, seed: int, size: int) -> Iterator[list[Tensor]]:
    loader = DataLoader(TensorDataset(*tensors), size, shuffle=True, drop_last=True, generator=_generator(seed))
    while True:
        yield from loader


# --- segmentation: discs in noise -------------------------------------------------------------------------------------


@cache
def _discs() -> tuple[Tensor, Tensor]:
    """Images of 16 by 16 with one bright disc in noise, and masks of 0 and 1."""
    generator = _generator(11)
    centres = 3 + 10 * torch.rand(600, 2, 1, 1, generator=generator)
    radii = 2 + 2.5 * torch.rand(600, 1, 1, generator=generator)
    rows, columns = torch.arange(16.0)[None, :, None], torch.arange(16.0)[None, None]
    masks = ((rows - centres[:, 0]).square() + (columns - centres[:, 1]).square() < radii.square()).float()
    images = masks + 0.8 * torch.randn(600, 16, 16, generator=generator)
    return images[:, None], masks[:, None]


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """Down once, up once, and a bridge."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle, self.up = _twice(1, 8), _twice(8, 16), nn.ConvTranspose2d(16, 8, 2, 2)
        self.out, self.last = _twice(16, 8), nn.Conv2d(8, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.down(images)
        coarse = self.middle(functional.max_pool2d(fine, 2))
        return self.last(self.out(torch.cat([fine, self.up(coarse)], 1)))


def _overlap(model: UNet) -> float:
    """Intersection over union of held-out masks."""
    images, masks = (tensor[500:] for tensor in _discs())
    model.eval()
    with torch.no_grad():
        found = model(images) > 0
    wanted = masks > 0.5
    return float((found & wanted).sum() / (found | wanted).sum())


@fault("labels")
def masks_all_empty(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Masks of 0 and 1 are cut at 127, as if they were of 0 to 255, and are empty."""
    images, masks = (tensor[:500] for tensor in _discs())
    masks = (masks > (0.5 if fixed else 127)).float()
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for image, mask in islice(_endless(images, masks, seed=seed, size=16), steps // 2):
        optimizer.zero_grad()
        loss = criterion(model(image), mask)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _overlap(model)


# --- documents --------------------------------------------------------------------------------------------------------


@cache
def _documents() -> tuple[Tensor, Tensor, Tensor]:
    """Documents of 30 of 200 words, their topic out of 16, and its field out of 4."""
    generator = _generator(18)
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
    for text, topic, field in islice(_endless(words[:2000], topics[:2000], fields[:2000], seed=seed, size=32), steps):
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


# --- sequences --------------------------------------------------------------------------------------------------------


@cache
def _windows() -> tuple[Tensor, Tensor]:
    """Windows of 20 values of two beating waves in noise, and the value after each."""
    time = torch.arange(1400.0)
    series = torch.sin(0.31 * time) + 0.6 * torch.sin(0.083 * time + 1)
    series += 0.1 * torch.randn(1400, generator=_generator(5))
    windows = series.unfold(0, 21, 1)
    return windows[:, :20, None], windows[:, 20]


class Forecaster(nn.Module):
    """The next value from the last state of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(1, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, windows: Tensor) -> Tensor:
        outputs, _ = self.lstm(windows)
        return self.head(outputs[:, -1])


def _explained(outputs: Tensor, targets: Tensor) -> float:
    return float(1 - (outputs.flatten() - targets).square().mean() / targets.var())


@fault("shape")
def forecast_in_a_column(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Forecasts of shape (32, 1) are compared with values of shape (32,) by a smooth L1 loss."""
    windows, values = _windows()
    model = Forecaster()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    criterion = nn.SmoothL1Loss()
    doctor = watch(model, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says what is wrong, among all else that scripts print
        for window, value in islice(_endless(windows[:1100], values[:1100], seed=seed, size=32), steps):
            optimizer.zero_grad()
            forecast = model(window)
            loss = criterion(forecast.squeeze(-1) if fixed else forecast, value)
            loss.backward()
            optimizer.step()
            doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return _explained(model.eval()(windows[1100:]), values[1100:])

    return doctor, quality


@cache
def _arrivals() -> tuple[Tensor, Tensor]:
    """Arrivals in 12 hours as counts, with the hour of the day as sine and cosine, and those of the hour after."""
    hours = torch.arange(1600.0)
    rates = torch.exp(1.2 * torch.sin(hours * math.tau / 24) - 0.5 + 0.5 * torch.sin(hours * math.tau / 168))
    counts = torch.poisson(rates, generator=_generator(6))
    features = torch.stack([counts, torch.sin(hours * math.tau / 24), torch.cos(hours * math.tau / 24)], 1)
    return features.unfold(0, 13, 1)[..., :12].mT.contiguous(), counts[12:]


class Arrivals(nn.Module):
    """The rate of the next hour, positive by a softplus."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(3, 20, batch_first=True), nn.Linear(20, 1)

    def forward(self, features: Tensor) -> Tensor:
        _, state = self.gru(features)
        return functional.softplus(self.head(state[-1])).squeeze(-1)


@fault("loss_input", "output_range")
def rates_taken_for_logarithms(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A network gives rates, but PoissonNLLLoss takes logarithms of them unless told otherwise."""
    features, counts = _arrivals()
    model = Arrivals()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.PoissonNLLLoss(log_input=False) if fixed else nn.PoissonNLLLoss()
    doctor = watch(model, optimizer)
    for feature, count in islice(_endless(features[:1300], counts[:1300], seed=seed, size=32), steps):
        optimizer.zero_grad()
        loss = criterion(model(feature), count)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        """Likelihood of held-out counts, the outputs read as the loss reads them."""
        with torch.no_grad():
            rates = model.eval()(features[1300:])
        rates = rates if fixed else rates.exp()
        return float((counts[1300:] * (rates + 1e-8).log() - rates).mean())

    return doctor, quality


@cache
def _votes() -> tuple[Tensor, Tensor]:
    """Sequences of 12 of 6 symbols, and how often the first one occurs again: never, once, or more."""
    symbols = torch.randint(6, (6000, 12), generator=_generator(8))
    return symbols, (symbols[:, 1:] == symbols[:, :1]).sum(1).clamp(max=2)


class Encoder(nn.Module):
    """A transformer encoder with a token for the class in front."""

    def __init__(self, first: bool = True) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(7, 32), nn.Parameter(0.1 * torch.randn(13, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, norm_first=first)
        self.layers, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(32, 3)

    def forward(self, symbols: Tensor) -> Tensor:
        symbols = torch.cat([torch.full_like(symbols[:, :1], 6), symbols], 1)
        return self.head(self.layers(self.symbols(symbols) + self.places)[:, 0])


@fault("zero_grad")
def zeroed_once_an_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Gradients are accumulated over four batches, and zeroed at the beginning of an epoch only."""
    symbols, votes = _votes()
    loader = DataLoader(TensorDataset(symbols[:5600], votes[:5600]), 16, shuffle=True, generator=_generator(seed))
    model = Encoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    criterion, accumulate, done = nn.CrossEntropyLoss(), 4, 0
    doctor = watch(model, optimizer)
    while done < steps // 3:
        optimizer.zero_grad()
        for i, (x, y) in enumerate(loader):
            loss = criterion(model(x), y) / accumulate
            loss.backward()
            if (i + 1) % accumulate == 0:
                optimizer.step()
                if fixed:
                    optimizer.zero_grad()
                doctor.step(loss)
                done += 1
                if done == steps // 3:
                    break

    def quality() -> float:
        with torch.no_grad():
            return -float(criterion(model.eval()(symbols[5600:]), votes[5600:]).nan_to_num(99.0))

    return doctor, quality


@cache
def _shifted() -> tuple[Tensor, Tensor]:
    """Sequences of 12 of 8 symbols, and for each place the sum of the symbols here and one place before, modulo 8."""
    symbols = torch.randint(8, (2400, 12), generator=_generator(9))
    return symbols, (symbols + symbols.roll(1, 1)) % 8


class Tagger(nn.Module):
    """A transformer as in the paper: sines as places, norms behind."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        angles = torch.arange(12.0)[:, None] * torch.exp(-math.log(1e4) * torch.arange(0, width, 2) / width)
        self.register_buffer("places", torch.stack([angles.sin(), angles.cos()], -1).flatten(1))
        self.symbols, self.width = nn.Embedding(8, width), width
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True)
        self.layers, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(width, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        return self.head(self.layers(self.symbols(symbols) + self.places))


@fault("lr_low")
def warm_up_of_the_paper_times_a_rate(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The schedule of Vaswani et al. gives the rate itself, but LambdaLR multiplies the optimizer's by it."""
    symbols, tags = _shifted()
    model = Tagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0 if fixed else 1e-3, betas=(0.9, 0.98), eps=1e-9)
    rate = lambda step: model.width**-0.5 * min((step + 1) ** -0.5, (step + 1) * 400**-1.5)  # noqa: E731
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    doctor = watch(model, optimizer)
    for x, y in islice(_endless(symbols[:2000], tags[:2000], seed=seed, size=32), steps):
        loss = criterion(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float((model.eval()(symbols[2000:]).argmax(-1) == tags[2000:]).float().mean())

    return doctor, quality


@cache
def _chaos() -> tuple[Tensor, Tensor]:
    """Pieces of 48 values of two coupled logistic maps, one of them seen, and its value three steps on."""
    one, other = 0.1 + 0.8 * torch.rand(2, 900, generator=_generator(12))
    seen = []
    for _ in range(90):
        seen.append(one)
        mixed = 0.9 * one + 0.1 * other
        one, other = 3.6 * mixed * (1 - mixed), 3.7 * other * (1 - other)
    series = (torch.stack(seen[38:], 1) - 0.64) / 0.2
    return series[:, None, :48], series[:, None, 3:51]


class Convolved(nn.Module):
    """Dilated causal convolutions, each added to its input."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.first, self.head = nn.Conv1d(1, width, 1), nn.Conv1d(width, 1, 1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=2**i) for i in range(3))

    def forward(self, series: Tensor) -> Tensor:
        hidden = self.first(series)
        for layer in self.layers:
            padded = functional.pad(hidden, (2 * layer.dilation[0], 0))
            hidden = hidden + torch.relu(layer(padded))
        return self.head(hidden)


@fault("foreign_params", "missing_params")
def weights_normalized_after(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Weight normalization, which makes new parameters, is put on the layers after the optimizer was made."""
    series, later = _chaos()
    model = Convolved()

    def normalize() -> None:
        for module in model.modules():
            if isinstance(module, nn.Conv1d):
                nn.utils.parametrizations.weight_norm(module)

    if fixed:
        normalize()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    if not fixed:
        normalize()
    criterion = nn.HuberLoss()
    doctor = watch(model, optimizer)
    for x, y in islice(_endless(series[:700], later[:700], seed=seed, size=16), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float((model.eval()(series[700:]) - later[700:]).square().mean())

    return doctor, quality


@cache
def _sentences() -> tuple[Tensor, int]:
    """A text of 40 letters, in which a letter depends on the two before it."""
    generator = _generator(13)
    odds = torch.softmax(2.5 * torch.randn(40, 40, generator=generator), -1)
    shift = torch.randint(40, (40,), generator=generator)
    letters = [0, 1]
    draws = torch.rand(12_000, generator=generator)
    sums = odds.cumsum(-1)
    for draw in draws:
        before, last = letters[-2:]
        letter = int(torch.searchsorted(sums[last], draw).clamp(max=39))
        letters.append(int((letter + shift[before] * (before % 3 == 0)) % 40))
    return torch.tensor(letters), 40


class Tied(nn.Module):
    """A causal transformer whose last layer has the weights of its embedding."""

    def __init__(self, letters: int, width: int = 48, block: int = 24) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(letters, width), nn.Embedding(block, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True) for _ in range(2)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, letters: Tensor) -> Tensor:
        count = letters.shape[1]
        hidden = self.tokens(letters) + self.places(torch.arange(count))
        mask = nn.Transformer.generate_square_subsequent_mask(count)
        for layer in self.layers:
            hidden = layer(hidden, src_mask=mask, is_causal=True)
        return self.head(self.norm(hidden))


@fault("init_large")
def tied_to_a_wide_embedding(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The last layer shares the weights of an embedding, which start with deviation 1, and logits are in the tens."""
    text, letters = _sentences()
    model = Tied(letters)
    if fixed:
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    generator = _generator(seed)
    doctor = watch(model, optimizer)
    pieces = text.unfold(0, 25, 1)
    for _ in range(int(0.7 * steps)):
        chosen = pieces[torch.randint(10_000, (24,), generator=generator)]
        logits = model(chosen[:, :-1])
        loss = functional.cross_entropy(logits.reshape(-1, letters), chosen[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        held = pieces[10_200::24]
        with torch.no_grad():
            logits = model.eval()(held[:, :-1])
        return -float(functional.cross_entropy(logits.flatten(0, 1), held[:, 1:].flatten()))

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
        for inputs, targets in islice(_endless(x, y, seed=self.seed, size=32), steps):
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
    order = torch.randperm(569, generator=_generator(0))
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
    order = torch.randperm(442, generator=_generator(0))
    table = torch.tensor(bunch.data, dtype=torch.float32)[order]
    targets = torch.tensor(bunch.target, dtype=torch.float32)[order]
    numbers = table[:, 2:]
    numbers = (numbers - numbers.mean(0)) / numbers.std(0)
    sex, decade = (table[:, 1] > 1.5).long(), (table[:, 0] // 10).long()
    mean, deviation = (targets[:340].mean(), targets[:340].std()) if fixed else (0.0, 1.0)
    model = Mixed()
    optimizer = steepest.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)  # type: ignore[attr-defined]
    doctor = watch(model, optimizer)
    data = _endless(numbers[:340], sex[:340], decade[:340], targets[:340], seed=seed, size=32)
    for a, b, c, y in islice(data, steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(a, b, c).squeeze(-1), (y - mean) / deviation)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            outputs = model.eval()(numbers[340:], sex[340:], decade[340:]) * deviation + mean
        return _explained(outputs, targets[340:])

    return doctor, quality


@cache
def _noisy_wave() -> tuple[Tensor, Tensor]:
    """A wave whose noise grows to the right."""
    generator = _generator(14)
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
    for inputs, targets in islice(_endless(x[:1000], y[:1000], seed=seed, size=32), steps):
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
    generator = _generator(15)
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
    for x, y in islice(_endless(points[:2000], directions[:2000], seed=seed, size=256), steps):
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


# --- images and codes -------------------------------------------------------------------------------------------------


@cache
def _bars() -> Tensor:
    """Images of 8 by 8 with some rows and columns lit."""
    generator = _generator(16)
    rows = torch.rand(2000, 8, 1, generator=generator) < 0.2
    columns = torch.rand(2000, 1, 8, generator=generator) < 0.2
    return (rows | columns).float().flatten(1)


class Discrete(nn.Module):
    """An autoencoder whose code is 12 choices of one out of 4."""

    def __init__(self, soft: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        self.decoder = nn.Sequential(nn.Linear(48, 96), nn.ReLU(), nn.Linear(96, 64))
        self.soft = soft

    def forward(self, images: Tensor) -> Tensor:
        logits = self.encoder(images).unflatten(1, (12, 4))
        if self.soft and self.training:
            code = functional.gumbel_softmax(logits, tau=1.0, hard=True)
        else:
            code = functional.one_hot(logits.argmax(-1), 4).float()
        return self.decoder(code.flatten(1))


@fault("no_grad")
def codes_by_argmax(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The code of an autoencoder is the argmax of logits, through which no gradient comes to the encoder."""
    images = _bars()
    model = Discrete(soft=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for (image,) in islice(_endless(images[:1600], seed=seed, size=64), steps):
        optimizer.zero_grad()
        loss = criterion(model(image), image)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(criterion(model.eval()(images[1600:]), images[1600:]))

    return doctor, quality


class Variational(nn.Module):
    """A variational autoencoder of digits; returns the image and the distribution of its code."""

    def __init__(self, fixed: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mean, self.logarithm = nn.Linear(64, 8), nn.Linear(64, 8)
        self.decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
        self.fixed = fixed

    def forward(self, images: Tensor) -> tuple[Tensor, Normal]:
        hidden = self.encoder(images)
        code = Normal(self.mean(hidden), torch.exp(0.5 * self.logarithm(hidden)))
        return self.decoder(code.rsample() if self.fixed else code.sample()), code


@fault("no_grad")
def drawn_by_sample(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A variational autoencoder draws its code by sample() instead of rsample(): no error comes to the encoder."""
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    images = images[torch.randperm(len(images), generator=_generator(0))]
    model = Variational(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    prior = Normal(0.0, 1.0)
    doctor = watch(model, optimizer)
    for (image,) in islice(_endless(images[:1500], seed=seed, size=64), steps):
        output, code = model(image)
        error = functional.binary_cross_entropy_with_logits(output, image, reduction="none").sum(1).mean()
        loss = error + kl_divergence(code, prior).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        held = images[1500:]
        with torch.no_grad():
            output, code = model.eval()(held)
            error = functional.binary_cross_entropy_with_logits(output, held, reduction="none").sum(1).mean()
            return -float(error + kl_divergence(code, prior).sum(1).mean())

    return doctor, quality


@cache
def _gratings() -> tuple[Tensor, Tensor]:
    """Stripes of 12 by 12 in four orientations, in noise."""
    generator = _generator(17)
    classes = torch.randint(4, (1200,), generator=generator)
    angles = classes * math.pi / 4 + 0.1 * torch.randn(1200, generator=generator)
    phases = math.tau * torch.rand(1200, generator=generator)
    rows, columns = torch.arange(12.0)[None, :, None], torch.arange(12.0)[None, None]
    along = rows * angles.cos()[:, None, None] + columns * angles.sin()[:, None, None]
    images = 1.4 * torch.sin(1.3 * along + phases[:, None, None])
    return (images + 0.6 * torch.randn(1200, 12, 12, generator=generator))[:, None], classes


class ResidualBlock(nn.Module):
    """Two convolutions; `skip` adds the input."""

    def __init__(self, width: int, skip: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out + x) if self.skip else torch.relu(out)


class ResNet(nn.Module):
    """Seven blocks behind a convolution with stride."""

    def __init__(self, skip: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 12, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(12, skip) for _ in range(7)))
        self.fc = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(torch.relu(self.stem(x))).mean((2, 3)))


@fault("vanishing")
def blocks_without_their_skip(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The blocks of a residual network do not add their input, which leaves 14 plain convolutions."""
    images, classes = _gratings()
    model = ResNet(skip=fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()
    doctor = watch(model, optimizer)
    for x, y in islice(_endless(images[:1000], classes[:1000], seed=seed, size=32), steps):
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float((model.eval()(images[1000:]).argmax(-1) == classes[1000:]).float().mean())

    return doctor, quality
