"""Paths of classes of `torch.optim.Optimizer`: their own steps, and evaluations of the gradient counted alike."""

import numpy as np
import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue, UnknownSetting
from steepest.figures.path_data import frame_of, tracks_of
from steepest.figures.paths import draw_paths

START, STEPS = (-1.2, 1.0), 80


def rosenbrock(weight):
    return 100 * (weight[1] - weight[0] ** 2) ** 2 + (1 - weight[0]) ** 2


def by_hand(make, steps):
    """Positions and evaluations of torch's own loop, with gradients of autograd."""
    weight = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    optimizer, calls, found = make([weight]), [], [(0, weight.detach().numpy().copy())]

    def closure():
        calls.append(1)
        optimizer.zero_grad()
        loss = rosenbrock(weight)
        loss.backward()
        return loss

    while True:
        optimizer.step(closure)
        if len(calls) > steps:
            return found
        found.append((len(calls), weight.detach().numpy().copy()))


@pytest.mark.parametrize(
    ("spec", "make"),
    [
        ("lbfgs", steepest.LBFGS),
        ("lbfgs(history_size=2)", lambda params: steepest.LBFGS(params, history_size=2)),
        ("torch.optim:LBFGS(lr=1.0,max_iter=4,line_search_fn='strong_wolfe')",
         lambda params: torch.optim.LBFGS(params, lr=1.0, max_iter=4, line_search_fn="strong_wolfe")),
    ],
)  # fmt: skip
def test_a_path_is_that_of_the_loop_of_torch(spec, make):
    path = steepest.trace(spec, "rosenbrock", START, steps=STEPS)
    expected = by_hand(make, STEPS)
    assert path.evaluated.tolist() == [calls for calls, _ in expected]
    assert path.evaluations <= STEPS
    np.testing.assert_allclose(path.x, [x for _, x in expected], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(path.f, [float(rosenbrock(x)) for x in path.x], rtol=1e-12)


def test_lbfgs_arrives_where_gradient_descent_does_not():
    """At the same number of gradients: what the comparison is for."""
    lbfgs, sgd = (steepest.trace(rule, "rosenbrock", START, steps=120) for rule in ("lbfgs", "sgd(lr=0.002)"))
    assert lbfgs.f[-1] < 1e-10 < 0.1 < sgd.f[-1]
    assert (lbfgs.evaluations <= 120, sgd.evaluations) == (True, 120)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("torch.optim:Adam(lr=0.1)", "adam(lr=0.1)"),
        ("torch.optim:SGD(lr=0.001,momentum=0.9)", "momentum(lr=0.001, momentum=0.9)"),
        ("torch.optim:RMSprop(lr=0.01)", "rmsprop(lr=0.01)"),
    ],
)
@pytest.mark.parametrize("schedule", [None, "cosine"])
def test_a_class_of_torch_and_our_rule_go_the_same_way(theirs, ours, schedule):
    one, other = (
        steepest.trace(rule, "himmelblau", steps=60, noise=0.5, seed=3, schedule=schedule) for rule in (theirs, ours)
    )
    np.testing.assert_allclose(one.x, other.x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.grad, other.grad, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(one.lr, other.lr)
    assert one.evaluated.tolist() == other.evaluated.tolist() == list(range(61))
    assert one.outcome.code == other.outcome.code


def test_the_gradients_of_one_step_have_the_same_noise():
    """As they have the same batch: else a line search would find no decrease."""
    path = steepest.trace("lbfgs", "bowl", (3.0, 2.0), steps=60, noise=0.3, seed=1)
    again = steepest.trace("lbfgs", "bowl", (3.0, 2.0), steps=60, noise=0.3, seed=1)
    np.testing.assert_array_equal(path.x, again.x)
    exact = np.array([path.landscape.gradient(x) for x in path.x[:-1]])
    draws = np.random.default_rng(1).standard_normal((path.steps, 2))
    np.testing.assert_allclose(path.grad - exact, 0.3 * draws, atol=1e-12)


SAM = """
import torch

class Ascent(torch.optim.Optimizer):
    def __init__(self, params, lr=0.001, rho=0.05):
        super().__init__(params, dict(lr=lr, rho=rho))

    @torch.no_grad()
    def step(self, closure):
        (group,) = self.param_groups
        (param,) = group["params"]
        closure()
        before = param.clone()
        param += group["rho"] * param.grad / (param.grad.norm() + 1e-12)
        closure()
        param.copy_(before - group["lr"] * param.grad)
"""


def test_both_gradients_of_sam_have_the_same_noise(write_file):
    """As its authors' class has, whose closure computes both on the same batch."""
    ascent = write_file("ascent.py", SAM)
    theirs, ours = (
        steepest.trace(rule, "rosenbrock", START, steps=40, noise=1.0, seed=2, lr=1e-3)
        for rule in (f"{ascent}:Ascent", "sam(sgd)")
    )
    np.testing.assert_allclose(theirs.x, ours.x, rtol=1e-12)


def test_sam_counts_two_evaluations_an_update():
    path = steepest.trace("sam(sgd(lr=0.1))", "bowl", steps=21)
    assert (path.steps, path.evaluations, path.evaluated[:3].tolist()) == (10, 20, [0, 2, 4])
    assert "10 steps of 20 gradient evaluations" in repr(path)


def test_paths_are_drawn_by_evaluations_side_by_side():
    paths = [steepest.trace(rule, "rosenbrock", START, steps=30) for rule in ("lbfgs", "adam(lr=0.1)")]
    lbfgs, adam = tracks_of(paths, frame_of(paths))
    assert (lbfgs.steps, adam.steps) == (paths[0].evaluations, 30)
    for at, x in enumerate(lbfgs.x):
        made = int(np.flatnonzero(paths[0].evaluated <= at)[-1])
        np.testing.assert_array_equal(x, paths[0].x[made])
    np.testing.assert_array_equal(adam.x, paths[1].x)
    for lang, label in (("en", "gradient evaluations"), ("zh", "梯度求值次数")):
        assert draw_paths(paths, lang=lang).axes[1].get_xlabel() == label
    assert draw_paths(paths[1:]).axes[1].get_xlabel() == "step"


RATELESS = """
import torch

class Plain(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure=None):
        for param in self.param_groups[0]["params"]:
            param.sub_(param.grad, alpha=self.rate(param))

    def rate(self, param):
        return 1e-3

class Wild(Plain):
    def rate(self, param):
        return 1.0

class Draws(Plain):
    def rate(self, param):
        return 1e-4 * torch.rand(()).item()

class Leaves(Plain):
    def rate(self, param):
        if param.shape != (4, 3):
            raise SystemExit(3)
        return 0.0
"""


def test_a_class_without_settings_has_a_path_and_no_advice_about_its_rate(write_file):
    file = write_file("rateless.py", RATELESS)
    plain, wild = (steepest.trace(f"{file}:{name}", "rosenbrock", START) for name in ("Plain", "Wild"))
    sgd = steepest.trace("sgd(lr=0.001)", "rosenbrock", START)
    np.testing.assert_allclose(plain.x, sgd.x, rtol=1e-12)
    assert (plain.rule.label(), plain.why, wild.why) == ("Plain", (), ())
    assert (plain.outcome.code, sgd.outcome.code, wild.outcome.code) == ("falling", "falling", "overflows")
    assert (plain.outcome.advice(), plain.outcome.advice("zh")) == ("more steps would help", "再走一些步")
    assert (wild.outcome.advice(), wild.outcome.advice("zh")) == ("", "")
    assert "learning rate" in sgd.outcome.advice()
    with pytest.raises(UnknownSetting, match="Plain has no hyperparameter 'lr'; there are none"):
        steepest.trace(f"{file}:Plain", "rosenbrock", lr=0.1)


def test_a_line_search_needs_no_other_learning_rate():
    assert steepest.trace("lbfgs", "rosenbrock", START, steps=20).outcome.advice() == "more steps would help"


def test_what_a_class_draws_follows_from_the_seed(write_file):
    file = write_file("rateless.py", RATELESS)
    before = torch.random.get_rng_state()
    one, again, other = (
        steepest.trace(f"{file}:Draws", "rosenbrock", START, steps=20, seed=seed).x for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_class_that_leaves_the_program_is_refused(write_file):
    with pytest.raises(InvalidValue, match="Leaves: SystemExit: 3"):
        steepest.trace(f"{write_file('rateless.py', RATELESS)}:Leaves", "rosenbrock")


BROKEN = """
import torch

class Broken(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, dict(lr=lr))

    def step(self, closure=None):
        if self.param_groups[0]["params"][0].shape != (4, 3):
            raise ZeroDivisionError("no rate")
"""


def test_what_cannot_be_traced_is_refused_in_one_line(write_file):
    broken = write_file("broken.py", BROKEN)
    for rule, words, more in (
        ("lbfgs", "steps: too few gradient evaluations for an update of L-BFGS; give more", {"steps": 1}),
        ("sam(sgd)", "steps: too few gradient evaluations for an update of SAM SGD; give more", {"steps": 1}),
        ("lbfgs(lr=0)", r"lr must lie in \(0, inf\)", {}),
        ("lbfgs(history_size=1.5)", "history_size must be a whole number", {}),
        ("lbfgs", "is a class of optimizers, of which steepest has no equation", {"starts": [(1.0, 1.0)]}),
        (broken, "Broken: ZeroDivisionError: no rate", {}),
        ("lbgfs", "unknown rule 'lbgfs'; did you mean 'lbfgs'", {}),
    ):
        with pytest.raises(InvalidValue, match=words) as raised:
            steepest.trace(rule, "rosenbrock", **more)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("lang", "said"), [("en", " updates, "), ("zh", " 次梯度求值")])
def test_the_command_counts_both(command, lang, said):
    code, printed, complained = command(f"trace lbfgs 'sam(sgd)' adam --on rosenbrock --steps 40 --lang {lang}")
    assert (code, complained) == (0, "")
    assert printed.count(said) == 2
    assert ", 40 " in printed.splitlines()[0] or "共 40 步" in printed.splitlines()[0]
