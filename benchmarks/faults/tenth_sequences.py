"""The programs of `tenth` about texts, proteins, strokes and waves."""

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from steepest.datasets import load

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, explained, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- texts ------------------------------------------------------------------------------------------------------------


@cache
def _letters() -> tuple[Tensor, int]:
    """Python's help as numbers of letters, small ones only, and how many letters there are."""
    text = " ".join(load("language")[:240_000].lower().split())
    letters = sorted(set(text))
    number = {letter: place for place, letter in enumerate(letters)}
    return torch.tensor([number[letter] for letter in text]), len(letters)


def _pieces(text: Tensor, size: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random pieces of a text, and the letters that follow each."""
    begins = torch.randint(len(text) - length - 1, (size,), generator=generator)
    places = begins[:, None] + torch.arange(length + 1)
    pieces = text[places]
    return pieces[:, :-1], pieces[:, 1:]


class _Speller(nn.Module):
    def __init__(self, letters: int, width: int = 40, length: int = 32) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(letters, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(width, 4, 3 * width, 0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, letters)
        self.register_buffer("mask", torch.full((length, length), -math.inf).triu(1))

    def forward(self, pieces: Tensor) -> Tensor:
        hidden = self.letters(pieces) + self.places(torch.arange(pieces.shape[1]))
        return self.head(self.encoder(hidden, mask=self.mask))


@fault("lr_high")
def rmsprop_with_the_default_of_pytorch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A recipe from Keras says "RMSprop with its defaults"; there the rate is 0.001, in PyTorch it is 0.01."""
    text, count = _letters()
    model = _Speller(count)
    settings = {"lr": 1e-3} if fixed else {}
    optimizer = torch.optim.RMSprop(model.parameters(), **settings)
    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        x, y = _pieces(text[:180_000], 16, 32, generator)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        x, y = _pieces(text[180_000:], 200, 32, generator_of(113))
        with torch.no_grad():
            return -float(functional.cross_entropy(model(x).flatten(0, 1), y.flatten()))

    return doctor, quality


class _Recurrent(nn.Module):
    def __init__(self, letters: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, 24)
        self.gru = nn.GRU(24, 64, batch_first=True)
        self.head = nn.Linear(64, letters)

    def forward(self, pieces: Tensor) -> Tensor:
        return self.head(self.gru(self.letters(pieces))[0])


@fault("missing_params")
def names_that_end_in_weight_or_bias(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Decay is for names that end in "weight", none for those in "bias"; a GRU's are called weight_ih_l0 and so on."""
    text, count = _letters()
    model = _Recurrent(count)
    decayed, plain = [], []
    for name, parameter in model.named_parameters():
        if name.endswith("weight") or (fixed and "weight" in name):
            decayed.append(parameter)
        elif name.endswith("bias") or (fixed and "bias" in name):
            plain.append(parameter)
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-3)
    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        x, y = _pieces(text[:180_000], 24, 32, generator)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        x, y = _pieces(text[180_000:], 200, 32, generator_of(114))
        with torch.no_grad():
            return -float(functional.cross_entropy(model(x).flatten(0, 1), y.flatten()))

    return doctor, quality


# --- proteins and strokes ---------------------------------------------------------------------------------------------


@cache
def _helices() -> tuple[Tensor, Tensor]:
    """Windows of 13 residues, and whether the middle is in a helix: C-alpha of i - 1 and i + 2 within 6 angstroms."""
    proteins = load("proteins")
    kinds = {kind: place for place, kind in enumerate("ACDEFGHIKLMNPQRSTVWY")}
    windows, helix = [], []
    for sequence, backbone in zip(proteins.sequences, proteins.backbones, strict=True):
        alpha = torch.tensor(backbone).reshape(len(sequence), 4, 3)[:, 1]
        residues = torch.tensor([kinds.get(kind, 20) for kind in sequence])
        places = torch.arange(6, len(sequence) - 6)
        distance = (alpha[places - 1] - alpha[places + 2]).norm(dim=1)
        windows.append(residues[places[:, None] + torch.arange(-6, 7)])
        helix.append(distance < 6)
    generator = generator_of(115)
    order = torch.randperm(sum(map(len, windows)), generator=generator)[:12_000]
    return torch.cat(windows)[order], torch.cat(helix)[order].float()


@fault("lr_low")
def rate_of_adam_left_for_sgd(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Adam was replaced by SGD "because it generalizes better"; its rate, 3e-4, was left as it is."""
    windows, helix = _helices()
    model = nn.Sequential(nn.Embedding(21, 16), mlp(13 * 16, 64, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3 if fixed else 3e-4)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(windows[:10_000], helix[:10_000], size=100, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(criterion(model(windows[10_000:]).squeeze(1), helix[10_000:]))

    return doctor, quality


@cache
def _strokes() -> tuple[Tensor, Tensor]:
    """1500 recordings of 28 frames by 6 numbers, and the 5 of 7 signs (1 to 7) that follow one another in each."""
    generator = generator_of(116)
    shapes = 1.5 * torch.randn(8, 6, generator=generator)
    frames = torch.randn(1500, 28, 6, generator=generator)
    signs = torch.zeros(1500, 5, dtype=torch.long)
    for number in range(1500):
        last, begin = 0, int(torch.randint(0, 4, (), generator=generator))
        for place in range(5):
            sign = int((last + torch.randint(1, 7, (), generator=generator) - 1) % 7 + 1)
            span = int(torch.randint(3, 6, (), generator=generator))
            frames[number, begin : begin + span] = 0.6 * frames[number, begin : begin + span] + shapes[sign]
            signs[number, place], last, begin = sign, sign, begin + span
    return frames / frames.std(), signs


class _Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv1d(6, 32, 3, padding=1)
        self.rnn = nn.GRU(32, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, 8)

    def forward(self, frames: Tensor) -> Tensor:
        seen = functional.relu(self.look(frames.transpose(1, 2))).transpose(1, 2)
        return self.head(self.rnn(seen)[0])


@fault("loss_input")
def ctc_of_plain_scores(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`CTCLoss` takes logarithms of probabilities and gets the scores themselves: it has no lower bound."""
    frames, signs = _strokes()
    model = _Reader()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CTCLoss(blank=0)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(frames[:1200], signs[:1200], size=32, seed=seed), steps):
        scores = model(x)
        if fixed:
            scores = scores.log_softmax(2)
        lengths = torch.full((len(x),), 28), torch.full((len(x),), 5)
        loss = criterion(scores.transpose(0, 1), y, *lengths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        """The share of recordings that are read without a mistake."""
        with torch.no_grad():
            best = model(frames[1200:]).argmax(2)
        read = [[int(sign) for sign in torch.unique_consecutive(row) if sign] for row in best]
        return sum(row == truth for row, truth in zip(read, signs[1200:].tolist(), strict=True)) / 300

    return doctor, quality


# --- waves ------------------------------------------------------------------------------------------------------------


@cache
def _chaos() -> tuple[Tensor, Tensor]:
    """Windows of 48 values of Mackey and Glass's series (1977), every second, and the value 8 after each."""
    generator = generator_of(117)
    series = (0.9 + 0.5 * torch.rand(18, generator=generator)).tolist()
    for _ in range(7000):
        series.append(0.9 * series[-1] + 0.2 * series[-18] / (1 + series[-18] ** 10))
    values = torch.tensor(series[500::2])
    values = (values - values.mean()) / values.std()
    windows = values.unfold(0, 56, 1)
    return windows[:, None, :48], windows[:, 55]


class _Causal(nn.Module):
    """Dilated convolutions that look back only."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(16 if place else 1, 16, 3, dilation=2**place) for place in range(4))
        self.head = nn.Linear(16, 1)

    def forward(self, wave: Tensor) -> Tensor:
        for place, convolution in enumerate(self.convolutions):
            new = functional.elu(convolution(functional.pad(wave, (2 * 2**place, 0))))
            wave = wave + new if place else new
        return self.head(wave[:, :, -1]).squeeze(1)


@fault("foreign_params", "missing_params")
def weight_norm_behind_the_optimizer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`weight_norm` replaces each weight by a length and a direction; the optimizer made before holds the old ones.

    What the optimizer holds is not what the model uses, and what the model uses is in no optimizer: both are true.
    """
    waves, later = _chaos()
    model = _Causal()

    def normalize() -> None:
        for module in [*model.convolutions, model.head]:
            weight_norm(module)

    if fixed:
        normalize()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    if not fixed:
        normalize()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(waves[:2600], later[:2600], size=64, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.smooth_l1_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(waves[2700:]), later[2700:])

    return doctor, quality


@cache
def _calls() -> tuple[Tensor, Tensor]:
    """Noisy waves of 64 samples: rising, falling, steady or trembling."""
    generator = generator_of(118)
    kind = torch.randint(4, (2400,), generator=generator)
    time = torch.arange(64) / 64
    pace = 6 + 3 * torch.rand(2400, 1, generator=generator)
    bend = 3 * torch.stack([time, -time, 0 * time, 0.25 * torch.sin(4 * math.tau * time)])[kind]
    start = torch.rand(2400, 1, generator=generator)
    waves = 1.4 * torch.sin(math.tau * (pace * time + bend * (1 + (kind < 2)[:, None] * time) + start))
    return (waves + 0.2 * torch.randn(2400, 64, generator=generator))[:, None], kind


class _Gated(nn.Module):
    """Gated convolutions as in WaveNet."""

    def __init__(self, depth: int, carry: bool) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 16, 1)
        self.blocks = nn.ModuleList(
            nn.Conv1d(16, 32, 3, padding=2 ** (place % 4), dilation=2 ** (place % 4)) for place in range(depth)
        )
        self.head = nn.Linear(16, 4)
        self.carry = carry

    def forward(self, wave: Tensor) -> Tensor:
        hidden: Any = self.first(wave)
        for block in self.blocks:
            content, gate = block(hidden).chunk(2, dim=1)
            new = torch.tanh(content) * torch.sigmoid(gate)
            hidden = hidden + new if self.carry else new
        return self.head(functional.relu(hidden).mean(2))


@fault("vanishing")
def gates_without_the_residual(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Ten gated convolutions, each a tanh times a sigmoid; the sum with what came in was forgotten."""
    waves, kind = _calls()
    model = _Gated(10, carry=fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(waves[:2000], kind[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(waves[2000:]), kind[2000:])

    return doctor, quality
