"""Language model, Chinese: quatrains of Tang and Song, character by character, a small transformer."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ... import datasets
from ...base.errors import InvalidValue
from ...base.text import Text
from ..families import family
from ..supervised import Data, Supervised, SupervisedSession
from .transformer import HEADS, Transformer, write

about_zh = "中文语言模型：逐字学习唐宋绝句，一个小型 Transformer。"

OWN = Text("Language model of your own text, character by character, a small transformer.", "自备文本的逐字语言模型。")

HELD_OUT, LONGEST = 128, 64
END, RARE, NOTHING = "\n", "□", -100  # the last in place of a character behind the end


@family
def poems(width: int = 48, depth: int = 2, file: str | None = None) -> "Poems":
    """A transformer that tells the next character, measured on poems that it was not trained on.

    Args:
        width: numbers that describe a character, a multiple of 4.
        depth: blocks of attention and a hidden layer.
        file: a text of your own instead, UTF-8, an example a line, of which the first 64 characters count.

    Raises:
        InvalidValue: a setting out of its range, or a file that cannot be read or is too short.
    """
    if width < 1 or width % HEADS or depth < 1:
        raise InvalidValue(f"poems: width must be a multiple of 4, depth from 1, got {width!r} and {depth!r}")
    if file is not None:
        _lines(file)
    return Poems(
        about=OWN.en if file else "",
        about_zh=OWN.zh if file else "",
        data=partial(_data, file),
        model=lambda: Transformer(len(_alphabet(file)), LONGEST + 1, width, depth),
        loss=loss,
        metric=bits,
        metric_name="bits a character",
        higher_is_better=False,
        target=7.9,
        batch_size=32,
        steps=500,
        file=file,
    )


@cache
def _lines(file: str | None) -> tuple[list[str], list[str]]:
    """Lines to train on, and held-out ones, which are spread over all."""
    try:
        text = datasets.load("quatrains") if file is None else Path(file).expanduser().read_text("utf-8").split("\n")
    except (OSError, UnicodeError) as error:
        raise InvalidValue(f"poems: {file} cannot be read as UTF-8 text ({error})") from None
    lines = [line[:LONGEST] for line in text if line.strip()]
    if len(lines) < 10:
        raise InvalidValue(f"poems: {file} must have ten lines or more, got {len(lines)}")
    apart = max(2, len(lines) // HELD_OUT)
    return [line for index, line in enumerate(lines) if index % apart], lines[::apart][:HELD_OUT]


@cache
def _alphabet(file: str | None) -> str:
    """The end of a line, a sign for rare characters, and those that come more than once, the most frequent first."""
    counts = Counter("".join(_lines(file)[0]))
    del counts[RARE]
    return END + RARE + "".join(character for character, count in counts.most_common() if count > 1)


@cache
def _data(file: str | None) -> Data:
    """Each line behind an end, as numbers of characters; the targets are the same, one place on."""
    number = {character: index for index, character in enumerate(_alphabet(file))}
    training, held_out = _lines(file)
    numbers = torch.full((len(training) + len(held_out), 2 + max(map(len, training + held_out))), NOTHING)
    for row, line in zip(numbers, training + held_out, strict=True):
        row[: len(line) + 2] = torch.tensor([number.get(character, 1) for character in f"{END}{line}{END}"])
    inputs, targets, count = numbers[:, :-1].clamp(min=0), numbers[:, 1:].contiguous(), len(training)
    return inputs[:count], targets[:count], inputs[count:], targets[count:]


def loss(output: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of a character, the end of a line included, in nats."""
    return cross_entropy(output.flatten(0, 1), targets.flatten(), ignore_index=NOTHING)


def bits(output: Tensor, targets: Tensor) -> Tensor:
    """The same in bits."""
    return loss(output, targets) / math.log(2)


@dataclass(frozen=True, kw_only=True)
class Poems(Supervised):
    """The problem, whose sessions can write."""

    file: str | None

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh transformer."""
        session = Session(self, seed, device)
        session.alphabet = _alphabet(self.file)
        return session


class Session(SupervisedSession):
    """One training."""

    alphabet: str

    def show(self, lines: int = 4) -> str:
        """Lines that the transformer writes now."""
        written = write(self.model, lines, self._data[0].shape[1])
        return "\n".join("".join(self.alphabet[number] for number in line).partition(END)[0] for line in written)
