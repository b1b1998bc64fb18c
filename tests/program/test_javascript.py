"""JavaScript of rules and landscapes, run by node against Python: one process, all runs in it."""

import json
import shutil
import subprocess

import numpy as np
import pytest

import steepest
from steepest import landscapes
from steepest.base.errors import InvalidValue
from steepest.landscapes import LANDSCAPES
from steepest.program import javascript
from steepest.rules import RULES, SGD, Adam, Rule

from ..rules.test_rules import ELEMENTWISE

STEPS = 300
CLOSE = 1e-10
EVERY = [name for name, rule in RULES.items() if rule.elementwise]
SHORT = ["ravine", "beale", "six_hump_camel", "tanh"]
FORMULAS = [
    "abs(x - 1) + maximum(x, y)**2 + minimum(x*y, 0.5)",
    "where(x > y, x**2, sign(x)*y**3) + sqrt(x**2 + 1)",
    "x1*x2*x3 + exp(-x1**2) + tan(x2/9) + arctan(x3) + log(x1**2 + 1) + sinh(x2/5) + cosh(x3/5)",
    "x**2.5 + 3",
    "quadratic(condition=100, rotation=30)",
]

RUNS = [(RULES[name](), on, 0.01) for name in EVERY for on in LANDSCAPES]
RUNS += [(each.values[0], on, 0.02) for each in ELEMENTWISE for on in SHORT]

SCRIPT = """
const data = JSON.parse(require("fs").readFileSync(0));
function run([rule, on, h]) {
  const landscape = landscapes[on], x = [...data.starts[on]], state = rules[rule].init(h, x), path = [[...x]];
  for (let t = 1; t <= data.steps; t++) {
    rules[rule].step(h, landscape.grad(...x), x, state, t);
    path.push([...x]);
  }
  return path;
}
function values([on, points]) {
  return points.map((point) => [landscapes[on].f(...point), ...landscapes[on].grad(...point)]);
}
process.stdout.write(JSON.stringify({
  paths: data.runs.map(run), values: data.points.map(values),
}));
"""


def settings(rule: Rule, lr: float) -> dict[str, object]:
    return {name: getattr(rule, name) for name in rule.hyperparameters()} | {"lr": lr}


def as_object(lines: list[str]) -> str:
    """The expression of an object with these members."""
    return "\n".join(["({", *lines, "})"])


def points(on: str) -> np.ndarray:
    """Points of its window, one a column."""
    low, high = np.array(landscapes.find(on).window).T
    return (low + (high - low) * np.random.default_rng(1).random((40, len(low)))).T


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    """What node says to all runs and all points."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which is not on this machine")
    names = [*LANDSCAPES, *FORMULAS]
    rules = [as_object(javascript.functions(rule)) for rule, _, _ in RUNS]
    found = {on: landscapes.find(on) for on in names}
    texts = [f"{json.dumps(on)}: {as_object(javascript.landscape_functions(found[on]))}" for on in names]
    script = f"const rules = [{','.join(rules)}];\nconst landscapes = {{{','.join(texts)}}};\n{SCRIPT}"
    data = {
        "steps": STEPS,
        "runs": [[i, on, settings(rule, lr)] for i, (rule, on, lr) in enumerate(RUNS)],
        "starts": {on: found[on].start for on in names},
        "points": [[on, points(on).T.tolist()] for on in names],
    }
    file = tmp_path_factory.mktemp("node") / "run.js"
    file.write_text(script, encoding="utf-8")
    run = subprocess.run([node, file], input=json.dumps(data), capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def relative(path: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The difference at each step, as a share of the larger of the position and 1."""
    return np.abs(path - expected).max(axis=1) / np.maximum(np.abs(expected).max(axis=1), 1.0)


def check(rule: Rule, on: str, lr: float, answer: list[list[float | None]]) -> bool:
    """Equal to 1e-10 while the path is finite, and later no further off than a run whose start is nudged.

    Returns whether it was equal to the end.
    """
    expected = steepest.trace(rule, on, steps=STEPS, lr=lr).x
    path = np.array(answer, dtype=np.float64)  # null becomes NaN
    finite = np.abs(expected).max(axis=1) < 1e6
    end = len(finite) if finite.all() else int(np.argmin(finite))
    far = relative(path[:end], expected[:end])
    assert np.isfinite(far).all()
    close = bool(far.max() < CLOSE)
    if not close:
        nudged = steepest.trace(rule, on, start=expected[0] * (1 + 1e-14), steps=STEPS, lr=lr).x
        horizon = np.argmax(far > CLOSE)
        assert relative(nudged[:end], expected[:end])[: horizon + 1].max() > CLOSE / 100, f"differs from step {horizon}"
    return close


@pytest.mark.parametrize("name", EVERY)
def test_every_rule_on_every_landscape(answers, name):
    runs = [(*run, path) for run, path in zip(RUNS, answers["paths"], strict=True) if type(run[0]) is RULES[name]]
    close = [check(*run) for run in runs]
    assert close.count(False) <= 2  # such as rastrigin, where a nudge of the start grows tenfold in a few steps


@pytest.mark.parametrize("on", [*LANDSCAPES, *FORMULAS])
def test_values_and_gradients(answers, on):
    landscape, where = landscapes.find(on), points(on)
    answer = np.array(answers["values"][[*LANDSCAPES, *FORMULAS].index(on)], dtype=np.float64).T
    value, gradient = landscape(*where), landscape.gradient(where)
    assert np.isnan(answer[0]).tolist() == np.isnan(value).tolist()
    np.testing.assert_allclose(answer[0], value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(answer[1:], gradient, rtol=1e-12, atol=1e-12)


def test_what_is_exactly_zero_is_left_out():
    assert "h.momentum" not in as_object(javascript.functions(SGD()))
    assert "h.momentum" in as_object(javascript.functions(SGD(momentum=0.5)))
    assert "max_exp_avg_sq" not in as_object(javascript.functions(Adam()))
    assert "max_exp_avg_sq" in as_object(javascript.functions(Adam(amsgrad=True)))


def test_constants_keep_all_their_digits():
    assert repr(np.pi) in as_object(javascript.landscape_functions(landscapes.find(f"{np.pi!r}*x**2")))


def test_a_rule_that_needs_whole_tensors():
    whole = next(rule for rule in RULES.values() if not rule.elementwise)
    with pytest.raises(InvalidValue, match="needs whole tensors"):
        javascript.functions(whole())
