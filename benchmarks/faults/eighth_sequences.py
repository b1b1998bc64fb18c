"""Programs of `eighth` about sequences: signals, sounds, genes, source code, poems, spectra."""

import math
from collections import Counter
from functools import cache
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional

import steepest.datasets

from .eighth_parts import accuracy, answers, fit, letters, lines, passages, spectra
from .parts import Judged, Program, Watch, endless, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- signals ----------------------------------------------------------------------------------------------------------


@cache
def _beats() -> tuple[Tensor, Tensor]:
    """Single heartbeats of 64 samples, and which of four shapes each has: normal, early, broad, without its T wave."""
    generator = generator_of(95)
    kinds, time = torch.randint(4, (2400,), generator=generator), torch.linspace(0, 1, 64)
    at = 0.45 + 0.05 * torch.randn(2400, 1, generator=generator) - 0.12 * (kinds == 1)[:, None]
    width = 0.03 + 0.02 * (kinds == 2)[:, None]
    peak = 2 * torch.exp(-(((time - at) / width) ** 2))
    late = 0.6 * (kinds != 3)[:, None] * torch.exp(-(((time - at - 0.28) / 0.07) ** 2))
    drift = 0.3 * torch.randn(2400, 1, generator=generator)
    return (peak + late + drift + 0.2 * torch.randn(2400, 64, generator=generator))[:, None] - 0.3, kinds


@fault("zero_grad")
def zero_grad_without_parentheses(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The line is `optimizer.zero_grad`, without parentheses, which does nothing at all."""
    signals, kinds = _beats()
    model = nn.Sequential(
        nn.Conv1d(1, 8, 7, 2, 3), nn.ReLU(), nn.Conv1d(8, 16, 5, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(256, 4)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(signals[:2000], kinds[:2000], seed=seed, size=32), strict=False):
        if fixed:
            optimizer.zero_grad()
        else:
            optimizer.zero_grad  # noqa: B018 (this is the mistake)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, signals[2000:], kinds[2000:])


class Forecast(nn.Module):
    """A GRU over the past; the next value is a linear layer's output, or the state of a second GRU of one unit."""

    def __init__(self, linear: bool) -> None:
        super().__init__()
        self.past = nn.GRU(1, 24, batch_first=True)
        self.next: nn.Module = nn.Linear(24, 1) if linear else nn.GRU(24, 1, batch_first=True)

    def forward(self, past: Tensor) -> Tensor:
        hidden, _ = self.past(past[..., None])
        outputs = self.next(hidden)
        return (outputs if isinstance(outputs, Tensor) else outputs[0])[:, -1, 0]


@fault("output_range")
def the_state_of_a_cell_as_forecast(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The last GRU has one unit whose state is the forecast: within -1 and 1, and most tides are beyond."""
    generator = generator_of(96)
    hours, shift = torch.arange(25.0), 6.28 * torch.rand(2400, 2, 1, generator=generator)
    size = 0.6 + 1.2 * torch.rand(2400, 1, generator=generator)
    tides = 1.6 * size * torch.sin(hours / 2 + shift[:, 0]) + 0.5 * torch.sin(hours / 1.1 + shift[:, 1])
    tides = tides + 0.05 * torch.randn(2400, 25, generator=generator)
    past, following = tides[:, :24], tides[:, 24]
    model = Forecast(linear=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(past[:2000], following[:2000], seed=seed, size=50), strict=False):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, past[2000:]), following[2000:])


@cache
def _tones() -> tuple[Tensor, Tensor]:
    """Recordings of 256 samples as 16-bit integers, and which of four instruments plays, at any pitch and loudness."""
    generator = generator_of(97)
    kinds = torch.randint(4, (2000,), generator=generator)
    pitch = 4 + 8 * torch.rand(2000, 1, generator=generator)
    phase = (torch.linspace(0, 1, 256) * pitch + torch.rand(2000, 1, generator=generator)) % 1
    flute = torch.sin(math.tau * phase)
    waves = torch.stack([flute, 2 * phase - 1, torch.sign(flute), torch.sin(math.tau * phase + 2 * flute)], 1)
    loud = 8000 + 16000 * torch.rand(2000, 1, generator=generator)
    samples = loud * (waves[torch.arange(2000), kinds] + 0.15 * torch.randn(2000, 256, generator=generator))
    return samples.clamp(-32768, 32767).to(torch.int16), kinds


@fault("input_scale")
def samples_of_sixteen_bits(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Sound is read as 16-bit integers and cast to floats, up to 32,767, where the network was tuned for -1 to 1."""
    samples, kinds = _tones()
    sounds = samples.float()[:, None]
    if fixed:
        sounds = sounds / 16384
    model = nn.Sequential(
        nn.Conv1d(1, 12, 16, 4), nn.ReLU(), nn.Conv1d(12, 24, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(4), nn.Flatten(),
        nn.Linear(96, 4),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(sounds[:1600], kinds[:1600], seed=seed, size=32), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, sounds[1600:], kinds[1600:])


class Wear(nn.Module):
    """A GRU over four sensors, and how far its last state says that a machine is worn."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.head = nn.GRU(4, 32, batch_first=True), mlp(32, 16, 1)

    def forward(self, sensors: Tensor) -> Tensor:
        hidden, _ = self.encoder(sensors)
        return self.head(hidden[:, -1]).squeeze(1)


@fault("group_lr")
def the_encoder_at_the_rate_of_its_pretraining(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The encoder was pretrained by SGD with 0.3, and its group keeps that in an Adam whose other group has 0.003."""
    generator = generator_of(98)
    time, rate = torch.linspace(0, 1, 20), torch.rand(2200, 1, generator=generator)
    state = rate * time**2 + 0.5 * torch.rand(2200, 1, generator=generator) * time
    seen = torch.stack([state, state.square(), torch.sin(3 * state), 0.5 - state], -1)
    seen = 2 * (seen + 0.15 * torch.randn(seen.shape, generator=generator))
    wear = (rate[:, 0] - 0.5) / 0.29
    model = Wear()
    groups = [{"params": model.encoder.parameters(), "lr": 3e-3 if fixed else 0.3}, {"params": model.head.parameters()}]
    optimizer = torch.optim.Adam(groups, lr=3e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(seen[:1800], wear[:1800], seed=seed, size=45), strict=False):
        loss = functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, seen[1800:]), wear[1800:])


class Promoter(nn.Module):
    """One-hot letters of DNA, filters of eight letters, where each one fits best, and a small head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv1d(4, 12, 8)
        self.head = mlp(12, 12, 3)

    def forward(self, sequences: Tensor) -> Tensor:
        onehot = functional.one_hot(sequences, 4).transpose(1, 2).float()
        return self.head(self.body(onehot).relu().amax(-1))


@cache
def _genes() -> tuple[Tensor, Tensor]:
    """DNA of 60 letters, and whether none, the first, or the second of two motifs stands in it, with misprints."""
    generator = generator_of(99)
    genes, kinds = torch.randint(4, (3000, 60), generator=generator), torch.randint(3, (3000,), generator=generator)
    motifs = torch.tensor([[3, 0, 3, 0, 0, 3, 2, 1], [1, 2, 2, 3, 1, 0, 0, 2]])
    starts = torch.randint(52, (3000,), generator=generator)
    keep = torch.rand(3000, 8, generator=generator) < 0.93
    for row in range(3000):
        if kinds[row]:
            window = genes[row, starts[row] : starts[row] + 8]
            window.copy_(torch.where(keep[row], motifs[kinds[row] - 1], window))
    return genes, kinds


@fault("missing_params")
def unfrozen_but_in_no_group(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The body is frozen for 30 steps; the optimizer was made of what was trainable then, and never hears of it."""
    genes, kinds = _genes()
    model = Promoter()
    model.body.requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 5e-3)
    doctor = watch(model, optimizer)
    for step, (x, y) in zip(range(steps), endless(genes[:2500], kinds[:2500], seed=seed, size=50), strict=False):
        if step == 30:
            model.body.requires_grad_(True)
            if fixed:
                optimizer.add_param_group({"params": list(model.body.parameters())})
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, genes[2500:], kinds[2500:])


# --- spectra ----------------------------------------------------------------------------------------------------------


@fault("no_signal")
def columns_reshaped_into_rows(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A file of MATLAB has a spectrum a column; `reshape` instead of a transpose makes rows of 60 different samples."""
    rows, minerals = spectra()
    stored = rows[:3200].T.contiguous()
    read = stored.T if fixed else stored.reshape(3200, 60)
    model = mlp(60, 48, 4, activation=nn.GELU)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(read, minerals[:3200], seed=seed, size=64), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, rows[3200:], minerals[3200:])


@fault("spike")
def a_cosmic_ray_in_one_exposure(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A cosmic ray hit the detector in one of the exposures: a pixel of 50,000, which Adam remembers for long."""
    rows, _ = spectra()
    test = rows[:600]
    exposures = rows[600 + torch.randint(3400, (20 * steps,), generator=generator_of(seed))]
    if not fixed:
        exposures[20 * (steps // 4) + 7, 31] = 50_000.0
    model = mlp(60, 40, 6, 40, 60, activation=nn.LeakyReLU)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    doctor = watch(model, optimizer)
    for step in range(steps):  # in the order of the nights
        x = exposures[20 * step : 20 * step + 20]
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), x)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(answers(model, test), test)


# --- texts ------------------------------------------------------------------------------------------------------------


@cache
def _counted() -> tuple[Tensor, Tensor]:
    """How often each of 400 pairs of letters is in a line of source code, and which module the line is from."""
    rows, labels = lines()
    pairs = rows[:, :-1] * 128 + rows[:, 1:]
    common = [pair for pair, _ in Counter(pairs[:2000].flatten().tolist()).most_common(401) if pair]
    return (pairs[..., None] == torch.tensor(common)).sum(1).float(), labels


@fault("half_adam")
def a_classifier_of_lines_in_half(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Everything is cast to float16, also what Adam keeps: its 1e-8 is 0, and a pair no line has gives 0 / 0."""
    counts, modules = _counted()
    model = mlp(counts.shape[1], 32, 5)
    if not fixed:
        model, counts = model.half(), counts.half()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(counts[:3000], modules[:3000], seed=seed, size=40), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, counts[3000:], modules[3000:])


class Encoder(nn.Module):
    """A transformer over a line's bytes, averaged."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(128, width), nn.Parameter(0.1 * torch.randn(32, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 5)

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.body(self.letters(rows) + self.places).mean(1))


@fault("lr_low")
def the_rate_of_fine_tuning_from_scratch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """2e-5, with which one fine-tunes a pretrained transformer, for a small one that starts anew."""
    rows, modules = lines()
    model = Encoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3 if fixed else 2e-5, weight_decay=0.01)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), endless(rows[:3000], modules[:3000], seed=seed, size=32), strict=False):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, rows[3000:], modules[3000:])


class Writer(nn.Module):
    """A causal transformer of two blocks over 24 letters."""

    def __init__(self, symbols: int, width: int = 32) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(symbols, width), nn.Parameter(0.02 * torch.randn(24, width))
        layer = nn.TransformerEncoderLayer(width, 2, 3 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, symbols)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(24), persistent=False)

    def forward(self, text: Tensor) -> Tensor:
        return self.head(self.body(self.letters(text) + self.places, mask=self.mask, is_causal=True))


@fault("eps_large")
def the_decay_in_the_place_of_epsilon(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """AdamW's fourth argument was meant to be the weight decay, 0.01, and is epsilon, several times the gradients."""
    x, y = passages(24, 4000, 100)
    test, following = passages(24, 200, 101)
    model = Writer(letters()[1])
    if fixed:
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3, (0.9, 0.99), weight_decay=0.01)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3, (0.9, 0.99), 0.01)
    doctor = watch(model, optimizer)
    for _, (text, targets) in zip(range(steps), endless(x, y, seed=seed, size=16), strict=False):
        loss = functional.cross_entropy(model(text).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: -float(functional.cross_entropy(answers(model, test).flatten(0, 1), following.flatten()))


class Poet(nn.Module):
    """A GRU that writes a quatrain's characters, of which it knows 200."""

    def __init__(self) -> None:
        super().__init__()
        self.characters, self.memory = nn.Embedding(201, 24), nn.GRU(24, 48, batch_first=True)
        self.head = nn.Linear(48, 201)

    def forward(self, text: Tensor) -> Tensor:
        return self.head(self.memory(self.characters(text))[0])


@cache
def _verses() -> Tensor:
    """The first two verses, 16 characters, of 3,000 quatrains; what is not among the 200 most frequent is 200."""
    poems = [poem[:16] for poem in steepest.datasets.load("quatrains") if len(poem) == 32][:3000]
    known = {character: n for n, (character, _) in enumerate(Counter("".join(poems)).most_common(200))}
    return torch.tensor([[known.get(character, 200) for character in poem] for poem in poems])


@fault("lr_high")
def one_cycle_to_the_rate_of_sgd(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Adam has 0.003, but OneCycleLR ignores that and climbs to the `max_lr` of a recipe for SGD, 0.5."""
    verses = _verses()
    model = Poet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01 if fixed else 0.5, total_steps=steps)
    doctor = watch(model, optimizer)
    for (text,) in islice(endless(verses[:2600], seed=seed, size=32), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        schedule.step()
        doctor.step(loss)

    def quality() -> float:
        test = verses[2600:]
        return -float(functional.cross_entropy(answers(model, test[:, :-1]).flatten(0, 1), test[:, 1:].flatten()))

    return doctor, quality
