"""Chains from files of the PDB format and of mmCIF, written here."""

import gzip

import numpy as np
import pytest

from steepest import datasets
from steepest.datasets import DATASETS, locating, proteins
from steepest.datasets.fetching import NotFetched
from steepest.datasets.getting import here
from steepest.datasets.protein_list import listed
from steepest.datasets.structures import CODES, Residues, chains, without_gaps

NAMES = ("N", "CA", "C", "O")
THREE = {code: name for name, code in CODES.items() if name != "MSE"}

ATOMS = [  # kind, name, alternative, residue, chain, number, insertion, model
    *(("ATOM", name, " ", "ALA", "A", 1, " ", 1) for name in NAMES),
    ("ATOM", "CB", " ", "ALA", "A", 1, " ", 1),
    *(("ATOM", name, place, "LYS", "A", 2, " ", 1) for name in NAMES for place in "AB"),  # two places
    *(("HETATM", name, " ", "MSE", "A", 2, "A", 1) for name in NAMES),  # inserted after 2
    *(("ATOM", name, " ", "GLY", "A", 3, " ", 1) for name in NAMES[:3]),  # no O
    *(("ATOM", name, " ", "TRP", "B", 7, " ", 1) for name in NAMES),
    ("HETATM", "O", " ", "HOH", "A", 201, " ", 1),
    *(("ATOM", name, " ", "VAL", "A", 4, " ", 2) for name in NAMES),  # another model
]


def place(index: int) -> tuple[float, float, float]:
    return index * 1.25 - 7, index / 8, -0.5 * index


def as_pdb(atoms) -> str:
    lines, model = ["HEADER    SAMPLE", "MODEL        1"], 1
    for index, (kind, name, other, residue, chain, number, inserted, of_model) in enumerate(atoms):
        if of_model != model:
            lines, model = [*lines, "ENDMDL", "MODEL        2"], of_model
        x, y, z = place(index)
        who = f"{name:<3}{other}{residue:>3} {chain}{number:>4}{inserted}"
        lines.append(f"{kind:<6}{index + 1:>5}  {who}   {x:8.3f}{y:8.3f}{z:8.3f}")
    return "\n".join([*lines, "END", ""])


COLUMNS = (
    "group_PDB id label_atom_id label_alt_id label_comp_id label_asym_id pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z"
    " auth_seq_id auth_asym_id pdbx_PDB_model_num"
)


def as_cif(atoms) -> str:
    lines = ["data_SAMPLE", "#", "loop_", *(f"_atom_site.{column} " for column in COLUMNS.split())]
    for index, (kind, name, other, residue, chain, number, inserted, model) in enumerate(atoms):
        quoted = f'"{name}"' if name == "O" else name
        x, y, z = place(index)
        inserted, other = inserted.replace(" ", "?"), other.replace(" ", ".")
        lines.append(f"{kind} {index} {quoted} {other} {residue} Z {inserted} {x} {y} {z} {number} {chain} {model}")
    return "\n".join([*lines, "#", "loop_", "_struct.entry_id", "ATOM", ""])


@pytest.mark.parametrize("suffix", [".pdb", ".cif", ".ent.gz", ".cif.gz"])
def test_chains_are_read_of_the_first_model_with_whole_residues_only(tmp_path, suffix):
    text = as_cif(ATOMS) if "cif" in suffix else as_pdb(ATOMS)
    file = tmp_path / f"sample{suffix}"
    file.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())
    first, second = chains(file)
    assert (first.sequence, second.sequence) == ("AKM", "W")
    rows = [0, 1, 2, 3, 5, 7, 9, 11, 13, 14, 15, 16]  # of the two places the first
    np.testing.assert_allclose(first.backbone.reshape(-1, 3), [place(row) for row in rows], atol=1e-3)
    assert second.backbone.shape == (1, 4, 3)


def test_a_chain_is_parted_at_its_gaps():
    backbone = np.zeros((5, 4, 3))
    backbone[:, 0, 0] = [0, 3, 6, 20, 23]  # N
    backbone[:, 2, 0] = [1.67, 4.67, 7.67, 21.67, 24.67]  # C, 1.33 before the next N
    assert [part.sequence for part in without_gaps(Residues("ACDEF", backbone))] == ["ACD", "EF"]
    assert without_gaps(Residues("", np.zeros((0, 4, 3))))[0].sequence == ""


def written(folder, names, sequences, backbones):
    """Files with these chains, two residues of others before and behind them."""
    by_name: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        by_name.setdefault(name, []).append(index)
    for name, indices in by_name.items():
        lines = []
        for chain, index in zip("ABCDEF", indices, strict=False):
            whole = np.concatenate([backbones[index][:2] + 1, backbones[index], backbones[index][:1] + 1])
            for number, (code, atoms) in enumerate(zip(f"GG{sequences[index]}G", whole, strict=True), 1):
                for atom, (x, y, z) in zip(NAMES, atoms, strict=True):
                    lines.append(f"ATOM      1  {atom:<4}{THREE[code]} {chain}{number:>4}    {x:8.3f}{y:8.3f}{z:8.3f}")
        (folder / f"{name}.pdb").write_text("\n".join(lines))
    return [folder / f"{name}.pdb" for name in by_name]


def test_the_chains_are_made_anew_from_files_that_hold_them(tmp_path):
    """The files are written here from the published arrays: their sources are not fetched for a test."""
    facts = DATASETS["proteins"]
    if not here(facts):
        pytest.skip("needs proteins.npz in the folder STEEPEST_DATA")
    paths = written(tmp_path, *datasets.load("proteins"))
    assert [path.name for path in paths] == [file.name for file in facts.inputs]
    made = tmp_path / "proteins.npz"
    made.write_bytes(proteins.make(*paths))
    assert locating.is_published(made, facts.files[0])


def test_a_file_without_its_chain_is_named(tmp_path):
    names = dict.fromkeys(name for name, *_ in listed())
    for name in names:
        (tmp_path / f"{name}.pdb").write_text(as_pdb(ATOMS))
    with pytest.raises(NotFetched, match=r"BM5-clean.*1ZM4_r_u\.pdb: has no chain 1ZM4_r_u as it was published"):
        proteins.make(*(tmp_path / f"{name}.pdb" for name in names))
