"""Chains of proteins: of the data set or of a user's folder, told apart by near-copies, and as maps of distances."""

import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from ... import datasets
from ...base.errors import InvalidValue
from ...datasets.structures import Residues, chains, without_gaps
from ..own import Own, is_hidden
from .secondary import secondary_structure

__all__ = ["BINS", "CODES", "CONTACT", "PADDING", "Maps", "all_chains", "chains_in", "families", "maps", "virtual_cb"]

CODES = "-ACDEFGHIKLMNPQRSTVWY"
"""Of nothing, where a chain has ended, and of the amino acids."""

SHORTEST = 20
"""Residues of a chain that is taken."""

WORD, SHARED = 4, 0.05
"""Chains that share more than a twentieth of the shorter one's words of four residues are near-copies."""

NEAREST, FURTHEST, STEP = 4, 20, 2
"""Of distances in ångström: those below or above are of the first or last bin."""

BINS = 1 + (FURTHEST - NEAREST) // STEP

CONTACT = (8 - NEAREST) // STEP
"""Bins below this one are of residues that touch: less than 8 ångström apart."""

PADDING = 255

ENDINGS = (".pdb", ".ent", ".cif", ".mmcif")


@cache
def all_chains(own: Own | None) -> list[Residues]:
    """The chains of the data set, or of a folder."""
    if own is not None:
        return chains_in(own.path)
    read = datasets.load("proteins")
    return [Residues(*chain) for chain in zip(read.sequences, read.backbones, strict=True)]


def chains_in(folder: Path) -> list[Residues]:
    """The chains of the PDB and mmCIF files in a folder, and in those in it, in parts without gaps.

    Of equal sequences it is the first.

    Raises:
        InvalidValue: it has fewer than ten chains, or a file cannot be read.
    """
    files = [file for file in sorted(folder.rglob("*")) if file.name.lower().removesuffix(".gz").endswith(ENDINGS)]
    files = [file for file in files if not (file.is_dir() or is_hidden(file, folder))]
    found: dict[str, Residues] = {}
    for file in files:
        try:
            parts = [part for chain in chains(file) for part in without_gaps(chain)]
        except (OSError, EOFError, ValueError, KeyError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidValue(f"{file}: cannot be read as PDB or mmCIF ({reason})") from None
        for part in parts:
            if len(part.sequence) >= SHORTEST:
                found.setdefault(part.sequence, part)
    if len(found) < 10:
        raise InvalidValue(
            f"{folder}: must have ten different chains of {SHORTEST} residues or more in its PDB and mmCIF files,"
            f" got {len(found)} in {len(files)}"
        )
    return [*found.values()]


def families(sequences: list[str]) -> NDArray[np.int64]:
    """For each sequence the number of its family: near-copies, and near-copies of those.

    >>> families(["MKVLAAGIV", "MKVLAAGIG", "WWYFPNNQD"]).tolist()
    [0, 0, 1]
    """
    words = [{sequence[at : at + WORD] for at in range(len(sequence) - WORD + 1)} for sequence in sequences]
    number = {word: index for index, word in enumerate(sorted(set().union(*words)))}
    columns = [number[word] for own in words for word in own]
    rows = np.repeat(np.arange(len(words)), [len(own) for own in words])
    has = csr_array((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=(len(words), len(number)))
    shared = (has @ has.T).tocoo()
    lengths = np.array([len(own) for own in words])
    alike = shared.data > SHARED * np.minimum(lengths[shared.row], lengths[shared.col])
    graph = csr_array((alike, (shared.row, shared.col)), shape=shared.shape)
    graph.eliminate_zeros()
    found: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def virtual_cb(backbone: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where the first atom of the side chain is, in an ideal residue: shape (length, 3) from (length, 4, 3)."""
    n, ca, c = backbone.astype(np.float64).transpose(1, 0, 2)[:3]
    before, behind = ca - n, c - ca
    places: NDArray[np.float64] = ca - 0.58273431 * np.cross(before, behind) + 0.56802827 * before - 0.54067466 * behind
    return places


class Maps(NamedTuple):
    """Windows of chains.

    Attributes:
        residues: numbers of `CODES`, shape (n, size), 0 behind the end of a chain.
        targets: of each pair of residues the bin of their distance, and of each residue, on the diagonal, its secondary
            structure; shape (n, size, size), `PADDING` behind the end.
    """

    residues: NDArray[np.uint8]
    targets: NDArray[np.uint8]


def maps(chosen: list[Residues], size: int, stride: int) -> Maps:
    """Windows of so many residues, each so far behind the one before; the last ends with its chain."""
    starts = [
        (chain, start)
        for chain, whole in enumerate(chosen)
        for start in [*range(0, len(whole.sequence) - size, stride), max(0, len(whole.sequence) - size)]
    ]
    residues = np.zeros((len(starts), size), dtype=np.uint8)
    targets = np.full((len(starts), size, size), PADDING, dtype=np.uint8)
    known = [_map(whole) for whole in chosen]
    for row, (chain, start) in enumerate(starts):
        codes = chosen[chain].sequence[start : start + size]
        residues[row, : len(codes)] = [CODES.index(code) for code in codes]
        targets[row, : len(codes), : len(codes)] = known[chain][start : start + size, start : start + size]
    return Maps(residues, targets)


def _map(chain: Residues) -> NDArray[np.uint8]:
    places = virtual_cb(chain.backbone)
    bins: NDArray[np.uint8] = ((cdist(places, places).clip(NEAREST, FURTHEST) - NEAREST) // STEP).astype(np.uint8)
    np.fill_diagonal(bins, BINS + secondary_structure(chain.sequence, chain.backbone))
    return bins
