"""The largest stable learning rate as a formula: where the linear step has an eigenvalue -1, 1 or a pair of size 1."""

from dataclasses import replace
from typing import Any

import sympy

from ..rules import Rule
from .algebra import Node, apply, leaf, number, print_node
from .evaluate import interpret
from .latex import symbol_of
from .linear_step import LATE, Step
from .operations import OPERATIONS

__all__ = ["closed_form"]

CURVATURE = sympy.Symbol("h", positive=True)


def closed_form(rule: Rule, step: Step, limit: float) -> str | None:
    """LaTeX of the stability limit, whose value at curvature 1 is `limit`.

    None if it is no short root of one of the equations det(M + 1) = 0, det(M - 1) = 0 and det M = 1.
    """
    symbols = {name: sympy.Symbol(symbol_of(rule, name), positive=True) for name in step.settings | {"lr": 1}}
    numbers = {symbols[name]: value for name, value in step.settings.items()} | {CURVATURE: 1.0}
    zero = {symbol: 0 for name, symbol in symbols.items() if name.partition("_")[0] == "eps"}
    matrix = _matrix(step, {name: zero.get(symbol, symbol) for name, symbol in symbols.items()})
    if matrix is None:
        return None
    one = sympy.eye(matrix.rows)
    for condition in ((matrix + one).det(), (matrix - one).det(), matrix.det() - 1):
        for root in _roots(condition, symbols["lr"]):
            value = sympy.N(root.subs(numbers))
            if value.is_real and abs(value - limit) < 1e-9 * limit:
                return print_node(_node(root))
    return None


def _matrix(step: Step, settings: dict[str, Any]) -> Any:
    """The linear step in symbols; None if it is not one."""
    state = sympy.symbols(f"u:{1 + len(step.moving)}", real=True)
    new = step(state, CURVATURE, settings | {"step": sympy.Integer(LATE)}, _late(step))
    matrix = sympy.Matrix(new).jacobian(state).subs(dict.fromkeys(state, 0))
    kinds = {type(part) for entry in matrix for part in sympy.preorder_traversal(entry)}
    plain = all(issubclass(kind, sympy.Symbol | sympy.Number | sympy.Add | sympy.Mul | sympy.Pow) for kind in kinds)
    return matrix.applyfunc(lambda entry: sympy.simplify(sympy.nsimplify(entry, rational=True))) if plain else None


def _late(step: Step) -> dict[str, Any]:
    """Results that are decided by the step being late: powers that have vanished, and conditions."""
    uniform = step.program.uniform()
    program = replace(step.program, outputs={operation.result.name: operation.result for operation in uniform})
    given = step.settings | {"lr": 1.0, "step": float(LATE)} | step.frozen
    values = interpret(program, given, step.still())
    decided: dict[str, Any] = {operation.result.name: sympy.Integer(0) for operation in uniform
                               if operation.kind == "pow" and values[operation.result.name] == 0}  # fmt: skip
    conditions = [operation.result.name for operation in uniform if OPERATIONS[operation.kind].condition]
    return decided | {name: bool(values[name]) for name in conditions}


def _roots(condition: Any, lr: Any) -> list[Any]:
    """The learning rates that make a polynomial of the learning rate 0, if they are simple to write."""
    numerator = sympy.fraction(sympy.together(condition))[0]
    polynomial = sympy.Poly(numerator, lr)
    return [sympy.factor(root) for root in sympy.solve(polynomial.as_expr(), lr)] if 0 < polynomial.degree() < 3 else []


def _node(expression: Any) -> Node:
    """A fraction of products."""
    above, below = (sympy.Mul.make_args(part) for part in sympy.fraction(expression))
    node: Node = number(1)
    for factors, kind in ((above, "mul"), (below, "truediv")):
        for factor in factors:
            base, exponent = factor.as_base_exp()
            node = apply(kind, node, apply("pow", _base(base), number(float(exponent))))
    return node


def _base(base: Any) -> Node:
    """A sum begins with a number or a plus, and has more of plus than of minus."""
    if base.is_number:
        return number(float(base))
    if base.is_Symbol:
        return leaf(base.name, uniform=True)
    if not base.is_Add:
        return _node(base)
    content, inner = base.primitive()
    terms = sorted(inner.args, key=lambda term: (not term.is_number, str(term)))
    minus = [term.could_extract_minus_sign() for term in terms]
    sign = -1 if sum(minus) * 2 + minus[0] > len(terms) else 1
    terms.sort(key=lambda term: (not term.is_number, (sign * term).could_extract_minus_sign()))
    total: Node = number(0)
    for term in terms:
        total = apply("add", total, _node(sign * term))
    return apply("mul", number(sign * float(content)), total)
