"""What a comparison is made of where nothing is said: a set's study, and a first look."""

import pytest

import steepest
from steepest import verbs
from steepest.base.errors import InvalidValue
from steepest.datasets import NotHere
from steepest.study.defaults import QUICK, STANDARD, with_defaults
from steepest.study.quick import with_quick_target
from steepest.workloads import SETS, WorkloadSet, find, quick

pytestmark = pytest.mark.quick


@pytest.fixture
def pair(monkeypatch, write_workload, tmp_path):
    """A set of two small workloads, with a study of its own."""
    names = tuple(str(write_workload(f"steps = {steps}", name=f"w{steps}.py")) for steps in (8, 12))
    study = {"optimizers": ("sgd", "adam"), "trials": 2, "seeds": 2, "search_seeds": 1, "schedule": "cosine"}
    monkeypatch.setitem(SETS.built_in, "pair", WorkloadSet(SETS["applications"].about, names, study))
    monkeypatch.chdir(tmp_path)
    return names


def test_what_is_given_comes_before_a_first_look_a_set_and_the_standard():
    given = {"trials": 3, "seeds": None}
    chosen = with_defaults("applications", given, quick=True)
    of_set = SETS["applications"].study
    assert (chosen["trials"], chosen["seeds"], chosen["schedule"]) == (3, QUICK["seeds"], of_set["schedule"])
    assert with_defaults("digits", given)["seeds"] == STANDARD["seeds"]
    assert chosen["optimizers"] == of_set["optimizers"] != STANDARD["optimizers"]


def test_a_set_brings_its_study(pair):
    plan = verbs.plan_comparison("pair", seeds=4)
    assert [goal.name for goal in plan.workloads] == list(pair)
    assert [(one.label, one.schedule, one.steps) for one in plan.contestants] == [
        (label, "cosine", steps) for steps in (8, 12) for label in ("SGD", "Adam")
    ]
    assert (plan.trials, plan.seeds, plan.search_seeds) == (2, 4, 1)
    assert str(verbs.default_folder(plan, ["pair"])) == "steepest-pair"


def test_a_first_look_has_few_short_runs_and_says_so(write_workload):
    name = str(write_workload("steps = 60\ntarget = 1e-9"))
    result = steepest.compare(name, ["sgd", "adam"], trials=2, quick=True, jobs=1)
    plan = result.plan
    assert plan.quick and (plan.trials, plan.seeds, plan.searches) == (2, QUICK["seeds"], 1)
    assert {one.steps for one in plan.contestants} == {50}
    assert result.target > 1e-9 and result.table["reached"].max() == 1.0
    from steepest.report.provenance import provenance_sentences

    assert "A first look" in provenance_sentences(result)[0].en


def test_the_target_of_a_first_look_is_one_that_adam_reached(write_workload):
    problem = quick(str(write_workload("steps = 80\ntarget = 1e-9")))
    fitted = with_quick_target(problem, "cpu")
    assert 1e-9 < fitted.target < 10 and float(f"{fitted.target:.3g}") == fitted.target
    easy = problem.replace(target=1e9)
    assert with_quick_target(easy, "cpu") is easy


def test_a_target_given_by_hand_stays(write_workload):
    plan = verbs.plan_comparison(str(write_workload("")), ["sgd"], quick=True, target=0.5, trials=2, seeds=2)
    assert plan.workloads[0].target == 0.5


def test_a_first_look_and_a_budget_contradict_each_other():
    from steepest.study.budget import Budget

    with pytest.raises(InvalidValue, match="quick, budget: both say how much"):
        verbs.plan_comparison("digits", ["sgd"], quick=True, budget=Budget("1m"))


def test_data_that_are_missing_are_told_together_before_anything_is_stored(monkeypatch, tmp_path):
    monkeypatch.setenv("STEEPEST_DATA", str(tmp_path))
    missing = [NotHere("emoji: not on this machine", "emoji"), NotHere("stamps: not on this machine", "stamps")]
    told = str(NotHere.of_several(missing))
    assert told.startswith("emoji, stamps: not on this machine; what helps: apt-get install fonts-noto-color-emoji; ")
    assert NotHere.of_several(missing[:1]) is missing[0]
    problems = iter([missing[0], find("digits"), missing[1]])

    def tried(name, timeout, quick):
        found = next(problems)
        if isinstance(found, NotHere):
            raise found
        return found

    monkeypatch.setattr(verbs, "tried_out", tried)
    with pytest.raises(NotHere, match=r"^emoji, stamps: not on this machine; what helps: "):
        verbs.plan_comparison(["a", "digits", "b"], ["sgd"])


def test_a_forecast_of_several_workloads_is_above_nothing(pair):
    plan = verbs.plan_comparison("pair", ["sgd", "adam", "muon"])
    one, many = (verbs.expected(plan, processes).seconds for processes in (1, 64))
    assert 4 < one < 600 and one > many
