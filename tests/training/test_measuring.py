"""What is known of a run beside its curve: the problem that it solved, in a number, and the time of a step."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from steepest.rules import SGD, Adam
from steepest.training import step_times, timing, train
from steepest.workloads.supervised import Supervised

mse = torch.nn.functional.mse_loss


def points(shift: float = 0.0, count: int = 16, dtype: torch.dtype = torch.float32):
    inputs = torch.randn(count, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    inputs[0, 0] += shift
    targets = inputs.sum(dim=1, keepdim=True)
    return inputs, targets, inputs[:4], targets[:4]


def small(**changes) -> Supervised:
    workload = Supervised(
        name="small", about="", about_zh="", data=points, model=lambda: torch.nn.Linear(3, 1),
        loss=mse, metric=mse, metric_name="loss", higher_is_better=False, target=-1.0, batch_size=4, steps=3,
    )  # fmt: skip
    return replace(workload, **changes)


# --- fingerprints -----------------------------------------------------------------------------------------------------


def fingerprint(workload: Supervised | None = None, rule=None, seed: int = 1, **more) -> str:
    return train(workload or small(), rule or SGD(lr=0.1), seed, **more).fingerprint


def test_one_problem_has_one_fingerprint_whoever_solves_it_however():
    found = {
        fingerprint(), fingerprint(rule=Adam(lr=9.0)), fingerprint(steps=7), fingerprint(batch_size=2),
        fingerprint(small(target=0.5, steps=1)), fingerprint(schedule="cosine"),
    }  # fmt: skip
    assert len(found) == 1
    assert len(found.pop()) == 64


def half(model: torch.nn.Module) -> torch.nn.Module:
    with torch.no_grad():
        model.bias += 2.0**-23
    return model


OTHERS = {
    "seed": lambda: fingerprint(seed=2),
    "a bit of the data": lambda: fingerprint(small(data=lambda: points(shift=2.0**-20))),
    "more data": lambda: fingerprint(small(data=lambda: points(count=17))),
    "a bit of the weights": lambda: fingerprint(small(model=lambda: half(torch.nn.Linear(3, 1)))),
    "what weights are called": lambda: fingerprint(small(model=lambda: torch.nn.Sequential(torch.nn.Linear(3, 1)))),
    "the loss": lambda: fingerprint(small(loss=lambda output, targets: 2 * mse(output, targets))),
}


@pytest.mark.parametrize("other", OTHERS)
def test_any_other_problem_has_another(other):
    assert OTHERS[other]() != fingerprint()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
def test_numbers_of_any_kind_have_a_fingerprint(dtype):
    workload = small(data=lambda: points(dtype=dtype), model=lambda: torch.nn.Linear(3, 1, dtype=dtype))
    assert fingerprint(workload) == fingerprint(workload) != fingerprint()


def test_what_a_model_keeps_beside_its_weights_counts_too():
    """Such as the running averages of a normalization."""

    def model(start):
        norm = torch.nn.BatchNorm1d(3)
        norm.running_mean += start
        return torch.nn.Sequential(norm, torch.nn.Linear(3, 1))

    assert fingerprint(small(model=lambda: model(0.0))) != fingerprint(small(model=lambda: model(1e-6)))


# --- the time of a step -----------------------------------------------------------------------------------------------


class Clock:
    """A clock on which each training step takes as long as its batch is large, in milliseconds, times its mood.

    The thread that trains works all the time, but for `waiting` milliseconds of each step.
    """

    def __init__(self):
        self.now, self.worked, self.waits = 0.0, 0.0, 0
        self.mood, self.waiting, self.order = 1.0, 0.0, []

    def loss(self, output, targets):
        if torch.is_grad_enabled():
            work = len(output) / 1000 * self.mood
            self.now += work + self.waiting / 1000
            self.worked += work
            self.waits += bool(self.waiting)
            self.order.append(len(output))
        return mse(output, targets)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    clocks = SimpleNamespace(perf_counter=lambda: made.now, thread_time=lambda: made.worked)
    monkeypatch.setattr(timing, "time", clocks)
    monkeypatch.setattr(timing, "_waits", lambda: made.waits)
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    return made


def contestants(*sizes):
    return [(SGD(lr=0.1), size, "constant") for size in sizes]


def test_step_times_are_those_of_the_steps(clock):
    times = step_times(small(loss=clock.loss, steps=100), contestants(2, 4, 8), rounds=5, block=0.02)
    np.testing.assert_allclose(times.seconds, [[0.002] * 5, [0.004] * 5, [0.008] * 5], rtol=1e-9)
    assert times.clock == "thread"


def test_time_that_the_machine_gave_to_others_does_not_count(clock):
    """Another program takes the processor for a while: that is no waiting, and the thread's clock stands still."""
    clock.waiting = 7.0

    def loss(output, targets):
        found = clock.loss(output, targets)
        clock.waits = 0
        return found

    times = step_times(small(loss=loss, steps=100), contestants(2, 4), rounds=5, block=0.02)
    np.testing.assert_allclose(times.seconds, [[0.002] * 5, [0.004] * 5], rtol=1e-9)
    assert times.clock == "thread"


def test_a_step_that_waits_is_measured_by_the_wall_in_short_blocks(clock):
    """For data from a disk or from other processes: that is part of its time."""
    clock.waiting = 98.0
    times = step_times(small(loss=clock.loss, steps=1000), contestants(2, 4), rounds=3, block=0.2)
    np.testing.assert_allclose(times.seconds, [[0.1] * 3, [0.102] * 3], rtol=1e-9)
    assert times.clock == "wall"
    assert len(clock.order) <= 2 * (4 + 3 * 2)


def test_several_threads_and_systems_that_cannot_tell_are_measured_by_the_wall(clock, monkeypatch):
    for place, other in (("torch.get_num_threads", lambda: 2), ("steepest.training.timing._waits", None)):
        with monkeypatch.context() as patched:
            patched.setattr(place, other)
            assert step_times(small(loss=clock.loss), contestants(2), rounds=3, block=0.0).clock == "wall"


def test_steps_of_this_machine_are_measured_by_one_clock_for_all():
    times = step_times(small(steps=50), contestants(2, 4), rounds=3, block=0.001)
    assert times.clock in ("thread", "wall")
    assert all(0 < seconds < 1 for own in times.seconds for seconds in own)


def test_a_block_is_as_long_as_asked_for_and_at_least_a_step(clock):
    step_times(small(loss=clock.loss), contestants(2, 8), rounds=1, block=0.006)
    assert clock.order[-(3 + 1) :] == [2, 2, 2, 8]


def test_every_round_has_a_block_of_each_and_begins_with_another(clock):
    step_times(small(loss=clock.loss), contestants(2, 4, 8), rounds=4, block=0.0)
    assert clock.order[-12:] == [2, 4, 8, 4, 8, 2, 8, 2, 4, 2, 4, 8]


def test_a_machine_that_grows_slower_slows_all_alike(clock):
    """Which is why they take turns: one after the other, the last would look slowest."""

    def loss(output, targets):
        clock.mood = 1 + clock.now
        return clock.loss(output, targets)

    times = step_times(small(loss=loss), contestants(*[4] * 5), rounds=9, block=0.012)
    first, *_, last = np.median(times.seconds, axis=1)
    assert last / first == pytest.approx(1, abs=0.02)
    assert clock.mood > 1.5


def test_evaluation_is_outside_the_clock_and_global_generators_are_left_alone(clock):
    def refuse(output, targets):
        raise AssertionError("measured")

    before = torch.get_rng_state()
    assert len(step_times(small(metric=refuse), contestants(2), rounds=3, block=0.0).seconds[0]) == 3
    assert torch.equal(torch.get_rng_state(), before)
