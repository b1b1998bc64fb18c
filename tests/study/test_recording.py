"""Pictures that a study keeps of its best: which, when, and what becomes of those that fail."""

import io
import math
import shutil
import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from steepest import compare, verbs
from steepest.base.errors import InvalidValue, SteepestError
from steepest.report.exports import export
from steepest.study import Comparison, Store
from steepest.study.results import STUDY_FILE
from steepest.study.schema import SCHEMA_VERSION
from steepest.study.shots import MOST_BYTES, MOST_PIXELS, Shot, content_of

from ..conftest import SMALL
from ..studies import change

TEXTS = """
    def show(model):
        return f"w = {model.weight.tolist()[0][0]:.3f}\\n<b>`bold`</b>"
"""
IMAGES = """
    def show(model):
        from PIL import Image
        return Image.new("RGB", (300, 200), (int(100 + 50 * model.weight[0, 0]) % 256, 0, 0))
"""
FEW = {"seeds": 2, "trials": 1, "searches": 1, "search_seeds": 1, "jobs": 1}
RULES = ["sgd(lr=0.3)", "adam(lr=0.3)", "sgd(lr=0.0001)"]


def study(workload, folder: Path, **more) -> Comparison:
    return compare(workload, RULES, out=folder, **FEW | more)


@pytest.mark.usefixtures("without_report")
def test_the_two_best_are_shown_after_four_shares_of_the_steps(write_workload, tmp_path):
    result = study(write_workload(TEXTS), tmp_path / "study")
    shown = result.pictures
    assert {*shown["label"]} == {*result.table.index[:2]} == {"SGD lr=0.3", "Adam lr=0.3"}
    assert [*shown["step"]] == [0, 1, 4, 12] * 2 and set(shown["kind"]) == {"text"} and set(shown["seed"]) == {1}
    for label, own in shown.groupby("label"):
        run = result.runs[(result.runs["label"] == label) & (result.runs["seed"] == 1)].iloc[0]
        assert own["metric"].iloc[-1] == run["final_metric"]  # of the very run of the tables
    assert shown.groupby("step")["content"].nunique().to_dict() == {0: 1, 1: 2, 4: 2, 12: 2}  # the same weights first
    assert result.by_workload()[result.plan.workloads[0].name].pictures.equals(shown)


@pytest.mark.usefixtures("without_report")
def test_what_is_there_is_not_made_again_and_another_winner_takes_its_place(write_workload, tmp_path, monkeypatch):
    folder, jobs = tmp_path / "study", []
    make = verbs.record.__globals__["picture_job"]
    monkeypatch.setitem(verbs.record.__globals__, "picture_job", lambda *args: jobs.append(args[2]) or make(*args))
    study(write_workload(TEXTS), folder)
    assert jobs == [(0, 0, 1), (1, 0, 1)] or jobs == [(1, 0, 1), (0, 0, 1)]
    verbs.resume(folder, jobs=1)
    assert len(jobs) == 2
    change(folder, "update pictures set trial = 7 where contestant = 0")  # as of a former winner
    result = verbs.resume(folder, jobs=1)
    assert jobs[2:] == [(0, 0, 1)] and set(result.pictures["trial"]) == {0} and len(result.pictures) == 8
    change(folder, "update pictures set contestant = 2 where contestant = 0")  # of one that was among the best
    result = verbs.resume(folder, jobs=1)
    assert jobs[3:] == [(0, 0, 1)] and {*result.pictures["label"]} == {"SGD lr=0.3", "Adam lr=0.3"}


@pytest.mark.usefixtures("without_report")
def test_none_are_made_where_nothing_is_shown_or_nobody_wants_them(write_workload, tmp_path, monkeypatch):
    monkeypatch.setitem(verbs.record.__globals__, "picture_job", lambda *_: pytest.fail("a run was done again"))
    assert study(write_workload("", "plain.py"), tmp_path / "plain").pictures.empty
    shown = write_workload(TEXTS, "shown.py")
    assert study(shown, tmp_path / "off", pictures=False).pictures.empty
    assert study(shown, None).pictures.empty
    monkeypatch.undo()
    assert len(verbs.resume(tmp_path / "off", jobs=1).pictures) == 8  # on request


@pytest.mark.usefixtures("without_report")
def test_a_study_that_does_not_say_finds_out(write_workload, tmp_path):
    study(write_workload("", "plain.py"), tmp_path / "plain")
    change(tmp_path / "plain", "delete from study where key = 'shows'")
    assert verbs.resume(tmp_path / "plain", jobs=1).pictures.empty


def test_a_show_that_raises_costs_no_more_than_its_pictures(write_workload, tmp_path):
    """And when it does no longer, its texts are escaped in the page and fenced in Markdown."""
    folder, flag = tmp_path / "study", tmp_path / "flag"
    code = f"""
    def show(model):
        import pathlib
        if not pathlib.Path({str(flag)!r}).exists():
            raise RuntimeError("no <paint> left")
        return "one line\\n<b>`bold`</b>"
    """
    result = study(write_workload(code), folder)
    assert result.complete and [*result.pictures["kind"]] == ["error"] * 2
    page = (folder / "report.html").read_text()
    assert "There are no pictures of" in page and "no &lt;paint&gt; left" in page and "<figcaption>" not in page
    flag.touch()
    again = verbs.resume(folder, jobs=1)
    assert set(again.pictures["kind"]) == {"text"} and len(again.pictures) == 8
    page = (folder / "report.html").read_text()
    assert page.count("&lt;b&gt;`bold`&lt;/b&gt;</pre>") == 8 and "<b>" not in page and "paint" not in page
    (path,) = export(again, tmp_path, ["md"])
    assert path.read_text().count("\n<b>`bold`</b>\n```\n") == 8 and not (tmp_path / "pictures").exists()


def test_images_are_in_the_page_and_in_files_beside_the_markdown(write_workload, tmp_path):
    """By worker processes, as most studies are made."""
    result = study(write_workload(IMAGES), tmp_path / "study", jobs=2, steps=10)
    page = (tmp_path / "study" / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 8 and "img-src data:" in page
    assert page.count('width="300" height="200"') == 8 and '<span lang="zh">第 10 步：' in page
    assert '<span lang="en">step 10: ' in page
    (path,) = export(result, tmp_path / "md", ["md"])
    text = path.read_text()
    files = sorted((tmp_path / "md" / "pictures").iterdir())
    assert len(files) == 8 and all(f"](pictures/{file.name})" in text for file in files)
    with Image.open(files[0]) as image:
        assert image.size == (300, 200)


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_a_picture_of_any_size_becomes_one_of_limited_size():
    noise = np.random.default_rng(0).integers(0, 256, (900, 1600, 3), dtype=np.uint8)
    kind, content = content_of(Image.fromarray(noise))
    with Image.open(io.BytesIO(content)) as image:
        assert len(content) <= MOST_BYTES and kind in ("image/webp", "image/jpeg") and image.width <= MOST_PIXELS
    kind, content = content_of(Image.new("RGB", (40, 30), "red"))
    with Image.open(io.BytesIO(content)) as image:
        assert (kind, image.size, image.getpixel((3, 3))) == ("image/png", (40, 30), (255, 0, 0))


@pytest.mark.quick
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16", "F"])
def test_a_picture_of_any_mode_is_drawn_on_white(mode):
    picture = Image.new(mode, (8, 8))
    kind, content = content_of(picture)
    with Image.open(io.BytesIO(content)) as image:
        assert kind == "image/png" and image.mode == "RGB" and image.size == (8, 8)
        if mode in ("RGBA", "LA", "CMYK"):  # transparent, or without ink
            assert image.getpixel((0, 0)) == (255, 255, 255)
    assert picture.mode == mode and picture.size == (8, 8)


@pytest.mark.quick
def test_figures_texts_and_nothing_else():
    assert content_of(Figure(figsize=(2, 1)))[0] == "image/png"
    kind, content = content_of("春\x1b[31m\ud800")
    assert kind == "text" and Shot(0, 1.0, kind, content).text == "春\\x1b[31m?"
    with pytest.raises(InvalidValue, match=r"`show` must return an image of Pillow, .* or a text, got ndarray"):
        content_of(np.zeros((3, 3)))
    for shot in (Shot(3, math.nan, "text", b"a"), Shot(0, 0.5, "image/png", b"\x89PNG\r\n\xff")):
        again = Shot.from_plain(shot.to_plain())
        assert repr(again) == repr(shot)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("made")
    (home / "small.py").write_text(SMALL.lstrip() + textwrap.dedent(TEXTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "_shown", lambda comparison, folder: comparison)
        study(str(home / "small.py"), home / "study")
    return home / "study"


@pytest.fixture
def finished(made, tmp_path, without_report):
    shutil.copytree(made, tmp_path / "study")
    return tmp_path / "study"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("kind", "image/svg+xml", "has one that is no image/svg"),
        ("kind", "image/png", "has one that is no image/png"),
        ("content", "no bytes", "content is 'no bytes', not bytes"),
        ("contestant", 7, "has one of a contestant that is not planned"),
        ("step", -3, "before the start"),
        ("metric", "high", "metric is 'high'"),
    ],
)
def test_pictures_that_are_none_are_refused(finished, column, value, message):
    change(finished, f"update pictures set {column} = ? where contestant = 0 and step = 4", value)
    with pytest.raises(SteepestError, match=f"pictures: .*{message}"):
        Comparison.read(finished)


def test_a_study_of_the_fifth_version_gets_a_table(finished):
    change(finished, "drop table pictures")
    change(finished, "alter table runs drop column diagnoses")
    change(finished, "delete from study where key = 'shows'")
    change(finished, "update study set value = '5' where key = 'schema'")
    assert Comparison.read(finished).pictures.empty
    with closing(sqlite3.connect(finished / STUDY_FILE)) as connection:
        assert not connection.execute("select 1 from sqlite_master where name = 'pictures'").fetchall()  # only read
    assert len(verbs.resume(finished, jobs=1).pictures) == 8
    with closing(Store.open(finished / STUDY_FILE)) as store:
        assert store.fact("schema") == str(SCHEMA_VERSION)
