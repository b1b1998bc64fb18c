"""Settings that do not come from quasi-random points: grids, lists by hand, and Optuna's samplers."""

import json
import sqlite3

import pytest

import steepest
from steepest import verbs
from steepest.base.errors import InvalidValue, SteepestError
from steepest.report.searching import search_warnings
from steepest.rules import Adam
from steepest.study import Comparison, extend, make_plan
from steepest.study.lists import lists_in, read_lists
from steepest.study.plan import SAMPLERS
from steepest.study.reading import read_plan
from steepest.study.sampling import Search, objective
from steepest.study.space import read_dimension
from steepest.workloads import find


@pytest.fixture(scope="module")
def digits():
    return find("digits")


# --- grids ------------------------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_in_each_search(digits):
    plan = make_plan(digits, ["sgd", "adam"], grid={"lr": [0.1, 0.01], "sgd.momentum": [0.0, 0.9]})
    sgd, adam = plan.contestants
    points = [{"lr": lr, "momentum": momentum} for lr in (0.1, 0.01) for momentum in (0.0, 0.9)]
    assert list(sgd.trials[0::2]) == list(sgd.trials[1::2]) == points  # the searches differ by their seeds
    assert list(adam.trials[::2]) == [{"lr": 0.1}, {"lr": 0.01}]
    assert (plan.trials, plan.search, plan.is_default(sgd, 0)) == (4, "grid", False)
    assert read_plan(plan.to_json()) == plan
    assert extend.add_rules(plan, ["lion"]).contestants[2].trials == adam.trials
    with pytest.raises(InvalidValue, match="a grid or list of settings has no further ones"):
        extend.add_trials(plan, 1)


def test_a_rate_that_the_grid_lacks_is_the_default(digits):
    (adam,) = make_plan(digits, ["adam"], grid={"betas.0": [0.5, 0.9]}, searches=1).contestants
    assert adam.trials == ({"lr": 1e-3, "betas.0": 0.5}, {"lr": 1e-3, "betas.0": 0.9})


# --- lists ------------------------------------------------------------------------------------------------------------

FOUR, HUNDREDS = ("lr", "momentum", "dampening", "weight_decay"), [number / 100 for number in range(1, 100)]

LISTS = {
    "adam": [{"lr": 0.01, "betas": [0.8, 0.99]}, {"lr": 0.1, "schedule": "cosine", "warmup": 0.1}],
    "*": [{"lr": 0.5}, {"lr": 0.05}],
}


def test_lists_are_the_trials(digits):
    plan = make_plan(digits, ["adam", "sgd"], settings=LISTS, searches=1)
    adam, sgd = plan.contestants
    assert adam.run_settings == ("schedule", "warmup")
    assert [adam.make_rule(trial) for trial in adam.trials] == [Adam(lr=0.01, betas=(0.8, 0.99)), Adam(lr=0.1)]
    assert [adam.conditions(trial).schedule for trial in adam.trials] == ["constant", "warmup_cosine(0.1)"]
    assert sgd.trials == ({"lr": 0.5}, {"lr": 0.05})
    assert read_plan(plan.to_json()) == plan
    assert extend.add_rules(plan, ["lion"]).contestants[2].trials == sgd.trials


@pytest.mark.parametrize("suffix", [".json", ".toml"])
def test_lists_are_read_from_a_file(suffix, tmp_path):
    toml = """[[adam]]\nlr = 0.01\nbetas = [0.8, 0.99]\n[[adam]]\nlr = 0.1\nschedule = "cosine"\nwarmup = 0.1
    [["*"]]\nlr = 0.5\n[["*"]]\nlr = 0.05"""
    (tmp_path / f"points{suffix}").write_text(json.dumps(LISTS) if suffix == ".json" else toml)
    assert lists_in(read_lists(tmp_path / f"points{suffix}")) == lists_in(LISTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"settings": {}}, "settings: name at least one optimizer"),
        ({"settings": {"sgd": 1}}, "settings: sgd: write a list of settings"),
        ({"settings": {"sgd": [3]}}, "settings: sgd: point 1: write settings by name, got 3"),
        ({"settings": {"sgd": [{"lr": 0.1}, {"lr": [[1]]}]}}, "settings: sgd: point 2: lr"),
        (
            {"settings": {"sgd": [{"lr": 0.1}, {"lr": -1}]}},
            "settings: sgd: point 2: SGD: lr must lie in [0, inf), got -1",
        ),
        ({"settings": {"sgd": [{"momentm": 0.1}]}}, "has no setting 'momentm'; did you mean 'momentum'?"),
        ({"settings": {"sgd": [{"batch_size": 0.5}]}}, "batch_size: must be whole numbers from 1, got 0.5"),
        ({"settings": {"adam": [{"lr": 0.1}]}}, "settings: no optimizer here is 'adam'; there are sgd"),
        ({"settings": {"*": [{"lr": 0.1}]}, "optimizers": ["sgd(lr=0.1)"]}, "gives lr itself"),
        ({"settings": {"sgd": [{"lr": 0.1}]}, "optimizers": ["sgd", "adam"]}, "settings: none for adam; add a list"),
        ({"settings": LISTS, "sampler": "tpe"}, "--settings and --sampler: are two ways to choose settings"),
        ({"grid": {"lr": [0.1, 1]}, "ranges": {"lr": (0.1, 1)}}, "--range and --grid: are two ways"),
        ({"grid": {"lr": (0.1, 1)}}, "grid: lr: has an interval; write its values"),
        ({"grid": dict.fromkeys(FOUR, HUNDREDS)}, "--grid: settings: must be at most 10000, got 96059601"),
        ({"settings": {"sgd": [{"lr": 0.1}] * 10_001}}, "--settings: sgd: settings: must be at most 10000, got 10001"),
        ({"grid": {}}, "grid: name at least one setting"),
        ({"sampler": "tpee"}, "unknown sampler 'tpee'; did you mean 'tpe'? (Leave it out for quasi-random points, "),
        ({"sampler": "nosuch"}, "known: cmaes, gp, random, tpe (Leave it out for quasi-random points, Sobol's.)"),
        (
            {"settings": {"SGD": [{"lr": 0.1}], "sgd": [{"lr": 0.2}]}},
            "settings: 'SGD' and 'sgd' are the same optimizer",
        ),
        ({"grid": {"nosuch": [0.1, 1]}}, "to search; known: batch_size, dampening, lr, "),
        ({"sampler": "tpe", "stop_early": True}, "a sampler needs whole trials"),
    ],
    ids=lambda given: str(given)[:80],
)
def test_what_cannot_be_tried_is_refused_in_one_line(arguments, message, digits):
    with pytest.raises(SteepestError) as error:
        make_plan(digits, **{"optimizers": ["sgd"]} | arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "", "must end in .json or .toml"), ("none.json", None, "cannot be read: No such file"),
        ("a.json", "{", "is no JSON"), ("a.toml", "=", "is no TOML"), ("a.json", "[]", "write lists by optimizer"),
        ("a.json", '{"sgd": [{"lr": 1}], "sgd": [{"lr": 2}]}', "'sgd' is there twice; leave out one"),
        ("a.json", '{"sgd": [{"lr": 1, "lr": 2}]}', "'lr' is there twice; leave out one"),
        ("a.toml", "[[sgd]]\nlr = 1\nlr = 2", "is no TOML: Cannot overwrite a value"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_settings_is_named(name, text, message, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidValue) as error:
        read_lists(tmp_path / name)
    assert message in str(error.value)
    assert str(error.value).startswith(f"settings: {tmp_path / name}: ")


# --- samplers ---------------------------------------------------------------------------------------------------------

DIMENSIONS = {"lr": "1e-4:1.0", "decay": "1e-5:1.0 or 0", "kind": "a,b", "share": "0:0.5 if kind=b"}


def valley(settings):
    return abs(settings["lr"] - 0.01) + settings["decay"] + (settings["kind"] == "a")


def searched(sampler, count, tell_at_once=False):
    """The settings that a sampler draws for a known function, after a default."""
    dimensions = {name: read_dimension(text) for name, text in DIMENSIONS.items()}
    search = Search(sampler, 3, dimensions, {"share": 0.0})
    trials = [{"lr": 1e-3, "decay": 0, "kind": "a", "share": 0.0}]
    for _ in range(count):
        if tell_at_once:  # as a process that goes on with a study
            search = Search(sampler, 3, dimensions, {"share": 0.0})
        search.tell(trials, [valley(trial) for trial in trials])
        trials.append(dict(search.draw()))
    return trials


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_stays_in_the_space_and_begins_again_where_it_stopped(sampler):
    trials = searched(sampler, 8)
    for trial in trials:
        assert all(read_dimension(DIMENSIONS[name]).holds(value) for name, value in trial.items() if name != "share")
        assert trial["kind"] == "b" or trial["share"] == 0.0
    assert len({trial["lr"] for trial in trials}) == len(trials)
    assert searched(sampler, 8, tell_at_once=True) == trials


def test_a_sampler_that_sees_results_does_better_than_one_that_does_not():
    means = {sampler: sum(map(valley, searched(sampler, 40)[-20:])) / 20 for sampler in ("tpe", "random")}
    assert means["tpe"] < 0.7 * means["random"]


def test_trials_of_another_version_of_optuna_are_told_all_the_same():
    trials = searched("tpe", 6)
    changed = [*trials[:3], {**trials[3], "lr": 0.5}, {**trials[4], "lr": 5.0}]  # the last is outside of the space
    search = Search("tpe", 3, {name: read_dimension(text) for name, text in DIMENSIONS.items()}, {"share": 0.0})
    search.tell(changed, [valley(trial) for trial in changed])
    assert search.told == 5
    assert [trial.value for trial in search.study.trials if trial.value is not None][-1] == valley(changed[3])


def test_what_is_minimized_puts_misses_after_the_target_and_broken_runs_last():
    def value(steps, status="finished", loss=0.1, size=8):
        return objective(
            {"batch_size": size, "steps": 100, "status": status, "steps_to_target": steps, "final_loss": loss}
        )

    infinite = float("inf")
    values = [
        value(10), value(99), value(infinite), value(infinite, loss=5.0), value(infinite, loss=float("nan")),
        value(infinite, "diverged"),
    ]  # fmt: skip
    assert values == sorted(set(values))
    assert value(10, size=16) > value(10)


ASK = {"trials": 3, "seeds": 2, "search_seeds": 1, "steps": 3, "target": 0.9, "sampler": "tpe", "jobs": 1}


@pytest.mark.usefixtures("without_report")
def test_a_study_by_a_sampler_goes_on_where_it_was_interrupted(write_workload, tmp_path):
    file = write_workload()
    whole = steepest.compare(file, "sgd", **ASK)
    assert whole.complete
    assert len(whole.plan.contestants[0].trials) == 6
    assert whole.plan.runs == len(whole.runs) == 6 + 2

    def stop(store):
        if store.done() >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        steepest.compare(file, "sgd", **ASK, out=tmp_path / "part", on_progress=stop)
    part = Comparison.read(tmp_path / "part")
    assert not part.complete and len(part.plan.contestants[0].trials) < 6
    assert steepest.compare(file, "sgd", **ASK, out=tmp_path / "part").plan == whole.plan
    more = verbs.resume(tmp_path / "part", add_trials=1, jobs=1)
    assert more.complete
    assert more.plan.contestants[0].trials[:6] == whole.plan.contestants[0].trials
    assert len(more.plan.contestants[0].trials) == 8
    (warning,) = search_warnings(more)
    assert "Optuna's TPE" in warning.en and "Optuna" in warning.zh
    with pytest.raises(InvalidValue, match="--widen: only a search by quasi-random points"):
        verbs.resume(tmp_path / "part", widen=True, jobs=1)


@pytest.mark.usefixtures("without_report")
def test_unequal_lists_are_said_to_be_unequal(write_workload):
    lists = {"sgd": [{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.4}], "adam": [{"lr": 0.01}]}
    ask = {"seeds": 2, "search_seeds": 1, "steps": 3, "target": 0.9, "jobs": 1}
    result = steepest.compare(write_workload(), ["sgd", "adam"], settings=lists, **ask)
    assert result.complete
    (warning,) = search_warnings(result)
    assert "SGD had 3 settings to choose from, Adam 1" in warning.en
    assert result.edges.empty


def test_a_study_whose_search_is_unknown_is_not_opened(write_workload, tmp_path):
    verbs.compare(write_workload(), "sgd(lr=0.1)", seeds=1, steps=2, target=0.9, jobs=1, out=tmp_path / "study")
    with sqlite3.connect(tmp_path / "study" / "study.sqlite") as connection:
        connection.execute("update study set value = json_set(value, '$.search', 'magic') where key = 'plan'")
    connection.close()
    with pytest.raises(SteepestError, match="its search is 'magic', which this steepest does not know"):
        Comparison.read(tmp_path / "study")
