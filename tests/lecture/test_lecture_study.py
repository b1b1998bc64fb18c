"""What the lecture shows of a study: of two small workloads, trained here, and of the applications, made up."""

import base64
import io
import json
import math
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

import steepest
from steepest import verbs
from steepest.base.errors import InvalidValue, SteepestError
from steepest.base.spec import parse
from steepest.lecture import build_lecture
from steepest.lecture.cards import cards_as_data
from steepest.lecture.uses import LARGEST, Results, _as_url, pictures_of, published_picture, uses_as_data
from steepest.report.overview import places, relative
from steepest.study import Comparison
from steepest.study.packing import pack
from steepest.study.results import STUDY_FILE
from steepest.study.shots import TEXT
from steepest.workloads import SETS

from ..conftest import SMALL
from ..studies import change, synthetic_study

SHOWS = {
    "writes": "def show(model):\n    return f'w = {model.weight.tolist()[0][0]:.3f}\\n<b>'",
    "draws": "def show(model):\n    from PIL import Image\n    return Image.new('RGB', (40, 30), (200, 0, 0))",
    "plain": "",
}
STUDY = Path(__file__).parents[2] / "docs/applications.sqlite.xz"
RULES = ["sgd(lr=0.3)", "adam(lr=0.0001)"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A study of three small workloads: one whose model writes, one whose model draws, and one without pictures."""
    home = tmp_path_factory.mktemp("small")
    for name, show in SHOWS.items():
        (home / f"{name}.py").write_text(f"{SMALL}\n{show}\n", encoding="utf-8")
    files = [str(home / f"{name}.py") for name in SHOWS]
    few = {"seeds": 4, "trials": 1, "searches": 1, "search_seeds": 1, "jobs": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "_shown", lambda comparison, folder: comparison)  # a report takes longer than the runs
        steepest.compare(files, RULES, out=home / "study", **few)
    return home / "study"


def data_of(study):
    """What the page has of a study."""
    results = Results.read(study)
    return {"uses": uses_as_data(results), "cards": cards_as_data(results)}


@pytest.fixture(scope="module")
def small_data(small):
    return data_of(small)


def of(data, name):
    (found,) = (one for one in data["uses"]["workloads"] if one["name"] == name)
    return found


def test_row_1_has_the_applications_and_the_studys_own_workloads(small_data):
    names = [one["name"] for one in small_data["uses"]["workloads"]]
    assert names == [*SETS["applications"].workloads, *SHOWS]
    for name in SHOWS:
        assert all(of(small_data, name)["about"]) and len(of(small_data, name)["about"]) == 2
    assert of(small_data, "clothes")["result"] is None


def test_who_was_first_and_by_how_much_is_the_verdict(small, small_data):
    for place in places(Comparison.read(small)):
        result = of(small_data, place.workload)["result"]
        assert place.first == ("SGD lr=0.3",) and result["first"] == ["SGD lr=0.3"] * 2
        assert result["behind"] == place.behind == "Adam lr=0.0001"
        assert re.fullmatch(r"\S+ \(.+ – .+\)", result["lead"])
    assert small_data["uses"]["made"][0] == 4 and re.fullmatch(r"\d{4}-\d\d-\d\d", small_data["uses"]["made"][1])


def test_what_the_models_show(small_data):
    text, image = (of(small_data, name)["result"]["shown"] for name in ("writes", "draws"))
    assert re.fullmatch(r"w = -?\d\.\d{3}\n<b>", text["text"]) and text["label"] == "SGD lr=0.3" and text["step"] > 0
    head, _, content = image["image"].partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (40, 30)
    assert of(small_data, "plain")["result"]["shown"] is None


def test_a_card_has_the_place_of_its_rule(small, small_data):
    place = {card["id"]: card["place"] for card in small_data["cards"]}
    assert place["sgd"] == {"first": [*SHOWS], "of": 3, "needs": 1.0} and place["lion"] is None
    rows = sorted(ratio for ratio, _ in relative(Comparison.read(small))["Adam lr=0.0001"])
    assert place["adam"]["first"] == [] and place["adam"]["of"] == 3
    assert place["adam"]["needs"] == (round(rows[1], 3) if math.isfinite(rows[1]) else None)


def test_what_comes_with_steepest_is_what_the_published_study_found():
    """All of it but the pictures, which another version of Pillow may pack otherwise."""
    shipped, read = (json.loads(json.dumps(asdict(one))) for one in (Results.published(), Results.read(STUDY)))
    for results in (shipped, read):
        for found in results["workloads"].values():
            if "image" in (found["shown"] or {}):
                content = base64.b64decode(found["shown"].pop("image").partition(",")[2])
                assert len(content) <= LARGEST and Image.open(io.BytesIO(content)).size[0] >= 80
    assert shipped == read
    assert set(shipped["workloads"]) == set(SETS["applications"].workloads)
    names = {contestant.rule for contestant in Comparison.read(STUDY).plan.contestants}
    assert {parse(name).name for name in names} == set(shipped["rules"])


def test_a_packed_study_gives_the_same_page(small, small_data, tmp_path):
    pack(small / STUDY_FILE, tmp_path / "small.sqlite.xz")
    assert data_of(tmp_path / "small.sqlite.xz") == small_data


@pytest.fixture(scope="module")
def applications(tmp_path_factory):
    """A made-up study of two applications, with a large picture of each contestant's model."""
    folder = tmp_path_factory.mktemp("applications")
    two = {"workloads": ("clothes", "captions"), "optimizers": ("sgd", "adam"), "seeds": 4}
    study, content = synthetic_study(folder / "study", 60, 5, **two), io.BytesIO()
    Image.effect_noise((900, 700), 90).save(content, "PNG")
    statement = "insert into pictures (contestant, step, trial, seed, kind, content) values (?, 10, 0, 1, ?, ?)"
    for number in range(len(study.plan.contestants)):
        change(folder / "study", statement, number, "image/png", content.getvalue())
    return folder / "study"


def test_large_pictures_are_made_small_and_the_page_stays_small(applications):
    data = data_of(applications)
    for name in ("clothes", "captions"):
        shown = of(data, name)["result"]["shown"]
        content = base64.b64decode(shown["image"].partition(",")[2])
        assert len(content) <= LARGEST and shown["image"].startswith("data:image/jpeg")
        assert max(Image.open(io.BytesIO(content)).size) >= 80
    assert of(data, "diffusion")["result"] is None
    assert len(build_lecture(study=applications).html.encode()) < 450_000


def test_pictures_of_ten_applications_leave_the_page_small():
    content = io.BytesIO()
    Image.effect_noise((900, 700), 90).save(content, "PNG")
    urls = [_as_url("image/png", content.getvalue(), 8_000) for _ in range(10)]
    assert len(build_lecture().html.encode()) + sum(map(len, urls)) < 450_000


@pytest.mark.quick
def test_what_is_no_study_of_several_workloads_is_told_in_one_line(tmp_path):
    one = synthetic_study(tmp_path / "one", 24, 5, seeds=2)
    assert len(one.plan.workloads) == 1
    with pytest.raises(InvalidValue, match="the lecture shows a finished study of several workloads"):
        Results.read(tmp_path / "one")
    with pytest.raises(SteepestError, match="nowhere"):
        build_lecture(study=tmp_path / "nowhere")


def test_the_page_shows_the_published_study_or_another_one(small, browser, open_lecture, tmp_path):
    page = open_lecture("at=uses&phase=1")
    assert page.locator(".result-of").count() == len(SETS["applications"].workloads)
    assert "steepest lecture --study" in page.locator(".study").inner_text()
    file = build_lecture("zh", small).save(tmp_path / "study.html")
    page.goto(f"{file.as_uri()}#at=uses&phase=1")
    page.wait_for_selector(".station h1")
    assert page.locator(".result-of").count() == len(SHOWS)
    assert "SGD lr=0.3" in page.locator(".result-of").first.inner_text()
    assert page.locator(".card pre").inner_text().startswith("w = ") and page.locator(".card img").count() == 1
    told = page.locator(".study").inner_text()
    assert "4 个随机种子" in told and "到达目标的步数" in told and "--study" not in told
    page.goto(f"{file.as_uri()}#at=cards&phase=1")
    page.wait_for_selector("[data-station=cards]")
    assert "3 个问题中 3 个最先到达或并列：writes、draws、plain" in page.locator(".card").first.inner_text()


def test_the_pictures_that_are_shipped_are_those_of_the_study():
    for workload, (_, shot) in pictures_of(Comparison.read(STUDY)).items():
        shipped = published_picture(workload)
        assert shipped == (None if shot.kind == TEXT else (f".{shot.kind.removeprefix('image/')}", shot.content))
