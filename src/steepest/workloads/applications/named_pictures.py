"""Pictures with a name in one or more languages, as numbers: emoji, or those of a user."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import datasets
from ...base.errors import InvalidValue
from ..own import Own
from .images import pixels
from .texts import read_text
from .transformer import NOTHING

__all__ = ["FIRST", "SIDE", "UNKNOWN", "Data", "Named", "batches", "data", "held_out", "joined", "told", "words_of"]

SIDE = 32
"""Of a picture, in pixels."""

END, UNKNOWN, FIRST = 0, 1, 2
"""Tokens: the end of a name, a word not trained on, and the sign of the first language, which asks for a name in it."""

HELD_OUT = 200
"""Pictures that are held out, at most; a fifth, where there are few."""

LEAST = 10

PIECE = 64
"""Held-out names that are measured at a time."""

EAST_ASIAN = r"\u2e80-\uffef"


class Named(NamedTuple):
    """Pictures, shape (n, 3, 32, 32), uint8, and their names as tokens, shape (n, languages, length).

    A name begins with its language's sign, and is filled up with `NOTHING` behind its end.
    """

    pictures: Tensor
    names: Tensor


class Data(NamedTuple):
    """The words that tokens stand for, the pictures to train on, and the held-out ones.

    For each language, `truth` has the words of the held-out names, also those that are not trained on.
    """

    vocabulary: list[str]
    training: Named
    held_out: Named
    truth: list[list[list[str]]]


def words_of(name: str) -> list[str]:
    """The words of a name; of East Asian scripts, which have no spaces, the characters.

    >>> words_of("thinking face"), words_of("AB型血")
    (['thinking', 'face'], ['AB', '型', '血'])
    """
    return re.findall(rf"[^\s{EAST_ASIAN}]+|[{EAST_ASIAN}]", name)


def joined(words: list[str]) -> str:
    """A name again.

    >>> joined(["thinking", "face"]), joined(["AB", "型", "血"])
    ('thinking face', 'AB型血')
    """
    return re.sub(rf"(?<=[{EAST_ASIAN}]) | (?=[{EAST_ASIAN}])", "", " ".join(words))


def told(tokens: list[int], vocabulary: list[str]) -> list[str]:
    """The words of a name: what is behind the sign of its language, up to the end."""
    end = tokens.index(END) if END in tokens else len(tokens)
    return [vocabulary[token] for token in tokens[1:end]]


@cache
def data(own: Own | None) -> Data:
    """Emoji, or the pictures in a folder; the held-out ones are drawn once.

    Raises:
        InvalidValue: the folder has no file of names, or not what it says.
    """
    pictures, names = _emoji() if own is None else _own(own)
    count, languages = len(names), len(names[0])
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0)).tolist()
    known, unseen = np.split(order, [count - min(HELD_OUT, count // 5)])
    signs = [f"<{language + 1}>" for language in range(languages)]
    counts = Counter(word for index in known for name in names[index] for word in name)
    vocabulary = ["<end>", "<unknown>", *signs, *(word for word, _ in counts.most_common())]
    number = {word: token for token, word in enumerate(vocabulary)}
    tokens = torch.full((count, languages, 2 + max(len(name) for row in names for name in row)), NOTHING)
    for row, row_names in zip(tokens, names, strict=True):
        for language, name in enumerate(row_names):
            said = [FIRST + language, *(number.get(word, UNKNOWN) for word in name), END]
            row[language, : len(said)] = torch.tensor(said)
    colours = torch.tensor(pictures).permute(0, 3, 1, 2).contiguous()
    truth = [[names[index][language] for index in unseen] for language in range(languages)]
    return Data(vocabulary, Named(colours[known], tokens[known]), Named(colours[unseen], tokens[unseen]), truth)


def _emoji() -> tuple[NDArray[np.uint8], list[list[list[str]]]]:
    """Different pictures each of whose words is in the names of two of them, or more, and the words of their names.

    What has a word of its own, such as the flag of a country, nobody could name who has not seen it.
    """
    read = datasets.load("emoji")
    english = [words_of(name.replace("_", " ")) for name in read.english]
    chinese = [words_of(name.replace("_", "：")) for name in read.chinese]
    names = [list(pair) for pair in zip(english, chinese, strict=True)]
    first: dict[bytes, int] = {}
    for index, picture in enumerate(read.pictures):
        if picture.min() < 255:  # else the font lacks it
            first.setdefault(picture.tobytes(), index)
    chosen = list(first.values())
    words = [{word for name in pair for word in name} for pair in names]
    while True:
        counts = Counter(word for index in chosen for word in words[index])
        shared = [index for index in chosen if all(counts[word] > 1 for word in words[index])]
        if len(shared) == len(chosen):
            return read.pictures[chosen], [names[index] for index in chosen]
        chosen = shared


def _own(own: Own) -> tuple[NDArray[np.uint8], list[list[list[str]]]]:
    """The pictures that a folder's `names.txt` has, a line each: the file, a tab, its name, and so on."""
    file = own.path / "names.txt"
    lines = [line for line in read_text("captions", Own(file, own.state)).splitlines() if line.strip()]
    rows = [[part.strip() for part in line.split("\t")] for line in lines]
    if len(rows) < LEAST:
        raise InvalidValue(f"captions: {file} must name ten pictures or more, got {len(rows)}")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != max(2, len(rows[0])) or not all(row):
            raise InvalidValue(
                f"{file}: each line must be the file of a picture and its names, as many as in the first line, with"
                f" tabs between, got {line!r}"
            )
    pictures = np.stack([pixels(own.path / row[0], SIDE, "RGB") for row in rows])
    return pictures, [[words_of(name) for name in row[1:]] for row in rows]


@cache
def _pairs(device: torch.device, own: Own | None) -> list[Named]:
    """Pictures, each with a name in one language, on a device: those to train on, and the held-out ones."""
    _, *sets, _ = data(own)
    return [
        Named(pictures.repeat_interleave(names.shape[1], dim=0).to(device), names.flatten(0, 1).to(device))
        for pictures, names in sets
    ]


@cache
def held_out(device: torch.device, own: Own | None) -> list[Named]:
    """Held-out pictures, each with a name in one language, in pieces that are measured at a time."""
    _, pairs = _pairs(device, own)
    pieces = zip(torch.split(pairs.pictures, PIECE), torch.split(pairs.names, PIECE), strict=True)
    return [Named(pictures, _trimmed(names)) for pictures, names in pieces]


def batches(own: Own | None, seed: int, batch_size: int, device: torch.device) -> Iterator[Named]:
    """An epoch: every picture with each of its names, in a new order; the remainder is left out."""
    (pictures, names), _ = _pairs(device, own)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).to(device)
    size = min(batch_size, len(order))
    for chosen in order.unfold(0, size, size):
        yield Named(pictures[chosen], _trimmed(names[chosen]))


def _trimmed(names: Tensor) -> Tensor:
    """Without what stands behind the longest name."""
    return names[:, : int((names != NOTHING).sum(dim=1).max())]
