"""Writing tool: the word that was meant by a misspelled one, letter by letter, an encoder and a decoder."""

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ... import datasets
from ...base.errors import InvalidValue
from ...base.text import Text
from ..families import family
from ..own import Own, own_file
from ..supervised import Data, Supervised, SupervisedSession
from .corrections_picture import picture
from .texts import alphabet_of, as_numbers, read_text
from .transformer import NOTHING, Block, check_size, loss

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "写作工具：逐字母写出拼错的单词所指的词，编码器加解码器。"

OWN = Text(
    "Writing tool: corrections of your own, letter by letter, an encoder and a decoder.", "写作工具：自备的更正。"
)

LONGEST, WORDS, HELD_OUT = 15, 16, 512
END, START = "\n", ">"
UNKNOWN = 2
"""Number of a rare letter, behind those of an end and a start: nobody can tell which it is."""

QUICK: dict[str, Any] = {"width": 32, "steps": 130}

Pairs = list[tuple[str, str]]


@family
def spelling(width: int = 48, depth: int = 1, file: str | None = None) -> "Spelling":
    """A transformer that reads a mistake and writes the word, measured on words that it has never seen.

    Args:
        width: numbers that describe a letter, a multiple of 8.
        depth: blocks of the encoder, and of the decoder.
        file: mistakes of your own instead, UTF-8, a line such as `recieve->receive` each.

    Raises:
        InvalidValue: a setting out of its range, or a file that cannot be read or has too little.
    """
    check_size("spelling", width, depth)
    if own := own_file("spelling", file):
        _pairs(own)
    return Spelling(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        data=partial(_data, own),
        model=lambda: Corrector(len(_alphabet(own)), width, depth),
        loss=loss,
        metric=words_right,
        metric_name="words right",
        higher_is_better=True,
        target=0.26,
        batch_size=64,
        steps=1000,
        clip_norm=1.0,
        ema=0.98,
        own=own,
    )


@cache
def _pairs(own: Own | None) -> tuple[Pairs, Pairs]:
    """Mistakes and words to train on, then some of an eighth of the words, of which no mistake is trained on."""
    if own is None:
        pairs = [pair for pair in datasets.load("spelling") if all(word.isascii() and word.islower() for word in pair)]
    else:
        lines = filter(str.strip, read_text("spelling", own).splitlines())
        pairs = [(wrong.strip(), right.strip()) for wrong, _, right in (line.partition("->") for line in lines)]
        for wrong, right in pairs:
            if not (wrong and right):
                raise InvalidValue(
                    f"spelling: {own.path} must have lines such as  recieve->receive, got  {wrong or right}"
                )
    pairs = [pair for pair in pairs if all(len(word) <= LONGEST for word in pair)]
    words = sorted({right for _, right in pairs})
    if len(words) < WORDS:
        raise InvalidValue(
            f"spelling: {own and own.path} must have {WORDS} different words or more of up to {LONGEST}"
            f" letters, got {len(words)}"
        )
    asked = set(words[::8])
    held_out = [pair for pair in pairs if pair[1] in asked]
    return [pair for pair in pairs if pair[1] not in asked], held_out[:: -(-len(held_out) // HELD_OUT)]


@cache
def _alphabet(own: Own | None) -> str:
    return alphabet_of(map("".join, _pairs(own)[0]), first=END + START)


@cache
def _data(own: Own | None) -> Data:
    """The letters of a mistake, filled up to 15 with ends, then a start and those of the word, which are the targets.

    So the decoder has the right letters before each one, as if it had written them itself.
    """
    training, held_out = _pairs(own)
    pairs = (wrong.ljust(LONGEST, END) + START + right.ljust(LONGEST + 1, END) for wrong, right in training + held_out)
    rows = as_numbers("".join(pairs), _alphabet(own)).reshape(-1, 2 * LONGEST + 2)
    inputs, words = rows[:, :-1], rows[:, LONGEST + 1 :]
    targets = words.masked_fill((words == 0).cumsum(dim=1) > 1, NOTHING)
    return inputs[: len(training)], targets[: len(training)], inputs[len(training) :], targets[len(training) :]


class Corrector(nn.Module):
    """Blocks that read the mistake in both directions, and blocks that write the word and look at what was read."""

    def __init__(self, letters: int, width: int, depth: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        nn.init.normal_(self.letters.weight, std=0.1)
        self.encoder = nn.Sequential(*(Block(width, looks_back=False) for _ in range(depth)), nn.LayerNorm(width))
        self.decoder = nn.ModuleList(Block(width, reads=True) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, pairs: Tensor) -> Tensor:
        """From letters of mistakes and words, shape (n, 31), to scores of the words', shape (n, 16, letters)."""
        wrong, x = self.letters(pairs).split([LONGEST, LONGEST + 1], dim=1)
        read = self.encoder(wrong)
        for block in self.decoder:
            x = block(x, read)
        return linear(self.norm(x), self.letters.weight)


def words_right(output: Tensor, targets: Tensor) -> Tensor:
    """The share of words that the network writes without a mistake, the likeliest letter each time.

    It does so exactly where each letter is the likeliest one behind the right ones before it.
    """
    is_right = (output.argmax(dim=-1) == targets) & (targets != UNKNOWN)
    return (is_right | (targets == NOTHING)).all(dim=1).float().mean()


@dataclass(frozen=True, kw_only=True)
class Spelling(Supervised):
    """The problem, whose sessions can show what they write."""

    own: Own | None

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        session = Session(self, seed, device)
        session.pairs, session.alphabet = _pairs(self.own)[1], _alphabet(self.own)
        return session


class Session(SupervisedSession):
    """One training."""

    pairs: Pairs
    alphabet: str

    def write(self, mistakes: Tensor) -> list[str]:
        """What the network writes, the likeliest letter each time; shape (n, 31), in which the words do not count."""
        pairs = mistakes.clone()
        with self.evaluated():
            for place in range(LONGEST):
                pairs[:, LONGEST + 1 + place] = self.model(pairs)[:, place].argmax(dim=1)
        rows = pairs[:, LONGEST + 1 :].tolist()
        return ["".join(self.alphabet[letter] for letter in row).partition(END)[0] for row in rows]

    def show(self, rows: int = 14, columns: int = 2) -> "Image":
        """Held-out mistakes and what the network writes: green where it is right, else red before the right word."""
        apart = max(1, len(self.pairs) // (rows * columns))
        shown = slice(0, apart * rows * columns, apart)
        written = self.write(self._data[2][shown])
        return picture(
            [(wrong, word, right) for (wrong, right), word in zip(self.pairs[shown], written, strict=True)], columns
        )
