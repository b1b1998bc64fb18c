"""What a rule promises, asked of every rule in `RULES`, so that a new one is tested by being listed there."""

import ast
import functools
import inspect
import io
import textwrap
import tokenize

import pytest

from steepest.base.errors import InvalidValue, SteepestError, UnknownName, UnknownSetting
from steepest.rules import RULES, SGD, Adam, AdamW, Rule, find
from steepest.testing import rule_checks
from steepest.testing.rules import neighbours

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
    "max_size_triangular": {"max_size_triangular": 2},
}
"""What else must be set for a hyperparameter to do anything in ten steps on a small matrix."""

OTHERS = {
    "ADOPT": {"eps": [1.0]},
    "Adafactor": {"eps": [(2.0, 1e-3), (None, 2.0)]},
    "Rprop": {"step_sizes": [(0.02, 50.0), (1e-6, 0.02)]},
    "Muon": {"adjust_lr_fn": ["match_rms_adamw"], "coefficient_type": ["polar_express"], "eps": [10.0]},
    # at its learning rate, coefficients that expand as little as the default's
    "NorMuon": {
        "lr": [0.05],
        "adjust_lr_fn": ["match_rms_adamw"],
        "coefficient_type": ["polar_express"],
        "eps": [10.0],
        "ns_coefficients": [(3.2, -4.775, 2.0315), (3.4445, -4.9, 2.0315), (3.4445, -4.775, 1.9)],
    },
    "SOAP": {"shampoo_beta": [0.5]},
    "Shampoo": {"grafting": ["sgd", None]},
    "PSGDKron": {"memory_save_mode": ["one_diag", "all_diag"]},
}
"""Other values of the hyperparameters for which a number nearby means nothing else."""


def needs_of(rule):
    """The companions that this rule has."""
    return {
        name: {other: value for other, value in needs.items() if other in rule.defaults()}
        for name, needs in COMPANIONS.items()
    }


CHECKS = [
    pytest.param(check, id=f"{rule.__name__}-{name}")
    for rule in RULES.values()
    for name, check in rule_checks(rule, needs_of(rule), OTHERS.get(rule.__name__)).items()
]

ELEMENTWISE = [
    pytest.param(rule(**base | {name: other}), id=f"{rule.__name__}-{name}={other}".replace(" ", ""))
    for rule in RULES.values()
    if rule.elementwise
    for name in rule.defaults()
    for base in [rule.defaults() | needs_of(rule).get(name, {})]
    for other in OTHERS.get(rule.__name__, {}).get(name) or neighbours(base[name])
]
"""Every elementwise rule with another value of each hyperparameter."""

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


@pytest.mark.quick
@pytest.mark.parametrize("check", CHECKS)
def test_every_rule_keeps_the_contract(check):
    check()


# --- hyperparameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"momentum": 0.0}, {"momentum": 0.9, "dampening": 0.3}])
@pytest.mark.parametrize("rule", [each for each in RULES.values() if {"nesterov", "dampening"} <= {*each.defaults()}])
def test_nesterov_needs_undampened_momentum(rule, settings):
    with pytest.raises(InvalidValue, match="nesterov needs momentum > 0 and dampening = 0"):
        rule(nesterov=True, **settings)


def test_the_decay_of_adamw_is_not_a_choice():
    with pytest.raises(UnknownSetting, match="decoupled_weight_decay=False is not possible here: it is always True"):
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
        ("newton", UnknownName, f"unknown rule 'newton'; known: {', '.join(sorted(RULES)[:9])}, "),
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


def test_the_base_is_no_rule():
    with pytest.raises(TypeError, match="abstract"):
        Rule()


# --- size -------------------------------------------------------------------------------------------------------------


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
