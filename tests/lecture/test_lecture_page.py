"""The lecture in a browser: every station walked through, exercises failed and solved, links, languages, paper."""

import re
from itertools import pairwise

import pytest

from steepest.lecture import STATIONS
from steepest.lecture.stations import stations_as_data

from ..accessibility import small_targets, violations
from .conftest import PATIENCE

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WITH_EXERCISE = [station.id for station in STATIONS if "exercise" in station.facts]
BY_ID = {station.id: station for station in STATIONS}
FOR_AXE = ["uses", "saddle", "learning-rate", "race", "best-pair", "loss-slice", "rare-words", "cards", "mistakes"]


def link_of(page) -> str:
    """The address bar's link, once it has caught up with the page."""
    page.wait_for_timeout(450)
    return page.evaluate("location.hash.slice(1)")


def test_arrow_keys_lead_through_every_station(open_lecture):
    page = open_lecture()
    for station in stations_as_data():
        expect(page.locator("h1")).to_have_text(station["title"][0])
        expect(page.locator(".ask .question")).to_have_text(station["question"][0])
        expect(page.locator(".told-here")).to_be_hidden()
        page.keyboard.press("ArrowRight")
        told = re.sub(r"[*\n]", "", station["told"][0])
        expect(page.locator(".told-here")).to_be_visible()
        assert page.locator(".sentence").evaluate_all("all => all.map((one) => one.textContent).join('')") == told
        if "exercise" in station:
            page.keyboard.press("PageDown")
            expect(page.locator(".exercise")).to_contain_text(station["exercise"]["ask"][0])
        page.keyboard.press("ArrowRight")
    expect(page.locator("#next")).to_be_disabled()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".told-here")).to_be_visible()


@pytest.mark.parametrize("name", WITH_EXERCISE)
def test_an_exercise_is_failed_and_solved(name, open_lecture):
    page = open_lecture(f"at={name}&phase=2")
    expect(page.locator(".status")).to_have_text("Not yet.")
    page.locator("[data-key=hint]").click()
    expect(page.locator(".exercise .hint")).to_be_visible()
    page.locator("[data-key=solution]").click()
    expect(page.locator(".status")).to_have_class("status solved", timeout=1000 * PATIENCE)
    assert f"{name}:-*" in link_of(page)
    if page.locator("[data-key=again]").count():
        page.locator("[data-key=again]").click()
        expect(page.locator(".status")).to_have_text("You have solved it before.")


def test_a_choice_is_judged_and_kept_in_the_link(open_lecture):
    page = open_lecture("at=saddle")
    assert page.locator("#legend li").count() == 0  # nothing is shown before the guess
    page.locator(".option").first.click()
    expect(page.locator(".verdict")).to_contain_text("Not quite.")
    expect(page.locator(".verdict")).to_contain_text("It lingers")
    expect(page.locator("#legend li")).to_have_count(1)
    link = link_of(page)
    assert link == "at=saddle&phase=1&done=saddle:0"
    again = open_lecture(link.replace("saddle:0", "saddle:1"))
    expect(again.locator(".verdict")).to_contain_text("Right.")


def test_a_point_is_dragged_to_guess(open_lecture):
    page = open_lecture("at=local-minimum")
    top = page.locator("#stage canvas").last
    top.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.locator(".guess .main").click()
    expect(page.locator(".verdict")).to_contain_text("Not quite.")
    box = top.bounding_box()
    link = link_of(page)
    assert re.search(r"done=local-minimum:[\d.-]+", link)
    page.keyboard.press("ArrowLeft")
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)  # the diamond goes where it is put
    page.locator(".guess .main").click()
    expect(page.locator(".verdict")).to_contain_text("Right.")


def test_cards_hide_what_is_to_be_guessed(open_lecture):
    page = open_lecture("at=cards")
    stores = page.locator(".card dl").first
    expect(stores).to_be_hidden()
    page.locator(".option").first.click()
    expect(stores).to_be_visible()
    expect(stores).to_contain_text("nothing")


def test_of_lists_the_answer_is_read_before_on_a_phone(open_lecture):
    page = open_lecture("at=mistakes&phase=1", **PHONE)
    top = "one => one.getBoundingClientRect().top"
    assert page.locator(".sentence").first.evaluate(top) < page.locator(".mistakes").evaluate(top)


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_names_and_numbers_of_a_network_do_not_overlap(screen, open_lecture):
    page = open_lecture("at=race&phase=1", **screen)
    page.wait_for_selector("#legend output")
    boxes = page.locator("#legend :is(b, output)").evaluate_all(
        "all => all.map((one) => { const { left, top, right, bottom } = one.getBoundingClientRect();"
        " return [left, top, right, bottom, one.scrollWidth - one.clientWidth]; })"
    )
    for (_, _, right, bottom, _), (left, top, *_) in pairwise(boxes):
        assert left >= right or top >= bottom - 1
    assert max(beyond for *_, beyond in boxes) <= 1


def test_a_number_is_typed_to_guess(open_lecture):
    page = open_lecture("at=learning-rate")
    page.locator(".guess input").fill("abc")
    page.locator(".guess .typed button").click()
    assert page.locator(".guess input").get_attribute("aria-invalid") == "true"
    page.locator(".guess input").fill("1/1")
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("Right.")


def test_the_formula_follows_the_figure(open_lecture):
    page = open_lecture("at=descent&phase=1")
    before = page.locator(".formula-here .result").first.inner_text()
    slider = page.locator("#controls input[type=range]")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".formula-here .result").first).not_to_have_text(before)
    link = link_of(page)
    assert "rule=sgd(lr=" in link and "on=parabola" in link
    again = open_lecture(link)
    assert (
        again.locator("#controls input[type=text]").input_value()
        == page.locator("#controls input[type=text]").input_value()
    )


def test_a_pair_is_dragged_on_the_map_of_learning_rate_and_momentum(open_lecture):
    page = open_lecture("at=best-pair&phase=1")
    rate, momentum = page.locator("#controls input[type=text]").all()
    assert (float(rate.input_value()), float(momentum.input_value())) == pytest.approx((0.668, 0.403), abs=1e-3)
    canvas = page.locator("#pairs canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("fastest: η 0.668, μ 0.403"))
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"], steps=3)
    page.mouse.up()
    expect(rate).not_to_have_value(re.compile("^0.6"))
    assert float(rate.input_value()) < 0.4 and float(momentum.input_value()) > 0.6
    before = float(momentum.input_value())
    canvas.focus()
    page.keyboard.press("ArrowDown")
    expect(momentum).to_have_value(re.compile(f"^{before - 0.01:.3f}"[:5]))
    assert "momentum=" in link_of(page)


@pytest.mark.parametrize("name", ["two-variables", "momentum", "best-pair", "ill-conditioning"])
def test_quadratics_show_their_spectrum_and_how_each_mode_decays(name, open_lecture):
    page = open_lecture(f"at={name}&phase=1")
    alt = page.locator("#spectrum canvas").get_attribute("aria-label")
    assert "Along x" in alt and "Along y" in alt and "the fastest is" in alt
    ink = """(id) => {
      const root = document.querySelector("[data-steepest] > div").shadowRoot.querySelector(".place > div").shadowRoot;
      const canvas = root.getElementById(id).querySelector("canvas"), pen = canvas.getContext("2d");
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, i) => i % 4 === 3 && value > 0).length; }"""
    assert page.evaluate(ink, "decays") > 500 and page.evaluate(ink, "spectrum") > 500


def test_the_phase_in_view_is_marked_where_colours_are_the_readers_own(open_lecture):
    page = open_lecture("at=saddle&phase=1", forced_colors="active")
    style = page.locator("#phases button").evaluate_all("all => all.map((one) => getComputedStyle(one).outlineStyle)")
    assert style == ["none", "solid", "none"]


COUNT = """() => {
  window.cleared = 0;
  window.canvases = 0;
  const { clearRect } = CanvasRenderingContext2D.prototype, { createElement } = Document.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function(...box) {
    window.cleared += 1;
    clearRect.apply(this, box);
  };
  Document.prototype.createElement = function(tag) {
    window.canvases += tag === "canvas";
    return createElement.call(this, tag);
  }; }"""


def test_a_turned_surface_is_drawn_once_a_move(open_lecture):
    page = open_lecture("at=saddle&phase=1")
    top = page.locator("#stage canvas").last
    top.focus()
    page.wait_for_timeout(600)  # what follows the first picture is done
    page.evaluate(COUNT)
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(600)
    assert page.evaluate("window.cleared") == 3  # ground, paths, and the chart


def test_a_network_in_training_makes_no_canvases(open_lecture):
    page = open_lecture("at=mini-batch&phase=1")
    page.wait_for_selector("#legend output")
    page.evaluate(COUNT)
    for _ in range(100):  # a slider that is drawn anew meanwhile misses a key
        page.locator("#controls input[type=range]").first.press("ArrowRight")
        page.wait_for_timeout(200)
        if page.evaluate("window.cleared") > 2:
            break
    assert page.evaluate("window.cleared") > 2 and page.evaluate("window.canvases") == 0


STEPS_BY_FRAME = """() => {
  let now = 0;
  performance.now = () => ++now; // a step of a training takes a millisecond
  const place = document.querySelector("[data-steepest] > div").shadowRoot;
  const { shadowRoot } = place.querySelector(".place > div");
  window.legend_ = shadowRoot.querySelector("#legend li");
  window.steps_ = [];
  const note = () => {
    window.steps_.push(Number(window.legend_.textContent.match(/step (\\d+)/)[1]));
    requestAnimationFrame(note);
  };
  note(); }"""


def test_a_frame_has_few_steps_of_training_while_a_slider_is_held(open_lecture):
    page = open_lecture("at=mini-batch&phase=1")
    page.wait_for_selector("#legend output")
    page.evaluate(STEPS_BY_FRAME)

    def steps_a_frame():
        page.evaluate("steps_.length = 0")
        for _ in range(100):
            page.wait_for_timeout(100)
            steps = page.evaluate("steps_")
            found = {after - before for before, after in pairwise(steps) if after > before}
            if len(steps) > 4 and found:
                break
        return found

    box = page.locator("#controls input[type=range]").first.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    assert steps_a_frame() == {3}
    page.mouse.up()
    assert 10 in steps_a_frame()


def test_the_legend_of_a_training_is_kept_and_only_its_numbers_change(open_lecture):
    page = open_lecture("at=mini-batch&phase=1")
    page.wait_for_selector("#legend output")
    page.evaluate(STEPS_BY_FRAME)
    expect(page.locator("#legend output")).to_contain_text("step 400:")
    assert page.evaluate("legend_.isConnected && legend_.textContent.includes('step 400:')")


def test_a_change_of_colours_or_language_does_not_train_anew(open_lecture):
    page = open_lecture("at=race&phase=1")
    legend = page.locator("#legend output").first
    expect(legend).to_contain_text("step 300:")
    for name in ("light", "language", "light"):
        page.locator(f"#{name}").click()
        page.wait_for_timeout(100)
        assert "300" in legend.inner_text()


LETTERS = """() => {
  window.cut_ = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function(text, x, y) {
    const long = this.measureText(text).width, before = { center: long / 2, right: long }[this.textAlign] ?? 0;
    const { a: density, b: turned, e: moved } = this.getTransform();
    const left = x + moved / density - before, right = left + long;
    const wide = this.canvas.width / density, cut = (left < -1 && right > 0) || (left < wide && right > wide + 1);
    if (cut && !turned) window.cut_.push([location.hash.split("&")[0], text, left, right, wide]);
    fillText.call(this, text, x, y);
  }; }"""


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [390, 820])
def test_no_letter_of_a_picture_is_cut(width, lang, open_lecture):
    page = open_lecture(f"lang={lang}", viewport={"width": width, "height": 1180})
    page.evaluate(LETTERS)
    for name in BY_ID:
        page.evaluate(f"location.hash = 'at={name}&phase=1&lang={lang}'")
        page.wait_for_selector(f"[data-station={name}][data-phase='1']")
        page.wait_for_timeout(150)
    assert page.evaluate("cut_") == []


RESULTS = {"uses": "share", "cards": "kilobytes", "mistakes": "half", "decay": "last", "mini-batch": "batch"}


@pytest.mark.parametrize("name", RESULTS)
def test_formulas_have_the_numbers_that_the_words_have(name, open_lecture):
    page = open_lecture(f"at={name}&phase=1")
    value = BY_ID[name].numbers()[RESULTS[name]]
    expect(page.locator(".formula-here .result").last).to_have_text(f"={value:.4g}", timeout=1000 * PATIENCE)


FOCUSED = """() => {
  let focused = document.activeElement;
  while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  if (focused === document.body) return null;
  window.reached_.add(focused);
  const { outlineStyle } = getComputedStyle(focused), { top, bottom } = focused.getBoundingClientRect();
  const seen = outlineStyle !== "none" && bottom > 0 && top < innerHeight;
  return [focused.id || focused.className || focused.type, seen]; }"""

NOT_REACHED = """() => {
  const inside = (each) => [each, ...(each.shadowRoot ? within(each.shadowRoot) : [])];
  const within = (root) => [...root.querySelectorAll("*")].flatMap(inside);
  const controls = "button:enabled, input:enabled, a[href], [tabindex='0']";
  const wanted = within(document).filter((each) => each.matches(controls));
  return wanted.filter((each) => each.checkVisibility({ visibilityProperty: true }) && !window.reached_.has(each))
    .map((each) => each.id || each.className || each.type); }"""


@pytest.mark.parametrize(
    "place", ["uses&phase=0", "saddle&phase=0", "best-pair&phase=1", "loss-slice&phase=2", "mistakes&phase=1"]
)
def test_tab_reaches_every_control_shows_where_it_is_and_gets_out_again(place, open_lecture):
    page = open_lecture(f"at={place}")
    page.evaluate("window.reached_ = new Set()")
    outside, unseen = 0, []
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        outside += focused is None
        if outside == 2:  # once around the page
            break
        if focused is not None and not focused[1]:
            unseen.append(focused[0])
    assert outside == 2 and unseen == [] and page.evaluate(NOT_REACHED) == []


def test_an_exercise_is_solved_with_keys_alone(open_lecture):
    page = open_lecture("at=descent")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".status")).to_have_text("Not yet.")
    page.evaluate("window.reached_ = new Set()")
    for _ in range(40):
        page.keyboard.press("Tab")
        if (page.evaluate(FOCUSED) or [""])[0] == "text":
            break
    page.keyboard.press("Control+A")
    page.keyboard.type("0.4")
    expect(page.locator(".status")).to_have_class("status solved")


def test_the_language_changes_at_any_place(open_lecture):
    page = open_lecture("at=saddle&phase=2")
    page.locator("#language").click()
    station = next(station for station in stations_as_data() if station["id"] == "saddle")
    expect(page.locator("h1")).to_have_text(station["title"][1])
    assert station["exercise"]["ask"][1] in page.locator(".exercise").inner_text()
    assert page.evaluate("document.documentElement.lang") == "zh-CN" and "lang=zh" in link_of(page)
    assert "鞍点" in page.title()


def test_the_projector_has_large_letters(open_lecture):
    page = open_lecture("at=two-variables&phase=1", viewport={"width": 1024, "height": 768})
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    before = page.evaluate(size)
    page.keyboard.press("p")
    for _ in range(50):  # a condition that the browser evaluates again is against the page's policy
        if page.evaluate(size) > 1.3 * before:
            break
        page.wait_for_timeout(100)
    assert page.evaluate(size) > 1.3 * before
    assert "big=1" in link_of(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024


def test_the_longest_answers_fit_a_projector(open_lecture):
    length = {
        station["id"]: len(station["told"][0]) for station in stations_as_data() if "wide" not in station["figure"]
    }
    page = open_lecture("big=1", viewport={"width": 1920, "height": 1080})
    for name in sorted(length, key=length.__getitem__)[-3:]:
        page.evaluate(f"location.hash = 'at={name}&phase=1&big=1'")
        page.wait_for_selector(f"[data-station={name}][data-phase='1'] .words[data-fitted]")
        bottom = "getBoundingClientRect().bottom"
        words, deck = (page.locator(place).evaluate(f"one => one.{bottom}") for place in (".words", "#deck"))
        assert words <= deck + 1, name


def test_the_contents_lead_to_a_station_and_show_what_is_solved(open_lecture):
    page = open_lecture("at=descent&done=saddle:1*,leap:2")
    page.locator("#contents-open").click()
    assert page.locator(".entry").count() == len(STATIONS)
    assert page.locator(".entry b").evaluate_all("all => all.filter((one) => one.textContent === '✓').length") == 1
    link = page.locator(".entry").nth(3).get_attribute("href")
    assert link == f"#at={STATIONS[3].id}&done=saddle:1*,leap:2"
    page.locator(".entry").nth(0).click()
    expect(page.locator("h1")).to_have_text(stations_as_data()[0]["title"][0])


def test_a_bad_link_is_told_and_changes_nothing(open_lecture):
    page = open_lecture("at=nowhere")
    expect(page.locator("#toast")).to_contain_text("the lecture has no station 'nowhere'")
    expect(page.locator("h1")).to_have_text(stations_as_data()[0]["title"][0])


@pytest.mark.parametrize("link", ["on=bowl&rule=adam(lr=0.1)", "%%%"], ids=["playground", "broken"])
def test_a_link_without_a_station_is_told(link, open_lecture):
    page = open_lecture("at=saddle")
    page.evaluate("link => { location.hash = link; }", link)
    expect(page.locator("#toast")).to_contain_text("it names no station, as in at=uses")
    expect(page.locator("h1")).to_have_text("Saddle points")


def test_links_that_were_changed_on_their_way_show_what_can_be_shown(open_lecture):
    page = open_lecture("at=saddle&phase=1&done=saddle%3A0%2Cleap%3A1%3B2%2Clocal-minimum%3A1%3B2%3B3%2A")
    expect(page.locator(".verdict")).to_contain_text("Not quite.")
    assert link_of(page) == "at=saddle&phase=1&done=saddle:0,leap:-,local-minimum:-*"
    page.evaluate("location.hash = 'at=descent&phase=1&on=parabola&rule=nonsense(lr=1)&done=%E4%'")
    expect(page.locator("#toast")).to_contain_text("nonsense")
    expect(page.locator(".sentence").first).to_be_visible()


def test_a_finger_turns_the_pages(open_lecture):
    page = open_lecture("at=descent", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    swipe = """(dx) => {
      const target = document.querySelector('[data-steepest] > div').shadowRoot.querySelector('.words h1');
      const send = (type, clientX) => {
        const touch = new Touch({ identifier: 1, target, clientX, clientY: 100 });
        const touches = type === 'touchstart' ? [touch] : [];
        target.dispatchEvent(new TouchEvent(type, { bubbles: true, composed: true, touches, changedTouches: [touch] }));
      };
      send('touchstart', 200);
      send('touchend', 200 + dx); }"""
    page.evaluate(swipe, -120)
    expect(page.locator(".told-here")).to_be_visible()
    page.evaluate(swipe, 120)
    expect(page.locator(".told-here")).to_be_hidden()


LOOKS = [("light", "en", {}), ("dark", "zh", {}), ("light", "zh", PHONE), ("dark", "en", PHONE)]


@pytest.mark.parametrize(
    ("light", "lang", "screen"), LOOKS, ids=["light-en", "dark-zh", "light-zh-phone", "dark-en-phone"]
)
def test_axe_finds_nothing_serious(light, lang, screen, open_lecture):
    page = open_lecture(f"lang={lang}", color_scheme=light, **screen)
    for name in FOR_AXE:
        for phase in (0, 1, 2):
            page.evaluate(f"location.hash = 'at={name}&phase={phase}&lang={lang}&done={name}:1'")
            page.wait_for_selector(f"[data-station={name}][data-phase='{phase}']")
            page.wait_for_timeout(200)
            assert violations(page) == [], (name, phase)
            assert small_targets(page) == [], (name, phase)
