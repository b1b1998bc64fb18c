"""Targets: each is the one that was measured, and it still separates a good setting from a careless one."""

import json
import math

import pytest
from benchmarks import target_table

from steepest import rules
from steepest.training import train
from steepest.workloads import APPLICATIONS, file_of, find

SEEDS = range(2001, 2005)
"""None of those that the target was measured on."""


def measured(name):
    file = file_of(name).parent / "measured" / f"{name}.json"
    if not file.exists():
        pytest.skip(f"not measured yet: python -m benchmarks.targets {name}")
    return json.loads(file.read_text())


@pytest.mark.quick
@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_target_is_the_measured_one(name):
    facts, problem = measured(name), find(name, try_out=False)
    assert {key: getattr(problem, key) for key in ("target", "steps", "batch_size", "higher_is_better")} == {
        key: facts[key] for key in ("target", "steps", "batch_size", "higher_is_better")
    }
    assert facts["metric"] == problem.metric_name and facts["workload"] == name


@pytest.mark.quick
@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_measurement_keeps_the_bars(name):
    facts = measured(name)
    assert facts["bar"]["separates"] and facts["bar"]["reached_in_time"]
    assert facts["cost"]["cheap_data"] or name == "selfplay"  # whose data are games that it plays


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_good_setting_reaches_the_target_and_a_tenth_of_its_rate_does_not(name):
    facts, problem = measured(name), find(name)
    rule, lr, schedule = facts["bar"]["rule"], facts["bar"]["lr"], facts["schedule"]
    reached = [
        sum(
            math.isfinite(train(problem, rules.find(rule, lr=lr * factor), seed, schedule=schedule).steps_to_target)
            for seed in SEEDS
        )
        for factor in (1.0, 0.1)
    ]
    assert reached[0] >= 3 and reached[1] <= 1, reached


@pytest.mark.quick
def test_the_table_in_the_docs_is_of_the_measurements():
    page = target_table.PAGE.read_text(encoding="utf-8")
    assert target_table.page_with(page) == page, "python -m benchmarks.target_table --write"
