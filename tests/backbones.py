"""Backbones of proteins for tests: built from angles with the bonds of textbooks, and written as files."""

import numpy as np

from steepest.datasets.structures import CODES

THREE = {code: name for name, code in CODES.items() if name != "MSE"}


def placed(a, b, c, length, angle, torsion):
    """A point so far from c, with this angle at c, and this torsion about the bond from b to c, in degrees."""
    angle, torsion = np.radians(angle), np.radians(torsion)
    along = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(b - a, along)
    normal /= np.linalg.norm(normal)
    side = np.cross(normal, along)
    return c + length * (-np.cos(angle) * along + np.sin(angle) * (np.cos(torsion) * side + np.sin(torsion) * normal))


def backbone(phi, psi):
    """N, CA, C and O of residues with these torsions, in degrees, and flat peptide bonds (Engh and Huber 1991)."""
    n, ca = np.zeros(3), np.array([1.458, 0.0, 0.0])
    c = placed(np.array([0.0, 1.0, 0.0]), n, ca, 1.525, 111.0, 60.0)
    places = []
    for index, turn in enumerate(psi):
        o = placed(n, ca, c, 1.231, 120.1, turn + 180)
        places.append([n, ca, c, o])
        if index + 1 < len(psi):
            following_n = placed(n, ca, c, 1.329, 117.2, turn)
            following_ca = placed(ca, c, following_n, 1.458, 121.7, 180.0)
            n, ca, c = following_n, following_ca, placed(c, following_n, following_ca, 1.525, 111.0, phi[index + 1])
    return np.array(places)


def pdb_lines(sequence, places, chain="A"):
    """The ATOM records of a chain."""
    return [
        f"ATOM  {4 * number + index + 1:>5}  {atom:<3} {THREE[code]} {chain}{number + 1:>4}    {x:8.3f}{y:8.3f}{z:8.3f}"
        for number, (code, residue) in enumerate(zip(sequence, places, strict=True))
        for index, (atom, (x, y, z)) in enumerate(zip(("N", "CA", "C", "O"), residue, strict=True))
    ]
