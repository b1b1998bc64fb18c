"""Language model, Chinese: quatrains of Tang and Song, character by character, a small transformer."""

import math
from dataclasses import dataclass
from functools import cache, partial

import torch

from ... import datasets
from ...base.errors import InvalidValue
from ...base.text import Text
from ..families import family
from ..own import Own, own_file
from ..supervised import Data, Supervised, SupervisedSession
from .texts import alphabet_of, as_numbers, read_text
from .transformer import NOTHING, Transformer, bits, check_size, loss, write

about_zh = "中文语言模型：逐字学习唐宋绝句，一个小型 Transformer。"

OWN = Text("Language model of your own text, character by character, a small transformer.", "自备文本的逐字语言模型。")

QUICK = {"width": 16, "depth": 1, "steps": 40}

HELD_OUT, LONGEST = 128, 64
END = "\n"

STD = 0.1
"""Deviation of the initial vectors of characters: most of several thousand are rare, and seldom moved from there."""

PIECE = 8
"""Rows that are measured at a time: scores of several thousand characters at each place, which stay in the cache."""


@family
def poems(width: int = 48, depth: int = 2, file: str | None = None) -> "Poems":
    """A transformer that tells the next character, measured on poems that it was not trained on.

    Args:
        width: numbers that describe a character, a multiple of 8.
        depth: blocks of attention and a hidden layer.
        file: a text of your own instead, UTF-8, an example a line, of which the first 64 characters count.

    Raises:
        InvalidValue: a setting out of its range, or a file that cannot be read or is too short.
    """
    check_size("poems", width, depth)
    if own := own_file("poems", file):
        _lines(own)
    return Poems(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        data=partial(_data, own),
        model=lambda: Transformer(len(_alphabet(own)), width, depth, places=LONGEST + 1, std=STD),
        loss=loss,
        metric=bits,
        metric_name="bits a character",
        higher_is_better=False,
        target=7.75,
        batch_size=32,
        steps=500,
        own=own,
    )


@cache
def _lines(own: Own | None) -> tuple[list[str], list[str]]:
    """Lines to train on, and held-out ones, which are spread over all."""
    text = datasets.load("quatrains") if own is None else read_text("poems", own).split("\n")
    lines = [line[:LONGEST] for line in text if line.strip()]
    if len(lines) < 10:
        raise InvalidValue(f"poems: {own and own.path} must have ten lines or more, got {len(lines)}")
    apart = max(2, len(lines) // HELD_OUT)
    return [line for index, line in enumerate(lines) if index % apart], lines[::apart][:HELD_OUT]


@cache
def _alphabet(own: Own | None) -> str:
    """The end of a line, a sign for rare characters, and those that come more than once, the most frequent first."""
    return alphabet_of(_lines(own)[0], first=END)


@cache
def _data(own: Own | None) -> Data:
    """Each line behind an end, as numbers of characters; the targets are the same, one place on."""
    training, held_out = _lines(own)
    numbers = torch.full((len(training) + len(held_out), 2 + max(map(len, training + held_out))), NOTHING)
    for row, line in zip(numbers, training + held_out, strict=True):
        row[: len(line) + 2] = as_numbers(f"{END}{line}{END}", _alphabet(own))
    inputs, targets, count = numbers[:, :-1].clamp(min=0), numbers[:, 1:].contiguous(), len(training)
    return inputs[:count], targets[:count], inputs[count:], targets[count:]


@dataclass(frozen=True, kw_only=True)
class Poems(Supervised):
    """The problem, whose sessions can write."""

    own: Own | None

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh transformer."""
        session = Session(self, seed, device)
        session.alphabet = _alphabet(self.own)
        return session


class Session(SupervisedSession):
    """One training."""

    alphabet: str

    def measure(self) -> dict[str, float]:
        """As any session of four tensors does, but in smaller pieces, in a third of the time."""
        inputs, targets = self._data[2:]
        total = 0.0
        with self.evaluated():
            for piece, expected in zip(torch.split(inputs, PIECE), torch.split(targets, PIECE), strict=True):
                total += float(loss(self.model(piece), expected)) * int((expected != NOTHING).sum())
        mean = total / int((targets != NOTHING).sum())
        return {"loss": mean, "metric": mean / math.log(2)}

    def show(self, lines: int = 4) -> str:
        """Lines that the transformer writes now."""
        start = self._data[0].new_zeros(lines, 1)
        with self.evaluated():
            written = write(self.model, start, self._data[0].shape[1], LONGEST + 1)[:, 1:].tolist()
        return "\n".join("".join(self.alphabet[number] for number in line).partition(END)[0] for line in written)
