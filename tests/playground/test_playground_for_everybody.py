"""The playground for everybody: with a finger, without sight, on paper."""

import re

import pytest

from steepest.playground.looks import contrast

from ..accessibility import LEAST_CONTRAST, blend, small_targets, violations
from .driving import PARTS, PHONE, ROOT

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect


# --- for everybody ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("light", ["light", "dark"])
def test_axe_finds_nothing_serious(light, lang, open_page):
    rules = "rule=sgd(lr=0.01)&rule=adam(lr=0.2)"
    page = open_page(f"on=himmelblau&{rules}&lang={lang}", color_scheme=light, reduced_motion="reduce")
    assert violations(page) == []
    page.click("#modes [data-key=sweep]")
    page.click("#tour-open")
    page.wait_for_selector("#tour h2")
    if lang == "en":  # the dialogs are the same
        page.click("#pick" if light == "light" else "#rules .add")
    assert violations(page) == []


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_what_is_tapped_is_large_enough(screen, open_page):
    page = open_page("on=himmelblau&rule=adam(lr=0.2)", **screen)
    for mode in ("contours", "sweep"):
        page.click(f"#modes [data-key={mode}]")
        assert small_targets(page) == []
    page.click("#tour-open")
    for details in page.locator("details:not([open]) > summary").all():
        details.click()
    assert small_targets(page) == []
    page.click("#pick")
    assert small_targets(page) == []


@pytest.mark.parametrize("light", ["light", "dark"])
def test_lines_and_sliders_stand_out(light, open_page):
    """Contour lines from every shade and from every colour of a map, tracks of sliders from what is behind them."""
    page = open_page(color_scheme=light)
    style = f"name => getComputedStyle({ROOT}.host).getPropertyValue('--' + name).trim()"
    paper, ground, ink, iso, rail = (page.evaluate(style, name) for name in ("paper", "ground", "ink", "iso", "rail"))
    relief = PARTS.joinpath("theme.js").read_text(encoding="utf-8").partition("const SLOPES")[0]
    shades = re.findall("#[0-9a-f]{6}", re.search(rf"{light}: \[(.*)\]", relief)[1])
    basins = PARTS.joinpath("basin_view.js").read_text(encoding="utf-8")
    colours = re.findall("#[0-9a-f]{6}", re.search(r"const BASINS = \[(.*)\]", basins)[1])
    least, more = map(float, re.search(r"([\d.]+) \+ ([\d.]+) \* late", basins).groups())
    stripes = float(re.search(r"% 6 < 3 \? ([\d.]+)", basins)[1])
    grounds = [*shades, *(blend(paper, colour, least + more) for colour in colours), blend(paper, ink, stripes)]
    assert len(grounds) == 14
    for colour in grounds:
        assert contrast(iso, colour) >= LEAST_CONTRAST, colour
    for colour in (paper, ground):
        assert contrast(rail, colour) >= LEAST_CONTRAST, colour


SEVERAL = [
    "sgd(lr=0.4)",
    "momentum(lr=0.1)",
    "adam(lr=0.4)",
    "adamw(lr=0.4)",
    "nadam(lr=0.4)",
    "rmsprop(lr=0.4,centered=true)",
]


@pytest.mark.parametrize("rule", SEVERAL)
def test_results_of_filled_equations_are_seen(rule, open_page):
    page = open_page(f"on=ravine&rule={rule}", viewport={"width": 1440, "height": 900})
    right = page.locator(".meaning").bounding_box()
    edge = right["x"] + right["width"]
    results = [box.bounding_box() for box in page.locator("#readout .result").all()]
    assert len(results) >= 2 and all(box["x"] + box["width"] <= edge for box in results)
    assert page.evaluate(f"{ROOT}.querySelector('.meaning').scrollWidth") <= right["width"]


def test_messages_cover_neither_the_picture_nor_the_chart(open_page):
    for screen in ({"viewport": {"width": 1440, "height": 900}}, PHONE):
        page = open_page("on=ravine&rule=sgd(lr=0.1)", **screen)
        page.click("#copy")
        expect(page.locator("#toast")).to_be_visible()
        toast = page.locator("#toast").bounding_box()
        for figure in ("#stage", "#chart", ".player"):
            assert toast["y"] + toast["height"] <= page.locator(figure).bounding_box()["y"], figure


@pytest.mark.parametrize("light", ["light", "dark"])
def test_on_paper_everything_is_light(light, open_page):
    page = open_page("on=ravine&rule=sgd(lr=0.1)&view=surface", color_scheme=light)
    if light == "dark":
        page.click("#light")
        page.click("#light")  # dark by the switch, too
    seen = f"getComputedStyle({ROOT}.host).getPropertyValue('--paper').trim()"
    corner = f"""(() => {{ const canvas = {ROOT}.querySelector('#stage canvas'), pen = canvas.getContext('2d');
      return pen.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0]; }})()"""
    before = page.evaluate(seen)
    page.emulate_media(media="print")
    page.wait_for_function(f"() => {seen} === '#ffffff'")
    assert page.evaluate(corner) > 90  # the surface in the colours of light paper
    for hidden in (".player", ".tabs", "#toast", "footer", "#tour-open"):
        expect(page.locator(hidden)).to_be_hidden()
    whole = page.evaluate(f"{ROOT}.querySelector('.page').getBoundingClientRect().height")
    assert whole >= page.locator("#readout").bounding_box()["height"] + page.locator("#stage").bounding_box()["height"]
    page.emulate_media(media="screen")
    page.wait_for_function(f"() => {seen} === '{before}'")
