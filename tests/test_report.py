"""What is shown of a comparison: sentences that the numbers bear out, figures' data, and a page that stands alone."""

import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from steepest.comparison import Comparison, Contestant, Plan
from steepest.figures.comparison import band, draw_curves, draw_learning_rates, looks, sensitivity
from steepest.report import write_report
from steepest.report.build import both, render
from steepest.report.sentences import edge_warnings, target_sentence, verdict_sentence
from steepest.report.words import LABELS, WORDS
from steepest.text import Text

ATTACK = '<script>alert("1")</script>'
CHINESE = re.compile("[一-鿿]")
WRITTEN = {"runs.csv", "curves.csv", "table.csv", "report.html", "figures/curves.svg", "figures/curves.png",
           "figures/learning_rates.svg", "figures/learning_rates.png"}  # fmt: skip

# --- constructed comparisons ------------------------------------------------------------------------------------------


def run(label, phase, number, steps=10.0, **facts):
    row = {
        "label": label, "rule": "sgd", "phase": phase, "trial": number if phase == "search" else math.nan,
        "seed": 0 if phase == "search" else number, "lr": 0.1, "status": "finished", "message": "well",
        "steps_to_target": float(steps), "seconds_a_step": 0.5, "final_loss": 0.2, "final_metric": 0.9,
    }  # fmt: skip
    assert facts.keys() <= row.keys()
    return row | facts


def reports(label, steps, **facts):
    """One trial, and a report run for each number of steps to the target."""
    return [run(label, "search", 0), *(run(label, "report", seed, each, **facts) for seed, each in enumerate(steps, 1))]


def constructed(rows, curves=(), sizes=None, seeds=3, metric_name="accuracy", higher=True, about="Some data"):
    """A comparison of these runs; curves are (run, step, loss, metric), batch sizes go by label."""
    runs = pd.DataFrame(rows)
    runs.insert(0, "id", range(1, len(runs) + 1))
    runs["seconds_to_target"] = runs["steps_to_target"] * runs["seconds_a_step"]
    table = pd.DataFrame(list(curves), columns=["run", "step", "loss", "metric"]).astype(
        {"run": int, "step": int, "loss": float, "metric": float}
    )
    labels = {row["label"]: row["rule"] for row in rows}
    trials = runs[runs["phase"] == "search"].groupby("label")["lr"].apply(tuple)
    contestants = tuple(
        Contestant(label, rule, (sizes or {}).get(label, 32), 100, trials[label]) for label, rule in labels.items()
    )
    workload = {"name": "w", "about": about, "about_zh": about, "metric_name": metric_name, "higher_is_better": higher}
    facts = {
        "workload": json.dumps(workload), "versions": '{"torch": "2"}', "created": "now", "python": "3", "machine": "m",
        "command": "steepest compare",
    }  # fmt: skip
    return Comparison(Plan("w", 0.9, contestants, seeds), runs, table, facts)


def verdict_of(seeds=3, sizes=None, **steps) -> Text:
    rows = [row for label, each in steps.items() for row in reports(label, each)]
    return verdict_sentence(constructed(rows, sizes=sizes, seeds=seeds))


# --- sentences --------------------------------------------------------------------------------------------------------

CLEAR = {"fast": [10, 11, 12], "slow": [20, 22, 24]}
CLOSE = {"a": [10, 20, 30], "b": [11, 18, 31], "c": [10, 21, 30]}


def test_a_clear_winner_gets_there_first():
    assert verdict_of(**CLEAR) == Text(
        "fast gets there first: 11 steps to the target (median of 3 fresh seeds) at learning rate 0.1."
        " slow, the next, needs 2 times as many steps.",
        "fast 最先到达：在学习率 0.1 下用 11 步达到目标（3 个新种子的中位数）。其次的 slow 需要 2 倍的步数。",
    )


def test_where_batches_differ_seconds_are_what_counts():
    assert verdict_of(**CLEAR, sizes={"fast": 1, "slow": 100}) == Text(
        "fast gets there first: 5.5 seconds to the target (median of 3 fresh seeds) at learning rate 0.1."
        " slow, the next, needs 2 times as long.",
        "fast 最先到达：在学习率 0.1 下用 5.5 秒达到目标（3 个新种子的中位数）。其次的 slow 需要 2 倍的时间。",
    )


def test_a_tie_is_called_one():
    text = verdict_of(**CLOSE)
    assert text.en.startswith("b, a and c tie: 3 seeds cannot tell them apart. b took 18 steps to the target")
    assert text.zh.startswith("b、a、c 打平：3 个种子分不出先后。b 在学习率 0.1 下用 18 步达到目标")
    assert "the next" not in text.en


def test_a_tie_may_have_someone_behind_it():
    text = verdict_of(**CLOSE, last=[100, 200, 290])
    assert "tie" in text.en
    assert re.search(r"last, the next, needs \d\.\d times as many steps\.$", text.en)
    assert "其次的 last 需要" in text.zh


def test_those_who_miss_are_said_to_miss():
    text = verdict_of(good=[10, 11, 12], bad=[math.inf, math.inf, 10])
    assert text.en.endswith("bad missed the target on most seeds.")
    assert text.zh.endswith("bad 在多数种子上未达到目标。")


def test_where_nobody_arrives_there_is_advice():
    text = verdict_of(a=[math.inf] * 3, b=[math.inf] * 3)
    assert text.en == (
        "No optimizer reached the target on most seeds; give more steps (--steps) or an easier target (--target)."
    )
    assert text.zh.startswith("没有优化器在多数种子上达到目标")


def test_a_single_contestant_is_first_among_none():
    text = verdict_of(only=[10, 11, 12])
    assert text.en.startswith("only takes 11 steps to the target")
    assert "first" not in text.en
    assert text.zh.startswith("only 在学习率 0.1 下用 11 步达到目标")


def test_an_unfinished_comparison_has_no_verdict():
    text = verdict_of(seeds=5, **CLEAR)
    assert text == Text("Not finished: 8 of 12 runs are done.", "尚未完成：共 12 次运行，已完成 8 次。")


def test_where_every_run_failed_the_first_reason_is_given():
    rows = reports("a", [math.inf] * 3, status="failed", message="line 3: TypeError: no")
    rows[0] |= {"status": "failed", "message": "line 2: ValueError: no"}
    text = verdict_sentence(constructed(rows))
    assert text == Text("Every run failed: line 2: ValueError: no", "所有运行都失败了：line 2: ValueError: no")


@pytest.mark.parametrize(("higher", "sign"), [(True, "≥"), (False, "≤")])
def test_the_target_is_said_with_its_direction(higher, sign):
    text = target_sentence(constructed(reports("a", [1, 2, 3]), metric_name="score", higher=higher))
    assert text == Text(f"target: score {sign} 0.9", f"目标：score {sign} 0.9")


@pytest.mark.parametrize(("best", "end"), [(0.01, "smallest"), (1.0, "largest"), (0.1, None)])
def test_a_winner_at_the_end_of_its_range_is_warned_of(best, end):
    rows = [run("a", "search", n, 5 if lr == best else 9, lr=lr) for n, lr in enumerate([0.1, 0.01, 1.0])]
    found = edge_warnings(constructed([*rows, *(run("a", "report", n, lr=best) for n in (1, 2, 3))]))
    if end is None:
        assert found == []
    else:
        (warning,) = found
        assert warning.en.startswith(f"* a: its best learning rate, {best:g}, is the {end} of those tried;")
        assert warning.zh.startswith(f"* a：最佳学习率 {best:g} 位于搜索范围的边缘")


def test_every_fixed_text_is_there_in_both_languages():
    for text in WORDS.values():
        assert CHINESE.search(text.zh)
        assert not CHINESE.search(text.en)
    assert all(CHINESE.search(chinese) for chinese in LABELS.values())


# --- the data of the figures ------------------------------------------------------------------------------------------


def test_sensitivity_sorts_trials_by_learning_rate_and_sets_the_broken_apart():
    rows = [
        run("a", "search", 0, 9, lr=0.3, final_loss=0.7),
        run("a", "search", 1, 5, lr=0.1, final_loss=0.9),  # first to the target, though not the lowest loss
        run("a", "search", 2, 9, lr=10.0, final_loss=9.0, status="diverged"),
        run("a", "search", 3, 9, lr=0.2, final_loss=0.1),
        run("a", "search", 4, math.inf, lr=3.0, final_loss=math.nan, status="became non-finite"),
        *(run("a", "report", n, lr=0.1, final_loss=5.0) for n in (1, 2, 3)),
        run("b", "search", 0, lr=0.5),
    ]
    found = sensitivity(constructed(rows), "a")
    assert found.lr.tolist() == [0.1, 0.2, 0.3]
    assert found.loss.tolist() == [0.9, 0.1, 0.7]
    assert found.broken_lr.tolist() == [3.0, 10.0]
    assert found.best == (0.1, 0.9)


def test_where_all_trials_broke_none_is_ringed():
    found = sensitivity(constructed([run("a", "search", 0, status="failed"), run("a", "report", 1)]), "a")
    assert (found.best, len(found.lr), found.broken_lr.tolist()) == (None, 0, [0.1])


def curves_of(values, run):
    return [(run, step, value, value / 10) for step, value in enumerate(values)]


def test_a_band_is_the_median_and_the_middle_half_of_the_report_seeds():
    curves = [(1, step, 1e6, 1e6) for step in range(3)]  # the trial does not count
    for number, values in enumerate([[8, 4, 1], [9, 5, 2], [10, 6, 30], [7, 3, math.nan], [11, 7, 5]], start=2):
        curves += curves_of(values, number)
    comparison = constructed(reports("a", [1] * 5), curves, seeds=5)
    found = band(comparison, "a", "loss")
    assert found.x.tolist() == [0, 1, 2]
    assert found.median.tolist() == [9, 5, 3.5]
    assert found.low.tolist() == [8, 4, 1.75]
    assert found.high.tolist() == [10, 6, 11.25]
    np.testing.assert_allclose(band(comparison, "a", "metric").median, [0.9, 0.5, 0.35])


def test_where_batches_differ_curves_run_over_examples():
    rows = [*reports("a", [1]), *reports("b", [1])]
    curves = [*curves_of([3, 2, 1], 2), *curves_of([3, 2, 1], 4)]
    comparison = constructed(rows, curves, sizes={"a": 10, "b": 1000}, seeds=1)
    assert band(comparison, "a", "loss").x.tolist() == [0, 10, 20]
    assert band(comparison, "b", "loss").x.tolist() == [0, 1000, 2000]


def test_two_contestants_of_one_rule_look_different():
    rules = {"a": "sgd", "b": "adam", "c": "sgd(momentum=0.5)"}
    found = looks(constructed([run(label, "search", 0, rule=rule) for label, rule in rules.items()]))
    assert list(found) == ["a", "b", "c"]
    assert len({(look.colour, look.marker) for look in found.values()}) == 3
    assert found["a"].dash != found["c"].dash


@pytest.mark.parametrize(("losses", "scale"), [([0.5, 0.1], "log"), ([0.5, -0.1], "linear"), ([0.0, 0.0], "linear")])
def test_only_data_with_a_logarithm_get_a_log_axis(losses, scale):
    rows = [run("a", "search", trial, lr=0.1 + trial, final_loss=loss) for trial, loss in enumerate(losses)]
    (axes,) = draw_learning_rates(constructed(rows)).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", scale)


# --- files ------------------------------------------------------------------------------------------------------------


def files(folder) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_writing_again_gives_the_same_files_to_the_last_byte(study, comparison, tmp_path):
    write_report(comparison, tmp_path)
    assert files(tmp_path) == {name: content for name, content in files(study).items() if name != "study.sqlite"}
    assert files(tmp_path).keys() == WRITTEN


def test_pictures_are_pictures(study):
    for name in ("curves", "learning_rates"):
        assert (study / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert b"<svg" in (study / "figures" / f"{name}.svg").read_bytes()


def test_the_tables_are_those_of_the_comparison(study, comparison):
    for name in ("runs", "curves"):
        table = pd.read_csv(study / f"{name}.csv")
        pd.testing.assert_frame_equal(table, getattr(comparison, name), check_dtype=False, check_exact=True)
    table = pd.read_csv(study / "table.csv", index_col="label")
    pd.testing.assert_frame_equal(table, comparison.table, check_exact=True)


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

    def count(self, tag: str) -> int:
        return sum(each == tag for each, _ in self.tags)

    def spoken(self, language: str) -> int:
        return sum(attributes.get("lang") == language for tag, attributes in self.tags if tag in ("span", "tspan"))


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


def test_the_page_forbids_itself_to_ask(page):
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert not any(re.search(r"http|\*", rule) for rule in rules.values())


def test_the_page_speaks_both_languages(page):
    assert page.spoken("en") == page.spoken("zh") > len(WORDS)
    for text in WORDS.values():
        if text not in [WORDS[name] for name in ("noise", "noise_note", "command")]:  # only where there is one
            assert str(both(text)) in page.text
    for label in ("learning rate", "final loss", "held-out loss", "accuracy", "step", "target"):
        assert f'<tspan lang="en">{label}</tspan><tspan lang="zh">{LABELS[label]}</tspan>' in page.text


def test_the_page_says_the_verdict_and_lists_every_run(page, comparison):
    for text in (verdict_sentence(comparison), target_sentence(comparison), *edge_warnings(comparison)):
        assert str(both(text)) in page.text
    assert page.count("svg") == page.count("figure") == 2
    trials = page.text.partition('<table class="trials">')[2].partition("</table>")[0]
    cells = [re.findall("<td[^>]*>(.*?)</td>", row) for row in re.findall("<tr><td>.*?</tr>", trials)]
    runs = comparison.runs
    assert [row[:3] for row in cells] == [[each.label, each.phase, str(each.seed)] for each in runs.itertuples()]
    assert [row[-1] for row in cells] == [message.replace(">", "&gt;") for message in runs["message"]]
    assert [row[3] for row in cells] == [f"{lr:.3g}" for lr in runs["lr"]]
    for fact in ("created", "machine", "python"):
        assert comparison.facts[fact] in page.text


def test_what_users_write_is_text_and_never_markup():
    rows = reports(f"a {ATTACK}", [5, 6, 7], message=f"boom {ATTACK}")
    curves = [*curves_of([3, 2], 2), *curves_of([3, 2], 3)]
    comparison = constructed(rows, curves, metric_name=f"m {ATTACK}", about=f"about {ATTACK}")
    page = Page(render(comparison))
    assert page.count("script") == 1
    assert not any("alert" in text for tag, text in page.texts if tag == "script")
    for word in ("a", "boom", "m", "about"):
        assert any(f"{word} {ATTACK}" in text for _, text in page.texts)


def test_numbers_that_are_none_are_dashes():
    nan = math.nan
    lost = {"status": "became non-finite", "steps_to_target": math.inf, "final_loss": nan, "final_metric": nan}
    rows = [row | lost for row in reports("a", [math.inf] * 3)]
    curves = [(number, step, [2.0, nan][step], 0.1) for number in (1, 2, 3, 4) for step in (0, 1)]
    page = Page(render(constructed(rows, curves)))
    cells = [text.strip() for tag, text in page.texts if tag == "td"]
    assert cells.count("—") == 3 + 4 * 3  # steps, seconds and metric in the table; steps, loss and metric of each run
    assert not any(word in cell for cell in cells for word in ("nan", "inf", "None"))


@pytest.mark.parametrize("metric", [math.nan, 0.5])
def test_a_study_whose_losses_are_no_numbers_renders(metric, tmp_path):
    """Warnings are errors here, so this also says that drawing it warns of nothing."""
    curves = [(number, step, math.nan, metric) for number in (1, 2, 3, 4) for step in range(3)]
    write_report(constructed(reports("a", [math.inf] * 3, final_loss=math.nan), curves), tmp_path)
    assert files(tmp_path).keys() == WRITTEN


@pytest.mark.parametrize("higher", [True, False])
def test_a_study_of_failures_only_renders(higher, tmp_path):
    nothing = {"status": "failed", "final_loss": math.nan, "final_metric": math.nan, "seconds_a_step": math.nan}
    rows = [row | nothing for row in [*reports("a", [math.inf] * 3), *reports("b", [math.inf] * 3)]]
    comparison = constructed(rows, higher=higher)
    write_report(comparison, tmp_path)
    assert files(tmp_path).keys() == WRITTEN
    assert len(draw_curves(comparison).axes) == 2
