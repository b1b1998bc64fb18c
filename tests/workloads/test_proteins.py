"""Proteins: the data set and a folder of one's own, in sizes for a test."""

import gzip

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from steepest import datasets
from steepest.base.errors import InvalidValue
from steepest.datasets.getting import here
from steepest.datasets.structures import Residues
from steepest.rules import Adam
from steepest.rules import find as find_rule
from steepest.testing import workload_checks
from steepest.training import train
from steepest.training.grid import grid
from steepest.workloads import file_of, find, summary
from steepest.workloads.applications import chains
from steepest.workloads.applications.pair_network import PairNetwork
from steepest.workloads.applications.proteins import APART, QUICK, precision

from ..backbones import backbone, pdb_lines

LINE = (
    "Structure of proteins: distances and secondary structure from the sequence, a small dilated convolutional network."
)
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def chain(seed, length=50):
    """Helices between loops, of different amino acids: structure that follows from the sequence."""
    generator = np.random.default_rng(seed)
    in_helix = np.repeat(generator.random(length // 10 + 1) < 0.5, 10)[:length]
    kinds = [generator.choice(list(kind), length) for kind in ("ALEKMQRHFW", "GSTNDVPYIC")]
    codes = np.where(in_helix, *kinds)
    phi = np.where(in_helix, -57, generator.choice([-119, -78, -60], length))
    psi = np.where(in_helix, -47, generator.choice([113, 149, 140], length))
    return "".join(codes), backbone(phi, psi)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Two dozen chains in PDB files, one of them packed, one with the same chain twice, and a file of notes."""
    folder = tmp_path_factory.mktemp("proteins")
    for seed in range(24):
        lines = pdb_lines(*chain(seed))
        if seed == 3:
            lines += pdb_lines(*chain(seed), chain="B")
        text = "\n".join([*lines, "END", ""])
        if seed == 4:
            (folder / "4.pdb.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{seed}.{'ent' if seed == 5 else 'pdb'}").write_text(text)
    (folder / "notes.txt").write_text("no structure")
    return folder


def quick(folder):
    settings = ", ".join(f"{name}={value}" for name, value in QUICK.items() if name != "steps")
    return find(f"proteins({settings}, folder={str(folder)!r})").replace(steps=QUICK["steps"])


@pytest.mark.quick
def test_its_facts_need_no_data():
    assert summary("proteins") == LINE and "蛋白质" in summary("proteins", "zh")
    assert file_of("proteins(width=4)").name == "proteins.py"


def test_one_with_files_of_ones_own_keeps_the_contract(own):
    problem = quick(own)
    assert "your own" in problem.about and "自备" in problem.about_zh
    for check in workload_checks(problem.replace(target=0.99)).values():
        check()


def test_a_hand_written_loop_gives_the_same_curve(own):
    problem = quick(own).replace(steps=12)
    inputs, targets, held_out, held_out_targets = problem.data()
    torch.manual_seed(5)
    sizes = len(chains.CODES), chains.BINS + 3, QUICK["length"], QUICK["width"], QUICK["depth"]
    model, average = PairNetwork(*sizes), None
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(5)
    order, metrics = [], []
    for step in range(1, problem.steps + 1):
        if len(order) < 8:
            order = torch.randperm(len(inputs), generator=generator).tolist()
        batch, order = order[:8], order[8:]
        output = model(inputs[batch])
        classes = targets[batch].long()
        residues, structure = output.diagonal(dim1=2, dim2=3), classes.diagonal(dim1=1, dim2=2)
        loss = torch.nn.functional.cross_entropy(output, classes, ignore_index=255)
        loss = loss + 0.2 * torch.nn.functional.cross_entropy(residues, structure, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if average is None:
            average = [param.detach().clone() for param in model.parameters()]
        for mean, param in zip(average, model.parameters(), strict=True):
            mean.lerp_(param.detach(), 0.01)
        if step in grid(problem.steps):
            evaluated = PairNetwork(*sizes)
            torch.nn.utils.vector_to_parameters(torch.nn.utils.parameters_to_vector(average), evaluated.parameters())
            with torch.no_grad():
                metrics.append(precision(evaluated(held_out), held_out_targets).item())
    run = train(problem, find_rule("torch.optim:Adam(lr=0.01)"), seed=5)
    assert [point.metric for point in run.curve[1:]] == metrics


def test_structure_of_ones_own_is_learnt(own):
    run = train(quick(own), Adam(lr=0.01), seed=1, steps=40)
    assert run.curve[-1].loss < 0.8 * run.curve[0].loss


@pytest.mark.quick
@pytest.mark.parametrize("decimals", [1, 6])  # the first with many ties
def test_average_precision_is_that_of_scikit_learn(decimals):
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 12, (5, 20, 20)).astype(np.uint8)
    targets[3, 15:] = targets[3, :, 15:] = chains.PADDING
    output = torch.tensor(generator.normal(size=(5, 12, 20, 20)).round(decimals) * (decimals > 1 or 3))
    i, j = np.triu_indices(20, APART)
    true, known = targets[:, i, j] < chains.CONTACT, targets[:, i, j] != chains.PADDING
    chances = output.softmax(dim=1)[:, : chains.CONTACT].sum(dim=1).numpy()[:, i, j]
    expected = average_precision_score(true[known], chances[known])
    assert float(precision(output, torch.tensor(targets))) == pytest.approx(expected, rel=1e-6)
    none = torch.full((2, 20, 20), 5, dtype=torch.uint8)
    assert precision(output[:2], none) == 0  # no contact to be found


@pytest.mark.quick
def test_ties_of_all_pairs_have_the_precision_of_chance():
    targets = torch.zeros(1, 20, 20, dtype=torch.uint8)
    targets[0, :, 10:] = 5
    i, j = torch.triu_indices(20, 20, APART)
    chance = (targets[0, i, j] < chains.CONTACT).float().mean()
    assert precision(torch.zeros(1, 12, 20, 20), targets) == pytest.approx(chance.item())


@pytest.mark.quick
def test_the_virtual_atom_is_where_that_of_an_ideal_residue_is():
    places = backbone([-57, -119, -78, 60], [-47, 113, 149, 40])
    beta = chains.virtual_cb(places)
    to_beta = beta - places[:, 1]
    lengths = np.linalg.norm(to_beta, axis=1)
    assert np.allclose(lengths, 1.53, atol=0.02)  # Engh and Huber 1991
    for atom in (0, 2):
        other = places[:, atom] - places[:, 1]
        cosines = (to_beta * other).sum(axis=1) / lengths / np.linalg.norm(other, axis=1)
        assert np.allclose(np.degrees(np.arccos(cosines)), 110.3, atol=2)
    handed = np.cross(places[:, 0] - places[:, 1], places[:, 2] - places[:, 1])
    assert ((handed * to_beta).sum(axis=1) > 0).all()  # of the amino acids that life uses, the left-handed ones


@pytest.mark.quick
def test_windows_have_distances_and_structure_of_their_chain():
    short, whole = Residues("AAAAAAAA", backbone([-57] * 8, [-47] * 8)), Residues(*chain(1))
    residues, targets = chains.maps([short, whole], 20, 16)
    assert residues.shape == (4, 20) and targets.shape == (4, 20, 20)  # one of the short, then from 0, 16 and 30
    assert (residues[0, :8] == 1).all() and not residues[0, 8:].any() and (targets[0, 8:] == chains.PADDING).all()
    assert np.diagonal(targets[0])[:8].tolist() == [11, 9, 9, 9, 9, 9, 9, 11]
    assert "".join(chains.CODES[code] for code in residues[3]) == whole.sequence[30:50]
    beta = chains.virtual_cb(whole.backbone)
    for row, start in ((1, 0), (2, 16), (3, 30)):
        for i, j in ((0, 7), (3, 19), (12, 5)):
            distance = np.linalg.norm(beta[start + i] - beta[start + j])
            assert targets[row, i, j] == np.searchsorted([6, 8, 10, 12, 14, 16, 18, 20], distance, side="right")


@pytest.mark.quick
def test_near_copies_are_of_one_family():
    generator = np.random.default_rng(0)
    sequences = ["".join(generator.choice(list(AMINO_ACIDS), 120)) for _ in range(20)]
    changed = list(sequences[3])
    for place in generator.choice(120, 24, replace=False):  # four of five residues are the same
        changed[place] = generator.choice(list(AMINO_ACIDS))
    found = chains.families([*sequences, "".join(changed), sequences[5][30:90], sequences[0] + sequences[1]])
    assert found[20] == found[3] and found[21] == found[5] and found[22] == found[0] == found[1]
    assert len(set(found[:20])) == 19


def test_copies_are_on_one_side_and_only_once(own):
    assert len(chains.chains_in(own)) == 24
    assert max(len(part.sequence) for part in chains.chains_in(own)) == 50


def test_the_data_set_is_split_by_family():
    if not here(datasets.dataset("proteins")):
        pytest.skip("needs the data set proteins: its file in the folder STEEPEST_DATA, or the Protein Data Bank")
    problem = find("proteins", try_out=False)
    inputs, targets, held_out, _ = problem.data()
    assert (tuple(inputs.shape), tuple(targets.shape), len(held_out)) == ((5265, 64), (5265, 64, 64), 64)
    words = [{tuple(row[at : at + 12].tolist()) for row in part for at in range(52)} for part in (inputs, held_out)]
    assert not {word for word in words[0] & words[1] if 0 not in word}
    structure = torch.diagonal(targets, dim1=1, dim2=2)
    shares = structure[structure != chains.PADDING].bincount()[9:] / (structure != chains.PADDING).sum()
    assert shares.tolist() == pytest.approx([0.32, 0.25, 0.43], abs=0.03)  # as of folded proteins in general
    assert sum(param.numel() for param in problem.model().parameters()) == 66_732


def test_what_it_shows_has_the_true_contacts_above_the_diagonal(own):
    session = quick(own).begin(1, "cpu")
    targets = session._data[3]
    sheet = np.asarray(session.show(count=2))[::4, ::4]
    assert sheet.shape == (36, 2 * 36 + 6, 3)
    dark = 0
    for number in (0, 1):
        shown = sheet[4:36, 4 + number * 42 : 36 + number * 42]
        i, j = np.triu_indices(int((torch.diagonal(targets[number]) != chains.PADDING).sum()), APART)
        is_dark = shown[i, j].sum(axis=1) < 200
        assert (is_dark == (targets[number].numpy()[i, j] < chains.CONTACT)).all()
        dark += is_dark.sum()
    assert dark > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("width=0", "proteins: width: must be a whole number from 1, got 0"),
        ("length=8", "proteins: length: must be a whole number from 16, got 8"),
        ("folder='none/there'", "proteins: there is no folder none/there"),
    ],
)
def test_settings_out_of_their_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InvalidValue, match=message):
        find(f"proteins({settings})")


def test_a_damaged_file_is_named(own, tmp_path):
    for seed in range(3):
        (tmp_path / f"{seed}.pdb").write_text("\n".join(pdb_lines(*chain(seed))))
    with pytest.raises(InvalidValue, match=r"must have ten different chains of 20 residues or more .*, got 3 in 3$"):
        find(f"proteins(folder={str(tmp_path)!r})")
    (tmp_path / "4.pdb").write_text("ATOM      1  N   ALA A   1      no number here at all, really")
    with pytest.raises(InvalidValue, match=r"4\.pdb: cannot be read as PDB or mmCIF"):
        find(f"proteins(folder={str(tmp_path)!r})")
    (tmp_path / "4.pdb").rename(tmp_path / "4.pdb.gz")
    with pytest.raises(InvalidValue, match=r"4\.pdb\.gz: cannot be read as PDB or mmCIF"):
        find(f"proteins(folder={str(tmp_path)!r})")
