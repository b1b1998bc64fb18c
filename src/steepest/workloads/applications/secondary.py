"""Secondary structure from the places of the backbone's atoms, as DSSP tells it (Kabsch and Sander 1983).

A hydrogen bond is where four partial charges attract each other enough; helices and strands are patterns of bonds.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["COIL", "HELIX", "STRAND", "hydrogen_bonds", "secondary_structure", "structure_of_bonds"]

HELIX, STRAND, COIL = range(3)
"""DSSP's H, G and I; E and B; and the rest."""

CHARGES = 0.42 * 0.20 * 332
"""Of CO times of NH, in units of the electron, and what makes kcal/mol of them at a distance in ångström."""

BOND = -0.5
"""In kcal/mol; a good bond has -3."""

N, CA, C, O = range(4)  # noqa: E741
NEAR, NH = 9.0, 1.0
"""Between the CA of residues that may have a bond, and the length of N–H, in ångström."""


def secondary_structure(sequence: str, backbone: NDArray[np.floating]) -> NDArray[np.int64]:
    """`HELIX`, `STRAND` or `COIL` of each residue.

    Args:
        sequence: one-letter codes.
        backbone: places of N, CA, C and O, shape (length, 4, 3), in ångström, of a chain without gaps.
    """
    return structure_of_bonds(hydrogen_bonds(sequence, backbone))


def hydrogen_bonds(sequence: str, backbone: NDArray[np.floating]) -> NDArray[np.bool_]:
    r"""Whether the CO of residue i has a bond to the NH of residue j, at [i, j].

    $$E = q_1 q_2 \, (1 / r_{ON} + 1 / r_{CH} - 1 / r_{OH} - 1 / r_{CN}) < -0.5 \, \mathrm{kcal/mol}$$

    The hydrogen, which most structures lack, lies opposite to the O of the residue before. Proline has none, nor has
    the first residue.
    """
    backbone = backbone.astype(np.float64)
    bonds = np.zeros((len(backbone), len(backbone)), dtype=bool)
    pairs = cKDTree(backbone[:, CA]).query_pairs(NEAR, output_type="ndarray")
    i, j = np.concatenate([pairs, pairs[:, ::-1]]).T
    has_hydrogen = (j > 0) & (np.array(list(sequence))[j] != "P") & (j != i + 1)
    i, j = i[has_hydrogen], j[has_hydrogen]
    back = backbone[j - 1, C] - backbone[j - 1, O]
    hydrogen = backbone[j, N] + NH * back / np.linalg.norm(back, axis=1, keepdims=True)
    c, o, n = backbone[i, C], backbone[i, O], backbone[j, N]

    def inverse(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        distances: NDArray[np.float64] = np.linalg.norm(one - other, axis=1)
        return 1 / distances

    energies = CHARGES * (inverse(o, n) + inverse(c, hydrogen) - inverse(o, hydrogen) - inverse(c, n))
    bonds[i, j] = energies < BOND
    return bonds


def structure_of_bonds(bonds: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The structure that a pattern of hydrogen bonds makes, given as `hydrogen_bonds` gives it.

    Two turns of n residues one after the other make a helix, two bonds in one of four patterns a bridge of strands.
    Helices of turns of 4 go first, then strands, then helices of 3 and of 5 where all of their residues are free.
    A bulge between two bridges counts as coil.
    """
    structure = np.full(len(bonds), COIL)
    if len(bonds) < 3:
        return structure
    structure[_bridged(bonds)] = STRAND
    structure[_helices(bonds, 4)] = HELIX
    for n in (3, 5):
        helices = _helices(bonds, n)
        structure[helices[(structure[helices] == COIL).all(axis=1)]] = HELIX
    return structure


def _helices(bonds: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """The n residues of each pair of turns, shape (pairs, n)."""
    turns = np.diagonal(bonds, n)
    starts = np.flatnonzero(turns[:-1] & turns[1:]) + 1
    return starts[:, None] + np.arange(n)


def _bridged(bonds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each residue is beside one of another strand."""
    inner = len(bonds) - 2

    def bond(i: int, j: int) -> NDArray[np.bool_]:
        """From the CO of the residue so far from i to the NH of that from j, for all i and j but the ends."""
        return bonds[1 + i : 1 + i + inner, 1 + j : 1 + j + inner]

    parallel = (bond(-1, 0) & bond(0, 1).T) | (bond(-1, 0).T & bond(0, 1))
    antiparallel = (bond(0, 0) & bond(0, 0).T) | (bond(-1, 1) & bond(-1, 1).T)
    bridges = np.zeros_like(bonds)
    bridges[1:-1, 1:-1] = np.triu(parallel | antiparallel, 3)
    beside: NDArray[np.bool_] = np.any(bridges | bridges.T, axis=1)
    return beside
