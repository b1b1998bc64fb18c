"""Early stopping: the same runs as without, but for those that stop; whenever it is killed, however it is extended."""

from pathlib import Path

import pandas as pd
import pytest

from steepest import compare, verbs
from steepest.base.errors import SteepestError
from steepest.base.status import Status
from steepest.report.sentences import stopped_sentence
from steepest.statistics import ahead
from steepest.study import Comparison, Store
from steepest.study.early import EARLY_STOPPING, Rung, pauses, planned_share
from steepest.study.results import STUDY_FILE

from ..studies import assert_planned_runs, assert_same_results, rows

pytestmark = pytest.mark.usefixtures("without_report")

SETTINGS = {"trials": 8, "seeds": 2, "steps": 32, "search_seeds": 2, "target": 0.3, "jobs": 1}
OPTIMIZERS = ["sgd"]
KEY = ["label", "phase", "trial", "seed"]


def study(folder: Path, **more) -> Comparison:
    return compare("quadratic", OPTIMIZERS, out=folder, **SETTINGS | more)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "_shown", lambda comparison, folder: comparison)
        return study(tmp_path_factory.mktemp("stopped"), stop_early=True)


def test_trials_pause_at_shares_of_their_run():
    assert pauses(EARLY_STOPPING, 64) == {4: 0.25, 16: 0.125}
    assert pauses(EARLY_STOPPING, 1) == {}
    assert planned_share((Rung(0.1, 0.2),), trials=10, least=4, steps=100) == pytest.approx(0.1 + 0.4)


def test_only_the_best_of_each_search_run_to_their_end(stopped, tmp_path):
    assert stopped.complete
    assert_planned_runs(stopped)
    search = stopped.runs[(stopped.runs["phase"] == "search") & stopped.runs["seed"].isin([1000, 1002])]
    is_stopped = search["status"] == Status.STOPPED
    assert len(search) == 2 * 8
    assert (~is_stopped).groupby([search["label"], search["search"]]).sum().tolist() == [4] * 2
    assert (search.loc[is_stopped, "last_step"] == 2).all()
    reached = search[is_stopped & (search["steps_to_target"] < float("inf"))]
    assert (reached["steps_to_target"] <= reached["last_step"]).all()
    assert "8 of 16 trials were stopped early" in stopped_sentence(stopped).en

    full = study(tmp_path / "full")
    assert stopped_sentence(full) is None
    both = stopped.runs.merge(full.runs, on=KEY, suffixes=("", "_full"))
    whole = both[both["status"] != Status.STOPPED]
    for name in ("status", "last_step", "steps_to_target", "final_loss", "best_metric", "fingerprint"):
        pd.testing.assert_series_equal(whole[name], whole[f"{name}_full"], check_names=False, check_exact=True)
    curves = stopped.curves.merge(stopped.runs[["id", *KEY]], left_on="run", right_on="id")
    whole_curves = full.curves.merge(full.runs[["id", *KEY]], left_on="run", right_on="id")
    shared = curves.merge(whole_curves, on=[*KEY, "step"], suffixes=("", "_full"))
    assert (shared["loss"] == shared["loss_full"]).all()


def test_those_ahead_go_on(stopped):
    """Each search's survivors are the first by target, then metric, at the rung, as the curves of all say."""
    search = stopped.runs[(stopped.runs["phase"] == "search") & stopped.runs["seed"].isin([1000, 1002])]
    for _, own in search.groupby(["label", "search"]):
        curves = stopped.curves.merge(own[["id", "trial"]], left_on="run", right_on="id")
        order = ahead(curves, 2, stopped.target, higher_is_better=False)
        survivors = own.loc[own["status"] != Status.STOPPED, "trial"]
        assert set(order[:4]) == set(survivors)


def test_a_killed_study_goes_on_with_the_same_results(stopped, tmp_path):
    for calls in (4, 24):  # before the first rung, after it
        seen = iter(range(calls))

        def die(_, seen=seen):
            if next(seen, None) is None:
                raise KeyboardInterrupt

        folder = tmp_path / str(calls)
        with pytest.raises(KeyboardInterrupt):
            study(folder, stop_early=True, on_progress=die)
        assert not Comparison.read(folder).complete
        assert_same_results(verbs.resume(folder, jobs=1), stopped)


def test_more_trials_are_judged_with_those_before(tmp_path):
    study(tmp_path, stop_early=True, trials=6)
    result = verbs.resume(tmp_path, add_trials=6, jobs=1)
    assert result.complete
    assert_planned_runs(result)
    first = result.runs[(result.runs["phase"] == "search") & result.runs["seed"].isin([1000, 1002])]
    curves = result.curves.merge(first[["id", "trial"]], left_on="run", right_on="id")
    for _, own in first.groupby("search"):
        whole = own.loc[own["status"] != Status.STOPPED, "trial"]
        order = ahead(curves[curves["trial"].isin(own["trial"])], 2, result.target, higher_is_better=False)
        assert set(order[:4]) <= set(whole) and len(whole) < 12
    assert not [row for row in rows(tmp_path).values() if row["state"] == "paused"]


def test_a_trial_that_breaks_takes_no_place(tmp_path):
    """Of trials whose rates are far too large, those that break before the rung are broken, not stopped."""
    result = study(tmp_path, stop_early=True, ranges={"lr": (1e-3, 1e30)})
    search = result.runs[(result.runs["phase"] == "search") & result.runs["seed"].isin([1000, 1002])]
    assert Status.NON_FINITE in set(search["status"])
    sound = search[~search["status"].isin([Status.NON_FINITE, Status.STOPPED])]
    assert sound.groupby("search").size().tolist() == [
        min(4, count) for count in (search["status"] != Status.NON_FINITE).groupby(search["search"]).sum()
    ]
    assert result.complete


def test_a_plan_without_rungs_has_no_pauses(tmp_path):
    study(tmp_path, trials=2)
    assert all(row["pause"] is None for row in rows(tmp_path).values())


def test_a_rung_out_of_range_is_refused(tmp_path):
    study(tmp_path, trials=2, stop_early=True)
    store = Store.open(tmp_path / STUDY_FILE)
    text = store.fact("plan").replace('"keep": 0.25', '"keep": 3.0')
    store._set({"plan": text})
    store.close()
    with pytest.raises(SteepestError, match="plan: has rungs that make no sense"):
        Comparison.read(tmp_path)
