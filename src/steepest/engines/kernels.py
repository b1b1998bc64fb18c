"""Kernels for the CPU, printed from a rule's program and compiled by Numba.

A kernel reads each array once, does the whole update in registers and writes each array once: the least that memory
allows. It takes addresses, so one call serves all tensors of a group. Its text is kept in a cache folder
(`STEEPEST_CACHE`, default `~/.cache/steepest/kernels`); Numba keeps the machine code beside it for the next process.
"""

import hashlib
import importlib.util
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from .program import BINARY, Operation, Program, Value

__all__ = ["Kernel", "Number", "build", "load", "python_function"]

Number = Literal["float32", "float64", "bfloat16"]
"""What the arrays hold. bfloat16 is read into float32, computed there, and rounded to nearest even."""

IN_PYTHON = {
    "neg": "-{0}", "absolute": "abs({0})", "where": "({1} if {0} else {2})", "sign": "(({0} > 0) - ({0} < 0))",
    "maximum": "max({0}, {1})", "minimum": "min({0}, {1})", "arctan": "math.atan({0})",
    **{name: f"({{0}} {sign} {{1}})" for name, sign in BINARY.items()},
    **{name: f"math.{name}({{0}})" for name in ("cos", "cosh", "exp", "log", "sin", "sinh", "sqrt", "tan", "tanh")},
}  # fmt: skip
"""How an operation is written for Python's own numbers."""

IN_KERNEL = IN_PYTHON | {
    # as torch has them: NaN wins
    "maximum": "({0} if {0} >= {1} or {0} != {0} else {1})",
    "minimum": "({0} if {0} <= {1} or {0} != {0} else {1})",
    "sign": "real({0} > 0) - real({0} < 0)",
    "arctan": "np.arctan({0})",
    # math's functions would give float64 for float32
    **{name: f"np.{name}({{0}})" for name in ("cos", "cosh", "exp", "log", "sin", "sinh", "sqrt", "tan", "tanh")},
}  # fmt: skip
"""How it is written for the numbers of a kernel, all of one type."""

HEAD = '''"""Made by steepest; safe to delete."""
import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

real = np.{real}


@intrinsic
def pointer(typing_context, address):
    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)
    return types.voidptr(address), generate


@numba.njit(inline="always")
def from_bfloat16(bits):
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@numba.njit(inline="always")
def to_bfloat16(number):
    bits = np.float32(number).view(np.uint32)
    if number != number:
        return np.uint16(0x7FC0)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))
'''


@dataclass(frozen=True)
class Kernel:
    """A compiled update.

    Attributes:
        run: `run(addresses, offsets, scalars, begin, end)` updates elements `begin` to `end`, counted through all
            tensors; `addresses` has a row a tensor with a column for `param`, `grad` and each state.
        scalars: `scalars(*inputs)` computes what is the same for all elements, in float64.
        next_numbers: `next_numbers(*inputs)` computes the new states that are one number for a parameter, in float64.
        inputs: names of what these two take, `step` among them.
        states: names of the states with a number for each element, in the order of the columns.
        numbers: names of the states that are one number.
    """

    run: Callable[..., None]
    scalars: Callable[..., tuple[float, ...]]
    next_numbers: Callable[..., tuple[float, ...]]
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    numbers: tuple[str, ...]


def build(program: Program, number: Number) -> Kernel:
    """Print the program as a kernel for arrays of one kind of number, and load it; compiled when it is first called."""
    uniform = _uniform_values(program)
    inputs = tuple(name for name, value in program.inputs.items() if value.uniform)
    return Kernel(
        run=load(_kernel_text(program, number, uniform)).kernel,
        scalars=python_function(program, inputs, uniform),
        next_numbers=python_function(program, inputs, [program.outputs[name] for name in program.numbers]),
        inputs=inputs,
        states=tuple(program.states),
        numbers=tuple(program.numbers),
    )


def python_function(program: Program, inputs: Sequence[str], outputs: Sequence[Value]) -> Callable[..., Any]:
    """A Python function of the named inputs that computes some uniform values, on plain numbers."""
    names = {value.name: f"v{i}" for i, value in enumerate(_values(program))}
    body = [f"    {names[each.result.name]} = {_expression(each, IN_PYTHON, names)}" for each in program.uniform()]
    arguments = ", ".join(names[name] for name in inputs)
    results = "".join(f"{names[value.name]}, " for value in outputs)
    text = "\n".join([f"def scalars({arguments}):", *body, f"    return ({results})"])
    scope: dict[str, Any] = {"math": math}
    exec(text, scope)  # our own printing of a rule's arithmetic: numbers, operators and math functions
    return scope["scalars"]  # type: ignore[no-any-return]


# --- printing ---------------------------------------------------------------------------------------------------------


def _values(program: Program) -> list[Value]:
    return [*program.inputs.values(), *(each.result for each in program.operations)]


def _uniform_values(program: Program) -> list[Value]:
    """The uniform values that the arithmetic of an element uses."""
    found: dict[str, Value] = {}
    for operation in program.varying():
        found |= {each.name: each for each in operation.operands if isinstance(each, Value) and each.uniform}
    found |= {each.name: each for each in program.outputs.values() if isinstance(each, Value) and each.uniform}
    return list(found.values())


def _expression(operation: Operation, forms: dict[str, str], names: dict[str, str], constant: str = "{!r}") -> str:
    operands = [names[each.name] if isinstance(each, Value) else constant.format(each) for each in operation.operands]
    return forms[operation.kind].format(*operands)


def _kernel_text(program: Program, number: Number, uniform: Sequence[Value]) -> str:
    half = number == "bfloat16"
    real, stored = ("float32", "uint16") if half else (number, number)
    arrays = ["param", "grad", *program.states]
    names = {value.name: f"s{i}" for i, value in enumerate(uniform)}
    names |= {name: f"{name}_i" for name in arrays}
    names |= {each.result.name: f"v{i}" for i, each in enumerate(program.varying())}
    condition = {each.result.name for each in program.operations if each.kind in ("lt", "le", "gt", "ge", "eq", "ne")}

    lines = ["", "", "@numba.njit(cache=True, nogil=True, error_model='numpy')",
             "def kernel(addresses, offsets, scalars, begin, end):"]  # fmt: skip
    for i, value in enumerate(uniform):
        lines.append(f"    s{i} = scalars[{i}] != 0.0" if value.name in condition else f"    s{i} = real(scalars[{i}])")
    lines += ["    for tensor in range(addresses.shape[0]):",
              "        first = max(begin, offsets[tensor]) - offsets[tensor]",
              "        last = min(end, offsets[tensor + 1]) - offsets[tensor]",
              "        if last <= first:",
              "            continue"]  # fmt: skip
    for column, name in enumerate(arrays):
        lines.append(f"        {name} = numba.carray(pointer(addresses[tensor, {column}]), last, np.{stored})[first:]")
    # an index that Numba knows to be from 0 on; one that might be negative keeps LLVM from vectorizing
    lines.append("        for i in range(param.size):")
    read = "from_bfloat16({}[i])" if half else "{}[i]"
    lines += [f"            {name}_i = {read.format(name)}" for name in arrays]
    for each in program.varying():
        text = _expression(each, IN_KERNEL, names, "real({!r})")
        lines.append(f"            {names[each.result.name]} = {text}")
    write = "to_bfloat16({})" if half else "{}"
    results = {name: names[value.name] if isinstance(value, Value) else f"real({value!r})"
               for name, value in program.outputs.items()}  # fmt: skip
    for name in program.states:
        lines.append(f"            {name}[i] = {write.format(results[name])}")
    lines.append(f"            param[i] = {write.format('param_i + ' + results['delta'])}")
    return HEAD.replace("{real}", real) + "\n".join(lines) + "\n"


# --- the cache --------------------------------------------------------------------------------------------------------


def load(text: str) -> ModuleType:
    """Import a kernel from its file in the cache folder, written there if it is new."""
    _let_loops_be_vectorized()
    name = "kernel_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    file = _folder() / f"{name}.py"
    if not file.is_file():
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def _folder() -> Path:
    folder = Path(os.environ.get("STEEPEST_CACHE") or Path.home() / ".cache" / "steepest" / "kernels").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def _let_loops_be_vectorized() -> None:
    """LLVM checks at run time that arrays do not overlap, but gives up above 8 checks; five arrays already need 10."""
    from llvmlite import binding

    binding.set_option("", "-runtime-memory-check-threshold=64")
