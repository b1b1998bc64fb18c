"""What the optimizers accept and refuse: torch's arguments with torch's defaults, and errors that say what is wrong."""

import inspect
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import steepest
from steepest.optim import SWITCHES, as_optimizer
from steepest.rules import RULES

from ..optimizer_cases import LIBRARIES, RICH, SETTINGS, alone, assert_same, every_optimizer, pair

OPTIMIZERS = [rule.__name__ for rule in RULES.values()]
STUBS = Path(__file__).parent.parent.parent / "tools" / "stubs.py"

of_all_rules = pytest.mark.parametrize("name", OPTIMIZERS)


def arguments(optimizer_class):
    return inspect.signature(optimizer_class).parameters


def positional(optimizer_class):
    """The arguments that may be given without their name, but for the parameters and torch's switches."""
    kinds = {name: each.kind for name, each in arguments(optimizer_class).items()}
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [name for name, kind in kinds.items() if kind == either and name not in {"params", *SWITCHES}]


def a_parameter():
    return [torch.nn.Parameter(torch.ones(2, 2))]


# --- the same call as torch -------------------------------------------------------------------------------------------


@every_optimizer
def test_every_argument_of_torch_with_its_default(name):
    ours, theirs = (arguments(getattr(library, name)) for library in LIBRARIES)
    assert {key: ours[key].default for key in theirs} == {key: each.default for key, each in theirs.items()}


@every_optimizer
def test_positional_settings_stand_in_torchs_order(name):
    ours, theirs = (positional(getattr(library, name)) for library in LIBRARIES)
    assert ours[: len(theirs)] == theirs


@every_optimizer
def test_positional_settings_mean_the_same(name):
    """The last value of each setting in the table, given without its name."""
    names = positional(getattr(torch.optim, name))
    values = {key: options[-1] for key, options in SETTINGS[name].items()} | {"dampening": 0}
    for library in LIBRARIES:
        (group,) = getattr(library, name)(a_parameter(), *[values[key] for key in names]).param_groups
        assert {key: group[key] for key in names} == {key: values[key] for key in names}


@of_all_rules
def test_signature_is_what_the_call_accepts(name):
    optimizer_class = getattr(steepest, name)
    defaults = {key: each.default for key, each in arguments(optimizer_class).items() if key != "params"}
    assert optimizer_class(a_parameter()).defaults == defaults
    assert optimizer_class(a_parameter(), **defaults).defaults == defaults


@of_all_rules
def test_is_an_optimizer_of_torch(name):
    optimizer = getattr(steepest, name)(a_parameter())
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert isinstance(optimizer, steepest.Optimizer)
    assert type(optimizer).__module__ == "steepest.optim"


@of_all_rules
def test_repr_names_the_optimizer_and_every_setting(name):
    optimizer = getattr(steepest, name)(a_parameter(), lr=0.125)
    assert repr(optimizer).startswith(f"{name} (")
    assert "    lr: 0.125\n" in repr(optimizer)
    assert all(f"    {setting}: " in repr(optimizer) for setting in optimizer.defaults)


@of_all_rules
def test_documentation_tells_of_every_argument(name):
    optimizer_class = getattr(steepest, name)
    assert all(f"\n    {argument}: " in optimizer_class.__doc__ for argument in arguments(optimizer_class))


@every_optimizer
@pytest.mark.parametrize("switch", ["foreach", "fused"])
@pytest.mark.parametrize("value", [False, True])
def test_foreach_and_fused_change_nothing(name, switch, value):
    run, plain = alone(name, RICH[name]), alone(name, RICH[name])
    run.optimizer = getattr(steepest, name)(run.problem.parameters(), **RICH[name] | {switch: value})
    assert_same(run.train(), plain.train(), tolerance=0)


def test_subclass_keeps_working():
    class Loud(steepest.Adam):
        """Counts its steps."""

        steps = 0

        def step(self, closure=None):
            self.steps += 1
            return super().step(closure)

    run, plain = pair("Adam", {})
    run.optimizer = Loud(run.problem.parameters())
    assert_same(run.train(), plain.train())
    assert run.optimizer.steps == 60


# --- refusals ---------------------------------------------------------------------------------------------------------


@of_all_rules
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None])
def test_bad_lr_is_refused(name, value):
    with pytest.raises(ValueError, match=r"lr must (lie in \[0, inf\)|be a number), got"):
        getattr(steepest, name)(a_parameter(), lr=value)


@of_all_rules
def test_bad_lr_of_a_group_is_refused(name):
    with pytest.raises(steepest.SteepestError, match="lr must lie in"):
        getattr(steepest, name)([{"params": a_parameter(), "lr": -1.0}])


NO_NUMBERS = ["0.1", b"x", None, [0.1], (0.1, 0.2), {}, {0.1}, object(), 1j, 10**400, np.array([0.1, 0.2])]
"""What may be given by mistake where one number belongs."""


@pytest.mark.quick
@of_all_rules
def test_what_is_no_number_is_refused_wherever_one_belongs(name):
    optimizer_class = getattr(steepest, name)
    for setting, default in optimizer_class.rule_class.defaults().items():
        if (
            isinstance(default, bool | str | tuple)
            or optimizer_class.rule_class.hyperparameters()[setting].metadata["facts"].among
        ):
            continue
        for value in NO_NUMBERS:
            if value is None and (default is None or "warmup" in setting):
                continue  # None is the default, or that of the authors' code
            with pytest.raises(steepest.SteepestError, match=rf"{setting} must (lie in|be a (whole )?number)"):
                optimizer_class(a_parameter(), **{setting: value})
    for setting, default in optimizer_class.rule_class.defaults().items():
        for wrong in ["yes", 2, 0.5, [True], None] if isinstance(default, bool) else ():
            with pytest.raises(steepest.SteepestError, match=f"{setting} must be true or false, got"):
                optimizer_class(a_parameter(), **{setting: wrong})


@pytest.mark.parametrize(
    "switch", ["maximize", "differentiable", "foreach", "fused", "capturable", "master_weights", "stochastic_rounding"]
)
def test_a_switch_is_true_or_false(switch):
    for wrong in ["yes", "False", 2, 0.5, [True], np.ones(2), float("nan")]:
        with pytest.raises(steepest.SteepestError, match=f"Adam: {switch} must be true or false, got"):
            steepest.Adam(a_parameter(), **{switch: wrong})
    for right in (np.True_, 1):
        assert steepest.Adam(a_parameter(), **{switch: right}).param_groups[0][switch] is True


@pytest.mark.parametrize("setting", ["non_finite", "state_bits"])
def test_a_choice_may_be_of_any_type_and_is_refused_in_one_line(setting):
    for wrong in [np.ones(2), torch.ones(2), {}, 8.0 if setting == "state_bits" else 1]:
        with pytest.raises(steepest.SteepestError, match=f"Adam: {setting} must be None"):
            steepest.Adam(a_parameter(), **{setting: wrong})


@pytest.mark.parametrize(
    ("name", "setting"),
    [("Muon", "ns_steps"), ("SOAP", "precondition_frequency"), ("SOAP", "max_precond_dim"), ("AdEMAMix", "t_alpha")],
)
def test_a_whole_number_is_one(name, setting):
    with pytest.raises(steepest.SteepestError, match=r"\w+ must be a whole number, got 2\.5"):
        getattr(steepest, name)(a_parameter(), **{setting: 2.5})
    getattr(steepest, name)(a_parameter(), **{setting: 2.0})


@pytest.mark.quick
def test_a_tensor_of_one_number_changes_no_shape():
    for name, setting in [("SGD", "lr"), ("Adagrad", "initial_accumulator_value"), ("Prodigy", "d0")]:
        outcomes = []
        for value in (0.5, torch.tensor([0.5]), torch.tensor(0.5)):
            params = [torch.nn.Parameter(torch.ones(shape)) for shape in ((), (3, 2))]
            optimizer = getattr(steepest, name)(params, **{setting: value})
            for param in params:
                param.grad = torch.ones_like(param)
            optimizer.step()
            outcomes.append([param.detach().clone() for param in params])
        for other in outcomes[1:]:
            torch.testing.assert_close(other, outcomes[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("betas", [(0.9, 1.0), (1.0, 0.9), (-0.1, 0.9), (0.9,), (0.9, 0.9, 0.9), 0.9, (0.9, "a")])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_bad_betas_are_refused(name, betas):
    with pytest.raises(ValueError, match="betas"):
        getattr(steepest, name)(a_parameter(), betas=betas)


@of_all_rules
def test_misspelled_setting_is_refused_with_the_right_one(name):
    optimizer_class = getattr(steepest, name)
    setting = max(optimizer_class.rule_class.hyperparameters(), key=len)
    misspelled = setting[:-2] + setting[-1]
    with pytest.raises(TypeError, match=rf"has no argument '{misspelled}'; did you mean '{setting}'\?"):
        optimizer_class(a_parameter(), **{misspelled: 0.1})


@of_all_rules
def test_wrong_number_of_arguments_is_refused(name):
    optimizer_class = getattr(steepest, name)
    with pytest.raises(TypeError, match=f"{name}: missing a required argument: 'params'"):
        optimizer_class()
    with pytest.raises(TypeError, match=f"{name}: too many positional arguments"):
        optimizer_class(a_parameter(), *range(20))


@pytest.mark.quick
@pytest.mark.parametrize("params", [torch.nn.Linear(2, 2), None, 3], ids=["a module", "None", "a number"])
def test_what_are_no_parameters_is_told_with_the_remedy(params):
    wrong = type(params).__name__
    with pytest.raises(
        steepest.SteepestError, match=rf"Adam: params must be .* such as model\.parameters\(\), got {wrong}$"
    ):
        steepest.Adam(params)


@pytest.mark.quick
def test_a_group_without_parameters_or_with_a_misspelt_setting_is_refused_and_not_added():
    optimizer = steepest.SGD(a_parameter(), lr=0.5)
    for group, told in [
        ({"lr": 0.1}, "SGD: a parameter group needs params, got lr"),
        ({"params": a_parameter(), "wieght_decay": 0.1}, "has 'wieght_decay'; did you mean 'weight_decay'"),
        ({"params": a_parameter(), "maximise": True}, "has 'maximise'; did you mean 'maximize'"),
    ]:
        with pytest.raises(steepest.SteepestError, match=told):
            optimizer.add_param_group(group)
        with pytest.raises(steepest.SteepestError, match=told):
            steepest.SGD([group])
    assert len(optimizer.param_groups) == 1
    own = {"lr_scale": 1.0, "initial_lr": 0.1, "max_momentum": 0.9, "base_momentum": 0.8, "name": "head", "wd": 0.25}
    optimizer.add_param_group({"params": a_parameter(), **own})
    assert optimizer.param_groups[1]["weight_decay"] == 0.25


@of_all_rules
@pytest.mark.parametrize("params", [[], torch.ones(2), ["weight"]], ids=["none", "a tensor", "names"])
def test_what_is_no_list_of_parameters_is_refused(name, params):
    with pytest.raises((TypeError, ValueError), match="param"):
        getattr(steepest, name)(params)


def test_unknown_optimizer_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'Adamm'"):
        _ = steepest.Adamm


# --- a rule of one's own, and the stub --------------------------------------------------------------------------------


def test_optimizer_of_a_rule_equals_the_one_of_its_name():
    run, plain = alone("Adam", {}), alone("Adam", {})
    run.optimizer = as_optimizer(RULES["adam"])(run.problem.parameters())
    assert_same(run.train(), plain.train(), tolerance=0)


def test_stub_is_up_to_date(monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(STUBS), "--check"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(STUBS), run_name="__main__")
    assert end.value.code == 0, "run `python tools/stubs.py`"


def test_a_learning_rate_in_a_tensor_is_checked_too():
    with pytest.raises(ValueError, match=r"lr must lie in \[0, inf\), got tensor\(-1\.\)"):
        steepest.SGD(a_parameter(), lr=torch.tensor(-1.0))


@pytest.mark.parametrize(("name", "before"), [("RMSprop", 6), ("Adagrad", 5), ("Adam", 5)])
def test_where_torch_takes_something_else_by_place_ours_goes_by_name_only(name, before):
    """Torch's RMSprop has `capturable` there, its Adagrad `foreach`: a place must not mean two things."""
    values = list(getattr(steepest, name).rule_class.defaults().values())[:before]
    getattr(steepest, name)(a_parameter(), *values)
    with pytest.raises(TypeError, match="too many positional arguments"):
        getattr(steepest, name)(a_parameter(), *values, True)
