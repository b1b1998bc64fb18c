"""SAM and ASAM against their authors' algorithm, in torch, on landscapes and in comparisons."""

import numpy as np
import pytest
import torch
from torch import nn

import steepest
from steepest.base.errors import InvalidValue
from steepest.landscapes import find as find_landscape
from steepest.report.sentences import external_sentence
from steepest.rules import find
from steepest.training import train
from steepest.workloads import find as find_workload
from steepest.workloads.stepping import make_step, needs_closure

INSIDE = {
    "SGD": ({"lr": 0.1, "momentum": 0.9}, torch.optim.SGD), "AdamW": ({"lr": 0.01}, torch.optim.AdamW),
    "Lion": ({"lr": 0.01}, steepest.Lion), "Muon": ({"lr": 0.01}, steepest.Muon),
}  # fmt: skip


def problem(bias=True):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8, bias=bias), nn.Tanh(), nn.Linear(8, 3, bias=bias)).double()
    return model, torch.randn(16, 5).double(), torch.randint(0, 3, (16,))


def closure_of(model, optimizer, x, y):
    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    return closure


class AuthorsSAM:
    """`SAM.first_step` and `second_step` of the PyTorch implementation that the authors refer to, with `adaptive`."""

    def __init__(self, params, base, rho, eta=None, **settings):
        self.params, self.base, self.rho, self.eta = list(params), None, rho, eta
        self.base = base(self.params, **settings)

    def step(self, closure):
        loss = closure()
        scales = [1.0 if self.eta is None else param.detach().abs() + self.eta for param in self.params]
        parts = [(scale * param.grad).norm(p=2) for scale, param in zip(scales, self.params, strict=True)]
        scale_of_all = self.rho / (torch.stack(parts).norm(p=2) + 1e-12)
        old = [param.detach().clone() for param in self.params]
        for param, scale in zip(self.params, scales, strict=True):
            param.data.add_(scale**2 * param.grad * scale_of_all)
        closure()
        for param, before in zip(self.params, old, strict=True):
            param.data = before
        self.base.step()
        return loss

    def zero_grad(self):
        for param in self.params:
            param.grad = None


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize(("wrapper", "rho", "eta"), [("SAM", 0.05, None), ("ASAM", 0.5, 0.01)])
def test_it_is_the_authors_algorithm(name, wrapper, rho, eta):
    settings, base = INSIDE[name]
    ours, x, y = problem(bias=name != "Muon")
    theirs, *_ = problem(bias=name != "Muon")
    mine = getattr(steepest, wrapper)(getattr(steepest, name))(ours.parameters(), rho=rho, **settings)
    other = AuthorsSAM(theirs.parameters(), base, rho, eta, **settings)
    for _ in range(10):
        loss = mine.step(closure_of(ours, mine, x, y))
        expected = other.step(closure_of(theirs, other, x, y))
        assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


def test_the_norm_goes_over_all_groups_each_with_its_distance():
    params = [nn.Parameter(torch.tensor([3.0], dtype=torch.float64)) for _ in range(2)]
    optimizer = steepest.SAM(steepest.SGD)(
        [{"params": [params[0]], "rho": 1.0}, {"params": [params[1]]}], lr=0.1, rho=2.0
    )
    seen = []

    def closure():
        optimizer.zero_grad()
        seen.append([param.item() for param in params])
        loss = 3.0 * params[0].sum() + 4.0 * params[1].sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert seen[1] == pytest.approx([3.0 + 1.0 * 3 / 5, 3.0 + 2.0 * 4 / 5])
    assert [param.item() for param in params] == pytest.approx([2.7, 2.6])


def test_maximizing_descends_before_it_climbs():
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = steepest.SAM(steepest.SGD)([weight], lr=0.1, rho=0.5, maximize=True)
    seen = []

    def closure():
        optimizer.zero_grad()
        seen.append(weight.item())
        (weight**2).sum().backward()
        return (weight**2).sum()

    optimizer.step(closure)
    assert seen == [1.0, 0.5]
    assert weight.item() == pytest.approx(1.1)


def test_weights_come_back_bit_by_bit_where_the_second_evaluation_fails():
    weight = nn.Parameter(torch.tensor([0.1]))
    optimizer = steepest.SAM(steepest.SGD)([weight], lr=0.1)
    calls = []

    def closure():
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("data")
        (weight**2).sum().backward()

    with pytest.raises(KeyError):
        optimizer.step(closure)
    assert torch.equal(weight.detach(), torch.tensor([0.1]))


def test_it_keeps_the_kernel_of_the_rule_and_needs_a_closure():
    model, x, y = problem()
    optimizer = steepest.SAM(steepest.AdamW)(model.parameters(), lr=0.01)
    assert needs_closure(optimizer)
    assert not needs_closure(steepest.AdamW(model.parameters()))
    make_step(optimizer, closure_of(model, optimizer, x, y))
    assert optimizer.engine == "fused CPU kernel for 4 parameters"
    with pytest.raises(InvalidValue, match=r"evaluates the gradient twice; call step\(closure\)"):
        optimizer.step()
    with pytest.raises(InvalidValue, match="SAM AdamW evaluates the gradient again before a step"):
        optimizer.step_in_backward(model)
    with pytest.raises(InvalidValue, match="cannot wrap SAM SGD: it evaluates the gradient more than once already"):
        find("asam(sam(sgd))")


def test_a_wrapper_around_sam_ascends_too():
    one, x, y = problem()
    two, *_ = problem()
    settings = {"lr": 0.1, "rho": 0.3, "k": 1, "alpha": 1.0}
    nested = steepest.Lookahead(steepest.SAM(steepest.SGD))(one.parameters(), **settings)
    plain = steepest.SAM(steepest.SGD)(two.parameters(), lr=0.1, rho=0.3)
    for _ in range(3):
        nested.step(closure_of(one, nested, x, y))
        plain.step(closure_of(two, plain, x, y))
    for mine, other in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-14)


# --- on landscapes and in comparisons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", ["sam", "asam"])
def test_a_path_is_that_of_the_equations_and_counts_evaluations(wrapper):
    path = steepest.trace(f"{wrapper}(sgd(lr=0.002), rho=0.1)", "rosenbrock", steps=21)
    assert (path.steps, path.evaluations) == (10, 20)
    landscape, x = find_landscape("rosenbrock"), path.x[0]
    for step in range(10):
        grad = landscape.gradient(x)
        scale = 1.0 if wrapper == "sam" else np.abs(x) + 0.01
        worst = x + 0.1 * scale**2 * grad / np.linalg.norm(scale * grad)
        x = x - 0.002 * landscape.gradient(worst)
        np.testing.assert_allclose(path.x[step + 1], x, rtol=0, atol=1e-13)  # slopes of 200, rounded in each step


def test_a_schedule_ends_where_the_evaluations_do():
    path = steepest.trace("sam(sgd(lr=0.1))", "bowl", steps=8, schedule="linear")
    plain = steepest.trace("sgd(lr=0.1)", "bowl", steps=8, schedule="linear")
    np.testing.assert_allclose(path.lr, plain.lr[::2])


def test_a_run_has_as_many_evaluations_as_one_of_any_other_rule(monkeypatch):
    workload = find_workload("digits")
    counted = []
    for name in ("sgd", "sam(sgd)"):
        updates, session = [], workload.begin(0, "cpu")
        advance = type(session).advance

        def counting(self, optimizer, steps, advance=advance, updates=updates):
            updates.append(steps)
            return advance(self, optimizer, steps)

        monkeypatch.setattr(type(session), "advance", counting)
        run = train(workload, find(name, lr=0.1), seed=1, steps=21)
        monkeypatch.undo()
        counted.append((sum(updates), run.curve[-1].step))
        assert np.isfinite([point.train_loss for point in run.curve]).all()
    assert counted == [(21, 21), (10, 21)]


def test_the_report_says_what_a_step_counts(tmp_path, without_report):
    optimizers, small = ["sgd", "sam(sgd)"], {"trials": 1, "seeds": 2, "steps": 20}
    study = steepest.compare("digits", optimizers, out=tmp_path / "study", pictures=False, **small)
    sentence = external_sentence(study)
    assert sentence is not None
    assert "Steps are evaluations of the gradient: SAM SGD makes an update of two of them" in sentence.en
    assert "SAM SGD" in sentence.zh
