"""Counters on the device: their checkpoints, to torch and from it, and with what they are refused."""

import copy
import importlib
from types import SimpleNamespace

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue, UnknownSetting
from steepest.optim import compiled

from .list_steps import WHOLE, optimizer_class, parameters, reached, train

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
"""torch itself warns when its compiler is imported."""

# --- checkpoints ------------------------------------------------------------------------------------------------------


@pytest.fixture
def torch_takes_a_cpu_for_an_accelerator(monkeypatch):
    """Torch has capturable steps on accelerators only; this is its own arithmetic for them, on a CPU."""
    for name in ("adam", "nadam"):
        module = importlib.import_module(f"torch.optim.{name}")
        monkeypatch.setattr(module, "_get_capturable_supported_devices", lambda supports_xla=True: ["cpu"])


@pytest.mark.parametrize("name", ["Adam", "NAdam"])
@pytest.mark.parametrize("switches", [(True, False), (False, True), (True, True)], ids=str)
@pytest.mark.parametrize("libraries", [(steepest, torch.optim), (torch.optim, steepest), (steepest, steepest)],
                         ids=["to torch", "from torch", "ours"])  # fmt: skip
@pytest.mark.filterwarnings("ignore:This instance was constructed with capturable=True")
def test_checkpoints_travel(name, switches, libraries, torch_takes_a_cpu_for_an_accelerator):
    """Half a run with one, half with the other.

    On a device torch corrects in float32, which these betas make exact to a unit in its last place, 6e-8: 12 steps of
    0.01 come to 7e-9.
    """
    settings = {"lr": 0.01, "betas": (0.5, 0.75)}
    params = parameters()
    first = getattr(libraries[0], name)(params, capturable=switches[0], **settings)
    train(first, range(6))
    second = getattr(libraries[1], name)(params, **settings)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second.param_groups[0]["capturable"] == switches[0]
    second.param_groups[0]["capturable"] = switches[1]
    ends = torch.cat([param.detach().flatten() for param in train(second, range(6, 12))])
    expected, _ = reached(name.lower(), fused=False, **settings)
    tolerance = 1e-8 if torch.optim in libraries else 1e-14
    torch.testing.assert_close(ends, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("capturable", [False, True])
def test_counters_go_where_the_group_wants_them(capturable):
    """From a CPU's checkpoint to parameters on another device."""
    _, source = reached("nadam", capturable=capturable)
    params = parameters(device="meta")
    optimizer = steepest.NAdam(params)
    optimizer.load_state_dict(source.state_dict())
    for param in params:
        param.grad = torch.empty_like(param)
    assert optimizer.state[params[0]]["exp_avg"].device.type == "meta"
    optimizer.step()
    state = optimizer.state[params[0]]
    assert {state[each].device.type for each in ("step", "mu_product")} == {"meta" if capturable else "cpu"}
    assert state["step"].dtype == torch.float32


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_whole_tensors_are_not_capturable(name):
    with pytest.raises(UnknownSetting, match=r"capturable=True \(CUDA graphs\) is not supported with a rule"):
        optimizer_class(name)(parameters(shapes=[(2, 2)]), capturable=True)


@pytest.mark.parametrize(
    "setting", [{"differentiable": True}, {"master_weights": True}, {"stochastic_rounding": True},
                {"non_finite": "skip"}], ids=str,
)  # fmt: skip
def test_what_reads_numbers_back_is_not_capturable(setting):
    (name,) = setting
    with pytest.raises(UnknownSetting, match=f"Adam: capturable=True .* not supported with {name}="):
        steepest.Adam(parameters(), capturable=True, **setting)


def test_sparse_gradients_are_not_capturable():
    param = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = steepest.SGD([param], capturable=True)
    param.grad = torch.sparse_coo_tensor([[1]], [[1.0, 1.0]], (3, 2), check_invariants=True)
    with pytest.raises(InvalidValue, match="SGD: capturable=True is not possible here: sparse gradient"):
        optimizer.step()


def test_fused_and_foreach_are_two_ways():
    with pytest.raises(InvalidValue, match="`fused` and `foreach` cannot be `True` together"):
        steepest.Adam(parameters(), fused=True, foreach=True)


def test_a_step_with_counters_on_the_host_is_not_captured(monkeypatch):
    """A graph would replay its numbers for ever."""
    on_cuda = SimpleNamespace(is_cuda=True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    compiled.refuse_to_be_captured("Adam", on_cuda)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(InvalidValue, match=r"Adam: a step within a CUDA graph needs .* capturable=True"):
        compiled.refuse_to_be_captured("Adam", on_cuda)
    compiled.refuse_to_be_captured("Adam", SimpleNamespace(is_cuda=False))


def test_list_parameters_of_their_own_kind_go_the_eager_way():
    class Marked(torch.Tensor):
        """A tensor of its own kind, as DTensor is."""

    param = torch.ones(3).as_subclass(Marked)
    param.grad = torch.ones(3).as_subclass(Marked)
    optimizer = steepest.SGD([param], lr=0.25, foreach=True)
    optimizer.step()
    assert optimizer.engine == "eager for 1 parameters (Marked is a tensor of its own kind)"
    assert param.tolist() == [0.75] * 3
