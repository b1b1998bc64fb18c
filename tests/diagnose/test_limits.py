"""The curvature along a step against the largest stable one: exact on the quadratic workload, for each kind of rule."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest import rules
from steepest.diagnose.limits import limit_of, rule_in
from steepest.workloads.quadratic import quadratic

WORKLOAD = quadratic(condition=100, dims=5, noise=0.5)
HESSIAN = torch.tensor(WORKLOAD.curvatures).double()  # the workload has them in float32


def watched(make, steps=40):
    """The workload in float64 with the doctor beside; at each step the change and the optimizer's states behind it."""
    torch.manual_seed(0)
    model = WORKLOAD.model().double()
    (param,) = model.parameters()
    optimizer = make([param])
    _, targets, _, _ = WORKLOAD.data()
    targets = targets.double()
    batch = torch.Generator().manual_seed(1)
    chosen = targets[:10]

    def loss():
        return WORKLOAD.loss(model(torch.ones(len(chosen), 1, dtype=torch.float64)), chosen)

    doctor = steepest.watch(model, optimizer, budget=1.0, again=loss)
    seen = {}
    for step in range(steps):
        chosen = targets[torch.randint(len(targets), (10,), generator=batch)]
        optimizer.zero_grad()
        value = loss()
        value.backward()
        before, gradient = param.detach().clone(), param.grad.clone()
        optimizer.step()
        state = {name: torch.as_tensor(entry).clone() for name, entry in optimizer.state[param].items()}
        seen[step] = (param.detach() - before).flatten(), gradient.flatten(), state
        doctor.step(value)
    doctor.close()
    return doctor, seen


def root(state, beta=0.999, name="exp_avg_sq", eps=1e-8):
    return (state[name].flatten() / (1 - beta ** float(state["step"]))).sqrt() + eps


def corrected(state, beta1=0.9):
    return (1 - beta1 ** float(state["step"])) * root(state)


TORCH = torch.optim
BY_HAND = {
    # limit times learning rate, and the diagonal of P from state and step
    "SGD": (lambda p: TORCH.SGD(p, 0.1), 0.1, 2.0, lambda state, step: 1.0),
    "momentum": (lambda p: TORCH.SGD(p, 0.05, momentum=0.9), 0.05, 3.8, lambda state, step: 1.0),
    "nesterov": (
        lambda p: TORCH.SGD(p, 0.02, momentum=0.9, nesterov=True), 0.02, 3.8 / 2.8, lambda state, step: 1.0,
    ),
    "dampened": (lambda p: TORCH.SGD(p, 0.3, momentum=0.5, dampening=0.5), 0.3, 6.0, lambda state, step: 1.0),
    "coupled decay": (lambda p: TORCH.SGD(p, 0.05, weight_decay=0.3), 0.05, 2.0, lambda state, step: 1.0),
    "Adam": (lambda p: TORCH.Adam(p, 0.05), 0.05, 38.0, lambda state, step: corrected(state)),
    "Adam, betas": (
        lambda p: TORCH.Adam(p, 0.05, betas=(0.5, 0.99)), 0.05, 6.0,
        lambda state, step: (1 - 0.5 ** float(state["step"])) * root(state, 0.99),
    ),
    "amsgrad": (
        lambda p: TORCH.Adam(p, 0.05, amsgrad=True), 0.05, 38.0,
        lambda state, step: (1 - 0.9 ** float(state["step"])) * root(state, name="max_exp_avg_sq"),
    ),
    "RMSprop": (
        lambda p: TORCH.RMSprop(p, 0.02), 0.02, 2.0, lambda state, step: state["square_avg"].flatten().sqrt() + 1e-8,
    ),
    "RMSprop, momentum": (
        lambda p: TORCH.RMSprop(p, 0.02, momentum=0.9), 0.02, 3.8,
        lambda state, step: state["square_avg"].flatten().sqrt() + 1e-8,
    ),
    "Adagrad": (lambda p: TORCH.Adagrad(p, 0.1), 0.1, 2.0, lambda state, step: state["sum"].flatten().sqrt() + 1e-10),
    "Adamax": (
        lambda p: TORCH.Adamax(p, 0.05), 0.05, 38.0,
        lambda state, step: (1 - 0.9 ** float(state["step"])) * state["exp_inf"].flatten(),
    ),
    "steepest.SGD": (lambda p: steepest.SGD(p, 0.1), 0.1, 2.0, lambda state, step: 1.0),
    "steepest.Momentum": (lambda p: steepest.Momentum(p, 0.05), 0.05, 3.8, lambda state, step: 1.0),
    "steepest.AdamW": (
        lambda p: steepest.AdamW(p, 0.05, weight_decay=0.0), 0.05, 38.0, lambda state, step: corrected(state),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_on_the_quadratic_it_is_the_exact_value(name):
    """Curvatures of the workload, the limit's formula and P written by hand: at each observed step the same."""
    make, lr, times, divided = BY_HAND[name]
    doctor, seen = watched(make)
    assert len(doctor.record.edges) >= 9 and doctor.record.no_limit == ""
    for step, edge in doctor.record.edges:
        change, _, state = seen[step]
        bowed = float((change.square() * HESSIAN).sum())
        bound = float((change.square() * divided(state, step)).sum()) * times / lr
        assert edge == pytest.approx(bowed / bound, rel=1e-8), step


@pytest.mark.parametrize("name", ["Lion", "Signum", "Rprop", "ScheduleFreeSGD", "Prodigy"])
def test_where_there_is_no_limit_it_says_why(name):
    doctor, _ = watched(lambda params: getattr(steepest, name)(params), steps=4)
    assert doctor.record.edges == [] and doctor.record.no_limit in ("sign", "average", "tensor")
    for lang, words in (("en", "no largest stable curvature"), ("zh", "没有可以比较的最大稳定曲率")):
        assert words in doctor.step_size.happened(lang)


def test_whole_tensor_rules_are_those_they_are_made_of_with_all_factors_frozen():
    """LAMB's step is Adam's times one number, so that number is part of P."""
    doctor, seen = watched(lambda params: steepest.LAMB(params, 0.02))
    for step, edge in doctor.record.edges:
        change, _, state = seen[step]
        bound = -38.0 * float(change @ state["exp_avg"].flatten())
        assert edge == pytest.approx(float((change.square() * HESSIAN).sum()) / bound, rel=1e-8)


def test_groups_of_other_rates_and_an_unknown_optimizer():
    """Two groups: the bound is the sum of theirs. A class that is nobody's has none."""
    ends = nn.ParameterList([nn.Parameter(torch.ones(1, dtype=torch.float64)) for _ in range(2)])

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.ends = ends

        def forward(self):
            return 2.0 * self.ends[0].square() + 0.5 * self.ends[1].square()

    class Own(torch.optim.SGD):
        """A subclass may do anything."""

    for make, known in ((torch.optim.SGD, True), (Own, False)):
        model = Pair()
        optimizer = make([{"params": [ends[0]], "lr": 0.1}, {"params": [ends[1]], "lr": 0.4}])
        doctor = steepest.watch(model, optimizer, again=lambda: model().sum())  # noqa: B023
        optimizer.zero_grad()
        loss = model().sum()
        loss.backward()
        first, second = (float(end.grad) for end in ends)
        optimizer.step()
        doctor.step(loss)
        if known:
            bowed = 4 * (0.1 * first) ** 2 + (0.4 * second) ** 2
            assert doctor.record.edges == [(0, pytest.approx(bowed / (2 * 0.1 * first**2 + 2 * 0.4 * second**2)))]
        else:
            assert doctor.record.edges == [] and doctor.record.no_limit == "unknown"


def test_nothing_is_told_that_rounding_or_summed_gradients_decide():
    torch.manual_seed(0)
    inputs, labels = torch.randn(32, 8), torch.randint(3, (32,))
    told = {}
    for name, rate, passes, clip in (
        ("plain", 0.5, 1, None), ("tiny steps", 1e-9, 1, None), ("accumulated", 0.5, 2, None),
        ("norm", 0.5, 1, nn.utils.clip_grad_norm_), ("values", 0.5, 1, nn.utils.clip_grad_value_),
    ):  # fmt: skip
        model = nn.Linear(8, 3)
        optimizer = torch.optim.SGD(model.parameters(), rate)
        doctor = steepest.watch(model, optimizer)
        for _ in range(3):
            optimizer.zero_grad()
            for _ in range(passes):
                loss = functional.cross_entropy(model(inputs), labels)
                loss.backward()
            if clip is not None:
                clip(model.parameters(), 0.05)
            optimizer.step()
            doctor.step(loss)
        told[name] = doctor.record.edges
    assert len(told["plain"]) == len(told["norm"]) == 3
    assert told["tiny steps"] == told["accumulated"] == told["values"] == []


def test_a_step_beyond_the_edge_of_a_parabola_grows():
    """Of gradient descent on curvature 1 the number is half of the learning rate, whatever the point."""
    for rate in (0.5, 2.5):
        point = nn.Linear(1, 1, bias=False)
        optimizer = torch.optim.SGD(point.parameters(), rate)
        with steepest.watch(point, optimizer) as doctor:
            for _ in range(4):
                optimizer.zero_grad()
                loss = functional.mse_loss(point(torch.full((2, 1), 0.5**0.5)), torch.zeros(2, 1))
                loss.backward()
                optimizer.step()
                doctor.step(loss)
        assert all(edge == pytest.approx(rate / 2, abs=1e-4) for _, edge in doctor.record.edges)
        assert doctor.findings == []  # four losses of two examples are too few to call a rate too high
        assert "SGD" in doctor.step_size.happened("zh")
        assert doctor.step_size.numbers["now"] == pytest.approx(rate / 2, abs=1e-4)


def test_torchs_settings_make_the_rule():
    params = [nn.Parameter(torch.ones(2))]
    optimizer = torch.optim.AdamW(params, lr=torch.tensor(0.1), betas=(0.8, 0.9), amsgrad=True)
    rule = rule_in(optimizer, optimizer.param_groups[0])
    assert isinstance(rule, rules.AdamW) and (rule.lr, rule.betas, rule.amsgrad) == (1.0, (0.8, 0.9), True)
    assert limit_of(rule).times == pytest.approx(2 * 1.8 / 0.2)
    climbing = torch.optim.SGD(params, 0.1, maximize=True)
    assert rule_in(climbing, climbing.param_groups[0]) == "unknown"
    assert math.isfinite(limit_of(rules.NAdam(lr=1.0)).times)
