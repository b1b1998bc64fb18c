"""Quick sizes of workloads, and named sets of them."""

import pytest

from steepest import workloads
from steepest.base.errors import InvalidValue
from steepest.base.text import Text
from steepest.workloads import APPLICATIONS, SETS, WORKLOADS, WorkloadSet, expanded, find, quick
from steepest.workloads.sets import check_set

pytestmark = pytest.mark.quick


def test_a_family_says_its_quick_size_itself():
    problem = quick("clothes", try_out=False)
    assert (problem.name, problem.steps, find("clothes", try_out=False).steps) == ("clothes(width=4)", 60, 1500)


def test_settings_of_the_users_stay():
    assert quick("clothes(width=7)", try_out=False).name == "clothes(width=7)"
    with pytest.raises(InvalidValue, match="name its settings for a quick size"):
        quick("clothes(7)", try_out=False)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_application_has_a_quick_size(name):
    assert quick(name, try_out=False).steps < find(name, try_out=False).steps


@pytest.mark.parametrize(("name", "steps"), [("digits", 100), ("airfoil", 75), ("quadratic(dims=3)", 100)])
def test_any_other_workload_has_a_quarter_of_its_steps(name, steps):
    problem = quick(name, try_out=False)
    assert problem.steps == steps or problem.steps == max(50, round(0.25 * find(name, try_out=False).steps))
    assert problem.name == name


def test_a_file_of_the_users_may_say_its_steps(write_workload):
    assert quick(str(write_workload("quick_steps = 7"))).steps == 7
    assert quick(str(write_workload("steps = 9\nquick_steps = 70"))).steps == 9
    with pytest.raises(InvalidValue, match="`quick_steps` must be a whole number from 1, got 0"):
        find(str(write_workload("quick_steps = 0")))


def test_a_set_stands_for_its_workloads():
    assert expanded("applications") == list(APPLICATIONS)
    assert expanded(["digits", "applications"]) == ["digits", *APPLICATIONS]
    assert set(expanded(list(SETS))) <= set(WORKLOADS)


def test_a_plugin_may_bring_a_set(monkeypatch):
    monkeypatch.setitem(workloads.SETS.built_in, "two", check_set("two", ["digits", "airfoil"]))
    assert expanded("two") == ["digits", "airfoil"] and workloads.SETS["two"].about.zh == "digits、airfoil"
    own = WorkloadSet(Text("own", "自备"), ("digits",), {"trials": 3})
    assert check_set("own", own) is own
    with pytest.raises(InvalidValue, match=r"must be a steepest\.workloads\.WorkloadSet or a list of names"):
        check_set("none", "digits")
