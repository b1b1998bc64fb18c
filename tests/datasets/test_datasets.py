"""Data sets: their facts, where they are looked for, and what is read and made of them."""

import gzip
import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from steepest import datasets
from steepest.base.errors import SteepestError, UnknownName
from steepest.datasets import DATASETS, emoji, loading, locating, quatrains
from steepest.datasets.getting import here
from steepest.datasets.record import Package


@pytest.fixture
def load():
    """Load a data set; the test is skipped where it is not on this machine."""

    def from_this_machine(name: str):
        wanted = datasets.dataset(name)
        if not here(wanted):
            pytest.skip(f"needs the data set {name}: {' | '.join(wanted.commands) or 'its folder in STEEPEST_DATA'}")
        return datasets.load(name)

    return from_this_machine


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder of a user, and an empty cache."""
    monkeypatch.setenv("STEEPEST_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("STEEPEST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


# --- facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_has_its_facts_in_both_languages_and_a_loader(name):
    facts = DATASETS[name]
    assert facts.name == name and name in loading.LOADERS
    assert len(facts.about.en) <= 80 and re.search("[一-鿿]", facts.about.zh)
    assert facts.licence.en and facts.licence.zh and facts.source
    for file in (*facts.files, *facts.inputs):
        assert file.size > 0 and re.fullmatch("[0-9a-f]{64}|", file.sha256)
    assert facts.make is None or (len(facts.files) == 1 and facts.files[0].sha256)


@pytest.mark.quick
def test_names_of_files_differ():
    files = [file.name for facts in DATASETS.values() for file in (*facts.files, *facts.inputs)]
    assert len(files) == len(set(files))


def test_versions_are_those_of_the_extra():
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    line = next(line for line in project.splitlines() if line.startswith("applications = "))
    places = [place for facts in DATASETS.values() for file in facts.fetched for place in file.places]
    packages = {f"{place.project}=={place.version}" for place in places if isinstance(place, Package)}
    assert set(re.findall('"(.*?)"', line)) == packages


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownName, match=r"unknown data set 'cloths'; did you mean 'clothes'\?"):
        datasets.find("cloths")


def test_listing_imports_neither_torch_nor_numpy(python):
    code = "import sys; from steepest.datasets import DATASETS; print({'torch', 'numpy'} & set(sys.modules))"
    assert python(code) == "set()\n"


# --- where they are ---------------------------------------------------------------------------------------------------


def test_the_users_folder_comes_first_flat_or_by_name(folder):
    package = datasets.find("digits")
    content = package[0].read_bytes()
    for place in (folder / "digits" / "digits.csv.gz", folder / "digits.csv.gz"):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        assert datasets.find("digits") == (place,)


def test_another_file_in_the_users_folder_is_named_and_kept(folder):
    file = folder / "airfoil_self_noise.dat"
    file.write_text("1\t2\t3\n")
    with pytest.raises(SteepestError) as error:
        datasets.find("airfoil")
    assert str(error.value) == (
        f"{file}: not the published file (its SHA-256 differs); delete it, or name another folder in STEEPEST_DATA"
    )
    assert file.read_text() == "1\t2\t3\n"


def test_another_version_of_a_package_is_passed_over(folder, monkeypatch):
    other = folder.parent / "other.txt"
    other.write_text("teh->the\n")
    monkeypatch.setattr(Package, "locate", lambda place: other)
    file = DATASETS["spelling"].files[0]
    assert [*locating.whereabouts(DATASETS["spelling"], file)] == [other]
    assert locating.locate(DATASETS["spelling"], file) is None


def test_a_variable_that_names_no_folder_is_told_before_anything_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("STEEPEST_DATA", str(tmp_path / "typo"))
    monkeypatch.setenv("STEEPEST_CACHE", str(tmp_path))
    assert datasets.find("digits")  # is elsewhere
    with pytest.raises(SteepestError, match=r"^STEEPEST_DATA: .*typo is no folder; name one, or unset it$"):
        datasets.find("airfoil")


def test_what_is_nowhere_and_cannot_be_fetched_says_what_helps(folder, monkeypatch):
    monkeypatch.setattr(locating, "whereabouts", lambda *_: iter(()))
    with pytest.raises(SteepestError) as error:
        datasets.find("stamps")
    assert str(error.value) == (
        "stamps: not on this machine (it cannot be fetched); one of these helps: apt-get install"
        " tuxpaint-stamps-default | STEEPEST_DATA=FOLDER (FOLDER/stamps)"
    )


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\x1f\x8b\x08\x00", gzip.compress(b"1,2,3\n"), gzip.compress(b"1")[:-4]],
    ids=["empty", "head", "another", "cut"],  # the bytes have the time in them
)
def test_a_damaged_archive_is_not_the_published_file(folder, damaged):
    (folder / "digits.csv.gz").write_bytes(damaged)
    with pytest.raises(SteepestError, match="not the published file"):
        datasets.find("digits")


# --- what they hold ---------------------------------------------------------------------------------------------------


def test_digits_are_scikit_learns_wherever_it_keeps_them(monkeypatch):
    images, digits = load_digits(return_X_y=True)
    np.testing.assert_array_equal(loading.digits(), np.column_stack([images, digits]))
    monkeypatch.setattr(loading, "here", lambda _: ())
    np.testing.assert_array_equal(loading.digits(), np.column_stack([images, digits]))


def test_airfoil_is_the_published_table(load):
    table = load("airfoil")
    assert table.shape == (1503, 6)
    assert table[0].tolist() == [800.0, 0.0, 0.3048, 71.3, 0.00266337, 126.201]


def test_clothes_are_all_there(load):
    images, labels, held_out, held_out_labels = load("clothes")
    assert (images.shape, held_out.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert np.bincount(labels).tolist() == [6000] * 10 and np.bincount(held_out_labels).tolist() == [1000] * 10
    assert (images.min(), images.max(), round(images.mean() / 255, 4)) == (0, 255, 0.286)


def test_language_is_pythons_own_topics(load):
    text = load("language")
    assert 400_000 < len(text) < 700_000 and 'The "assert" statement' in text


def test_quatrains_are_four_verses_each(load):
    lines = load("quatrains")
    assert len(lines) == len(set(lines)) == 9919
    assert all(quatrains.quatrain(line) == line for line in lines)


def test_spelling_has_pairs_of_words(load):
    pairs = load("spelling")
    assert len(pairs) > 44_000 and ("accomodate", "accommodate") in pairs
    assert all(wrong != right and " " not in right for wrong, right in pairs)


def test_emoji_have_pictures_and_names(load):
    pictures, english, chinese = load("emoji")
    assert pictures.shape == (3812, 32, 32, 3) and len(english) == len(chinese) == len(set(english)) == 3812
    assert chinese[english.index("zebra")] == "斑马"
    blank = (pictures == 255).all(axis=(1, 2, 3))
    assert int(blank.sum()) == 23  # younger than the font


def test_proteins_are_chains_without_gaps(load):
    names, sequences, backbones = load("proteins")
    assert len(names) == len(sequences) == len(backbones) == 203
    assert [len(places) for places in backbones] == [len(sequence) for sequence in sequences]
    for places in backbones:
        bonds = np.linalg.norm(places[:, 1] - places[:, 0], axis=-1)  # N to CA, 1.46 ångström
        assert abs(np.median(bonds) - 1.46) < 0.05
        links = np.linalg.norm(places[1:, 0] - places[:-1, 2], axis=-1)  # C to the next N, 1.33 ångström
        assert links.max() < 2.5


def test_stamps_are_pictures(load):
    assert len(load("stamps")) > 500


# --- made by code of ours ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。", "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。"),
        ("床前明月光？疑是地上霜，舉頭望明月！低頭思故鄉？。", "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。"),
        ("床前明月光，疑是地上霜。舉頭望明月，低頭思故。", None),
        ("床前明月光，疑是地上霜。舉頭望明月，□頭思故鄉。", None),
        ("", None),
    ],
)
def test_a_quatrain_is_four_verses_of_one_length(text, line):
    assert quatrains.quatrain(text) == line


def test_every_tenth_quatrain_is_taken_in_the_order_of_files(tmp_path):
    def poem(number: int) -> dict:
        sign = chr(0x4E00 + number)
        return {"paragraphs": [f"{sign * 5}，{sign * 5}。", f"{sign * 5}，{sign * 5}。"]}

    files = {
        "poet.tang.0": [poem(number) for number in range(40, 60)],
        "poet.song.1000": [poem(number) for number in range(15)],  # twice: only once
        "error/poet.song.1000": [poem(number) for number in range(10, 25)],
        "poet.song.0": [poem(number) for number in range(25, 40)],
        "authors.song": [{"name": "nobody"}],
    }
    with tarfile.open(tmp_path / "poems.tgz", "w:gz") as archive:
        for name, poems in files.items():
            content = json.dumps(poems).encode()
            member = tarfile.TarInfo(f"package/dist/quantangshi/{name}.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    lines = gzip.decompress(quatrains.make(tmp_path / "poems.tgz")).decode().split("\n")
    order = [*range(25, 40), *range(10, 25), *range(10), *range(40, 60)]
    assert [ord(line[0]) - 0x4E00 for line in lines] == order[::10]


def test_the_pictures_of_emoji_are_drawn_anew(load):
    """Every ninth is equal to the published one; that all are is checked by digest whenever they are made."""
    pictures, english, _ = load("emoji")
    facts = DATASETS["emoji"]
    font, names, _ = (locating.locate(facts, file) for file in facts.inputs)
    if not (font and names):
        pytest.skip(f"needs {' and '.join(facts.commands)}")
    signs = {fact["en"].strip(":"): sign for sign, fact in json.loads(names.read_text()).items() if fact["status"] == 2}
    chosen = [index for index, name in enumerate(english) if index % 9 == 0 and name in signs]
    anew = emoji.drawn(font, [signs[english[index]] for index in chosen])
    assert len(anew) == len(chosen) > 400
    np.testing.assert_array_equal([*anew.values()], pictures[chosen])
    assert emoji.drawn(font, [signs["ballet_dancer"]]) == {}  # drawn as two


def test_the_quatrains_are_made_anew(tmp_path):
    """Equal to the published lines, where the archive is in the folder or the cache (85 MB: not fetched for a test)."""
    facts = DATASETS["quatrains"]
    archive = locating.locate(facts, facts.inputs[0])
    if archive is None:
        pytest.skip(f"needs {facts.inputs[0].name} in the folder STEEPEST_DATA: {facts.commands[0]}")
    assert facts.make is not None
    made = tmp_path / "quatrains-10k.txt.gz"
    made.write_bytes(facts.make(archive))
    assert locating.is_published(made, facts.files[0])


def test_what_is_made_of_another_version_is_refused(folder, monkeypatch):
    facts = DATASETS["emoji"]
    for file in facts.inputs:
        (folder / file.name).write_bytes(b"")
    monkeypatch.setattr(locating, "is_published", lambda path, file: path.exists() and file.name != "emoji.npz")
    monkeypatch.setattr("steepest.datasets.emoji.make", lambda *_: b"something else")
    with pytest.raises(SteepestError, match="is not the published data") as error:
        datasets.find("emoji")
    assert "apt-get install fonts-noto-color-emoji" in str(error.value) and "\n" not in str(error.value)
