"""Vision and language: emoji named in English and in Chinese, word by word, a small transformer that sees them."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...base.text import Text
from ..batches import BatchesSession, FromBatches
from ..devices import device_of
from ..families import family
from ..own import Own, own_folder
from . import named_pictures
from .named_pictures import FIRST, UNKNOWN, Named, batches, held_out, told
from .transformer import NOTHING, Block, check_size, loss

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "视觉与语言：逐词说出表情符号的中英文名称，一个能看图的小型 Transformer。"

OWN = Text(
    "Vision and language: your own pictures named, a small transformer that sees them.", "视觉与语言：为自备图片命名。"
)

QUICK: dict[str, Any] = {"width": 16, "depth": 1, "steps": 25}


@family
def captions(width: int = 96, depth: int = 2, folder: str | None = None) -> "Captions":
    """A network that names a picture, measured on pictures that it was not trained on.

    Args:
        width: numbers that describe a word, or a quarter of the picture; a multiple of 8.
        depth: blocks of attention and a hidden layer.
        folder: your own pictures instead, with a file `names.txt`: a line each, the file, a tab, its name, and, if you
            like, behind another tab its name in another language.

    Raises:
        InvalidValue: a setting out of its range, or a folder without such a file.
    """
    check_size("captions", width, depth)
    own = own_folder("captions", folder)
    if own is not None:
        named_pictures.data(own)
    return Captions(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        model=lambda: Captioner(len(named_pictures.data(own).vocabulary), width, depth),
        batches=partial(batches, own),
        takes=("seed", "batch_size", "device"),
        loss=batch_loss,
        evaluate=partial(evaluate, own),
        metric_name="names right",
        higher_is_better=True,
        target=0.3,
        batch_size=64,
        own_batch_size=64,
        steps=500,
        clip_norm=1.0,
        ema=0.98,
        own=own,
    )


class Captioner(nn.Module):
    """Sees a picture as four tokens, its quarters, which stand before the words: each attends to all before it.

    Args:
        words: how many there are.
        width: numbers that describe a word.
        depth: blocks.
    """

    def __init__(self, words: int, width: int, depth: int) -> None:
        super().__init__()
        channels = (3, 32, 64, width)
        layers = [
            nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.GELU())
            for before, after in pairwise(channels)
        ]  # each halves the sides of the picture
        self.see = nn.Sequential(*layers, nn.Conv2d(width, width, 3, stride=2, padding=1), nn.Flatten(2))
        self.words = nn.Embedding(words, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, pictures: Tensor, words: Tensor) -> Tensor:
        """Scores of the next word, shape (n, length, words).

        Args:
            pictures: shape (n, 3, 32, 32), uint8.
            words: shape (n, length), the first one the sign of a language.
        """
        seen = self.see(1 - pictures / 255).mT  # white is 0, as beyond the edge
        x = self.blocks(torch.cat([seen, self.words(words)], dim=1))[:, seen.shape[1] :]
        return linear(self.norm(x), self.words.weight)


def batch_loss(model: nn.Module, batch: Named) -> Tensor:
    """Mean cross-entropy of the next word, where the words before it are the true ones."""
    return loss(model(batch.pictures, batch.names[:, :-1].clamp(min=0)), batch.names[:, 1:])


def evaluate(own: Own | None, model: nn.Module) -> dict[str, Tensor]:
    """The same of held-out names, and the share of names that are right to the last word.

    A name that is written word by word, each the likeliest, is right if and only if each word is the likeliest behind
    the true words before it; so one pass tells.
    """
    losses, words, rights = [], [], []
    for pictures, names in held_out(device_of(model), own):
        scores, targets = model(pictures, names[:, :-1].clamp(min=0)), names[:, 1:]
        losses.append(loss(scores, targets))
        words.append((targets != NOTHING).sum())
        is_right = (scores.argmax(dim=2) == targets) & (targets != UNKNOWN)
        rights.append((is_right | (targets == NOTHING)).all(dim=1))
    shares = torch.stack(words) / torch.stack(words).sum()
    return {"loss": (torch.stack(losses) * shares).sum(), "names right": torch.cat(rights).float().mean()}


@dataclass(frozen=True, kw_only=True)
class Captions(FromBatches):
    """The problem, whose sessions can show how pictures are named."""

    own: Own | None

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        session = Session(self, seed, device)
        session.own = self.own
        return session

    def examples(self) -> int:
        """Number of names to train on."""
        return len(named_pictures.data(self.own).training.names.flatten(0, 1))


class Session(BatchesSession):
    """One training."""

    own: Own | None

    def named(self, pictures: Tensor, language: int) -> list[list[str]]:
        """The words of the names that the network gives, each word the likeliest, until it ends or is too long."""
        vocabulary, training, *_ = named_pictures.data(self.own)
        words = torch.full((len(pictures), 1), FIRST + language, device=pictures.device)
        with self.evaluated():
            for _ in range(training.names.shape[2] - 1):
                words = torch.cat([words, self.model(pictures, words)[:, -1:].argmax(dim=2)], dim=1)
        return [told(row, vocabulary) for row in words.tolist()]

    def show(self, rows: int = 6, columns: int = 3) -> "Image":
        """Held-out pictures and their names: green what is right; else red what the network says, above the truth."""
        from .caption_sheet import sheet

        _, _, (pictures, _), truth = named_pictures.data(self.own)
        pictures = pictures[: rows * columns]
        said = [self.named(pictures.to(self._on), language) for language in range(len(truth))]
        return sheet(pictures.permute(0, 2, 3, 1).numpy(), said, truth, columns)
