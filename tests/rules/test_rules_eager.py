"""Rules of a user's file that have remainders, or branch on the step: every command runs them, or says why not."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import steepest
from steepest import rules
from steepest.base.errors import InvalidValue
from steepest.optim import as_optimizer
from steepest.program.record import NotRecorded, record
from steepest.program.stability import stability_limit

HEAD = """from dataclasses import dataclass

from steepest import Rule
from steepest.ops import maximum, minimum, sqrt, where
from steepest.rules.base import hyperparameter


@dataclass(frozen=True, kw_only=True)
class Mine(Rule):
    lr: float = hyperparameter(0.05, r"\\eta", "learning rate", search=(0.01, 0.1))
    k: float = hyperparameter(5, "k", "period", within="[1, inf)")

    def init(self, param):
        return {"slow": param}

    def update(self, grad, param, step, slow):
"""

BRANCH = """        fast = param - self.lr * grad
        if step % self.k == 0:
            slow = slow + 0.5 * (fast - slow)
            return slow - param, slow
        return fast - param, slow
"""
CHOICE = """        fast, due = param - self.lr * grad, step % self.k == 0
        slow = where(due, slow + 0.5 * (fast - slow), slow)
        return where(due, slow, fast) - param, slow
"""
WHOLE = """        return -self.lr * grad / (1 + step // self.k), slow
"""
METHOD = """        return -self.lr * grad.clip(-1, 1), slow
"""
LATE = """        if step == 30:
            raise OSError("out of luck")
        return -self.lr * grad, slow
"""
TENSORS = """        import torch

        return -self.lr * torch.sign(grad), slow
"""
ADOPT = """        normed = grad / maximum(sqrt(slow), 1e-6)
        normed = minimum(maximum(normed, -(step**0.25)), step**0.25)
        slow = where(step == 1, grad * grad, 0.9 * slow + 0.1 * grad * grad)
        return where(step == 1, 0.0 * grad, -self.lr * normed), slow
"""
EAGER_ONLY = {
    "a branch": (BRANCH, "line 18: it branches on a value; write steepest.ops.where"),
    "a method of tensors": (METHOD, "line 17: AttributeError: 'Value' object has no attribute 'clip'; use Python's"),
}


@pytest.fixture
def mine(write_file):
    return lambda update: write_file("mine.py", HEAD + update)


def weights(optimizer_class, **switches):
    param = torch.nn.Parameter(torch.tensor([-5.0, 2.0], dtype=torch.float64))
    optimizer = optimizer_class([param], **switches)
    for _ in range(12):
        param.grad = 2 * param.detach()
        optimizer.step()
    return param.detach().numpy(), optimizer.engine


@pytest.mark.parametrize("update", [CHOICE, WHOLE], ids=["Lookahead", "whole quotients"])
def test_remainders_are_the_same_on_every_engine(update, mine):
    rule = rules.resolve(mine(update)).rule_class
    path = steepest.trace(rule, "x**2 + y**2", start=(-5, 2), steps=12)
    many = steepest.trace(rule, "x**2 + y**2", starts=[(-5, 2)], steps=12)
    assert many.engine == "numba"
    np.testing.assert_allclose(many.x[0], path.x[-1], rtol=1e-13)
    for switches, report in (({}, "fused"), ({"fused": False}, "eager"), ({"foreach": True}, "operations on lists")):
        end, engine = weights(as_optimizer(rule), **switches)
        assert engine.startswith(report)
        np.testing.assert_allclose(end, path.x[-1], rtol=1e-13)
    with pytest.raises(InvalidValue, match="not all of its steps are alike"):
        stability_limit(rule, 1.0)


@pytest.mark.parametrize(("update", "reason"), EAGER_ONLY.values(), ids=EAGER_ONLY)
def test_what_has_no_program_runs_eagerly_and_is_said_to(update, reason, mine, command, write_workload):
    file = mine(update)
    rule = rules.resolve(file).rule_class
    with pytest.raises(NotRecorded, match=reason):
        record(rule())
    path = steepest.trace(rule, "x**2 + y**2", start=(-5, 2), steps=12)
    many = steepest.trace(rule, "x**2 + y**2", starts=[(-5, 2)], steps=12)
    end, engine = weights(as_optimizer(rule))
    assert (many.engine, engine.partition(" ")[0]) == ("numpy", "eager") and reason in engine
    np.testing.assert_allclose(many.x[0], path.x[-1], rtol=1e-13)
    np.testing.assert_allclose(end, path.x[-1], rtol=1e-13)
    for line in (f"trace {file} --on bowl", f"map basin {file} --size 9", f"show {file}"):
        code, printed, complaint = command(line)
        assert (code, complaint) == (0, "")
        assert (reason in " ".join(printed.split())) == line.startswith("show")
    code, printed, complaint = command(f"show {file} --latex")
    assert (code, printed) == (2, "") and reason in complaint
    code, *_ = command(f"compare {write_workload()} --optimizers {file} --trials 2 --seeds 1 --jobs 1 --out study")
    assert code == 0
    assert set(steepest.Comparison.read("study").runs["status"]) <= {"finished", "reached the target"}


@pytest.mark.parametrize("line", ["trace {} --on bowl", "map basin {} --size 9 --steps 50"])
@pytest.mark.parametrize(
    ("update", "reason"),
    [(LATE, "mine.py: line 18: OSError: out of luck"), (TENSORS, "mine.py: line 19: TypeError: ")],
    ids=["raises late", "of tensors"],
)  # fmt: skip
def test_an_error_on_the_way_is_told_with_its_line(line, update, reason, mine, command):
    code, printed, complaint = command(line.format(mine(update)))
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert reason in complaint
    assert ("gets arrays of NumPy" in complaint) == ("TypeError" in complaint)


@pytest.mark.usefixtures("mine")
def test_a_rule_that_divides_by_its_last_square_is_shown(mine, command):
    code, printed, complaint = command(f"show {mine(ADOPT)}")
    assert (code, complaint) == (0, "")
    assert "max(√slow" in printed


def test_javascript_has_remainders_as_python_has(mine):
    from shutil import which

    from steepest.program.operations import OPERATIONS

    if which("node") is None:
        pytest.skip("needs node")
    pairs = [(a, b) for a in (-7.5, -1.0, 0.0, 1.5, 12.0) for b in (-2.0, 0.1, 5.0)]
    for kind in (OPERATIONS["mod"], OPERATIONS["floordiv"]):
        texts = [kind.javascript.format(f"({a!r})", f"({b!r})") for a, b in pairs]
        done = subprocess.run(["node", "-p", f"JSON.stringify([{','.join(texts)}])"], capture_output=True, check=True)
        np.testing.assert_allclose(json.loads(done.stdout), [kind.call(a, b) for a, b in pairs], rtol=0, atol=0)


def test_a_path_of_a_rule_of_ours_is_no_users_fault():
    """An error inside a built-in rule stays what it is."""
    from steepest.rules.validation import on_arrays

    with pytest.raises(ZeroDivisionError), on_arrays(steepest.RULES["sgd"]()):
        _ = 1 / (len(sys.argv) * 0)
