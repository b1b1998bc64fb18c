"""Chains of proteins from files of the Protein Data Bank: the PDB format and mmCIF."""

import gzip
import re
from collections.abc import Iterator
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Residues", "chains", "without_gaps"]

CODES = {
    "ALA": "A", "ARG": "R", "ASN": "N", "ASP": "D", "CYS": "C", "GLN": "Q", "GLU": "E", "GLY": "G", "HIS": "H",
    "ILE": "I", "LEU": "L", "LYS": "K", "MET": "M", "MSE": "M", "PHE": "F", "PRO": "P", "SER": "S", "THR": "T",
    "TRP": "W", "TYR": "Y", "VAL": "V",
}  # fmt: skip
"""One-letter codes; MSE is methionine with selenium, put in to solve the structure."""

BACKBONE = {"N": 0, "CA": 1, "C": 2, "O": 3}
LINK = 2.0
"""Between C and the next N, in ångström, beyond which a chain has a gap; a bond is 1.33 long."""

TOKEN = re.compile(r"""'[^']*'(?=\s|$)|"[^"]*"(?=\s|$)|\S+""")


class Residues(NamedTuple):
    """Residues one after the other: the codes, and the places of N, CA, C and O, shape (length, 4, 3), in ångström."""

    sequence: str
    backbone: NDArray[np.float64]


class _Atom(NamedTuple):
    name: str
    residue: str
    chain: str
    number: str
    place: tuple[float, float, float]


def chains(path: Path) -> list[Residues]:
    """The chains of a file (.pdb, .ent, .cif, .mmcif, also .gz, in small or large letters), of its first model.

    Residues of other kinds, and those that lack an atom of the backbone, are left out; of atoms with several places the
    first is taken.

    Raises:
        OSError, EOFError, zlib.error: it cannot be read or unpacked.
        ValueError, KeyError: it has no atoms, or one without a place.
    """
    name, is_empty = path.name.lower(), True
    with gzip.open(path, "rt", errors="replace") if name.endswith(".gz") else path.open(errors="replace") as lines:
        atoms = _cif(lines) if name.removesuffix(".gz").endswith("cif") else _pdb(lines)
        residues: dict[tuple[str, str], tuple[str, dict[int, tuple[float, float, float]]]] = {}
        for atom in atoms:
            is_empty = False
            if not all(map(isfinite, atom.place)):
                raise ValueError("the place of an atom is no finite number")
            if atom.name in BACKBONE and atom.residue in CODES:
                _, places = residues.setdefault((atom.chain, atom.number), (CODES[atom.residue], {}))
                places.setdefault(BACKBONE[atom.name], atom.place)
    if is_empty:
        raise ValueError("it has no atoms")
    whole: dict[str, list[tuple[str, list[tuple[float, float, float]]]]] = {}
    for (chain, _), (code, places) in residues.items():
        if len(places) == len(BACKBONE):
            whole.setdefault(chain, []).append((code, [places[index] for index in range(len(BACKBONE))]))
    return [
        Residues("".join(code for code, _ in each), np.array([place for _, place in each])) for each in whole.values()
    ]


def without_gaps(chain: Residues) -> list[Residues]:
    """The parts of a chain between its gaps."""
    backbone = chain.backbone
    links = np.linalg.norm(backbone[1:, 0] - backbone[:-1, 2], axis=-1)
    ends = [0, *(np.flatnonzero(links > LINK) + 1).tolist(), len(backbone)]
    return [Residues(chain.sequence[a:b], backbone[a:b]) for a, b in pairwise(ends)]


def _pdb(lines: Iterator[str]) -> Iterator[_Atom]:
    for line in lines:
        if line.startswith("ENDMDL"):
            return
        if line.startswith(("ATOM  ", "HETATM")):
            place = float(line[30:38]), float(line[38:46]), float(line[46:54])
            yield _Atom(line[12:16].strip(), line[17:20].strip(), line[21], line[22:27], place)


def _cif(lines: Iterator[str]) -> Iterator[_Atom]:
    columns: list[str] = []
    model = None
    for line in lines:
        if line.startswith("_atom_site."):
            columns.append(line.split()[0].removeprefix("_atom_site."))
        elif columns and line.startswith(("ATOM", "HETATM")):
            row = dict(zip(columns, (token.strip("'\"") for token in TOKEN.findall(line)), strict=False))
            model = model or row.get("pdbx_PDB_model_num")
            if row.get("pdbx_PDB_model_num") != model:
                return
            number = row["auth_seq_id"] + row.get("pdbx_PDB_ins_code", "?")
            place = float(row["Cartn_x"]), float(row["Cartn_y"]), float(row["Cartn_z"])
            chain = row["auth_asym_id"]
            yield _Atom(row["label_atom_id"], row["label_comp_id"], chain, number, place)
        elif columns and line.startswith("#"):
            return
