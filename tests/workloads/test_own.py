"""Data of a user's own: odd files among them, what programs leave beside them, and files that were edited."""

import gzip
import os

import numpy as np
import pytest
from PIL import Image

from steepest.base.errors import InvalidValue
from steepest.workloads import find
from steepest.workloads.applications.chains import chains_in
from steepest.workloads.applications.images import image_files, kinds_in, pixels
from steepest.workloads.own import own_file, own_folder

from ..backbones import pdb_lines
from .test_proteins import chain


@pytest.fixture
def pictures(tmp_path):
    """Two kinds with five pictures each."""
    for kind, level in (("bright", 200), ("dark", 30)):
        (tmp_path / kind).mkdir()
        for number in range(5):
            Image.new("L", (8, 8), level + number).save(tmp_path / kind / f"{number}.png")
    return tmp_path


def packed(line: bytes) -> bytes:
    """An archive whose head is right and whose content is not."""
    content = bytearray(gzip.compress(line * 400, mtime=0))  # the name of a test has these bytes in it
    content[10:20] = b"\xff" * 10
    return bytes(content)


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_what_programs_leave_in_a_folder_is_no_picture_and_no_kind(pictures):
    for folder in (".ipynb_checkpoints", "__MACOSX", "empty", "notes"):
        (pictures / folder).mkdir()
    (pictures / "notes" / "notes.txt").write_text("no picture")
    (pictures / ".ipynb_checkpoints" / "0-checkpoint.png").write_bytes(b"")
    (pictures / "__MACOSX" / "0.png").write_bytes(b"")
    (pictures / "dark" / "._0.png").write_bytes(b"")
    (pictures / "dark" / "album.png").mkdir()
    (pictures / "dark" / "paper.pdf").write_bytes(b"%PDF-1.4")  # which Pillow writes, but does not read
    assert [kind.name for kind in kinds_in(pictures)] == ["bright", "dark"]
    assert [file.name for file in image_files(pictures / "dark")] == [f"{number}.png" for number in range(5)]
    assert len(find(f"clothes(width=2, folder={str(pictures)!r})").data()[0]) == 8


@pytest.mark.quick
@pytest.mark.parametrize(
    ("values", "name", "shown"),
    [
        (np.array([[0, 32768], [65535, 257]], dtype=np.uint16), "deep.png", [[0, 128], [255, 1]]),
        (np.array([[0, 0.5], [1, 0.25]], dtype=np.float32), "numbers.tiff", [[0, 128], [255, 64]]),
        (np.array([[-100, 0], [100, 50]], dtype=np.int32), "whole.tiff", [[0, 128], [255, 191]]),
        (np.full((2, 2), 7.0, dtype=np.float32), "flat.tiff", [[0, 0], [0, 0]]),
    ],
)
def test_pictures_with_more_than_eight_bits_keep_their_shades(tmp_path, values, name, shown):
    Image.fromarray(values).save(tmp_path / name)
    assert pixels(tmp_path / name, 2, "L").tolist() == shown


@pytest.mark.quick
def test_structures_are_found_in_folders_and_by_large_letters(tmp_path):
    (tmp_path / "in").mkdir()
    texts = ["\n".join(pdb_lines(*chain(seed))) for seed in range(10)]
    for seed, text in enumerate(texts[:8]):
        (tmp_path / "in" / f"{seed}.PDB").write_text(text)
    (tmp_path / "8.PDB.GZ").write_bytes(gzip.compress(texts[8].encode()))
    (tmp_path / "9.ent.gz").write_bytes(gzip.compress(texts[9].encode()))
    (tmp_path / "._9.ent").write_bytes(b"ATOM  \xff")
    (tmp_path / "album.pdb").mkdir()
    assert len(chains_in(tmp_path)) == 10


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.pdb", b"", "it has no atoms"),
        ("a.pdb", b"<html>Not found</html>", "it has no atoms"),
        ("a.cif", b"data_A\n#\n", "it has no atoms"),
        ("a.pdb", "\n".join(pdb_lines(*chain(0))).replace("   0.000", "     nan").encode(), "no finite number"),
        ("a.pdb.gz", packed(b"ATOM  "), "Error -3 .*"),
        ("a.PDB.GZ", b"ATOM  ", "Not a gzipped file .*"),
    ],
)
def test_a_file_that_is_no_structure_is_named(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidValue, match=rf"{name}: cannot be read as PDB or mmCIF \(.*{reason}\)$"):
        chains_in(tmp_path)


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize("value", [5, "", ["a"], True])
def test_what_is_no_path_is_refused(value):
    for make, kind in ((own_folder, "folder"), (own_file, "file")):
        with pytest.raises(InvalidValue, match=f"^task: {kind}: must be a path in quotes, got "):
            make("task", value)


@pytest.mark.quick
@pytest.mark.parametrize("value", ["none", "~nobody-at-all/x", "x" * 5000, "a\0b", __file__ + "/x"])
def test_what_is_not_there_is_refused(value):
    for make, kind in ((own_folder, "folder"), (own_file, "file")):
        with pytest.raises(InvalidValue, match=f"^task: there is no {kind} "):
            make("task", value)


# --- files that were edited -------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_a_text_that_was_edited_is_read_anew(tmp_path):
    file = tmp_path / "text.txt"
    spec = f"language(width=8, depth=1, file={str(file)!r})"
    file.write_text("one way or another " * 400)
    before = find(spec, try_out=False)
    assert find(spec, try_out=False) is before
    file.write_text("something quite different " * 400)
    after = find(spec, try_out=False)
    assert after is not before and after.name == before.name
    inputs = before.data()[0]
    assert inputs.shape != after.data()[0].shape or (inputs != after.data()[0]).any()
    assert before.data()[0] is inputs  # a problem keeps what it has read


@pytest.mark.quick
def test_pictures_that_were_added_removed_or_edited_count(pictures):
    spec = f"clothes(width=2, folder={str(pictures)!r})"
    counts = [find(spec, try_out=False).data()[0].shape[0]]
    (pictures / "more").mkdir()
    for number in range(5):
        Image.new("L", (8, 8), 100).save(pictures / "more" / f"{number}.png")
    problem = find(spec, try_out=False)
    assert problem.model()[-1].out_features == 3
    counts.append(problem.data()[0].shape[0])
    (pictures / "dark" / "0.png").unlink()
    counts.append(find(spec, try_out=False).data()[0].shape[0])
    assert counts == [8, 12, 12] and find(spec, try_out=False).data()[2].shape[0] == 2
    before = find(spec, try_out=False).data()[0]
    os.utime(pictures / "bright" / "0.png", ns=(1, 1))
    assert find(spec, try_out=False).data()[0] is not before
