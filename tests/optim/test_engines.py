"""The engines against each other: whatever steps a parameter, the arithmetic is the rule's."""

import math
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.ops import arctan, cos, exp, log, maximum, minimum, sign, sin, sqrt, tanh, where
from steepest.optim import as_optimizer
from steepest.optim.cpu import kernels
from steepest.optim.cpu import step as cpu
from steepest.optim.cpu.arguments import ArgumentBlock
from steepest.program.evaluate import python_function
from steepest.program.record import record
from steepest.rules import RULES, SGD, Adadelta, Adam
from steepest.rules.base import Rule

ELEMENTWISE = [name for name, rule in RULES.items() if rule.elementwise]
ONE_ULP_A_STEP = 2e-7
"""torch's own sqrt is off by one unit in the last place of float32 now and then; ours is exact."""


def optimizer_class(name):
    return getattr(steepest, RULES[name].__name__)


def parameters(shapes, dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]


def train(params, optimizer, steps, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for param in params:
            noise = torch.randn(param.shape, generator=generator, dtype=torch.float64)
            param.grad = (param.detach().double() + noise).to(param.dtype)
        optimizer.step()
    return params


def both_engines(name, shapes=((5, 7), (3,), ()), dtype=torch.float64, steps=12, **settings):
    """The parameters after the same training by the fused and by the eager engine."""
    reached = []
    for fused in (None, False):
        params = parameters(shapes, dtype)
        optimizer = optimizer_class(name)(params, lr=0.01, fused=fused, **settings)
        train(params, optimizer, steps)
        assert optimizer.engine.startswith("eager" if fused is False else "fused"), optimizer.engine
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    return reached


@pytest.mark.quick
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_kernel_equals_eager_in_float64(name):
    fused, eager = both_engines(name)
    torch.testing.assert_close(fused, eager, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_kernel_equals_eager_in_float32(name):
    fused, eager = both_engines(name, dtype=torch.float32)
    torch.testing.assert_close(fused, eager, rtol=12 * ONE_ULP_A_STEP, atol=12 * ONE_ULP_A_STEP)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_kernel_equals_eager_in_bfloat16(name):
    """Both compute in float32 and round once to nearest even; one unit of bfloat16 where float32's last bit decides."""
    fused, eager = both_engines(name, dtype=torch.bfloat16, steps=3)
    torch.testing.assert_close(fused, eager, rtol=2**-7, atol=1e-6)
    assert (fused == eager).float().mean() > 0.9


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_maximize_is_descent_on_the_negative(name):
    fused, eager = both_engines(name, maximize=True)
    torch.testing.assert_close(fused, eager, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_nothing(threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        params = parameters([(300, 700), (11,), (999, 101)], torch.float32)
        train(params, steepest.Adam(params, lr=0.01), 2)
    finally:
        torch.set_num_threads(before)
    alone = parameters([(300, 700), (11,), (999, 101)], torch.float32)
    train(alone, steepest.Adam(alone, lr=0.01, fused=False), 2)
    for param, other in zip(params, alone, strict=True):
        torch.testing.assert_close(param, other, rtol=1e-6, atol=1e-6)


def strided_cases():
    base = torch.arange(24, dtype=torch.float64)
    return {
        "transposed": base.reshape(4, 6).clone().T,
        "every other": base.clone()[::2],
        "channels last": base.reshape(1, 2, 3, 4).clone().to(memory_format=torch.channels_last),
    }


@pytest.mark.parametrize("case", strided_cases())
@pytest.mark.parametrize("expanded_gradient", [False, True])
def test_tensors_that_are_not_contiguous(case, expanded_gradient):
    reached = []
    for fused in (None, False):
        param = torch.nn.Parameter(strided_cases()[case])
        optimizer = steepest.Adam([param], lr=0.1, fused=fused)
        for _ in range(5):
            param.grad = torch.ones(()).double().expand(param.shape) if expanded_gradient else param.detach().cos()
            before = param.grad.clone()
            optimizer.step()
            assert torch.equal(param.grad, before)
        reached.append(param.detach())
    torch.testing.assert_close(*reached, rtol=1e-14, atol=0)


def test_what_the_kernel_does_not_take_goes_to_the_eager_engine_and_says_why():
    wave = torch.nn.Parameter(torch.ones(3, dtype=torch.complex64))
    plain = torch.nn.Parameter(torch.ones(3))
    optimizer = steepest.SGD([wave, plain], lr=0.1)
    assert optimizer.engine == "no step made yet"
    for param in (wave, plain):
        param.grad = torch.ones_like(param)
    optimizer.step()
    assert set(optimizer.engine.split("; ")) == {
        "fused CPU kernel for 1 parameters",
        "eager for 1 parameters (torch.complex64 parameters)",
    }
    torch.testing.assert_close(wave.detach(), torch.full((3,), 0.9, dtype=torch.complex64))
    torch.testing.assert_close(plain.detach(), torch.full((3,), 0.9))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64])
@pytest.mark.parametrize("fused", [None, False])
def test_the_state_shares_no_memory_with_the_gradient(dtype, fused):
    """SGD's first buffer is the gradient; clearing gradients in place must not clear it."""
    param = torch.nn.Parameter(torch.ones(3, dtype=dtype))
    optimizer = steepest.SGD([param], lr=0.1, momentum=0.9, fused=fused)
    param.grad = torch.ones_like(param)
    optimizer.step()
    param.grad.zero_()
    assert torch.equal(optimizer.state[param]["momentum_buffer"], torch.ones(3, dtype=dtype))


def test_parameters_at_different_steps_get_their_own_bias_correction():
    reached = []
    for fused in (None, False):
        early, late = parameters([(4,), (4,)], torch.float64)
        optimizer = steepest.Adam([early, late], lr=0.1, fused=fused)
        for step in range(10):
            early.grad = torch.ones(4).double()
            late.grad = torch.ones(4).double() if step >= 5 else None
            optimizer.step()
        reached.append(torch.cat([early.detach(), late.detach()]))
    torch.testing.assert_close(*reached, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_non_finite_gradients_spread_as_in_the_eager_engine(name):
    """A NaN must stay one: a kernel's maximum must not swallow it."""
    reached = []
    for fused in (None, False):
        param = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
        optimizer = optimizer_class(name)([param], lr=0.1, fused=fused)
        for _ in range(2):
            param.grad = torch.tensor([float("nan"), 1.0, float("inf")], dtype=torch.float64)
            optimizer.step()
        reached.append(param.detach())
    torch.testing.assert_close(*reached, rtol=1e-14, atol=0, equal_nan=True)


def test_no_temporary_as_large_as_the_model():
    """The kernel allocates tables of addresses only; torch's allocator is asked for nothing."""
    params = parameters([(512, 512)], torch.float32)
    optimizer = steepest.Adam(params)
    train(params, optimizer, 2)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        optimizer.step()
    assert sum(max(event.self_cpu_memory_usage, 0) for event in profile.events()) < 4096


def test_compiled_kernels_are_kept_for_the_next_process(tmp_path):
    code = (
        "import steepest, torch\n"
        "p = torch.nn.Parameter(torch.ones(4)); p.grad = torch.ones(4)\n"
        "steepest.SGD([p], lr=0.25).step()\n"
        "import sys; module = next(m for n, m in sys.modules.items() if n.startswith('kernel_'))\n"
        "print(module.prepare.cache_hits, module.run.cache_hits, p[0].item())\n"
    )
    environment = {"STEEPEST_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    said = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["0 0 0.75\n", "1 1 0.75\n"]


# --- recording --------------------------------------------------------------------------------------------------------


def test_a_rule_that_branches_on_a_value_is_told_so():
    class Branching(SGD):
        def update(self, grad, param, step, momentum_buffer):
            return (-grad if grad > 0 else grad), momentum_buffer

    with pytest.raises(InvalidValue, match=r"steepest\.ops\.where"):
        record(Branching())


def test_a_schedule_needs_no_new_kernel():
    param = torch.nn.Parameter(torch.ones(3))
    param.grad = torch.ones(3)
    optimizer = steepest.Adam([param], lr=0.1)
    optimizer.step()
    built = dict(cpu._kernels)
    for lr in (0.05, 0.025, 0.3):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
    assert cpu._kernels == built


@pytest.mark.parametrize(("rule", "roots", "divisions"), [(Adam(), 1, 1), (Adadelta(), 1, 1), (SGD(), 0, 0)])
def test_kernels_divide_and_take_roots_as_little_as_can_be(rule, roots, divisions):
    """As written, Adam divides twice and Adadelta takes two roots."""
    kinds = [each.kind for each in kernels.with_fewer_divisions(record(rule)).varying()]
    assert (kinds.count("sqrt"), kinds.count("truediv")) == (roots, divisions)


def test_what_is_the_same_for_all_elements_is_computed_once():
    program = record(Adam())
    assert all(operation.kind != "pow" for operation in program.varying())
    kernel = kernels.build(program, "float64")
    params = [torch.ones(3, dtype=torch.float64), torch.ones(2, dtype=torch.float64)]
    triples = [
        (param, param, {"step": torch.tensor(step), "exp_avg": param, "exp_avg_sq": param})
        for param, step in zip(params, (2.0, 6.0), strict=True)
    ]
    block = ArgumentBlock(kernel, "Adam", triples)
    block.set(Adam(betas=(0.9, 0.99)))
    block.prepare()
    assert [state["step"].item() for *_, state in triples] == [3, 7]
    for row, step in zip(block.scalars, (3, 7), strict=True):
        assert 1 / (1 - 0.99**step) in row


@dataclass(frozen=True, kw_only=True)
class EveryFunctionOfTheStep(Rule):
    """What is the same for all elements, in every way that it can be written."""

    title = "Every function"
    reference = "this test"

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        past = where(step >= 3, step, 0) + where(step == 1, 1, self.lr)
        whole = step**2 + 2**step + step**-1 + self.lr**step + abs(2 - step) + sign(step - 2.5) + sign(-step)
        curved = arctan(step) + tanh(step) + exp(-step) + log(step) + cos(step) * sin(step) + sqrt(step)
        return (-(past + whole + curved + maximum(step, 2) + minimum(1.0, step * self.lr)) * grad,)


def test_every_function_of_the_step_is_the_same_in_the_kernel():
    reached = []
    for fused in (None, False):
        param = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
        train([param], as_optimizer(EveryFunctionOfTheStep)([param], lr=0.3, fused=fused), 4)
        reached.append(param.detach())
    torch.testing.assert_close(*reached, rtol=1e-14, atol=0)


@dataclass(frozen=True, kw_only=True)
class ConstantsWithoutANumeral(Rule):
    """Constants that Python prints as no number, and a state that is set to one."""

    title = "Constants"
    reference = "this test"

    def init(self, param):
        return {"memory": 0.0, "least": 0.0, "flag": 0.0}

    def update(self, grad, param, step, memory, least, flag):
        rate = where(minimum(step, math.inf) > 2, self.lr, self.lr / 2)
        bounded = maximum(minimum(grad, math.inf), -math.inf)
        return (
            -rate * where(memory < -math.inf, math.nan, bounded),
            memory + grad,
            where(grad > 9, grad, math.inf),
            0.25,
        )


def test_infinite_constants_are_the_same_in_every_engine(monkeypatch):
    reached = {}
    for name, settings in {"fused": {}, "lists": {"foreach": True}, "eager": {"fused": False}}.items():
        param = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
        optimizer = as_optimizer(ConstantsWithoutANumeral)([param], lr=0.3, **settings)
        train([param], optimizer, 4)
        reached[name] = param.detach()
        state = optimizer.state[param]
        assert torch.equal(state["least"], torch.full_like(param, math.inf))
        assert torch.equal(state["flag"], torch.full_like(param, 0.25))
        assert optimizer.engine.startswith({"fused": "fused", "lists": "operations", "eager": "eager"}[name])
    torch.testing.assert_close(reached["fused"], reached["eager"], rtol=1e-14, atol=0)
    assert torch.equal(reached["lists"], reached["eager"])
    ends = steepest.trace(ConstantsWithoutANumeral(lr=0.01), "himmelblau", starts=[[1.0, 2.0], [2.0, 1.0]], steps=9)
    path = steepest.trace(ConstantsWithoutANumeral(lr=0.01), "himmelblau", start=(1.0, 2.0), steps=9)
    assert ends.engine == "numba"
    np.testing.assert_allclose(ends.x[0], path.x[-1], rtol=1e-12)
    monkeypatch.setattr("steepest.paths.engine.record_gradient", lambda landscape: None)
    plain = steepest.trace(ConstantsWithoutANumeral(lr=0.01), "himmelblau", starts=[[1.0, 2.0], [2.0, 1.0]], steps=9)
    assert plain.engine == "numpy"
    np.testing.assert_allclose(ends.x, plain.x, rtol=1e-12)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_program_is_the_rule(name):
    """The recorded operations, run in Python on plain numbers, give what the rule gives."""
    rule: Rule = RULES[name](lr=0.1)
    program = record(rule)
    state = {key: 0.3 for key, start in rule.init(np.float64(1.0)).items() if start is not None}
    values = {"grad": 0.7, "param": -1.3, "step": 4} | state
    for setting, each in ((n, getattr(rule, n)) for n in rule.hyperparameters()):
        values |= {f"{setting}_{i}": x for i, x in enumerate(each)} if isinstance(each, tuple) else {setting: each}
    uniform_everywhere = record(rule)
    for value in uniform_everywhere.inputs.values():
        object.__setattr__(value, "uniform", True)
    for operation in uniform_everywhere.operations:
        object.__setattr__(operation.result, "uniform", True)
    inputs = list(uniform_everywhere.inputs)
    outputs = [uniform_everywhere.outputs["delta"]]
    compute = python_function(uniform_everywhere, inputs, outputs)
    delta, *_ = rule.update(0.7, -1.3, 4, *(state.get(key) for key in rule.init(np.float64(1.0))))
    assert compute(*(values[key] for key in inputs)) == pytest.approx((delta,), rel=1e-14)
    assert list(program.outputs) == ["delta", *state]
