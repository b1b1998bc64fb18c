"""Every operation of the table, in every target that reads it, against NumPy: one rule that can do any of them."""

import json
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest
import sympy
import torch

import steepest
from steepest.ops import where
from steepest.optim import as_optimizer
from steepest.program import gradient, javascript
from steepest.program.algebra import apply, leaf, number, print_node
from steepest.program.evaluate import interpret
from steepest.program.operations import FUNCTIONS, OPERATIONS
from steepest.program.record import record
from steepest.rules import Rule
from steepest.rules.base import hyperparameter

from .test_symbols import Reader

NAMES = list(OPERATIONS)
A, B = 0.7, 2.5
"""What operations on numbers that all elements share are tried on; of elements, the values below, in all pairs."""
VALUES = np.array([-1.5, 0.0, 0.25, 1.5, 2.0])  # exact in float32, for remainders
GRADS, PARAMS = (pairs.ravel() for pairs in np.meshgrid(VALUES, VALUES))


def applied(kind, a, b):
    """An operation on as many of two operands as it takes; what is true is 1, what is false 0."""
    operands = (a < b, a, b) if kind.arity == 3 else (a, b)[: kind.arity]
    result = kind.call(*operands)
    return where(result, 1.0, 0.0) if kind.condition else result


def by_numpy(name, a, b):
    """The same by NumPy alone."""
    kind = OPERATIONS[name]
    operands = (a < b, a, b) if kind.arity == 3 else (a, b)[: kind.arity]
    with np.errstate(all="ignore"):
        return np.asarray(getattr(np, kind.numpy)(*operands), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class AnyOperation(Rule):
    """A step by the operation number `which` on gradient and parameter, and in `shared` on two hyperparameters."""

    title = "Any operation"
    reference = "this test"

    which: float = hyperparameter(0.5, "k", "number of the operation, from 1 on")
    a: float = hyperparameter(A, "a", "first operand")
    b: float = hyperparameter(B, "b", "second operand")

    def init(self, param):
        return {"shared": 0.0, "result": 0.0}

    def update(self, grad, param, step, shared, result):
        result, shared = 0.0 * grad, 0.0
        for count, kind in enumerate(OPERATIONS.values(), start=1):
            chosen = self.which == count
            result = where(chosen, applied(kind, grad, param), result)
            shared = where(chosen, applied(kind, self.a, self.b), shared)
        return self.lr * 0.0 + result, shared + 0.0 * param, result


ENGINES = {
    "kernel": ({}, torch.float64, "fused"),
    "kernel in float32": ({}, torch.float32, "fused"),
    "eager": ({"fused": False}, torch.float64, "eager"),
    "lists": ({"foreach": True}, torch.float64, "operations on lists"),
    "lists in float32": ({"foreach": True}, torch.float32, "operations on lists"),
    "counted on the device": ({"capturable": True}, torch.float64, "operations on lists"),
}
"""Switches and dtype that lead to an engine, and how its report begins."""


@pytest.mark.parametrize("engine", ENGINES)
def test_engines(engine):
    switches, dtype, report = ENGINES[engine]
    param = torch.nn.Parameter(torch.zeros(len(PARAMS), dtype=dtype))
    optimizer = as_optimizer(AnyOperation)([param], **switches)
    param.grad = torch.tensor(GRADS, dtype=dtype)
    optimizer.step()  # of no operation
    tolerance = {"rtol": 3e-6 if dtype is torch.float32 else 1e-14, "atol": 0}
    for which, name in enumerate(NAMES, start=1):
        param.data = torch.tensor(PARAMS, dtype=dtype)
        optimizer.param_groups[0]["which"] = float(which)
        optimizer.step()
        expected, state = by_numpy(name, GRADS, PARAMS), optimizer.state[param]
        np.testing.assert_allclose(state["result"], expected, **tolerance, err_msg=name)
        np.testing.assert_allclose(param.detach(), PARAMS + expected, **tolerance, err_msg=name)
        np.testing.assert_allclose(state["shared"], np.full(len(PARAMS), by_numpy(name, A, B)), **tolerance)
    assert optimizer.engine.startswith(report)


def test_trajectories():
    """Each has an operation of its own, computed in the kernel; then all have the same, from the table of the host."""
    which, starts = (pairs.ravel() for pairs in np.meshgrid(1.0 + np.arange(len(NAMES)), VALUES))
    slope = 1.5 * starts - 0.3
    ends = steepest.trace(AnyOperation(), "0.75*x**2 - 0.3*x", starts=starts[:, None], which=which, steps=1)
    assert ends.engine == "numba"
    expected = [by_numpy(NAMES[int(k) - 1], g, x) for k, g, x in zip(which, slope, starts, strict=True)]
    np.testing.assert_allclose(ends.x[:, 0], starts + expected, rtol=1e-14)


@dataclass(frozen=True, kw_only=True)
class AnySharedOperation(AnyOperation):
    """A step by the operation on two hyperparameters."""

    def update(self, grad, param, step, *state):
        _, shared, _ = super().update(grad, param, step, *state)
        return shared, shared, 0.0 * grad


def test_trajectories_that_share_numbers():
    for which, name in enumerate(NAMES, start=1):
        rule = AnySharedOperation(which=float(which))
        ends = steepest.trace(rule, "x**2", starts=[[1.0], [2.0]], steps=1)
        np.testing.assert_allclose(ends.x[:, 0], by_numpy(name, A, B) + np.array([1.0, 2.0]), rtol=1e-14, err_msg=name)


def test_javascript():
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which is not on this machine")
    script = f"""
    const rule = {{{" ".join(javascript.functions(AnyOperation(which=1.0)))}}};
    const defaults = {json.dumps(AnyOperation.defaults())};
    const [count, grads, params] = {json.dumps([len(NAMES), [*GRADS], [*PARAMS]])}, answers = [];
    for (let k = 1; k <= count; k++) {{
      const h = {{...defaults, which: k}}, x = [...params], state = rule.init(h, x);
      rule.step(h, grads, x, state, 1);
      answers.push([state.result, state.shared]);
    }}
    process.stdout.write(JSON.stringify(answers, (_, value) => typeof value === "number" ? String(value) : value));
    """  # fmt: skip
    run = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    for name, (result, shared) in zip(NAMES, json.loads(run.stdout), strict=True):
        numbers = [float(value.replace("Infinity", "inf")) for value in result]
        np.testing.assert_allclose(numbers, by_numpy(name, GRADS, PARAMS), rtol=1e-14, err_msg=name)
        np.testing.assert_allclose(float(shared[0]), by_numpy(name, A, B), rtol=1e-14, err_msg=name)


@pytest.mark.quick
@pytest.mark.parametrize("name", NAMES)
def test_values_of_every_kind(name):
    expected = by_numpy(name, A, B)
    kind = OPERATIONS[name]
    assert applied(kind, A, B) == pytest.approx(expected)
    np.testing.assert_allclose(applied(kind, np.array([A]), np.array([B])), [expected], rtol=1e-15)
    torch.testing.assert_close(
        applied(kind, *torch.tensor([A, B], dtype=torch.float64)).double(), torch.tensor(expected), rtol=1e-15, atol=0
    )
    symbols = sympy.symbols("a b", positive=True)
    if name not in ("eq", "ne"):  # SymPy compares symbols themselves
        assert float(applied(kind, *symbols).subs(dict(zip(symbols, (A, B), strict=True)))) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_latex(name):
    """Read back by the reader of the other tests, which knows nothing of the table."""
    kind, a, b = OPERATIONS[name], leaf("a"), leaf("b")
    operands = (apply("lt", a, b), a, b) if kind.arity == 3 else (a, b)[: kind.arity]
    node = apply(name, *operands)
    text = print_node(apply("where", node, number(1), number(0)) if kind.condition else node)
    assert Reader(text, {"a": A, "b": B}).compute() == pytest.approx(by_numpy(name, A, B))


@pytest.mark.quick
def test_gradients_know_every_function_as_sympy_names_it():
    vocabulary = gradient._vocabulary()
    for name in NAMES:
        if name in FUNCTIONS or OPERATIONS[name].condition:
            assert vocabulary[OPERATIONS[name].numpy] is OPERATIONS[name].call


def test_a_program_is_interpreted():
    program = record(AnyOperation())
    for which, name in enumerate(NAMES, start=1):
        inputs = {"grad": A, "param": B, "step": 1, "which": which, "a": A, "b": B, "lr": 1.0}
        outputs = interpret(program, inputs)
        assert outputs["result"] == outputs["shared"] == pytest.approx(by_numpy(name, A, B)), name
