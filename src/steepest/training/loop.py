"""One run: a workload trained by one rule from one seed, measured on a fixed grid of steps."""

import hashlib
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from time import perf_counter

import torch
from torch import Tensor, nn

from .. import schedules
from ..base.status import Outcome, Status
from ..optim.routing import optimizer_of
from ..rules import Rule
from ..workloads import Workload

__all__ = ["EVALUATIONS", "Point", "Run", "gradient_noise", "step_times", "train"]

EVALUATIONS = 50
"""How often a run is measured; steps to target are known to within a fiftieth of the run."""

BLOCK = 0.005
"""Seconds of a block of steps when step times are compared: long for a clock, short beside the machine's moods."""

ROUNDS = 9
"""Blocks that each rule gets; the median tells."""

GATHERED = 1 << 22
"""Bytes of batches that are put in order at a time: many small ones at once, large ones each by itself."""

Data = tuple[Tensor, Tensor, Tensor, Tensor]
Batches = Iterator[tuple[Tensor, Tensor]]


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
    """What came of a run: its curve and how it ended, and a fingerprint of the problem that it solved.

    The fingerprint is a hash of the data, of the initial weights and of the initial loss, to the last bit.
    """

    outcome: Outcome
    curve: list[Point] = field(default_factory=list)
    steps_to_target: float = math.inf
    fingerprint: str = ""

    @property
    def seconds_a_step(self) -> float:
        """Mean time of one update, measuring excluded."""
        last = self.curve[-1]
        return last.seconds / last.step if last.step else math.nan


def train(
    workload: Workload,
    rule: Rule,
    seed: int,
    steps: int | None = None,
    batch_size: int | None = None,
    schedule: str = "constant",
) -> Run:
    """Train the workload's model by the rule and measure it on the way.

    The seed decides the initial weights, the order of the examples and whatever else the model draws while it trains,
    whatever the rule, so runs of one seed are paired. (Torch's layers draw from its global generator and from no other;
    it is seeded for the run and afterwards as it was.)

    Args:
        workload: what to train.
        rule: the optimizer.
        seed: of all that is random.
        steps: number of updates; default: the workload's.
        batch_size: examples a step; default: the workload's; more than there are means all.
        schedule: of the learning rate over the steps, by name.

    Returns:
        A `Run`. One that diverges ends early and says so.
    """
    steps = workload.steps if steps is None else steps
    with _seeded(seed):
        trainer = _Trainer(workload, rule, seed, batch_size or workload.batch_size, schedule, steps)
        return _follow(workload, trainer, steps)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@cache
def _data(workload: Workload) -> Data:
    with _seeded(0):
        return workload.data()


class _Trainer:
    """A model, its optimizer and its batches, which can make steps and measure."""

    def __init__(
        self, workload: Workload, rule: Rule, seed: int, batch_size: int, schedule: str, steps: int
    ) -> None:  # fmt: skip
        self.workload, self.data = workload, _data(workload)
        self.model = workload.model()
        self.batches = _batches(self.data[0], self.data[1], batch_size, seed)
        self.optimizer = optimizer_of(rule, self.model)
        self._params = [param for group in self.optimizer.param_groups for param in group["params"]]
        self._factor = None if schedule == "constant" else schedules.find(schedule)
        self._rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        self._evaluates_elsewhere = type(rule).evaluation is not Rule.evaluation
        self._step, self.steps = 0, steps

    def advance(self, count: int) -> float:
        """Make steps; gives the mean of their training losses."""
        losses = []
        for inputs, targets in islice(self.batches, count):
            if self._factor is not None:
                self._set_learning_rate(self._factor(self._step % self.steps, self.steps))
            for param in self._params:  # as zero_grad() does, but without its records for a profiler
                param.grad = None
            value = self.workload.loss(self.model(inputs), targets)
            value.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            losses.append(value.detach())
            self._step += 1
        return float(torch.stack(losses).sum()) / count

    def _set_learning_rate(self, factor: float) -> None:
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    @torch.no_grad()
    def measure(self) -> tuple[float, float]:
        """Loss and metric on the held-out data, at the weights that the rule says are to be evaluated."""
        with self.optimizer.evaluating() if self._evaluates_elsewhere else nullcontext():
            self.model.eval()
            output = self.model(self.data[2])
            loss = float(self.workload.loss(output, self.data[3]))
            metric = float(self.workload.metric(output, self.data[3]))
            self.model.train()
        return loss, metric


def _batches(inputs: Tensor, targets: Tensor, size: int, seed: int) -> Batches:
    """Batches without end, each epoch in a new order; the examples left over at its end are skipped."""
    generator = torch.Generator().manual_seed(seed)
    count = len(inputs)
    if size >= count:
        while True:
            yield inputs, targets
    batch_bytes = size * (inputs[0].nbytes + targets[0].nbytes)
    stride = size * max(1, GATHERED // max(1, batch_bytes))
    while True:
        order = torch.randperm(count, generator=generator)[: count // size * size]
        for first in range(0, len(order), stride):  # many batches put in order at once, not one by one
            chosen = order[first : first + stride]
            sets = (torch.split(each.index_select(0, chosen), size) for each in (inputs, targets))
            yield from zip(*sets, strict=True)


def _follow(workload: Workload, trainer: _Trainer, steps: int) -> Run:
    """Let it train and measure it on the grid; ends early where the loss is no number any more."""
    run = Run(Outcome(Status.FINISHED, "finished"))
    loss, metric = trainer.measure()
    run.fingerprint = _fingerprint(workload, trainer.model, loss)
    run.curve.append(Point(0, loss, loss, metric, 0.0))
    step, seconds = 0, 0.0
    for goal in _grid(steps):
        started = perf_counter()
        train_loss = trainer.advance(goal - step)
        seconds += perf_counter() - started
        step = goal
        loss, metric = trainer.measure()
        run.curve.append(Point(step, train_loss, loss, metric, seconds))
        if not (math.isfinite(loss) and math.isfinite(train_loss)):
            message = f"the loss became non-finite by step {step}; try a smaller learning rate"
            run.outcome = Outcome(Status.NON_FINITE, message, step)
            return run
        if workload.reached(metric) and math.isinf(run.steps_to_target):
            run.steps_to_target = step
    run.outcome = _outcome(run)
    return run


# --- the problem, in a number -----------------------------------------------------------------------------------------


def _fingerprint(workload: Workload, model: nn.Module, loss: float) -> str:
    """A hash of the data, of the model's weights as they are now, and of its loss."""
    weights = {name: each for name, each in model.state_dict().items() if isinstance(each, Tensor)}
    digest = hashlib.sha256(_data_digest(workload))
    _add(digest, weights.values(), weights)
    digest.update(struct.pack("<d", loss))
    return digest.hexdigest()


@cache
def _data_digest(workload: Workload) -> bytes:
    digest = hashlib.sha256()
    _add(digest, _data(workload))
    return digest.digest()


def _add(digest: "hashlib._Hash", tensors: Iterable[Tensor], names: Iterable[str] = ()) -> None:
    digest.update(repr(list(names)).encode())
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


# --- the time of a step -----------------------------------------------------------------------------------------------


def step_times(
    workload: Workload, contestants: Sequence[tuple[Rule, int, str]], rounds: int = ROUNDS, block: float = BLOCK
) -> list[list[float]]:
    """Seconds a training step of several rules on one workload, evaluation excluded, measured in turns.

    A machine is faster at one time than at another. So each round times a block of steps of every contestant, one after
    the other, and every round begins with another of them.

    Args:
        workload: what is trained.
        contestants: rule, batch size and schedule of each.
        rounds: how many blocks each is given.
        block: seconds that a block shall last; at least one step.

    Returns:
        For each contestant, seconds a step in each round.
    """
    with _seeded(0):
        trainers = [_Trainer(workload, rule, 0, size, schedule, workload.steps) for rule, size, schedule in contestants]
        counts = [_steps_in(trainer, block) for trainer in trainers]
        times: list[list[float]] = [[] for _ in trainers]
        for turn in range(rounds):
            for place in range(len(trainers)):
                index = (turn + place) % len(trainers)
                times[index].append(_seconds(trainers[index], counts[index]) / counts[index])
    return times


def _steps_in(trainer: _Trainer, block: float) -> int:
    """How many steps fill a block, a whole run at most; the first one, which loads and compiles, tells nothing."""
    trainer.advance(1)
    trial = min(_seconds(trainer, 1) for _ in range(2))
    return min(max(1, round(block / max(trial, 1e-9))), trainer.steps)


def _seconds(trainer: _Trainer, count: int) -> float:
    started = perf_counter()
    trainer.advance(count)
    return perf_counter() - started


# --- gradient noise ---------------------------------------------------------------------------------------------------


def gradient_noise(workload: Workload, batch_size: int, samples: int = 200) -> float:
    """How far one batch's gradient is from the whole gradient at the start, relative to its length.

    The root of the mean of |g_batch - g|^2 over random batches, divided by |g|: what mini-batches average away.
    """
    data = _data(workload)
    if batch_size >= len(data[0]):
        return 0.0
    with _seeded(0):
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
