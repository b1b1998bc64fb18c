"""What a comparison will do: the same chances for every optimizer, fixed and readable before the first run."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from steepest.comparison import LECTURE_FIVE, Contestant, Plan, make_plan
from steepest.comparison.plan import search_points
from steepest.errors import InvalidValue, UnknownName, UnknownSetting
from steepest.rules import RULES, Adam
from steepest.workloads import find

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
        each.label: [share(lr, *search_range(rule)) for lr in each.learning_rates]
        for each, rule in zip(plan.contestants, RULES.values(), strict=True)
    }
    expected = places["SGD"]
    for label, found in places.items():
        assert len(found) == 16
        np.testing.assert_allclose(found, expected, atol=0.0025, err_msg=label)  # 3 digits, of 2 decades or more
        assert all(0 < place < 1 for place in found)


def test_a_learning_rate_given_by_hand_is_the_only_trial(digits):
    (one, other) = make_plan(digits, ["sgd(lr=0.5)", "adam(betas=(0.5, 0.9))"], trials=4).contestants
    assert one.learning_rates == (0.5,)
    assert len(other.learning_rates) == 4


# --- contestants ------------------------------------------------------------------------------------------------------


def test_the_default_is_the_lectures_five(digits):
    plan = make_plan(digits)
    assert LECTURE_FIVE == ("sgd", "momentum", "adagrad", "rmsprop", "adam")
    assert [each.label for each in plan.contestants] == ["SGD", "Momentum", "AdaGrad", "RMSProp", "Adam"]
    assert {len(each.learning_rates) for each in plan.contestants} == {16}
    assert {(each.steps, each.batch_size) for each in plan.contestants} == {(digits.steps, digits.batch_size)}
    assert (plan.seeds, plan.target, plan.runs) == (10, digits.target, 5 * (16 + 10))


def test_labels_say_what_was_changed(digits):
    specs = ["adam", "adam(betas=(0.9, 0.98), amsgrad=True)", "SGD(lr=0.5)", "sgd(momentum=0.5)"]
    labels = [each.label for each in make_plan(digits, specs).contestants]
    assert labels == ["Adam", "Adam betas=(0.9, 0.98), amsgrad=True", "SGD lr=0.5", "SGD momentum=0.5"]


def test_a_contestant_makes_its_rule_at_each_learning_rate(digits):
    (contestant,) = make_plan(digits, ["adam(betas=(0.5, 0.9))"], trials=2).contestants
    assert contestant.make_rule(0.25) == Adam(lr=0.25, betas=(0.5, 0.9))


def test_steps_and_target_may_be_given(digits):
    plan = make_plan(digits, ["sgd"], steps=7, target=0, seeds=3, trials=2)
    assert (plan.contestants[0].steps, plan.target, plan.runs) == (7, 0.0, 5)


# --- batch sizes ------------------------------------------------------------------------------------------------------


def test_every_batch_size_sees_as_many_examples(airfoil):
    workload = find("airfoil")
    plan = make_plan(workload, ["sgd", "adam"], batch_sizes=["1", "10", "100", "all"])
    sgd = plan.contestants[:4]
    assert [(each.batch_size, each.steps) for each in sgd] == [(1, 15_000), (10, 1500), (100, 150), (1500, 10)]
    assert [each.label for each in sgd] == [f"SGD (batch {size})" for size in (1, 10, 100, "all")]
    assert len({each.learning_rates for each in sgd}) == 1
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


def test_a_plan_survives_as_text(digits):
    plan = make_plan(digits, ["sgd", "adam(betas=(0.9, 0.98))"], trials=3, seeds=2, batch_sizes=[8, "all"], target=0.9)
    assert Plan.from_json(plan.to_json()) == plan
    assert json.loads(plan.to_json())["contestants"][0]["batch_size"] == 8


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": 9}, {"target": 0.5}, {"workload": "airfoil"},
        {"contestants": (Contestant("SGD", "sgd", 64, 400, (0.1,)),)},
        {"contestants": (Contestant("SGD", "sgd", 64, 400, (0.1, 0.2)),) * 2},
    ],
    ids=str,
)  # fmt: skip
def test_any_change_makes_it_another_plan(change):
    plan = Plan("digits", 0.95, (Contestant("SGD", "sgd", 64, 400, (0.1, 0.2)),), 10)
    changed = replace(plan, **change)
    assert changed != plan
    assert Plan.from_json(changed.to_json()) != Plan.from_json(plan.to_json())


# --- rule files -------------------------------------------------------------------------------------------------------


def test_a_rule_file_stands_for_every_rule_that_it_defines(digits, mine):
    """What it imports (SGD here) is not its own."""
    (contestant,) = make_plan(digits, [f"{mine}:SignDescent"], trials=4).contestants
    assert contestant.label == "Sign descent"
    assert all(1e-3 < lr < 1e-1 for lr in contestant.learning_rates)
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
    rule = plan.contestants[0].make_rule(0.5)
    assert (type(rule).__name__, rule.lr) == ("SignDescent", 0.5)
    assert rule.update(np.array([3.0, -2.0]), None, 1)[0].tolist() == [-0.5, 0.5]


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = [
    ({"optimizers": []}, "optimizers: name at least one"),
    ({"optimizers": ["sgd", "sgd"]}, "optimizers: 'SGD' is there twice"),
    ({"optimizers": ["sgd"], "batch_sizes": [10, "10"]}, "'SGD (batch 10)' is there twice"),
    ({"optimizers": ["adm"]}, "unknown rule 'adm'; did you mean 'adam'?"),
    ({"optimizers": ["adam(beta=0.9)"]}, "Adam has no hyperparameter 'beta'; did you mean 'betas'?"),
    ({"optimizers": ["adam(betas=(0.9, 1.0))"]}, "Adam: betas must lie in [0, 1), got (0.9, 1.0)"),
    ({"optimizers": ["sgd(lr=-1)"]}, "SGD: lr must lie in [0, inf), got -1"),
    ({"optimizers": ["sgd(lr="]}, "cannot read 'sgd(lr='"),
    ({"optimizers": ["sgd(0.1)"]}, "name the settings, for example sgd(lr=0.1)"),
    ({"optimizers": ["nothing.py"]}, "nothing.py: no such file"),
    ({"trials": 0}, "trials: must be a whole number from 1, got 0"),
    ({"trials": 2.5}, "trials: must be a whole number from 1, got 2.5"),
    ({"seeds": True}, "seeds: must be a whole number from 1, got True"),
    ({"steps": -3}, "steps: must be a whole number from 1, got -3"),
    ({"target": math.nan}, "target: must be a finite number, got nan"),
    ({"target": math.inf}, "target: must be a finite number, got inf"),
    ({"target": "high"}, "target: must be a finite number, got 'high'"),
    ({"batch_sizes": []}, "batch-size: name at least one"),
    ({"batch_sizes": [0]}, "batch-size: must be whole numbers from 1, or all; got 0"),
    ({"batch_sizes": ["some"]}, "batch-size: must be whole numbers from 1, or all; got 'some'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[str(arguments) for arguments, _ in REFUSED])
def test_what_cannot_be_is_refused_with_the_reason(arguments, message, digits):
    with pytest.raises((InvalidValue, UnknownSetting), match=re.escape(message)) as error:
        make_plan(digits, **arguments)
    assert "\n" not in str(error.value)
    assert isinstance(error.value, UnknownName) == ("unknown" in message)


def test_a_file_without_rules_is_refused(digits, write_file):
    file = write_file("empty.py", "from steepest.rules import SGD\n")
    with pytest.raises(InvalidValue, match="defines no rule; write a dataclass"):
        make_plan(digits, [file])
