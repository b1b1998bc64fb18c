"""Beside a run whose steps are forward, backward and step only: most of its steps take what they take without it."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import wraps
from time import perf_counter, thread_time
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ...training.trainer import Trainer
from ...workloads.recipe import RecipeSession
from ...workloads.stepping import needs_closure
from ..finding import Diagnosis, ranked
from ..parameters import Before, params_of, units_of
from ..record import Record, StepFacts, Tick
from ..replay import draws_now, put_back
from ..schedule import FIRST, Schedule
from ..signs import signs_of
from ..state import State
from .notes import Notes
from .run import BUDGET

__all__ = ["BesidePlain", "has_plain_steps"]

FETCHED = 256
"""Losses that are fetched together."""


def has_plain_steps(trainer: Trainer) -> bool:
    """Whether a step is forward, backward and step only, and its loss can be computed once more without a trace."""
    session, loss = trainer.session, getattr(trainer.problem, "loss", None)
    plain = isinstance(session, RecipeSession) and session.is_plain and not needs_closure(trainer.optimizer)
    return plain and isinstance(loss, FunctionType | BuiltinFunctionType | nn.modules.loss._Loss)


class BesidePlain:
    """The signs of one run, as the `observer` of `train`; what all runs have in common was seen in a first look.

    Of the steps between two measurements the first may be observed: parameters and gradients before it and after it,
    and its loss once more. The losses of all steps are read later, many at a time.

    Args:
        look: the record of `first_look`.
        budget: share of the run's time.

    Attributes:
        record: what was seen.
        seconds: time that it has taken between two steps so far.
        error: what ended the looking; None where nothing did.
    """

    def __init__(self, look: Record, budget: float = BUDGET) -> None:
        self.record = look.another()
        self.error: Exception | None = None
        self.seconds, self._budget, self._made = 0.0, budget, 0
        self._waiting: list[Tensor] = []

    @property
    def findings(self) -> list[Diagnosis]:
        """What is wrong with the run, the worst first."""
        return ranked(signs_of(self.record, {}) | self.record.proved)

    @contextmanager
    def watching(self, trainer: Trainer) -> Iterator[None]:
        """Watch the steps that the trainer makes within this context."""
        session: Any = trainer.session
        clock = thread_time if trainer.on_processor else perf_counter  # not those of others on a busy processor
        advance, schedule = session.advance, Schedule(self._budget, clock, trainer.updates)
        self._step, self._notes = _Step(session, trainer.optimizer, clock), Notes(self.record, trainer.optimizer)
        left = clock()

        def advancing(optimizer: Any, steps: int) -> Any:
            nonlocal left
            if self.error is not None:
                return advance(optimizer, steps)
            started, made = perf_counter(), self._made
            if made <= FIRST[-1]:  # early on there is a measurement after each step
                schedule.aside += clock() - left
            observes = schedule.due(made)
            begun = perf_counter()
            with self._step if observes else nullcontext():
                losses = advance(optimizer, steps)
            ended = perf_counter()
            self._guarded(self._note, losses, observes)
            seconds = begun - started + perf_counter() - ended
            if observes:
                schedule.observed(made, seconds + self._step.taken)
                seconds += self._step.seconds
            else:
                schedule.passed(seconds)
            self.seconds += seconds
            if made <= FIRST[-1]:
                left = clock()
            return losses

        session.advance = advancing
        try:
            yield
        finally:
            del session.advance
            self._guarded(self._fetch)

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        except Exception as error:  # the training must go on
            self.error = error

    def _note(self, losses: Sequence[Tensor], observed: bool) -> None:
        if observed:
            self.record.observe(self._step.tick(self._made, losses))
        self._made += len(losses)
        self._waiting += losses
        if len(self._waiting) >= FETCHED:
            self._fetch()
        self._notes.read_rates(self._made)

    def _fetch(self) -> None:
        if self._waiting:
            losses, self._waiting = torch.stack(self._waiting).tolist(), []
            self._notes.add(losses)


class _Step:
    """Observes the first step of a session within this context.

    Args:
        session, optimizer: of the run.
        clock: seconds.

    Attributes:
        taken: the time that observing the last one took, by the clock.
        seconds: the time that passed meanwhile.
    """

    def __init__(self, session: Any, optimizer: Any, clock: Callable[[], float]) -> None:
        self._session, self._optimizer = session, optimizer
        self._units = units_of(session.model)
        self._names = {id(param): name for name, param in session.model.named_parameters()}
        self._device = next(iter(session.model.parameters())).device
        self._clock, self.taken, self.seconds = clock, 0.0, 0.0

    def __enter__(self) -> None:
        owners = (self._session, "next_batch"), (self._optimizer, "step")
        self._own = [(owner, name, vars(owner).get(name)) for owner, name in owners]
        self._next_batch, self._make = self._session.next_batch, self._optimizer.step
        self._batch: Any = None
        self._before: Before | None = None
        self._update: StepFacts | None = None
        self._error: Exception | None = None
        self._loss, self.taken, self.seconds = math.nan, 0.0, 0.0

        @wraps(self._make)
        def stepping(*args: Any, **kwargs: Any) -> Any:
            self._timed(self._keep)
            returned = self._make(*args, **kwargs)
            self.__exit__()
            self._timed(self._compare)
            return returned

        self._session.next_batch, self._optimizer.step = self._taking, stepping

    def __exit__(self, *raised: object) -> None:
        for owner, name, own in self._own:
            if own is not None:
                setattr(owner, name, own)
            else:
                vars(owner).pop(name, None)

    def tick(self, step: int, losses: Sequence[Tensor]) -> Tick:
        """The numbers of the step, from the losses of all steps within the context.

        Raises:
            Exception: what went wrong while it was observed.
        """
        if self._error is not None:
            raise self._error
        tick = Tick(step, backwards=1, update=self._update)
        if self._update is not None and not math.isnan(self._loss):
            tick.gain = (float(losses[0]) - self._loss) / self._update.descent
        return tick

    def _taking(self) -> Any:
        batch = self._next_batch()
        self._timed(self._begin, batch)
        return batch

    def _timed(self, work: Callable[..., None], *args: Any) -> None:
        began, started = perf_counter(), self._clock()
        try:
            if self._error is None:
                work(*args)
        except Exception as error:  # the training must go on
            self._error = error
        self.taken += self._clock() - started
        self.seconds += perf_counter() - began

    def _begin(self, batch: Any) -> None:
        self._batch, self._draws = batch, draws_now(self._device)

    def _keep(self) -> None:
        params = params_of(self._optimizer, self._names)
        self._before = Before(params, self._optimizer, self._units, gauged=False)

    def _compare(self) -> None:
        """What the step has changed, and the loss that comes of it; batch and copies are let go."""
        (before, batch), self._before, self._batch = (self._before, self._batch), None, None
        assert before is not None
        self._update = update = before.after({})
        state = State(self._session.model)
        try:
            state.keep(pytree.tree_leaves(batch))
            if update.finite and update.descent > 0 and not state.obstacle:
                self._draws.restore()  # the session seeds all generators before its next batch
                with torch.no_grad():
                    self._loss = float(self._session.loss_of(batch))
        finally:
            put_back(state.restore)
