"""Parts in a page of prose: many of them, none knows of another, and nothing of the page around them is touched."""

import runpy
from html import escape
from pathlib import Path

import pytest

import steepest
from steepest.base.errors import InvalidValue
from steepest.playground import article, build_facts, build_page
from steepest.web import read_bundle

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "article.py"
TWO = """
<h1>Two</h1><p id="prose">Prose</p>
<div data-steepest="playground" data-state="on=ravine&rule=sgd(lr=0.4)&steps=40"></div>
<div data-steepest="playground" data-state="on=himmelblau&rule=adam(lr=0.2)&steps=50"></div>
"""
ROOTS = "[...document.querySelectorAll('[data-steepest] > div')].map((each) => each.shadowRoot)"


@pytest.fixture
def open_article(browser, tmp_path):
    """Open an article; whatever it complains of, or asks for elsewhere, fails the test."""
    contexts, wrong = [], []

    def open_(page, **options):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options}))
        opened = contexts[-1].new_page()
        opened.set_default_timeout(30_000)  # a busy machine is no failure
        opened.on("console", lambda message: wrong.append(message.text))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("request", lambda request: request.url.startswith(("file:", "blob:")) or wrong.append(request.url))
        opened.goto(page.save(tmp_path / "article.html").as_uri())
        opened.wait_for_selector("[data-steepest] canvas")
        return opened

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def two(open_article):
    """An article with two playgrounds, and each of them."""
    opened = open_article(article(TWO, lang="en"))
    return opened, opened.locator("[data-steepest]").first, opened.locator("[data-steepest]").last


def test_keys_and_hands_move_only_the_playground_that_they_are_on(two):
    opened, first, second = two
    before = second.locator("#story").inner_text()
    told = first.locator("#story").inner_text()
    first.locator("#stage canvas").last.focus()
    opened.keyboard.press("Shift+ArrowRight")
    expect(first.locator("#story")).not_to_have_text(told)
    opened.keyboard.press(",")
    expect(first.locator("#now")).to_have_text("39 / 40")
    second.locator("#scrub").focus()
    opened.keyboard.press("Home")
    expect(second.locator("#now")).to_have_text("0 / 50")
    expect(first.locator("#now")).to_have_text("39 / 40")
    opened.locator("#prose").click()
    opened.keyboard.press(",")  # nobody's
    opened.keyboard.press(" ")
    opened.keyboard.press(".")
    opened.wait_for_timeout(200)
    assert first.locator("#now").inner_text() == "39 / 40" and second.locator("#now").inner_text() == "0 / 50"
    second.locator("#scrub").focus()
    opened.keyboard.press("End")
    expect(second.locator("#story")).to_have_text(before, use_inner_text=True)


def test_each_plays_by_itself(two):
    _, first, second = two
    second.locator("#play").click()
    expect(second.locator("#play")).to_have_attribute("aria-label", "Pause")
    assert first.locator("#play").get_attribute("aria-label") == "Play"
    assert first.locator("#now").inner_text() == "40 / 40"


def test_language_and_light_belong_to_one(two):
    opened, first, second = two
    first.locator("#language").click()
    expect(first.locator("summary").first).to_have_text("地形")
    assert second.locator("summary").first.inner_text() == "Landscape"
    assert opened.evaluate("document.documentElement.lang") == "en"
    paper = f"{ROOTS}.map((each) => getComputedStyle(each.host).getPropertyValue('--paper').trim())"
    light = opened.evaluate(paper)
    for _ in range(2):
        second.locator("#light").click()
    dark = opened.evaluate(paper)
    assert light[0] == light[1] == dark[0] != dark[1]


def test_each_has_its_own_dialogs_and_maps(two):
    opened, first, second = two
    second.locator("#pick").click()
    assert second.locator("dialog[open]").count() == 1 and first.locator("dialog[open]").count() == 0
    second.locator("#gallery input").fill("banana")
    second.locator("#gallery .tile:visible").click()
    expect(second.locator("#pick span")).to_have_text("Rosenbrock")
    expect(second.locator("#toast")).to_be_visible()
    assert first.locator("#pick span").inner_text() == "Ravine"
    expect(first.locator("#toast")).to_be_hidden()
    first.locator("#save-open").click()
    box, button = first.locator("#save").bounding_box(), first.locator("#save-open").bounding_box()
    expect(second.locator("#save")).to_be_hidden()
    assert 0 <= box["y"] - button["y"] - button["height"] < 8
    with opened.expect_download() as download:
        first.locator("[data-save=csv]").click()
    assert download.value.suggested_filename == "steepest-ravine.csv"
    for playground in (first, second):
        playground.locator("#modes [data-key=basin]").click()
    for playground in (first, second):
        playground.get_by_text("20736 runs").wait_for()
    assert opened.workers == []


def test_the_page_around_them_is_left_alone(two):
    opened, first, _ = two
    assert opened.evaluate("location.hash") == "" and opened.title() == "steepest"
    expect(first.locator("#copy")).to_be_hidden()  # there is no link to copy: the page is another's
    assert opened.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)") == ["prose"]
    assert opened.evaluate("'Steepest' in window") is False
    assert opened.evaluate("document.adoptedStyleSheets.length") == 0
    twice = f"{ROOTS}.flatMap((each) => {{ const ids = [...each.querySelectorAll('[id]')].map(({{ id }}) => id); " \
            "return ids.filter((id, i) => ids.indexOf(id) < i); })"  # fmt: skip
    assert opened.evaluate(twice) == []
    pointed = f"""{ROOTS}.flatMap((root) => ["for", "aria-describedby", "popovertarget"].flatMap((name) =>
        [...root.querySelectorAll(`[${{name}}]`)].map((each) => root.getElementById(each.getAttribute(name)))))"""
    assert opened.evaluate(f"{pointed}.every(Boolean)")


def test_twenty_parts_come_and_go(open_article):
    opened = open_article(article(TWO, lang="en"))
    opened.evaluate(
        f"""() => {{ {read_bundle()}; Steepest.core.useFacts({build_facts()}); window.Steepest = Steepest; }}"""
    )
    opened.evaluate("""() => {
      window.parts = Array.from({ length: 20 }, (_, i) => {
        const place = document.body.appendChild(document.createElement("div"));
        const id = Object.keys(Steepest.core.landscapes)[i], mode = i % 2 ? "contours" : "basin";
        const rules = [{ id: "adam", settings: { lr: 0.1 } }];
        return Steepest.mountPlayground(place, { landscape: id, rules, steps: 20, view: { mode } });
      }); }""")
    expect(opened.locator(".told")).to_have_count(22)
    opened.evaluate("parts.forEach((part, i) => part.update({ ...part.state, steps: 21 + i }))")
    expect(opened.locator("#now").last).to_have_text("40 / 40")
    opened.evaluate("parts.forEach((part) => part.destroy())")
    expect(opened.locator("#stage")).to_have_count(2)
    opened.wait_for_timeout(300)
    assert opened.workers == []


def test_a_page_that_mounts_parts_by_itself_has_maps_too(open_article):
    opened = open_article(article(TWO, lang="en"))
    opened.evaluate(f"""() => {{ {read_bundle()}; Steepest.core.useFacts({build_facts()});
        const place = document.body.appendChild(document.createElement("div"));
        const rules = [{{ id: "sgd", settings: {{ lr: 0.1 }} }}], view = {{ mode: "basin" }};
        const state = {{ landscape: "parabola", rules, steps: 9, view }};
        Steepest.mountPlayground(place, state); }}""")
    opened.get_by_text("144 runs").wait_for()
    assert opened.workers == []


def test_the_example_is_an_article(open_article, tmp_path, capsys):
    runpy.run_path(str(EXAMPLE))["main"](str(tmp_path / "written.html"))
    assert capsys.readouterr().out == f"written to {tmp_path / 'written.html'}\n"
    text = (tmp_path / "written.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 250_000

    opened = open_article(type(article(""))(text), viewport={"width": 390, "height": 844})
    assert opened.locator("#stage").count() == 3 and opened.evaluate("document.documentElement.scrollWidth") <= 390
    paths = opened.locator("[data-steepest=paths]").first
    assert paths.locator("#now").inner_text() == "40 / 40"  # it waits for its reader
    paths.locator("#first").evaluate("each => each.click()")
    expect(paths.locator("#now")).to_have_text("0 / 40")


VS_CODE = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src https: data:; "
    "connect-src https:; child-src https: data:"
)
"""A policy like that of its notebooks: no workers made of a page's own script."""

FRONT_ENDS = {
    "jupyter": "<p>Out:</p>{}",
    "vs-code": f'<meta http-equiv="Content-Security-Policy" content="{VS_CODE}"><p>Out:</p>{{}}',
    "colab": '<iframe sandbox="allow-scripts allow-forms allow-popups" srcdoc="{}" width="1100" height="800"></iframe>',
}
"""Pages around the output of a cell: as it is, with a policy that it inherits, and in a frame without an origin."""


@pytest.fixture(params=FRONT_ENDS)
def open_cell(request, browser, tmp_path):
    """Show outputs as a front end of notebooks does; the frames of ours, and what went wrong."""

    def open_(*outputs):
        html, around = "".join(page._repr_html_() for page in outputs), FRONT_ENDS[request.param]
        html = escape(html) if "srcdoc" in around else html
        (tmp_path / "cell.html").write_text(f"<!doctype html>{around.replace('{}', html)}", encoding="utf-8")
        opened, wrong = browser.new_page(), []
        opened.set_default_timeout(90_000)  # a busy machine is no failure
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.goto((tmp_path / "cell.html").as_uri())
        for _ in range(900):
            frames = [frame for frame in opened.frames if frame.locator("[data-steepest] canvas").count()]
            if len(frames) == len(outputs):
                break
            opened.wait_for_timeout(100)
        return frames, wrong

    return open_


def test_in_a_notebook_each_is_a_frame_of_its_own(open_cell):
    path = steepest.trace("adam", "ravine", lr=0.4, steps=30)
    page = article('<div data-steepest="paths" data-state="one"></div>', {"one": [path]})
    (paths, playground), wrong = open_cell(page, build_page("en"))
    expect(paths.locator("#legend b")).to_have_text("Adam lr=0.4")
    expect(playground.locator("#copy")).to_be_hidden()  # it has no address
    playground.locator("#stage canvas").last.press("ArrowLeft")  # would be kept in one
    playground.wait_for_timeout(600)
    assert wrong == []


HANDS = """(canvas) => {
  const at = { bubbles: true, cancelable: true, composed: true, clientX: 20, clientY: 20, pointerId: 1 };
  const pointer = (type) => canvas.dispatchEvent(new PointerEvent(type, at));
  ["pointermove", "pointerdown", "pointermove", "pointerup"].forEach(pointer);
  canvas.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: 10, ctrlKey: true }));
  canvas.dispatchEvent(new MouseEvent("dblclick", at));
  for (const key of ["ArrowLeft", "+", "0"]) canvas.dispatchEvent(new KeyboardEvent("keydown", { ...at, key })); }"""


def test_hands_before_the_first_picture_do_nothing(browser, tmp_path):
    opened, wrong = browser.new_page(), []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.add_init_script("window.requestAnimationFrame = () => 1")  # there never is a picture
    opened.goto(article('<div data-steepest="playground"></div>').save(tmp_path / "page.html").as_uri())
    opened.locator("#stage canvas").last.evaluate(HANDS)
    opened.wait_for_timeout(300)
    assert wrong == []


def test_maps_are_computed_where_a_notebook_allows_no_workers(open_cell):
    state = "on=himmelblau&rule=sgd(lr=0.01)&view=basin&steps=20"
    (frame,), wrong = open_cell(article(f'<div data-steepest="playground" data-state="{state}"></div>', lang="en"))
    expect(frame.locator("#map-keys")).to_contain_text("escaped", timeout=90_000)
    assert wrong == []


REFUSED = {
    'data-steepest must be "playground" or "paths"': '<div data-steepest="map"></div>',
    "there are no paths of this name; did you mean 'adam'?": '<div data-steepest="paths" data-state="adm"></div>',
    "there are no paths of this name": '<div data-steepest="paths"></div>',
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_place_that_cannot_be_filled_is_refused(message):
    path = steepest.trace("adam", "ravine", lr=0.4, steps=30)
    with pytest.raises(InvalidValue) as error:
        article(REFUSED[message], {"adam": [path]})
    assert message in str(error.value)


@pytest.mark.parametrize(("lang", "locale", "words"), [(None, "zh-CN", "地形"), ("en", "zh-CN", "Landscape")])
def test_figures_speak_the_language_of_their_text_or_of_the_browser(lang, locale, words, open_article):
    opened = open_article(article(TWO, lang=lang), locale=locale)
    expect(opened.locator("summary").first).to_have_text(words)


def test_a_bad_link_is_told_in_its_place(open_article):
    opened = open_article(article(TWO + '<div data-steepest="playground" data-state="on=nowhere"></div>'))
    assert "unknown landscape 'nowhere'" in opened.locator("[data-steepest]").last.inner_text()
