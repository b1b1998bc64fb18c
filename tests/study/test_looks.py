"""`until`: seeds are added until the first is told apart, at looks that were planned, whenever the study is stopped."""

from dataclasses import replace
from pathlib import Path

import pytest

from steepest import compare, verbs
from steepest.base.errors import InvalidValue
from steepest.study import Comparison, Store
from steepest.study.looks import level_of
from steepest.study.results import STUDY_FILE

from ..studies import assert_planned_runs, assert_same_results

pytestmark = pytest.mark.usefixtures("without_report")

SETTINGS = {"seeds": 5, "steps": 30, "target": 0.5, "jobs": 1, "until": 9}
TWINS = ["sgd(lr=0.02)", "momentum(lr=0.02, momentum=0.01)"]


def study(folder: Path, optimizers=TWINS, **more) -> Comparison:
    return compare("quadratic", optimizers, out=folder, **SETTINGS | more)


@pytest.fixture(scope="module")
def twins(tmp_path_factory) -> Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "_shown", lambda comparison, folder: comparison)
        return study(tmp_path_factory.mktemp("twins"))


def test_twins_get_all_seeds_and_a_clear_difference_none(twins, tmp_path):
    assert twins.plan.looks == (5, 6, 8, 9) and twins.plan.seeds == 9
    assert_planned_runs(twins)
    assert len(twins.verdict.first) == 2
    assert twins._level == level_of(twins.plan, 2) < 0.05
    clear = study(tmp_path, ["sgd(lr=0.02)", "sgd(lr=0.08)"], seeds=8, until=20)
    assert clear.plan.seeds == 8 and len(clear.verdict.first) == 1


def test_a_study_stopped_between_two_looks_goes_on_with_the_next(twins, tmp_path):
    seen = iter(range(14))

    def die(_):
        if next(seen, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(tmp_path, on_progress=die)
    before = Comparison.read(tmp_path).plan
    assert before.looks == twins.plan.looks and before.seeds < 9
    assert_same_results(verbs.resume(tmp_path, jobs=1), twins)
    assert_same_results(study(tmp_path), twins)  # the same command goes on, too


def test_two_processes_that_look_at_once_add_the_seeds_of_one_look(tmp_path, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "_looks_again", lambda store: False)  # ended at its first look, as if killed
        study(tmp_path)
    ours, theirs = (Store.open(tmp_path / STUDY_FILE) for _ in range(2))
    read = Comparison.of

    def while_the_other_extends(store, curves=True):
        comparison = read(store, curves)
        theirs.extend(theirs.plan, replace(theirs.plan, seeds=6), {})
        return comparison

    monkeypatch.setattr(Comparison, "of", while_the_other_extends)
    assert verbs._looks_again(ours) and ours.plan.seeds == 6
    monkeypatch.setattr(Comparison, "of", read)
    assert verbs._looks_again(ours) and ours.plan.seeds == 6  # its runs are to be done before the next look
    ours.close()
    theirs.close()


def test_seeds_that_are_added_by_hand_end_the_looks(tmp_path):
    study(tmp_path, until=6)
    result = verbs.resume(tmp_path, add_seeds=2, jobs=1)
    assert (result.plan.seeds, result.plan.looks) == (8, ())
    assert result._level == 0.01


def test_a_last_look_that_is_none_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="until: must be a whole number from 6 to 999, got 5"):
        study(tmp_path, until=5)
