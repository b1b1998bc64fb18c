"""Supervised learning from tensors in memory: data, a model, a loss and a target, as a Python file of a few lines.

The built-in workloads in this folder are such files too. A file needs

- `data()` -> `(inputs, targets, held_out_inputs, held_out_targets)`, tensors or arrays with one row an example,
- `model()` -> a fresh `torch.nn.Module`,
- `loss(output, targets)` -> a scalar tensor to minimize,
- `target`: the value of the metric that counts as having arrived,

and may have

- `metric(output, targets)` -> a scalar, measured on the held-out data (default: the loss),
- `metric_name`, its name in tables and figures,
- `higher_is_better` (default: True with a metric, False with the loss),
- `batch_size` (default 32) and `steps` (default 300),
- what `recipe.py` names: groups, accumulation, clipping, autocast and more.

The first line of its docstring says what it is. `read` makes a `Supervised` problem of the file.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import last_words
from ..datasets import NotHere
from .devices import to_device
from .digest import digest
from .functional import Functional
from .pieces import measured_in_pieces, rows_at_once
from .problem import check_facts
from .recipe import Recipe, RecipeSession, check_parameters_of_loss, recipe_of
from .seeding import drawing_from, random_state, seeded

__all__ = ["LINES_TO_ADD", "Supervised", "read"]

LINES_TO_ADD = {
    "data": "def data(): return inputs, targets, held_out_inputs, held_out_targets",
    "model": "def model(): return torch.nn.Linear(10, 1)",
    "loss": "def loss(output, targets): return torch.nn.functional.mse_loss(output, targets)",
    "target": "target = 0.95",
}
"""What a file must have, and the line to add where it is missing."""

METRIC_LINE = "def metric(output, targets): return (output - targets).abs().mean()"

GATHERED = 1 << 22
"""Bytes of batches that are put in order at a time: many small ones at once, large ones each by itself."""

Data = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Supervised(Recipe):
    """A problem of four tensors and a few functions of them.

    Attributes:
        data: gives training inputs and targets, then held-out ones.
        loss: what is minimized.
        metric: what is measured on the held-out data.
        batch_size: examples a step; as many as there are, or more, mean all.
        name, about, about_zh, metric_name, higher_is_better, target, steps: see `Problem`.
        model, groups, accumulate, clip_norm, autocast, ema, compile, show: see `Recipe`.
    """

    name: str = ""
    about: str = ""
    about_zh: str = ""
    data: Callable[[], Data]
    loss: Callable[[Tensor, Tensor], Tensor]
    metric: Callable[[Tensor, Tensor], Tensor]
    metric_name: str
    higher_is_better: bool
    target: float
    batch_size: int = 32
    steps: int = 300

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "SupervisedSession":
        """A model with the seed's weights, and batches in the seed's order."""
        return SupervisedSession(self, seed, device)

    def try_out(self) -> float:
        """Go once through the parts with two examples, on the CPU."""
        part = "data"
        try:
            with seeded(0):
                made = self.data()
                sets = _tensors(made if isinstance(made, Iterable) and not isinstance(made, Tensor) else ())
                if len(sets) != 4 or not all(isinstance(tensor, Tensor) and tensor.numel() > 0 for tensor in sets):
                    raise InvalidValue(
                        "must return four non-empty tensors: inputs, targets, held-out inputs and targets;"
                        f" write for example:  {LINES_TO_ADD['data']}"
                    )
                inputs, targets, held_out_inputs, held_out_targets = sets
                if len(inputs) != len(targets) or len(held_out_inputs) != len(held_out_targets):
                    raise InvalidValue(
                        f"inputs and targets must have the same number of rows, got {len(inputs)} and {len(targets)},"
                        f" held out {len(held_out_inputs)} and {len(held_out_targets)}"
                    )
                part = "model"
                model = self.model()
                self.check_model(model)
                output = model(inputs[:2])
                part = "groups"
                self.check_groups(model)
                part = "loss"
                value = self.loss(output, targets[:2])
                if not (isinstance(value, Tensor) and value.numel() == 1 and value.requires_grad):
                    raise InvalidValue(
                        "must return a scalar tensor that depends on the model;"
                        f" write for example:  {LINES_TO_ADD['loss']}"
                    )
                check_parameters_of_loss(value, model)
                part = "metric"
                number = self.metric(output.detach(), targets[:2])
                if isinstance(number, str):  # float() would read it
                    raise InvalidValue(f"must return a number, got {number!r}; write for example:  {METRIC_LINE}")
                float(number)
                return self.begin(0).measure()["metric"]
        except NotHere:  # which needs no part of a file named
            raise
        except SteepestError as error:
            raise InvalidValue(f"{self.name}: `{part}` {error}") from None
        except (Exception, SystemExit) as error:
            raise InvalidValue(f"{self.name}: `{part}` raised {last_words(error, self.name)}") from error

    def shows(self) -> bool:
        """Whether there is a `show`; of sessions without one no data are made to tell."""
        return self.show is not None or (type(self).begin is not Supervised.begin and super().shows())

    def examples(self) -> int:
        """Number of training examples."""
        return len(_data(self.data)[0])

    def made_data(self) -> tuple[Any, ...]:
        """The data made anew, as tensors."""
        return _tensors(self.data())

    def size(self) -> int:
        """Bytes of the data."""
        return sum(tensor.nbytes for tensor in _data(self.data))

    def gradient_noise(self, batch_size: int, samples: int = 200) -> float:
        r"""The noise of a batch's gradient, $\sqrt{\mathrm{E} |g_B - g|^2} / |g|$, from random batches at the start."""
        inputs, targets, *_ = _data(self.data)
        if batch_size >= len(inputs):
            return 0.0
        with seeded(0):
            model = self.model()
            whole = self._gradient(model, inputs, targets)
            batches = islice(_batches(inputs, targets, batch_size, seed=0), samples)
            errors = [float((self._gradient(model, *batch) - whole).square().sum()) for batch in batches]
        return math.sqrt(sum(errors) / samples) / float(whole.norm())

    def _gradient(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        """The gradient of the loss, all parameters in one row; frozen ones have none, unused ones 0."""
        trained = [param for param in model.parameters() if param.requires_grad]
        loss = self.loss(model(inputs), targets)
        parts = torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True)
        return torch.cat([part.flatten() for part in parts])


class SupervisedSession(RecipeSession):
    """One training of a `Supervised` problem: batches without replacement."""

    def __init__(self, problem: Supervised, seed: int, device: torch.device | str) -> None:
        self._problem = problem
        self._data = _data_on(torch.device(device), problem.data)
        super().__init__(problem, seed, device)
        self._go_to(0)

    def _go_to(self, batch: int) -> None:
        inputs, targets, *_ = self._data
        self.next_batch = _batches(inputs, targets, self._problem.batch_size, self._seed, batch).__next__

    def loss_of(self, batch: Any) -> Tensor:
        """Of the model's output on the batch."""
        inputs, targets = batch
        return self._problem.loss(self.model(inputs), targets)

    def measure(self) -> dict[str, float]:
        """Loss and metric on the held-out data, in eval mode; in pieces, where training needs less memory."""
        inputs, targets = self._data[2:]
        problem = self._problem
        with self.evaluated():
            loss, metric = measured_in_pieces(self.model, inputs, targets, self._rows(), (problem.loss, problem.metric))
        return {"loss": loss, "metric": metric}

    def _rows(self) -> int:
        """How many rows are measured at once, found out by the first session of a process."""
        problem = self._problem
        key = problem.data, problem.model, problem.batch_size, problem.autocast, self._on
        if key not in _ROWS:
            with drawing_from(random_state(self._on), self._on):
                _ROWS[key] = rows_at_once(self.model, self._data[2], problem.batch_size)
        return _ROWS[key]

    def fingerprint(self) -> bytes:
        """Of the four tensors."""
        return _data_digest(self._problem.data)

    def functions(self) -> Functional:
        """Of the four tensors; the batches draw from no global generator."""
        loss, metric = self._problem.loss, self._problem.metric

        def measure(model: nn.Module, held_out: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
            output = model(held_out[0])
            return {"loss": loss(output, held_out[1]), "metric": metric(output, held_out[1])}

        return Functional(
            iter(lambda: self.next_batch(), None), lambda model, batch: loss(model(batch[0]), batch[1]),
            tuple(self._data[2:]), measure, {"loss": loss, "metric": metric},
        )  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state)
        self._go_to(state["batch"])


_ROWS: dict[tuple[Any, ...], int] = {}


@cache
def _data(data: Callable[[], Data]) -> Data:
    with seeded(0):
        return _tensors(data())  # type: ignore[return-value]


def _tensors(sets: Iterable[Any]) -> tuple[Any, ...]:
    """Arrays as tensors of the same memory, where they may be written to."""
    return tuple(to_device(part, torch.device("cpu")) if isinstance(part, np.ndarray) else part for part in sets)


@cache
def _data_on(device: torch.device, data: Callable[[], Data]) -> list[Tensor]:
    return [tensor.to(device) for tensor in _data(data)]


@cache
def _data_digest(data: Callable[[], Data]) -> bytes:
    return digest(_data(data))


def _batches(inputs: Tensor, targets: Tensor, size: int, seed: int, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, each epoch in a new order, but for the first few; an epoch's remainder is left out."""
    count = len(inputs)
    if size >= count:
        while True:
            yield inputs, targets
    generator = torch.Generator().manual_seed(seed)
    epochs, skip = divmod(skip, count // size)
    for _ in range(epochs):
        torch.randperm(count, generator=generator)
    batch_bytes = size * (inputs[0].nbytes + targets[0].nbytes)
    stride = size * max(1, GATHERED // max(1, batch_bytes))
    while True:
        order = torch.randperm(count, generator=generator)[skip * size : count // size * size]
        skip = 0
        for first in range(0, len(order), stride):  # many batches put in order at once, not one by one
            chosen = order[first : first + stride].to(inputs.device)
            sets = (torch.split(part.index_select(0, chosen), size) for part in (inputs, targets))
            yield from zip(*sets, strict=True)


# --- reading a file ---------------------------------------------------------------------------------------------------


def read(module: ModuleType, name: str) -> Supervised:
    """The problem that a file with these functions defines.

    Raises:
        InvalidValue: a part is missing (which, and a line to add), or is of the wrong kind.
    """
    for part, line in LINES_TO_ADD.items():
        if not hasattr(module, part):
            raise InvalidValue(f"{name}: has no `{part}`; add for example:  {line}")
    about = (module.__doc__ or Path(name).stem).strip().partition("\n")[0]
    has_metric = hasattr(module, "metric")
    problem = Supervised(
        name=name,
        about=about,
        data=_function(module, name, "data"),
        model=_function(module, name, "model"),
        loss=_function(module, name, "loss"),
        metric=_function(module, name, "metric" if has_metric else "loss"),
        about_zh=str(getattr(module, "about_zh", about)),
        metric_name=str(getattr(module, "metric_name", "metric" if has_metric else "held-out loss")),
        higher_is_better=getattr(module, "higher_is_better", has_metric),
        target=module.target,
        batch_size=getattr(module, "batch_size", 32),
        steps=getattr(module, "steps", 300),
        **recipe_of(module, name),
    )
    if problem.batch_size is None:
        raise InvalidValue(f"{name}: `batch_size` must be a whole number from 1, got None")
    check_facts(problem)
    return problem


def _function(module: ModuleType, name: str, part: str) -> Callable[..., Any]:
    value = getattr(module, part)
    if not callable(value) or (part == "model" and isinstance(value, nn.Module)):
        line = LINES_TO_ADD.get(part, METRIC_LINE)
        raise InvalidValue(f"{name}: `{part}` must be a function; write for example:  {line}")
    return value  # type: ignore[no-any-return]
