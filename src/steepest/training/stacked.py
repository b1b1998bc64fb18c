"""A function of a model and data, applied to the tensors of many models at once.

`torch.vmap` does it; what is added here is what small networks need: tensors are put into the model without the
searches that `torch.func.functional_call` makes at every call, and the loss of a classifier is computed in a layout
that processors like. (torch takes a softmax over ten classes number by number; over a batch, sixteen at a time.)
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["Stacked", "tensors_of"]

Place = tuple[dict[str, Any], str]
"""The dictionary of a module in which a tensor is registered, and its name there."""


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """The parameters and buffers of a model by name; one that is there twice (tied weights) once."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


class Stacked:
    """A function `function(model, data)` for many models: same modules, other tensors.

    Args:
        model: any of the models; while the function is called it holds the others' tensors.
        function: what is applied; it may not look at values, nor draw random numbers.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> weights = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])
    >>> Stacked(model, lambda model, x: model(x))({"weight": weights}, torch.tensor([[3.0, 4.0], [3.0, 4.0]]))
    tensor([[3.],
            [8.]])
    """

    def __init__(self, model: nn.Module, function: Callable[[nn.Module, Any], Any]) -> None:
        self._model, self._function = model, function
        names = {id(tensor): name for name, tensor in tensors_of(model).items()}
        self._places: list[tuple[str, Place]] = [
            (names[id(tensor)], (registered, name))
            for module in model.modules()
            for registered in (module._parameters, module._buffers)
            for name, tensor in registered.items()
            if tensor is not None
        ]

    def __call__(self, stacks: Mapping[str, Tensor], data: Any, rows: int | None = None) -> Any:
        """The function's results for each row.

        Args:
            stacks: the tensors by name, a row for each model.
            data: tensors, or tuples, lists or dicts of them, a row for each model.
            rows: how many are computed at a time; default: all.
        """
        names = list(stacks)

        def one(data: Any, *tensors: Tensor) -> Any:
            with self._holding(dict(zip(names, tensors, strict=True))):
                return self._function(self._model, data)

        with _Layouts(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")  # whether it is fast enough is measured
            return torch.vmap(one, chunk_size=rows)(data, *stacks.values())

    @contextmanager
    def _holding(self, tensors: Mapping[str, Tensor]) -> Iterator[None]:
        before = [registered[name] for _, (registered, name) in self._places]
        try:
            for full_name, (registered, name) in self._places:
                registered[name] = tensors[full_name]
            yield
        finally:
            for (_, (registered, name)), own in zip(self._places, before, strict=True):
                registered[name] = own


class _Layouts(TorchFunctionMode):
    """While it lasts, softmax and cross entropy over the last of two axes are computed as over the first."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if (other := SUBSTITUTES.get(func)) is not None:
            result = other(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
        return func(*args, **(kwargs or {}))


def _cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: None = None, ignore_index: int = -100,
    reduce: None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """As `torch.nn.functional.cross_entropy`, for rows of scores and their classes."""
    plain = weight is None and size_average is None and reduce is None and not label_smoothing
    if not plain or input.ndim != 2 or target.ndim != 1 or target.is_floating_point() or reduction != "mean":
        return NotImplemented  # type: ignore[no-any-return]
    logarithms = torch.log_softmax(input.t().contiguous(), dim=0)
    counts = target != ignore_index
    chosen: Tensor = logarithms.gather(0, torch.where(counts, target, 0)[None])[0]
    return -torch.where(counts, chosen, 0.0).sum() / counts.sum()


def _softmax_of(softmax: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def substitute(input: Tensor, dim: int | None = None, *others: Any, **more: Any) -> Tensor:
        if input.ndim != 2 or dim not in (-1, 1) or others or more:
            return NotImplemented  # type: ignore[no-any-return]
        return softmax(input.t().contiguous(), dim=0).t()

    return substitute


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As `torch.nn.functional.linear`, which multiplies its result by one, in vmap."""
    if input.ndim != 2 or weight.ndim != 2 or bias is None:
        return NotImplemented  # type: ignore[no-any-return]
    return input @ weight.t() + bias


SUBSTITUTES: dict[Any, Callable[..., Tensor]] = {
    functional.cross_entropy: _cross_entropy,
    functional.linear: _linear,
    functional.log_softmax: _softmax_of(torch.log_softmax),
    functional.softmax: _softmax_of(torch.softmax),
    torch.log_softmax: _softmax_of(torch.log_softmax),
    torch.softmax: _softmax_of(torch.softmax),
    Tensor.log_softmax: _softmax_of(torch.log_softmax),
    Tensor.softmax: _softmax_of(torch.softmax),
}
"""Other implementations of torch's functions, to rounding the same; NotImplemented: torch's own."""
