"""The grammar of a search space: text, data, and points that lie inside."""

import json
import math

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steepest.base.errors import InvalidValue, SteepestError
from steepest.rules import Adam, resolve
from steepest.statistics.ranges import Span, from_scale, position, wider_range
from steepest.study import Plan, extend, make_plan
from steepest.study.jobs import Task, job_of
from steepest.study.ranges import dimension_of, grid_points, normalized, own_ranges, points, read_range
from steepest.study.reading import read_plan
from steepest.study.space import Condition, Dimension, read_dimension
from steepest.workloads import find

pytestmark = pytest.mark.quick

NUMBERS = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
NAMES = st.from_regex(r"[a-z_]{1,8}(\(0\.[1-9]\))?", fullmatch=True).filter(
    lambda name: name not in ("true", "false", "none", "nan", "inf", "infinity", "or", "if", "log", "linear")
)
VALUES = NUMBERS | st.booleans() | st.none() | NAMES | st.tuples(st.floats(0, 1), st.floats(0, 1))


@st.composite
def spans(draw):
    scale = draw(st.sampled_from(["", "log", "linear", "near one"]))
    low, high = {
        "log": (1e-6, 1e3), "near one": (0.0, 0.999999), "": (-1e3, 1e3), "linear": (-1e3, 1e3),
    }[scale]  # fmt: skip
    digits = 6 if scale == "near one" else 12
    ends = sorted(round(draw(st.floats(low, high)), digits) for _ in range(2))
    if scale in ("", "log") and 0 < ends[0] < 1e-6:
        ends[0] = 1e-6
    if ends[0] == ends[1] or (scale == "log" and ends[0] <= 0):
        ends = [0.25, 0.5]
    return Span(*ends, scale)


CONDITIONS = st.builds(
    Condition, st.from_regex(r"[a-z]{1,6}(\.[0-9])?", fullmatch=True),
    st.lists(VALUES, min_size=1, max_size=3).map(tuple), st.booleans(),
)  # fmt: skip


@st.composite
def dimensions(draw):
    values = draw(st.lists(VALUES, max_size=4, unique_by=lambda value: (isinstance(value, bool), value)))
    parts = [*([draw(spans())] if draw(st.booleans()) or len(values) < 2 else []), *values]
    return Dimension(tuple(parts), draw(st.none() | CONDITIONS))


@given(dimensions())
def test_a_text_of_the_grammar_is_read_back_as_what_it_says(dimension):
    text = str(dimension)
    assert read_dimension(text) == dimension
    assert str(read_dimension(text)) == text
    assert dimension_of(json.loads(json.dumps(normalized({"x": dimension})["x"]))) == dimension


@example(Dimension((Span(0.219018, 0.5, "near one"),)), 0.0)  # 1 - (1 - low) is not low
@given(dimensions(), st.floats(0, 1, exclude_max=True))
def test_every_point_lies_inside(dimension, place):
    assert dimension.holds(dimension.at(place, whole=False))


@given(spans(), st.floats(0, 1))
def test_a_position_and_its_value_are_inverse(span, place):
    value = from_scale(place, span)
    assert span.low - 1e-9 * abs(span.low) <= value <= span.high + 1e-9 * abs(span.high) + 1e-12
    assert from_scale(position(value, span), span) == pytest.approx(value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1e-4:1", "0.0001:1.0"), ("0.5 : 0.9 linear", "0.5:0.9 linear"), ("1-1e-3:1-0.5", "1-0.5:1-0.001"),
        ("0.5:1-0.01", "1-0.5:1-0.01"), ("16, 32,64", "16,32,64"), ("True,false", "true,false"),
        ("1e-5:1 or 0", "1e-05:1.0 or 0"), ("0,1e-5:1", "0 or 1e-05:1.0"),
        ("(0.9,1),(0.5,0.9)", "(0.9, 1.0),(0.5, 0.9)"),
        ("0:0.2 if schedule=cosine,constant", "0.0:0.2 if schedule=cosine,constant"),
        ("0.9,0.99 if momentum != 0", "0.9,0.99 if momentum!=0"), ("constant,warmup+cosine", "constant,warmup+cosine"),
        ("exponential(0.1),cosine", "exponential(0.1),cosine"), ("none,0.5", "none,0.5"), ("1-0.1,1-0.01", "0.9,0.99"),
    ],
)  # fmt: skip
def test_it_is_read_as_people_type_it(text, canonical):
    assert str(read_dimension(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write it as low:high"), ("a:b", "write it as low:high"), ("1:2:3", "write it as low:high"),
        ("1,,2", "write it as low:high"), ("1:2 or", "write it as low:high"), ("nan,1", "nan is no finite number"),
        ("1,-inf", "-inf is no finite number"), ("1,(0.1,1e999)", "(0.1,1e999) is no finite number"),
        ("0.1", "is one value, which needs no search"), ("1,2,1", "has 1 twice"), ("1:2 or 3:4", "has two intervals"),
        ("2:1", "low must be less than high"), ("1:inf", "low must be less than high"),
        ("1e-320:1e300", "is too wide"), ("0:1 log", "cannot be on a log scale"), ("1-0.5:1-0", "must stay below 1"),
        ("1-0.5:1-0.1 log", "1-x is a scale of its own"), ("1:2 if", "write it as low:high"),
        ("1:2 if momentum", "write the condition as NAME=VALUE"), ("1:2 if a=1 if b=2", "write the condition as"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_grammar_is_named(text, message):
    with pytest.raises(InvalidValue) as error:
        read_range(f"x={text}")
    assert message in str(error.value) or not text
    assert "\n" not in str(error.value)


# --- points -----------------------------------------------------------------------------------------------------------


def test_parts_have_equal_shares_of_the_points():
    found = points({"decay": "1e-5:1 or 0", "size": "16,32,64,128"}, 64)
    assert sum(point["decay"] == 0 for point in found) == 32
    assert {size: sum(point["size"] == size for point in found) for size in (16, 32, 64, 128)} == dict.fromkeys(
        (16, 32, 64, 128), 16
    )


def test_points_near_one_are_even_on_the_scale_of_the_distance():
    found = [point["m"] for point in points({"m": "1-0.1:1-1e-4"}, 64)]
    assert all(0.9 <= value <= 0.9999 for value in found)
    for low, high in ((0.9, 0.99), (0.99, 0.999), (0.999, 0.9999)):
        assert 20 <= sum(low <= value < high for value in found) <= 23
    assert all(round(1 - value, 10) == float(f"{1 - value:.3g}") for value in found)


def test_a_setting_whose_condition_fails_has_its_default():
    ranges = {"schedule": "constant,cosine", "warmup": "0.05:0.2 if schedule=cosine"}
    for point in points(ranges, 16, defaults={"warmup": 0.0}):
        assert (point["warmup"] == 0.0) == (point["schedule"] == "constant")


def test_a_grid_has_each_combination_once():
    ranges = {"nesterov": "false,true if momentum!=0", "momentum": "0,0.9"}
    assert grid_points(ranges, {"nesterov": False}) == (
        {"nesterov": False, "momentum": 0}, {"nesterov": False, "momentum": 0.9}, {"nesterov": True, "momentum": 0.9},
    )  # fmt: skip


# --- plans ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return find("digits")


def test_elements_of_a_tuple_are_searched_near_one(digits):
    (adam,) = make_plan(
        digits, ["adam"], trials=16, ranges={"adam.betas.1": (0.9, 0.9999), "betas.0": [0.5, 0.9]}
    ).contestants
    assert adam.ranges == {"lr": (1e-4, 1.0), "betas.0": "0.5,0.9", "betas.1": "1-0.1:1-0.0001"}
    assert adam.trials[0] == {"lr": 1e-3, "betas.0": 0.9, "betas.1": 0.999}
    for trial in adam.trials:
        assert adam.make_rule(trial) == Adam(lr=trial["lr"], betas=(trial["betas.0"], trial["betas.1"]))
    assert own_ranges(resolve("adam"), {"betas.1": "0.9:0.99 log"})["betas.1"] == "0.9:0.99 log"


def test_settings_of_the_run_reach_the_run(digits):
    ranges = {"batch_size": [16, 64, 256], "schedule": "constant,cosine", "warmup": "0.05:0.2 if schedule=cosine"}
    plan = make_plan(digits, ["sgd", "schedulefreesgd"], trials=16, ranges=ranges)
    sgd, own = plan.contestants
    assert sgd.run_settings == ("batch_size", "schedule", "warmup")
    assert (own.run_settings, list(own.ranges)) == (("batch_size",), ["lr", "batch_size"])  # its schedule is its own
    for number, trial in enumerate(sgd.trials):
        (entry,) = job_of(plan, Task(1, 0, "search", number, 1000, 1)).entries
        assert entry.settings == {"lr": trial["lr"]}
        assert entry.batch_size == trial["batch_size"]
        assert entry.batch_size * entry.steps == pytest.approx(sgd.batch_size * sgd.steps, rel=0.01)  # as many examples
        rise = f"warmup_cosine({trial['warmup']!r})" if trial["schedule"] == "cosine" else "constant"
        assert entry.schedule == rise
    assert read_plan(plan.to_json()) == plan == Plan.from_json(plan.to_json())
    assert (
        extend.add_trials(plan, 4).contestants
        == make_plan(digits, ["sgd", "schedulefreesgd"], trials=20, ranges=ranges).contestants
    )


def test_a_space_is_widened_on_its_own_scale(digits):
    plan = make_plan(digits, ["sgd(lr=0.1)"], trials=4, ranges={"momentum": "1-0.5:1-0.01 or 0"})
    low, high = wider_range(0.5, 0.99, "high", (0.0, 1.0), "near one")
    edge = {"label": "SGD lr=0.1", "name": "momentum", "value": 0.985, "side": "high", "low": 0.5, "high": 0.99,
            "next_low": low, "next_high": high}  # fmt: skip
    (sgd,) = extend.widen(plan, {"digits": pd.DataFrame([edge])}).contestants
    (span,) = dimension_of(sgd.ranges["momentum"]).spans
    assert span == Span(0.5, pytest.approx(1 - 0.01 / math.sqrt(50)), "near one")
    assert dimension_of(sgd.ranges["momentum"]).values == [0]
    assert all(0.99 <= trial["momentum"] <= span.high for trial in sgd.trials[8:])
    assert len(sgd.trials) == 12


def test_a_condition_keeps_what_does_not_go_together_apart(digits):
    ranges = {"nesterov": "true,false if momentum!=0", "momentum": "0:0.9 or 0"}
    (sgd,) = make_plan(digits, ["sgd"], trials=16, ranges=ranges).contestants
    assert {trial["nesterov"] for trial in sgd.trials if trial["momentum"] == 0} == {False}
    assert {trial["nesterov"] for trial in sgd.trials if trial["momentum"] != 0} == {False, True}


REFUSED = [
    ({"nesterov": "true,false", "momentum": "0,0.9"}, "cannot be tried at"),
    ({"sgd.nesterov": [0, 1]}, "range: SGD: nesterov must be true or false, got 0"),
    ({"momentum": [True, False]}, "range: SGD: momentum must be no switch, got True"),
    ({"momentum": [0.9, 1.5, -1]}, "SGD: momentum must lie in [0, inf), got -1"),
    ({"momentum": ["a", "b"]}, "SGD: momentum must be a number, got 'a'"),
    ({"momentum": {}}, "range: momentum: write (low, high), [value, value] or a text"),
    ({"momentum": "0:1 if nesterv=true"}, "depends on nesterv, which is no setting; did you mean 'nesterov'?"),
    ({"momentum": "0:1 if nesterov=true"}, "nesterov never is True; its values are False"),
    ({"momentum": "0:1 if dampening=0", "dampening": "0,0.1 if momentum=0"}, "its condition leads back to itself"),
    ({"schedule": (0.1, 0.2)}, "range: schedule: write names of schedules"),
    ({"schedule": ["constant", "cosin"]}, "unknown schedule 'cosin'; did you mean 'cosine'?"),
    ({"warmup": (0.0, 1.0)}, "range: warmup: is a share of the steps, in [0, 1), got 1.0"),
    ({"batch_size": [0, 8]}, "range: batch_size: must be whole numbers from 1, got 0"),
    ({"batch_size": [8, 10_000]}, "range: batch_size: digits has 1437 examples only, fewer than 10000"),
    ({"betas.2": [0.1, 0.2]}, "no optimizer here has 'betas.2' to search"),
]


@pytest.mark.parametrize(("ranges", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_cannot_be_searched_is_refused_in_one_line(ranges, message, digits):
    with pytest.raises(SteepestError) as error:
        make_plan(digits, ["sgd"], ranges=ranges)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_batch_sizes_compete_or_are_searched(digits):
    with pytest.raises(InvalidValue, match="batch_size is searched; leave out --batch-size"):
        make_plan(digits, ["sgd"], ranges={"batch_size": [8, 16]}, batch_sizes=[8])


@pytest.mark.parametrize(
    "change",
    [
        {"ranges": {"lr": "1e-4:"}}, {"run_settings": ["lr"]}, {"run_settings": ["momentum"]},
        {"trials": [{"lr": "high", "batch_size": 8}]}, {"trials": [{"lr": 0.1, "batch_size": 0}]},
        {"trials": [{"lr": 0.1, "batch_size": "all"}]}, {"trials": [{"lr": 0.1, "batch_size": {}}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_stored_space_that_makes_no_sense_is_refused(change, digits):
    plan = json.loads(make_plan(digits, ["sgd"], trials=1, searches=1, ranges={"batch_size": [8, 16]}).to_json())
    plan["contestants"][0].update(change)
    with pytest.raises(InvalidValue):
        read_plan(json.dumps(plan))
