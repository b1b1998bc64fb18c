"""What is done beside each step of a training: its loss is kept, and some steps are observed closely.

An observed step (`sensors.py`) becomes a tick of numbers (`examine.py`) in a record, a batch that can be trained on
again (`proof/recording.py`), and checksums of its inputs (`leak.py`).
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from ..base.errors import one_line
from ..findings.catalogue import TRAINING, Finding
from .autograd import others_between
from .average import Average
from .every_step import EveryStep
from .examine import held_out, measure_step, normalizes, number, recovered_from, tensors_of, tick_of
from .finding import add_once
from .functions import Functions
from .leak import Rows
from .losses import Recovered
from .modes import depends_on_mode
from .observation import Forward, Observation
from .parameters import MOST_COPIED, scale_free, units_of
from .processes import world
from .proof import Patient, Recording
from .record import LossFacts, Record, Tick
from .replay import Unrepeatable
from .roots import multiple
from .schedule import FIRST, Schedule, is_mark
from .sensors import Sensors
from .signs import settle
from .signs.levels import level_of, recent
from .structure import LOOKS, Structure
from .target import Target

__all__ = ["Observer"]

STILL = 100
"""Steps without a change of parameters after which it is looked whether the optimizer steps at all."""

RARELY = 64
"""Steps after which it is looked, observed or not, whether parameters have been unfrozen."""

LATE = (60, 120, 240)
"""Steps that are observed where the loss is still near that of guessing."""

SUSPICIONS = 6
"""The most steps that are observed for what the step before looked like, besides those that the schedule allows."""


class Observer:
    """Observes a training from now on; its hooks leave when it is closed or dropped.

    Args:
        model: what is trained.
        optimizers: what steps it.
        record: where goes what is seen.
        unseen: where it is said what cannot be seen.
        functions: of the user's: `again` and `validation`.
        schedule: decides which steps are observed.
        keep: the most bytes that are kept for trials of an advice.
        averaged: a moving average of the model.

    Attributes:
        target: model and optimizers.
        recording: what is kept for trials.
        patient: what a trial needs.
        alone: whether the model runs in one process, unsharded.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: list[Any],
        record: Record,
        unseen: list[Finding],
        functions: Functions,
        schedule: Schedule,
        keep: int,
        averaged: nn.Module | None = None,
    ) -> None:
        self._record, self._unseen, self._functions, self.schedule = record, unseen, functions, schedule
        self._clock = schedule.clock
        self._rows = Rows()
        self._suspicions = self._idle = 0
        known = [each for each in optimizers if isinstance(getattr(each, "param_groups", None), list)]
        for each in optimizers:
            if not hasattr(each, "register_step_pre_hook"):
                self._cannot("unseen_optimizer", name=type(each).__name__)
        self.target = target = Target(model, known)
        if target.compiles_itself:
            self._cannot("unseen_compiled")
        if not any(True for _ in model.parameters()):
            self._cannot("unseen_parameters")
        size = sum(param.numel() * param.element_size() for param in model.parameters())
        if size > MOST_COPIED:
            self._cannot("unseen_large", size=size / 1e6)
        self.alone = not target.sharded and world() == 1
        if not self.alone:
            self._cannot("unseen_shards")
        self._structure = Structure(target, record)
        self._average = Average(averaged) if averaged is not None else None
        record.optimizer = ", ".join(dict.fromkeys(type(each).__name__ for each in known))
        record.scale_free = scale_free(known)
        groups = [group for optimizer in known for group in optimizer.param_groups]
        record.maximizes = bool(groups) and all(group.get("maximize") for group in groups)
        record.normalized_input = normalizes(target.model)
        self.recording = Recording(keep)
        self.recording.begin(target)
        self.patient = Patient(target, record, self.recording, functions.get("validation"), self.alone)
        self._sensors: Sensors | None = Sensors(target, self._clock, self.failed, units_of(target.model))
        self._every = EveryStep(target, record, self._sensors.last_inputs)
        schedule.due(0)
        self._sensors.arm(closely=True, fresh=False)

    # --- how it begins and ends -------------------------------------------------------------------------------------

    @property
    def watches(self) -> bool:
        """Whether it has hooks on the training."""
        return self._sensors is not None

    @property
    def seconds(self) -> float:
        """Time that it has taken from the training so far."""
        hooks = self._sensors.seconds if self._sensors is not None else 0.0
        return self.schedule.spent + self.schedule.overhead + hooks

    def follow_average(self, averaged: nn.Module) -> None:
        """Look at the end whether a moving average of the model was ever updated."""
        self._average = Average(averaged)

    def close(self) -> None:
        """Take up what is still on a device, and remove all hooks."""
        if self._sensors is None:
            return
        try:
            self._every.flush()
            steps = self._record.steps
            if self._average is not None and steps >= 2 and self._average.is_unchanged:
                self._record.prove("average", step=0, steps=steps)
        finally:
            self.leave()

    def leave(self) -> None:
        """Remove all hooks."""
        if self._sensors is not None:
            with suppress(Exception):  # such as of modules that are gone when the interpreter ends
                self._sensors.leave()
            self._sensors = None

    def break_off(self) -> None:
        """Remove the hooks of a step that came to no end."""
        if self._sensors is not None:
            self._sensors.disarm()

    def failed(self, error: Exception) -> None:
        """Say that something went wrong here, and leave: the training must go on."""
        self._cannot("unseen_error", error=one_line(error))
        self.leave()

    def __del__(self) -> None:
        if "_sensors" in vars(self):  # there are none where the constructor has raised
            self.leave()

    def _cannot(self, code: str, **numbers: Any) -> None:
        add_once(self._unseen, code, **numbers)

    # --- each step --------------------------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Whether values of steps are still on a device."""
        return self._every.waits

    def flush(self) -> None:
        """Fetch the values that are still on a device."""
        self._every.flush()

    def step(self, loss: Any, seen_more: Callable[[], None]) -> None:
        """Take up a step that was made.

        Args:
            loss: of the step.
            seen_more: called after a step that was observed.
        """
        started, sensors, every = self._clock(), self._sensors, self._every
        if sensors is None:
            return
        hooks = sensors.seconds  # those that still come are called from here
        every.take(loss, now=sensors.now is not None)
        if self._record.losses.is_full and not every.waits:
            settle(self._record)
        every.rates.read(self._record.steps)
        step, seen = self._record.steps - 1, sensors.now
        sensors.settle()
        if seen is not None:
            self._observe(seen, loss, sensors.closely)
            if self._sensors is None:
                return
            every.renew()
            seen_more()
            now = self._clock()
            self.schedule.observed(step, now - started + hooks)
            started, sensors.seconds = now, 0.0
        following = step + 1
        suspicious = every.unchanged == STILL or not self.target.model.training
        suspicious = suspicious or self._structure.wants_more
        suspicious = suspicious or (following % RARELY == 0 and self._structure.has_unfrozen())
        suspicious = suspicious or (
            following in LATE and recent(self._record) > TRAINING.learns_far * level_of(self._record)
        )
        suspicious = suspicious and self._suspicions < SUSPICIONS
        self._suspicions += suspicious
        if self.schedule.due(following) or suspicious or ("validation" in self._functions and is_mark(following)):
            fresh = every.unchanged == 0 or (seen is not None and bool(seen.updates))
            first = following <= FIRST[-1] or self._structure.wants_more
            sensors.arm(closely=first and self._structure.looks < LOOKS, fresh=fresh)
        elif seen is not None:
            sensors.disarm()
        self.schedule.passed(self._clock() - started)

    # --- observed steps ---------------------------------------------------------------------------------------------

    def _observe(self, seen: Observation, loss: Any, closely: bool) -> None:
        record = self._record
        step = record.steps - 1
        record.peak = self.target.peak()
        value, factor = record.losses[step], 1.0
        if seen.root is not None and not _has_graph(loss):  # what was differentiated says more than a number
            loss, told, value = seen.root, value, number(seen.root) / seen.scale
            if math.isclose(value, -told, rel_tol=1e-4):  # the negative of what was told
                value, factor = told, -1.0
        elif seen.root is not None and seen.root.grad_fn is not loss.grad_fn:
            factor = (multiple(seen.root, loss) or seen.scale) / seen.scale
        elif not _has_graph(loss) and self._every.param is not None:
            self._cannot("unseen_number")
        path = self._structure.look(seen, loss, value, closely)
        forward = next((each for each in reversed(seen.forwards) if each.gradients), None)
        last = forward or next((each for each in reversed(seen.parts) if each.gradients), None)
        recovered = None
        if last is not None:
            recovered = recovered_from(path, last, value, seen.scale * factor, seen.compared)
        if recovered is not None and "shape" in record.proved:  # each target that was recovered is a mean of all
            recovered = replace(recovered, facts=LossFacts(recovered.facts.kind))
        tick = tick_of(step, seen, recovered, factor)
        record.no_limit = self._sensors.no_limit if self._sensors is not None else ""
        tick.rates = tuple(rate for _, _, rate in record.rates)
        record.observe(tick)
        still = self._every.unchanged
        if still > STILL and tick.backwards and not seen.updates and not seen.in_step and not self._unseen:
            record.prove("no_step", step=step - still, calls=still)
        self._say_unseen(seen, tick, forward)
        if self._structure.asks_mode and forward is not None and self.alone:
            self._structure.asks_mode = False
            with suppress(Unrepeatable):
                if depends_on_mode(self.target, forward):
                    self._structure.mode_matters()
        whole = tick.update is not None and tick.update.finite and not tick.update.partial
        if whole and forward is not None and self.alone:
            self._measure(tick, forward, path, recovered)
        if forward is not None and forward.inputs is not None:
            outputs = [output for each in seen.forwards for output in each.outputs]
            only = bool(path) and not others_between(loss, outputs, path[-1])
            self.recording.keep(forward, path[-1] if only else None, recovered, tick, value, self.target)
        if "validation" in self._functions:
            self._validate(seen, step)

    def _say_unseen(self, seen: Observation, tick: Tick, forward: Forward | None) -> None:
        """Say what of a step cannot be seen."""
        self._idle = 0 if seen.forwards or seen.updates or seen.in_step else self._idle + 1
        if self._idle == 3:
            self._cannot("unseen_idle")
        if self._record.maximizes and tick.step >= 3 and not (tick.loss is not None and tick.loss.scale > 0):
            self._cannot("unseen_maximize")
        if seen.in_step:
            self._cannot("unseen_closure")
        elif seen.updates and forward is None:
            self._cannot("unseen_model")
        elif tick.backwards and not seen.updates and self.target.version > seen.version and not self._unseen:
            self._cannot("unseen_step")
        if tick.update is not None and tick.update.partial and self.alone:
            self._cannot("unseen_sparse")

    def _measure(self, tick: Tick, forward: Forward, path: list[Any], recovered: Recovered | None) -> None:
        """Gain and curvature of a step, from the loss on its own batch."""
        again = partial(self._functions, "again") if "again" in self._functions else None
        if again is None and (recovered is None or recovered.again is None):
            self._cannot("unseen_loss")
        try:
            loss, periodic = self._record.losses[tick.step], self._record.periodic
            measure_step(tick, self.target, forward, path, recovered, loss, again, periodic)
        except Unrepeatable as obstacle:
            self._cannot("unseen_repeat", kind=obstacle.kind, error=obstacle.error)

    def _validate(self, seen: Observation, step: int) -> None:
        """The user's loss on held-out data, and which of its rows were trained on."""
        rows = self._rows
        rows.trained(next(iter(tensors_of(seen)), None))
        with rows.holding(self.target.outer):
            loss = held_out(self.target, partial(self._functions, "validation"))
        if "validation" in self._functions:  # it has not raised
            self._record.validated(step, loss)
        self._record.shared, self._record.chance = rows.shared, rows.chance


def _has_graph(loss: Any) -> bool:
    return isinstance(loss, torch.Tensor) and loss.requires_grad
