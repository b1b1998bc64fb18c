"""Secondary structure: the energy of a hydrogen bond, patterns of bonds, and backbones of known shape."""

from itertools import product

import numpy as np
import pytest

from steepest.workloads.applications.secondary import (
    COIL,
    HELIX,
    STRAND,
    hydrogen_bonds,
    secondary_structure,
    structure_of_bonds,
)

from ..backbones import backbone


def bond_at(distance, degrees, sequence="AAAA"):
    """Whether C=O of the first residue has a bond to N-H of the last, so far from O, turned so far from the line."""
    turned = np.radians(degrees)
    place = np.full((4, 4, 3), 20.0) + np.arange(4)[:, None, None] * 20  # far from each other, unless said
    place[0] = [(-3.5, 1.3, 0), (-2.3, 0.6, 0), (-1.23, 0, 0), (0, 0, 0)]
    place[3, 0] = (distance, 0, 0)
    place[3, 1] = (distance + 1.0, 1.0, 0)
    towards = np.array([-np.cos(turned), np.sin(turned), 0])
    place[2, 2], place[2, 3] = place[3, 0] + (0, 0, 8), place[3, 0] + (0, 0, 8) - 1.23 * towards
    return bool(hydrogen_bonds(sequence, place)[0, 3])


@pytest.mark.quick
@pytest.mark.parametrize(
    ("distance", "degrees", "is_bond"),
    [(2.9, 0, True), (2.9, 60, True), (2.9, 67, False), (5.1, 0, True), (5.4, 0, False), (2.9, 180, False)],
)
def test_a_bond_may_be_as_long_and_as_crooked_as_its_authors_say(distance, degrees, is_bond):
    """Up to 63 degrees at the ideal length of 2.9, up to a length of 5.2 if straight (Kabsch and Sander 1983)."""
    assert bond_at(distance, degrees) is is_bond


@pytest.mark.quick
def test_proline_has_no_hydrogen():
    assert bond_at(2.9, 0, "PPPA") and not bond_at(2.9, 0, "AAAP")


def letters(structure):
    return "".join("HE-"[kind] for kind in structure)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("phi", "psi", "expected"),
    [
        (-57, -47, "-HHHHHHHHHH-"),  # the alpha helix of Pauling and Corey; its ends have one bond only
        (-49, -26, "-HHHHHHHHHH-"),  # the 3-10 helix
        (-57, -70, "-HHHHHHHHHH-"),  # the pi helix
        (-119, 113, "-" * 12),  # a strand without another beside it
        (-78, 149, "-" * 12),  # polyproline
    ],
)
def test_chains_of_known_torsions_are_what_textbooks_call_them(phi, psi, expected):
    assert letters(secondary_structure("A" * 12, backbone([phi] * 12, [psi] * 12))) == expected


@pytest.mark.quick
def test_a_turn_of_prolines_parts_a_helix():
    whole = backbone([-57] * 16, [-47] * 16)
    assert letters(secondary_structure("AAAAAAAAPPPPAAAA", whole)) == "-HHHHHH--HHHHHH-"


def by_definition(bonds):
    """The definitions of Kabsch and Sander, word for word and residue by residue, in three classes."""
    count = len(bonds)

    def bond(i, j):
        return 0 <= i < count and 0 <= j < count and bool(bonds[i, j])

    found = [COIL] * count
    for i, j in product(range(1, count - 1), repeat=2):
        if abs(i - j) < 3:
            continue
        parallel = (bond(i - 1, j) and bond(j, i + 1)) or (bond(j - 1, i) and bond(i, j + 1))
        antiparallel = (bond(i, j) and bond(j, i)) or (bond(i - 1, j + 1) and bond(j - 1, i + 1))
        if parallel or antiparallel:
            found[i] = STRAND
    for n in (4, 3, 5):
        before = list(found)
        for i in range(1, count):
            if bond(i - 1, i - 1 + n) and bond(i, i + n):
                own = range(i, i + n)
                if n == 4 or all(before[k] == COIL for k in own):
                    for k in own:
                        found[k] = HELIX
    return found


@pytest.mark.parametrize("density", [0.02, 0.1, 0.3])
def test_patterns_of_bonds_are_those_of_the_definition(density):
    generator = np.random.default_rng(0)
    for length in (0, 1, 2, 3, 7, 20, 40):
        bonds = generator.random((length, length)) < density
        assert structure_of_bonds(bonds).tolist() == by_definition(bonds)


@pytest.mark.quick
def test_two_strands_side_by_side_are_strands():
    """A strand, and the same turned about an axis beside it, so that their bonds meet: an antiparallel pair."""
    bonds = np.zeros((20, 20), dtype=bool)
    for i in range(2, 8, 2):
        bonds[i, 19 - i] = bonds[19 - i, i] = True
    assert letters(structure_of_bonds(bonds)) == "--EEEEE------EEEEE--"
