"""What is shown of a comparison: figures' data, files, and a page that stands alone.

The sentences are tested in `test_report_sentences.py`, what a page does in a browser in `test_report_page.py`, files
for other programs in `test_exports.py`.
"""

import base64
import hashlib
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from steepest.base.errors import InvalidValue
from steepest.figures.comparison import band, draw_curves, draw_profiles
from steepest.figures.contestants import looks
from steepest.figures.search import MANY, budgets, draw_learning_rates, sensitivity, trend
from steepest.figures.words import COMPARISON
from steepest.findings.catalogue import Finding
from steepest.report.build import draw_all, write_report
from steepest.report.filenames import file_names
from steepest.report.page import both, render
from steepest.report.rows import packed_runs
from steepest.report.sentences import edge_warnings, target_sentence
from steepest.report.verdict import verdict_texts
from steepest.report.words import STATUSES, WORDS
from steepest.study import Comparison, Goal, Store

from .comparisons import ATTACK, ODD, WORKLOADS, awkward, contest, reports, run, study_of, trials

CHINESE = re.compile("[一-鿿]")
FIGURES = {f"figures/{name}.{kind}" for name in ("budget", "curves", "learning_rates") for kind in ("svg", "png")}
TABLES = ["runs.csv", "curves.csv", "table.csv", "contestants.csv", "trials.csv", "timings.csv", "ratios.csv"]
WRITTEN = {"report.html", *TABLES} | FIGURES
AWKWARD = awkward()

# --- the data of the figures ------------------------------------------------------------------------------------------


def test_sensitivity_sorts_trials_by_learning_rate_and_sets_the_broken_apart():
    rows = [
        run("a", "search", 0, 9, lr=0.3, final_loss=0.7),
        run("a", "search", 1, 5, lr=0.1, final_loss=0.9),  # first to the target, though not the lowest loss
        run("a", "search", 2, 9, lr=10.0, final_loss=9.0, status="diverged"),
        run("a", "search", 3, 9, lr=0.2, final_loss=0.1),
        run("a", "search", 4, math.inf, lr=3.0, final_loss=math.nan, status="became non-finite"),
        *(run("a", "report", n, lr=0.1, final_loss=5.0) for n in (1, 2, 3)),
        *reports("b", [1, 2, 3]),
    ]
    found = sensitivity(study_of(rows), "a")
    assert found.lr.tolist() == [0.1, 0.2, 0.3]
    assert found.loss.tolist() == [0.9, 0.1, 0.7]
    assert found.broken_lr.tolist() == [3.0, 10.0]
    assert found.winners == [(0.1, 0.9)]


@pytest.mark.filterwarnings("ignore:overflow")  # of means, which are then infinite
def test_values_at_the_end_of_float64_are_drawn(tmp_path):
    study = study_of([row | {"final_loss": -1e308} for row in contest(["a", "b"])])
    write_report(study, tmp_path)
    assert (tmp_path / "report.html").exists()


def test_the_winner_of_each_search_is_ringed():
    rows = [run("a", "search", n, 9 + n, lr=rate, final_loss=rate) for n, rate in enumerate((0.1, 0.3, 0.2, 0.4))]
    rows += [run("a", "report", seed, 9, lr=rate) for seed, rate in ((1, 0.1), (2, 0.3))]
    assert sensitivity(study_of(rows, seeds=2, searches=2), "a").winners == [(0.1, 0.1), (0.3, 0.3)]


def test_where_all_trials_broke_none_is_ringed():
    found = sensitivity(study_of([run("a", "search", 0, status="failed"), run("a", "report", 1)], seeds=1), "a")
    assert (found.winners, len(found.lr), found.broken_lr.tolist()) == ([], 0, [0.1])


def test_the_budget_curve_begins_where_the_middle_draw_arrives_and_is_thinned_out():
    comparison = study_of([*trials("a", [math.inf, math.inf, 20]), *(run("a", "report", seed) for seed in (1, 2, 3))])
    assert budgets(comparison)["a"].tolist() == pytest.approx([math.nan, 20, 20], nan_ok=True)
    many = [run("a", "search", n, 10, lr=0.1 + n) for n in range(500)]
    found = budgets(study_of([*many, run("a", "report", 1)], seeds=1))
    assert (found.index[0], found.index[-1]) == (1, 500)
    assert len(found) <= MANY


def curves_of(values, run):
    return [(run, step, value, value / 10) for step, value in enumerate(values)]


def test_a_band_is_the_median_and_the_middle_half_of_the_report_seeds():
    curves = [(1, step, 1e6, 1e6) for step in range(3)]  # the trial does not count
    for number, values in enumerate([[8, 4, 1], [9, 5, 2], [10, 6, 30], [7, 3, math.nan], [11, 7, 5]], start=2):
        curves += curves_of(values, number)
    comparison = study_of(reports("a", [1] * 5), curves, seeds=5)
    found = band(comparison, "a", "loss")
    assert found.x.tolist() == [0, 1, 2]
    assert found.median.tolist() == [9, 5, 3.5]
    assert found.low.tolist() == [8, 4, 1.75]
    assert found.high.tolist() == [10, 6, 11.25]
    np.testing.assert_allclose(band(comparison, "a", "metric").median, [0.9, 0.5, 0.35])


def test_where_batches_differ_curves_run_over_examples():
    rows = [*reports("a", [1], batch_size=10), *reports("b", [1], batch_size=1000)]
    comparison = study_of(rows, [*curves_of([3, 2, 1], 2), *curves_of([3, 2, 1], 4)], seeds=1)
    assert band(comparison, "a", "loss").x.tolist() == [0, 10, 20]
    assert band(comparison, "b", "loss").x.tolist() == [0, 1000, 2000]


def test_two_contestants_of_one_rule_look_different():
    rules = {"a": "sgd", "b": "adam", "c": "sgd(momentum=0.5)"}
    found = looks(study_of([row for label, rule in rules.items() for row in reports(label, [1, 2, 3], rule=rule)]))
    assert list(found) == ["a", "b", "c"]
    assert len({(look.colour, look.marker) for look in found.values()}) == 3
    assert found["a"].dash != found["c"].dash


@pytest.mark.parametrize(("losses", "scale"), [([0.5, 0.1], "log"), ([0.5, -0.1], "linear"), ([0.0, 0.0], "linear")])
def test_only_data_with_a_logarithm_get_a_log_axis(losses, scale):
    rows = [*trials("a", [9, 9], losses), run("a", "report", 1)]
    (axes,) = draw_learning_rates(study_of(rows, seeds=1)).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", scale)


def test_crosses_of_broken_trials_stand_above_the_frame_where_no_loss_can_be_read_off():
    rows = [row for label in "abc" for row in [*trials(label, [9, 9, 9]), run(label, "report", 1)]]
    for row in (rows[0], rows[4]):  # a trial of "a" and one of "b"
        row["status"] = "failed"
    (axes,) = draw_learning_rates(study_of(rows, seeds=1)).axes
    heights = [line.get_ydata()[0] for line in axes.lines if str(line.get_gid()).endswith("broken")]
    assert len(set(heights)) == 2 and min(heights) > 1
    assert "went wrong" in [text.get_text() for text in axes.texts]
    assert not draw_learning_rates(study_of(contest(["a"]))).axes[0].texts


def test_a_metric_that_is_the_loss_is_shown_once():
    rows = [row | {"final_metric": row["final_loss"]} for row in contest(["a", "b"])]
    rows[0] |= {"final_metric": math.nan, "final_loss": math.nan, "status": "became non-finite"}
    twice, once = study_of(contest(["a", "b"])), study_of(rows, metric_name="loss", higher=False)
    assert [len(draw_curves(each).axes) for each in (twice, once)] == [2, 1]
    heads = [
        set(re.findall(r'<span lang="en">((?:final|best) \w+)</span>', words_of(each).text)) for each in (twice, once)
    ]
    assert heads == [{"final accuracy", "best accuracy", "final loss", "best loss"}, {"final loss", "best loss"}]


def test_profiles_are_drawn_of_a_finished_study_of_several_workloads_only():
    whole = AWKWARD["several workloads"]
    lines = {line.get_gid(): line for line in draw_profiles(whole).axes[0].lines}
    np.testing.assert_array_equal(lines["contestant-1-profile"].get_ydata(), whole.profiles.profile.loc["Adam"])
    for name in ("one contestant", "several unfinished"):
        with pytest.raises(ValueError, match="profiles: need a finished comparison on several workloads"):
            draw_profiles(AWKWARD[name])


def test_a_figure_with_nothing_in_it_is_left_out():
    assert set(draw_all(AWKWARD["one contestant"])["w"]) == {"curves", "learning_rates", "budget"}
    assert set(draw_all(AWKWARD["one trial"])["w"]) == {"curves"}
    assert set(draw_all(AWKWARD["only search"])["w"]) == {"learning_rates", "budget"}
    assert set(draw_all(AWKWARD["misses"])["w"]) == {"curves", "learning_rates"}
    assert set(draw_all(AWKWARD["nothing done"])["w"]) == set()


# --- files ------------------------------------------------------------------------------------------------------------


def files(folder) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_writing_again_gives_the_same_files_to_the_last_byte(study, comparison, tmp_path):
    written = write_report(comparison, tmp_path)
    assert [path.name for path in written] == ["report.html", *TABLES]
    assert files(tmp_path) == {name: content for name, content in files(study).items() if name != "study.sqlite"}
    assert files(tmp_path).keys() == WRITTEN


def test_a_report_is_made_from_a_folder_or_a_file(study, tmp_path):
    (page,) = write_report(study / "study.sqlite", tmp_path, [])
    assert page.read_bytes() == (study / "report.html").read_bytes()
    with pytest.raises(InvalidValue, match="holds no study"):
        write_report(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(InvalidValue, match="folder: say where to write the report"):
        write_report(AWKWARD["one trial"])


def test_what_cannot_be_written_is_said_so_before_anything_is(study, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InvalidValue, match="taken: cannot be written"):
        write_report(study, tmp_path / "taken")
    with pytest.raises(InvalidValue, match="unknown format 'cvs'; did you mean 'csv'"):
        write_report(study, tmp_path / "new", ["cvs"])
    assert files(tmp_path).keys() == {"taken"}


def test_pictures_are_pictures(study):
    for name in ("curves", "learning_rates", "budget"):
        assert (study / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert b"<svg" in (study / "figures" / f"{name}.svg").read_bytes()


def test_workloads_of_one_name_keep_their_pictures_apart(tmp_path):
    rows = [row | {"workload": name} for name in WORKLOADS for row in reports("a", [1, 2, 3])]
    write_report(study_of(rows), tmp_path, [])
    homes = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.svg")}
    assert homes == {"figures", "figures/w", "figures/w-2"}


def test_names_of_files_are_safe_and_all_different():
    texts = [*ODD, "a/b", "a_b", "A_B", ".", "..", "x" * 500, "x" * 501]
    names = file_names(texts)
    assert list(names) == texts
    assert len({name.casefold() for name in names.values()}) == len(texts)
    assert all(0 < len(name) < 80 and "/" not in name and not name.startswith(".") for name in names.values())


# --- the page ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What the tests look at: every tag with its attributes, and the texts by the tag that holds them."""

    def __init__(self, text: str):
        super().__init__()
        self.text, self.tags, self.texts, self.open = text, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def spoken(self, language: str) -> int:
        return sum(attributes.get("lang") == language for tag, attributes in self.tags if tag in ("span", "tspan"))

    @property
    def scripts(self) -> list[str]:
        return [text for tag, text in self.texts if tag == "script"]

    @property
    def runs(self) -> dict:
        return json.loads(self.scripts[0])["columns"]


def page_of(comparison: Comparison) -> Page:
    return Page(render(comparison, draw_all(comparison)))


def words_of(comparison: Comparison) -> Page:
    """The page without its figures, which take most of the time."""
    return Page(render(comparison, {name: {} for name in comparison.by_workload()}))


@pytest.fixture(scope="module")
def page(study) -> Page:
    return Page((study / "report.html").read_text(encoding="utf-8"))


def test_the_page_asks_for_nothing_outside_itself(page):
    references = [
        (tag, name, value)
        for tag, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background")
    ]
    assert references, "the figures refer to their own parts"
    assert all(value.startswith("#") for _, _, value in references)
    assert all(address.startswith("#") for address in re.findall(r"url\(['\"]?([^)]*)", page.text))
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "img", "base", "audio", "video"}
    assert "@import" not in page.text


def test_no_two_things_on_the_page_have_one_id_and_every_reference_has_its_own(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {value[1:] for _, each in page.tags for name, value in each.items() if name in ("href", "xlink:href")}
    wanted |= set(re.findall(r"url\(#([^)]*)\)", page.text))
    assert wanted <= set(ids)


def test_the_page_runs_its_own_script_and_no_other(page):
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert {rules[name] for name in ("default-src", "base-uri", "form-action")} == {"'none'"}
    assert rules.pop("img-src") == "data:"  # the pictures over training are in the page
    assert not any(re.search(r"http|\*|data:", rule) for rule in rules.values())
    digest = base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}'"


def test_the_page_speaks_both_languages(page):
    assert page.spoken("en") == page.spoken("zh") > 40
    for label in ("learning rate", "final loss", "held-out loss", "accuracy", "step", "target", "trials"):
        assert f'<tspan lang="en">{label}</tspan><tspan lang="zh">{COMPARISON[label]}</tspan>' in page.text
    for tag, attributes in page.tags:
        if "aria-label" in attributes and attributes.get("id") != "language":
            assert attributes["data-en"] == attributes["aria-label"] and CHINESE.search(attributes["data-zh"]), tag


def test_figures_that_are_saved_have_the_readers_language_and_the_page_has_both(comparison, tmp_path, monkeypatch):
    monkeypatch.setenv("STEEPEST_LANG", "zh")
    write_report(comparison, tmp_path / "zh", [])
    write_report(comparison, tmp_path / "en", [], lang="en")
    with pytest.raises(InvalidValue, match=r"^lang: must be en or zh, got 'fr'$"):
        write_report(comparison, tmp_path / "fr", lang="fr")
    assert not (tmp_path / "fr").exists()
    chinese, english = ((tmp_path / lang / "figures/learning_rates.svg").read_text() for lang in ("zh", "en"))
    for label in ("learning rate", "final loss"):
        assert COMPARISON[label] in chinese and f">{label}<" not in chinese and f">{label}<" in english
        for lang in ("zh", "en"):
            page = (tmp_path / lang / "report.html").read_text()
            assert f'<tspan lang="en">{label}</tspan><tspan lang="zh">{COMPARISON[label]}</tspan>' in page


def test_the_page_says_the_verdict(page, comparison):
    for text in (*verdict_texts(comparison), target_sentence(comparison), *edge_warnings(comparison)):
        assert text is None or str(both(text)) in page.text
    for fact in ("created", "machine", "python"):
        assert comparison.facts[fact] in page.text
    for digest in json.loads(comparison.facts["code"]).values():
        assert digest[:12] in page.text
    assert set(comparison.runs["fingerprint"].str[:12]) <= set(re.findall(r"<code>([0-9a-f]{12})</code>", page.text))


def test_the_page_holds_every_run(page, comparison):
    runs, packed = comparison.runs, page.runs
    for name in ("label", "phase", "status"):
        assert [packed[name]["texts"][code] for code in packed[name]["codes"]] == runs[name].tolist()
    for lang, texts in (("en", "texts"), ("zh", "zh")):
        endings = [
            getattr(STATUSES[run.status], lang)
            if run.status in ("finished", "reached the target")
            else Finding.from_json(run.finding).text(lang)
            for run in runs.itertuples()
        ]
        assert [packed["message"][texts][code] for code in packed["message"]["codes"]] == endings
    for name in ("seed", "steps_to_target", "final_loss", "final_metric"):
        numbers = [math.inf if number is None else number for number in packed[name]["numbers"]]
        np.testing.assert_allclose(numbers, runs[name], rtol=5e-4)
    np.testing.assert_allclose(packed["set:lr"]["numbers"], runs["lr"], rtol=5e-4)


def test_whole_numbers_keep_all_their_digits_and_settings_have_a_column_each():
    rows = [
        run("a", "search", 0, 123457, settings={"lr": 0.1}),
        run("b", "search", 0, settings={"lr": 0.1, "beta": 0.9}),
    ]
    rows += [row | {"phase": "report", "seed": 98765, "trial": math.nan} for row in rows]
    packed = packed_runs(study_of(rows, seeds=1), {"w": "w"})
    assert packed["steps_to_target"]["numbers"] == [123457, 10, 123457, 10]
    assert packed["seed"]["numbers"] == [1000, 1000, 98765, 98765]
    assert packed["set:beta"]["numbers"] == [None, 0.9, None, 0.9]
    assert "workload" not in packed


@pytest.mark.quick
def test_what_users_write_is_text_and_never_markup():
    page = page_of(AWKWARD["odd labels"])
    assert len(page.scripts) == 2
    assert "alert" not in page.scripts[1] and ATTACK not in page.text
    assert page.runs["label"]["texts"] == ODD
    for text in (f"bad {ATTACK}", f"about {ATTACK}", f"m {ATTACK} $"):
        assert any(text in each for tag, each in page.texts if tag != "script"), text
    assert "{{" not in page.text and "$x^2$ {%" in "".join(text for tag, text in page.texts if tag == "text")
    named = {attributes["data-label"] for _, attributes in page.tags if "data-label" in attributes}
    assert named == set(ODD)


def test_figures_leave_what_users_write_as_it_is():
    """The page's colours and ids are put into the figures' tags only."""
    label = '#0072b2 id="contestant-0-x" 1.23456'
    page = page_of(study_of([*reports(label, [1, 2, 3]), *reports("b", [1, 2, 3])]))
    assert any(text == label[:15] + "…" + label[-11:] or label in text for tag, text in page.texts if tag == "text")


def test_numbers_that_are_none_are_dashes():
    for name in ("no numbers", "all failed", "misses"):
        page = words_of(AWKWARD[name])
        cells = [text.strip() for tag, text in page.texts if tag == "td"]
        assert "—" in cells
        assert not any(word in cell for cell in cells for word in ("nan", "inf", "None", "NaN"))


@pytest.mark.parametrize("name", AWKWARD)
def test_whatever_a_study_is_like_it_is_shown(name):
    """Warnings are errors here, so this also says that drawing it warns of nothing."""
    comparison = AWKWARD[name]
    page = page_of(comparison)
    assert page.runs["seed"]["numbers"] == comparison.runs["seed"].tolist()
    for each in comparison.by_workload().values():
        assert str(both(verdict_texts(each)[0])) in page.text
    assert page.spoken("en") == page.spoken("zh")


@pytest.mark.parametrize("higher", [True, False])
def test_curves_without_a_number_are_drawn(higher):
    curves = [(number, step, math.nan, math.nan) for number in (1, 2, 3, 4) for step in range(3)]
    comparison = study_of(reports("a", [math.inf] * 3, final_loss=math.nan), curves, higher=higher)
    assert len(draw_curves(comparison).axes) == 2


@pytest.mark.quick
@pytest.mark.parametrize("target", [0.0, -1.0])
def test_a_target_that_a_log_scale_has_no_place_for_is_pointed_to(target):
    rows = [row | {"final_metric": row["final_loss"]} for row in contest(["a", "b"])]
    study = study_of(rows, metric_name="loss", higher=False)
    study = replace(study, plan=replace(study.plan, workloads=(Goal("w", target),)))
    figure = draw_curves(study)
    figure.savefig(io.BytesIO())  # a layout that collapses warns, and warnings are errors
    (axes,) = figure.axes
    assert axes.get_yscale() == "log" and "target" in [text.get_text() for text in axes.texts]


@pytest.mark.quick
def test_learning_rates_of_zero_have_no_place_on_a_log_scale():
    middles, losses = trend(np.array([0.0, 0.1, 0.0]), np.array([1.0, 2.0, 3.0]))
    assert np.isfinite(middles).all() and losses.tolist() == [2.0]
    assert len(trend(np.zeros(3), np.ones(3))[0]) == 0


def test_a_study_that_has_just_begun_is_shown(comparison, tmp_path):
    facts = {name: comparison.facts[name] for name in ("workloads", "code", "gradient_noise")}
    Store.create(tmp_path / "study.sqlite", comparison.plan, facts).close()
    page, *_ = write_report(tmp_path)
    assert "Not finished: 0 of " in page.read_text(encoding="utf-8")


def test_an_extended_study_is_said_to_be_one(comparison):
    assert WORDS["extended"].en not in words_of(comparison).text
    first = json.loads(comparison.facts["first_plan"]) | {"seeds": 1}
    longer = Comparison(comparison.plan, comparison.runs, comparison.curves,
                        comparison.facts | {"first_plan": json.dumps(first, sort_keys=True)})  # fmt: skip
    assert WORDS["extended"].en in words_of(longer).text
