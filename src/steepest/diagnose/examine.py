"""An observation becomes a tick of numbers: inputs, loss, step, and the gain of the step on its own batch."""

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ..base.errors import one_line
from ..findings.catalogue import TRAINING
from .asleep import without_dropout
from .first_layers import facts_of, nudged, nudged_inputs, roughness
from .losses import Compared, Recovered, recover
from .observation import Forward, Observation
from .parameters import dense
from .record import Tick
from .replay import Unrepeatable, draws_now, put_back, undisturbed
from .target import Target

__all__ = [
    "counterpart", "held_out", "measure_step", "normalizes", "number", "recovered_from", "tensors_of", "tick_of",
]  # fmt: skip


ALIKE = 8
"""The fewest examples that are looked at for whether all of them are the same."""

ROUGH = 2
"""The last of the first steps in which it is looked how rough a function the model is."""


def number(loss: Any) -> float:
    """A loss as a number, the mean of several; NaN where it is none."""
    try:
        value = loss
        if isinstance(loss, Tensor):
            value = loss.item() if loss.numel() == 1 else loss.detach().mean().item()
        return float(value.real if isinstance(value, complex) else value)
    except Exception:  # whatever an object of the user's raises
        return math.nan


def normalizes(model: nn.Module) -> bool:
    """Whether the first layer with an effect of its own is a normalization."""
    for module in model.modules():
        name = type(module).__name__
        if next(module.children(), None) is None and name not in ("Identity", "Flatten", "Unflatten", "Dropout"):
            return "Norm" in name
    return False


def recovered_from(
    path: list[Any], forward: Forward, loss: float, scale: float, compared: Compared | None
) -> Recovered | None:
    """The loss with its targets, from the nodes between it and an output of this call; None where they do not meet.

    What was differentiated is `scale` times the loss; `compared` is what an output is compared with, where it was read.
    """
    if not forward.is_intact:
        return None
    for place, output in enumerate(forward.outputs):
        if path and output.grad_fn is path[-1] and place in forward.gradients:
            gradient = forward.gradients[place]
            gradient = gradient if scale == 1 else gradient.float() / scale
            return recover(path, output, gradient, loss, compared).times(scale)
    return None


def tick_of(step: int, seen: Observation, recovered: Recovered | None, factor: float) -> Tick:
    """The numbers of an observation, its gain excepted; `factor` times the loss was differentiated."""
    tick = Tick(step, backwards=seen.backwards, loss=recovered.facts if recovered is not None else None)
    tick.overflow = seen.raw is not None and not math.isfinite(float(seen.raw[1].sum()))
    tick.moved = seen.moved
    if seen.updates and not seen.in_step:
        first, *others = seen.updates
        for other in others:
            first.layers += other.layers
            first.descent += other.descent
            first.bound += other.bound
            first.parallel = first.parallel and other.parallel
            first.finite = first.finite and other.finite
            first.partial = first.partial or other.partial
        first.factor = factor
        if recovered is not None and math.isfinite(recovered.facts.scale):
            first.factor = recovered.facts.scale / seen.scale
        tick.update = first
    if seen.calls > 1 and math.isclose(factor, seen.calls, rel_tol=1e-3):
        tick.calls = seen.calls
    tensors = tensors_of(seen)
    features = [value for value in tensors if value.is_floating_point() and dense(value)]
    tick.inputs = [facts_of(value) for value in features if not _relates(value, tensors)]
    tick.alike = _alike(tensors)
    for forward in seen.forwards[-1:]:
        tick.fed = [facts for _, facts in forward.fed]
        tick.slope = max(map(_slope, forward.gradients.values()), default=0.0) / seen.scale
    tick.batch = int(tensors[0].shape[0]) if tensors and tensors[0].dim() else 0
    return tick


def tensors_of(seen: Observation) -> list[Tensor]:
    """The inputs of the last call that are tensors."""
    inputs = next((forward.inputs for forward in reversed(seen.forwards) if forward.inputs is not None), None)
    if inputs is None:
        return []
    args, kwargs = inputs
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor) and not value.is_nested]
    return [value for value in tensors if value.numel()]


def _relates(value: Tensor, tensors: list[Tensor]) -> bool:
    """Whether an input is a matrix between the rows of another one, as links of a graph, masks and distances are.

    Its numbers are weights of a sum over rows, and no features, which have a scale of their own.
    """
    count = int(value.shape[-1])
    if value.dim() < 2 or int(value.shape[-2]) != count or count < 2:
        return False
    others = (other for other in tensors if other is not value)
    return any(count in other.shape[:2] and tuple(other.shape[-2:]) != (count, count) for other in others)


def _slope(gradient: Tensor) -> float:
    """The root mean square gradient of a bias of the outputs, one for each number of an example."""
    columns = gradient.reshape(-1, gradient.shape[-1] if gradient.dim() > 1 else 1)
    return float(columns.float().sum(0).square().mean().sqrt()) if gradient.is_floating_point() else 0.0


def _alike(tensors: list[Tensor]) -> bool:
    """Whether all examples of a batch have the same inputs."""
    rows = [value for value in tensors if value.dim() and len(value) >= ALIKE]
    return bool(rows) and all(dense(value) and bool((value == value[:1]).all()) for value in rows)


def measure_step(
    tick: Tick, target: Target, forward: Forward, path: list[Any], recovered: Recovered | None, loss: float,
    again: Callable[[], Any] | None, periodic: bool,
) -> None:  # fmt: skip
    r"""Gain and curvature of a step into its tick, from the loss on the same batch behind it.

    With the gradient $g$ and the step $\delta$, where clipping and a gradient scaler are taken out of $g$,

    $$\text{gain} = \frac{L(\theta) - L(\theta + \delta)}{-g \cdot \delta}, \qquad
      \delta^\top H \delta \approx 2 \left(L(\theta + \delta) - L(\theta) - g \cdot \delta\right)$$

    The second is exact for a quadratic loss; else it is the average $2 \int_0^1 (1 - s) \, \delta^\top
    H(\theta + s \delta) \, \delta \, ds$. Rounding moves it by about $4 \varepsilon L$, with $\varepsilon$ of the
    precision of the outputs. A product with the Hessian would have no such error, and takes two more passes.
    How rough the function is, is measured of `periodic` models: others are not rough but by their depth.
    """
    update = tick.update
    if update is None or not update.finite or math.isnan(update.descent):
        return
    promised = update.clipped * update.descent
    if again is not None:
        with undisturbed(target.model, forward.draws):
            fallen = loss - number(again())
    elif recovered is None or recovered.again is None:
        return
    else:
        place = next(place for place, output in enumerate(forward.outputs) if output.grad_fn is path[-1])
        if forward.inputs is None:
            raise Unrepeatable("calls")
        args, kwargs = forward.inputs
        if forward.rewrites:
            raise Unrepeatable("parameters")
        if not forward.is_repeatable:
            raise Unrepeatable("inputs")
        if any(tensor.grad_fn is not None for tensor, _ in forward.versions):
            raise Unrepeatable("part")
        if target.model.training != forward.training:
            raise Unrepeatable("mode")

        def repeat(nudge: bool = False) -> Tensor | None:
            with undisturbed(target.model, forward.draws, (*args, *kwargs.values())):
                layers = [module for module, _ in forward.fed] if nudge else []
                called = nudged_inputs((args, kwargs)) if nudge and not layers else (args, kwargs)
                try:
                    with nudged(layers):
                        returned = target.model(*called[0], **called[1])
                except Exception as error:  # the model is the user's: it may have changed since, or memory is short
                    raise Unrepeatable("raised", one_line(error)) from None
                return counterpart(returned, len(forward.outputs), place, forward.outputs[place].shape)

        after = repeat()
        if after is None:
            return
        with suppress(Unrepeatable):  # a model may refuse other inputs, and another mode
            several = after.is_floating_point() and after.dim() > 0 and len(after) >= ALIKE
            if several and forward.draws_more and forward.training and tick.step >= TRAINING.dropout_steps:
                tick.dropout = without_dropout(target.model, repeat, after)
            if several and periodic and tick.step <= ROUGH and (moved := repeat(nudge=True)) is not None:
                tick.rough = roughness(after, moved)
        before = forward.outputs[place].detach()
        fallen = number(recovered.again(before) - recovered.again(after)) / update.scaler
        fallen *= max(tick.backwards, 1)
    if promised > 0:
        tick.gain = fallen / promised
    if tick.backwards == 1 and (update.parallel or update.clipped == 1):  # else g is not the gradient of this loss
        tick.second = 2 * (promised - fallen)
        tick.rounding = 4 * _precision(forward) * max(abs(loss), abs(loss - fallen))


def _precision(forward: Forward) -> float:
    """The rounding of a forward pass: of its outputs, or of autocast."""
    kinds = [output.dtype for output in forward.outputs] + (
        [forward.draws.autocast[1]] if forward.draws.autocast else []
    )
    return max((torch.finfo(kind).eps for kind in kinds if kind.is_floating_point), default=0.0)


def held_out(target: Target, validation: Callable[[], Any]) -> float:
    """The user's loss on held-out data; modes, buffers and random numbers are put back."""
    modes = [(module, module.training) for module in target.model.modules()]

    def restore() -> None:
        for module, mode in modes:
            module.training = mode

    try:
        with undisturbed(target.model, draws_now(target.device)):
            return number(validation())
    finally:
        put_back(restore)


def counterpart(returned: Any, count: int, place: int, shape: torch.Size) -> Tensor | None:
    """The tensor of a repeated call that stands where an observed output stood, the `place`-th of `count`."""
    values = pytree.tree_leaves(returned)
    if not any(isinstance(value, Tensor) for value in values) and hasattr(returned, "__dict__"):
        values = list(vars(returned).values())
    like = [
        value for value in values if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())
    ]
    if len(like) == count:
        return like[place] if like[place].shape == shape else None
    return next((value for value in like if value.shape == shape), None)
