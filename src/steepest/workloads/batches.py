"""Learning from batches of any kind: a model, an iterable of batches, a loss and an evaluation, as a short Python file.

A file needs

- `model()` -> a fresh `torch.nn.Module`,
- `batches()` -> any iterable of batches, asked for anew for each epoch: a generator, a DataLoader, a stream without
  end. It may take `model` (data that come from the model in training), `seed` (another one for each epoch; torch's,
  NumPy's and Python's generators are seeded anyway), `batch_size`, which can then be compared, and `device`,
- `loss(model, batch)` -> a scalar tensor to minimize,
- `evaluate(model)` -> `{name: number}`, with the metric and `"loss"`, by which divergence is told; a metric that is
  better when lower is taken for the loss where there is none. The model is in eval mode, without gradients. With a
  second argument, `evaluate(model, device)`, it is told where the model is,
- `target`: the value of the metric that counts as having arrived,

and may have `metric_name` (default "loss"), `higher_is_better` (default: False for the loss, True for anything else),
`steps` (default 300), `batch_size`, and what `recipe.py` names: groups, accumulation, clipping, autocast and more.

Batches are tensors, arrays, tuples, lists, dicts or objects with `.to(device)`, nested as deep as you like. They come
to the device of the run; arrays become tensors. `read` makes a `FromBatches` problem of the file.
"""

import hashlib
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue
from ..base.modules import last_words
from .devices import device_of, to_device
from .digest import add_tensors
from .draws import epoch_seed
from .functional import Functional
from .problem import check_facts, shown
from .recipe import MODEL_LINE, Recipe, RecipeSession, check_function, check_parameters_of_loss, recipe_of
from .seeding import random_state, seeded, set_random_state

__all__ = ["LINES_TO_ADD", "FromBatches", "read"]

LINES_TO_ADD = {
    "model": MODEL_LINE,
    "batches": "def batches(): return torch.utils.data.DataLoader(examples, batch_size=32, shuffle=True)",
    "loss": "def loss(model, batch): return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])",
    "evaluate": "def evaluate(model): return {'loss': held_out_loss(model), 'accuracy': accuracy(model)}",
    "target": "target = 0.95",
}
"""What a file must have, and the line to add where it is missing."""

LONG_EPOCH = "sampler=torch.utils.data.RandomSampler(examples, num_samples=1_000_000)"
"""The argument of a DataLoader that shuffles all examples again and again within an epoch."""

TAKEN = ("model", "seed", "batch_size", "device")
"""Arguments that `batches` may take."""


@dataclass(frozen=True, kw_only=True)
class FromBatches(Recipe):
    """A problem of batches from an iterable.

    Attributes:
        batches: gives the iterable of an epoch; takes those of `takes`, by name.
        takes: some of "model", "seed", "batch_size" and "device".
        loss: of a model on a batch.
        evaluate: numbers about a model by name.
        own_batch_size: that of the file, whatever is compared.
        name, about, about_zh, metric_name, higher_is_better, target, steps, batch_size: see `Problem`.
    """

    name: str = ""
    about: str = ""
    about_zh: str = ""
    batches: Callable[..., Iterable[Any]]
    takes: tuple[str, ...] = ()
    loss: Callable[[nn.Module, Any], Tensor]
    evaluate: Callable[[nn.Module], Mapping[str, Any]]
    metric_name: str = "loss"
    higher_is_better: bool = False
    target: float
    steps: int = 300
    batch_size: int | None = None
    own_batch_size: int | None = None

    measured_by, data_part = "evaluate", "batches"

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "BatchesSession":
        """A model with the seed's weights, and batches whose random numbers follow from the seed."""
        return BatchesSession(self, seed, device)

    def epoch(self, model: nn.Module, seed: int, number: int, batch_size: int | None = None) -> Iterator[Any]:
        """The batches of an epoch."""
        return iter(self.batches(**self._arguments(model, seed, number, batch_size)))

    def _arguments(self, model: nn.Module, seed: int, number: int, batch_size: int | None = None) -> dict[str, Any]:
        given = {
            "model": model,
            "seed": epoch_seed(seed, number),
            "batch_size": batch_size or self.batch_size,
            "device": device_of(model),
        }
        return {name: given[name] for name in self.takes}

    def read_measure(self, numbers: "Mapping[str, Tensor | float]") -> tuple[float, float]:
        """The loss and the metric; one that is better when lower is the loss where there is no other."""
        if isinstance(numbers, Mapping) and not self.higher_is_better and self.metric_name in numbers:
            numbers = {"loss": numbers[self.metric_name]} | dict(numbers)
        return super().read_measure(numbers)

    def try_out(self) -> float:
        """Go once through the parts, with two batches, on the CPU."""
        with seeded(0):
            with self.naming("model"):
                model = self.model()
                self.check_model(model)
                model.to("cpu")
            with self.naming("groups"):
                self.check_groups(model)
            with self.naming("batches"):
                batch = self._first_batch(model)
            try:
                with self.naming("loss"):
                    value = self.loss(model, batch)
            finally:  # whatever has been raised, this is the cause
                with self.naming("model"):
                    _check_place(model)
            with self.naming("loss"):
                self._check_loss(value, model)
            with self.naming("evaluate"):
                self._check_evaluation()
        return super().try_out()

    def _first_batch(self, model: nn.Module) -> Any:
        """The first batch; the next one, of this epoch or of another, is seen to be of the same kind."""
        given = self.batches(**self._arguments(model, 0, 0))
        if not isinstance(given, Iterable):
            raise InvalidValue(f"must return an iterable, got {shown(given)}; {_line('batches')}")
        again = self.batches(**self._arguments(model, 0, 1))
        if again is given and getattr(given, "persistent_workers", False):
            raise InvalidValue(
                "gives a DataLoader with persistent_workers, which go on with their random numbers from run to run;"
                f" leave that out, and for fewer starts of workers make epochs longer:  {LONG_EPOCH}"
            )
        first, other = iter(given), iter(again)
        if first is other:
            raise InvalidValue(f"gives the same iterator each time, which is used up after one; {_line('batches')}")
        two = [*islice(first, 2)]
        if not two:
            raise InvalidValue(f"gives no batch; {_line('batches')}")
        two += [*islice(other, 1)] if len(two) == 1 else []
        if len(two) == 1:
            raise InvalidValue(f"gives no batch in its second epoch; {_line('batches')}")
        kinds = [kind_of(batch) for batch in two]
        if kinds[0] != kinds[1]:
            raise InvalidValue(f"gives first {kinds[0]}, then {kinds[1]}; write for example:  yield inputs, targets")
        return to_device(two[0], torch.device("cpu"))

    def _check_loss(self, value: Any, model: nn.Module) -> None:
        if not (isinstance(value, Tensor) and value.numel() == 1):
            raise InvalidValue(f"must return a scalar tensor, got {shown(value)}; {_line('loss')}")
        if not value.requires_grad:
            raise InvalidValue(
                "returns a tensor that is cut off from the model, by detach(), item() or no_grad() perhaps;"
                f" {_line('loss')}"
            )
        if value.device.type != "cpu":
            raise InvalidValue(f"must be on the device of the model, cpu, not on {value.device}; {_line('loss')}")
        if value.isnan():
            raise InvalidValue(f"gives nan for the first batch at the initial weights; {_line('loss')}")
        check_parameters_of_loss(value, model)
        model.zero_grad()
        try:
            value.backward()  # type: ignore[no-untyped-call]
        except Exception as error:
            raise InvalidValue(
                f"gives what backward() cannot go through: {last_words(error)}; leave backward() to steepest,"
                f" {_line('loss')}"
            ) from None
        if all(param.grad is None for param in model.parameters()):
            raise InvalidValue(f"depends on no parameter of the model that it is given; {_line('loss')}")

    def _check_evaluation(self) -> None:
        session = self.begin(0, "cpu")
        weights = [param.detach().clone() for param in session.model.parameters()]
        try:
            numbers = session.measure()
        except RuntimeError as error:
            if "does not require grad" not in str(error):
                raise
            raise InvalidValue(
                f"needs gradients, which are off in it ({last_words(error, self.name)}); write  with"
                " torch.enable_grad():  above the lines that do"
            ) from error
        if not all(map(_same_numbers, weights, session.model.parameters())):
            raise InvalidValue(
                "changes the weights of the model, which are still to be trained; work on a copy.deepcopy"
            )
        if not isinstance(numbers, Mapping):
            raise InvalidValue(f"must return a dict of numbers, got {shown(numbers)}; {_line('evaluate')}")
        needed = [self.metric_name, *(["loss"] if self.higher_is_better else [])]
        for name in needed:
            if name not in numbers:
                has = ", ".join(map(repr, numbers)) or "nothing"
                line = f"return {{{', '.join(f'{each!r}: ...' for each in dict.fromkeys(needed))}}}"
                if name == "loss" and self.metric_name in numbers:
                    line += f"  (or  higher_is_better = False  if a smaller {self.metric_name!r} is better)"
                raise InvalidValue(f"must return a number named {name!r}; it has {has}; write for example:  {line}")
        for name, number in zip(("loss", self.metric_name), self.read_measure(numbers), strict=True):
            if math.isnan(number):
                raise InvalidValue(f"gives nan for {name!r} at the initial weights; write 0.0 where it is not defined")


def _check_place(model: nn.Module) -> None:
    for param in model.parameters():
        if param.device.type != "cpu":
            raise InvalidValue(f"went to {param.device} by itself; leave out its calls of .to() and .cuda()")


def _same_numbers(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _line(part: str) -> str:
    return f"write for example:  {LINES_TO_ADD[part]}"


class BatchesSession(RecipeSession):
    """One training of a `FromBatches` problem."""

    def __init__(self, problem: FromBatches, seed: int, device: torch.device | str) -> None:
        super().__init__(problem, seed, device)
        self._problem = problem
        self._epoch, self._first, self._batches = -1, 0, iter(())
        self._kept: tuple[Any, list[Any]] | None = None

    def next_batch(self) -> Any:  # as a method: a bound one kept here would keep the workers of a DataLoader alive
        """The next batch of this epoch, or the first of another."""
        if self._kept is not None:
            batch, state = self._kept
            self._kept = None
            set_random_state(state, self._on)
            return batch
        try:
            batch = next(self._batches)
        except StopIteration:
            self._begin_epoch(self._epoch + 1, self._batch)
            try:
                batch = next(self._batches)
            except StopIteration:
                raise InvalidValue(
                    f"{self._problem.name}: `batches` gives no batch in epoch {self._epoch + 1}; give another iterable"
                    f" each time, {_line('batches')}"
                ) from None
        return to_device(batch, self._on)

    def _begin_epoch(self, number: int, first: int) -> None:
        self._epoch, self._first = number, first
        self._batches = self._problem.epoch(self.model, self._seed, number)

    def loss_of(self, batch: Any) -> Tensor:
        return self._problem.loss(self.model, batch)

    def functions(self) -> Functional | None:
        """The batches, with the random numbers of each, and their loss; evaluated is run by run."""
        if "model" in self._problem.takes:
            return None
        return Functional(self._seeded_batches(), self._problem.loss)

    def _seeded_batches(self) -> Iterator[Any]:
        while True:
            self._draws.begin(self._batch)
            batch = self.next_batch()
            self._draws.end()
            self._batch += 1
            yield batch

    def measure(self) -> Mapping[str, Any]:
        """What `evaluate` gives."""
        with self.evaluated():
            return self._problem.evaluate(self.model)

    def fingerprint(self) -> bytes:
        """Of the first batch, which is kept for the first step; where sizes compete, of that of the file's own size."""
        problem = self._problem
        made = hashlib.sha256()
        if problem.batch_size != problem.own_batch_size:
            with seeded(0, self._on):
                self._draws.begin(0)
                batch = next(problem.epoch(self.model, self._seed, 0, problem.own_batch_size), None)
            _add(made, batch)
            return made.digest()
        self._peek()
        assert self._kept is not None
        _add(made, self._kept[0])
        return made.digest()

    def _peek(self) -> None:
        """Have the next batch now, and keep it, with the random numbers that come after it."""
        if self._kept is None:
            self._draws.begin(self._batch)
            batch = self.next_batch()
            self._kept = batch, random_state(self._on)

    def state_dict(self) -> dict[str, Any]:
        """Weights, generators, and the place in the data.

        Raises:
            InvalidValue: data that come from the model, in the middle of an epoch: they cannot be had again.
        """
        if "model" in self._problem.takes and self._batch > self._first:
            self._peek()  # which tells whether the epoch has ended
            if self._batch > self._first:
                raise InvalidValue(
                    f"{self._problem.name}: `batches(model)` cannot go on in the middle of an epoch; let an epoch end"
                    " after each batch, or write a Problem with a state_dict of its own"
                )
        is_new = self._kept is not None and self._batch == self._first
        return super().state_dict() | {"epoch": self._epoch - is_new, "first": self._first}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there: the epoch is begun anew and the batches that were had already are passed over."""
        super().load_state_dict(state)
        self._kept, self._batches = None, iter(())
        self._epoch, self._first = state["epoch"], state["first"]
        with seeded(0, self._on):
            for index in range(state["first"], state["batch"]):
                self._draws.begin(index)
                if index == state["first"]:
                    self._begin_epoch(state["epoch"], index)
                next(self._batches, None)
                self._draws.end()
        self._draws.load(state["draws"], self._batch)


# --- batches of any kind ----------------------------------------------------------------------------------------------


def kind_of(batch: Any) -> str:
    """What a batch is made of, without its sizes.

    >>> kind_of((torch.ones(2, 3), {"y": torch.ones(2, dtype=torch.int64)}))
    '(float32, {y: int64})'
    """
    if isinstance(batch, Tensor | np.ndarray):
        return str(batch.dtype).removeprefix("torch.")
    if isinstance(batch, Mapping):
        return f"{{{', '.join(f'{key}: {kind_of(batch[key])}' for key in batch)}}}"
    if isinstance(batch, tuple):
        return f"({', '.join(map(kind_of, batch))})"
    if isinstance(batch, list) and any(isinstance(part, Tensor | np.ndarray | Mapping | tuple) for part in batch):
        return f"[{', '.join(map(kind_of, batch))}]"
    return type(batch).__name__


def _add(made: "hashlib._Hash", batch: Any) -> None:
    """Feed a batch to a hash; of objects of other kinds, their kind only."""
    if isinstance(batch, np.ndarray):
        batch = to_device(batch, torch.device("cpu"))
    if isinstance(batch, Tensor):
        add_tensors(made, [batch.to_dense() if batch.layout != torch.strided else batch])
    elif isinstance(batch, Mapping):
        for key, value in batch.items():
            made.update(repr(key).encode())
            _add(made, value)
    elif isinstance(batch, tuple | list):
        made.update(f"{len(batch)}".encode())
        for value in batch:
            _add(made, value)
    elif isinstance(batch, str | bytes | int | float | bool | None):
        made.update(repr(batch).encode())
    else:
        made.update(type(batch).__name__.encode())


# --- reading a file ---------------------------------------------------------------------------------------------------


def read(module: ModuleType, name: str) -> FromBatches:
    """The problem that a file with these parts defines.

    Raises:
        InvalidValue: a part is missing (which, and a line to add), or is of the wrong kind.
    """
    for part, line in LINES_TO_ADD.items():
        if not hasattr(module, part):
            raise InvalidValue(f"{name}: has no `{part}`; add for example:  {line}")
    with_device = "device" in _names(module.evaluate)
    for part, arguments in {"model": 0, "loss": 2, "evaluate": 2 if with_device else 1}.items():
        check_function(name, part, getattr(module, part), arguments, LINES_TO_ADD[part])
    batches, takes = _batches_of(module.batches, name)
    about = (module.__doc__ or Path(name).stem).strip().partition("\n")[0]
    metric_name = str(getattr(module, "metric_name", "loss"))
    size = getattr(module, "batch_size", None)
    if "batch_size" in takes and size is None:
        raise InvalidValue(f"{name}: `batches` takes a batch_size; add for example:  batch_size = 32")
    if "batch_size" not in takes:
        size = None  # it is the file's own business
    problem = FromBatches(
        name=name,
        about=about,
        about_zh=str(getattr(module, "about_zh", about)),
        model=module.model,
        batches=batches,
        takes=takes,
        loss=module.loss,
        evaluate=partial(_evaluate_there, module.evaluate) if with_device else module.evaluate,
        metric_name=metric_name,
        higher_is_better=getattr(module, "higher_is_better", metric_name != "loss"),
        target=module.target,
        steps=getattr(module, "steps", 300),
        batch_size=size,
        own_batch_size=size,
        **recipe_of(module, name),
    )
    check_facts(problem)
    return problem


def _batches_of(value: Any, name: str) -> tuple[Callable[..., Iterable[Any]], tuple[str, ...]]:
    """A function that gives an epoch's batches, and which arguments it takes."""
    if not callable(value):
        if not isinstance(value, Iterable) or iter(value) is value:
            raise InvalidValue(f"{name}: `batches` must be a function; write for example:  {LINES_TO_ADD['batches']}")
        return partial(_same, value), ()
    params = inspect.signature(value).parameters.values()
    needed = [
        param.name
        for param in params
        if param.default is param.empty and param.kind not in (param.VAR_POSITIONAL, param.VAR_KEYWORD)
    ]
    if other := [param for param in needed if param not in TAKEN]:
        raise InvalidValue(
            f"{name}: `batches` may take model, seed, batch_size and device, not {', '.join(other)};"
            f" write for example:  {LINES_TO_ADD['batches']}"
        )
    return value, tuple(param.name for param in params if param.name in TAKEN)


def _names(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # no function, or one without a signature
        return []


def _evaluate_there(evaluate: Callable[..., Mapping[str, Any]], model: nn.Module) -> Mapping[str, Any]:
    return evaluate(model, device=device_of(model))


def _same(value: Iterable[Any]) -> Iterable[Any]:
    return value
