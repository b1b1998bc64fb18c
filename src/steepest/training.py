"""One run: a workload trained by one rule from one seed, measured on a fixed grid of steps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter

import torch
from torch import Tensor, nn

from .optim import as_optimizer
from .rules import Rule
from .status import Outcome, Status
from .workloads import Workload

__all__ = ["EVALUATIONS", "Point", "Run", "gradient_noise", "train"]

EVALUATIONS = 50
"""How often a run is measured; steps to target are known to within a fiftieth of the run."""

Data = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Point:
    """One measurement of a run.

    Attributes:
        step: updates made so far.
        train_loss: mean training loss since the last measurement; at step 0 the held-out loss.
        loss: loss on the held-out data.
        metric: the workload's metric on the held-out data.
        seconds: time spent in training steps so far; the clock stands still while measuring.
    """

    step: int
    train_loss: float
    loss: float
    metric: float
    seconds: float


@dataclass
class Run:
    """What came of a run: its curve and how it ended."""

    outcome: Outcome
    curve: list[Point] = field(default_factory=list)
    steps_to_target: float = math.inf

    @property
    def seconds_a_step(self) -> float:
        """Mean time of one update, measuring excluded."""
        last = self.curve[-1]
        return last.seconds / last.step if last.step else math.nan


def train(workload: Workload, rule: Rule, seed: int, steps: int | None = None, batch_size: int | None = None) -> Run:
    """Train the workload's model by the rule and measure it on the way.

    The seed decides the initial weights and the order of the examples, whatever the rule, so runs of one seed are
    paired. Torch's global generator is left as it was.

    Args:
        workload: what to train.
        rule: the optimizer.
        seed: of the initial weights and of the order of examples.
        steps: number of updates; default: the workload's.
        batch_size: examples a step; default: the workload's; more than there are means all.

    Returns:
        A `Run`. One that diverges ends early and says so.
    """
    steps = workload.steps if steps is None else steps
    data = _data(workload)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = workload.model()
        batches = _batches(data[0], data[1], batch_size or workload.batch_size, seed)
        return _loop(workload, model, as_optimizer(type(rule)), rule, batches, data, steps)


@cache
def _data(workload: Workload) -> Data:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return workload.data()


def _batches(inputs: Tensor, targets: Tensor, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, each epoch in a new order; the examples left over at its end are skipped."""
    generator = torch.Generator().manual_seed(seed)
    count = len(inputs)
    if size >= count:
        while True:
            yield inputs, targets
    while True:
        order = torch.randperm(count, generator=generator)
        for first in range(0, count - size + 1, size):
            chosen = order[first : first + size]
            yield inputs[chosen], targets[chosen]


def _loop(
    workload: Workload, model: nn.Module, optimizer_class: type[torch.optim.Optimizer], rule: Rule,
    batches: Iterator[tuple[Tensor, Tensor]], data: Data, steps: int,
) -> Run:  # fmt: skip
    settings = {name: getattr(rule, name) for name in rule.hyperparameters()}
    optimizer = optimizer_class(model.parameters(), **settings)
    run = Run(Outcome(Status.FINISHED, "finished"))
    loss, metric = _measure(workload, model, data)
    run.curve.append(Point(0, loss, loss, metric, 0.0))
    step, seconds = 0, 0.0
    for goal in _grid(steps):
        started = perf_counter()
        total = torch.zeros(())
        for _ in range(goal - step):
            inputs, targets = next(batches)
            optimizer.zero_grad()
            value = workload.loss(model(inputs), targets)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += value.detach()
        train_loss = float(total) / (goal - step)
        seconds += perf_counter() - started
        step = goal
        loss, metric = _measure(workload, model, data)
        run.curve.append(Point(step, train_loss, loss, metric, seconds))
        if not (math.isfinite(loss) and math.isfinite(train_loss)):
            message = f"the loss became non-finite by step {step}; try a smaller learning rate"
            run.outcome = Outcome(Status.NON_FINITE, message, step)
            return run
        if workload.reached(metric) and math.isinf(run.steps_to_target):
            run.steps_to_target = step
    run.outcome = _outcome(run)
    return run


def gradient_noise(workload: Workload, batch_size: int, samples: int = 200) -> float:
    """How far one batch's gradient is from the whole gradient at the start, relative to its length.

    The root of the mean of |g_batch - g|^2 over random batches, divided by |g|: what mini-batches average away.
    """
    data = _data(workload)
    if batch_size >= len(data[0]):
        return 0.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = workload.model()
        whole = _gradient(workload, model, data[0], data[1])
        batches = _batches(data[0], data[1], batch_size, seed=0)
        errors = [float((_gradient(workload, model, *next(batches)) - whole).square().sum()) for _ in range(samples)]
    return math.sqrt(sum(errors) / samples) / float(whole.norm())


def _gradient(workload: Workload, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """The gradient of the loss, all parameters in one row; frozen ones have none, unused ones 0."""
    trained = [param for param in model.parameters() if param.requires_grad]
    loss = workload.loss(model(inputs), targets)
    parts = torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in parts])


def _grid(steps: int) -> list[int]:
    """The steps at which a run is measured: evenly spaced, the last one included."""
    count = min(EVALUATIONS, steps)
    return [round(steps * (i + 1) / count) for i in range(count)]


@torch.no_grad()
def _measure(workload: Workload, model: nn.Module, data: Data) -> tuple[float, float]:
    model.eval()
    output = model(data[2])
    loss, metric = float(workload.loss(output, data[3])), float(workload.metric(output, data[3]))
    model.train()
    return loss, metric


def _outcome(run: Run) -> Outcome:
    first, last = run.curve[0], run.curve[-1]
    if last.loss > first.loss:
        message = (
            f"the loss ended above where it began ({last.loss:.3g} > {first.loss:.3g}); try a smaller learning rate"
        )
        return Outcome(Status.DIVERGED, message, last.step)
    if math.isfinite(run.steps_to_target):
        return Outcome(
            Status.REACHED, f"reached the target at step {run.steps_to_target:.0f}", int(run.steps_to_target)
        )
    return Outcome(Status.FINISHED, f"did not reach the target; the loss went from {first.loss:.3g} to {last.loss:.3g}")
