"""`steepest.watch`: what is wrong with a training, found while it runs and without changing it."""

import copy
from collections.abc import Callable, Iterable, Mapping
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
from .finding import Diagnosis, add_once, ranked
from .functions import Functions
from .gauge import step_size
from .observer import Observer
from .origin import Origin, origin_of
from .processes import rank
from .proof import KEPT, Proof, prove
from .record import Record
from .schedule import Schedule
from .signs import signs_of
from .target import unwrapped_optimizer

__all__ = ["Doctor", "watch"]


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
        self._functions = Functions(self.unseen, again=again, validation=validation, tell=tell)
        self._told: set[str] = set()
        self._since: dict[str, int] = {}
        self._ranked: tuple[int, list[Diagnosis]] = (-1, [])
        self._works = self._is_copy = False
        self._seconds = 0.0
        self._observer: Observer | None = None
        self._waiting: tuple[Any, ...] | None = None
        if rank() == 0:
            watched = model, optimizers, Schedule(budget, clock, steps), keep, averaged
            if any(map(is_lazy, model.parameters())):  # of unknown shape until the first forward pass
                self._waiting = watched
            else:
                self._guarded(self._begin, *watched)

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
                watched, self._waiting = self._waiting, None
                self._guarded(self._begin, *watched)
            if self._observer is not None:
                self._guarded(self._observer.step, loss, self._tell_new)
            elif self._is_copy:
                add_once(self.unseen, "unseen_copy", steps=self.record.steps)
        except BaseException:  # Ctrl-C in the midst of it: what was seen of this step is not whole
            if self._observer is not None:
                self._observer.break_off()
            raise
        finally:
            self._works = False

    @property
    def findings(self) -> list[Diagnosis]:
        """What is wrong, the worst first; empty where nothing was found."""
        waits = self._observer is not None and self._observer.waits
        if self._ranked[0] != self.record.steps or waits:
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
        observer = self._observer
        return observer is not None and observer.watches and observer.target.resembles(module)

    def follow_average(self, averaged: nn.Module) -> None:
        """Look at the end whether a moving average of the model was ever updated, as `watch(averaged=...)` does."""
        if self._observer is not None:
            self._guarded(self._observer.follow_average, averaged)

    def say_unseen(self, code: str, **numbers: Any) -> None:
        """Add to `unseen`, once, what a code of the catalogue says with the numbers of its sentence."""
        add_once(self.unseen, code, **numbers)

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
        path: Path = home.write_page(self, file, lang, save=rank() == 0)
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
        patient = self._observer.patient if self._observer is not None else None
        proof = prove(patient, self.unseen, found, batches, loss, pairs, steps, tell)
        self.proofs = [each for each in self.proofs if each.code != code] + [proof]
        return proof

    @property
    def seconds(self) -> float:
        """Time that it has taken from the training so far."""
        return self._observer.seconds if self._observer is not None else self._seconds

    def close(self) -> None:
        """Remove all hooks; findings remain."""
        self._waiting = None
        if self._observer is not None and self._observer.watches:
            self._guarded(self._observer.close)
            self._ranked = (-1, [])  # some things are told at the end only

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        _ = self.findings  # values that are still on a device are fetched
        others = {
            "_functions": Functions([]), "_observer": None, "_waiting": None, "_seconds": self.seconds,
            "_works": False, "_is_copy": True,
        }  # fmt: skip
        kept = {name: value for name, value in vars(self).items() if name not in others}
        return copy.deepcopy(kept) | others  # the record goes on

    # --- how it works -----------------------------------------------------------------------------------------------

    def _begin(self, model: nn.Module, optimizers: list[Any], *others: Any) -> None:
        self.origin = origin_of(model, optimizers)
        self._observer = Observer(model, optimizers, self.record, self.unseen, self._functions, *others)

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        except Exception as error:  # the training must go on
            add_once(self.unseen, "unseen_error", error=one_line(error))
            if self._observer is not None:
                self._observer.leave()

    def _rank(self) -> None:
        if self._observer is not None:
            self._observer.flush()
        self._ranked = self.record.steps, ranked(signs_of(self.record, self._since) | self.record.proved)

    def _tell_new(self) -> None:
        if "tell" not in self._functions:
            return
        for finding in self.findings:
            if finding.code not in self._told and "tell" in self._functions:
                self._told.add(finding.code)
                self._functions("tell", finding)
