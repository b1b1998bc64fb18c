"""The lecture on paper: every station with its figure, drawn and trained in the shape that it has there."""

import pytest

from steepest.lecture import STATIONS

pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BY_ID = {station.id: station for station in STATIONS}


BOXES = """() => {
  const inside = (each) => [each, ...(each.shadowRoot ? within(each.shadowRoot) : [])];
  const within = (root) => [...root.querySelectorAll("*")].flatMap(inside);
  const outside = (each) => each ? [each, ...outside(each.parentElement ?? each.getRootNode().host)] : [];
  const lists = within(document).filter((each) => each.matches(".cards, .mistakes"));
  return lists.flatMap(outside).map((each) => getComputedStyle(each).display); }"""


def test_on_paper_lists_that_go_over_pages_are_in_no_flex_box_or_grid(open_lecture):
    """Their height would not grow by what moves to the next page, and what follows would be printed over it."""
    page = open_lecture("at=cards&phase=1")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.locator(".mistakes").wait_for(state="attached")
    assert page.locator(".cards").count() >= 2 and set(page.evaluate(BOXES)) == {"block", "none"}


HANDOUT = """() => {
  dispatchEvent(new Event("beforeprint"));
  const place = document.querySelector("[data-steepest] > div").shadowRoot;
  const of = (station) => station.querySelector(".place > div")?.shadowRoot;
  window.drawn_ = [...place.querySelectorAll(".station[data-phase='3']")].flatMap((station) =>
    [...(of(station)?.querySelectorAll("canvas") ?? [])].filter((canvas) => canvas.checkVisibility()));
  window.shapes_ = drawn_.map(({ width, height }) => width / height); }"""

SHAPES = "drawn_.map((canvas) => canvas.getBoundingClientRect()).map(({ width, height }) => width / height)"

COLOURS = """(stations) => stations.map((name) => {
  const place = document.querySelector("[data-steepest] > div").shadowRoot;
  const { shadowRoot } = place.querySelector(`[data-station=${name}][data-phase='3'] .place > div`);
  const shown = [...shadowRoot.querySelectorAll("figure canvas")].filter((canvas) => canvas.checkVisibility());
  return shown.map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size; }); })"""

ORANGE = """() => {
  const place = document.querySelector("[data-steepest] > div").shadowRoot;
  const { shadowRoot } = place.querySelector("[data-station=vanishing][data-phase='3'] .place > div");
  const canvas = shadowRoot.querySelector("#stage canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) found += data[i] > 200 && data[i + 1] > 100 && data[i + 2] < 60;
  return found; }"""


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_pictures_of_the_handout_are_drawn_in_the_shape_that_they_have_on_paper(screen, open_lecture):
    page = open_lecture("at=descent", **screen)
    page.evaluate(HANDOUT)
    drawn = page.evaluate("shapes_")  # before a frame: printing waits for none
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # of A4, within its margins
    assert len(drawn) > 40 and page.evaluate(SHAPES) == pytest.approx(drawn, rel=0.02)


def test_a_printed_picture_has_its_landscape_and_paths_on_one_canvas(open_lecture):
    """Chromium prints what was drawn, not its pixels: a canvas over another that clears itself clears both."""
    page = open_lecture("at=descent")
    page.evaluate(HANDOUT)
    stages = page.locator(".station[data-phase='3'] #stage")
    assert stages.locator("canvas").first.is_visible() and page.evaluate(ORANGE) > 100  # the path of Adam
    upper = stages.locator("canvas:last-of-type")
    assert not upper.evaluate_all("all => all.some((one) => one.checkVisibility())")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#stage canvas:visible").count() == 2


def test_networks_are_trained_on_paper(open_lecture):
    page = open_lecture("at=descent")
    page.evaluate(HANDOUT)
    for name in ("mini-batch", "rare-words", "race", "loss-slice"):
        steps = BY_ID[name].facts["figure"]["state"]["steps"]
        told = page.locator(f"[data-station={name}][data-phase='3'] #legend output").all_inner_texts()
        assert told and all(text.startswith(f"step {steps}: loss") for text in told), name
    networks = ["mini-batch", "rare-words", "race", "loss-slice"]
    assert min(count for counts in page.evaluate(COLOURS, networks) for count in counts) > 50


def test_on_paper_there_is_every_station_with_its_figure(open_lecture):
    page = open_lecture("at=saddle")
    assert page.locator(".station").count() == 1 and page.locator("#stage").count() == 1  # mounted when in view
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".station:not([data-aside])").count() == len(STATIONS)
    figures = sum("figure" in station.facts for station in STATIONS)
    assert page.locator(".station:not([data-aside]) .place > div").count() == figures
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".station").count() == 1
