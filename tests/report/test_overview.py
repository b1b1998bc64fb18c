"""A study of several workloads at a glance, against the verdicts of each."""

import math

import pytest

from steepest.report.build import write_report
from steepest.report.markdown import as_markdown
from steepest.report.overview import first_names, lead, places, relative
from steepest.study import Comparison

from ..studies import STUDY_FILE, change, synthetic_study

NAN = math.nan


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several") / "study"
    return synthetic_study(
        folder, runs=400, points=12, workloads=("digits", "zipf"), optimizers=("sgd", "adam", "lion"), seeds=6
    ), folder


@pytest.mark.quick
def test_each_workload_has_its_verdict(study):
    comparison, _ = study
    parts = comparison.by_workload()
    for place, part in zip(places(comparison), parts.values(), strict=True):
        assert set(place.first) == set(part.verdict.first) and place.behind == (part.verdict.behind or None)
        if place.first:
            assert place.first[0] == part.table.index[0]
    assert [place.workload for place in places(comparison)] == ["digits", "zipf"]
    assert places(parts["digits"]) == [] and relative(parts["digits"]) == {}


@pytest.mark.quick
def test_every_optimizer_is_compared_with_the_leader_of_each_workload(study):
    comparison, _ = study
    table = relative(comparison)
    assert set(table) == {"SGD", "Adam", "Lion"}
    for number, part in enumerate(comparison.by_workload().values()):
        leader = part.table.index[0]
        for label, row in table.items():
            ratio, is_first = row[number]
            if not part.verdict.first:
                assert math.isnan(ratio) and not is_first
                continue
            expected = 1.0 if label == leader else part.ratios.loc[label, "ratio"]
            assert ratio == expected and is_first == (label in part.verdict.first)


@pytest.mark.quick
def test_nothing_is_concluded_while_runs_are_missing(study, tmp_path):
    _, folder = study
    (tmp_path / STUDY_FILE).write_bytes((folder / STUDY_FILE).read_bytes())
    change(tmp_path, "update runs set state = 'waiting' where id = 1")
    assert places(Comparison.read(tmp_path)) == [] and relative(Comparison.read(tmp_path)) == {}


def test_page_and_markdown_have_both_tables(study, tmp_path):
    comparison, _ = study
    page = write_report(comparison, tmp_path, [])[0].read_text()
    assert "First on each workload" in page and "各工作负载的第一名" in page
    text = as_markdown(comparison)
    assert "| workload | first | behind | times as much (95 % interval) |" in text
    assert "| times as much as the leader | digits | zipf |" in text
    for place in places(comparison):
        assert first_names(place).en in text and lead(place).replace("–", "–") in text


@pytest.mark.quick
def test_a_tie_is_named_in_both_languages():
    from steepest.report.overview import Place

    none, two = (Place("w", first, None, NAN, NAN, NAN) for first in ((), ("Adam", "SGD")))
    assert first_names(none).en == "none" and first_names(none).zh == "无"
    assert first_names(two).en == "Adam and SGD tie" and first_names(two).zh == "Adam、SGD 打平"
    assert lead(Place("w", ("Adam",), "SGD", math.inf, 3.0, math.inf)) == "∞ (3.00 – ∞)"


def test_the_terminal_ends_with_who_is_first_on_each(study, capsys, tmp_path):
    from steepest.cli.results import print_comparison

    print_comparison(study[0], tmp_path)
    shown = capsys.readouterr().out
    assert "behind" in shown and shown.count("digits") >= 1 and "score" in shown
