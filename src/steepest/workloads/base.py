"""What a workload is: data, a model, a loss, a metric and a target, written as a Python file of a few lines.

The built-in ones in this folder are such files too. A file needs

- `data()` -> `(inputs, targets, held_out_inputs, held_out_targets)`, tensors with one row an example,
- `model()` -> a fresh `torch.nn.Module`,
- `loss(output, targets)` -> a scalar tensor to minimize,
- `target`: the value of the metric that counts as having arrived,

and may have

- `metric(output, targets)` -> a scalar, measured on the held-out data (default: the loss),
- `higher_is_better` (default: True with a metric, False with the loss),
- `batch_size` (default 32) and `steps` (default 300).

The first line of its docstring says what it is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import last_words

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Workload", "from_module"]

LINES_TO_ADD = {
    "data": "def data(): return inputs, targets, held_out_inputs, held_out_targets",
    "model": "def model(): return torch.nn.Linear(10, 1)",
    "loss": "def loss(output, targets): return torch.nn.functional.mse_loss(output, targets)",
    "target": "target = 0.95",
}
"""What a file must have, and the line to add where it is missing."""


@dataclass(frozen=True)
class Workload:
    """Something to train, and when it counts as trained.

    Attributes:
        name: the built-in name, or the path of the user's file.
        about, about_zh: what it is, in a line of English and of Chinese.
        data: gives training inputs and targets, then held-out ones.
        model: makes a fresh model; its initial weights come from torch's generator, which each run seeds.
        loss: what is minimized.
        metric: what is measured on the held-out data.
        metric_name: how the metric is called in tables and figures.
        higher_is_better: the direction of the metric.
        target: the value of the metric to reach.
        batch_size: examples a step.
        steps: length of a run.
    """

    name: str
    about: str
    data: "Callable[[], tuple[Tensor, Tensor, Tensor, Tensor]]"
    model: "Callable[[], nn.Module]"
    loss: "Callable[[Tensor, Tensor], Tensor]"
    metric: "Callable[[Tensor, Tensor], Tensor]"
    metric_name: str
    about_zh: str
    higher_is_better: bool
    target: float
    batch_size: int
    steps: int

    def examples(self) -> int:
        """Number of training examples; torch's generator is left as it was."""
        import torch

        with torch.random.fork_rng(devices=[]):
            return len(self.data()[0])

    def reached(self, metric: float) -> bool:
        """Whether a metric is at or beyond the target."""
        return metric >= self.target if self.higher_is_better else metric <= self.target


def from_module(module: ModuleType, name: str) -> Workload:
    """The workload that a file defines, tried out on two examples.

    Raises:
        InvalidValue: a part is missing (which, and a line to add), is of the wrong kind, or raises.
    """
    for part, line in LINES_TO_ADD.items():
        if not hasattr(module, part):
            raise InvalidValue(f"{name}: has no `{part}`; add for example:  {line}")
    about = (module.__doc__ or Path(name).stem).strip().partition("\n")[0]
    has_metric = hasattr(module, "metric")
    workload = Workload(
        name=name,
        about=about,
        data=_function(module, name, "data"),
        model=_function(module, name, "model"),
        loss=_function(module, name, "loss"),
        metric=_function(module, name, "metric" if has_metric else "loss"),
        about_zh=str(getattr(module, "about_zh", about)),
        metric_name=str(getattr(module, "metric_name", "metric" if has_metric else "held-out loss")),
        higher_is_better=bool(getattr(module, "higher_is_better", has_metric)),
        target=_number(module, name, "target"),
        batch_size=_count(module, name, "batch_size", 32),
        steps=_count(module, name, "steps", 300),
    )
    _try_out(workload)
    return workload


def _function(module: ModuleType, name: str, part: str) -> Callable[..., Any]:
    value = getattr(module, part)
    if not callable(value):
        line = LINES_TO_ADD.get(part, "def metric(output, targets): return (output - targets).abs().mean()")
        raise InvalidValue(f"{name}: `{part}` must be a function; write for example:  {line}")
    return value  # type: ignore[no-any-return]


def _number(module: ModuleType, name: str, part: str) -> float:
    value = getattr(module, part)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidValue(f"{name}: `{part}` must be a finite number, got {value!r}")
    return value


def _count(module: ModuleType, name: str, part: str, default: int) -> int:
    value = getattr(module, part, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidValue(f"{name}: `{part}` must be a whole number from 1, got {value!r}")
    return value


def _try_out(workload: Workload) -> None:
    """Go once through the parts with two examples, so that a mistake shows before anything is written."""
    import torch

    part = "data"
    try:
        with torch.random.fork_rng(devices=[]):
            sets = tuple(workload.data())
            if len(sets) != 4 or not all(isinstance(each, torch.Tensor) and len(each) > 0 for each in sets):
                raise InvalidValue("must return four non-empty tensors: inputs, targets, held-out inputs and targets")
            inputs, targets, held_out_inputs, held_out_targets = sets
            if len(inputs) != len(targets) or len(held_out_inputs) != len(held_out_targets):
                raise InvalidValue("inputs and targets must have the same number of rows")
            part = "model"
            output = workload.model()(inputs[:2])
            part = "loss"
            value = workload.loss(output, targets[:2])
            if not (isinstance(value, torch.Tensor) and value.numel() == 1 and value.requires_grad):
                raise InvalidValue("must return a scalar tensor that depends on the model")
            part = "metric"
            float(workload.metric(output.detach(), targets[:2]))
    except SteepestError as error:
        raise InvalidValue(f"{workload.name}: `{part}` {error}") from None
    except Exception as error:
        raise InvalidValue(f"{workload.name}: `{part}` raised {last_words(error, workload.name)}") from error
