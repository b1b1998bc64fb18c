"""What is looked at in every step: its loss, whether a small parameter changes, and the learning rates."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from .examine import number
from .rates import Rates
from .record import Record
from .target import Target

__all__ = ["EveryStep"]

FETCHED = 32
"""Steps after which values are fetched from an accelerator."""


class EveryStep:
    """Looks at each step, and keeps in a record what it sees.

    Args:
        target: what is trained.
        record: where it goes.
        last_inputs: gives the tensors of the last call of the model that still exist.

    Attributes:
        param: the small parameter; None where there is none.
        unchanged: number of steps since it changed.
        rates: reads the learning rates.
    """

    def __init__(self, target: Target, record: Record, last_inputs: Callable[[], list[Tensor]]) -> None:
        self.record, self._target, self._last_inputs = record, target, last_inputs
        self._pending: list[Tensor] = []
        self._mark = math.nan
        self.unchanged = 0
        self.rates = Rates(record, target.optimizers)
        trained = [param for _, _, param in target.stepped() if param.requires_grad and param.numel()]
        own = [param for param in trained if id(param) in target.names] or trained
        self.param = min(own[:2], key=lambda param: param.numel(), default=None)
        self._view: Tensor | None = None
        self.renew()
        if self._view is not None:
            self._mark = number(self._view.sum())

    @property
    def waits(self) -> bool:
        """Whether values are still on a device."""
        return bool(self._pending)

    def renew(self) -> None:
        """Look at the parameter anew: `param.data = ...` gives it other memory."""
        self._view = self.param.detach() if self.param is not None and not self._target.sharded else None

    def take(self, loss: Any, now: bool) -> None:
        """Keep the loss of a step; those on an accelerator are fetched many at a time, unless they are wanted `now`."""
        mark = self._view.sum() if self._view is not None else None
        is_tensor = isinstance(loss, Tensor)
        if is_tensor and not loss.is_cpu and not loss.is_meta and loss.numel() == 1:
            values = [loss.detach().reshape(()).float()] + ([mark.float()] if mark is not None else [])
            self._pending.append(torch.stack(values))
            self.record.losses.append(math.nan)
            if now or len(self._pending) >= FETCHED:
                self.flush()
            return
        value = number(loss)
        self.record.losses.append(value)
        told = is_tensor or isinstance(loss, Real)
        self._compare(-1, value, number(mark) if mark is not None else 0.0, told)

    def flush(self) -> None:
        """Read the values that are still on a device."""
        if self._pending:
            rows = torch.stack(self._pending).tolist()
            self._pending = []
            for step, row in enumerate(rows, self.record.steps - len(rows)):
                self.record.losses.correct(step, row[0])
                self._compare(step, row[0], row[1] if len(row) > 1 else 0.0)

    def _compare(self, step: int, loss: float, mark: float, told: bool = True) -> None:
        """Whether parameters change, and what is not finite first, in a step: -1 is the last one."""
        still, self._mark = mark == self._mark, mark
        self.unchanged = self.unchanged + 1 if still else 0
        self.record.still += still
        if (math.isfinite(mark) and (math.isfinite(loss) or not told)) or "nan" in self.record.proved:
            return
        step = step % self.record.steps
        ratio = self.record.growth(step)
        if told and not math.isfinite(loss):
            if any(value.is_floating_point() and not bool(value.isfinite().all()) for value in self._last_inputs()):
                cause = "input"
            else:
                cause = "growth" if ratio > 3 else "loss"
        else:
            gradient = self.param.grad if self.param is not None else None
            cause = "update" if gradient is not None and bool(gradient.isfinite().all()) else "gradient"
            cause = "growth" if ratio > 3 else cause
        self.record.prove("nan", step=step, cause=cause, ratio=ratio)
