"""The report's page in a browser: what hands, keys, screens and paper make of it.

Headless Chromium opens the file from the disk. Every page is watched: an error in its console, an uncaught exception or
a request for anything but the file itself fails the test that opened it.
"""

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from steepest.findings.catalogue import Finding
from steepest.report.build import draw_all
from steepest.report.page import render
from steepest.report.verdict import verdict_texts
from steepest.report.words import STATUSES, WORDS
from steepest.study.jobs import columns_of
from steepest.study.shots import content_of

from ..accessibility import small_targets, violations
from .comparisons import ODD, awkward, run, study_of, trials

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser").expect

AWKWARD = awkward()
PHONE = {"viewport": {"width": 390, "height": 800}}
LABELS = ["SGD", "Adam", "RMSProp", "a rule that somebody gave a rather long name, with <b>marks</b> & commas"]


def many_runs():
    """Four contestants with 25 trials each: more than a page of the table holds."""
    rows = []
    for place, label in enumerate(LABELS):
        steps = [math.inf if n % 7 == 3 else 10.0 + (13 * n + place) % 40 for n in range(25)]
        lrs = [float(f"{0.001 * 1.2 ** ((7 * n) % 25):.3g}") for n in range(25)]
        own = trials(label, steps, [0.1 + 0.01 * ((5 * n + place) % 25) for n in range(25)])
        rows += [row | {"settings": {"lr": lr}} for row, lr in zip(own, lrs, strict=True)]
        rows += [run(label, "report", seed, 20 + 4 * place + seed, lr=0.1) for seed in (1, 2, 3)]
    for row in rows:
        reached = row["steps_to_target"] < math.inf
        row |= {"status": "reached the target" if reached else "finished"}
    rows[5] |= {"status": "diverged", "steps_to_target": math.inf, "message": "the loss <went> up"}
    rows[6] |= {"steps_to_target": math.inf, **columns_of(Finding("loss_above_start", {"first": 1.0, "last": 2.5}))}
    return study_of(rows)


# --- the browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def comparison():
    return many_runs()


@pytest.fixture(scope="module")
def write_page(tmp_path_factory):
    """Write the page of a comparison."""

    def write(comparison) -> Path:
        page = tmp_path_factory.mktemp("report") / "report.html"
        page.write_text(render(comparison, draw_all(comparison)), encoding="utf-8")
        return page

    return write


@pytest.fixture(scope="module")
def file(comparison, write_page) -> Path:
    return write_page(comparison)


@pytest.fixture
def open_page(browser, file):
    """Open the page; at the end nothing must have gone wrong in it, unless that is what the test is about."""
    contexts, wrong = [], []

    def open_(at=None, watched=True, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        address = (at or file).as_uri()
        if watched:
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda request: wrong.append(request.url) if request.url != address else None)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


# --- what the tests ask of a page -------------------------------------------------------------------------------------


def column(page, name: str) -> list[str]:
    """The texts of a column of the runs' table, as they are shown."""
    names = page.eval_on_selector_all(".runs th", "heads => heads.map(head => head.dataset.column)")
    return page.eval_on_selector_all(
        f".runs tbody td:nth-child({names.index(name) + 1})", "cells => cells.map(cell => cell.textContent)"
    )


def whole_column(page, name: str) -> list[str]:
    """The same, over all pages of the table."""
    while page.locator("#earlier").is_enabled():
        page.click("#earlier")
    found = column(page, name)
    while page.locator("#later").is_enabled():
        page.click("#later")
        found += column(page, name)
    return found


def sort_by(page, name: str) -> str | None:
    """Click a heading; how the column says it is sorted."""
    head = page.locator(f'.runs th[data-column="{name}"]')
    head.locator("button").click()
    return head.get_attribute("aria-sort")


def is_wider_than_the_screen(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def visible(page, place: int, within: str) -> int:
    """How many parts of a contestant are seen."""
    return page.locator(f'{within} [data-contestant="{place}"]').filter(visible=True).count()


def lightness(page, selector: str, what: str) -> float:
    """Relative luminance of a computed colour."""
    text = page.eval_on_selector(selector, f"each => getComputedStyle(each).{what}")
    parts = [float(part) / 255 for part in text[text.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page, selector: str) -> float:
    """Of an element's text with the paper."""
    pair = sorted([lightness(page, selector, "color"), lightness(page, "body", "backgroundColor")])
    return (pair[1] + 0.05) / (pair[0] + 0.05)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_the_verdict_is_read_in_both_languages(open_page, comparison):
    headline, _ = verdict_texts(comparison)
    page = open_page()
    assert page.locator(".verdict").inner_text() == headline.en
    assert page.locator("h2").first.inner_text() == WORDS["table"].en
    page.click("#language")
    assert page.locator(".verdict").inner_text() == headline.zh
    assert "已到达" not in page.content() and column(page, "message")[0] == STATUSES["reached the target"].zh
    assert page.locator("#phase").get_attribute("aria-label") == WORDS["phase"].zh
    assert page.locator("figure text", has_text="学习率").count() == 1
    chinese = open_page(locale="zh-CN")
    assert chinese.locator(".verdict").inner_text() == headline.zh


def test_every_run_is_in_the_table(open_page, comparison):
    page, runs = open_page(), comparison.runs
    assert page.locator("#count").inner_text() == str(len(runs)) == "112"
    assert whole_column(page, "label") == runs["label"].tolist()
    phases = runs["phase"].map({"search": "search", "report": "fresh seeds"})
    assert whole_column(page, "phase") == phases.tolist()
    assert [float(text) for text in whole_column(page, "set:lr")] == runs["lr"].tolist()


# --- the table of runs ------------------------------------------------------------------------------------------------

SHOWN = {"steps_to_target": "{:.0f}", "final_loss": "{:.4f}", "set:lr": "{:g}"}


def test_numbers_are_sorted_both_ways_and_misses_come_last(open_page, comparison):
    page = open_page()
    for name, form in SHOWN.items():
        values = comparison.runs[name.removeprefix("set:")].replace(math.inf, math.nan)
        for way in ("ascending", "descending"):
            assert sort_by(page, name) == way
            order = values.sort_values(ascending=way == "ascending", na_position="last", kind="stable")
            assert whole_column(page, name) == ["—" if pd.isna(value) else form.format(value) for value in order]


def test_texts_are_sorted_both_ways_and_runs_stay_whole(open_page, comparison):
    page, runs = open_page(), comparison.runs
    in_order = ["a rule", "Adam", "RMSProp", "SGD"]  # as a reader looks them up, whatever the capitals
    key = runs["label"].map(lambda label: in_order.index("a rule" if label == LABELS[3] else label))
    for way in ("ascending", "descending"):
        assert sort_by(page, "label") == way
        order = key.sort_values(ascending=way == "ascending", kind="stable").index
        assert whole_column(page, "label") == runs["label"][order].tolist()
        assert [int(text) for text in whole_column(page, "seed")] == runs["seed"][order].tolist()
    assert sort_by(page, "message") == "ascending"
    assert column(page, "message")[0] == "the loss <went> up"


def test_the_table_is_narrowed_down_and_paged(open_page, comparison):
    page, runs = open_page(), comparison.runs
    assert page.locator("#range").inner_text() == "1 – 50 / 112"
    expect(page.locator("#earlier")).to_be_disabled()
    page.click("#later")
    page.click("#later")
    assert page.locator("#range").inner_text() == "101 – 112 / 112"
    expect(page.locator("#later")).to_be_disabled()
    page.select_option("#phase", "report")
    assert page.locator("#range").inner_text() == "1 – 12 / 12"
    assert column(page, "label") == runs.loc[runs["phase"] == "report", "label"].tolist()
    page.select_option("#ending", "diverged")
    assert (page.locator("#range").inner_text(), column(page, "label")) == ("0", [])
    page.select_option("#phase", "")
    above = "the loss ended above where it began (2.5 > 1); try a smaller learning rate"
    assert column(page, "message") == ["the loss <went> up", above]
    page.click("#language")
    assert column(page, "message") == ["发散：the loss <went> up", "损失最终高于开始时（2.5 > 1）；试试更小的学习率"]


# --- showing and hiding -----------------------------------------------------------------------------------------------


def test_a_rule_is_hidden_everywhere_and_comes_back(open_page):
    page = open_page()
    before = {within: visible(page, 1, within) for within in ("figure", "section table")}
    assert before["figure"] >= 9  # legend, curves, trials, budget
    assert before["section table"] == 3
    button = page.locator('[data-toggle="1"]')
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert {visible(page, 1, within) for within in before} == {0}
    assert visible(page, 0, "figure") >= 9
    assert set(whole_column(page, "label")) == {LABELS[0], *LABELS[2:]}
    button.click()
    assert {within: visible(page, 1, within) for within in before} == before
    assert page.locator("#range").inner_text().endswith("/ 112")


def test_all_but_one_are_hidden_in_two_clicks(open_page):
    page = open_page()
    page.click("[data-every=none]")
    page.click('[data-toggle="3"]')
    assert set(whole_column(page, "label")) == {LABELS[3]}
    assert [visible(page, place, "figure") > 0 for place in range(4)] == [False, False, False, True]
    page.click("[data-every=all]")
    assert all(visible(page, place, "figure") for place in range(4))


def test_marks_and_dashes_tell_contestants_apart_without_colour(open_page):
    page = open_page()
    marks = page.eval_on_selector_all(
        "symbol[id^=look]", "all => all.map(each => each.innerHTML.replaceAll(/var\\(--c\\d+\\)/g, ''))"
    )
    assert len(set(marks)) == len(LABELS)
    drawn = page.eval_on_selector_all(".toggles [data-toggle] use", "all => all.map(each => each.getAttribute('href'))")
    assert drawn == [f"#look-{place}" for place in range(4)]
    assert page.locator(".toggles [data-toggle] svg").first.bounding_box()["width"] == 30


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_code_and_settings_are_copied(open_page, has_clipboard):
    page = open_page()
    listen = (
        "window.copied = []; navigator.clipboard.writeText = async (text) => { copied.push(text); }"
        if has_clipboard
        else "window.copied = []; navigator.clipboard.writeText = () => Promise.reject();"
        " document.execCommand = () => copied.push(document.activeElement.value)"
    )
    page.evaluate(f"{listen}; null")
    page.locator(".recipe .copy").first.click()
    page.locator(".recipe .copy").first.get_by_text("copied").wait_for()
    code = page.locator(".recipe code").first.text_content()
    assert code.startswith("from steepest import ")
    button = page.locator(".runs .copy").nth(2)
    button.click()
    button.locator("use[href='#done']").wait_for()
    button.click()  # once more while it says so
    spec = button.get_attribute("title")
    assert page.evaluate("copied") == [code, spec, spec]
    assert button.get_attribute("aria-label") == f"copy {spec}"
    assert page.locator("#said").text_content() == f"copied: {spec}"
    button.locator("use[href='#sheets']").wait_for()
    page.locator(".recipe .copy").first.get_by_text("copy", exact=True).wait_for()
    assert page.locator("textarea").count() == 0
    page.click("#language")
    assert button.get_attribute("aria-label") == f"复制 {spec}"


# --- by keyboard ------------------------------------------------------------------------------------------------------


def focused(page, what: str):
    return page.evaluate(f"() => {{ const it = document.activeElement; return {what}; }}")


def tab_to(page, selector: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused(page, f"it.matches('{selector}')"):
            return
    raise AssertionError(f"the tab key never comes to {selector}")


def test_everything_is_done_with_keys(open_page):
    page = open_page()
    tab_to(page, '[data-toggle="1"]')
    assert focused(page, "getComputedStyle(it).outlineStyle") == "solid"
    page.keyboard.press("Space")
    assert visible(page, 1, "figure") == 0
    page.keyboard.press("Space")
    assert visible(page, 1, "figure") > 0
    tab_to(page, "#phase")
    page.keyboard.press("ArrowDown")
    assert page.locator("#range").inner_text() == "1 – 50 / 100"
    tab_to(page, "#later")
    page.keyboard.press("Enter")
    assert page.locator("#range").inner_text() == "51 – 100 / 100"
    tab_to(page, '[data-column="final_loss"] button')
    assert focused(page, "getComputedStyle(it).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator('[data-column="final_loss"]').get_attribute("aria-sort") == "ascending"
    losses = [float(text) for text in column(page, "final_loss")]
    assert losses == sorted(losses)


def test_what_is_wider_than_the_screen_is_scrolled_with_keys(open_page):
    page = open_page(**PHONE)
    wide = page.locator(".scroll[tabindex]")
    assert wide.count() > 3
    wide.first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")
    assert open_page().locator("table.narrow[tabindex], .toggles[tabindex]").count() == 0


# --- screens and paper ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_readable_on_light_and_on_dark_paper(scheme, open_page):
    page = open_page(color_scheme=scheme)
    assert (lightness(page, "body", "backgroundColor") > 0.5) == (scheme == "light")
    for selector in ("body", ".note", "h1", "#language", "td", "figure svg"):
        assert contrast(page, selector) > 4.5, selector
    fill = page.eval_on_selector("figure svg text", "each => getComputedStyle(each).fill")
    assert fill == page.eval_on_selector("body", "each => getComputedStyle(each).color")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_phone_shows_the_page_without_moving_it_sideways(locale, open_page):
    page = open_page(locale=locale, **PHONE)
    assert not is_wider_than_the_screen(page)
    assert page.eval_on_selector(".verdict", "each => each.getBoundingClientRect().right") <= 390
    for seen in ("figure svg", "td.word"):  # without moving figures or the table sideways either
        rights = page.eval_on_selector_all(seen, "all => all.map(each => each.getBoundingClientRect().right)")
        assert rights and max(rights) <= 390, seen
    letters = page.eval_on_selector_all(
        "figure svg text", "all => all.map(each => each.getBoundingClientRect().height)"
    )
    assert min(height for height in letters if height) > 7  # pixels


def test_paper_has_every_figure_and_is_light(open_page):
    page = open_page(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert lightness(page, "body", "backgroundColor") == 1
    assert page.locator("figure svg").filter(visible=True).count() == 3
    assert page.locator(".toggles, #language, #later, #phase").filter(visible=True).count() == 0
    page.set_viewport_size({"width": 700, "height": 1000})  # as wide as A4 between its margins
    assert not is_wider_than_the_screen(page)
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and len(pdf) > 50_000


def test_without_scripts_everything_but_the_table_of_runs_is_there(open_page, comparison):
    page = open_page(java_script_enabled=False)
    assert page.locator(".verdict").inner_text() == verdict_texts(comparison)[0].en
    assert page.locator("figure svg").filter(visible=True).count() == 3
    assert WORDS["no_script"].en in page.locator("noscript").inner_text()
    assert page.locator("#runs-table, #language").filter(visible=True).count() == 0


# --- what must not happen ---------------------------------------------------------------------------------------------


def test_no_script_but_the_pages_own_runs_and_nothing_is_asked_for(open_page):
    page = open_page(watched=False)
    page.evaluate("""() => {
        window.refused = [];
        document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", '<p id="p" onclick="window.ran = true">x</p>');
        document.getElementById("p").click();
        document.body.append(Object.assign(new Image(), { src: "x.png" }));
        return fetch("x.json").catch(() => {});
    }""")
    page.wait_for_function("() => refused.length >= 4")
    assert page.evaluate("window.ran") is None
    refused = set(page.evaluate("refused"))
    assert refused == {"script-src-elem", "script-src-attr", "img-src", "connect-src"}


def test_odd_names_stay_text_and_do_no_harm(open_page, write_page):
    page = open_page(write_page(AWKWARD["odd labels"]), **PHONE)
    assert page.locator("script").count() == 2
    assert page.locator("b").count() == 0
    names = page.eval_on_selector_all(
        "section table:first-of-type tbody th", "all => all.map(each => each.textContent)"
    )
    assert set(names) == set(ODD)
    assert set(whole_column(page, "label")) == set(ODD)
    assert not is_wider_than_the_screen(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    assert not is_wider_than_the_screen(page)
    page.locator('[data-toggle="2"]').click()
    assert set(whole_column(page, "label")) == set(ODD) - {ODD[2]}


@pytest.mark.parametrize("name", ["twenty", "nothing done", "all failed"])
def test_awkward_studies_open(name, open_page, write_page):
    page = open_page(write_page(AWKWARD[name]), **PHONE)
    assert page.locator("#count").inner_text() == str(len(AWKWARD[name].runs))
    assert not is_wider_than_the_screen(page)


def test_contestants_are_compared_across_workloads(open_page, write_page):
    page = open_page(write_page(AWKWARD["several workloads"]), **PHONE)
    assert not is_wider_than_the_screen(page)
    assert page.locator("nav a").all_inner_texts() == ["w", "w-2"]
    page.locator("nav a").last.click()
    page.wait_for_function("() => scrollY > 1000")
    assert set(whole_column(page, "workload")) == {"w", "w-2"}
    assert page.locator(".verdict").count() == 3


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("light", ["light", "dark"])
def test_axe_finds_nothing_serious_and_what_is_tapped_is_large_enough(light, locale, open_page):
    page = open_page(color_scheme=light, locale=locale, **(PHONE if light == "dark" else {}))
    for details in page.locator("details:not([open]) > summary:visible").all():
        details.click()
    assert violations(page) == []
    assert small_targets(page) == []


@pytest.mark.parametrize(("light", "options"), [("light", {}), ("dark", PHONE)])
def test_pictures_are_within_the_page_and_fit_the_screen(light, options, open_page, write_page, comparison):
    """An image of one optimizer, a text of another; hidden with it, and named in the reader's language."""
    kind, image = content_of(Image.new("RGB", (900, 300), "navy"))
    shown = [("SGD", step, kind, image) for step in (0, 10)] + [("Adam", 0, "text", "<i>一\n二</i>".encode())]
    rows = [{"workload": "w", "label": label, "trial": 0, "seed": 1, "step": step, "metric": 0.5, "kind": kind,
             "content": content} for label, step, kind, content in shown]  # fmt: skip
    made = write_page(replace(comparison, pictures=pd.DataFrame(rows)))
    page = open_page(made, color_scheme=light, locale="zh-CN", **options)
    images = page.locator(".shots img")
    assert images.evaluate_all("all => all.map(each => each.naturalWidth)") == [900, 900]
    assert images.first.get_attribute("aria-label") == "SGD，第 0 步：准确率 0.500"
    assert page.locator(".shots pre").inner_text() == "<i>一\n二</i>"
    assert not is_wider_than_the_screen(page)
    assert violations(page) == []
    page.locator("[data-toggle]", has_text="SGD").first.click()
    assert not images.first.is_visible() and page.locator(".shots pre").is_visible()
