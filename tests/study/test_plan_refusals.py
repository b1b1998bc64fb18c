"""What a plan refuses, with the reason, before the first run."""

import math
import re

import pytest

from steepest.base.errors import InvalidValue, UnknownName, UnknownSetting
from steepest.study import make_plan
from steepest.workloads import find

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def digits():
    return find("digits")


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
    ({"seeds": 1000}, "seeds: must be at most 999, got 1000"),
    ({"search_seeds": 0}, "search-seeds: must be a whole number from 1, got 0"),
    ({"searches": 0}, "searches: must be a whole number from 1, got 0"),
    ({"searches": 4, "seeds": 3}, "searches: must be at most 3, got 4"),
    ({"points_seed": -1}, "points-seed: must be a whole number from 0 to 1000000000000, got -1"),
    ({"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'?"),
    ({"ranges": {"lr": (1, 0.1)}}, "range: lr: low must be less than high and both finite, got 1:0.1"),
    ({"ranges": {"lr": (0.1, math.inf)}}, "range: lr: low must be less than high and both finite, got 0.1:inf"),
    ({"ranges": {"lr": (-1.0, 1.0)}}, "SGD: lr must lie in [0, inf), got -1.0"),
    ({"ranges": {"momentm": (0.1, 0.2)}}, "no optimizer here has 'momentm' to search; did you mean 'momentum'?"),
    ({"ranges": {"nosuch": (0.1, 0.2)}}, "no optimizer here has 'nosuch' to search; known: alpha, amsgrad, "),
    ({"ranges": {"lion.lr": (0.1, 0.2)}}, "no optimizer here has 'lion.lr' to search"),
    (
        {"ranges": {"adam.betas": (0.1, 0.2)}},
        "range: Adam: betas is not one number; write values with commas, or give it by hand",
    ),
    (
        {"ranges": {"sgd.nesterov": (0, 1)}},
        "range: SGD: nesterov is not one number; write values with commas, or give it by hand",
    ),
    ({"batch_sizes": ["some"]}, "batch-size: must be whole numbers from 1, or all; got 'some'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[str(arguments) for arguments, _ in REFUSED])
def test_what_cannot_be_is_refused_with_the_reason(arguments, message, digits):
    with pytest.raises((InvalidValue, UnknownSetting), match=re.escape(message)) as error:
        make_plan(digits, **arguments)
    assert "\n" not in str(error.value)
    assert isinstance(error.value, UnknownName) == ("unknown" in message)


def test_several_workloads_have_targets_of_their_own(digits, write_workload):
    both = [digits, find(write_workload())]
    with pytest.raises(InvalidValue, match="target: one number cannot suit several workloads"):
        make_plan(both, ["sgd"], target=0.5)
    with pytest.raises(InvalidValue, match="workload: 'digits' is there twice"):
        make_plan([digits, digits], ["sgd"])
    with pytest.raises(InvalidValue, match="workload: name at least one"):
        make_plan([], ["sgd"])


def test_a_file_without_rules_is_refused(digits, write_file):
    file = write_file("empty.py", "from steepest.rules import SGD\n")
    with pytest.raises(InvalidValue, match="defines no rule; write a dataclass"):
        make_plan(digits, [file])
