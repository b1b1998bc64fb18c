"""Programs of `seventh` about texts, series, spectra and sets."""

import math
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from .parts import Judged, Program, Watch, endless, generator_of, loop, mlp, register_judged
from .seventh_parts import accuracy, descriptions, fit_share, waves

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


class _Recurrent(nn.Module):
    """A GRU over numbers, and a linear layer on its last state."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(inputs, width, batch_first=True), nn.Linear(width, outputs)

    def forward(self, series: Tensor) -> Tensor:
        return self.head(self.gru(series)[0][:, -1])


@fault("zero_grad")
def gradients_cleared_once_an_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`zero_grad()` stands in the loop over epochs, above that over batches: within an epoch gradients add up."""
    series, labels = waves()
    model = _Recurrent(1, 24, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(series[:1600], labels[:1600]), 20, shuffle=True, generator=generator_of(seed)
    )
    doctor = watch(model, optimizer)
    step = 0
    while step < steps:
        optimizer.zero_grad()
        for inputs, targets in loader:
            if fixed:
                optimizer.zero_grad()
            loss = functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
            step += 1
            if step == steps:
                break
    return doctor, lambda: accuracy(model, series[1600:], labels[1600:])


@cache
def _marked() -> tuple[Tensor, Tensor]:
    """2,000 rows of 12 symbols of 7, of which one is marked (7 more), and which symbol that is."""
    generator = generator_of(12)
    symbols, rows = torch.randint(7, (2000, 12), generator=generator), torch.arange(2000)
    place = torch.randint(12, (2000,), generator=generator)
    labels = symbols[rows, place]
    return symbols.index_put((rows, place), labels + 7), labels


class _Encoder(nn.Module):
    """A transformer whose encoding is also what a search index is made of."""

    def __init__(self, trained: bool) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(14, 32), nn.Parameter(0.1 * torch.randn(12, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.blocks, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(32, 7)
        self.trained = trained

    @torch.no_grad()
    def encode(self, symbols: Tensor) -> Tensor:
        return self.hidden(symbols)

    def hidden(self, symbols: Tensor) -> Tensor:
        return self.blocks(self.symbols(symbols) + self.places).mean(1)

    def forward(self, symbols: Tensor) -> Tensor:
        return self.head(self.hidden(symbols) if self.trained else self.encode(symbols))


@fault("no_grad")
def encode_is_decorated(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`encode` was written for a search index, with `@torch.no_grad()` above it, and `forward` calls it, too."""
    symbols, labels = _marked()
    model = _Encoder(trained=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = endless(symbols[:1600], labels[:1600], seed=seed, size=40)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, symbols[1600:], labels[1600:])


def _windows(length: int, count: int, seed: int, held: bool) -> Tensor:
    """Pieces of `descriptions`, from the first 85 % of each text or from the rest."""
    numbers, begins, _ = descriptions()
    generator = generator_of(seed)
    rows = []
    for _ in range(count):
        text = int(torch.multinomial(torch.tensor(begins).diff().float(), 1, generator=generator))
        begin, end = begins[text], begins[text + 1]
        cut = begin + int(0.85 * (end - begin))
        begin, end = (cut, end) if held else (begin, cut)
        place = begin + int(torch.randint(end - begin - length + 1, (), generator=generator))
        rows.append(numbers[place : place + length])
    return torch.stack(rows)


class _Letters(nn.Module):
    """An LSTM that predicts the next character."""

    def __init__(self, softmax: bool) -> None:
        super().__init__()
        count = descriptions()[2]
        self.embed, self.lstm = nn.Embedding(count, 24), nn.LSTM(24, 64, batch_first=True)
        self.out, self.softmax = nn.Linear(64, count), softmax

    def forward(self, symbols: Tensor) -> Tensor:
        logits = self.out(self.lstm(self.embed(symbols))[0])
        return logits.softmax(-1) if self.softmax else logits


@fault("softmax_twice")
def probabilities_of_the_next_letter(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A language model returns probabilities, for sampling, and `CrossEntropyLoss` takes them as logits."""
    data, held = _windows(25, 3000, 13, False), _windows(25, 200, 14, True)
    model = _Letters(softmax=not fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    doctor = watch(model, optimizer)
    for _, (rows,) in zip(range(steps), endless(data, seed=seed, size=24), strict=False):
        outputs = model(rows[:, :-1])
        loss = criterion(outputs.flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        outputs = model(held[:, :-1]).detach()
        chances = outputs.softmax(-1) if fixed else outputs
        truth = chances.gather(-1, held[:, 1:, None]).clamp(min=1e-12)
        return float(truth.log().mean())

    return doctor, quality


class _Which(nn.Module):
    """Which text a piece is from: embedded characters, a convolution, the largest of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.convolution = nn.Embedding(descriptions()[2], 16), nn.Conv1d(16, 48, 5)
        self.head = nn.Linear(48, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        return self.head(self.convolution(self.embed(symbols).transpose(1, 2)).relu().amax(-1))


@cache
def _pieces(held: bool) -> tuple[Tensor, Tensor]:
    """Pieces of 48 characters, and of which text each is."""
    numbers, begins, _ = descriptions()
    pieces, labels = [], []
    for label in range(8):
        cut = begins[label] + int(0.8 * (begins[label + 1] - begins[label]))
        begin, end = (cut, begins[label + 1]) if held else (begins[label], cut)
        for place in range(begin, end - 48, 20 if held else 8):
            pieces.append(numbers[place : place + 48])
            labels.append(label)
    return torch.stack(pieces), torch.tensor(labels)


@fault("half_adam")
def a_text_model_cast_to_half(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`model.half()` and AdamW with its epsilon of 1e-8, which is 0 in float16."""
    (pieces, labels), (unseen, truth) = _pieces(False), _pieces(True)
    model = _Which()
    if not fixed:
        model = model.half()
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    data = endless(pieces, labels, seed=seed, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, unseen, truth)


class _Basket(nn.Module):
    """What is in a basket, through attention."""

    def __init__(self, anchor: bool) -> None:
        super().__init__()
        self.item = nn.Linear(3, 24)
        self.attention = nn.MultiheadAttention(24, 2, batch_first=True, add_zero_attn=anchor)
        self.query, self.head = nn.Parameter(0.1 * torch.randn(24)), mlp(24, 32, 4)

    def forward(self, basket: Tensor) -> Tensor:
        items = self.item(basket[..., 1:]).relu()
        query = self.query.expand(len(basket), 1, 24)
        return self.head(self.attention(query, items, items, key_padding_mask=basket[..., 0] == 0)[0])


@fault("nan")
def attention_to_an_empty_basket(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """One of 500 baskets is empty: all of its places are masked, and the softmax of minus infinities is NaN."""
    generator = generator_of(15)
    count = torch.randint(1, 7, (2000,), generator=generator)
    count[torch.rand(2000, generator=generator) < 0.002] = 0
    here = (torch.arange(6) < count[:, None]).float()
    values = torch.randn(2000, 6, 3, generator=generator)
    baskets = torch.cat([here[..., None], values * here[..., None]], -1)
    mean = (values.relu() * here[..., None]).sum(1) / count.clamp(min=1)[:, None]
    labels = 2 * (mean[:, 0] > mean[:, 1]).long() + (mean[:, 2] > 0.4)
    model = _Basket(anchor=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    data = endless(baskets[:1600], labels[:1600], seed=seed, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, baskets[1600:], labels[1600:])


@fault("target_scale")
def load_of_a_grid_in_megawatts(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A GRU forecasts the load of a power grid; what it reads is standardized, what it forecasts is in megawatts."""
    hours = torch.arange(3000.0)
    load = 41000 + 6000 * torch.sin(math.tau * hours / 24) + 2500 * torch.sin(math.tau * hours / 168)
    noise = torch.randn(3000, generator=generator_of(16))
    for hour in range(1, 3000):
        noise[hour] += 0.9 * noise[hour - 1]
    load = load + 700 * noise
    scaled = (load - load[:2400].mean()) / load[:2400].std()
    series = scaled.unfold(0, 24, 1)[:-1, :, None]
    targets = (scaled if fixed else load)[24:]
    model = _Recurrent(1, 24, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for _, (inputs, wanted) in zip(
        range(steps), endless(series[:2400], targets[:2400], seed=seed, size=32), strict=False
    ):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(inputs)[:, 0], wanted)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit_share(model(series[2424:])[:, 0], targets[2424:])


@fault("clip")
def hooks_that_clamp(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A hook on every parameter clamps each element of its gradient to 1e-4, against explosions in a recurrent net."""
    series, labels = waves()
    model = _Recurrent(1, 24, 5)
    bound = 1.0 if fixed else 1e-4
    for param in model.parameters():
        param.register_hook(lambda grad: grad.clamp(-bound, bound))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(
        range(steps), endless(series[:1600], labels[:1600], seed=seed, size=40), strict=False
    ):
        loss = functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, series[1600:], labels[1600:])


class _Causal(nn.Module):
    """A small transformer that predicts the next character."""

    def __init__(self, length: int) -> None:
        super().__init__()
        count = descriptions()[2]
        self.embed, self.places = nn.Embedding(count, 40), nn.Embedding(length, 40)
        layer = nn.TransformerEncoderLayer(40, 4, 80, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(40), enable_nested_tensor=False)
        self.head = nn.Linear(40, count)

    def forward(self, symbols: Tensor) -> Tensor:
        length = symbols.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        hidden = self.embed(symbols) + self.places(torch.arange(length))
        return self.head(self.blocks(hidden, mask=mask, is_causal=True))


@fault("weight_decay")
def decay_of_adamw_given_to_adam(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A recipe's AdamW with `weight_decay=0.1` became Adam: there the decay adds to the gradient and outweighs it."""
    data, held = _windows(25, 3000, 17, False), _windows(25, 300, 18, True)
    model = _Causal(24)
    kind = torch.optim.AdamW if fixed else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=3e-3, weight_decay=0.1)
    doctor = watch(model, optimizer)
    for _, (rows,) in zip(range(steps), endless(data, seed=seed, size=24), strict=False):
        loss = functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(functional.cross_entropy(model(held[:, :-1]).flatten(0, 1), held[:, 1:].flatten()))

    return doctor, quality


class _HandAttention(nn.Module):
    """Attention as its formula stands in the paper."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(14, width), nn.Parameter(0.1 * torch.randn(12, width))
        self.q, self.k, self.v = (nn.Parameter(scale * torch.randn(width, width)) for _ in range(3))
        self.up, self.down = (
            nn.Parameter(scale * torch.randn(width, 2 * width)),
            nn.Parameter(scale * torch.randn(2 * width, 7)),
        )

    def forward(self, symbols: Tensor) -> Tensor:
        x = self.symbols(symbols) + self.places
        scores = (x @ self.q) @ (x @ self.k).transpose(1, 2) / math.sqrt(x.shape[-1])
        x = x + scores.softmax(-1) @ (x @ self.v)
        return ((x @ self.up).relu() @ self.down).mean(1)


@fault("init_large")
def attention_from_randn(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Hand-written attention with `torch.randn(width, width)` as its weights, not divided by the root of the width."""
    symbols, labels = _marked()
    model = _HandAttention(64, 64**-0.5 if fixed else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    data = endless(symbols[:1600], labels[:1600], seed=seed, size=40)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, symbols[1600:], labels[1600:])


@cache
def _spectra() -> tuple[Tensor, Tensor]:
    """Power in 40 bands, in decibels below full scale over 40: all negative; and which of 6 machines it is."""
    generator = generator_of(19)
    bands, labels = torch.arange(40.0), torch.randint(6, (2000,), generator=generator)
    peak = 4 + 5 * labels[:, None] + 1.5 * torch.randn(2000, 1, generator=generator)
    power = 1e-5 + torch.exp(-(((bands - peak) / 2) ** 2)) * (0.02 + 0.2 * torch.rand(2000, 1, generator=generator))
    power = power + torch.exp(-(((bands - 37 + 0.5 * peak) / 3) ** 2)) * 0.05
    noise = torch.rand(2000, 40, generator=generator) + 0.1
    return 10 * torch.log10((power * noise).clamp(max=0.9)) / 40, labels


@fault("dead_units")
def uniform_without_bounds(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`nn.init.uniform_(weight)` is from 0 to 1 unless told otherwise; decibels are negative: every ReLU is off."""
    spectra, labels = _spectra()
    model = mlp(40, 64, 32, 6)
    for layer in model:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound if fixed else 0.0, bound if fixed else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = endless(spectra[:1600], labels[:1600], seed=seed, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, spectra[1600:], labels[1600:])


@fault("no_signal")
def files_in_the_order_of_their_names(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Recordings are read in the order of file names, "10" before "2", labels in that of the numbers."""
    series, labels = waves()
    names = [f"wave_{number}.wav" for number in range(1600)]
    order = range(1600) if fixed else sorted(range(1600), key=lambda number: names[number])
    recordings = torch.stack([series[number] for number in order])
    model = nn.Sequential(
        nn.Flatten(), nn.Unflatten(1, (1, 24)), nn.Conv1d(1, 16, 5), nn.ReLU(), nn.Conv1d(16, 24, 5), nn.ReLU(),
        nn.AdaptiveMaxPool1d(4), nn.Flatten(), nn.Linear(96, 5),
    )  # fmt: skip
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)
    data = endless(recordings, labels[:1600], seed=seed, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, series[1600:], labels[1600:])
