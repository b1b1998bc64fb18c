"""Programs of `sixth` about text."""

import _pydecimal
import argparse
import mailbox
import re
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fifth_parts import epochs, loader
from .parts import Judged, Program, Watch, generator_of, mlp, register_judged
from .sixth_parts import accuracy

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _source() -> tuple[Tensor, Tensor, int]:
    """24 letters of a Python module and the 24 that are one further, and how many kinds of letters there are."""
    text = Path(argparse.__file__).read_text(encoding="utf-8")[:80_000]
    letters = sorted(set(text))
    codes = torch.tensor([letters.index(letter) for letter in text]).unfold(0, 25, 12)
    codes = codes[torch.randperm(len(codes), generator=generator_of(90))]
    return codes[:, :24], codes[:, 1:], len(letters)


@cache
def _modules(size: int = 16) -> tuple[Tensor, Tensor]:
    """The numbers of 16 words in a row (1 to 599, 600 for a rare one), and which of three modules they are from."""
    words = [re.findall(r"[A-Za-z]+", Path(m.__file__).read_text("utf-8")) for m in (argparse, _pydecimal, mailbox)]
    every = [word for text in words for word in text]
    frequent = sorted(set(every), key=lambda word: (-every.count(word), word))[:599]
    number = {word: place for place, word in enumerate(frequent, 1)}
    rows = [torch.tensor([number.get(word, 600) for word in text]).unfold(0, size, size)[:450] for text in words]
    order = torch.randperm(sum(map(len, rows)), generator=generator_of(91))
    return torch.cat(rows)[order], torch.repeat_interleave(torch.tensor([len(row) for row in rows]))[order]


class _Writer(nn.Module):
    """A causal transformer over letters."""

    def __init__(self, letters: int, width: int = 32, depth: int = 2, tied: bool = False) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(letters, width), nn.Parameter(0.1 * torch.randn(24, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True)
            for _ in range(depth)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)
        if tied:
            self.head.weight = self.letters.weight

    def forward(self, codes: Tensor) -> Tensor:
        hidden = self.letters(codes) + self.places
        for block in self.blocks:
            hidden = block(hidden, src_mask=nn.Transformer.generate_square_subsequent_mask(24))
        return self.head(self.norm(hidden))


class _Speller(nn.Module):
    """A recurrent network over letters."""

    def __init__(self, letters: int, width: int = 48, drop: float = 0.0, ends: nn.Module | None = None) -> None:
        super().__init__()
        self.letters, self.body = nn.Embedding(letters, 24), nn.GRU(24, width, 2, batch_first=True, dropout=drop)
        self.drop, self.head, self.ends = nn.Dropout(drop), nn.Linear(width, letters), ends or nn.Identity()

    def forward(self, codes: Tensor) -> Tensor:
        return self.ends(self.head(self.drop(self.body(self.letters(codes))[0])))


def _spelling(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the letters that follow."""
    return functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


@fault("dropout")
def share_to_keep(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """dropout=0.9 in a GRU of two layers, and behind it, as in an old framework, where it is the share that is kept."""
    codes, following, letters = _source()
    model = _Speller(letters, drop=0.1 if fixed else 0.9)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(codes[:-600], following[:-600], size=24, seed=seed), steps):
        loss = _spelling(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, codes[-600:], following[-600:])


@fault("init_large")
def tied_to_a_wide_embedding(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The output layer shares the embedding's weights, which start as N(0, 1): the first logits are far apart."""
    codes, following, letters = _source()
    model = _Writer(letters, width=64, tied=True)
    if fixed:
        nn.init.normal_(model.letters.weight, std=0.05)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(codes[:-600], following[:-600], size=24, seed=seed), steps):
        loss = _spelling(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, codes[-600:], following[-600:])


@fault("lr_low")
def rate_as_a_factor(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The function of LambdaLR gives the rate itself, and not a factor: the rate is multiplied with itself."""
    codes, following, letters = _source()
    model = _Writer(letters)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    peak = 1.0 if fixed else 3e-3
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: peak * min(1.0, (step + 1) / 20))
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(codes[:-600], following[:-600], size=24, seed=seed), steps):
        loss = _spelling(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, codes[-600:], following[-600:])


class _Bag(nn.Module):
    """The mean of embedded words, 0 being padding, and a small classifier."""

    def __init__(self, safe: bool = True) -> None:
        super().__init__()
        self.words, self.rest, self.safe = nn.Embedding(601, 16), mlp(16, 16, 3), safe

    def forward(self, words: Tensor) -> Tensor:
        there = (words > 0).float()[..., None]
        count = there.sum(1)
        mean = (self.words(words).float() * there).sum(1) / (count.clamp(min=1) if self.safe else count)
        return self.rest(mean)


@fault("half_adam")
def half_of_the_words(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The table of embeddings is float16 to save memory, and Adam's epsilon of 1e-8 is 0 in it."""
    words, module = _modules()
    model = _Bag()
    if not fixed:
        model.words.half()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, foreach=False)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:-300], module[:-300], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, words[-300:], module[-300:])


@fault("nan")
def mean_of_no_words(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The mean of a text's words divides by how many there are, and three texts are empty."""
    words, module = _modules()
    words = words.clone()
    words[[100, 400, 700]] = 0
    model = _Bag(safe=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:-300], module[:-300], size=16, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, words[-300:], module[-300:])


@fault("no_signal")
def every_word_unknown(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The vocabulary has words as str and the texts have them as bytes: each word is looked up as unknown."""
    words, module = _modules()
    vocabulary = {str(number): number for number in range(601)}
    texts = [[str(number).encode() for number in text] for text in words.tolist()]
    looked_up = [[vocabulary.get(word.decode() if fixed else word, 600) for word in text] for text in texts]
    words = torch.tensor(looked_up)
    model = _Bag()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:-300], module[:-300], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, words[-300:], module[-300:])


@fault("zero_grad")
def zeroed_in_the_head(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """model.rest.zero_grad() is left from when only the classifier was trained: the embedding's gradients add up."""
    words, module = _modules()
    model = _Bag()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:-300], module[:-300], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        (model if fixed else model.rest).zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, words[-300:], module[-300:])


@fault("softmax_twice")
def speller_ends_in_softmax(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The network ends in a softmax over the letters, and cross_entropy takes another."""
    codes, following, letters = _source()
    model = _Speller(letters, ends=None if fixed else nn.Softmax(-1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(codes[:-600], following[:-600], size=24, seed=seed), steps):
        loss = _spelling(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, codes[-600:], following[-600:])


@fault("group_lr")
def decay_of_rates_by_depth(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Each block below the head has a hundredth of the rate above it, as if the network had been trained before."""
    codes, following, letters = _source()
    model = _Writer(letters)
    decay = 0.9 if fixed else 0.01
    parts = [[model.letters.weight, model.places], *([*block.parameters()] for block in model.blocks)]
    parts.append([*model.norm.parameters(), *model.head.parameters()])
    optimizer = torch.optim.Adam(
        [{"params": part, "lr": 5e-3 * decay ** (3 - depth)} for depth, part in enumerate(parts)]
    )
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(codes[:-600], following[:-600], size=24, seed=seed), steps):
        loss = _spelling(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, codes[-600:], following[-600:])


@fault("accumulation")
def sums_of_eight_sentences(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Gradients of eight batches are added up and not averaged, and SGD has the rate for one batch."""
    codes, following, letters = _source()
    model = _Speller(letters)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    batches = epochs(loader(codes[:-600], following[:-600], size=6, seed=seed), 8 * (steps // 2))
    doctor = watch(model, optimizer)
    for _ in range(steps // 2):
        losses = []
        for x, y in (next(batches) for _ in range(8)):
            losses.append(_spelling(model(x), y))
            (losses[-1] / 8 if fixed else losses[-1]).backward()
        optimizer.step()
        optimizer.zero_grad()
        doctor.step(sum(loss.item() for loss in losses) / 8)
    return doctor, lambda: accuracy(model, codes[-600:], following[-600:])


@fault("rounding")
def all_in_bfloat16(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The whole classifier of texts is made bfloat16 "for speed": most steps are rounded away."""
    words, module = _modules()
    model = nn.Sequential(nn.EmbeddingBag(601, 48), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 3))
    if not fixed:
        model.bfloat16()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:-300], module[:-300], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x).float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, words[-300:], module[-300:])
