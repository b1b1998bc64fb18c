r"""LaTeX of a rule, printed from its program: each new state by itself, then the parameter.

>>> from steepest.rules import Adam
>>> print("\n".join(latex(Adam())))
g_t = \nabla f(x_{t-1})
m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t
v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2
x_t = x_{t-1} - \frac{\eta}{1 - \beta_1^t} \frac{m_t}{\sqrt{\frac{v_t}{1 - \beta_2^t}} + \epsilon}
"""

import inspect
import re
from typing import Any

from .. import landscapes
from ..landscapes import Landscape
from ..ops import is_zero
from ..rules import Rule, Wrapped, find
from ..rules.wrapper import without_decay
from .algebra import Node, apply, leaf, number, print_node
from .gradient import record_gradient
from .record import Operation, Program, Value, inputs_of, record, why_not_recorded

__all__ = ["equations", "expression", "latex", "of_landscape", "symbol_of"]

SPARE = ("c", "d", "r", "k", "q", "w")
"""Letters for parts that a rule uses more than once and gives no name."""

LONG = 4
"""A part used more than once, or chosen by a condition, gets a line of its own if it takes as many operations."""


def latex(rule: str | Rule | type[Rule]) -> list[str]:
    r"""The equations of a rule's step as LaTeX, in order.

    The gradient and each state at step t have a line each, previous values carry the index t-1; the last line is the
    parameter's. Of a rule that has no program (it needs whole tensors, or branches on values) these are the formulas
    that its documentation gives, if any.

    >>> latex("momentum")
    ['g_t = \\nabla f(x_{t-1})', 'v_t = \\mu v_{t-1} + g_t', 'x_t = x_{t-1} - \\eta v_t']
    """
    chosen = find(rule)
    if why_not_recorded(chosen) is not None:
        return _of_wrapped(chosen) if isinstance(chosen, Wrapped) else _documented(type(chosen))
    return [f"{left} = {print_node(right)}" for left, right in equations(chosen)]


def equations(rule: Rule) -> list[tuple[str, Node]]:
    """The equations of an elementwise rule, in order: the symbol at the left as LaTeX, and what it is equal to."""
    return _Reader(rule).equations()


def of_landscape(on: str | Landscape, slopes: bool = True) -> list[str]:
    r"""A landscape's formula and, with `slopes` and where it can be written, its gradient as LaTeX.

    >>> of_landscape("saddle")
    ['f(x, y) = x^2 - y^2', '\\frac{\\partial f}{\\partial x} = 2 x', '\\frac{\\partial f}{\\partial y} = -2 y']
    """
    found = landscapes.find(on)
    letters = [f"{name[0]}_{name[1:]}" if name[1:].isdecimal() else name for name in found.coordinates]
    leaves: dict[str, Node] = {f"x{i}": leaf(letter) for i, letter in enumerate(letters)}
    program = Program()
    value = found.formula(*(program.input(name, uniform=False) for name in leaves))
    lines = [f"f({', '.join(letters)}) = {print_node(expression(program, dict(leaves), value))}"]
    gradient = record_gradient(found) if slopes else None
    for letter, part in zip(letters, gradient.outputs.values() if gradient else (), strict=gradient is not None):
        text = print_node(expression(gradient, dict(leaves), part))  # type: ignore[arg-type]
        lines.append(rf"\frac{{\partial f}}{{\partial {letter}}} = {text}")
    return lines


def expression(program: Program, leaves: dict[str, Node], value: Any) -> Node:
    """A value of a program in terms of leaves, by the name of an input or result; results are added to them."""
    if not isinstance(value, Value):
        return number(value)
    if value.name not in leaves:
        operation = next(operation for operation in program.operations if operation.result is value)
        operands = [expression(program, leaves, operand) for operand in operation.operands]
        same = operation.kind == "where" and operands[1] == operands[2]
        leaves[value.name] = operands[1] if same else apply(operation.kind, *operands)
    return leaves[value.name]


def symbol_of(rule: Rule, name: str) -> str:
    """LaTeX of a state or of a hyperparameter, which may be one of a tuple (`betas_0`)."""
    symbols: dict[str, str | None] = dict(rule.symbols)
    for setting, field in rule.hyperparameters().items():
        symbols |= inputs_of(setting, field.metadata["facts"].symbol)
    plain = r"\mathrm{" + name.replace("_", r"\_") + "}"
    return symbols.get(name) or plain


def at(symbol: str, index: str) -> str:
    """A state's symbol at a step: `m_t`, `m_{t-1}`; a symbol with an index keeps it: `m_{1,t}`."""
    stem, own = [*re.split(r"(?<!\\)_", symbol, maxsplit=1), ""][:2]
    inside = f"{own.strip('{}')},{index}" if own else index
    return f"{stem}_{inside}" if len(inside) == 1 else f"{stem}_{{{inside}}}"


DECAY = r" - \eta \lambda x_{t-1}"
"""The decay that a wrapper's formula adds to its step, where the rule inside decays apart."""


def _of_wrapped(rule: Wrapped) -> list[str]:
    """The formulas of the rule inside, on another gradient or with another step, and those of the wrapper."""
    own = [_primed(line, rule) for line in _documented(rule.wrapper_class)]
    if rule.is_of_gradient:
        return [*own, *(line.replace(r"\nabla f(x_{t-1})", r"\hat g_t") for line in latex(rule.inner))]
    bare = rule.inner
    is_apart = bare.decays_apart and any(r"\lambda" in line for line in own)  # the wrapper decays in its own way
    if not is_apart or is_zero(bare.weight_decay):  # type: ignore[attr-defined]
        own = [line.removesuffix(DECAY) for line in own]
    if is_apart:
        bare = without_decay(bare)
    inside = [re.sub("^x_t =", lambda _: r"\tilde x_t =", line) for line in latex(bare)]
    if is_apart:  # a formula of the documentation says the decay whatever its value
        inside = [line.replace(r"(1 - \eta \lambda) x_{t-1}", "x_{t-1}") for line in inside]
    return [*inside, r"\Delta_t = \tilde x_t - x_{t-1}", *own]


def _primed(line: str, rule: Wrapped) -> str:
    """A line of the wrapper's documentation with the symbols that its settings and states have in this rule."""
    pairs = [
        (setting.metadata["facts"].symbol, symbol_of(rule, rule.own_settings[name]))
        for name, setting in rule.wrapper_class.settings().items()
    ]
    pairs += [(symbol, rule.symbols[rule.own_states[name]]) for name, symbol in rule.wrapper_class.symbols.items()]
    for plain, here in pairs:
        if here != plain:
            before = "" if plain.startswith("\\") else r"(?<![A-Za-z\\])"
            line = re.sub(f"{before}{re.escape(plain)}(?![A-Za-z])", lambda _, here=here: here, line)  # type: ignore[misc]
    return line


def _documented(described: type) -> list[str]:
    """The formulas in the documentation of a class."""
    text = " ".join((inspect.getdoc(described) or "").split())
    return [
        line.strip().rstrip(",.").strip()
        for block in re.findall(r"\$\$(.*?)\$\$", text)
        for line in block.split(r"\qquad")
    ]


# --- from a program to equations --------------------------------------------------------------------------------------


class _Reader:
    """Names the values of a program that get a line of their own, and writes the lines."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.program = record(rule)
        self.operations = self.program.needed()
        self.gradient = _decayed_gradient(self.program)
        self.named: dict[str, str] = {}  # results with a line of their own
        for name, value in self.program.outputs.items():
            if name != "delta" and isinstance(value, Value) and value.name.startswith("%"):
                self.named.setdefault(value.name, at(symbol_of(rule, name), "t"))
        self._name_repeated()

    def equations(self) -> list[tuple[str, Node]]:
        gradient: Node = leaf(r"\nabla f(x_{t-1})")
        if self.gradient is not None:
            gradient = expression(self.program, self._leaves({"grad": gradient}), self.gradient.result)
        named = {
            self.named[operation.result.name]: self._body(operation)
            for operation in self.operations
            if operation.result.name in self.named
        }
        states = {
            at(symbol_of(self.rule, name), "t"): expression(self.program, self._leaves(), value)
            for name, value in self.program.outputs.items()
            if name != "delta" and not (isinstance(value, Value) and value.name in self.named)
        }
        before, delta = leaf("x_{t-1}"), expression(self.program, self._leaves(), self.program.outputs["delta"])
        return [("g_t", gradient), *named.items(), *states.items(), ("x_t", apply("add", before, delta))]

    def _leaves(self, more: dict[str, Node] | None = None) -> dict[str, Node]:
        """How inputs and named results are written."""
        states = {*self.program.states, *self.program.numbers}
        leaves: dict[str, Node] = {"step": leaf("t", uniform=True), "grad": leaf("g_t"), "param": leaf("x_{t-1}")}
        for name, value in self.program.inputs.items():
            symbol = symbol_of(self.rule, name)
            leaves.setdefault(name, leaf(at(symbol, "t-1") if name in states else symbol, value.uniform))
        for operation in self.operations:
            if operation.result.name in self.named:
                leaves[operation.result.name] = leaf(self.named[operation.result.name], operation.result.uniform)
        if self.gradient is not None:
            leaves[self.gradient.result.name] = leaves["grad"]
        if more is not None and self.gradient is not None:
            del leaves[self.gradient.result.name]
        return leaves | (more or {})

    def _body(self, operation: Operation) -> Node:
        """What a named result is equal to; a first step that the rest gives anyway is left out."""
        leaves = self._leaves()
        del leaves[operation.result.name]
        if operation.kind == "where" and _is_first_step(self.program, operation.operands[0]):
            at_start = self._leaves({name: number(start) for name, start in self.program.initial.items()
                                     if isinstance(start, int | float)})  # fmt: skip
            if self.gradient is not None:
                at_start[self.gradient.result.name] = leaves["grad"]
            then, otherwise = operation.operands[1:]
            if expression(self.program, at_start, then) == expression(self.program, at_start, otherwise):
                return expression(self.program, leaves, otherwise)
        return expression(self.program, leaves, operation.result)

    def _name_repeated(self) -> None:
        taken = {symbol_of(self.rule, name).partition("_")[0] for name in self.program.inputs} | {"x", "g", "t", "f"}
        spare = iter(letter for letter in SPARE if letter not in taken)
        for operation in self.operations:
            value = operation.result
            uses = sum(operand is value for other in self.operations for operand in other.operands)
            uses += sum(output is value for output in self.program.outputs.values())
            known = value.name in self.named or operation is self.gradient
            if (uses > 1 or operation.kind == "where") and not known and self._size(value) >= LONG:
                self.named[value.name] = at(next(spare), "t")

    def _size(self, value: Any) -> int:
        """How many operations a reader would see."""
        if not isinstance(value, Value) or not value.name.startswith("%") or value.name in self.named:
            return 0
        if self.gradient is not None and value is self.gradient.result:
            return 0
        operation = next(operation for operation in self.operations if operation.result is value)
        return 1 + sum(map(self._size, operation.operands))


def _is_first_step(program: Program, condition: Any) -> bool:
    return any(
        operation.result is condition and operation.kind == "eq" and operation.operands[0] is program.inputs["step"]
        for operation in program.operations
    )


def _decayed_gradient(program: Program) -> Operation | None:
    """The sum through which alone the gradient enters, of gradient and parameter: weight decay."""
    inside = {"grad", "param"}
    users = [
        operation
        for operation in program.needed()
        if any(value is program.inputs["grad"] for value in operation.operands)
    ]
    for operation in program.needed():
        values = [operand for operand in operation.operands if isinstance(operand, Value)]
        if operation.result.uniform or not all(operand.uniform or operand.name in inside for operand in values):
            continue
        inside.add(operation.result.name)
        if operation.kind == "add" and operation in users and len(values) == 2:
            return operation if len(users) == 1 and operation.result is not program.outputs["delta"] else None
    return None
