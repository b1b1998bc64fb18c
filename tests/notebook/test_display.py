"""What notebooks show of values: pictures, formulas, tables, in the language of the reader; users' texts stay texts."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.text
import pytest
from IPython.core.formatters import DisplayFormatter

import steepest
from steepest import landscapes, rules
from steepest.base.display import Displayed, in_notebook
from steepest.diagnose.finding import Diagnosis
from steepest.figures.comparison import draw_curves
from steepest.playground import build, build_page
from steepest.web.page import FRAME

pytestmark = pytest.mark.quick

RAVINE = "0.1*x1**2 + 2*x2**2"


@pytest.fixture(scope="module")
def comparison():
    return steepest.compare("digits", ["sgd(lr=0.5)", "adam(lr=0.01)"], seeds=2, steps=20, target=0.5, jobs=1)


@pytest.fixture(params=["en", "zh"])
def lang(request, monkeypatch):
    monkeypatch.setenv("STEEPEST_LANG", request.param)
    return request.param


def shown(value):
    return value._repr_mimebundle_()


def test_a_path_is_its_picture_with_what_happened(lang):
    path = steepest.trace("sgd", RAVINE, start=(-5, -2), lr=0.6, steps=20)
    bundle = shown(path)
    assert "data:image/png;base64," in bundle["text/html"] and 'lang="' + lang in bundle["text/html"]
    assert bundle["text/plain"].splitlines()[0] == path.finding.text(lang)
    assert len(bundle["text/plain"].splitlines()) == 1 + len(path.why)


@pytest.mark.parametrize("name", rules.RULES)
def test_every_rule_is_its_formula(name, lang):
    rule = rules.find(name)
    bundle = shown(rule)
    assert "<math" in bundle["text/html"] and "$$" in bundle["text/latex"] and bundle["text/plain"] == repr(rule)
    assert getattr(rule.helps, lang) in bundle["text/html"].replace("&#x27;", "'").replace("&quot;", '"')


@pytest.mark.parametrize("name", ["saddle", "himmelblau", "rosenbrock"])
def test_a_landscape_is_its_formula_and_facts(name, lang):
    assert "<math" in shown(landscapes.find(name))["text/html"]


def test_maps_are_their_pictures(lang):
    basin = steepest.map_basin("sgd(lr=0.01)", "himmelblau", size=8)
    sweep = steepest.map_sweep("momentum", RAVINE, {"lr": (0.01, 2), "momentum": (0, 0.9)}, size=4, steps=20)
    for value in (basin, sweep):
        assert "data:image/png" in shown(value)["text/html"]


def test_a_comparison_is_its_verdict_table_and_curves_in_one_language(comparison, lang):
    html = shown(comparison)["text/html"]
    assert "data:image/png" in html and html.count("<tr>") == 3 and "<strong>" in html
    assert ("learning curves" in html, "学习曲线" in html) == (lang == "en", lang == "zh")
    assert {"en": ">final accuracy<", "zh": ">最终准确率<"}[lang] in html


def test_words_of_a_comparisons_picture_are_in_the_readers_language(comparison, lang):
    words = {text.get_text() for text in draw_curves(comparison, lang).findobj(matplotlib.text.Text)}
    assert ("held-out loss" in words, "留出集损失" in words) == (lang == "en", lang == "zh")


def test_in_a_list_each_is_a_line(comparison):
    path = steepest.trace("sgd", "himmelblau", start=(0, 0), lr=0.01, steps=2000)
    basin = steepest.map_basin("sgd(lr=0.01)", "himmelblau", size=8)
    sweep = steepest.map_sweep("momentum", RAVINE, {"lr": (0.01, 2), "momentum": (0, 0.9)}, size=4, steps=20)
    assert repr([path]) == "[<path of SGD lr=0.01 on himmelblau: 2,000 steps, f 170 to 0>]".replace(
        "to 0", f"to {path.f[-1]:.3g}"
    )
    assert repr(basin) == "<basins of SGD lr=0.01 on himmelblau: 8 x 8 starts>"
    assert repr(sweep) == f"<map of Momentum over lr and momentum on {sweep.landscape.name}: 4 x 4 settings>"
    told = f"<comparison of SGD lr=0.5, Adam lr=0.01 on digits: {len(comparison.runs)} runs>"
    assert repr(comparison.by_workload()) == f"{{'digits': {told}}}"


KEPT = {"div", "p", "pre", "img", "br", "table", "thead", "tbody", "tr", "th", "td", "h4", "strong", "code"}


class Sanitizer(HTMLParser):
    """As front ends treat notebooks that are not trusted: few elements are kept, no text of scripts and styles."""

    def __init__(self):
        super().__init__()
        self.kept, self.out, self.inside = [], [], 0

    def handle_starttag(self, tag, attributes):
        self.inside += tag in ("script", "style")
        getattr(self, "kept" if tag in KEPT else "out").append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.inside -= tag in ("script", "style")

    def handle_data(self, text):
        if not self.inside:
            self.kept.append(("text", text))


def test_without_scripts_and_frames_there_are_pictures_and_formulas_that_can_be_read(comparison, lang, monkeypatch):
    path = steepest.trace("sgd", RAVINE, start=(-5, -2), lr=0.4, steps=5)
    playground = replace(build_page(), still=build._still("adam"))
    for value in (comparison, path, playground):
        html = value._repr_html_() if value is playground else shown(value)["text/html"]
        page = Sanitizer()
        page.feed(html)
        assert [made["src"][:14] for tag, made in page.kept if tag == "img"] == ["data:image/png"]
        assert {tag for tag, _ in page.out} <= {"style", "iframe"}  # no letters of a drawing are left over
    page = Sanitizer()
    page.feed(shown(rules.find("momentum"))["text/html"])
    assert "\nvₜ = μ vₜ₋₁ + gₜ" in "".join(text for tag, text in page.kept if tag == "text")


def test_a_page_is_told_in_one_line_where_there_is_only_text():
    assert re.fullmatch(r"<page 'steepest playground': \d+ kB, save\(file\) writes it>", repr(build_page()))


def test_the_playground_is_shown_below_the_cell_and_nothing_else(monkeypatch, lang):
    made = []
    monkeypatch.setattr(build, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", made.append)
    file = steepest.play(rules=["adam(lr=0.5)", "sgd"])
    assert isinstance(file, Path) and file.read_text(encoding="utf-8") == made[0].html
    assert DisplayFormatter().format(file) == ({}, {})
    assert 'data-state="on=ravine&amp;rule=adam(lr=0.5)&amp;rule=sgd(lr=' in made[0].html
    assert f"height: {FRAME}px" in made[0]._repr_html_()  # not in rem, which are of another size in each front end
    assert ("as it opens" in made[0].still, "打开时" in made[0].still) == (lang == "en", lang == "zh")
    shutil.rmtree(file.parent)


def test_findings_and_a_doctor_are_their_sentences(lang):
    found = Diagnosis("zero_grad", {"step": 1})
    assert found.text(lang) in shown(found)["text/plain"] and "<code>zero_grad</code>" in shown(found)["text/html"]


def test_texts_of_users_are_no_html():
    landscape = landscapes.find("x**2")
    object.__setattr__(landscape, "name", "<script>alert(1)</script>")
    assert "<script" not in shown(landscape)["text/html"]


def test_what_is_displayed_says_so_itself():
    class Plain(Displayed):
        def __repr__(self):
            return "<plain>"

    assert "&lt;plain&gt;" in shown(Plain())["text/html"] and not in_notebook()
