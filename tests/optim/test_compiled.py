"""Lists of tensors, the engine for accelerators: as they are, compiled, and with counters on the device.

No accelerator is needed: on a CPU `foreach=True` and `capturable=True` ask for it, together with `fused=True` for it
compiled. Tensors on the device "meta" stand in for those of an accelerator: they have no values, so that whatever reads
one back raises.
"""

from types import SimpleNamespace

import pytest
import torch
from torch._dynamo.utils import counters
from torch.optim.lr_scheduler import LambdaLR

import steepest
from steepest.ops import absolute, maximum, where
from steepest.optim import as_optimizer, compiled
from steepest.optim.lists.functions import text
from steepest.program.record import record
from steepest.rules import RULES, Rule

from .list_steps import ELEMENTWISE, WHOLE, optimizer_class, parameters, reached, train

LISTS, COMPILED = "operations on lists for {} parameters", "torch.compile for {} parameters"

every_elementwise = pytest.mark.parametrize("name", ELEMENTWISE)
either = pytest.mark.parametrize("switch", ["foreach", "capturable"])
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
"""torch itself warns when its compiler is imported."""


def assert_close(actual, expected, ulps=4):
    """Some units in the last place of numbers of order 1: powers differ by one between the host and torch."""
    allowed = ulps * torch.finfo(expected.dtype).eps
    torch.testing.assert_close(actual, expected, rtol=allowed, atol=allowed)


@pytest.fixture(scope="module", autouse=True)
def a_cache_of_its_own(tmp_path_factory):
    """What is compiled here is compiled now, in this process, and left nowhere."""
    with pytest.MonkeyPatch.context() as patch, torch._inductor.config.patch(compile_threads=1):
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        yield


@pytest.fixture
def graphs(monkeypatch):
    """Begin with nothing compiled, and let torch trace but not generate code; how many functions it has compiled."""
    monkeypatch.setattr(compiled, "_compiled", {})
    monkeypatch.setattr(compiled, "_failed", {})
    monkeypatch.setattr(torch, "compile", lambda run, **options: COMPILE(run, backend="aot_eager", **options))
    counters.clear()
    return lambda: counters["stats"]["unique_graphs"]


COMPILE = torch.compile

# --- the same numbers -------------------------------------------------------------------------------------------------


@every_elementwise
@either
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex64], ids=str)
def test_lists_equal_eager(name, switch, dtype):
    lists, optimizer = reached(name, dtype, **{switch: True})
    assert optimizer.engine == LISTS.format(3)
    eager, _ = reached(name, dtype, fused=False)
    assert_close(torch.view_as_real(lists) if dtype.is_complex else lists,
                 torch.view_as_real(eager) if dtype.is_complex else eager)  # fmt: skip


@every_elementwise
def test_traced_equals_eager(name, graphs):
    """One graph for all steps, which torch runs operation by operation."""
    found, optimizer = reached(name, capturable=True, fused=True)
    assert optimizer.engine == COMPILED.format(3)
    assert graphs() == 1
    assert_close(found, reached(name, fused=False)[0])


@pytest.mark.parametrize("name", ["momentum", "adam", "nadam", "radam"])
def test_compiled_equals_eager(name):
    """Compiled by Inductor; it may fuse a product and a sum, which rounds once less."""
    counters.clear()
    found, optimizer = reached(name, torch.float32, capturable=True, fused=True)
    assert optimizer.engine == COMPILED.format(3)
    assert counters["stats"]["unique_graphs"] == 1
    assert_close(found, reached(name, torch.float32, fused=False)[0], ulps=12)


def test_compiled_half_precision_is_rounded_once():
    found, optimizer = reached("adam", torch.bfloat16, capturable=True, fused=True)
    assert optimizer.engine == COMPILED.format(3)
    assert_close(found, reached("adam", torch.bfloat16, fused=False)[0], ulps=1)


RICH = {
    "sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "adagrad": {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps_inside_sqrt": True},
    "rmsprop": {"centered": True, "momentum": 0.5, "weight_decay": 0.1},
    "adam": {"amsgrad": True, "weight_decay": 0.1},
    "adamw": {"amsgrad": True, "weight_decay": 0.1},
    "nadam": {"decoupled_weight_decay": True, "weight_decay": 0.1},
    "ademamix": {"alpha_warmup": 5, "beta3_warmup": 7, "weight_decay": 0.1},
    "schedulefreeadamw": {"warmup_steps": 5, "lr_correction": True, "r": 0.5, "weight_decay": 0.1},
}


@pytest.mark.parametrize("name", RICH)
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("fused", [False, True], ids=["as they are", "compiled"])
def test_settings(name, maximize, fused, graphs):
    settings = RICH[name] | {"maximize": maximize}
    found, optimizer = reached(name, capturable=True, fused=fused, **settings)
    assert optimizer.engine == (COMPILED if fused else LISTS).format(3)
    assert_close(found, reached(name, fused=False, **settings)[0], ulps=8)


@pytest.mark.parametrize("switches", [{"foreach": True}, {"capturable": True}, {"capturable": True, "fused": True}],
                         ids=["lists", "capturable", "compiled"])  # fmt: skip
@pytest.mark.parametrize("name", ["momentum", "adam", "nadam", "radam"])
def test_each_parameter_counts_its_own_steps(name, switches, graphs):
    """The second parameter comes late and goes again: gradients that are None."""
    some = lambda step, place: place != 1 or 4 <= step < 8  # noqa: E731
    ends = []
    for each in (switches, {"fused": False}):
        optimizer = optimizer_class(name)(parameters(), lr=0.01, **each)
        ends.append(torch.cat([param.detach().flatten() for param in train(optimizer, with_gradient=some)]))
        assert [int(optimizer.state[param]["step"]) for param in optimizer.param_groups[0]["params"]] == [12, 4, 12]
    assert_close(*ends)
    assert graphs() == (2 if "fused" in switches else 0)


@either
def test_groups_have_their_own_settings(switch):
    ends = []
    for settings in ({switch: True}, {"fused": False}):
        first, *others = parameters()
        groups = [{"params": [first], "lr": 0.1}, {"params": others, "betas": (0.5, 0.6)}]
        params = train(steepest.Adam(groups, lr=0.01, **settings))
        ends.append(torch.cat([param.detach().flatten() for param in params]))
    assert_close(*ends)


@pytest.mark.parametrize("in_tensors", [False, True])
@pytest.mark.parametrize("fused", [None, True])
def test_a_schedule_needs_no_new_compilation(in_tensors, fused, graphs):
    ends = []
    for settings in ({"capturable": True, "fused": fused}, {"fused": False}):
        lr = torch.tensor(0.1, dtype=torch.float64) if in_tensors else 0.1
        optimizer = steepest.Adam(parameters(), lr=lr, **settings)
        schedule = LambdaLR(optimizer, lambda step: 1 / (1 + step))
        for step in range(6):
            train(optimizer, [step])
            schedule.step()
        ends.append(torch.cat([param.detach().flatten() for param in optimizer.param_groups[0]["params"]]))
    assert_close(*ends)
    assert graphs() == bool(fused)


def test_the_correction_for_starting_at_zero_keeps_its_digits():
    """1 - 0.9999^t is small and made of numbers near 1: in float32 it would keep 4 digits, in float64 it keeps all."""
    ends = []
    for settings in ({"capturable": True}, {"fused": False}):
        param = torch.nn.Parameter(torch.zeros(3))
        optimizer = steepest.Adam([param], lr=1.0, betas=(0.9999, 0.99999), **settings)
        for _ in range(3):
            param.grad = torch.ones(3)
            optimizer.step()
        ends.append(param.detach())
    assert_close(*ends, ulps=1)


def transposed():
    return torch.arange(6, dtype=torch.float64).reshape(2, 3).T


@either
def test_tensors_that_are_not_contiguous(switch, monkeypatch):
    monkeypatch.setattr(compiled, "PIECE", 4)
    ends = []
    for settings in ({switch: True}, {"fused": False}):
        param = torch.nn.Parameter(transposed())
        optimizer = steepest.Adam([param], lr=0.1, **settings)
        for _ in range(5):
            param.grad = torch.ones((), dtype=torch.float64).expand(param.shape)
            optimizer.step()
        ends.append(param.detach())
    assert_close(*ends)


@either
@pytest.mark.parametrize("piece", [1, 4, 7, 35, 38])
def test_pieces_change_nothing(switch, piece, monkeypatch):
    late = lambda step, place: place != 1 or step > 3  # noqa: E731
    monkeypatch.setattr(compiled, "PIECE", piece)
    ends = []
    for settings in ({switch: True}, {"fused": False}):
        params = train(steepest.Adam(parameters(), lr=0.01, **settings), with_gradient=late)
        ends.append(torch.cat([param.detach().flatten() for param in params]))
    assert_close(*ends)


@either
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64, torch.bfloat16], ids=str)
def test_gradients_are_not_modified_and_no_state_shares_their_memory(switch, dtype):
    """SGD's first buffer is the gradient."""
    param = torch.nn.Parameter(torch.ones(3, dtype=dtype))
    optimizer = steepest.SGD([param], lr=0.1, momentum=0.9, **{switch: True})
    param.grad = torch.ones_like(param)
    optimizer.step()
    assert torch.equal(param.grad, torch.ones_like(param)) and param.grad._version == 0
    param.grad.zero_()
    assert torch.equal(optimizer.state[param]["momentum_buffer"], torch.ones(3, dtype=dtype))


# --- rules that torch has no list operations for ----------------------------------------------------------------------


class Odd(Rule):
    """Conditions on elements and on steps, numbers before lists, states handed on."""

    title = "Odd"
    reference = "this test"

    def init(self, param):
        return {"older": 1.0, "old": 2.0, "level": 0.0}

    def update(self, grad, param, step, older, old, level):
        small = absolute(grad) < self.lr * step
        slow = where(step < 4, 0.1, where(step == 6, grad, 0.3))
        scale = 2.0 / maximum(1.0, absolute(param)) - 1.5 ** (-absolute(old))
        delta = -self.lr * where(small, slow, grad + older - old) * (1 - scale)
        return delta, old, grad, level + small


@pytest.mark.parametrize("switches", [{"foreach": True}, {"capturable": True}, {"capturable": True, "fused": True}],
                         ids=["lists", "capturable", "compiled"])  # fmt: skip
def test_any_rule(switches, graphs):
    ends = []
    for each in (switches, {"fused": False}):
        optimizer = as_optimizer(Odd)(parameters(), lr=0.1, **each)
        params = train(optimizer, with_gradient=lambda step, place: place != 1 or step > 3)
        states = [optimizer.state[param][name] for param in params for name in ("older", "old", "level")]
        ends.append(torch.cat([each.detach().flatten() for each in (*params, *states)]))
    assert "older" in optimizer.state[params[0]]
    assert_close(*ends, ulps=8)


def test_what_is_handed_on_is_copied_first():
    lines = text(record(Odd())).splitlines()
    assert "    new_older = [each.clone() for each in olds]" in lines
    assert lines.index("    torch._foreach_copy_(olders, new_older)") < lines.index(
        "    torch._foreach_copy_(olds, grads)"
    )


# --- nothing is read back ---------------------------------------------------------------------------------------------


@every_elementwise
def test_a_capturable_step_reads_nothing_back(name):
    """With settings in tensors too; on "meta" a number read would raise."""
    settings = {"lr": torch.tensor(0.01, device="meta")}
    if "betas" in RULES[name].defaults() and len(RULES[name].defaults()["betas"]) == 2:
        settings["betas"] = (torch.tensor(0.8, device="meta"), torch.tensor(0.9, device="meta"))
    rule = RULES[name]
    check = pytest.MonkeyPatch.context
    with check() as patch:  # what a setting may be is looked at once, when it is given; here it has no value to look at
        patch.setattr(rule, "__post_init__", lambda self: None)
        optimizer = optimizer_class(name)(parameters(device="meta"), capturable=True, **settings)
        for _ in range(3):
            for param in optimizer.param_groups[0]["params"]:
                param.grad = torch.empty_like(param)
            optimizer.step()
    assert optimizer.engine == LISTS.format(3)
    state = optimizer.state[param]
    assert {state[name].device.type for name in ("step", *rule.numbers)} == {"meta"}


@pytest.mark.parametrize(
    ("settings", "engine"),
    [
        ({}, LISTS.format(3)),
        ({"foreach": True}, LISTS.format(3)),
        ({"fused": False}, "eager for 3 parameters (fused=False)"),
        ({"foreach": False}, "eager for 3 parameters (on meta)"),
        ({"capturable": True}, LISTS.format(3)),
    ],
    ids=str,
)
def test_which_engine_steps_an_accelerators_parameters(settings, engine):
    """NAdam, because it keeps a number beside its step: both stay on the host unless the step is capturable."""
    optimizer = steepest.NAdam(parameters(device="meta"), **settings)
    for _ in range(2):
        for param in optimizer.param_groups[0]["params"]:
            param.grad = torch.empty_like(param)
        optimizer.step()
    assert optimizer.engine == engine
    place = "meta" if "capturable" in settings else "cpu"
    assert {optimizer.state[param][name].device.type for name in ("step", "mu_product")} == {place}


@pytest.mark.parametrize(
    "name", [name for name in WHOLE if name != "soap" and not RULES[name].shared]
)  # which read numbers
def test_rules_that_need_whole_tensors_step_eagerly_there(name):
    optimizer = optimizer_class(name)(parameters(device="meta", shapes=[(3, 4)]))
    (param,) = optimizer.param_groups[0]["params"]
    param.grad = torch.empty_like(param)
    optimizer.step()
    assert optimizer.engine == "eager for 1 parameters (the rule needs whole tensors)"


def test_switching_in_the_middle_of_a_run():
    """The fused kernel, then lists with counters on the device, then the kernel again."""
    optimizer = steepest.NAdam(parameters(), lr=0.01)
    engines = []
    for steps, capturable in ((range(4), False), (range(4, 8), True), (range(8, 12), False)):
        optimizer.param_groups[0]["capturable"] = capturable
        params = train(optimizer, steps)
        engines.append(optimizer.engine)
    kernel = "fused CPU kernel for 3 parameters"
    assert engines == [kernel, LISTS.format(3), kernel]
    assert_close(torch.cat([param.detach().flatten() for param in params]), reached("nadam", fused=False)[0])


# --- memory -----------------------------------------------------------------------------------------------------------


def allocated(optimizer):
    """What a step asks torch's allocator for, request by request."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        optimizer.step()
    return [event.self_cpu_memory_usage for event in profile.events() if event.self_cpu_memory_usage > 0]


def test_no_temporary_as_large_as_the_model(monkeypatch):
    """Temporaries are as large as a piece: some numbers of a large tensor, or some small tensors."""
    monkeypatch.setattr(compiled, "PIECE", 1 << 10)
    params = parameters(torch.float32, [(100, 100), *[(400,)] * 4])
    pieces = [sum(part.numel() for part in piece) for _, _, (piece,) in compiled._pieces([params])]
    assert pieces == [*[1024] * 9, 10000 - 9 * 1024, 800, 800]
    optimizer = steepest.Adam(params, foreach=True)
    train(optimizer, range(2))
    assert 0 < max(allocated(optimizer)) <= 4 << 10


def test_compiled_there_is_none():
    """The kernel reads and writes parameters and states; beside them there are the uniform numbers."""
    optimizer = steepest.Adam(parameters(torch.float32, [(100, 100), (64,), (64,)]), capturable=True, fused=True)
    train(optimizer, range(2))
    assert sum(allocated(optimizer)) < 4096


# --- torch.compile ----------------------------------------------------------------------------------------------------


def test_what_cannot_be_compiled_goes_as_lists_and_says_why(graphs, monkeypatch):
    calls = []

    def broken(graph, inputs):
        calls.append(graph)
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", lambda run, **options: COMPILE(run, backend=broken, **options))
    found, optimizer = reached("adam", capturable=True, fused=True)
    assert optimizer.engine.startswith(LISTS.format(3) + " (torch.compile: backend='broken' raised")
    assert len(calls) == 1
    assert_close(found, reached("adam", fused=False)[0])


def test_too_many_sets_of_parameters_go_as_lists(graphs):
    optimizer = steepest.Adam(parameters(shapes=[(2,)] * 12), capturable=True, fused=True)
    with torch._dynamo.config.patch(recompile_limit=3):
        train(optimizer, range(5), with_gradient=lambda step, place: place >= step)
    assert optimizer.engine.startswith(LISTS.format(8) + " (too many different sets of parameters")
    assert graphs() == 3
    train(optimizer, [0])
    assert optimizer.engine == COMPILED.format(12)


def test_other_models_are_compiled_apart(graphs):
    """One model more than torch would compile one function anew for."""
    with torch._dynamo.config.patch(recompile_limit=3):
        for size in range(1, 5):
            _, optimizer = reached("adam", shapes=[(size,)], steps=2, capturable=True, fused=True)
            assert optimizer.engine == COMPILED.format(1)
    assert graphs() == 4


def test_within_a_compiled_step(graphs):
    """A step that is compiled as a whole leaves ours alone, which is compiled by itself."""
    optimizer = steepest.Adam(parameters(), lr=0.01, capturable=True, fused=True)
    step = COMPILE(optimizer.step, backend="eager")
    train(SimpleNamespace(param_groups=optimizer.param_groups, step=step))
    assert optimizer.engine == COMPILED.format(3)
    ends = torch.cat([param.detach().flatten() for param in optimizer.param_groups[0]["params"]])
    assert_close(ends, reached("adam", fused=False)[0])
