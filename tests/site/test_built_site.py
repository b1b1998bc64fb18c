"""The site that `./dev docs` has built, in headless Chromium, opened from the disk: nothing of it needs a network."""

import re
from pathlib import Path

import pytest

from steepest import workloads
from steepest.rules import RULES, WRAPPERS

from ..accessibility import violations

SITE = Path(__file__).parents[2] / "build/site"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LANGUAGES = {"en": "", "zh": "zh/"}
KINDS = (
    "index",
    "watch/index",
    "rules/index",
    "rules/adam",
    "workloads/clothes",
    "reference/watch",
    "compare/verdicts",
    "gallery/index",
    "lecture/index",
)
"""A page of every kind."""

SEARCHED = (
    "document.querySelector('#search-results h2')?.textContent === Documentation.gettext('Search Results')"
    " && document.querySelector('p.search-summary').textContent !== ''"
)
"""When Sphinx has listed all that it has found."""

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="needs the site: ./dev docs")


@pytest.fixture
def open_page(browser):
    """Open a page of the site; at the end nothing must have gone wrong in it, nor anything been asked of a network."""
    contexts, wrong = [], []

    def open_(name: str, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "blob:", "data:")) else wrong.append(request.url),
        )
        page.goto((SITE / name).as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize("folder", LANGUAGES.values(), ids=LANGUAGES)
def test_every_rule_and_every_workload_has_its_page(folder):
    names = [f"rules/{name}" for name in RULES.built_in] + [f"rules/wrapper-{name}" for name in WRAPPERS]
    names += [f"workloads/{name}" for name in workloads.WORKLOADS]
    for name in names:
        text = (SITE / f"{folder}{name}.html").read_text(encoding="utf-8")
        assert "<math" in text or not name.startswith("rules/"), name
        assert not re.search(r"(src|href)=\"https?://[^\"]*\.(js|css|woff2?)", text), name


def pages_of(folder: str) -> dict[str, str]:
    """The pages of a language, by path."""
    inside = {file.relative_to(SITE / folder).as_posix(): file for file in (SITE / folder).rglob("*.html")}
    own = {name: file for name, file in inside.items() if not name.startswith(("zh/", "live/", "_static/"))}
    return {name: file.read_text(encoding="utf-8") for name, file in own.items()}


def test_every_page_is_there_in_both_languages_and_leads_to_pages_that_are_there():
    english, chinese = pages_of(""), pages_of("zh/")
    assert set(english) == set(chinese)
    for folder, pages in (("", english), ("zh/", chinese)):
        for name, text in pages.items():
            for link in re.findall(r'<a [^>]*href="(?![a-z]+:)([^"#]+)', text):
                assert (SITE / folder / name).parent.joinpath(link).exists(), (folder + name, link)
            for picture in re.findall(r"<img [^>]*>", text):
                assert re.search(r'alt="[^"]+"', picture), (folder + name, picture)


def test_words_of_the_theme_are_chinese_on_chinese_pages():
    for name, text in pages_of("zh/").items():
        words = "Collapse Sidebar|Expand Sidebar|Color mode|System Settings|Breadcrumb|Section Navigation|On this page"
        assert not re.findall(rf'(?:>|=")\s*(?:{words}|Search)\s*[<"]', text), name


def test_only_pages_with_others_beside_them_have_navigation_at_their_side():
    for folder in LANGUAGES.values():
        for name, text in pages_of(folder).items():
            beside = text.partition("bd-docs-nav")[2].partition("</nav>")[0]
            assert not beside or "<li" in beside or name.startswith(("source/", "search", "genindex")), folder + name


@pytest.mark.parametrize(
    ("folder", "asked", "found"),
    [
        ("", "catapult", 0), ("", "stochastic rounding", 1), ("", "Fashion-MNIST", 1), ("zh/", "权重衰减", 1),
        ("zh/", "梯度下降 动量", 1), ("zh/", "表情符号", 1), ("zh/", "绣花针", 0), ("zh/", "Kingma", 1),
    ],
)  # fmt: skip
def test_the_search_finds_what_there_is_and_nothing_else(open_page, folder, asked, found):
    page = open_page(f"{folder}search.html")
    page.goto(f"{(SITE / folder / 'search.html').as_uri()}?q={asked}")
    page.wait_for_function(SEARCHED)
    items = page.locator("#search-results ul.search li")
    assert (items.count() > 0) == bool(found)
    if found:  # each with what stands there, and somewhere in it what was asked
        assert page.locator("#search-results li p.context").count() == items.count()
        marked = page.locator("#search-results li mark").all_text_contents()
        assert {word.lower().replace("_", " ") for word in marked} & {asked.lower(), *asked.lower().split()}


@pytest.mark.parametrize(
    ("folder", "asked", "first"),
    [
        ("", "stochastic rounding", "stochastic rounding|stochastic_rounding"),
        ("", '"weight decay"', "weight decay|weight_decay"),
        ("zh/", "“学习率调度”", "学习率调度"),
        ("", '"decay weight"', None),
    ],
)
def test_words_as_they_were_asked_come_first_and_in_quotation_marks_alone(open_page, folder, asked, first):
    page = open_page(f"{folder}search.html")
    page.goto(f"{(SITE / folder / 'search.html').as_uri()}?q={asked}")
    page.wait_for_function(SEARCHED)
    whole = page.locator("#search-results li").evaluate_all("items => items.map(item => item.dataset.whole === 'yes')")
    assert whole == sorted(whole, reverse=True) and bool(whole and whole[0]) == bool(first)
    summary = page.locator("#search-results p.search-summary").inner_text()
    if asked[0] in '"“':
        assert all(whole) and (str(len(whole)) in summary if len(whole) > 1 else not re.search(r"\d", summary))
    if asked == "stochastic rounding":  # documents come before the pages of all optimizers that have the setting
        assert "rules/" not in page.locator("#search-results li a").first.get_attribute("href")
    if first:
        assert re.search(first, page.locator("#search-results li").first.inner_text(), re.IGNORECASE)


@pytest.mark.parametrize("folder", LANGUAGES.values(), ids=LANGUAGES)
@pytest.mark.parametrize(
    "kind", ["workloads/index", "workloads/captions", "rules/adam", "use/equivalents", "use/index", "reference/index"]
)
def test_tables_and_code_fit_a_phone(open_page, folder, kind):
    page = open_page(f"{folder}{kind}.html", **PHONE)
    wide = """selector => [...document.querySelectorAll(selector)]
        .filter(part => part.scrollWidth > part.parentElement.clientWidth + 1)
        .map(part => part.textContent.slice(0, 80))"""
    assert page.evaluate(wide, ".bd-article table") == []
    assert page.evaluate(wide, ".bd-article .highlight pre") == []
    beyond = "[...document.querySelectorAll('.bd-article code')].filter(one => one.getBoundingClientRect().right > 391)"
    assert page.evaluate(f"{beyond}.map(one => one.textContent)") == []
    labels = page.evaluate("[...document.querySelectorAll('table.rows td')].map(cell => cell.dataset.label)")
    assert all(labels) and bool(labels) == (kind not in ("use/index", "reference/index"))  # of which no table is wide
    page.set_viewport_size({"width": 1280, "height": 860})
    page.wait_for_function("document.querySelector('table.rows') === null")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "form"), [(390, "hero-narrow"), (1280, "hero")])
def test_the_first_picture_is_the_one_for_the_page(open_page, width, form, theme):
    for folder in LANGUAGES.values():
        page = open_page(f"{folder}index.html", viewport={"width": width, "height": 860}, color_scheme=theme)
        seen = [image for image in page.locator(".bd-article img").all() if image.is_visible()]
        names = [Path(image.get_attribute("src")).stem for image in seen]
        assert names == [form + "-dark" * (theme == "dark")]


def test_every_name_of_the_references_index_leads_to_its_description(open_page):
    text = (SITE / "reference/index.html").read_text(encoding="utf-8")
    linked = re.findall(r'<a class="reference internal" href="(\w+\.html)#([^"]+)"[^>]*><code', text)
    assert len(linked) > 20
    for page, anchor in linked:
        assert f'id="{anchor}"' in (SITE / "reference" / page).read_text(encoding="utf-8")


def test_no_mark_of_markdown_is_left_over_in_the_reference():
    for name, text in pages_of("").items():
        prose = re.sub(r"(?s)<(pre|code|math|script|dt)\b.*?</\1>", "", text)
        if name.startswith(("reference/", "rules/")):
            left = re.findall(r"\w+\*\*|\*\*\w+[^*\n]*\*\*|[\ue000\ue001\x03]| -- ", re.sub("<[^>]*>", "", prose))
            assert left == [], name


def test_languages_switch_on_the_same_page(open_page):
    page = open_page("rules/adam.html")
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("a.language-switch").first.click()
    assert page.url == (SITE / "zh/rules/adam.html").as_uri()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("h2").first.inner_text().startswith("公式")
    page.locator("a.language-switch").first.click()
    assert page.url == (SITE / "rules/adam.html").as_uri()


@pytest.mark.parametrize(
    ("name", "folder", "told"), [("adam", "", "Optimizers"), ("adam", "zh/", "优化器"), ("soap", "", "")]
)
def test_the_live_part_is_mounted_when_it_comes_into_view(open_page, name, folder, told):
    page = open_page(f"{folder}rules/{name}.html")
    place = page.locator(".live")
    assert page.evaluate("window.steepestParts === undefined")
    place.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.live > div')?.shadowRoot")
    if told:
        place.get_by_text(told, exact=True).wait_for()
    light = "document.querySelector('.live > div').dataset.light"
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        page.wait_for_function(f"{light} === '{theme}'")
        dark = "getComputedStyle(document.querySelector('.live > div')).getPropertyValue('--dark').trim()"
        assert page.evaluate(dark) == ("1" if theme == "dark" else "0")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", LANGUAGES.values(), ids=LANGUAGES)
def test_a_phone_need_not_scroll_sideways(open_page, kind, folder):
    page = open_page(f"{folder}{kind}.html", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_shuts_people_out(open_page, kind, theme):
    for folder in LANGUAGES.values():
        page = open_page(f"{folder}{kind}.html", color_scheme=theme)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        assert violations(page) == []


def test_the_lecture_and_the_playground_open(open_page):
    page = open_page("zh/lecture/index.html")
    page.locator("a.button").first.click()
    page.wait_for_url("**/live/lecture-page.html**")
    page.wait_for_function("document.querySelector('[data-steepest] > div')?.shadowRoot")
