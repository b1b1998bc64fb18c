"""203 chains without gaps: parts of files of the Protein Data Bank, and of the docking benchmark made of it."""

import hashlib
import io
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .fetching import NotFetched
from .protein_list import listed, url
from .structures import Residues, chains

__all__ = ["make", "part_digest"]


def hundredths(backbone: NDArray[np.float64]) -> NDArray[np.int32]:
    """Places in hundredths of an ångström."""
    return np.rint(backbone * 100).astype(np.int32)


def part_digest(sequence: str, places: NDArray[np.int32]) -> str:
    """By which a chain is known."""
    return hashlib.sha256(sequence.encode() + places.tobytes()).hexdigest()[:16]


def make(*paths: Path) -> bytes:
    """An .npz of `names`, `sequences` and `backbone`, one chain after the other.

    Args:
        paths: a file for each different name of the list, in its order, called by that name.

    Raises:
        NotFetched: a file lacks its chain.
    """
    by_name = {path.stem: path for path in paths}
    read = cache(lambda name: chains(by_name[name]))
    parts = [_part(read(name), name, length, digest) for name, length, digest in listed()]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        names=np.array([name for name, *_ in listed()]),
        sequences=np.array([sequence for sequence, _ in parts]),
        backbone=np.concatenate([places for _, places in parts]),
    )
    return content.getvalue()


def _part(whole: list[Residues], name: str, length: int, digest: str) -> tuple[str, NDArray[np.int32]]:
    for chain in whole:
        places = hundredths(chain.backbone)
        for begin in range(len(places) - length + 1):
            part = chain.sequence[begin : begin + length], places[begin : begin + length]
            if part_digest(*part) == digest:
                return part
    raise NotFetched(f"{url(name)}: has no chain {name} as it was published")
