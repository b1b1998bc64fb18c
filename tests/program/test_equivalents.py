"""The facts about other libraries: each is what is measured, where the library is installed, and the page says so."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from steepest.base.errors import UnknownName
from steepest.optim import as_optimizer
from steepest.program.equivalents import document, equivalents, like, page_of, versions
from steepest.rules import find

STEPS = 100
random = np.random.default_rng(0)
NOISE, START = random.normal(size=(STEPS, 8, 6)), random.normal(size=(8, 6))
RATES = {"lars": 0.5, "schedulefreesgd": 0.1, "prodigy": 1.0, "adadelta": 1.0}
HERE = [entry for entry in equivalents() if entry.library in ("torch", "schedulefree", "prodigyopt")]
HERE += [entry for entry in equivalents() if entry.library == "optax"]


def slope(x, step):
    return x / (1 + x * x) ** 0.5 + NOISE[step]


def arguments(entry):
    return eval(f"dict({entry.settings})", {})


def path_of(make, single):
    param = torch.nn.Parameter(torch.tensor(START, dtype=torch.float32 if single else torch.float64))
    optimizer, path = make([param]), []
    if hasattr(optimizer, "train"):
        optimizer.train()
    for step in range(STEPS):
        param.grad = torch.from_numpy(slope(param.detach().double().numpy(), step)).to(param.dtype)
        optimizer.step()
        path.append(param.detach().double().numpy().copy())
    return np.stack(path)


def path_of_optax(transformation):
    import jax
    import optax

    with jax.enable_x64(True):
        param = jax.numpy.asarray(START)
        state, path = transformation.init(param), []
        for step in range(STEPS):
            change, state = transformation.update(jax.numpy.asarray(slope(np.asarray(param), step)), state, param)
            param = optax.apply_updates(param, change)
            path.append(np.asarray(param))
    return np.stack(path)


def measured(entry):
    """How far both are apart, as a share of the way."""
    rule = find(entry.here, lr=(rate := RATES.get(entry.here.partition("(")[0], 0.01)))
    settings = {name: getattr(rule, name) for name in rule.hyperparameters()}
    module, _, name = entry.there.rpartition(".")
    theirs = getattr(importlib.import_module(module), name)
    if entry.library == "optax":
        expected = path_of_optax(theirs(rate, **arguments(entry)))
    else:
        expected = path_of(lambda params: theirs(params, lr=rate, **arguments(entry)), entry.single)
    ours = path_of(lambda params: as_optimizer(type(rule))(params, **settings), entry.single)
    return np.abs(ours - expected).max() / np.abs(expected - START).max()


@pytest.mark.parametrize("entry", HERE, ids=lambda entry: entry.there)
def test_the_distance_is_what_is_written(entry, capsys):
    """Rounding is rounding; what differs is as large as written, within a factor of four on another problem."""
    found = measured(entry)
    if entry.apart < 1e-6:
        assert found < 1e-6
    else:
        assert entry.apart / 4 < found < 4 * entry.apart


@pytest.mark.quick
def test_every_entry_names_a_rule_and_says_what_differs():
    for entry in equivalents():
        assert find(entry.here)
        assert arguments(entry) is not None
        assert entry.library in versions()
        assert entry.apart < 1e-4 or entry.differs is not None, entry.there
        assert entry.defaults is None or entry.defaults > entry.apart
    names = [entry.name for entry in equivalents()]
    assert len(set(names)) == len(names)


@pytest.mark.quick
def test_a_class_is_found_by_its_library_and_name():
    assert like("timm.lamb") is like("TIMM.Lamb") is like("timm.optim.Lamb")
    assert like("pytorch-optimizer.kron").here == "psgdkron"
    with pytest.raises(UnknownName, match=r"unknown class 'timm.lam'; did you mean 'timm.lamb'\?"):
        like("timm.lam")
    with pytest.raises(UnknownName, match="did you mean 'heavyball"):
        like("heavyball.something")


@pytest.mark.quick
@pytest.mark.parametrize(("lang", "words"), [("en", "of the way"), ("zh", "路程的")])
def test_the_page_of_a_class(lang, words):
    page = page_of("timm.lamb", lang)
    assert page.title == "timm.optim.Lamb = steepest lamb"
    facts = dict(page.facts.rows)
    assert any(words in value for value in facts.values())
    assert "max_grad_norm=None, always_adapt=True" in facts.values()
    assert any("trust_clip" in name for name, _ in page.settings.rows)


@pytest.mark.quick
def test_the_document_is_what_the_facts_say():
    assert (Path(__file__).parents[2] / "docs/equivalents.md").read_text(encoding="utf-8") == document()
