"""Several looks at growing data: together they err as often as one, for normal data and for paired seeds."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from steepest.statistics import nominal_level, paired_ratios, verdict
from steepest.study.looks import LEVEL, level_of, looks_of

from ..studies import small_plan


@pytest.mark.parametrize("looks", [(12, 21, 31, 40), (5, 6, 40), (2, 3), (12, 40)])
@pytest.mark.parametrize("level", [0.05, 0.005])
def test_the_looks_together_have_the_level(looks, level):
    """Of 200,000 sums of normal terms, whose crossings have a standard error of 0.05 % (0.016 %)."""
    random = np.random.default_rng(0)
    steps = np.diff([0, *looks])
    sums = np.cumsum(random.standard_normal((200_000, len(looks))) * np.sqrt(steps), axis=1)
    bound = stats.norm.isf(nominal_level(looks, level) / 2)
    crossed = (np.abs(sums / np.sqrt(looks)) > bound).any(axis=1).mean()
    assert crossed == pytest.approx(level, abs=4 * np.sqrt(level / 200_000))


def test_twins_are_told_apart_in_five_of_a_hundred_sequences():
    """Log-normal steps of pairs, Student's t at 12, 21, 31 and 40 seeds: 4,000 sequences, one standard error 0.34 %."""
    random, looks = np.random.default_rng(1), looks_of(12, 40)
    differences = random.normal(0, 0.2, (4000, looks[-1]))
    level = nominal_level(looks, LEVEL)
    told = [stats.ttest_1samp(differences[:, :seeds], 0, axis=1).pvalue <= level for seeds in looks]
    assert np.any(told, axis=0).mean() <= 0.05 + 2 * 0.0034
    assert np.any(told, axis=0).mean() >= 0.03


def test_each_pair_has_its_share():
    plan = small_plan({"a": 1}, seeds=12, looks=looks_of(12, 40))
    assert level_of(plan, 1) == level_of(plan, 2) == nominal_level(plan.looks, LEVEL)
    assert level_of(plan, 11) == 10 * nominal_level(plan.looks, LEVEL / 10)
    assert level_of(small_plan({"a": 1}, seeds=12), 2) is None


def test_a_tie_without_prospect_hides_no_prospect():
    """B is a little slower, so that seeds would tell; c is a's twin but for noise."""
    swings = np.array([0.1, -0.1] * 6)
    steps = {"a": 100 * np.ones(12), "b": 100 * np.exp(0.05 + swings), "c": 100 * np.exp(swings)}
    runs = pd.concat(
        pd.DataFrame({"label": label, "phase": "report", "seed": range(12), "steps_to_target": own, "final_loss": 0.1})
        for label, own in steps.items()
    )
    prospects = paired_ratios(runs)["more_seeds"]
    result = verdict(runs)
    assert len(result.first) == 3 and len(result.inseparable) == 1
    assert prospects.isna().sum() == 1 and result.more_seeds == prospects.max()
