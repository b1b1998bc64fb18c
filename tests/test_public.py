"""The public surface: these names and no others, documented, typed, and free until they are used."""

import inspect
import pkgutil
from importlib import import_module

import pytest

import steepest
from steepest.rules import RULES, WRAPPERS

NAMES = {
    "BasinMap", "Comparison", "Doctor", "LBFGS", "MuonWith", "Optimizer", "Path", "QKClip", "RULES", "Rule",
    "SteepestError", "SweepMap", "Trajectories", "__version__", "as_optimizer", "compare", "create", "group_table",
    "hf", "latex", "map_basin", "map_sweep", "play", "stability_limit", "statistics", "trace", "watch",
    "write_report",
}  # fmt: skip
LECTURES = {"SGD", "Momentum", "Adagrad", "RMSprop", "Adam", "AdamW"}
OPTIMIZERS = {rule.__name__ for rule in (*RULES.values(), *WRAPPERS.values())}
HEAVY = ("torch", "sympy", "matplotlib", "pandas", "sklearn", "scipy", "numpy", "numba", "typer", "rich")

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(steepest.__path__, "steepest.")
    if not module.name.endswith("__main__")
)


@pytest.mark.quick
def test_these_are_the_public_names():
    assert set(dir(steepest)) == NAMES | OPTIMIZERS
    assert OPTIMIZERS >= LECTURES
    assert all(getattr(steepest, name) is not None for name in dir(steepest))


@pytest.mark.parametrize("name", sorted(LECTURES | {"Optimizer", "as_optimizer"}))
def test_an_optimizer_is_the_same_wherever_it_is_taken_from(name):
    from steepest import optim

    assert getattr(steepest, name) is getattr(optim, name)


@pytest.mark.parametrize("name", ["adam", "Adamm", "comparison_", "_private", "find"])
def test_what_does_not_exist_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"module 'steepest' has no attribute '{name}'"):
        getattr(steepest, name)
    assert not hasattr(steepest, name)


def test_importing_the_package_loads_nothing_heavy_and_the_first_use_does(python):
    printed = python(
        f"import sys, steepest\nheavy = set({HEAVY})\nprint(sorted(heavy & set(sys.modules)))\n"
        "dir(steepest), steepest.RULES, hasattr(steepest, 'Adamm')\nprint(sorted(heavy & set(sys.modules)))\n"
        "print(steepest.Adam.__name__, 'torch' in sys.modules)"
    )
    assert printed.splitlines() == ["[]", "[]", "Adam True"]


def test_a_run_loads_no_more_than_it_needs(python):
    """Each of these takes as long to load as several runs of digits take."""
    printed = python(
        "import sys\nfrom steepest import rules, workloads\nfrom steepest.training import train\n"
        "train(workloads.find('digits'), rules.find('adam'), seed=1, steps=2)\n"
        "print({'torch._dynamo', 'sklearn', 'scipy.stats', 'pandas', 'matplotlib'} & set(sys.modules))"
    )
    assert printed == "set()\n"


@pytest.mark.parametrize("module", MODULES)
def test_everything_that_a_module_offers_exists_and_is_documented(module):
    found = import_module(module)
    assert found.__doc__, f"{module} does not say what it is"
    for name in getattr(found, "__all__", ()):
        each = getattr(found, name)
        mathematics = module == "steepest.ops"  # the name of a square root is its documentation
        if (inspect.isclass(each) or inspect.isfunction(each)) and not mathematics:
            assert inspect.getdoc(each), f"{module}.{name} is not documented"


@pytest.mark.parametrize("name", sorted((NAMES | OPTIMIZERS) - {"RULES", "__version__"}))
def test_every_public_name_and_its_public_methods_are_documented(name):
    each = getattr(steepest, name)
    assert len(inspect.getdoc(each) or "") > 40
    if inspect.isclass(each) and each.__module__.startswith("steepest"):
        for method, value in vars(each).items():
            if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{method} is not documented"


@pytest.mark.quick
@pytest.mark.parametrize("name", ["trace", "compare", "map_basin", "map_sweep", "play", "watch", "write_report"])
def test_every_argument_of_a_verb_is_explained(name):
    verb = getattr(steepest, name)
    documentation = inspect.getdoc(verb)
    for argument in inspect.signature(verb).parameters:
        assert f"    {argument}: " in documentation.replace("**", ""), f"{name} does not explain {argument}"
    for section in ("Args:", "Returns:", "Raises:", ">>> "):
        assert section in documentation
