"""Structure of proteins: distances and secondary structure from the sequence, a small dilated convolutional network."""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from ...base.errors import InvalidValue
from ...base.text import Text
from ..supervised import Data, Supervised, SupervisedSession
from .chains import BINS, CODES, CONTACT, PADDING, all_chains, families, maps

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "蛋白质结构：由序列预测残基间距离与二级结构，一个小型空洞卷积网络。"

OWN = Text("Structure of your own proteins: distances and secondary structure.", "自备蛋白质的结构：残基间距离与二级结构。")

QUICK = {"width": 4, "length": 32, "steps": 30}

APART = 6  # residues from one to the other, from which on a contact counts
STRIDE, HELD_OUT = 4, 64
STRUCTURE = 0.2


def proteins(width: int = 16, length: int = 64, folder: str | None = None) -> "Proteins":
    """A network that tells which residues touch each other, measured on chains that it was not trained on.

    Args:
        width: numbers that describe a pair of residues; a residue has three times as many.
        length: residues of a window of a chain, from 16.
        folder: PDB and mmCIF files of your own instead, of ten different chains or more; a fifth is held out.

    Raises:
        InvalidValue: a setting out of its range, or a folder without chains.
    """
    if width < 1 or length < 16:
        raise InvalidValue(f"proteins: width must be from 1, length from 16, got {width!r} and {length!r}")
    settings = {"width": (width, 16), "length": (length, 64), "folder": (folder, None)}
    changed = ", ".join(f"{name}={value!r}" for name, (value, default) in settings.items() if value != default)
    own = None if folder is None else Path(folder).expanduser()
    return Proteins(
        name=f"proteins({changed})" if changed else "proteins",
        about=OWN.en if folder else (__doc__ or "").partition("\n")[0],
        about_zh=OWN.zh if folder else about_zh,
        data=partial(_data, own, length),
        model=partial(Network, width, length),
        loss=loss,
        metric=average_precision,
        metric_name="average precision of contacts",
        higher_is_better=True,
        target=0.1,
        batch_size=8,
        steps=700,
        clip_norm=1.0,
    )


@cache
def _data(folder: Path | None, length: int) -> Data:
    """Windows of chains, overlapping ones to train on, and others of chains that are no near-copies of those."""
    chains = all_chains(folder)
    family = families([chain.sequence for chain in chains])
    if folder is not None and family.max() == 0:
        raise InvalidValue(f"{folder}: all of its chains are near-copies of each other, so that none can be held out")
    is_held_out = family % 5 == min(4, family.max())
    training = maps([chain for chain, out in zip(chains, is_held_out, strict=True) if not out], length, STRIDE)
    held_out = maps([chain for chain, out in zip(chains, is_held_out, strict=True) if out], length, length)
    chosen = torch.randperm(len(held_out.residues), generator=torch.Generator().manual_seed(0))[:HELD_OUT]
    return *map(torch.tensor, training), *(torch.tensor(part)[chosen] for part in held_out)


class Network(nn.Module):
    """From residues to pairs of residues, as the first AlphaFold (Senior et al. 2020), which also had what evolution says.

    Args:
        width: features of a pair.
        length: residues of a window.
    """

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.codes = nn.Embedding(len(CODES), 3 * width)
        self.residues = nn.Sequential(*(Block(nn.Conv1d, 3 * width, 7, dilation) for dilation in (1, 2, 4)))
        self.one, self.both = nn.Conv1d(3 * width, width, 1), nn.Conv1d(3 * width, width, 1)
        self.apart = nn.Embedding(length, width)
        self.pairs = nn.Sequential(*(Block(nn.Conv2d, width, 3, dilation) for dilation in (1, 2, 4)))
        self.out = nn.Conv2d(width, BINS + 3, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """From shape (n, length) to scores of classes, shape (n, classes, length, length); see `chains.Maps`."""
        residues = self.residues(self.codes(codes.long()).transpose(1, 2))
        one, both, place = self.one(residues), self.both(residues), torch.arange(codes.shape[1], device=codes.device)
        pairs = one.unsqueeze(3) + one.unsqueeze(2) + both.unsqueeze(3) * both.unsqueeze(2)
        pairs = pairs + self.apart((place.unsqueeze(1) - place).abs()).permute(2, 0, 1)
        output: Tensor = self.out(self.pairs(pairs))
        return output


class Block(nn.Module):
    """A norm and a dilated convolution, added to what came in."""

    def __init__(self, convolution: type[nn.Conv1d] | type[nn.Conv2d], width: int, size: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.convolution = convolution(width, width, size, padding="same", dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape as what it gives."""
        added: Tensor = x + relu(self.convolution(self.norm(x)))
        return added


def loss(output: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of all pairs' distances and, with a weight, of the secondary structure on the diagonal."""
    classes = targets.long()
    of_all = cross_entropy(output, classes, ignore_index=PADDING)
    residues, structure = (torch.diagonal(part, dim1=-2, dim2=-1) for part in (output, classes))
    return of_all + STRUCTURE * cross_entropy(residues, structure, ignore_index=PADDING)


def contacts(output: Tensor) -> Tensor:
    """The chance that a pair of residues touches, from the scores: shape (n, length, length)."""
    chances: Tensor = output.softmax(dim=1)[:, :CONTACT].sum(dim=1)
    return chances


def average_precision(output: Tensor, targets: Tensor) -> Tensor:
    """Of the pairs of all windows, the likeliest contacts first: the mean over contacts of the precision up to each.

    As scikit-learn has it, pairs of one chance count together.
    """
    i, j = torch.triu_indices(*targets.shape[1:], APART, device=targets.device)
    classes = targets[:, i, j]
    is_known = classes != PADDING
    chances, order = contacts(output)[:, i, j][is_known].sort(descending=True)
    found = (classes[is_known][order] < CONTACT).cumsum(dim=0)
    is_last = torch.cat([chances[1:] != chances[:-1], torch.ones_like(chances[:1], dtype=torch.bool)])
    until = torch.arange(1, len(chances) + 1, device=chances.device)[is_last]
    hits = found[is_last]
    new = hits.diff(prepend=torch.zeros_like(hits[:1]))
    return (new * hits / until).sum() / hits[-1].clamp(min=1)


@dataclass(frozen=True, kw_only=True)
class Proteins(Supervised):
    """The problem, whose sessions can show what touches what."""

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        return Session(self, seed, device)


class Session(SupervisedSession):
    """One training."""

    def show(self, count: int = 4) -> "Image":
        """Held-out windows: contacts as they are above the diagonal and as predicted below it, in shades of chance.

        At the upper edge is the true secondary structure, at the left one the predicted: helices red, strands blue.
        """
        from .contact_maps import sheet

        inputs, targets = (part[:count] for part in self._data[2:])
        with self.evaluated():
            output = self.model(inputs).cpu()
        predicted = torch.diagonal(output[:, BINS:], dim1=2, dim2=3).argmax(dim=1)
        return sheet(contacts(output).numpy(), predicted.numpy(), targets.cpu().numpy(), APART)
