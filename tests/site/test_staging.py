"""tools/site: pages for whatever the registries hold, documents whose links lead somewhere, words in both languages."""

import re
import shutil
import string
import subprocess
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from tools.site import docstrings, rules, stage
from tools.site.docstrings import restructured
from tools.site.reference import reference_pages
from tools.site.stations import lecture_page, ways_in
from tools.site.tables import table
from tools.site.words import WORDS
from tools.site.workloads import workload_pages

import steepest
from steepest import workloads
from steepest.base.plugins import Registry
from steepest.base.text import Text
from steepest.rules import BUILT_IN, OPTIMIZERS, Lion, Lookahead, Signum

ROOT = Path(__file__).parents[2]

PLANES = '''
"""A plane through a few points."""

import torch

about_zh = "一个平面。"
target = 0.1
batch_size = 8
loss = torch.nn.functional.mse_loss


def data():
    points = torch.eye(8)
    return points, points[:, :1], points, points[:, :1]


def model():
    return torch.nn.Linear(8, 1)
'''


@dataclass(frozen=True, kw_only=True)
class Crawl(Signum):
    r"""Crawl: one learning rate along the sign.

    $$x_t = x_{t-1} - \eta \, \mathrm{sign}(g_t)$$
    """

    title = "The crawl"
    helps = Text("Creeps anywhere.", "到处都能爬。")
    fails = Text("Never settles.", "从不停下。")


@pytest.fixture
def few_rules(monkeypatch):
    """A registry of two rules, one of them new."""
    registry = Registry({"crawl": Crawl, "lion": Lion}, "steepest.nothing", lambda name, loaded: loaded)
    monkeypatch.setattr(rules, "RULES", registry)
    monkeypatch.setattr(rules, "OPTIMIZERS", {})
    monkeypatch.setattr(rules, "INSIDE", "lion")
    monkeypatch.setattr(rules, "WRAPPERS", {"lookahead": Lookahead})
    return registry


@pytest.mark.parametrize(
    ("lang", "helps", "memory"), [("en", "Creeps anywhere.", "memory"), ("zh", "到处都能爬。", "内存")]
)
def test_a_new_rule_has_a_page_and_a_line_by_itself(few_rules, lang, helps, memory):
    pages = rules.rule_pages(lang, {"crawl": ("playground", "on=ravine&rule=crawl(lr=0.1)")})
    assert set(pages) == {"rules/crawl", "rules/lion", "rules/wrapper-lookahead", "rules/index"}
    page = pages["rules/crawl"]
    for part in ("# The crawl", r"\eta", helps, memory, 'data-state="on=ravine&amp;rule=crawl(lr=0.1)"', "`exp_avg`"):
        assert part in page
    assert "[The crawl](crawl.md)" in pages["rules/index"] and "The crawl <crawl>" in pages["rules/index"]
    assert "autoclass" not in page  # steepest has no name for it
    assert ".. autoclass:: steepest.Lion" in pages["rules/lion"] and "`optax.lion`" in pages["rules/lion"]
    assert ".. autofunction:: steepest.Lookahead" in pages["rules/wrapper-lookahead"]


def test_a_rule_for_matrices_says_why_it_has_no_path(few_rules):
    assert "data-part" not in rules.rule_pages("en", {})["rules/lion"]
    assert "It steps matrices only" in rules.rule_pages("en", {})["rules/lion"]


def test_a_new_workload_has_a_page_and_a_line_by_itself(monkeypatch, tmp_path):
    (tmp_path / "planes_of_a_plugin.py").write_text(PLANES, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = EntryPoint("planes", "planes_of_a_plugin", "steepest.workloads")
    monkeypatch.setitem(workloads.PLUGINS.plugins, "planes", entry)
    monkeypatch.setattr("tools.site.workloads.WORKLOADS", ("digits", "clothes"))
    pages = workload_pages("zh", lambda document, heading: "")
    assert "workloads/planes" in pages and "[planes](planes.md)" in pages["workloads/index"]
    assert "一个平面。" in pages["workloads/planes"] and "损失 ≤ 0.1" in pages["workloads/planes"]
    clothes = workload_pages("en", lambda document, heading: f"{document} says {heading}")["workloads/clothes"]
    for part in (
        "MIT",
        "20,490",
        "accuracy ≥ 0.89",
        "18 of 20",
        "clothes(folder='my_folder')",
        "says clothes:",
        " s with adam",
    ):
        assert part in clothes


def test_every_public_name_is_on_a_page_of_the_reference_or_on_a_rules():
    text = "\n".join(reference_pages("en").values())
    optimizers = {rule.__name__ for rule in BUILT_IN} | {"Lookahead", "Averaged"}
    optimizers |= {named.spec.partition(":")[2] for named in OPTIMIZERS.values()}
    for name in dir(steepest):
        thing = getattr(steepest, name)
        if not name.startswith("_") and name not in optimizers and not hasattr(thing, "__path__"):
            assert re.search(rf"steepest\.([\w.]+\.)?{name}\b", text) or name in dir(steepest.optim), name


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_links_of_all_documents_lead_to_pages(tmp_path, lang):
    pages = stage.Pages(tmp_path, lang)
    texts = [pages.document(source) for source in stage.DOCUMENTS]
    for page, heading in stage.SECTIONS.items():
        texts.append(pages.document(f"docs/zh/{page}.md" if lang == "zh" else "README.md", heading))
        assert len(texts[-1]) > 200
    texts.append(pages.document("docs/zh/start.md" if lang == "zh" else "README.md", "Start"))
    known = {f"/{page}.md" for page, _ in stage.DOCUMENTS.values()} | {f"/{page}/index.md" for page in stage.SECTIONS}
    known |= {"/index.md", f"/{stage.STUDY.name}"} | {
        f"/{file.relative_to(tmp_path)}" for file in tmp_path.rglob("*.md")
    }
    known |= {f"/{file.relative_to(ROOT / 'docs')}" for file in (ROOT / "docs/images").rglob("*.*")}
    for text in texts:
        for link in re.findall(r"\]\((/[^)#]*)", "".join(stage.FENCE.split(text)[::2])):
            assert link in known


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pictures_of_chinese_pages_are_those_in_chinese_where_there_are_some(tmp_path, lang):
    gallery = stage.Pages(tmp_path, lang).document("docs/gallery.md")
    assert f"](/images/{'zh/' if lang == 'zh' else ''}gallery/ravine.png)" in gallery
    assert "](/images/gallery/learning.png)" in gallery  # it has no words
    for page in (ROOT / "docs/zh").glob("*.md"):
        assert set(re.findall(r"\.\./images/(\w+)", page.read_text(encoding="utf-8"))) <= {"zh"}


def test_a_link_to_nothing_is_an_error(tmp_path):
    with pytest.raises(stage.Broken, match=r"README.md: links to docs/lost.md, which is not there"):
        stage.Pages(tmp_path, "en").linked("see [it](docs/lost.md)", "README.md")


def test_a_document_in_both_languages_is_shown_in_one():
    text = (
        "# Gallery\n\nPictures.\n\n图片。\n\n## Ravine\n\n![A ravine.](a.png)\n\nA ravine.\n\n狭谷。\n\n[a.py](a.py)\n"
    ).replace("## Ravine", "## Ravine · 狭谷")
    english = "# Gallery\n\nPictures.\n\n## Ravine\n\n![A ravine.](a.png)\n\nA ravine.\n\n[a.py](a.py)"
    chinese = "# 图库\n\n图片。\n\n## 狭谷\n\n![狭谷。](a.png)\n\n狭谷。\n\n[a.py](a.py)"
    assert stage._of_language(text, "en") == english and stage._of_language(text, "zh") == chinese


def test_comments_stand_above_commands_where_beside_them_is_no_room(tmp_path):
    pages, short = stage.Pages(tmp_path, "en"), "```sh\na  # one\nb\n```"
    assert pages.linked(short, "README.md") == short
    long = f"```sh\nsteepest {'x' * 90}   # all\nb -c '#  d'\n```"
    assert pages.linked(long, "README.md") == f"```sh\n# all\nsteepest {'x' * 90}\n\nb -c '#  d'\n```"
    python = long.replace("```sh", "```python")
    assert pages.linked(python, "README.md") == python


@pytest.mark.parametrize(("lang", "target"), [("en", "best moves ≥ 0.89"), ("zh", "最佳着法比例 ≥ 0.89")])
def test_metrics_are_named_in_the_readers_language(monkeypatch, lang, target):
    monkeypatch.setattr("tools.site.workloads.WORKLOADS", ("board",))
    pages = workload_pages(lang, lambda document, heading: "")
    assert target in pages["workloads/board"] and target in pages["workloads/index"]


def test_sections_without_documents_stand_alone():
    assert set(stage.ALONE) == {"index", "gallery/index", "lecture/index", "watch/index"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_first_page_leads_to_the_lecture_the_playground_and_every_section(lang):
    page = ways_in(lang)
    assert all(f"(/{section}/index.md)" in page for section in ("lecture", *stage.SECTIONS))
    assert f"live/lecture-page.html#lang={lang}" in page and f"live/playground.html#lang={lang}" in page


def test_tables_have_no_empty_columns():
    made = table(("a", "b", "c"), [("1", "", "3"), ("4", "", "")])
    assert made.count("  - b") == 0 and made.count("* - ") == 3 and made.count("  - c") == 1


def test_words_that_the_theme_lacks_in_chinese_come_before_its_own():
    pytest.importorskip("sphinx", reason="needs the extra docs")
    from gettext import NullTranslations

    from tools.site.chinese import Completed

    completed = Completed(NullTranslations())
    assert completed.gettext("Collapse Sidebar") == "收起侧栏" and completed.gettext("Home") == "Home"


def test_every_document_is_on_the_site():
    there = {f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")}
    assert there == {source for source in stage.DOCUMENTS if source.startswith("docs/")}
    chinese = {file.stem for file in (ROOT / "docs/zh").glob("*.md")}
    assert chinese == {"start", *stage.SECTIONS}


def test_commands_in_chinese_are_those_of_readme_and_docs():
    """But for the comments beside them."""
    english = [file.read_text(encoding="utf-8") for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    for page in ("start", "watch", "compare", "diagnose"):
        text = (ROOT / f"docs/zh/{page}.md").read_text(encoding="utf-8")
        for line in "".join(stage.FENCE.split(text)[1::2]).split("\n"):
            command = line.split("  #")[0].strip()
            assert command.startswith("```") or any(command in text for text in english), command


@pytest.mark.quick
def test_words_are_in_both_languages_with_the_same_fields():
    for key, text in WORDS.items():
        english, chinese = (
            len([field for _, field, *_ in string.Formatter().parse(each) if field is not None])
            for each in (text.en, text.zh)
        )
        assert english == chinese, key
        assert text.zh and (text.en or key == "only_english")
        assert re.search("[\u3400-\u9fff]", text.zh) or key in ("at_least", "at_most", "of", "api"), key


def test_the_page_of_the_lecture_has_every_station():
    from steepest.lecture.stations import STATIONS

    page = lecture_page("zh")
    for station in STATIONS:
        assert f"at={station.id}&lang=zh" in page and station.facts["title"][1] in page


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("The rate $\\eta$ of `Adam`s.", "The rate :math:`\\eta` of ``Adam``\\ s."),
        ("Two\n\n$$x = 1,\n  y$$\n\nthree", "Two\n\n.. math:: x = 1, y\n\n\n\nthree"),
        ("A:\n- b\n- c", "A:\n\n- b\n- c"),
        ("[here](https://a.b) *so* 2 * 3", "`here <https://a.b>`__ *so* 2 \\* 3"),
        (">>> f('$x$', `a`)\n'$x$'", ">>> f('$x$', `a`)\n'$x$'"),
        ("Facts:\n    a: one\n        two\n    b: three", "Facts:\n\n- a: one\n  two\n- b: three"),
        ("It **takes `f` twice**, so", "It **takes** ``f`` **twice**, so"),
        ("**The weights are $x$**: `f`", "**The weights are** :math:`x`: ``f``"),
        ("2**3 **a", "2\\*\\*3 \\*\\*a"),
        ("Args:\n    a: `one`\n    *b: two", "Args:\n    a: ``one``\n    \\*b: two"),
    ],
)
def test_docstrings_become_restructured_text(written, made):
    assert "\n".join(restructured(written.split("\n"))) == made


def as_sphinx_reads(what, docstring):
    """The lines of a docstring after Napoleon has read it, and what is left to be restored in the page."""
    from sphinx.ext.napoleon import Config, GoogleDocstring

    lines = docstring.split("\n")
    docstrings._prepare(None, what, "", None, None, lines)
    lines = GoogleDocstring(lines, Config(napoleon_use_rtype=False, napoleon_use_ivar=True), what=what).lines()
    docstrings._restore(None, what, "", None, None, lines)
    return "\n".join(lines)


def test_what_stands_before_a_colon_is_no_type_and_names_stay_together():
    pytest.importorskip("sphinx", reason="needs the extra docs")
    assert as_sphinx_reads("property", "The column: steps, or seconds.").strip() == "The column: steps, or seconds."
    returned = as_sphinx_reads("function", "Do it.\n\nReturns:\n    By name: an array; or `None`: nothing.")
    assert ":returns: By name: an array; or ``None``: nothing." in returned
    attributes = as_sphinx_reads("class", "A map.\n\nAttributes:\n    x, y: the starts.\n    n: steps.")
    assert f":ivar x{docstrings.COMMA}y: the starts." in attributes and ":ivar n: steps." in attributes


def test_names_have_commas_and_descriptions_a_dash_in_the_page():
    pytest.importorskip("sphinx", reason="needs the extra docs")
    from docutils import nodes

    page = nodes.paragraph("", "", nodes.strong("", f"x{docstrings.COMMA}y"), nodes.Text(" -- "), nodes.Text("a -- b"))
    docstrings._finish(None, page)
    assert page.astext() == "x, y – a -- b"


def test_the_index_of_the_reference_has_every_name_with_its_first_line():
    index = reference_pages("en")["reference/index"]
    assert "{py:obj}`compare <steepest.compare>`\n  - Find out which optimizer" in index
    assert "{py:obj}`RULES <steepest.rules.RULES>`\n  - By name in small letters" in index
    assert "[`steepest.ops`](write.md#steepestops)\n  - The vocabulary" in index
    assert "autodata:: steepest.rules.RULES" in reference_pages("en")["reference/write"]


def test_a_picture_in_several_forms_has_one_for_each_width_and_theme():
    text = stage.PICTURE.sub(stage._forms, (ROOT / "README.md").read_text(encoding="utf-8"))
    forms = re.findall(r"!\[Five opt[^]]*\]\((\S+)\)\{([^}]*)\}", text)
    assert len(forms) == 4 and len({classes for _, classes in forms}) == 4
    for file, classes in forms:
        assert ("narrow" in file, "dark" in file) == ("only-narrow" in classes, "only-dark" in classes)
        assert (ROOT / file).exists()


def test_formulas_of_all_rules_and_docstrings_are_mathml():
    pytest.importorskip("latex2mathml", reason="needs the extra docs")
    from tools.site.formulas import mathml

    for rule in BUILT_IN:
        for block, line in re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", rule.__doc__, re.S):
            assert mathml(block or line).startswith("<math alttext=")
    assert mathml(r"\frac{a}{b}").endswith("</mfrac></mrow></math>")
    assert mathml(r"|a| \le |b|").count('fence="true"') == 4 == mathml(r"\left|a\right| \le |b|").count('fence="true"')
    for wrong in (r"\nonsense{x}", r"\left( x"):
        with pytest.raises(ValueError, match=re.escape(wrong)):
            mathml(wrong)


def test_formulas_of_a_line_stand_apart_unless_they_are_one():
    pytest.importorskip("latex2mathml", reason="needs the extra docs")
    from tools.site.formulas import apart

    assert apart(r"m_t = \frac{a}{b}, \qquad x_t = m_t \qquad") == [r"m_t = \frac{a}{b},", "x_t = m_t"]
    for one in (r"\text{a \qquad b}", r"\begin{cases} a \qquad b \end{cases}", "a"):
        assert apart(one) == [one]


def test_excerpts_are_texts_of_sections_and_names_without_formulas():
    pytest.importorskip("sphinx", reason="needs the extra docs")
    from docutils import nodes
    from docutils.core import publish_doctree
    from sphinx import addnodes
    from tools.site.excerpts import sections

    text = "Top\n===\n\nOne :math:`x^2` here.\n\nInner\n-----\n\n* Two\n  three\n* four"
    page = publish_doctree(text, settings_overrides={"doctitle_xform": False})  # as Sphinx reads it
    described = addnodes.desc("", addnodes.desc_signature("", "f(x=1)", ids=["steepest.f"]), objtype="function")
    described += addnodes.desc_content("", nodes.paragraph("", "It computes."))
    next(page.findall(nodes.section)).append(described)
    assert sections(page) == [
        ("", "Top", "One here."),
        ("inner", "Inner", "Two three four"),
        ("steepest.f", "steepest.f", "It computes."),
    ]


def test_chinese_is_split_alike_in_python_and_in_the_browser():
    pytest.importorskip("sphinx", reason="needs the extra docs")
    from tools.site.search import SPLITTER, pairs

    texts = ["Adam 的学习率", "步", "动量", "梯度下降，Muon2！", "lr_max"]
    assert pairs(texts[0]) == ["Adam", "的学", "学习", "习率"] and pairs("步") == ["步"]
    if (node := shutil.which("node")) is None:
        pytest.skip("needs node")
    script = f"{SPLITTER}\nprocess.stdout.write(JSON.stringify({texts!r}.map(splitQuery)))"
    made = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True).stdout
    assert made == str([pairs(text) for text in texts]).replace("'", '"').replace(", ", ",")


def test_chinese_sentences_that_go_on_in_the_next_line_have_no_blank_in_them():
    assert stage.SPLIT.sub(r"\1", "# 头\n一，\n二\n三。\n\n- 四\n- five\n六") == "# 头\n一，二三。\n\n- 四\n- five\n六"
