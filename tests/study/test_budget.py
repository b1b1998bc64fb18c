"""Plans for a budget: they fit, are the largest that do, are equal for all, and a budget too small says the least."""

from dataclasses import replace
from functools import partial

import pytest

from steepest import compare, verbs
from steepest.base.errors import InvalidValue, UnknownName
from steepest.study import budget as budgets
from steepest.study import extend, make_plan
from steepest.study.budget import Budget, duration, expected_time, is_same_request, planned, read_seconds
from steepest.study.early import EARLY_STOPPING, planned_share
from steepest.training.forecast import Forecast, forecasts
from steepest.training.grid import grid
from steepest.workloads import find

QUADRATIC = find("quadratic")
MAKE = partial(make_plan, QUADRATIC, ["sgd", "adam"])
FAST, SLOW = Forecast(0.01, 0.001, 0.002), Forecast(0.01, 0.004, 0.002)


def test_a_budget_of_runs_is_used_up_and_not_exceeded():
    before = 0
    for runs in (18, 40, 41, 100, 184, 200, 1000, 3000):
        plan = planned(MAKE, {}, Budget(runs=runs), [])
        assert 0.8 * runs - 18 <= plan.runs <= runs
        assert plan.runs >= before and plan.budget == f"{runs} runs"
        before = plan.runs
    defaults = planned(MAKE, {}, Budget(runs=184), [])
    assert replace(defaults, budget="") == MAKE()  # 184 runs are what the defaults need


def test_what_the_user_decides_stays():
    plan = planned(MAKE, {"seeds": 20}, Budget(runs=300), [])
    assert plan.seeds == 20 and plan.runs <= 300
    assert planned(MAKE, {"trials": 6}, Budget(runs=300), []).trials == 6


def test_optimizers_with_nothing_to_search_get_seeds():
    plan = planned(partial(make_plan, QUADRATIC, ["sgd(lr=0.1)", "adam(lr=0.1)"]), {}, Budget(runs=100), [])
    assert (plan.seeds, plan.runs) == (49, 100)


def test_a_budget_of_time_is_what_the_plan_will_take():
    for text, processes in (("1m", 1), ("1m", 4), ("10m", 2)):
        budget = Budget(text, processes=processes)
        plan = planned(MAKE, {}, budget, [FAST, FAST])
        assert 0.85 * read_seconds(text) <= budget.expected.seconds <= read_seconds(text)
        assert budget.expected == expected_time(plan, [FAST, FAST], processes)


def test_the_optimizer_whose_runs_take_most_of_the_time_is_named():
    plan = MAKE(trials=4, seeds=5)
    assert expected_time(plan, [FAST, FAST], 1).dearest is None
    expected = expected_time(plan, [FAST, SLOW], 2)
    slow, fast = (each.run(plan.contestants[0].steps) for each in (SLOW, FAST))
    assert expected.shares["Adam"] == pytest.approx(slow / (slow + fast))
    assert expected.dearest == ("Adam" if slow >= 3 * fast else None)
    assert expected_time(plan, [FAST, Forecast(0.01, 0.1, 0.002)], 2).dearest == "Adam"


def test_stopping_early_makes_room_for_more_trials():
    plain, early = (planned(partial(MAKE, stop_early=early), {}, Budget("2m"), [FAST, FAST]) for early in (False, True))
    assert early.trials > 1.5 * plain.trials
    contestant, no_overhead = early.contestants[0], Forecast(0.0, 1.0, 0.0)
    plan = replace(early, search_seeds=1, finalists=4)
    share = planned_share(EARLY_STOPPING, early.trials, 4, contestant.steps)
    whole = len(contestant.trials) * contestant.steps
    assert budgets.seconds_of_search(plan, contestant, no_overhead) == pytest.approx(share * whole, rel=0.05)


def test_equal_seconds_give_the_slower_fewer_trials():
    budget = Budget("2m", equal="seconds")
    plan = planned(MAKE, {}, budget, [FAST, SLOW])
    counts = [len(contestant.trials) // plan.searches for contestant in plan.contestants]
    steps = plan.contestants[0].steps
    assert counts[0] == plan.trials
    assert 0 <= counts[0] * FAST.run(steps) - counts[1] * SLOW.run(steps) < SLOW.run(steps)
    more = extend.add_trials(plan, 8)
    sgd, adam = (len(contestant.trials) for contestant in more.contestants)
    assert adam < sgd
    with pytest.raises(InvalidValue, match="same seconds"):
        extend.add_rules(plan, ["lion"])


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (lambda: Budget("30 minutes"), "budget: '30 minutes' is no time; write 90s, 30m, 2h or 1d"),
        (lambda: Budget("0s"), "is no time"),
        (lambda: Budget("-3m"), "is no time"),
        (lambda: Budget("3m", 3), "both say how much a study may cost"),
        (lambda: Budget(runs=0), "runs: must be a whole number from 1, got 0"),
        (lambda: Budget("5m", equal="minutes"), "equal: unknown share 'minutes'"),
        (lambda: planned(MAKE, {}, Budget(runs=17), []), "runs: 17 are too few for this comparison; the least is 18"),
        (lambda: planned(MAKE, {}, Budget("5s"), [FAST, SLOW]), "budget: 5s is too little .* the least is about 30s"),
    ],
)
def test_a_budget_without_sense_is_told_in_one_line(budget, message):
    with pytest.raises((InvalidValue, UnknownName), match=message):
        budget()


def test_times_are_read_and_written():
    assert [read_seconds(text) for text in ("90s", "2h", "1d", "1h 30m")] == [90, 7200, 86400, 5400]
    assert [duration(seconds) for seconds in (1, 119, 121, 7300, 200_000)] == ["1s", "119s", "3m", "2h", "2.3d"]


def test_the_same_request_is_known_whatever_the_times_were():
    first, second = (planned(MAKE, {}, Budget("1m"), [own, own]) for own in (FAST, SLOW))
    assert first != second and is_same_request(first, second)
    assert not is_same_request(first, planned(MAKE, {}, Budget("2m"), [FAST, FAST]))
    assert not is_same_request(MAKE(), MAKE(trials=3))


def test_a_forecast_counts_steps_evaluations_and_beginning():
    contestant = make_plan(QUADRATIC, ["sgd"]).contestants[0]
    (own,) = forecasts(QUADRATIC, [(contestant.make_rule(contestant.trials[0]), 0, "constant", contestant.steps)])
    assert min(own.begin, own.step, own.measure) > 0
    steps = contestant.steps
    assert own.run(steps) == pytest.approx(own.begin + steps * own.step + (len(grid(steps)) + 1) * own.measure)
    assert FAST.run(100, 10) == pytest.approx(0.01 + 10 * 0.001 + 11 * 0.002)


@pytest.mark.usefixtures("without_report")
def test_the_same_command_goes_on_with_the_plan_that_it_made(tmp_path):
    once = compare("quadratic", ["sgd"], out=tmp_path, steps=20, target=0.3, jobs=1, runs=14)
    again = compare("quadratic", ["sgd"], out=tmp_path, steps=20, target=0.3, jobs=1, runs=14)
    assert len(once.runs) == len(again.runs) == once.plan.runs <= 14
    with pytest.raises(InvalidValue, match="until, budget: seeds are added"):
        compare("quadratic", ["sgd"], runs=50, until=30)
    with pytest.raises(InvalidValue, match="equal: has no effect without"):
        compare("quadratic", ["sgd"], equal="seconds")
    assert verbs.resume(tmp_path, jobs=1).complete
