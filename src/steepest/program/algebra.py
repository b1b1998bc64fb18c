"""Expressions that are made to be read: sums of products, in the order in which they were written.

A recorded program becomes such an expression by exact rewriting only: signs and numbers are drawn together, what is
multiplied by 0 goes, equal factors become a power, equal terms one.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .operations import OPERATIONS

__all__ = ["ONE", "Call", "Leaf", "Node", "Power", "Product", "Sum", "apply", "leaf", "number", "print_node"]


@dataclass(frozen=True)
class Leaf:
    """A symbol, as LaTeX; `uniform` symbols (hyperparameters, the step) stand before the others in a product."""

    text: str
    uniform: bool = False


@dataclass(frozen=True)
class Call:
    """A function or a comparison, by the name that it has in a program."""

    kind: str
    operands: tuple["Node", ...]

    @property
    def uniform(self) -> bool:
        return all(operand.uniform for operand in self.operands)


@dataclass(frozen=True)
class Power:
    """A base with an exponent that is no plain number."""

    base: "Node"
    exponent: "Node"

    @property
    def uniform(self) -> bool:
        return self.base.uniform and self.exponent.uniform


@dataclass(frozen=True)
class Product:
    """A number times bases with plain numbers as exponents; a number alone has no bases."""

    factor: float
    powers: tuple[tuple["Base", float], ...] = ()

    @property
    def uniform(self) -> bool:
        return all(base.uniform for base, _ in self.powers)


@dataclass(frozen=True)
class Sum:
    """At least two terms, of different powers."""

    terms: tuple[Product, ...]

    @property
    def uniform(self) -> bool:
        return all(term.uniform for term in self.terms)


Base = Leaf | Call | Power | Sum
Node = Product | Sum

ONE = Product(1.0)


def number(value: float) -> Product:
    """A plain number."""
    return Product(float(value))


def leaf(text: str, uniform: bool = False) -> Product:
    """A symbol."""
    return Product(1.0, ((Leaf(text, uniform), 1),))


def apply(kind: str, *operands: Node) -> Node:
    """The result of one operation of a program."""
    if kind in REWRITTEN:
        return REWRITTEN[kind](*operands)
    if kind in ("maximum", "minimum") and all(_is_number(operand) for operand in operands):
        return (max if kind == "maximum" else min)(operands, key=lambda each: each.factor)  # type: ignore[union-attr]
    return Product(1.0, ((Call(kind, operands), 1),))


def _add(a: Node, b: Node) -> Node:
    terms: dict[Any, Product] = {}
    for term in (*_terms(a), *_terms(b)):
        known = terms.get(term.powers, Product(0.0))
        terms[term.powers] = Product(known.factor + term.factor, term.powers)
    left = tuple(term for term in terms.values() if term.factor != 0)
    if not left:
        return number(0)
    return left[0] if len(left) == 1 else Sum(left)


def _multiply(a: Node, b: Node) -> Node:
    first, second = _product(a), _product(b)
    factor = first.factor * second.factor
    if factor == 0:
        return number(0)
    exponents: dict[Base, float] = {}
    for base, exponent in (*first.powers, *second.powers):
        exponents[base] = exponents.get(base, 0) + exponent
    powers = tuple((base, exponent) for base, exponent in exponents.items() if exponent != 0)
    if len(powers) == 1 and factor == 1 and powers[0][1] == 1 and isinstance(powers[0][0], Sum):
        return powers[0][0]
    return Product(factor, powers)


def _negate(a: Node) -> Node:
    return _multiply(number(-1), a)


def _divide(a: Node, b: Node) -> Node:
    below = _product(b)
    if below.factor == 0:
        return Product(1.0, ((Call("truediv", (a, b)), 1),))
    return _multiply(a, Product(1 / below.factor, tuple((base, -exponent) for base, exponent in below.powers)))


def _power(base: Node, exponent: Node) -> Node:
    if not (_is_number(exponent) and isinstance(exponent, Product)):
        return Product(1.0, ((Power(base, exponent), 1),))
    if exponent.factor == 0:
        return ONE
    inner, times = _product(base), exponent.factor
    if times.is_integer() and inner.factor != 0:
        return Product(inner.factor**times, tuple((power, old * times) for power, old in inner.powers))
    return Product(1.0, ((Power(base, exponent), 1),))


REWRITTEN: dict[str, Callable[..., Node]] = {
    "add": _add,
    "sub": lambda a, b: _add(a, _negate(b)),
    "mul": _multiply,
    "neg": _negate,
    "truediv": _divide,
    "pow": _power,
}


def _terms(node: Node) -> tuple[Product, ...]:
    return node.terms if isinstance(node, Sum) else (node,)


def _product(node: Node) -> Product:
    return Product(1.0, ((node, 1),)) if isinstance(node, Sum) else node


def _is_number(node: Node) -> bool:
    return isinstance(node, Product) and not node.powers


# --- as LaTeX ---------------------------------------------------------------------------------------------------------


def print_node(node: Node) -> str:
    """An expression as LaTeX; a sum begins with its first plus."""
    if isinstance(node, Product):
        return ("-" if node.factor < 0 else "") + _print_product(node)
    plus = next((term for term in node.terms if term.factor > 0), node.terms[0])
    first, rest = plus, [term for term in node.terms if term is not plus]
    return print_node(first) + "".join((" - " if term.factor < 0 else " + ") + _print_product(term) for term in rest)


def _print_product(node: Product) -> str:
    """A product without its sign: hyperparameters, then the rest; two fractions where both have something above."""
    size = abs(node.factor)
    whole = [(base, exponent) for base, exponent in node.powers if base.uniform]
    rest = [(base, exponent) for base, exponent in node.powers if not base.uniform]
    if _above(whole) and _above(rest) and any(exponent < 0 for _, exponent in rest):
        return f"{_fraction(size, whole)} {_fraction(1.0, rest)}"
    return _fraction(size, [*whole, *rest])


def _above(powers: Iterable[tuple[Any, float]]) -> list[tuple[Any, float]]:
    return [power for power in powers if power[1] > 0]


def _fraction(size: float, powers: Sequence[tuple[Any, float]]) -> str:
    above, below = _above(powers), [(base, -exponent) for base, exponent in powers if exponent < 0]
    share = Fraction(size).limit_denominator(9) if math.isfinite(size) else Fraction(1)
    long = share.numerator == 1 or len(repr(size)) > 8  # 0.1 and 2.5 stay, 1/4 and 4/3 are better so
    if share.denominator > 1 and math.isclose(share, size, rel_tol=1e-15) and long and powers:
        top, bottom = float(share.numerator), float(share.denominator)
        return rf"\frac{{{_factors(top, above, True)}}}{{{_factors(bottom, below, True)}}}"
    if not below:
        return _factors(size, above, False)
    return rf"\frac{{{_factors(size, above, True)}}}{{{_factors(1.0, below, True)}}}"


def _factors(size: float, powers: Sequence[tuple[Any, float]], enclosed: bool) -> str:
    if size == 1 and len(powers) == 1 and enclosed and powers[0][1] == 1 and isinstance(powers[0][0], Sum):
        return print_node(powers[0][0])
    parts = [] if size == 1 and powers else [_number(size)]
    for base, exponent in powers:
        text = _base(base) if exponent == 1 else f"{_base(base, raised=True)}^{_script(_number(exponent))}"
        parts.append(rf"\cdot {text}" if parts and text[0].isdigit() else text)
    return " ".join(parts)


def _base(base: Any, raised: bool = False) -> str:
    match base:
        case Leaf():
            return _bracket(base.text) if raised and ("^" in base.text or "(" in base.text) else base.text
        case Sum():
            return _bracket(print_node(base))
        case Power():
            text = f"{_power_base(base.base)}^{_script(print_node(base.exponent))}"
            return _bracket(text) if raised else text
        case Call(kind="where") if raised:
            return _bracket(_call(base))
        case Call():
            return _call(base)
    raise TypeError(base)


def _power_base(node: Node) -> str:
    if isinstance(node, Product) and node.factor == 1 and len(node.powers) == 1 and node.powers[0][1] == 1:
        return _base(node.powers[0][0], raised=True)
    if isinstance(node, Product) and not node.powers and node.factor >= 0:
        return _number(node.factor)
    return _bracket(print_node(node))


def _call(call: Call) -> str:
    texts, latex = [print_node(operand) for operand in call.operands], OPERATIONS[call.kind].latex
    return latex.format(*texts) if "{0}" in latex else latex + _bracket(", ".join(texts))


def _bracket(text: str) -> str:
    return rf"\left({text}\right)" if r"\frac" in text or r"\begin" in text else f"({text})"


def _script(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


def _number(value: float) -> str:
    """A number as people write it: 100, 0.05, 10^{-8}, and multiples of pi and e as such."""
    if value < 0:
        return f"-{_number(-value)}"
    if not math.isfinite(value):
        return r"\infty" if value > 0 else r"\mathrm{NaN}"
    text = repr(int(value)) if float(value).is_integer() and value < 1e7 else f"{value:.6g}"
    if float(text) != value:
        for constant, name in ((math.pi, r"\pi"), (math.pi**2, r"\pi^2"), (math.e, "e")):
            share = Fraction(value / constant).limit_denominator(1000)
            if share and math.isclose(float(share) * constant, value, rel_tol=1e-14):
                return name if share == 1 else f"{_number(float(share))} {name}"
    digits, _, power = text.partition("e")
    if not power:
        return digits
    tens = f"10^{{{int(power)}}}"
    return tens if digits == "1" else rf"{digits} \cdot {tens}"
