"""A session and the optimizer that trains it: makes steps under a schedule, and measures without side effects."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .. import schedules
from ..base.errors import InvalidValue
from ..optim.external import evaluating, start_training
from ..optim.routing import optimizer_of
from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import drawing_from, random_state, seeded, set_random_state
from .evaluations import Evaluations
from .own_draws import may_draw, separate_draws

__all__ = ["Trainer"]

MEASURING = 0x5EED
"""Combined with a run's seed, by exclusive or, into the seed of its evaluations."""


class Trainer:
    """A fresh session of a problem, and an optimizer by a rule.

    Args:
        problem: what to train.
        rule: the optimizer.
        seed: of the session; the caller has seeded the global generators.
        steps: the length of the run, which the schedule stretches over.
        batch_size: examples a step; None or 0: the problem's own.
        schedule: of the learning rate, by name.
        device: where to train.

    Attributes:
        spent: gradients that were evaluated so far.

    Raises:
        InvalidValue: a batch size for a problem that has none.
    """

    def __init__(
        self, problem: Problem, rule: Rule, seed: int, steps: int, batch_size: int | None, schedule: str,
        device: torch.device | str = "cpu",
    ) -> None:  # fmt: skip
        if batch_size:
            if problem.batch_size is None:
                raise InvalidValue(f"{problem.name}: has no batch size that could be {batch_size}; leave it out")
            problem = problem.replace(batch_size=batch_size)
        self.problem, self.steps = problem, steps
        self.session = problem.begin(seed, device)
        self.optimizer = optimizer_of(rule, self.session.model, self.session.groups)
        start_training(self.optimizer)
        self._scheduler = self._scheduler_of(rule, schedule)
        changes = schedule != "constant" and self._scheduler is None
        self._factor = schedules.find(schedule) if changes else None
        self._rates = [] if self._factor is None else rates_of(rule, self.optimizer)
        self._step, self._device = 0, device
        self._evaluations, self.spent, self._rated = rule.evaluations, 0, 0
        self._counted = Evaluations(self.optimizer) if rule.evaluations is None else None
        self._before: list[torch.Tensor] = []
        self._train_loss: float | None = None
        if not getattr(self.session, "seeds_batches", False) and may_draw(rule, self.optimizer):
            separate_draws(self.optimizer, seed, device)
        with seeded(seed ^ MEASURING, device):
            self._measuring = random_state(device)

    @property
    def updates(self) -> int:
        """The number of steps of the optimizer in the whole run, at most."""
        return self.steps // (self._evaluations or 1)

    @property
    def on_processor(self) -> bool:
        """Whether it trains on the CPU, where a thread's clock counts all of the work."""
        return torch.device(self._device).type == "cpu"

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given; a CPU has already."""
        device = torch.device(self._device)
        if device.type == "mps":  # the one kind of which there is only one
            torch.mps.synchronize()
        elif device.type not in ("cpu", "meta"):
            torch.get_device_module(device).synchronize(device)

    def whole_periods(self, steps: float) -> int:
        """The number of steps to time that is nearest to this one: whole periods of the session, a run at most."""
        period = self.session.period
        return min(period * max(1, min(round(steps / period), self.steps // period)), self.steps)

    def draws(self) -> list[Any]:
        """The states of the global generators, from which the next step draws."""
        return random_state(self._device)

    def set_draws(self, states: list[Any]) -> None:
        """Let the next step draw from these states of `draws`."""
        set_random_state(states, self._device)

    def advance(self, count: int) -> float:
        """Make `count` steps and return the mean of their training losses; this waits for the losses.

        Steps are counted in evaluations of the gradient. A rule that needs two of them for an update, as SAM does,
        makes half as many updates. One that makes as many as it likes, as L-BFGS does, begins an update as long as a
        step is left; if that needed more than were left, its result is measured only after enough further steps. Where
        no update is due, the loss is that of the last ones.
        """
        if self._evaluations != 1:
            return self._advance_by_evaluations(count)
        if self._factor is None and self._scheduler is None:
            losses = self.session.advance(self.optimizer, count)
        else:
            losses = []
            for step in range(self._step, self._step + count):
                self.set_rates(step)
                losses.extend(self.session.advance(self.optimizer, 1))
        self._step += count
        self.spent = self._step
        return self.problem.read_losses(losses, count)

    def spend(self, count: int) -> int:
        """Make whole updates of at least `count` evaluations of the gradient, and return how many these were."""
        begun, each = self.spent, self._evaluations or 1
        self.advance(begun + -(-count // each) * each - self._step)
        return self.spent - begun

    def _advance_by_evaluations(self, count: int) -> float:
        """As `advance`, where an update takes several evaluations."""
        self._step += count
        losses: list[Any] = []
        while self.spent + (self._evaluations or 1) <= self._step:
            for step in range(self._rated, self.spent + 1):  # a scheduler goes on by each of them
                self.set_rates(step)
            self._rated = self.spent + 1
            if self._counted is not None:
                with evaluating(self.optimizer):
                    self._before = [tensor.detach().clone() for tensor in self.session.weights()]
            losses.extend(self.session.advance(self.optimizer, 1))
            self.spent += self._evaluations or max(1, self._counted.taken() if self._counted is not None else 0)
        if losses:
            self._train_loss = self.problem.read_losses(losses, len(losses))
        elif self._train_loss is None:
            self._train_loss, _ = self.measure()
        return self._train_loss

    @contextmanager
    def _paid_for(self) -> Iterator[None]:
        """The weights to evaluate; those before an update that needed more evaluations than there have been steps.

        Afterwards the parameters are what they were. As the optimizer's state is that after the update by then, the
        weights before it are kept as they are evaluated, where an optimizer has others for that.
        """
        if self.spent <= self._step:
            with evaluating(self.optimizer):
                yield
            return
        weights = self.session.weights()
        after = [tensor.detach().clone() for tensor in weights]
        _copy(weights, self._before)
        try:
            yield
        finally:
            _copy(weights, after)

    def set_rates(self, step: int) -> bool:
        """Set the learning rates of a step, counted from 0; whether they change from step to step.

        A scheduler goes on by one step, but not beyond the run, of which it may know the length.
        """
        if self._scheduler is not None:
            if 0 < step < self.steps:
                self._scheduler.step()
            return True
        if self._factor is None:
            return False
        factor = self._factor(step % self.steps, self.steps)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        return True

    def _scheduler_of(self, rule: Rule, schedule: str) -> Any:
        """The scheduler of the workload's file or of an installed module; None where the schedule is a function."""
        if schedule == schedules.OF_THE_WORKLOAD and self.problem.scheduler is not None:
            made = self.problem.scheduler(self.optimizer, self.steps)
            if not callable(getattr(made, "step", None)):
                raise InvalidValue(f"{self.problem.name}: `scheduler` must return an object with step(), got {made!r}")
            return made
        if not schedules.is_scheduler(schedule):
            return None
        rates_of(rule, self.optimizer)
        return schedules.scheduler(self.optimizer, schedule, self.steps)

    def measure(self) -> tuple[float, float]:
        """Loss and metric at the weights to evaluate; model, optimizer and random numbers stay as they were."""
        with drawing_from(self._measuring, self._device), self._paid_for():
            measured = self.session.measure()
        return self.problem.read_measure(measured)

    def show(self) -> Any:
        """What the session shows at the weights to evaluate; all else stays as it was, as in `measure`."""
        with drawing_from(self._measuring, self._device), self._paid_for():
            return self.session.show()


@torch.no_grad()
def _copy(to: Iterable[torch.Tensor], values: Iterable[torch.Tensor]) -> None:
    for tensor, value in zip(to, values, strict=True):
        tensor.copy_(value)


def rates_of(rule: Rule, optimizer: torch.optim.Optimizer) -> list[float]:
    """The learning rate of each parameter group.

    Raises:
        InvalidValue: a group has none.
    """
    if any("lr" not in group for group in optimizer.param_groups):
        raise InvalidValue(f"{rule.title}: has no learning rate that a schedule could change; leave out --schedule")
    return [float(group["lr"]) for group in optimizer.param_groups]
