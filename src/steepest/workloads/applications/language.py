"""Language model, English: what Python's help says, character by character, a small transformer."""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch

from ... import datasets
from ...base.errors import InvalidValue
from ...base.text import Text
from ..families import family
from ..own import Own, own_file
from ..supervised import Data, Supervised, SupervisedSession
from .texts import alphabet_of, as_numbers, read_text
from .transformer import Transformer, bits, check_size, loss, write

about_zh = "英文语言模型：逐字符学习 Python 的帮助文档，一个小型 Transformer。"

OWN = Text(
    "Language model of your own text, character by character, a small transformer.", "自备文本的逐字符语言模型。"
)

WINDOW = 128
"""Characters that the transformer looks at."""

PARTS, HELD_OUT = 8, 6
"""Parts of the text, of each of which so many windows at its beginning are held out: fewer of a short text."""

LEAST = 4 * PARTS * WINDOW
"""Characters of the shortest text, of which a quarter is held out."""

WINDOWS = 12_000
"""Windows to train on, at most some: more than a run has use for."""

QUICK: dict[str, Any] = {"width": 32, "depth": 1, "steps": 60}


@family
def language(width: int = 64, depth: int = 2, file: str | None = None) -> "Language":
    """A transformer that tells the next character, measured on passages that it was not trained on.

    Args:
        width: numbers that describe a character, a multiple of 8.
        depth: blocks of attention and a hidden layer.
        file: a text of your own instead, UTF-8, of 4,096 characters or more.

    Raises:
        InvalidValue: a setting out of its range, or a file that cannot be read or is too short.
    """
    check_size("language", width, depth)
    if own := own_file("language", file):
        _parts(own)
    return Language(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        data=partial(_data, own),
        model=lambda: Transformer(len(_alphabet(own)), width, depth, std=0.1),
        loss=loss,
        metric=bits,
        metric_name="bits a character",
        higher_is_better=False,
        target=2.5,
        batch_size=8,
        steps=800,
        clip_norm=1.0,
        own=own,
    )


@cache
def _parts(own: Own | None) -> tuple[list[str], list[str]]:
    """Passages to train on and held-out ones, which alternate; a paragraph that comes again counts once.

    (Python's help repeats whole chapters: what is held out would stand in what is trained on.)
    """
    text = datasets.load("language") if own is None else read_text("language", own)
    text = "\n\n".join(dict.fromkeys(text.split("\n\n")))
    where = own and own.path
    if len(text) < LEAST:
        raise InvalidValue(
            f"language: {where} must have {LEAST} characters or more, not counting repeated paragraphs, got {len(text)}"
        )
    if len(set(text)) == len(text):
        raise InvalidValue(f"language: {where} has no character twice, so that nothing can be learnt")
    apart = len(text) // PARTS
    held_out = WINDOW * min(HELD_OUT, apart // (4 * WINDOW)) + 1
    parts = [text[start : start + apart] for start in range(0, PARTS * apart, apart)]
    return [part[held_out:] for part in parts], [part[:held_out] for part in parts]


@cache
def _alphabet(own: Own | None) -> str:
    return alphabet_of(_parts(own)[0])


@cache
def _data(own: Own | None) -> Data:
    """Windows of the text as numbers of characters; the targets are the same, one place on."""
    training, held_out = ([as_numbers(part, _alphabet(own)) for part in parts] for parts in _parts(own))
    stride = max(WINDOW // 4, sum(map(len, training)) // WINDOWS)
    windows = torch.cat([part.unfold(0, WINDOW + 1, stride) for part in training])
    asked = torch.cat([part.unfold(0, WINDOW + 1, WINDOW) for part in held_out])
    return windows[:, :-1], windows[:, 1:], asked[:, :-1], asked[:, 1:]


@dataclass(frozen=True, kw_only=True)
class Language(Supervised):
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

    def show(self, characters: int = 320) -> str:
        """The beginning of a held-out passage, and behind the sign ▶ what the transformer writes now."""
        start = self._data[2][:1]
        with self.evaluated():
            numbers = write(self.model, start, characters, WINDOW)[0].tolist()
        text = "".join(self.alphabet[number] for number in numbers)
        return f"{text[:WINDOW]}▶{text[WINDOW:]}"
