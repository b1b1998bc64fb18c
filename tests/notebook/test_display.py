"""What notebooks show of values: pictures, formulas, tables, in the language of the reader; users' texts stay texts."""

import pytest

import steepest
from steepest import landscapes, rules
from steepest.base.display import Displayed, in_notebook
from steepest.diagnose.finding import Diagnosis

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
    assert "<svg" in html and html.count("<tr>") == 3 and "<strong>" in html
    assert ("held-out loss" in html, "留出集损失" in html) == (lang == "en", lang == "zh")


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
