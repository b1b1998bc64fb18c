r"""JavaScript of rules and landscapes, printed from the same programs as every other engine, for pages in a browser.

What is printed is the inside of an object. It does the same float64 operations in the same order as Python; only `pow`,
`exp`, `sin` and their kin may round the last digit differently.

    >>> from steepest.rules import SGD
    >>> print("\n".join(functions(SGD())))
      init(h, x) {
        return {
        };
      },
      step(h, grad, x, state, t) {
        const h_lr = h.lr;
        const v0 = -h_lr;
        for (let i = 0; i < x.length; i++) {
          const g = grad[i], p = x[i];
          x[i] = p + (v0 * g);
        }
      },
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..base.errors import InvalidValue
from ..landscapes import Landscape
from ..rules import Rule
from .algebra import Call, Leaf, Node, Power, Sum
from .gradient import record_gradient, record_hessian
from .linear_step import Step
from .operations import OPERATIONS
from .record import Operation, Program, Value, inputs_of, record

__all__ = ["equation", "functions", "landscape_functions", "linear_step", "value_function"]


def functions(rule: Rule) -> list[str]:
    """The lines of `init` and `step` of a rule with these switches; what is exactly 0 is left out.

    `init(h, x)` gives the state of the parameter `x` (an array) for the hyperparameters `h`: an array for each state's
    name, of one number for those that are one number a parameter. `step(h, grad, x, state, t)` changes `x` and `state`
    in place; `t` counts from 1.

    Raises:
        InvalidValue: the rule needs whole tensors.
    """
    program = record(rule)
    return [
        "  init(h, x) {",
        *_indent(4, _init(program, _sources(rule))),
        "  },",
        "  step(h, grad, x, state, t) {",
        *_indent(4, _step(program, _sources(rule))),
        "  },",
    ]


def value_function(found: Landscape) -> list[str]:
    """The lines of `f`, a landscape's value, which takes the coordinates as numbers."""
    value = Program()
    value.outputs = {"f": found.formula(*(value.input(f"x{i}", uniform=False) for i in range(found.dims)))}
    return _function("f", value)


def landscape_functions(found: Landscape) -> list[str]:
    """The lines of `f`, `grad` (an array) and `hessian` (an array of rows).

    Raises:
        InvalidValue: a derivative needs an operation that a program does not have.
    """
    gradient, hessian = record_gradient(found), record_hessian(found)
    if gradient is None or hessian is None:
        raise InvalidValue(f"{found.name}: its derivatives have a part that JavaScript cannot say")
    return [*value_function(found), *_function("grad", gradient), *_function("hessian", hessian, found.dims)]


def equation(node: Node | Leaf | Call | Power, names: Mapping[str, str]) -> str:
    r"""An expression as JavaScript that reads the numbers of its symbols from `n`, by their names.

    >>> from .algebra import apply, leaf, number
    >>> equation(apply("sub", number(1.0), leaf(r"\beta")), {r"\beta": "alpha"})
    '(1.0 + -1.0 * n["alpha"])'
    """
    match node:
        case Leaf(text):
            return f"n[{json.dumps(names[text])}]"
        case Sum(terms):
            return f"({' + '.join(equation(term, names) for term in terms)})"
        case Power():
            return f"Math.pow({equation(node.base, names)}, {equation(node.exponent, names)})"
        case Call(kind, operands):
            return f"({OPERATIONS[kind].javascript.format(*(equation(operand, names) for operand in operands))})"
    factors = [_constant(node.factor)] if node.factor != 1 or not node.powers else []
    for base, exponent in node.powers:
        text = equation(base, names)
        factors.append(text if exponent == 1 else f"Math.pow({text}, {_constant(exponent)})")
    return " * ".join(factors)


def linear_step(rule: Rule) -> list[str] | None:
    """The lines of `scales`, `moving` and `linear` of a rule: its step near a minimum, as `stability` sees it.

    `linear(h, t, curvature, u, s)` gives parameter and moving states after a step, from those before it, `u`, and the
    frozen scales `s`. What is exactly 0 in the rule is left out; all other numbers stay to be set in `h`.

    Returns:
        The lines; None for a rule that has no linear step: it does not change sign with the gradient, or never settles.
    """
    try:
        step = Step(rule)
    except InvalidValue:
        return None
    program = Program()
    given = {name: program.input(name, uniform=True) for name in (*step.settings, "lr", "step")}
    scales = {name: program.input(f"scale_{i}", uniform=True) for i, name in enumerate(step.scales)}
    curvature = program.input("curvature", uniform=True)
    state = [program.input(f"u_{i}", uniform=True) for i in range(1 + len(step.moving))]
    step.frozen |= scales  # type: ignore[arg-type]
    new = step(state, curvature, given, {})
    program.outputs = {f"u{i}": value for i, value in enumerate(new)}
    sources = _sources(rule) | {"step": "t", "curvature": "curvature"}
    sources |= {f"u_{i}": f"u[{i}]" for i in range(len(state))}
    sources |= {f"scale_{i}": f"s[{i}]" for i in range(len(scales))}
    names = _names(program)
    lines = _body(program.needed(), names, _used_once(program))
    return [
        f"  scales: {json.dumps(step.scales)},",
        f"  moving: {json.dumps(step.moving)},",
        "  linear(h, t, curvature, u, s) {",
        *_indent(4, [*_reads(program, sources), *lines]),
        f"    return {_array(_operand(value, names) for value in new)};",
        "  },",
    ]


# --- rules ------------------------------------------------------------------------------------------------------------


def _sources(rule: Rule) -> dict[str, str]:
    """Where each hyperparameter's number is found, by the name of the input."""
    sources: dict[str, str] = {}
    for name in rule.hyperparameters():
        inputs = inputs_of(name, getattr(rule, name))
        sources |= {key: f"h.{name}" if key == name else f"h.{name}[{i}]" for i, key in enumerate(inputs)}
    return sources


def _init(program: Program, sources: dict[str, str]) -> list[str]:
    names = _names(program) | {"param": "p"}
    states = {}
    for name, value in program.initial.items():
        lines = _body(replace(program, outputs={name: value}).needed(), names)
        start = _operand(value, names)
        states[name] = f"(p) => {{ {' '.join(lines)} return {start}; }}" if lines else f"(p) => {start}"
    made = {name: f"[({start})()]" if name in program.numbers else f"Array.from(x, {start})"
            for name, start in states.items()}  # fmt: skip
    starts = replace(program, outputs=program.initial)
    return [*_reads(starts, sources), "return {", *(f"  {name}: {text}," for name, text in made.items()), "};"]


def _step(program: Program, sources: dict[str, str]) -> list[str]:
    names = _names(program) | {"grad": "g", "param": "p", "step": "t"}
    names |= {name: f"s_{name}" for name in (*program.states, *program.numbers)}
    reads = "".join(f", s_{name} = state.{name}[i]" for name in program.states)
    once = _used_once(program)
    uniform, varying = (_body(operations, names, once) for operations in (program.uniform(), program.varying()))
    outputs = {name: _operand(value, names) for name, value in program.outputs.items()}
    return [
        *_reads(program, sources),
        *(f"const s_{name} = state.{name}[0];" for name in program.numbers),
        *uniform,
        "for (let i = 0; i < x.length; i++) {",
        f"  const g = grad[i], p = x[i]{reads};",
        *_indent(2, varying),
        *(f"  state.{name}[i] = {outputs[name]};" for name in program.states),
        f"  x[i] = p + {outputs['delta']};",
        "}",
        *(f"state.{name}[0] = {outputs[name]};" for name in program.numbers),
    ]


def _names(program: Program) -> dict[str, str]:
    """JavaScript names of inputs and results; hyperparameters have a prefix, as one may be called `new` or `x`."""
    names = {name: f"h_{name}" for name in program.inputs}
    return names | {operation.result.name: f"v{operation.result.name[1:]}" for operation in program.operations}


def _reads(program: Program, sources: dict[str, str]) -> list[str]:
    """The lines that read those hyperparameters that the outputs need."""
    values = [*program.outputs.values(), *(value for operation in program.needed() for value in operation.operands)]
    used = {value.name for value in values if isinstance(value, Value)}
    return [f"const h_{name} = {source};" for name, source in sources.items() if name in used]


# --- both -------------------------------------------------------------------------------------------------------------


def _function(name: str, program: Program, rows: int = 1) -> list[str]:
    """A function of the coordinates, which returns a number, an array for several outputs, or an array of rows."""
    coordinates = list(program.inputs)
    names = _names(program) | {coordinate: coordinate for coordinate in coordinates}
    lines = _body(program.needed(), names, _used_once(program))
    results = [_operand(value, names) for value in program.outputs.values()]
    if rows > 1 or name == "hessian":
        results = [_array(results[i : i + rows]) for i in range(0, len(results), rows)]
    result = results[0] if "f" in program.outputs else _array(results)
    body = _indent(4, [*lines, f"return {result};"])
    return [f"  {name}({', '.join(coordinates)}) {{", *body, "  },"]


def _array(texts: Iterable[str]) -> str:
    return f"[{', '.join(texts)}]"


def _body(operations: Iterable[Operation], names: dict[str, str], once: Iterable[str] = ()) -> list[str]:
    """A line for each operation; those named in `once` are written where they are used instead."""
    lines = []
    for operation in operations:
        name, text = operation.result.name, _expression(operation, names)
        if name in once:
            is_call = OPERATIONS[operation.kind].javascript.startswith("Math.") and not _is_square(operation)
            names[name] = text if is_call else f"({text})"
        else:
            lines.append(f"const {names[name]} = {text};")
    return lines


def _is_square(operation: Operation) -> bool:
    """Whether it is written as a product, as NumPy has it."""
    return operation.kind == "pow" and not isinstance(operation.operands[1], Value) and operation.operands[1] == 2


def _used_once(program: Program) -> set[str]:
    """The results that stand in one place only, and not in another loop than they are computed in."""
    uses: dict[str, list[Operation | None]] = {}
    for operation in program.needed():
        for value in (*operation.operands, *operation.operands[: _is_square(operation)]):
            if isinstance(value, Value):
                uses.setdefault(value.name, []).append(operation)
    for value in program.outputs.values():
        if isinstance(value, Value):
            uses.setdefault(value.name, []).append(None)
    return {
        operation.result.name
        for operation in program.needed()
        if len(users := uses[operation.result.name]) == 1
        and (users[0].result.uniform if users[0] else False) == operation.result.uniform
    }


def _expression(operation: Operation, names: dict[str, str]) -> str:
    operands = [_operand(operand, names) for operand in operation.operands]
    if _is_square(operation):
        return f"{operands[0]} * {operands[0]}"
    return OPERATIONS[operation.kind].javascript.format(*operands)


def _operand(value: Any, names: dict[str, str]) -> str:
    if isinstance(value, Value):
        return names[value.name]
    text = _constant(value)
    return f"({text})" if text.startswith("-") else text


def _constant(value: Any) -> str:
    """A Python constant in JavaScript; a float keeps all its digits."""
    match value:
        case bool() | None | str():
            return json.dumps(value)
        case tuple() | list():
            return f"[{', '.join(map(_constant, value))}]"
    if math.isfinite(value):
        return repr(value if isinstance(value, int) else float(value))
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _indent(by: int, lines: Iterable[str]) -> list[str]:
    return [" " * by + line for line in lines]
