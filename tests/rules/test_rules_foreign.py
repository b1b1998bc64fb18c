"""Arguments of the authors' own classes, and of other well-known ones: taken, or answered with what to write."""

import inspect
import math

import prodigyopt
import pytest
import schedulefree
import torch

import steepest
from steepest.base.errors import InvalidValue, UnknownSetting
from steepest.rules import RULES, find, resolve

PASTED = {
    "Prodigy": [
        {"betas": (0.9, 0.99), "beta3": None, "decouple": True, "use_bias_correction": True, "safeguard_warmup": True},
        {"d_coef": 2.0, "growth_rate": float("inf"), "slice_p": 1, "fsdp_in_use": True},
    ],
    "SOAP": [
        {"lr": 3e-3, "betas": (0.95, 0.95), "shampoo_beta": -1, "weight_decay": 0.01, "precondition_frequency": 10},
        {"merge_dims": False, "precondition_1d": False, "normalize_grads": False, "data_format": "channels_first"},
        {"max_precond_dim": 10000, "correct_bias": True},
    ],
    "AdEMAMix": [
        {"alpha": 2.0, "beta3_warmup": None, "alpha_warmup": None},
        {"alpha": 8.0, "t_alpha": 100, "t_beta3": 100},  # bitsandbytes
    ],
    "LAMB": [
        {"weight_decay": 0.01, "adam": False},  # cybertronai
        {"bias_correction": True, "grad_averaging": True, "max_grad_norm": None, "trust_clip": False},  # timm
        {"adam_w_mode": True, "amsgrad": False, "set_grad_none": True, "use_nvlamb": True},  # NVIDIA
    ],
    "Adafactor": [  # Hugging Face
        {"lr": 1e-2, "eps": (1e-30, 1e-3), "clip_threshold": 1.0, "decay_rate": -0.8, "beta1": None},
        {"weight_decay": 0.0, "scale_parameter": True, "relative_step": True, "warmup_init": False},
    ],
    "Lion": [{"use_triton": True, "decoupled_weight_decay": False}],  # lucidrains
    "Muon": [
        {"lr": 0.02, "momentum": 0.95, "nesterov": True, "backend": "newtonschulz5", "backend_steps": 5},  # Jordan
        {"rank": 0, "world_size": 1},
    ],
    "Adam": [{"bias_correction": True, "adam_w_mode": True, "set_grad_none": True}],  # NVIDIA
    "AdamW": [{"correct_bias": True, "no_deprecation_warning": True}],  # Hugging Face
    "RAdam": [{"degenerated_to_sgd": True}],
    "NAdam": [{"schedule_decay": 4e-3}],
    "RMSprop": [{"rho": 0.9, "epsilon": 1e-7, "learning_rate": 0.01}],  # Keras
    "Nesterov": [{"nesterov": True, "dampening": 0}],
}
ANSWERED = [
    ("Prodigy", {"decouple": False}, "add a penalty to the loss"),
    ("Prodigy", {"beta3": 0.99}, "the root of betas"),
    ("Prodigy", {"growth_rate": 1.02}, "leave it out"),
    ("Prodigy", {"slice_p": 11}, "leave it out"),
    ("SOAP", {"merge_dims": True}, "reshape the parameter"),
    ("SOAP", {"precondition_1d": True}, "vectors get plain Adam"),
    ("SOAP", {"correct_bias": False}, "always corrected"),
    ("AdEMAMix", {"t_alpha": 10, "alpha_warmup": 20}, "both are given"),
    ("LAMB", {"max_grad_norm": 1.0}, "clip_grad_norm_"),
    ("LAMB", {"clamp_value": 10}, "not bounded"),
    ("Adafactor", {"beta1": 0.9}, "no momentum"),
    ("Adafactor", {"warmup_init": True}, "LinearLR"),
    ("Lion", {"decoupled_weight_decay": True}, "divide weight_decay by lr"),
    ("Muon", {"use_muon": False}, "steepest.MuonWith"),
    ("Muon", {"adamw_betas": (0.9, 0.95)}, "steepest.MuonWith"),
    ("AdamW", {"decoupled_weight_decay": False}, "always True"),
    ("Adam", {"beta_1": 0.9}, "write betas=(..., ...)"),
    ("AdEMAMix", {"b1": 0.9}, "3 numbers"),
]

with_rules = pytest.mark.parametrize("rule", RULES.built_in.values(), ids=RULES.built_in)


def a_matrix():
    return torch.nn.Parameter(torch.linspace(-1, 1, 6).reshape(2, 3))


def optimizer_of(name, **settings):
    return getattr(steepest, name)([a_matrix()], **settings)


def arguments(optimizer_class):
    """All that a class takes beside the parameters, with its defaults."""
    every = inspect.signature(optimizer_class).parameters.values()
    return {each.name: each.default for each in every if each.name != "params"}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("Prodigy", prodigyopt.Prodigy),
        ("ScheduleFreeSGD", schedulefree.SGDScheduleFree),
        ("ScheduleFreeAdamW", schedulefree.AdamWScheduleFree),
        ("ScheduleFreeAdamW", schedulefree.AdamWScheduleFreeReference),
        *(
            (rule.__name__, getattr(torch.optim, rule.__name__))
            for rule in RULES.built_in.values()
            if hasattr(torch.optim, rule.__name__)
        ),
    ],
)
def test_every_argument_of_the_authors_class_is_taken_at_its_default(name, theirs):
    optimizer_of(name, **arguments(theirs))


@pytest.mark.parametrize(("name", "settings"), [(name, each) for name, rows in PASTED.items() for each in rows])
def test_what_people_paste_is_taken(name, settings):
    """By the optimizer, for a group, and for a rule by name; what has no effect is not kept."""
    plain, given = optimizer_of(name), optimizer_of(name, **settings)
    assert given.param_groups[0].keys() == plain.param_groups[0].keys()
    grouped = getattr(steepest, name)([{"params": [a_matrix()], **settings}])
    assert grouped.param_groups[0].keys() == plain.param_groups[0].keys()
    expected = {key: value for key, value in given.param_groups[0].items() if key != "params"}
    assert {key: value for key, value in grouped.param_groups[0].items() if key != "params"} == expected
    rule = find(name.lower(), **settings)
    for setting in rule.hyperparameters():
        wanted = expected[setting]
        assert getattr(rule, setting) == wanted or wanted is None


@pytest.mark.parametrize(("name", "settings", "answer"), ANSWERED)
def test_what_would_mean_something_else_is_answered(name, settings, answer):
    with pytest.raises(UnknownSetting) as refusal:
        optimizer_of(name, **settings)
    assert answer in str(refusal.value)
    if answer != "both are given":  # a group has all settings: which of them were given is not known
        with pytest.raises(UnknownSetting):
            getattr(steepest, name)([{"params": [a_matrix()], **settings}])
    with pytest.raises(UnknownSetting):
        find(name.lower(), **settings)


def test_a_spec_has_the_names_of_the_rule():
    """So that a search leaves alone what the user fixed under another name."""
    assert resolve("adam(learning_rate=0.1, bias_correction=True)").settings == {"lr": 0.1}
    with pytest.raises(UnknownSetting, match="reshape"):
        resolve("soap(merge_dims=True)")


def test_a_checkpoint_with_a_setting_that_would_mean_something_else_is_refused():
    optimizer = optimizer_of("Prodigy")
    state = optimizer.state_dict()
    state["param_groups"][0]["decouple"] = True
    optimizer.load_state_dict(state)
    state["param_groups"][0]["decouple"] = False
    with pytest.raises(InvalidValue, match=r"checkpoint is of another optimizer: .* penalty"):
        optimizer.load_state_dict(state)


def test_a_warm_up_of_none_is_none():
    """As in the authors' class: the same steps as with 0, also where the group has None."""
    first, second = optimizer_of("AdEMAMix", beta3_warmup=None, alpha_warmup=None), optimizer_of("AdEMAMix")
    for optimizer in (first, second):
        (param,) = optimizer.param_groups[0]["params"]
        param.grad = torch.ones_like(param)
        optimizer.step()
        assert "fused" in optimizer.engine
    assert torch.equal(first.param_groups[0]["params"][0], second.param_groups[0]["params"][0])
    assert find("ademamix(alpha_warmup=None)").alpha_warmup == 0


@with_rules
def test_facts(rule):
    """A name stands for one thing, a renamed one is a hyperparameter, and every answer says what to write."""
    foreign = rule.foreign_arguments()
    assert not rule.foreign.keys() & rule.hyperparameters().keys()
    for name, argument in foreign.items():
        if argument.name is not None:
            assert argument.name in rule.hyperparameters(), name
        elif argument.same is not None:
            assert argument.instead, name


@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
def test_the_learning_rate_of_muon_without_a_bound(shape):
    """Torch 2.14's third choice: the root of rows over columns."""
    taken = {}
    for choice in (None, "spectral_unclamped"):
        param = torch.nn.Parameter(torch.zeros(shape))
        optimizer = steepest.Muon([param], lr=0.1, adjust_lr_fn=choice)
        param.grad = torch.arange(6.0).reshape(shape)
        optimizer.step()
        taken[choice] = param.detach()
    factor = math.sqrt(shape[0] / shape[1]) / math.sqrt(max(1, shape[0] / shape[1]))
    torch.testing.assert_close(taken["spectral_unclamped"], factor * taken[None])
