"""More rules, trials and seeds of a study: the plan that was as large from the start."""

import pandas as pd
import pytest

from steepest.base.errors import InvalidValue
from steepest.study import extend, make_plan
from steepest.study.plan import FINALISTS, SEARCHES
from steepest.workloads import find

from ..studies import rates

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def digits():
    return find("digits")


def test_rules_that_are_added_have_the_same_chances(digits, write_workload):
    workloads = [digits, find(write_workload())]
    whole = make_plan(workloads, ["sgd", "adam", "lion"], trials=4, seeds=2, ranges={"lr": (1e-3, 1.0)})
    part = make_plan(workloads, ["sgd", "adam"], trials=4, seeds=2, ranges={"lr": (1e-3, 1.0)})
    added = extend.add_rules(part, ["lion"])
    assert added.contestants[:4] == part.contestants
    assert sorted(added.contestants, key=str) == sorted(whole.contestants, key=str)
    with pytest.raises(InvalidValue, match="'Adam' is there twice"):
        extend.add_rules(part, ["adam"])


def test_rules_that_are_added_may_have_ranges_of_their_own(digits):
    given = {"sgd.lr": (0.1, 1.0)}
    part = make_plan(digits, ["sgd"], trials=4, ranges=given)
    whole = make_plan(digits, ["sgd", "lion"], trials=4, ranges={**given, "lion.lr": (1e-4, 1e-2)})
    assert extend.add_rules(part, ["lion"], {"lion.lr": (1e-4, 1e-2)}) == whole
    with pytest.raises(InvalidValue, match=r"range: no optimizer here has 'sgd\.lr' to search"):  # it stays as it was
        extend.add_rules(part, ["lion"], {"sgd.lr": (0.1, 10.0)})
    with pytest.raises(InvalidValue, match="range: batch_size: digits has 1437 examples only, fewer than 2000"):
        extend.add_rules(part, ["lion"], {"batch_size": (16, 2000)})
    grid = make_plan(digits, ["sgd"], grid={"lr": [0.1, 1.0]})
    with pytest.raises(InvalidValue, match="range: this study tries a grid of settings instead of ranges"):
        extend.add_rules(grid, ["lion"], {"lr": (1e-4, 1e-2)})


def test_rules_that_are_added_compete_at_every_batch_size(digits):
    part = make_plan(digits, ["sgd"], trials=4, batch_sizes=[8, "all"], schedule="cosine")
    whole = make_plan(digits, ["sgd", "adam"], trials=4, batch_sizes=[8, "all"], schedule="cosine")
    assert extend.add_rules(part, ["adam"]) == whole


def test_more_trials_and_seeds_make_the_plan_that_was_as_large_from_the_start(digits):
    small = make_plan(digits, ["sgd", "adam(lr=0.1)"], trials=5, seeds=2)
    assert extend.add_trials(small, 6) == make_plan(digits, ["sgd", "adam(lr=0.1)"], trials=11, seeds=2)
    assert extend.add_seeds(small, 3) == make_plan(digits, ["sgd", "adam(lr=0.1)"], trials=5, seeds=5)
    with pytest.raises(InvalidValue, match="add-seeds: must be at most 997, got 998"):
        extend.add_seeds(small, 998)


@pytest.mark.parametrize("searches", [1, 2, 3])
def test_what_is_added_leaves_every_trial_its_number_and_search(digits, searches):
    plan = make_plan(digits, ["sgd", "adam"], trials=5, searches=searches, ranges={"sgd.lr": (0.1, 10)})
    edge = {"label": "SGD", "name": "lr", "value": 9.0, "side": "high", "low": 0.1, "high": 10.0,
            "next_low": 0.1, "next_high": 100}  # fmt: skip
    more = extend.add_trials(plan, 3)
    wider = extend.widen(plan, {"digits": pd.DataFrame([edge])})
    for after, added in ((more, 3), (wider, 2)):
        assert (after.trials, after.searches, after.finalists) == (5 + added, searches, FINALISTS)
        for old, new in zip(plan.contestants, after.contestants, strict=True):
            assert new.trials[: len(old.trials)] == old.trials
            assert len(new.trials) == searches * (5 + added)
            assert {len(rates(new, search, searches)) for search in range(searches)} == {5 + added}
            assert after.search_runs(new) == searches * (5 + added + FINALISTS * 2)
    beyond = [tuple(rates(wider.contestants[0], search, searches)[5:]) for search in range(searches)]
    assert len(set(beyond)) == searches
    assert all(10 < lr < 100 for own in beyond for lr in own)


def test_seeds_that_are_added_go_on_in_turns(digits):
    plan = make_plan(digits, ["sgd"], trials=4, seeds=3, searches=2)
    more = extend.add_seeds(plan, 4)
    assert [plan.reported_search(seed) for seed in plan.report_numbers] == [0, 1, 0]
    assert [more.reported_search(seed) for seed in more.report_numbers] == [0, 1, 0, 1, 0, 1, 0]
    assert (more.searches, more.search_numbers) == (plan.searches, plan.search_numbers)
    assert more.runs == plan.runs + 4


@pytest.mark.parametrize(
    ("side", "best", "wider", "beyond"), [("high", 9.0, (0.1, 100), (10, 100)), ("low", 0.11, (0.01, 10), (0.01, 0.1))]
)
def test_a_search_is_widened_where_the_best_was_at_the_edge_and_goes_on_elsewhere(digits, side, best, wider, beyond):
    plan = make_plan(digits, ["sgd", "adam", "momentum(lr=0.1)"], trials=6, ranges={"sgd.lr": (0.1, 10)})
    edge = {"label": "SGD", "name": "lr", "value": best, "side": side, "low": 0.1, "high": 10.0,
            "next_low": wider[0], "next_high": wider[1]}  # fmt: skip
    sgd, adam, by_hand = extend.widen(plan, {"digits": pd.DataFrame([edge])}).contestants
    assert sgd.trials[:12] == plan.contestants[0].trials
    assert sgd.ranges == {"lr": wider}
    assert len(sgd.trials) == len(adam.trials) == SEARCHES * (6 + 3)
    assert all(beyond[0] < lr < beyond[1] for lr in rates(sgd)[12:])
    assert adam.trials == make_plan(digits, ["adam"], trials=9).contestants[0].trials
    assert by_hand == plan.contestants[2]
