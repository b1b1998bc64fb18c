"""What leaves the playground: pictures, tables, code."""

import csv
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from .driving import ROOT, saved

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect


# --- what leaves the page ---------------------------------------------------------------------------------------------

DIVERGING = "on=ravine&rule=sgd(lr=0.6)&rule=momentum(lr=0.6,momentum=0.25)&steps=20"


def test_pictures_are_saved(open_page, tmp_path):
    page = open_page(DIVERGING)
    png = saved(page, "png", tmp_path).read_bytes()
    assert png.startswith(b"\x89PNG") and int.from_bytes(png[16:20]) == 2000
    svg = saved(page, "svg", tmp_path)
    root = ElementTree.parse(svg).getroot()
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert svg.name == "steepest-ravine.svg" and tags.count("path") > 50 and "image" not in tags  # vectors
    assert "leaves at step" in "".join(root.itertext())  # a path that diverges is said to leave, not clamped


def test_a_surface_in_svg_has_its_contour_lines(open_page, tmp_path):
    svg = saved(open_page("on=himmelblau&rule=sgd(lr=0.01)&view=surface"), "svg", tmp_path)
    paths = [element.get("d") for element in ElementTree.parse(svg).getroot().iter() if element.tag.endswith("path")]
    assert not [path for path in paths if "NaN" in path]  # behind which a browser draws nothing
    assert max(path.count("M") for path in paths) > 15  # loops, in one path


def test_pictures_name_what_they_show_and_clip_nothing(open_page, tmp_path):
    rules = "rule=sgd(lr=0.6)&rule=adam(lr=0.4,betas=(0.8,0.99),eps=1e-6)"
    page = open_page(f"on=himmelblau&{rules}&steps=40&step=12&noise=0.3&seed=5&schedule=cosine&view=basin&selected=1")
    page.get_by_text("20736 runs").wait_for()
    svg = saved(page, "svg", tmp_path)
    root = ElementTree.parse(svg).getroot()
    texts = [element for element in root.iter() if element.tag.endswith("text") and element.text]
    said = " ".join(element.text for element in texts)
    for words in ("Himmelblau", "Basins (Adam)", "start", "step 12 of 40", "noise 0.3 (seed 5)", "cosine", "pale: soon",
                  "betas[1] 0.99", "(3, 2)"):  # fmt: skip
        assert words in said, words
    assert svg.name == "steepest-himmelblau-basin.svg"
    width, height = (float(root.get(side)) for side in ("width", "height"))
    sizes = page.evaluate(
        """(texts) => { const pen = document.createElement("canvas").getContext("2d");
      return texts.map(([text, font]) => { pen.font = font; return pen.measureText(text).width; }); }""",
        [[each.text, f"{each.get('font-size')}px {each.get('font-family')}"] for each in texts],
    )
    for element, size in zip(texts, sizes, strict=True):
        if element.get("transform", "").count("rotate"):
            continue
        shift = re.match(r"translate\(([-\d.]+)", element.get("transform", "translate(0"))
        anchor = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor")]
        left = float(element.get("x")) + float(shift[1]) - anchor * size
        assert left >= -1 and left + size <= width + 1, element.text
    assert max(float(element.get("y")) for element in texts) < height


def test_a_map_says_what_its_colours_mean(open_page):
    page = open_page("on=himmelblau&rule=sgd(lr=0.01)&view=sweep")
    expect(page.locator("#map-keys")).to_contain_text("escaped")
    expect(page.locator("#map-keys")).to_contain_text("ends above the start")
    page.locator("#map-bar select").last.select_option(label="steps to reach the minimum")
    expect(page.locator("#map-keys")).to_contain_text("not reached")
    page.click("#modes [data-key=basin]")
    expect(page.locator("#map-keys")).to_contain_text("on its way")
    expect(page.locator("#caption")).to_contain_text("pale: soon")
    page.get_by_text("20736 runs").wait_for()
    clipped = page.evaluate(f"""() => {{
      const bar = {ROOT}.querySelector('#map-bar'), {{ right, bottom }} = bar.getBoundingClientRect();
      return [...bar.querySelectorAll('.key')].map((key) => key.getBoundingClientRect())
        .filter((box) => box.right > right + 1 || box.bottom > bottom + 1).length; }}""")
    assert clipped == 0


def test_every_view_can_be_saved(open_page, tmp_path):
    page = open_page("on=himmelblau&rule=momentum(lr=0.01)&steps=30")
    for mode in ("surface", "basin", "sweep"):
        page.click(f"#modes [data-key={mode}]")
        expect(page.locator("#map-choices select")).to_have_count({"surface": 0, "basin": 1, "sweep": 4}[mode])
        if mode != "surface":
            page.get_by_text("20736 runs").wait_for()
        root = ElementTree.parse(saved(page, "svg", tmp_path)).getroot()
        tags = [element.tag.rpartition("}")[2] for element in root.iter()]
        assert tags.count("path") > 30 and ("image" in tags) == (mode != "surface")


def test_numbers_and_code_give_the_same_paths(open_page, tmp_path):
    page = open_page(
        "on=himmelblau&start=-0.3,-0.9&rule=sgd(lr=0.01)&rule=adam(lr=0.2)&steps=50&noise=0.3&seed=5&schedule=cosine"
    )
    rows = list(csv.DictReader(saved(page, "csv", tmp_path).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 2 * 51
    code = saved(page, "py", tmp_path).read_text(encoding="utf-8")
    names: dict[str, object] = {"print": lambda *_, **__: None}
    exec(compile(code, "exported", "exec"), names)
    for number, path in enumerate(names["paths"], 1):
        shown = np.array([[float(row["x"]), float(row["y"])] for row in rows if row["path"] == str(number)])
        np.testing.assert_allclose(path.x, shown, rtol=1e-10, atol=1e-12)
