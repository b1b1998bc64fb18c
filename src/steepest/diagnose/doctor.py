"""`steepest.watch`: what is wrong with a training, found while it runs and without changing it."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..base.checks import check_language, check_whole
from ..base.display import Displayed
from ..base.errors import InvalidValue, one_line
from ..findings.catalogue import Finding
from .autograd import others_between
from .every_step import EveryStep
from .examine import held_out, measure_step, normalizes, number, recovered_from, tensors_of, tick_of
from .finding import Diagnosis, ranked
from .gauge import step_size
from .leak import Rows
from .losses import Recovered
from .observation import Forward, Observation
from .origin import Origin, origin_of
from .parameters import MOST_COPIED, scale_free, units_of
from .proof import KEPT, Patient, Proof, Recording, prove
from .record import LossFacts, Record, Tick
from .replay import Unrepeatable
from .schedule import FIRST, Schedule
from .sensors import Sensors
from .signs import settle, signs_of
from .structure import Structure
from .target import Target, unwrapped, unwrapped_optimizer

__all__ = ["Doctor", "watch"]

STILL = 100
"""Steps without a change of parameters after which it is looked whether the optimizer steps at all."""

LIVE = frozenset({"_target", "_structure", "_average"})
"""Attributes of a doctor that a copy of it does not have: they belong to what is watched."""


def watch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | Iterable[torch.optim.Optimizer] | Mapping[str, torch.optim.Optimizer],
    budget: float = 0.05,
    *,
    again: Callable[[], Any] | None = None,
    validation: Callable[[], Any] | None = None,
    averaged: nn.Module | None = None,
    tell: Callable[[Diagnosis], object] | None = None,
    keep: int = KEPT,
) -> "Doctor":
    """Watch a training and find out what is wrong with it.

    Call `doctor.step(loss)` after each step of any loop, with torch's optimizers or ours. Nothing in the training
    changes: weights, random numbers and buffers are the same to the last bit, and no error of the doctor reaches it.
    The first steps are observed by hooks that leave afterwards, then single steps, as the budget allows.

    Of a step that is not observed nothing is kept but its loss. Numbers of all steps together take at most 25 MiB, or
    those of 64 observed steps where a model has more than 1,500 layers; checksums of inputs, with `validation`, at most
    8 MiB on either side; copies `keep` bytes. During an observed step there are besides a copy of the parameters, of at
    most 512 MiB, up to 64 MiB of the model's own tensors, and the last four calls of the model with their graphs; all
    of that is let go in `step`.

    Args:
        model: what is trained; in DDP or `torch.compile`, or not.
        optimizer: what steps it, or several; of a dict its values.
        budget: share of the training's time that observing takes, above 0, at most 1. The first steps cost more, which
            is paid back later.
        again: computes the loss of the last batch again, for losses that the doctor does not know.
        validation: computes the loss on held-out data, in evaluation mode of its own; called now and then.
        averaged: a moving average of the model, such as `torch.optim.swa_utils.AveragedModel`: at the end it is looked
            whether it was ever updated.
        tell: called once with each new finding, for instance `print`.
        keep: the most bytes of copies that are kept for `Doctor.prove` until the doctor is dropped: of the initial
            state, at most half of them, and of the last observed batches, at most 64. 0: none.

    Returns:
        A `Doctor`. As a context manager it removes its hooks at the end.

    Functions of yours that raise are not called again, and `unseen` says so; a model whose lazy modules have no
    parameters yet is watched from its second step on.

    Raises:
        InvalidValue: `budget` is not within (0, 1], `model` or `averaged` is no module, there is no optimizer, what
            should be a function is none, or `keep` is no whole number from 0.

    >>> import torch, steepest
    >>> model = torch.nn.Linear(4, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with steepest.watch(model, optimizer) as doctor:
    ...     for _ in range(3):
    ...         loss = model(torch.randn(8, 4)).square().mean()
    ...         loss.backward()
    ...         optimizer.step()
    ...         doctor.step(loss)
    >>> [finding.code for finding in doctor.findings]
    ['zero_grad']
    """
    if not isinstance(budget, int | float) or not 0 < budget <= 1:
        raise InvalidValue(f"budget: must be a share of the time, above 0 and at most 1, got {budget!r}")
    if not isinstance(model, nn.Module):
        raise InvalidValue(f"model: must be a torch.nn.Module, got {type(model).__name__}")
    if averaged is not None and not isinstance(averaged, nn.Module):
        raise InvalidValue(f"averaged: must be a torch.nn.Module, got {type(averaged).__name__}")
    for name, function in (("again", again), ("validation", validation), ("tell", tell)):
        if function is not None and not callable(function):
            raise InvalidValue(f"{name}: must be a function, got {function!r}")
    check_whole("keep", keep, 0)
    several = optimizer.values() if isinstance(optimizer, Mapping) else optimizer
    chosen = [unwrapped_optimizer(each) for each in (several if isinstance(several, Iterable) else [several])]
    if not chosen:
        raise InvalidValue("optimizer: there is none in what was passed; pass what steps the model, or several")
    return Doctor(model, chosen, budget, again, validation, tell, averaged, keep=keep)


class Doctor(Displayed):
    """Watches a training; made by `steepest.watch`.

    Its hooks leave when it is closed or dropped. A copy or a pickle of it has what was found and seen until then, and
    watches nothing.

    Attributes:
        record: all that was seen, as numbers.
        unseen: what the doctor cannot see in this training, a finding each.
        proofs: what came of each finding's advice that was tried.
        origin: what one needs to run the training again.

    Args:
        steps: of the whole training, where that is known: observing them all then costs no more than the budget. All
            other arguments are those of `watch`, except that `clock` gives seconds.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: list[Any],
        budget: float,
        again: Callable[[], Any] | None,
        validation: Callable[[], Any] | None,
        tell: Callable[[Diagnosis], object] | None,
        averaged: nn.Module | None = None,
        clock: Callable[[], float] = perf_counter,
        keep: int = KEPT,
        steps: int | None = None,
    ) -> None:
        self.record, self.unseen, self.proofs = Record(), list[Finding](), list[Proof]()
        self.origin = Origin()
        self._clock = clock
        theirs: dict[str, Callable[..., Any] | None] = {"again": again, "validation": validation, "tell": tell}
        self._functions = {name: function for name, function in theirs.items() if function is not None}
        self._recording = Recording(keep)
        self._patient: Patient | None = None
        self._rows, self._averaged = Rows(), averaged
        self._told: set[str] = set()
        self._works = self._is_copy = False
        self._waiting: tuple[nn.Module, list[Any]] | None = None
        self._schedule = Schedule(budget, clock, steps)
        self._sensors: Sensors | None = None
        self._every: EveryStep | None = None
        self._suspicions = self._idle = 0
        self._since: dict[str, int] = {}
        self._ranked: tuple[int, list[Diagnosis]] = (-1, [])
        if _rank() == 0:
            if any(map(is_lazy, model.parameters())):  # of unknown shape until the first forward pass
                self._waiting = model, optimizers
            else:
                self._guarded(self._begin, model, optimizers)

    # --- what a user calls ------------------------------------------------------------------------------------------

    def step(self, loss: Any) -> None:
        """Say that a step was made. Never raises.

        Args:
            loss: the loss of the step: the tensor that `backward()` was called on, else a number.
        """
        if self._works:  # a function of the user's, which the doctor has called, steps it
            return
        self._works = True
        try:
            if self._waiting is not None and not any(map(is_lazy, self._waiting[0].parameters())):
                (model, optimizers), self._waiting = self._waiting, None
                self._guarded(self._begin, model, optimizers)
            if self._sensors is not None:
                self._guarded(self._step, loss)
            elif self._is_copy:
                self._cannot("unseen_copy", steps=self.record.steps)
        except BaseException:  # Ctrl-C in the midst of it: what was seen of this step is not whole
            if self._sensors is not None:
                self._sensors.disarm()
            raise
        finally:
            self._works = False

    @property
    def findings(self) -> list[Diagnosis]:
        """What is wrong, the worst first; empty where nothing was found."""
        if self._ranked[0] != self.record.steps or (self._every is not None and self._every.waits):
            self._guarded(self._rank)
        return self._ranked[1]

    @property
    def step_size(self) -> Finding | None:
        """How near the curvature along the steps is to the largest stable one: information, no alarm; None if unknown.

        The values of all observed steps are `record.edges`.
        """
        return step_size(self.record)

    def is_average(self, module: nn.Module) -> bool:
        """Whether a module has the parameters of the model that is watched, by name and shape."""
        if self._sensors is None:
            return False
        own = {name: param.shape for name, param in self._target.model.named_parameters()}
        return bool(own) and own == {name: param.shape for name, param in unwrapped(module).named_parameters()}

    def follow_average(self, averaged: nn.Module) -> None:
        """Look at the end whether a moving average of the model was ever updated, as `watch(averaged=...)` does."""
        self._guarded(self._follow, averaged)

    def say_unseen(self, code: str, **numbers: Any) -> None:
        """Add to `unseen`, once, what a code of the catalogue says with the numbers of its sentence."""
        self._cannot(code, **numbers)

    def text(self, lang: str = "en") -> str:
        """All findings, a paragraph each, or that nothing was found; and what could not be seen.

        Raises:
            InvalidValue: `lang` is neither `"en"` nor `"zh"`.
        """
        check_language(lang)
        told: list[Finding] = [*self.findings]
        if not told:
            told = [Finding("nothing_found", {"steps": self.record.steps, "observed": self.record.observed})]
        return "\n".join(finding.text(lang) for finding in (*told, *self.unseen))

    def report(self, file: str | Path, lang: str | None = None) -> Path:
        """Write a page of all that was found and seen so far: one file, which needs no network.

        Of several processes the first one writes it.

        Args:
            file: such as `"run.html"`.
            lang: `"en"`, `"zh"`, or None to follow the reader's browser; the page can switch.

        Returns:
            The file.

        Raises:
            InvalidValue: the file is no page or cannot be written, or the language is another one.
        """
        home: Any = import_module("..report.diagnosis", __package__)  # pages stand above: loaded where one is wanted
        path: Path = home.write_page(self, file, lang, save=_rank() == 0)
        return path

    def __str__(self) -> str:
        return self.text()

    def prove(
        self,
        finding: Diagnosis | str,
        *,
        batches: Iterable[Any] | None = None,
        loss: Callable[[nn.Module, Any], Tensor] | None = None,
        pairs: int = 5,
        steps: int = 100,
        tell: Callable[[int, int], object] | None = None,
    ) -> Proof:
        """Try a finding's advice against leaving things alone, on copies; the training stays as it is.

        Copies of model and optimizer are trained on the recorded batches, in pairs with the same batches and random
        numbers, from the initial state and from that of now. It takes up to `4 * pairs + 3` runs of so many steps, and
        the memory of another model, optimizer and graph; Ctrl-C ends it.

        Args:
            finding: one of `findings`, or its code.
            batches: batches of your own, at most 64 of which are used; with `loss`, instead of the recorded ones.
            loss: the loss of a model on such a batch, a scalar.
            pairs: number of pairs from each state, at least 4.
            steps: steps of a run, at least 10; in the last fifth the learning rate falls to 0.
            tell: called after each run with the number of runs made and that of all.

        Returns:
            A `Proof`, which is kept in `proofs`, too.

        Raises:
            InvalidValue: a code that was not found, or another argument that is not as said.
        """
        code = finding if isinstance(finding, str) else finding.code
        found = next((each for each in self.findings if each.code == code), None)
        if found is None:
            there = ", ".join(each.code for each in self.findings) or "nothing"
            raise InvalidValue(f"finding: {code!r} was not found in this training; found: {there}")
        proof = prove(self._patient, self.unseen, found, batches, loss, pairs, steps, tell)
        self.proofs = [each for each in self.proofs if each.code != code] + [proof]
        return proof

    @property
    def seconds(self) -> float:
        """Time that it has taken from the training so far."""
        schedule = self._schedule
        return schedule.spent + schedule.overhead + (self._sensors.seconds if self._sensors is not None else 0.0)

    def close(self) -> None:
        """Remove all hooks; findings remain."""
        self._waiting = None
        if self._sensors is not None:
            if self._every is not None:
                self._guarded(self._every.flush)
            self._guarded(self._look_at_average)
        if self._sensors is not None:
            self._sensors.leave()
            self._sensors = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        sensors = vars(self).get("_sensors")  # there is none where the constructor has raised
        if sensors is not None:
            with suppress(Exception):  # such as of modules that are gone when the interpreter ends
                sensors.leave()

    def __getstate__(self) -> dict[str, Any]:
        _ = self.findings  # values that are still on a device are fetched
        nothing = {
            "_functions": {}, "_recording": Recording(0), "_patient": None, "_rows": Rows(), "_averaged": None,
            "_waiting": None, "_sensors": None, "_every": None, "_is_copy": True,
        }  # fmt: skip
        kept = {name: value for name, value in vars(self).items() if name not in LIVE | nothing.keys()}
        return copy.deepcopy(kept) | nothing  # the record goes on

    # --- beginning and ending ---------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        except Exception as error:  # the training must go on
            self._failed(error)

    def _call(self, name: str, *args: Any) -> Any:
        """What a function of the user's gives; once it has raised, it is not called again."""
        try:
            return self._functions[name](*args)
        except Exception as error:  # whatever it raises
            del self._functions[name]
            self._cannot("unseen_function", name=name, error=one_line(error))
            return math.nan

    def _failed(self, error: Exception) -> None:
        self._cannot("unseen_error", error=one_line(error))
        sensors, self._sensors = self._sensors, None
        if sensors is not None:
            with suppress(Exception):
                sensors.leave()

    def _cannot(self, code: str, **numbers: Any) -> None:
        if all((finding.code, finding.numbers.get("name")) != (code, numbers.get("name")) for finding in self.unseen):
            self.unseen.append(Finding(code, numbers))

    def _begin(self, model: nn.Module, optimizers: list[Any]) -> None:
        self.origin = origin_of(model, optimizers)
        known = [each for each in optimizers if isinstance(getattr(each, "param_groups", None), list)]
        for each in optimizers:
            if not hasattr(each, "register_step_pre_hook"):
                self._cannot("unseen_optimizer", name=type(each).__name__)
        self._target = target = Target(model, known)
        if target.compiles_itself:
            self._cannot("unseen_compiled")
        if not any(True for _ in model.parameters()):
            self._cannot("unseen_parameters")
        size = sum(param.numel() * param.element_size() for param in model.parameters())
        if size > MOST_COPIED:
            self._cannot("unseen_large", size=size / 1e6)
        self._alone = not target.sharded and _world() == 1
        if not self._alone:
            self._cannot("unseen_shards")
        self._structure = Structure(target, self.record)
        if self._averaged is not None:
            self._follow(self._averaged)
        self.record.optimizer = ", ".join(dict.fromkeys(type(each).__name__ for each in known))
        self._recording.begin(target)
        validation = self._functions.get("validation")
        self._patient = Patient(target, self.record, self._recording, validation, self._alone)
        self.record.scale_free = scale_free(known)
        groups = [group for optimizer in known for group in optimizer.param_groups]
        self.record.maximizes = bool(groups) and all(group.get("maximize") for group in groups)
        self.record.normalized_input = normalizes(target.model)
        self._sensors = Sensors(target, self._clock, self._failed, units_of(target.model))
        self._every = EveryStep(target, self.record, self._sensors.last_inputs)
        self._schedule.due(0)
        self._sensors.arm(closely=True, fresh=False)

    # --- each step --------------------------------------------------------------------------------------------------

    def _step(self, loss: Any) -> None:
        started, sensors, every = self._clock(), self._sensors, self._every
        assert sensors is not None and every is not None
        hooks = sensors.seconds  # those that still come are called from here
        if not (isinstance(loss, Tensor) and loss.requires_grad) and every.param is not None:
            self._cannot("unseen_number")
        every.take(loss, now=sensors.now is not None)
        if self.record.losses.is_full and not every.waits:
            settle(self.record)
        every.rates.read(self.record.steps)
        step, seen = self.record.steps - 1, sensors.now
        sensors.settle()
        if seen is not None:
            self._observe(seen, loss, sensors.closely)
            if self._sensors is None:
                return
            every.renew()
            if "tell" in self._functions:
                self._tell_new()
            now = self._clock()
            self._schedule.observed(step, now - started + hooks)
            started, sensors.seconds = now, 0.0
        following = step + 1
        suspicious = every.unchanged == STILL or (not self._target.model.training and bool(self._structure.sensitive))
        suspicious = suspicious and self._suspicions < 6
        self._suspicions += suspicious
        if self._schedule.due(following) or suspicious:
            fresh = every.unchanged == 0 or (seen is not None and bool(seen.updates))
            sensors.arm(closely=following <= FIRST[-1] and self._structure.looks < 3, fresh=fresh)
        elif seen is not None:
            sensors.disarm()
        self._schedule.passed(self._clock() - started)

    # --- observed steps ---------------------------------------------------------------------------------------------

    def _observe(self, seen: Observation, loss: Any, closely: bool) -> None:
        step = self.record.steps - 1
        self.record.peak = self._target.peak()
        path = self._structure.look(seen, loss, closely)
        forward = next((each for each in reversed(seen.forwards) if each.gradients), None)
        value = self.record.losses[step]
        last = forward or next((each for each in reversed(seen.parts) if each.gradients), None)
        recovered = recovered_from(path, last, value) if last is not None else None
        if recovered is not None and "shape" in self.record.proved:  # each target that was recovered is a mean of all
            recovered = replace(recovered, facts=LossFacts(recovered.facts.kind))
        tick = tick_of(step, seen, recovered)
        self.record.no_limit = self._sensors.no_limit if self._sensors is not None else ""
        tick.rates = tuple(rate for _, _, rate in self.record.rates)
        self.record.observe(tick)
        still = self._every.unchanged if self._every is not None else 0
        if still > STILL and tick.backwards and not seen.updates and not seen.in_step and not self.unseen:
            self.record.prove("no_step", step=step - still, calls=still)
        self._idle = 0 if seen.forwards or seen.updates or seen.in_step else self._idle + 1
        if self._idle == 3:
            self._cannot("unseen_idle")
        if self.record.maximizes and step >= 3 and not (tick.loss is not None and tick.loss.scale > 0):
            self._cannot("unseen_maximize")
        if seen.in_step:
            self._cannot("unseen_closure")
        elif seen.updates and forward is None:
            self._cannot("unseen_model")
        elif tick.backwards and not seen.updates and self._target.version > seen.version and not self.unseen:
            self._cannot("unseen_step")
        if tick.update is not None and tick.update.partial and self._alone:
            self._cannot("unseen_sparse")
        elif tick.update is not None and tick.update.finite and forward is not None and self._alone:
            self._measure(tick, forward, path, recovered)
        if forward is not None and forward.inputs is not None:
            outputs = [output for each in seen.forwards for output in each.outputs]
            whole = bool(path) and not others_between(loss, outputs, path[-1])
            self._recording.keep(forward, path[-1] if whole else None, recovered, tick, value, self._target)
        if "validation" in self._functions:
            self._rows.trained(next(iter(tensors_of(seen)), None))
            with self._rows.holding(self._target.outer):
                loss_held_out = held_out(self._target, partial(self._call, "validation"))
            if "validation" in self._functions:  # it has not raised
                self.record.validated(step, loss_held_out)
            self.record.shared, self.record.chance = self._rows.shared, self._rows.chance

    def _follow(self, averaged: nn.Module) -> None:
        self._averaged, self._average = averaged, _marks(averaged)

    def _look_at_average(self) -> None:
        """At the end of a training: whether its average of weights was ever updated."""
        if self._averaged is None or self.record.steps < 2:
            return
        count = getattr(self._averaged, "n_averaged", None)
        still = self._average == _marks(self._averaged)
        if int(count) == 0 if isinstance(count, Tensor) else still:
            self.record.prove("average", step=0, steps=self.record.steps)
            self._ranked = (-1, [])

    def _measure(self, tick: Tick, forward: Forward, path: list[Any], recovered: Recovered | None) -> None:
        again = partial(self._call, "again") if "again" in self._functions else None
        if again is None and (recovered is None or recovered.again is None):
            self._cannot("unseen_loss")
        try:
            if forward.inputs is not None:
                loss = self.record.losses[tick.step]
                measure_step(tick, self._target, forward, path, recovered, loss, again)
        except Unrepeatable as obstacle:
            self._cannot("unseen_repeat", kind=obstacle.kind, error=obstacle.error)

    # --- findings ---------------------------------------------------------------------------------------------------

    def _rank(self) -> None:
        if self._every is not None:
            self._every.flush()
        self._ranked = self.record.steps, ranked(signs_of(self.record, self._since) | self.record.proved)

    def _tell_new(self) -> None:
        for finding in self.findings:
            if finding.code not in self._told and "tell" in self._functions:
                self._told.add(finding.code)
                self._call("tell", finding)


def _marks(module: nn.Module) -> list[tuple[int, float]]:
    """Version and sum of each parameter: both stay while nothing writes to it."""
    return [(param._version, number(param.detach().sum())) for param in module.parameters()]


def _rank() -> int:
    return torch.distributed.get_rank() if _world() > 1 else 0


def _world() -> int:
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if there else 1
