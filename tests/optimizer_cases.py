"""What the tests of optimizers and rules share: settings as data, a tiny problem to run them on, ways to compare."""

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations as subsets
from itertools import product

import pytest
import torch

import steepest
from steepest.testing.rules import rounding as rule_rounding

# --- facts ------------------------------------------------------------------------------------------------------------

LIBRARIES = (steepest, torch.optim)
SWITCH = (False, True)
SETTINGS = {
    "SGD": {
        "lr": (0.05,),
        "momentum": (0, 0.9),
        "dampening": (0, 0.3),
        "weight_decay": (0, 0.1),
        "nesterov": SWITCH,
        "maximize": SWITCH,
    },
    "Adagrad": {
        "lr": (0.1,),
        "lr_decay": (0, 0.02),
        "weight_decay": (0, 0.1),
        "initial_accumulator_value": (0, 0.5),
        "eps": (1e-10, 1e-2),
        "maximize": SWITCH,
    },
    "RMSprop": {
        "lr": (0.01,),
        "alpha": (0.99, 0.9),
        "eps": (1e-8, 1e-2),
        "weight_decay": (0, 0.1),
        "momentum": (0, 0.9),
        "centered": SWITCH,
        "maximize": SWITCH,
    },
    "Adam": {
        "lr": (0.02,),
        "betas": ((0.9, 0.999), (0.5, 0.9)),
        "eps": (1e-8, 1e-2),
        "weight_decay": (0, 0.1),
        "amsgrad": SWITCH,
        "maximize": SWITCH,
        "decoupled_weight_decay": SWITCH,
    },
    "AdamW": {
        "lr": (0.02,),
        "betas": ((0.9, 0.999), (0.5, 0.9)),
        "eps": (1e-8, 1e-2),
        "weight_decay": (0, 0.1),
        "amsgrad": SWITCH,
        "maximize": SWITCH,
    },
}
"""The values that are tried of each setting, for every optimizer that torch has too; `lr` gives a visible descent."""

RICH = {
    "SGD": {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    "Adagrad": {"lr_decay": 0.02, "weight_decay": 0.1, "initial_accumulator_value": 0.5},
    "RMSprop": {"momentum": 0.9, "weight_decay": 0.1, "centered": True},
    "Adam": {"weight_decay": 0.1, "amsgrad": True, "maximize": True},
    "AdamW": {"weight_decay": 0.1, "amsgrad": True},
}
"""For each the settings under which it keeps all the state it ever keeps."""


def combinations(table):
    """Every combination of the values in a table of settings."""
    return [dict(zip(table, values, strict=True)) for values in product(*table.values())]


def covering(rows, strength=3):
    """A few of these combinations that show together any values of three settings that any of them shows together.

    A fault in a rule needs certain values of a few settings at once, and a whole product tries each three values again
    and again; see Kuhn, Wallace and Gallo 2004, "Software fault interactions and implications for software testing".
    Greedy: the next row is always the one with most that is new.
    """
    shown = [set(subsets([(name, str(value)) for name, value in row.items()], strength)) for row in rows]
    missing, chosen = set().union(*shown), []
    while missing:
        best = max(range(len(rows)), key=lambda number: len(shown[number] & missing))
        missing -= shown[best]
        chosen.append(best)
    return [rows[number] for number in sorted(chosen)]


def accepted_by_torch(name, settings):
    try:
        getattr(torch.optim, name)([torch.zeros(1)], **settings)
    except ValueError:
        return False
    return True


def spell(settings):
    """A combination as it stands in a test's id, such as `lr=0.05-momentum=0.9`."""
    return "-".join(f"{name}={value}".replace(" ", "") for name, value in settings.items())


def case(name, settings):
    return pytest.param(name, settings, id=f"{name}-{spell(settings)}")


def sorted_out(name):
    """The combinations that torch accepts, and those that it refuses."""
    accepted, refused = [], []
    for settings in combinations(SETTINGS[name]):
        (accepted if accepted_by_torch(name, settings) else refused).append(settings)
    return accepted, refused


ACCEPTED = [case(name, settings) for name in SETTINGS for settings in covering(sorted_out(name)[0])]
REFUSED = [case(name, settings) for name in SETTINGS for settings in sorted_out(name)[1]]

on_both_engines = pytest.mark.parametrize("fused", [None, False], ids=["fused", "eager"])
every_optimizer = pytest.mark.parametrize("name", SETTINGS)
plain_and_rich = pytest.mark.parametrize(
    ("name", "settings"), [case(name, settings) for name in SETTINGS for settings in ({}, RICH[name])]
)

# --- a problem --------------------------------------------------------------------------------------------------------

STEPS = 60
SHAPES = {"weight": (3, 2), "bias": (3,), "head": (1, 2, 2), "scale": ()}


class Problem:
    """Parameters of several shapes with a smooth loss, not quadratic; its slope is bounded, so one can climb it too.

    The loss pulls every parameter, and their mean as well, to targets which are drawn anew for each step (noise). Two
    problems are equal in all of it.
    """

    def __init__(self, dtype=torch.float64):
        generator = torch.Generator().manual_seed(7)
        wide = torch.complex128 if dtype.is_complex else torch.float64

        def normal(*shape):
            return torch.randn(shape, generator=generator, dtype=wide).to(dtype)

        self.dtype = dtype
        self.params = {name: normal(*shape).requires_grad_() for name, shape in SHAPES.items()}
        self.targets = {name: normal(STEPS, *shape) for name, shape in SHAPES.items()}

    def parameters(self):
        return list(self.params.values())

    def loss(self, step, names=SHAPES):
        residuals = [self.params[name] - self.targets[name][step] for name in names]
        middle = sum(each.mean() for each in residuals)
        return sum(_bowl_then_cone(each).sum() for each in (*residuals, middle))


def _bowl_then_cone(residual):
    return (1 + (residual * residual.conj()).real).sqrt()


@dataclass
class Run:
    """An optimizer and the problem whose parameters it steps."""

    optimizer: torch.optim.Optimizer
    problem: Problem

    def train(self, steps=range(STEPS), names=SHAPES):
        """Step through the given steps; parameters that are not named get no gradient."""
        for step in steps:
            self.optimizer.zero_grad()
            self.problem.loss(step, names).backward()
            self.optimizer.step()
        return self


def both(build, dtype=torch.float64):
    """Two runs of equal problems, steepest's first, then torch's: `build(library, problem)` makes the optimizer."""
    return tuple(Run(build(library, problem), problem) for library in LIBRARIES for problem in [Problem(dtype)])


def alone(name, settings, dtype=torch.float64):
    """Steepest's optimizer of this name on a problem of its own."""
    problem = Problem(dtype)
    return Run(getattr(steepest, name)(problem.parameters(), **settings), problem)


def pair(name, settings, dtype=torch.float64, fused=None):
    """Both libraries' optimizer of one name with the same settings, each on its own problem; `fused` is for ours."""
    ours, theirs = both(lambda library, problem: getattr(library, name)(problem.parameters(), **settings), dtype)
    ours.optimizer.param_groups[0]["fused"] = fused
    return ours, theirs


# --- comparison -------------------------------------------------------------------------------------------------------


def rounding(dtype, steps=STEPS):
    """How far two runs may part, see `steepest.testing.rules.rounding`; here for runs of `STEPS` steps."""
    return rule_rounding(dtype, steps)


def assert_same(actual, expected, tolerance=None):
    """Both runs' parameters agree but for `rounding`, or to the tolerance given; 0 means bit by bit."""
    tolerance = rounding(expected.problem.dtype) if tolerance is None else tolerance
    for name, reached in actual.problem.params.items():
        wanted = expected.problem.params[name].detach()
        allowed = tolerance * max(1.0, float(wanted.abs().max()))
        torch.testing.assert_close(
            reached.detach(), wanted, rtol=0, atol=allowed, msg=lambda text, name=name: f"{name}: {text}"
        )


@contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def moved(run):
    """The names of the parameters that are no longer where they started."""
    start = Problem(run.problem.dtype).params
    return {name for name, param in run.problem.params.items() if not torch.equal(param, start[name])}
