"""Where the time of a step goes: to data, model and optimizer, by a clock that the test moves."""

import math
from types import SimpleNamespace

import pytest
import torch

from steepest.rules import SGD
from steepest.training import StepParts, StepTimes, parts, step_parts, step_times
from steepest.training.forecast import forecasts
from steepest.workloads import Problem, Session, find


class Made(Session):
    """Takes 3 ms to get a batch, 2 ms forward and backward; an optimizer that asks again computes it all again.

    With a period, as many batches are got at once.
    """

    def __init__(self, clock, tells):
        self.model, self.clock, self.tells = torch.nn.Linear(1, 1), clock, tells
        self.period, self.fetched, self.asked = clock.period, 0, clock.asked
        if tells:
            self.next_batch = self.fetch

    def fetch(self):
        self.fetched += 1
        if self.fetched % self.period == 0:
            self.clock.now += 0.003 * self.period
        return torch.ones(1, 1)

    def advance(self, optimizer, steps):
        losses = []
        self.asked.append(steps)
        for _ in range(steps):

            def compute():
                optimizer.zero_grad()
                loss = self.model((self.next_batch or self.fetch)()).square().mean()
                loss.backward()
                self.clock.now += 0.002
                return loss

            if self.clock.closures:
                losses.append(optimizer.step(compute).detach())
            else:
                losses.append(compute().detach())
                optimizer.step()
        return losses

    def measure(self):
        return {"loss": 1.0}


class Clock(Problem):
    target, steps = 0.0, 100

    def __init__(self, tells=True, closures=0, period=1):
        self.now, self.tells, self.closures, self.period, self.asked = 0.0, tells, closures, period, []

    def begin(self, seed, device):
        return Made(self, self.tells)


@pytest.fixture
def measured(monkeypatch):
    """Measure a problem whose optimizer takes 1 ms, and so many evaluations of the closure, if it is given one."""

    def measure(clock: Clock) -> list[StepParts]:
        class Slow(torch.optim.SGD):
            def step(self, closure=None):
                with torch.enable_grad():
                    losses = [closure() for _ in range(clock.closures)] if closure else []
                super().step()
                clock.now += 0.001
                return losses[0] if losses else None

        make = lambda rule, model, groups: Slow(model.parameters(), lr=1e-3)  # noqa: E731
        monkeypatch.setattr("steepest.training.trainer.optimizer_of", make)
        monkeypatch.setattr(
            parts, "time", SimpleNamespace(perf_counter=lambda: clock.now, thread_time=lambda: clock.now)
        )
        (made,) = step_parts(clock, [(SGD(lr=1e-3), 0, "constant")], StepTimes([[0.006]], "wall"), rounds=2)
        assert len(made) == 2
        return made

    return measure


def test_a_step_is_told_apart(measured):
    for found in measured(Clock()):
        assert tuple(found) == pytest.approx((0.003, 0.002, 0.001))


def test_a_workload_that_does_not_tell_has_data_in_its_model(measured):
    for found in measured(Clock(tells=False)):
        assert math.isnan(found.data)
        assert tuple(found[1:]) == pytest.approx((0.005, 0.001))


def test_a_closure_is_the_models_and_the_datas_time_however_often_it_is_called(measured):
    for found in measured(Clock(closures=3)):
        assert tuple(found) == pytest.approx((0.009, 0.006, 0.001))


def test_steps_that_differ_are_timed_in_whole_periods(measured):
    for found in measured(Clock(period=5)):
        assert tuple(found) == pytest.approx((0.003, 0.002, 0.001))
    for measure in (step_times, lambda problem, chosen: forecasts(problem, [(*chosen[0], problem.steps)])):
        clock = Clock(period=7)
        measure(clock, [(SGD(lr=1e-3), 0, "constant")])
        assert clock.asked[0] == 1 and len(clock.asked) > 6 and all(steps % 7 == 0 for steps in clock.asked[1:])


@pytest.mark.parametrize("name", ["digits", "quadratic"])
def test_built_in_workloads_tell_and_their_parts_are_the_whole(name):
    problem, contestants = find(name), [(SGD(lr=0.1), 0, "cosine"), (SGD(lr=0.1), 8, "constant")]
    before = torch.get_rng_state()
    for own in step_parts(problem, contestants, StepTimes([[1e-3], [1e-3]], "thread"), rounds=2, block=0.005):
        assert len(own) == 2
        assert all(part > 0 for found in own for part in found)
    assert torch.equal(torch.get_rng_state(), before)
