"""What a comparison will do: the same chances for every optimizer, fixed and readable before the first run."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from steepest.base.errors import InvalidValue
from steepest.rules import RULES, SGD, Adam
from steepest.statistics.ranges import position
from steepest.study import LECTURE_FIVE, Contestant, Goal, Plan, extend, make_plan
from steepest.study.contestants import trials_of
from steepest.study.plan import FINALISTS, SEARCHES
from steepest.study.ranges import points, read_range, values_of
from steepest.workloads import find

from ..studies import rates

pytestmark = pytest.mark.quick

MINE = '''
"""Two rules of a user's own."""
from dataclasses import dataclass

from steepest import Rule
from steepest.ops import sign
from steepest.rules import SGD
from steepest.rules.base import hyperparameter


@dataclass(frozen=True, kw_only=True)
class SignDescent(Rule):
    title = "Sign descent"
    reference = "this test"
    lr: float = hyperparameter(1e-3, "x", "learning rate", search=(1e-3, 1e-1))

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * sign(grad),)


@dataclass(frozen=True, kw_only=True)
class Unsearched(SignDescent):
    title = "Unsearched"
    lr: float = hyperparameter(1e-3, "x", "learning rate")
'''


@pytest.fixture(scope="module")
def digits():
    return find("digits")


@pytest.fixture
def mine(write_file):
    return write_file("mine.py", MINE)


def search_range(rule):
    return rule.hyperparameters()["lr"].metadata["facts"].search


def share(lr, low, high):
    """Where in its range a learning rate lies, 0 to 1 on a log scale."""
    return math.log(lr / low) / math.log(high / low)


def search_points(count, low, high):
    return [point["lr"] for point in points({"lr": (low, high)}, count)]


# --- learning rates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize(("low", "high"), [(1e-4, 1.0), (1e-3, 10.0)])
def test_trials_lie_one_in_each_equal_part_of_the_log_scale(count, low, high):
    parts = [int(share(lr, low, high) * count) for lr in search_points(count, low, high)]
    assert sorted(parts) == list(range(count))


@pytest.mark.parametrize("count", [3, 5, 12, 31])
def test_any_other_number_of_trials_is_a_beginning_of_the_next_power_of_two(count):
    whole = search_points(1 << count.bit_length(), 1e-4, 1.0)
    assert search_points(count, 1e-4, 1.0) == whole[:count]


def test_learning_rates_have_three_digits():
    points = search_points(64, 1e-4, 1.0)
    assert all(float(f"{lr:.2e}") == lr for lr in points)
    assert any(float(f"{lr:.1e}") != lr for lr in points)
    assert len(set(points)) == 64


def test_every_optimizer_tries_the_same_places_of_its_own_range(digits):
    plan = make_plan(digits, list(RULES), trials=16)
    places = {
        each.label: [share(lr, *search_range(rule)) for lr in rates(each)]
        for each, rule in zip(plan.contestants, RULES.values(), strict=True)
    }
    expected = places["SGD"][SEARCHES:]
    for label, found in places.items():
        assert len(found) == 16 * SEARCHES
        # 3 digits, of 2 decades or more
        np.testing.assert_allclose(found[SEARCHES:], expected, atol=0.0025, err_msg=label)
        assert all(0 < place < 1 for place in found[SEARCHES:])


def test_the_first_trial_of_each_search_is_the_default_wherever_it_lies(digits):
    plan = make_plan(digits, ["sgd", "adam(betas=(0.5, 0.9))", "adam(lr=0.1)"], trials=4, ranges={"lr": (0.1, 1.0)})
    sgd, adam, by_hand = plan.contestants
    assert sgd.trials[:SEARCHES] == ({"lr": 1e-3},) * SEARCHES  # outside of the range
    assert sgd.make_rule(sgd.trials[0]) == SGD()
    assert adam.make_rule(adam.trials[1]) == Adam(betas=(0.5, 0.9))
    assert all(0.1 < lr < 1 for lr in rates(sgd)[SEARCHES:])
    assert [plan.is_default(sgd, trial) for trial in range(4)] == [True, True, False, False]
    assert (by_hand.trials, plan.is_default(by_hand, 0)) == (({"lr": 0.1},), False)


def test_all_other_trials_are_those_of_older_plans(digits):
    plan = make_plan(digits, ["adam"], trials=5, ranges={"eps": (1e-9, 1e-3)})
    older = trials_of(values_of(Adam()), plan.contestants[0].ranges, 5, replace(plan, default_trial=False))
    assert plan.contestants[0].trials[SEARCHES:] == older[SEARCHES:]
    assert plan.contestants[0].trials[:SEARCHES] == ({"lr": 1e-3, "eps": 1e-8},) * SEARCHES


def test_a_learning_rate_given_by_hand_is_the_only_trial(digits):
    (one, other) = make_plan(digits, ["sgd(lr=0.5)", "adam(betas=(0.5, 0.9))"], trials=4).contestants
    assert (one.trials, one.ranges) == (({"lr": 0.5},), {})
    assert len(other.trials) == 4 * SEARCHES


# --- ranges -----------------------------------------------------------------------------------------------------------


def test_a_range_of_ones_own_holds_for_all_or_for_one(digits):
    plan = make_plan(digits, ["sgd", "adam", "adamw"], trials=8, ranges={"lr": (1e-5, 1e-3), "adam.lr": (0.1, 0.2)})
    assert [each.ranges["lr"] for each in plan.contestants] == [(1e-5, 1e-3), (0.1, 0.2), (1e-5, 1e-3)]
    for each in plan.contestants:
        assert all(each.ranges["lr"][0] < lr < each.ranges["lr"][1] for lr in rates(each)[SEARCHES:])


def test_several_hyperparameters_are_searched_together(digits):
    ranges = {"momentum.momentum": (0.5, 0.99), "eps": (1e-10, 1e-4)}
    momentum, adam = make_plan(digits, ["momentum", "adam"], trials=64, searches=1, ranges=ranges).contestants
    assert list(momentum.ranges) == ["lr", "momentum"]
    assert list(adam.ranges) == ["lr", "eps"]
    shares = np.array([[position(trial[name], momentum.ranges[name]) for name in momentum.ranges]
                       for trial in momentum.trials[1:64]])  # fmt: skip
    # 64 points of a Sobol sequence in two dimensions: one in each of the 8 x 8 squares; the default replaces the first
    assert len({tuple(square) for square in (shares * 8).astype(int)}) == 63
    assert adam.make_rule(adam.trials[0]).eps == adam.trials[0]["eps"]


def test_what_is_given_by_hand_is_not_searched(digits):
    ranges = {"momentum": (0.5, 0.9)}
    given, other = make_plan(digits, ["sgd(momentum=0.3)", "sgd(lr=0.1)"], trials=4, ranges=ranges).contestants
    assert list(given.ranges) == ["lr"]
    assert [set(trial) for trial in other.trials] == [{"lr", "momentum"}] * 4 * SEARCHES
    assert {trial["lr"] for trial in other.trials} == {0.1}


def test_a_range_that_holds_0_is_even_on_a_plain_scale(digits):
    (sgd,) = make_plan(digits, ["sgd(lr=0.1)"], trials=8, ranges={"weight_decay": (0.0, 0.8)}).contestants
    for search in range(SEARCHES):
        places = [int(trial["weight_decay"] * 10) for trial in sgd.trials[search::SEARCHES][1:]]
        assert len(set(places)) == 7 and set(places) < set(range(8))


def test_whole_numbers_stay_whole(digits):
    (rule,) = make_plan(digits, ["schedulefreesgd"], trials=8, ranges={"warmup_steps": (1, 100)}).contestants
    assert all(isinstance(trial["warmup_steps"], int) for trial in rule.trials)
    assert len({trial["warmup_steps"] for trial in rule.trials}) > 4


def test_more_points_are_the_next_of_the_same_sequence():
    ranges = {"lr": (1e-4, 1.0), "momentum": (0.0, 0.9)}
    assert points(ranges, 5, skip=3) == points(ranges, 8)[3:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("lr=1e-4:1", ("lr", (1e-4, 1.0))), (" adam.lr = 0.1 : 2", ("adam.lr", (0.1, 2.0)))],
)
def test_a_range_is_read_as_it_is_typed(text, expected):
    assert read_range(text) == expected


@pytest.mark.parametrize("text", ["lr", "lr=", "lr=1", "lr=a:b", "=1:2", "lr=1:2:3", "lr:1=2"])
def test_what_is_no_range_is_said_to_be_none(text):
    with pytest.raises(InvalidValue, match=rf"--range {re.escape(repr(text))}: (write it as|is one value)"):
        read_range(text)


# --- schedules and seeds ----------------------------------------------------------------------------------------------


def test_one_schedule_for_all_but_those_whose_method_has_its_own(digits):
    plan = make_plan(digits, ["sgd", "schedulefreeadamw", "schedulefreesgd"], schedule="warmup+cosine")
    assert [each.schedule for each in plan.contestants] == ["warmup_cosine", "constant", "constant"]
    assert {name: rule.own_schedule for name, rule in RULES.items() if rule.own_schedule} == {
        name: "constant" for name in RULES if "schedulefree" in name or name == "rprop"
    }


def test_trials_and_reports_have_no_seed_in_common(digits):
    plan = make_plan(digits, seeds=999, searches=4, search_seeds=3)
    assert list(plan.search_numbers) == list(range(1000, 1012))
    assert list(plan.report_numbers) == list(range(1, 1000))
    assert {seed for trial in range(8) for seed in plan.seeds_of(trial)} == set(plan.search_numbers)
    assert plan.runs == 5 * (4 * (32 + FINALISTS * 2) + 999)


# --- searches ---------------------------------------------------------------------------------------------------------


def test_the_trials_of_the_searches_take_turns(digits):
    (alone, other) = (make_plan(digits, ["sgd"], trials=6, searches=count).contestants[0] for count in (1, 3))
    assert len(other.trials) == 18
    assert other.trials[::3] == alone.trials
    plan = make_plan(digits, ["sgd"], trials=6, searches=3, search_seeds=2)
    assert [plan.search_of(trial) for trial in range(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert [plan.seeds_of(trial).start for trial in range(4)] == [1000, 1002, 1004, 1000]
    assert list(plan.seeds_of(1)) == [1002, 1003]
    assert [plan.reported_search(seed) for seed in (1, 2, 3, 4, 5)] == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("count", [2, 4, 16])
def test_every_search_covers_the_range_with_points_of_its_own(digits, count):
    (sgd,) = make_plan(digits, ["sgd"], trials=count, seeds=20, searches=20).contestants
    searches = [rates(sgd, search, 20) for search in range(20)]
    for found in searches:
        assert len({int(share(lr, *sgd.ranges["lr"]) * count) for lr in found[1:]}) == count - 1
    assert len({tuple(sorted(found)) for found in searches}) == 20


def test_the_points_of_two_searches_are_independent():
    """Scrambled anew: over many pairs of searches, the points of one tell nothing of those of the other."""
    ranges = {"lr": (0.0, 1.0)}
    found = np.array([[point["lr"] for point in points(ranges, 8, scramble=each)] for each in range(400)])
    products = ((found[::2] - 0.5) * (found[1::2] - 0.5)).mean(axis=1)  # of one pair: its 8 points share one shift
    assert abs(products.mean()) < 3 * products.std() / math.sqrt(len(products))
    for place in range(8):  # each point of its own is anywhere
        assert np.histogram(found[:, place], 4, (0, 1))[0].min() > 60


def test_another_points_seed_makes_other_points_that_no_search_has(digits):
    plans = [make_plan(digits, ["sgd", "adam"], trials=8, seeds=9, searches=9, points_seed=seed) for seed in (0, 1, 2)]
    searches = {tuple(rates(plan.contestants[0], search, 9)) for plan in plans for search in range(9)}
    assert len(searches) == 27
    assert make_plan(digits, ["sgd", "adam"], trials=8, seeds=9, searches=9) == plans[0]
    assert [plan.points_seed for plan in plans] == [0, 1, 2]


def test_the_first_search_has_the_trials_of_older_studies(digits):
    """So that a study of an older version gets more of the same sequence."""
    older = replace(make_plan(digits, ["sgd"], trials=5, searches=1), finalists=None, default_trial=False)
    expected = [{"lr": lr} for lr in search_points(9, *older.contestants[0].ranges["lr"])]
    plan = replace(older, contestants=(replace(older.contestants[0], trials=tuple(expected[:5])),))
    added = extend.add_rules(plan, ["adam"]).contestants[1]
    assert list(added.trials) == [{"lr": lr} for lr in search_points(5, *added.ranges["lr"])]  # no default trial there
    assert list(extend.add_trials(plan, 4).contestants[0].trials) == expected


@pytest.mark.parametrize(
    ("trials", "searches", "search_seeds", "runs"),
    [
        (1, 1, 3, 1), (1, 2, 3, 2),  # of one trial there is nothing to choose
        (2, 1, 3, 2 + 2 * 2), (4, 2, 3, 2 * (4 + 4 * 2)), (5, 2, 3, 2 * (5 + 4 * 2)), (32, 3, 1, 3 * 32),
    ],
)  # fmt: skip
def test_the_runs_of_a_search_are_all_trials_on_one_seed_and_the_finalists_on_the_others(
    trials, searches, search_seeds, runs, digits
):
    plan = make_plan(digits, ["sgd", "adam(lr=0.1)"], trials=trials, searches=searches, search_seeds=search_seeds)
    assert [plan.search_runs(each) for each in plan.contestants] == [runs, 1]
    assert plan.runs == runs + 1 + 2 * plan.seeds


def test_a_study_of_an_older_version_runs_every_trial_on_every_seed(digits):
    plan = replace(make_plan(digits, ["sgd", "adam(lr=0.1)"], trials=5, searches=1, search_seeds=3), finalists=None)
    assert [plan.search_runs(each) for each in plan.contestants] == [15, 3]
    assert plan.runs == 18 + 2 * plan.seeds


def test_one_seed_is_reported_by_one_search(digits):
    assert make_plan(digits, ["sgd"], seeds=1).searches == 1
    assert make_plan(digits, ["sgd"], seeds=2).searches == SEARCHES


# --- several workloads ------------------------------------------------------------------------------------------------


def test_every_optimizer_competes_on_every_workload(digits, write_workload):
    other = find(write_workload())
    plan = make_plan([digits, other], ["sgd", "adam"], trials=4, seeds=2)
    assert [goal.target for goal in plan.workloads] == [digits.target, other.target]
    assert [(each.workload, each.label) for each in plan.contestants] == [
        ("digits", "SGD"), ("digits", "Adam"), (other.name, "SGD"), (other.name, "Adam")
    ]  # fmt: skip
    assert plan.contestants[0].trials == plan.contestants[2].trials
    assert (plan.contestants[0].steps, plan.contestants[2].steps) == (digits.steps, other.steps)
    part = plan.on(other.name)
    assert (part.workloads, part.contestants) == (plan.workloads[1:], plan.contestants[2:])
    assert plan.indices_on(other.name) == [2, 3]


def test_workloads_have_short_names_that_differ(digits, write_workload, tmp_path):
    (tmp_path / "other").mkdir()
    names = ["digits", "quadratic(condition=2.5)", write_workload(), write_workload(name="other/small.py")]
    plan = make_plan([find(each) for each in names], ["sgd"])
    assert list(plan.short_names.values()) == ["digits", "quadratic-condition=2.5", "small", "small-2"]


# --- contestants ------------------------------------------------------------------------------------------------------


def test_the_default_is_the_lectures_five(digits):
    plan = make_plan(digits)
    assert LECTURE_FIVE == ("sgd", "momentum", "adagrad", "rmsprop", "adam")
    assert [each.label for each in plan.contestants] == ["SGD", "Momentum", "AdaGrad", "RMSProp", "Adam"]
    assert {len(each.trials) for each in plan.contestants} == {2 * 32}
    assert (plan.searches, plan.search_seeds, plan.finalists, plan.points_seed) == (2, 3, 4, 0)
    assert {(each.steps, each.batch_size) for each in plan.contestants} == {(digits.steps, digits.batch_size)}
    assert (plan.seeds, plan.workloads, plan.runs) == (
        12, (Goal("digits", digits.target),), 5 * (2 * (32 + 4 * 2) + 12)
    )  # fmt: skip


def test_labels_say_what_was_changed(digits):
    specs = ["adam", "adam(betas=(0.9, 0.98), amsgrad=True)", "SGD(lr=0.5)", "sgd(momentum=0.5)"]
    labels = [each.label for each in make_plan(digits, specs).contestants]
    assert labels == ["Adam", "Adam betas=(0.9, 0.98), amsgrad=True", "SGD lr=0.5", "SGD momentum=0.5"]


def test_a_contestant_makes_its_rule_at_each_learning_rate(digits):
    (contestant,) = make_plan(digits, ["adam(betas=(0.5, 0.9))"], trials=2).contestants
    assert contestant.make_rule({"lr": 0.25}) == Adam(lr=0.25, betas=(0.5, 0.9))


def test_steps_and_target_may_be_given(digits):
    plan = make_plan(digits, ["sgd"], steps=7, target=0, seeds=3, trials=2, searches=1, search_seeds=1)
    assert (plan.contestants[0].steps, plan.workloads[0].target, plan.runs) == (7, 0.0, 5)


# --- batch sizes ------------------------------------------------------------------------------------------------------


def test_every_batch_size_sees_as_many_examples(airfoil):
    workload = find("airfoil")
    plan = make_plan(workload, ["sgd", "adam"], batch_sizes=["1", "10", "100", "all"])
    sgd = plan.contestants[:4]
    assert [(each.batch_size, each.steps) for each in sgd] == [(1, 15_000), (10, 1500), (100, 150), (1500, 10)]
    assert [each.label for each in sgd] == [f"SGD (batch {size})" for size in (1, 10, 100, "all")]
    assert all(each.trials == sgd[0].trials for each in sgd)
    assert len({each.label for each in plan.contestants}) == 8


def test_a_batch_larger_than_the_data_is_all_of_them(digits):
    (contestant,) = make_plan(digits, ["sgd"], batch_sizes=[100_000]).contestants
    assert contestant.batch_size == 1437
    assert contestant.steps == round(digits.steps * digits.batch_size / 1437)


def test_steps_given_by_hand_hold_for_every_batch_size(digits):
    plan = make_plan(digits, ["sgd"], batch_sizes=[8, 64], steps=5)
    assert [each.steps for each in plan.contestants] == [5, 5]


def test_planning_touches_no_global_generator(write_workload):
    import torch

    file = write_workload("def data(): return [torch.rand(9, 2), torch.rand(9, 1)] * 2")
    before = torch.get_rng_state()
    make_plan(find(file), ["sgd"], batch_sizes=[2, 3])
    assert torch.equal(torch.get_rng_state(), before)


# --- as text ----------------------------------------------------------------------------------------------------------


def test_a_plan_survives_as_text(digits, mine):
    settings = {"trials": 3, "seeds": 2, "search_seeds": 2, "batch_sizes": [8, "all"], "target": 0.9, "points_seed": 7}
    more = {"schedule": "warmup+cosine", "ranges": {"lr": (1e-3, 1.0), "adam.eps": (1e-9, 1e-3)}}
    plan = make_plan(digits, ["sgd", "adam(betas=(0.9, 0.98))", mine + ":SignDescent"], **settings, **more)
    assert Plan.from_json(plan.to_json()) == plan
    assert json.loads(plan.to_json())["contestants"][0]["batch_size"] == 8
    added = ("searches", "finalists", "points_seed", "default_trial")
    older = {name: value for name, value in json.loads(plan.to_json()).items() if name not in added}
    read = Plan.from_json(json.dumps(older))  # as an older version wrote it
    assert (read.searches, read.finalists, read.points_seed, read.default_trial) == (1, None, 0, False)


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": 9}, {"workloads": (Goal("digits", 0.5),)}, {"search_seeds": 3}, {"schedule": "cosine"},
        {"searches": 2}, {"finalists": 4}, {"points_seed": 1}, {"default_trial": True},
        {"contestants": (Contestant("digits", "SGD", "sgd", 64, 400, trials=({"lr": 0.1},)),)},
        {"contestants": (Contestant("digits", "SGD", "sgd", 64, 400, trials=({"lr": 0.1}, {"lr": 0.2})),) * 2},
    ],
    ids=str,
)  # fmt: skip
def test_any_change_makes_it_another_plan(change):
    sgd = Contestant("digits", "SGD", "sgd", 64, 400, trials=({"lr": 0.1}, {"lr": 0.2}))
    plan = Plan((Goal("digits", 0.95),), (sgd,), 10)
    changed = replace(plan, **change)
    assert changed != plan
    assert Plan.from_json(changed.to_json()) != Plan.from_json(plan.to_json())


# --- rule files -------------------------------------------------------------------------------------------------------


def test_a_rule_file_stands_for_every_rule_that_it_defines(digits, mine):
    """What it imports (SGD here) is not its own."""
    (contestant,) = make_plan(digits, [f"{mine}:SignDescent"], trials=4).contestants
    assert contestant.label == "Sign descent"
    assert all(1e-3 <= lr < 1e-1 for lr in rates(contestant))
    both = make_plan(digits, ["sgd(lr=0.1)", f"{mine}:Unsearched(lr=0.1)", f"{mine}:SignDescent(lr=0.1)"]).contestants
    assert [each.label for each in both] == ["SGD lr=0.1", "Unsearched lr=0.1", "Sign descent lr=0.1"]
    with pytest.raises(InvalidValue, match="Unsearched: declares no range of learning rates"):
        make_plan(digits, [mine])


def test_a_rule_file_is_known_by_its_whole_path(digits, mine, monkeypatch, tmp_path):
    """A study may go on from another folder."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(digits, ["mine.py:SignDescent"])
    monkeypatch.chdir("/")
    assert plan.contestants[0].rule == f"{mine}:SignDescent"
    rule = plan.contestants[0].make_rule({"lr": 0.5})
    assert (type(rule).__name__, rule.lr) == ("SignDescent", 0.5)
    assert rule.update(np.array([3.0, -2.0]), None, 1)[0].tolist() == [-0.5, 0.5]
