"""Structure of proteins: distances and secondary structure from the sequence, a small dilated convolutional network."""

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...base.checks import check_whole
from ...base.errors import InvalidValue
from ...base.text import Text
from ..families import family
from ..own import Own, own_folder
from ..supervised import Data, Supervised, SupervisedSession
from .chains import BINS, CODES, CONTACT, PADDING, all_chains, families, maps
from .pair_network import PairNetwork
from .ranking import average_precision

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "蛋白质结构：由序列预测残基间距离与二级结构，一个小型空洞卷积网络。"

OWN = Text(
    "Structure of your own proteins: distances and secondary structure.", "自备蛋白质的结构：残基间距离与二级结构。"
)

QUICK = {"width": 4, "depth": 2, "length": 32, "steps": 30}

APART = 6  # steps of the chain between two residues, from which on they make a contact
STRIDE, HELD_OUT = 4, 64
STRUCTURE = 0.2  # weight of the secondary structure's loss


@family
def proteins(width: int = 16, depth: int = 6, length: int = 64, folder: str | None = None) -> "Proteins":
    """A network that tells which residues touch each other, measured on chains that it was not trained on.

    Args:
        width: numbers that describe a pair of residues; a residue has three times as many.
        depth: convolutions over pairs.
        length: residues of a window of a chain, from 16.
        folder: PDB and mmCIF files of your own instead, of ten different chains or more; a fifth is held out.

    Raises:
        InvalidValue: a setting out of its range, or a folder without chains.
    """
    check_whole("proteins: width", width)
    check_whole("proteins: depth", depth)
    check_whole("proteins: length", length, 16)
    own = own_folder("proteins", folder)
    return Proteins(
        about=OWN.en if own else "",
        about_zh=OWN.zh if own else "",
        data=partial(_data, own, length),
        model=partial(PairNetwork, len(CODES), BINS + 3, length, width, depth),
        loss=loss,
        metric=precision,
        metric_name="average precision",
        higher_is_better=True,
        target=0.1059,
        batch_size=8,
        steps=600,
        clip_norm=1.0,
        ema=0.99,
    )


@cache
def _data(own: Own | None, length: int) -> Data:
    """Windows of chains, overlapping ones to train on, and others of chains that are no near-copies of those."""
    chains = all_chains(own)
    family = families([chain.sequence for chain in chains])
    if own is not None and family.max() == 0:
        raise InvalidValue(f"{own.path}: all of its chains are near-copies of each other, so that none can be held out")
    is_held_out = family % 5 == min(4, family.max())
    known = maps([chain for chain, out in zip(chains, is_held_out, strict=True) if not out], length, STRIDE)
    unseen = maps([chain for chain, out in zip(chains, is_held_out, strict=True) if out], length, length)
    some = torch.randperm(len(unseen.residues), generator=torch.Generator().manual_seed(0))[:HELD_OUT].numpy()
    sets = known.residues, known.targets, unseen.residues[some], unseen.targets[some]
    return torch.tensor(sets[0]), torch.tensor(sets[1]), torch.tensor(sets[2]), torch.tensor(sets[3])


def loss(output: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of all pairs' distances and, with a weight, of the secondary structure on the diagonal."""
    classes = targets.long()
    of_all = cross_entropy(output, classes, ignore_index=PADDING)
    residues, structure = (torch.diagonal(part, dim1=-2, dim2=-1) for part in (output, classes))
    return of_all + STRUCTURE * cross_entropy(residues, structure, ignore_index=PADDING)


def contacts(output: Tensor) -> Tensor:
    """The chance that two residues touch, from the scores of classes: shape (n, length, length)."""
    chances: Tensor = output.softmax(dim=1)[:, :CONTACT].sum(dim=1)
    return chances


def precision(output: Tensor, targets: Tensor) -> Tensor:
    """The average precision of contacts, in the order of their chance, all windows together."""
    i, j = torch.ones_like(targets[0]).triu(APART).nonzero().T
    classes, chances = targets[:, i, j], contacts(output)[:, i, j]
    is_known = classes != PADDING
    return average_precision(chances[is_known], classes[is_known] < CONTACT)


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
