"""What a rule promises, asked of every rule in `RULES`, so that a new one is tested by being listed there."""

import ast
import functools
import inspect
import io
import math
import textwrap
import tokenize

import numpy as np
import pytest
import torch

from steepest.base.errors import InvalidValue, SteepestError, UnknownName, UnknownSetting
from steepest.rules import RULES, SGD, Adam, AdamW, Rule, find

from ..optimizer_cases import GRADIENTS, RULE_STEPS, START, assert_close, begin, bits, walk

COMPANIONS = {
    "nesterov": {"momentum": 0.9},
    "dampening": {"momentum": 0.9},
    "eps_inside_sqrt": {"eps": 1e-2},
    "decoupled_weight_decay": {"weight_decay": 0.1},
    "weight_lr_power": {"warmup_steps": 5},
    "safeguard_warmup": {"lr": 0.5},
    "precondition_frequency": {"precondition_frequency": 2},
    "shampoo_beta": {"precondition_frequency": 2},
    "max_precond_dim": {"max_precond_dim": 2},
}
"""What else must be set for a hyperparameter to do anything in ten steps on a small matrix."""

OTHERS = {
    "Adafactor.eps": [(2.0, 1e-3), (None, 2.0)],
    "Muon.adjust_lr_fn": ["match_rms_adamw"],
    "Muon.eps": [10.0],
    "SOAP.shampoo_beta": [0.5],
}
"""Other values of the hyperparameters for which a number nearby means nothing else."""

# --- variations of every rule -----------------------------------------------------------------------------------------


def neighbours(value):
    """Other values of a hyperparameter, one for each of its elements."""
    match value:
        case bool():
            return [not value]
        case tuple():
            return [(*value[:i], other, *value[i + 1 :]) for i, each in enumerate(value) for other in neighbours(each)]
        case int():
            return [value + 5]
        case float():
            return [value / 2 + 0.01 if abs(value) < 1 else value + 0.1]
        case None:
            return [0.01]
    raise TypeError(f"how to vary {value!r}? Say it in OTHERS")


def base_of(rule, name):
    """The defaults, and what else this hyperparameter needs."""
    return rule.defaults() | COMPANIONS.get(name, {})


VARIATIONS = [
    pytest.param(
        rule(**base),
        rule(**base | {name: other}),
        id=f"{rule.__name__}-{name}={other}".replace(" ", ""),
    )
    for rule in RULES.values()
    for name in rule.defaults()
    for base in [base_of(rule, name)]
    for other in OTHERS.get(f"{rule.__name__}.{name}") or neighbours(base[name])
]
"""For every hyperparameter of every rule: a setting with its default, and the same with another value of it."""

VARIED = [pytest.param(each.values[1], id=each.id) for each in VARIATIONS]
ELEMENTWISE = [each for each in VARIED if each.values[0].elementwise]


def numbers_of(rule):
    """Each number among a rule's hyperparameters: its name and, of a tuple, which of its elements."""
    for name, default in rule.defaults().items():
        each_index = range(len(default)) if isinstance(default, tuple) else [""]
        for index in each_index:
            number = default if index == "" else default[index]
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield name, index


NUMBERS = [
    pytest.param(rule, name, index, id=f"{rule.__name__}-{name}{index}")
    for rule in RULES.values()
    for name, index in numbers_of(rule)
]
"""Every number among the hyperparameters: the rule, the hyperparameter and which of its elements."""

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
every_varied = pytest.mark.parametrize("rule", VARIED)
every_elementwise = pytest.mark.parametrize("rule", ELEMENTWISE)
every_number = pytest.mark.parametrize(("rule", "name", "index"), NUMBERS)
on_each_library = pytest.mark.parametrize("library", [np.asarray, torch.asarray], ids=["numpy", "torch"])


def with_number(rule, name, index, value):
    """The rule with one of its numbers replaced."""
    base = base_of(rule, name)
    if index != "":
        value = (*base[name][:index], value, *base[name][index + 1 :])
    return rule(**base | {name: value})


# --- the update -------------------------------------------------------------------------------------------------------


@every_varied
@on_each_library
def test_update_is_pure(rule, library):
    """Its inputs stay bit by bit, and the same inputs give the same results."""
    param, gradients = library(START.copy()), library(GRADIENTS.copy())
    state = begin(rule, param)
    for step, gradient in enumerate(gradients, 1):
        before = bits([gradient, param, *state])
        first, again = (rule.update(gradient, param, step, *state) for _ in range(2))
        assert bits([gradient, param, *state]) == before
        assert bits(first) == bits(again)
        param, state = param + first[0], first[1:]


@every_varied
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_torch_equals_numpy(rule, dtype):
    param, gradients = torch.asarray(START, dtype=dtype), torch.asarray(GRADIENTS, dtype=dtype)
    path, expected = torch.stack(walk(rule, param, gradients)), walk(rule, param.numpy(), gradients.numpy())
    assert path.dtype == dtype
    assert expected[-1].dtype == path.numpy().dtype
    assert_close(path, expected, dtype)


@every_elementwise
def test_plain_numbers_equal_numpy(rule):
    path = walk(rule, float(START[1, 2]), GRADIENTS[:, 1, 2].tolist())
    assert {type(each) for each in path} == {float}
    assert_close(path, np.array(walk(rule))[:, 1, 2])


@every_elementwise
def test_order_of_coordinates_does_not_matter(rule):
    order = np.random.default_rng(3).permutation(START.size)
    path = walk(rule, START.ravel()[order], GRADIENTS.reshape(RULE_STEPS, -1)[:, order])
    assert bits(path) == bits(each.ravel()[order] for each in walk(rule))


@every_varied
def test_state_keeps_its_names_and_shapes(rule):
    start = begin(rule, START)
    _, *state = rule.update(GRADIENTS[0], START, 1, *start)
    assert [np.shape(value) for value in state] == [np.shape(value) for value in start]
    assert [value is None for value in state] == [value is None for value in start]
    assert list(rule.symbols) == list(rule.init(START))
    assert {*rule.shared} <= {*rule.numbers} <= {*rule.symbols}


# --- hyperparameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("base", "changed"), VARIATIONS)
def test_every_hyperparameter_is_alive(base, changed):
    """Another value leads elsewhere, by more than a millionth of the way."""
    path, other = np.array(walk(base)), np.array(walk(changed))
    assert np.abs(path - other).max() > 1e-6 * np.abs(path - START).max()


@pytest.mark.parametrize(("rule", "name", "index"), [each for each in NUMBERS if each.values[0].elementwise])
@on_each_library
def test_many_settings_at_once_equal_one_at_a_time(rule, name, index, library):
    default = rule.defaults()[name] if index == "" else rule.defaults()[name][index]
    values = [default, *neighbours(default), *neighbours(*neighbours(default))]
    param, gradients = library(START[0]), library(GRADIENTS[:, 0])
    many = library(np.array(values, dtype=float)[:, None])
    together = walk(with_number(rule, name, index, many), param, gradients)[-1]
    apart = [walk(with_number(rule, name, index, value), param, gradients)[-1] for value in values]
    assert together.shape == (len(values), *param.shape)
    assert_close(together, np.stack(apart))


def outside(interval):
    """Numbers that an interval such as `[0, 1)` does not hold."""
    low, high = (float(end) for end in interval[1:-1].split(","))
    beyond = [low - 0.1, low if interval[0] == "(" else None, high if interval[-1] == ")" else None, high + 0.1]
    return [math.nan, math.inf, -math.inf, *(each for each in beyond if each is not None)]


def within(rule, name):
    return rule.hyperparameters()[name].metadata["facts"].within


@every_number
def test_a_number_out_of_its_interval_is_refused(rule, name, index):
    for value in outside(within(rule, name)):
        with pytest.raises(InvalidValue) as error:
            with_number(rule, name, index, value)
        assert f"{rule.title}: {name} must lie in {within(rule, name)}, got" in str(error.value)


@every_number
@pytest.mark.parametrize("value", ["0.1", None])
def test_what_is_no_number_is_refused(rule, name, index, value):
    with pytest.raises(InvalidValue, match=f"{rule.title}: {name} must be a number, got"):
        with_number(rule, name, index, value)


@every_rule
def test_a_switch_that_is_no_switch_is_refused(rule):
    for name in (name for name, default in rule.defaults().items() if isinstance(default, bool)):
        for value in ("false", None):
            with pytest.raises(InvalidValue, match=f"{rule.title}: {name} must be true or false, got"):
                rule(**base_of(rule, name) | {name: value})


@every_rule
def test_a_tuple_of_another_length_is_refused(rule):
    for name, default in rule.defaults().items():
        if isinstance(default, tuple):
            for value in (default[:-1], (*default, default[-1]), default[0]):
                with pytest.raises(InvalidValue, match=f"{rule.title}: {name} needs {len(default)} values"):
                    rule(**{name: value})


@pytest.mark.parametrize("settings", [{"momentum": 0.0}, {"momentum": 0.9, "dampening": 0.3}])
@pytest.mark.parametrize("rule", [each for each in RULES.values() if {"nesterov", "dampening"} <= {*each.defaults()}])
def test_nesterov_needs_undampened_momentum(rule, settings):
    with pytest.raises(InvalidValue, match="nesterov needs momentum > 0 and dampening = 0"):
        rule(nesterov=True, **settings)


def test_the_decay_of_adamw_is_not_a_choice():
    with pytest.raises(UnknownSetting, match="AdamW has no hyperparameter 'decoupled_weight_decay'"):
        find("adamw", decoupled_weight_decay=False)
    assert AdamW().decoupled_weight_decay


# --- finding a rule ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_find_by_name_by_class_and_as_it_is(name):
    rule = RULES[name](lr=0.25)
    assert type(find(name)) is type(find(name.upper())) is RULES[name]
    assert find(name) == RULES[name]() == find(RULES[name])
    assert find(f"{name}(lr=0.25)") == find(RULES[name], lr=0.25) == find(name, lr=0.25) == find(rule) == rule
    assert find(rule, lr=0.5) == RULES[name](lr=0.5)


def test_find_lets_arguments_override_the_spec():
    assert find("adam(lr=0.1, betas=(0.8, 0.9))", lr=0.2) == Adam(lr=0.2, betas=(0.8, 0.9))


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ("addam", UnknownName, "unknown rule 'addam'; did you mean 'adam'?"),
        ("newton", UnknownName, f"unknown rule 'newton'; known: {', '.join(sorted(RULES))}"),
        ("adam(beta=0.9)", UnknownSetting, "Adam has no hyperparameter 'beta'; did you mean 'betas'?"),
        ("sgd(momentun=0.9)", UnknownSetting, "SGD has no hyperparameter 'momentun'; did you mean 'momentum'?"),
        ("sgd(0.1)", InvalidValue, "name the settings, for example sgd(lr=0.1)"),
        ("sgd(lr=-1)", InvalidValue, "SGD: lr must lie in [0, inf), got -1"),
        (3, InvalidValue, "expected a name or a rule, got 3"),
        (int, InvalidValue, "expected a name or a rule, got <class 'int'>"),
    ],
    ids=str,
)
def test_what_find_refuses(asked, error, message):
    with pytest.raises(error) as raised:
        find(asked)
    assert message in str(raised.value)
    assert isinstance(raised.value, SteepestError)
    assert isinstance(raised.value, TypeError if error is UnknownSetting else ValueError)


@every_rule
def test_a_rule_cannot_be_changed(rule):
    with pytest.raises(AttributeError, match="cannot assign"):
        rule().lr = 0.1


def test_the_base_is_no_rule():
    with pytest.raises(TypeError, match="abstract"):
        Rule()


# --- facts ------------------------------------------------------------------------------------------------------------


@every_rule
def test_facts_are_complete(rule):
    assert (rule.eps_stands is None) == ("eps" not in rule.hyperparameters())
    assert (rule.decay is None) == ("weight_decay" not in rule.hyperparameters())
    assert all((rule.title, rule.reference, rule.helps, rule.fails, rule.summary()))
    assert all(each.metadata["facts"].about for each in rule.hyperparameters().values())


@every_rule
def test_the_learning_rate_is_searched_within_its_interval(rule):
    searched = {name: each.metadata["facts"].search for name, each in rule.hyperparameters().items()}
    assert searched["lr"]
    for name, (low, high) in ((name, ends) for name, ends in searched.items() if ends):
        assert 0 < low < high
        assert rule(**{name: low}) != rule(**{name: high})


def of_decay(kind):
    return pytest.mark.parametrize("rule", [each for each in RULES.values() if each.decay == kind])


def second_step(rule, state, gradient):
    return rule.update(gradient, START, 2, *state)[0]


@of_decay("coupled")
def test_coupled_weight_decay_is_a_part_of_the_gradient(rule):
    decaying, plain = rule(lr=0.05, weight_decay=0.3), rule(lr=0.05, weight_decay=0.0)
    _, *state = plain.update(GRADIENTS[0], START, 1, *begin(plain, START))
    expected = second_step(plain, state, GRADIENTS[1] + 0.3 * START)
    assert_close(second_step(decaying, state, GRADIENTS[1]), expected)


@of_decay("decoupled")
def test_decoupled_weight_decay_is_a_share_of_the_parameter(rule):
    """Of lr times the decay, or less where the step is an average."""
    decaying, plain = rule(lr=0.05, weight_decay=0.3), rule(lr=0.05, weight_decay=0.0)
    _, *state = plain.update(GRADIENTS[0], START, 1, *begin(plain, START))
    taken = second_step(plain, state, GRADIENTS[1]) - second_step(decaying, state, GRADIENTS[1])
    share = taken / START
    np.testing.assert_allclose(share, share[0, 0], rtol=1e-9)
    assert 0 < share[0, 0] < 0.05 * 0.3 * (1 + 1e-9)


def lines_of_code(thing):
    """Lines of a class or function that hold code: without docstrings, comments and empty lines."""
    source = textwrap.dedent(inspect.getsource(thing))
    words = [
        each for each in tokenize.generate_tokens(io.StringIO(source).readline)
        if each.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    ]  # fmt: skip
    code = {line for each in words if each.string for line in range(each.start[0], each.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            code -= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return len(code)


@every_rule
def test_a_rule_is_at_most_40_lines(rule):
    """As ruff sets them."""
    assert lines_of_code(rule) <= 40


def test_what_counts_as_a_line_of_code():
    @functools.cache
    def five(
        a,
    ):
        """A docstring."""
        # a comment

        return a  # another

    assert lines_of_code(five) == 5


def test_a_label_names_what_is_not_the_default():
    assert SGD(lr=0.6, momentum=0.25).label() == "SGD lr=0.6, momentum=0.25"
