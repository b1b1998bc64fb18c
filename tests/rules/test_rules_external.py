"""Classes of `torch.optim.Optimizer` as rules: their settings are read, they are tried out, and refused in one line."""

import copy
import pickle
import sys

import numpy as np
import pytest
import torch

import steepest
from steepest import rules
from steepest.base.errors import InvalidValue, SteepestError, UnknownName, UnknownSetting
from steepest.playground.build import _rules_in, build_page
from steepest.program.showing import equations, show
from steepest.rules import External, resolve, resolve_all
from steepest.rules.external import REQUIRED

pytestmark = pytest.mark.quick

MINE = """
import torch

class Base(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0, warmup=10, *, noise=0.0):
        if noise < 0:
            raise ValueError(f"noise is {noise}")
        super().__init__(params, dict(lr=lr, momentum=momentum, warmup=warmup, noise=noise))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    param -= group["lr"] * (param.grad + group["noise"] * torch.randn_like(param))

class Derived(Base):
    def __init__(self, params, rate=0.1, **others):
        super().__init__(params, lr=rate, **others)

class Loose(Base):
    def __init__(self, params, **settings):
        super().__init__(params, **{"lr": 0.1, **settings})

class NeedsClosure(Base):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)

    def step(self, closure=None):
        assert closure is not None, "give me a closure"
        closure()
        super().step()

class _Private(Base):
    pass

class NoStep(torch.optim.Optimizer):
    pass
"""


PLAIN = """
from dataclasses import dataclass
from steepest import Rule


@dataclass(frozen=True, kw_only=True)
class Plain(Rule):
    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * grad,)
"""


@pytest.fixture
def mine(write_file):
    return write_file("mine.py", MINE)


def test_settings_are_those_of_the_signature_with_its_defaults():
    sgd = resolve("torch.optim:SGD(momentum=0.9, nesterov=True)")
    assert (sgd.label, sgd.name, sgd.module) == ("SGD (torch) momentum=0.9, nesterov=True", "sgd", "torch.optim")
    assert sgd.rule_class.defaults()["momentum"] == 0.0
    assert isinstance(sgd.rule_class.defaults()["momentum"], float)  # a search of it is no search of whole numbers
    optimizer = sgd.rule(lr=0.25).make([torch.nn.Parameter(torch.ones(2))])
    assert type(optimizer) is torch.optim.SGD
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["nesterov"], group["dampening"]) == (0.25, 0.9, True, 0)
    assert rules.find("torch.optim:LBFGS").defaults()["max_iter"] == 20


@pytest.mark.parametrize("name", [name for name, kind in vars(torch.optim).items() if isinstance(kind, type)])
def test_every_optimizer_of_torch_becomes_a_rule(name):
    if name == "Optimizer":
        with pytest.raises(InvalidValue, match=r"no torch\.optim\.Optimizer with a step"):
            resolve(f"torch.optim:{name}")
        return
    rule = resolve(f"torch.optim:{name}").rule_class
    assert issubclass(rule, External)
    assert rule.title == f"{name} (torch)"
    assert (rule.evaluations is None) == (name == "LBFGS")
    assert (rule.least_axes, rule.axes) == ((2, {2}) if name == "Muon" else (0, set()))
    assert rule.hyperparameters()["lr"].metadata["facts"].search is not None


def test_a_class_that_derives_from_one_of_ours_is_searched_as_its_rule(write_file):
    """As one of docs/contestants.md: a switch that a rule has not, such as 8-bit states."""
    file = write_file(
        "bits.py",
        """
import steepest

class Adam8(steepest.Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999)):
        super().__init__(params, lr, betas, state_bits=8)

class Free(steepest.ScheduleFreeAdamW):
    pass
""",
    )
    for name, rule in (("Adam8", "adam"), ("Free", "scheduleFreeAdamW")):
        made, ours = resolve(f"{file}:{name}").rule_class, rules.RULES[rule.lower()]
        searched = [kind.hyperparameters()["lr"].metadata["facts"].search for kind in (made, ours)]
        assert searched[0] == searched[1] is not None
        assert (made.by_default, made.own_schedule) == (None, ours.own_schedule)
    optimizer = resolve(f"{file}:Adam8").rule(lr=0.25).make([torch.nn.Parameter(torch.ones(2))])
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["state_bits"]) == (0.25, 8)


def test_a_namesake_of_torch_searches_the_range_of_ours_and_any_other_one_around_its_default():
    adam, asgd = (resolve(f"torch.optim:{name}").rule_class for name in ("Adam", "ASGD"))
    assert adam.hyperparameters()["lr"].metadata["facts"].search == (1e-4, 1.0)
    assert adam.by_default is None
    assert asgd.hyperparameters()["lr"].metadata["facts"].search == asgd.by_default == (1e-5, 1.0)


def test_a_file_stands_for_all_classes_in_it(mine):
    found = {reference.text.rpartition(":")[2]: reference.rule_class for reference in resolve_all(mine)}
    assert list(found) == ["Base", "Derived", "Loose", "NeedsClosure"]
    assert found["Base"].title == "Base"
    assert found["Base"].defaults() == {"lr": REQUIRED, "momentum": 0.0, "warmup": 10, "noise": 0.0}
    assert list(found["Derived"].hyperparameters()) == ["rate", "momentum", "warmup", "noise"]
    assert set(found["Loose"].defaults()) == {"lr", "momentum", "warmup", "noise"}
    assert found["Loose"].defaults()["lr"] == 0.1
    assert [rule.evaluations for rule in found.values()] == [1, 1, 1, None]
    assert resolve(f"{mine}:_Private").rule_class.title == "_Private"


def test_rules_and_classes_of_one_file_compete_together(write_file):
    file = write_file("both.py", MINE + PLAIN)
    assert [reference.name for reference in resolve_all(file)] == ["plain", "base", "derived", "loose", "needsclosure"]


def test_settings_at_the_default_are_left_to_the_class(mine):
    derived = resolve(f"{mine}:Derived(momentum=0.5)")
    assert derived.rule().given == {"momentum": 0.5}
    assert derived.rule(rate=0.1).make([torch.nn.Parameter(torch.ones(2))]).param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("torch.optim:Rprp", UnknownName, "torch.optim has no 'Rprp'; did you mean 'Rprop'?"),
        ("torch.optim.Rprop", UnknownName, "write torch.optim:Rprop for a class of an installed module"),
        ("not_there:Fast", UnknownName, "there is no module 'not_there'; install it: pip install not-there"),
        ("torch.not_there:Fast", UnknownName, "there is no module 'torch.not_there'"),
        ("torch.nn:Linear", InvalidValue, "it has no optimizers"),
        ("torch.optim:SGD(0.1)", InvalidValue, "name the settings, for example SGD(lr=0.1)"),
        ("torch.optim:SGD(lr=-1)", InvalidValue, "SGD (torch): ValueError: Invalid learning rate: -1"),
        ("torch.optim:SGD(lr='fast')", InvalidValue, "SGD (torch): TypeError"),
        ("torch.optim:SGD(speed=1)", UnknownSetting, "SGD (torch) has no hyperparameter 'speed'"),
        ("mine.py:Base(lr=0.1, noise=-1)", InvalidValue, "Base: line 7: ValueError: noise is -1"),
        ("mine.py:NoStep", UnknownName, "unknown rule 'NoStep'"),
        ("mine.py:Base(warmup=True, momentum='x')", None, ""),
    ],
)
def test_a_bad_spec_is_refused_in_one_line(text, kind, words, mine, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if kind is None:
        assert resolve(text).rule().missing == ["lr"]  # the class is asked when all is there
        return
    with pytest.raises(SteepestError) as raised:
        resolve(text).rule()
    assert type(raised.value) is kind
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_module_that_lacks_another_says_which_to_install(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import torch, not_there_either\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidValue, match="half_installed needs not_there_either; install it: pip install"):
        resolve("half_installed:Fast")
    assert "half_installed" not in sys.modules


def test_trying_a_class_out_draws_no_random_numbers_of_the_caller(mine):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    resolve(f"{mine}:Base(lr=0.1, noise=1.0)").rule()
    assert torch.equal(torch.rand(2), expected)


def test_what_needs_an_equation_refuses_it_in_one_line():
    words = r"Rprop \(torch\): is a class of optimizers, of which steepest has no equation"
    with pytest.raises(InvalidValue, match=words):
        steepest.trace("torch.optim:Rprop", "ravine", starts=[(1, 1)], lr=0.1, steps=3)
    with pytest.raises(InvalidValue, match=words):
        rules.find("torch.optim:Rprop", lr=np.array([0.1, 0.2]))  # as a sweep asks for it
    with pytest.raises(InvalidValue, match=words):
        build_page(rules="torch.optim:Rprop")
    with pytest.raises(InvalidValue, match=f"^{words}; or write its formula"):
        equations("torch.optim:Rprop")


@pytest.mark.parametrize(("lang", "label"), [("en", "class"), ("zh", "类")])
def test_show_has_its_settings_and_says_whose_code_it_is(lang, label):
    (page,) = show(["torch.optim:Rprop(lr=0.5)"], lang=lang)
    assert (page.title, page.equations) == ("Rprop (torch)", [])
    assert page.facts.rows == [(label, "torch.optim.rprop.Rprop")]
    assert ("etas", "0.5, 1.2") in [(row[0], row[2]) for row in page.settings.rows]


@pytest.mark.parametrize(("lang", "evaluates"), [("en", "as many gradients a step"), ("zh", "每步求几次梯度")])
def test_show_has_formulas_and_character_of_our_own_class(lang, evaluates):
    (page,) = show(["lbfgs(history_size=3)"], lang=lang)
    facts = [row[1] for row in page.facts.rows]
    assert len(page.equations) == 4
    assert any(fact.startswith(evaluates) for fact in facts)
    assert {"Liu and Nocedal 1989", "steepest.optim.lbfgs.LBFGS"} < set(facts)
    assert ("history_size", "m", "3") in [row[:3] for row in page.settings.rows]
    (table,) = show(["adam", "lbfgs", "torch.optim:Rprop"], lang=lang)
    assert [row[0] for row in table.rows] == ["Adam", "L-BFGS", "Rprop (torch)"]


def test_our_own_class_is_searched_as_it_declares_and_keeps_its_rate():
    lbfgs = resolve("LBFGS").rule_class
    assert lbfgs.hyperparameters()["lr"].metadata["facts"].search == (0.01, 10.0)
    assert (lbfgs.by_default, lbfgs.own_schedule, lbfgs.evaluations) == (None, "constant", None)
    assert lbfgs.look[1] == "H"


def test_the_playground_takes_the_rules_of_a_file_that_has_classes_too(write_file):
    assert [reference.name for reference in _rules_in(write_file("both.py", MINE + PLAIN))] == ["plain"]
    assert len(_rules_in(write_file("classes.py", MINE))) == 4  # which are refused


def test_a_module_beside_the_users_script_is_named_by_its_file(write_file, monkeypatch, tmp_path):
    write_file("fast_ones.py", MINE)
    monkeypatch.syspath_prepend(tmp_path)
    reference = resolve("fast_ones:Derived(momentum=0.5)")
    assert reference.text == f"{tmp_path / 'fast_ones.py'}:Derived(momentum=0.5)"
    assert reference.source is not None
    assert reference.label == "Derived momentum=0.5"


def test_a_file_in_this_folder_is_meant_where_no_module_is_installed(write_file, monkeypatch, tmp_path):
    write_file("fast_and_here.py", MINE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName, match=r"no module 'fast_and_here'; your file is fast_and_here\.py:Base\(lr=0\.1\)"):
        resolve("fast_and_here:Base(lr=0.1)")


@pytest.mark.parametrize("spec", ["lbfgs(history_size=3)", "torch.optim:SGD(lr=0.1, momentum=0.9)", "torch.optim:Adam"])
def test_a_class_as_a_rule_can_be_copied_and_pickled(spec):
    rule = rules.find(spec)
    for again in (copy.deepcopy(rule), pickle.loads(pickle.dumps(rule))):
        assert (again, type(again)) == (rule, type(rule))
