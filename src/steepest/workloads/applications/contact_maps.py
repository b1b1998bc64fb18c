"""Pictures of contacts within proteins: what is above the diagonal, what is predicted below it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .chains import BINS, CONTACT, PADDING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["sheet"]

PAPER, DIAGONAL = (255, 255, 255), (222, 224, 228)
TRUE, PREDICTED = (28, 30, 33), (0, 103, 165)
STRUCTURES = np.array([(207, 34, 46), (46, 110, 200), (222, 224, 228)], dtype=np.uint8)
"""Of helices, strands, and the rest."""

LIKELY = 0.4
"""The chance from which on a predicted contact has all of its colour: few are likelier."""

BAND, GAP, SPACE, SCALE = 3, 1, 6, 4
"""Pixels of the structure's band, between it and its map, and between maps; and how often each pixel is repeated."""


def sheet(
    chances: NDArray[np.float32], structures: NDArray[np.int64], targets: NDArray[np.uint8], apart: int
) -> "Image":
    """Maps, two in a row.

    Args:
        chances: of a contact, as predicted, shape (n, length, length).
        structures: as predicted, shape (n, length).
        targets: as `chains.Maps` has them.
        apart: residues between two, from which on a contact counts.
    """
    from PIL import Image

    maps = [_map(*parts, apart) for parts in zip(chances, structures, targets, strict=True)]
    place = len(maps[0]) + SPACE
    pixels = np.full((-(-len(maps) // 2) * place - SPACE, min(2, len(maps)) * place - SPACE, 3), 255, dtype=np.uint8)
    for index, one in enumerate(maps):
        top, left = index // 2 * place, index % 2 * place
        pixels[top : top + len(one), left : left + len(one)] = one
    return Image.fromarray(pixels.repeat(SCALE, axis=0).repeat(SCALE, axis=1))


def _map(
    chances: NDArray[np.float32], structure: NDArray[np.int64], target: NDArray[np.uint8], apart: int
) -> NDArray[np.uint8]:
    length = int((np.diagonal(target) != PADDING).sum())
    i, j = np.indices((length, length))
    shade = np.where(j > i, target[:length, :length] < CONTACT, (chances[:length, :length].T / LIKELY).clip(0, 1))[
        ..., None
    ]
    ink = np.where((j > i)[..., None], TRUE, PREDICTED)
    pixels = PAPER + shade * (ink - np.array(PAPER))
    pixels[np.abs(i - j) < apart] = DIAGONAL
    whole = np.full((len(target) + BAND + GAP, len(target) + BAND + GAP, 3), 255, dtype=np.uint8)
    first = BAND + GAP
    whole[first : first + length, first : first + length] = pixels.round()
    whole[:BAND, first : first + length] = STRUCTURES[np.diagonal(target)[:length] - BINS]
    whole[first : first + length, :BAND] = STRUCTURES[structure[:length], None]
    return whole
