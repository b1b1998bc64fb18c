"""LaTeX of rules and landscapes: as printed, and read back and computed, equal to the rule itself."""

import math
import operator
import re

import numpy as np
import pytest

import steepest
from steepest.landscapes import LANDSCAPES
from steepest.ops import where
from steepest.program.algebra import apply, leaf, number, print_node
from steepest.program.latex import latex, of_landscape, symbol_of
from steepest.rules import RULES, SGD, Adagrad, Adam, RMSprop

from ..rules.test_rules import ELEMENTWISE

MOMENTS = [
    r"g_t = \nabla f(x_{t-1})",
    r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t",
    r"v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2",
]
ADAM = r"x_{t-1} - \frac{\eta}{1 - \beta_1^t} \frac{m_t}{\sqrt{\frac{v_t}{1 - \beta_2^t}} + \epsilon}"

EXPECTED = {
    "sgd": [r"g_t = \nabla f(x_{t-1})", r"x_t = x_{t-1} - \eta g_t"],
    "sgd(weight_decay=0.1)": [r"g_t = \nabla f(x_{t-1}) + \lambda x_{t-1}", r"x_t = x_{t-1} - \eta g_t"],
    "momentum": [r"g_t = \nabla f(x_{t-1})", r"v_t = \mu v_{t-1} + g_t", r"x_t = x_{t-1} - \eta v_t"],
    "sgd(momentum=0.9, dampening=0.1)": [
        r"g_t = \nabla f(x_{t-1})",
        r"v_t = \begin{cases} g_t & \text{if } t = 1 \\ \mu v_{t-1} + (1 - \tau) g_t & \text{otherwise} \end{cases}",
        r"x_t = x_{t-1} - \eta v_t",
    ],
    "adagrad": [
        r"g_t = \nabla f(x_{t-1})",
        r"s_t = s_{t-1} + g_t^2",
        r"x_t = x_{t-1} - \eta \frac{g_t}{\sqrt{s_t} + \epsilon}",
    ],
    "rmsprop": [
        r"g_t = \nabla f(x_{t-1})",
        r"s_t = \alpha s_{t-1} + (1 - \alpha) g_t^2",
        r"x_t = x_{t-1} - \eta \frac{g_t}{\sqrt{s_t} + \epsilon}",
    ],
    "rmsprop(centered=True, eps_inside_sqrt=True)": [
        r"g_t = \nabla f(x_{t-1})",
        r"s_t = \alpha s_{t-1} + (1 - \alpha) g_t^2",
        r"\bar g_t = \alpha \bar g_{t-1} + (1 - \alpha) g_t",
        r"x_t = x_{t-1} - \eta \frac{g_t}{\sqrt{\max(s_t - \bar g_t^2, 0) + \epsilon}}",
    ],
    "adam": [*MOMENTS, f"x_t = {ADAM}"],
    "adamw": [*MOMENTS, rf"x_t = {ADAM} - \eta \lambda x_{{t-1}}"],
}


@pytest.mark.quick
@pytest.mark.parametrize("rule", EXPECTED)
def test_expected_lines(rule):
    assert latex(rule) == EXPECTED[rule]
    assert steepest.latex(rule) == EXPECTED[rule]


# --- reading LaTeX back -----------------------------------------------------------------------------------------------


class Reader:
    """Computes one side of an equation, given the values of its symbols; knows only what may be printed."""

    FUNCTIONS = {r"\max": max, r"\min": min, r"\exp": math.exp, r"\log": math.log, r"\sin": math.sin, r"\cos": math.cos,
                 r"\tan": math.tan, r"\sinh": math.sinh, r"\cosh": math.cosh, r"\arctan": math.atan,
                 r"\tanh": math.tanh, r"\operatorname{sign}": lambda x: (x > 0) - (x < 0),
                 r"\operatorname{mod}": operator.mod}  # fmt: skip
    FIXED = (r"\begin{cases}", r"\end{cases}", r"\text{if }", r"\text{otherwise}", r"\left", r"\right", r"\frac",
             r"\lfloor", r"\rfloor", r"\sqrt", r"\cdot", r"\le", r"\ge", r"\ne", "\\\\", *FUNCTIONS)  # fmt: skip
    SIGNS = {"<": lambda a, b: a < b, ">": lambda a, b: a > b, "=": lambda a, b: a == b, r"\le": lambda a, b: a <= b,
             r"\ge": lambda a, b: a >= b, r"\ne": lambda a, b: a != b}  # fmt: skip

    def __init__(self, text, values):
        self.values = values | {r"\pi": math.pi}
        known = sorted([*self.FIXED, *self.values], key=len, reverse=True)
        ends = [re.escape(each) + (r"(?![A-Za-z])" if re.fullmatch(r"\\[A-Za-z]+", each) else "") for each in known]
        self.tokens = re.findall("|".join([*ends, r"\d+(?:\.\d+)?", r"\S"]), text)
        self.place = 0

    def compute(self):
        value = self.total()
        assert self.place == len(self.tokens), f"left: {self.tokens[self.place :]}"
        return value

    def next(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *expected):
        token = self.next()
        assert not expected or token in expected, f"{token!r}, expected {expected}, in {self.tokens}"
        self.place += 1
        return token

    def total(self):
        value = -self.times() if self.next() == "-" and self.take() else self.times()
        while self.next() in ("+", "-"):
            value = value + self.times() if self.take() == "+" else value - self.times()
        return value

    def times(self):
        value = self.factor()
        while self.next() and self.next() not in ("+", "-", ")", "}", ",", "&", "\\\\", r"\right", r"\rfloor", "|",
                                                  r"\end{cases}", *self.SIGNS):  # fmt: skip
            if self.next() == r"\cdot":
                self.take()
            value *= self.factor()
        return value

    def factor(self):
        base = self.atom()
        if self.next() != "^":
            return base
        self.take("^")
        return base ** (self.braces() if self.next() == "{" else self.atom())

    def braces(self):
        self.take("{")
        value = self.total()
        self.take("}")
        return value

    def atom(self):
        token = self.take()
        if token in self.values:
            return self.values[token]
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return float(token)
        if token in self.FUNCTIONS:
            return self.FUNCTIONS[token](*self.arguments())
        match token:
            case r"\frac":
                return self.braces() / self.braces()
            case r"\lfloor":
                value = math.floor(self.total())
                self.take(r"\rfloor")
                return value
            case r"\sqrt":
                return math.sqrt(self.braces())
            case r"\begin{cases}":
                return self.cases()
            case r"\left" | "(":
                return self.bracket("(" if token == "(" else self.take("(", "|"))
        raise AssertionError(f"{token!r} in {self.tokens}")

    def arguments(self):
        if self.next() == r"\left":
            self.take()
        self.take("(")
        values = [self.total()]
        while self.next() == ",":
            self.take()
            values.append(self.total())
        if self.next() == r"\right":
            self.take()
        self.take(")")
        return values

    def bracket(self, opened):
        value = self.total()
        if self.next() == r"\right":
            self.take()
        self.take({"(": ")", "|": "|"}[opened])
        return abs(value) if opened == "|" else value

    def cases(self):
        first = self.total()
        self.take("&")
        self.take(r"\text{if }")
        left = self.total()
        holds = self.SIGNS[self.take(*self.SIGNS)](left, self.total())
        self.take("\\\\")
        second = self.total()
        self.take("&")
        self.take(r"\text{otherwise}")
        self.take(r"\end{cases}")
        return first if holds else second


def at(symbol, index):
    stem, _, own = symbol.partition("_")
    inside = f"{own.strip('{}')},{index}" if own else index
    return f"{stem}_{inside}" if len(inside) == 1 else f"{stem}_{{{inside}}}"


def run_equations(lines, values):
    """Each line in turn; what stands on its left becomes known."""
    for line in lines:
        name, _, text = line.partition(" = ")
        values[name] = Reader(text, values).compute()
    return values


def values_of(rule):
    for name in rule.hyperparameters():
        value = getattr(rule, name)
        if isinstance(value, tuple):
            yield from ((symbol_of(rule, f"{name}_{i}"), each) for i, each in enumerate(value))
        elif not isinstance(value, bool):
            yield symbol_of(rule, name), value


@pytest.mark.parametrize("rule", ELEMENTWISE)
def test_what_is_printed_computes_the_rule(rule):
    """From zero at the first step, and from anywhere later."""
    lines, rng = latex(rule), np.random.default_rng(5)
    for step in (1, 2, 9, 40):
        grad, param = rng.normal(size=2).tolist()
        state = rule.init(param)
        if step > 1:
            state = {name: None if start is None else rng.uniform(0.5, 0.9) for name, start in state.items()}
        delta, *new = rule.update(grad, param, step, *state.values())
        known = dict(values_of(rule)) | {"t": float(step), "x_{t-1}": param, r"\nabla f(x_{t-1})": grad}
        known |= {at(rule.symbols[name], "t-1"): value for name, value in state.items() if value is not None}
        found = run_equations(lines, known)
        assert found["x_t"] == pytest.approx(param + delta, rel=1e-12)
        for name, value in zip(state, new, strict=True):
            if value is not None:
                assert found[at(rule.symbols[name], "t")] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_what_is_printed_computes_the_landscape(name):
    landscape = LANDSCAPES[name]
    low, high = np.array(landscape.window).T
    for share in ([0.31, 0.83], [0.9, 0.17], [0.55, 0.62]):
        x = low + (high - low) * np.array(share[: landscape.dims])
        known = dict(zip("xy", x.tolist(), strict=False))
        computed = [Reader(line.partition(" = ")[2], known).compute() for line in of_landscape(name)]
        # six digits are printed of each number
        scale = 1e-4 * (1 + np.abs(x).max())
        assert computed[0] == pytest.approx(landscape(*x), rel=1e-4, abs=scale)
        assert computed[1:] == pytest.approx(landscape.gradient(x), rel=1e-4, abs=scale)


# --- how it reads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ELEMENTWISE)
def test_nothing_redundant_is_printed(rule):
    text = "\n".join(latex(rule))
    for ugly in ("+ -", "- -", "--", "((", "1.0", "+ 0", "}{1}", r"\cdot", "  ", "%"):
        assert ugly not in text, text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if not rule.elementwise])
def test_a_rule_of_whole_tensors_shows_what_it_documents(name):
    lines = latex(name)
    assert lines
    assert lines[-1].startswith("x_t = ")
    assert not any("$" in line or r"\qquad" in line or line.endswith(",") for line in lines)


def test_states_without_a_symbol_have_their_name():
    class Nameless(SGD):
        symbols = {}

    assert latex(Nameless(momentum=0.5))[1] == (
        r"\mathrm{momentum\_buffer}_t = \mu \mathrm{momentum\_buffer}_{t-1} + g_t"
    )


def test_settings_change_the_lines():
    assert r"\hat v_t = \max(\hat v_{t-1}, v_t)" in latex(Adam(amsgrad=True))
    assert latex(Adagrad(lr_decay=0.1))[-1] == (
        r"x_t = x_{t-1} - \frac{\eta}{1 + (t - 1) \kappa} \frac{g_t}{\sqrt{s_t} + \epsilon}"
    )
    assert r"b_t = \mu b_{t-1} + \frac{g_t}{\sqrt{s_t} + \epsilon}" in latex(RMSprop(momentum=0.5))
    assert latex(SGD(momentum=0.5, nesterov=True))[-1] == r"x_t = x_{t-1} - \eta (g_t + \mu v_t)"


def test_only_a_first_step_is_left_out():
    """A choice by value stays, though both of its sides are the same while the state is 0."""

    class Choosy(SGD):
        def update(self, grad, param, step, momentum_buffer):
            velocity = where(grad > 1, self.momentum * momentum_buffer + grad, momentum_buffer + grad)
            return -self.lr * velocity, velocity

    assert latex(Choosy(momentum=0.5))[1] == (
        r"v_t = \begin{cases} \mu v_{t-1} + g_t & \text{if } g_t > 1 \\ v_{t-1} + g_t & \text{otherwise} \end{cases}"
    )


A, B = leaf("a"), leaf("b")

PRINTED = {
    "(a^b)^2": apply("mul", leaf("a^b"), leaf("a^b")),
    "(a + b)^2": apply("mul", apply("add", A, B), apply("add", A, B)),
    "-2 a": apply("mul", number(-2), A),
    "b - a": apply("sub", B, A),
    "-(a + b)": apply("neg", apply("add", A, B)),
    "a": apply("mul", apply("truediv", A, B), B),
    "2 a": apply("add", A, A),
    "0": apply("sub", A, A),
    r"\frac{1}{a + b}": apply("truediv", number(1), apply("add", A, B)),
    r"\frac{a}{3}": apply("truediv", A, number(3)),
    r"3 \cdot 2^a": apply("mul", number(3), apply("pow", number(2), A)),
    r"(-2)^a": apply("pow", number(-2), A),
    r"(2^a)^b": apply("pow", apply("pow", number(2), A), B),
    r"10^{-8} a": apply("mul", number(1e-8), A),
    r"2.5 \cdot 10^{-7}": number(2.5e-7),
    r"\pi": number(math.pi),
    r"\max\left(\frac{a}{b}, 1\right)": apply("maximum", apply("truediv", A, B), number(1)),
}


@pytest.mark.parametrize("text", PRINTED)
def test_expressions(text):
    assert print_node(PRINTED[text]) == text
