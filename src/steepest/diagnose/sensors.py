"""Hooks on a model and its optimizers, for the time of an observed step; what they see, as an `Observation`.

A hook never raises into the training: what goes wrong inside is handed to `failed`, and the observation is dropped.
Between observed steps one hook remains, which keeps weak references to the last inputs.
"""

import math
import sys
import weakref
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from .asleep import draws_in
from .autograd import path_between
from .drops import Drops
from .engine import adds_gradients, at_end, in_transform, running
from .first_layers import data_for, facts_of
from .loss_input import left_out
from .losses import read
from .observation import Forward, Observation
from .parameters import Before, dense, params_of
from .replay import draws_now
from .roots import before_backward
from .sampled import Samples
from .target import Target
from .twins import twins_in

__all__ = ["Sensors"]

KEPT = 4
"""Calls of the model in one step of which outputs are kept: the last ones."""

MARKED = 2**18
"""The most entries of a parameter, the smallest one aside, whose gradient is copied to see whether it is zeroed."""

MISSED = 3
"""Observed steps without a call of the model after which no hooks are put on it any more."""


def guarded(method: Callable[..., None]) -> Callable[..., None]:
    """A hook that hands its own errors to `failed`."""

    @wraps(method)
    def hook(self: "Sensors", *args: Any, **kwargs: Any) -> None:
        if torch.compiler.is_compiling() or self.now is None:
            return  # a hook that is compiled does nothing, and the compiled code does not depend on it
        started, before = self.clock(), self.seconds
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # the training must go on
            self.failed(error)
        self.seconds = before + self.clock() - started  # what hooks within this one took is in it

    return hook


class Sensors:
    """Hooks on what is trained.

    Attributes:
        seconds: the time that hooks have taken.
        now: the observation of the running step; None between observed steps.
        marker: a small parameter that gets a gradient: it shows whether gradients are zeroed.
        no_limit: why the optimizer that stepped last has no largest stable curvature; empty if it has.

    Args:
        target: what is trained.
        clock: seconds.
        failed: a method that takes the error of a hook. Its owner is not kept alive: hooks live as long as the model.
        units: the dimension of hidden units by the identity of a weight (`units_of`).
    """

    silent = False
    no_limit = ""
    now: Observation | None = None

    def __init__(
        self,
        target: Target,
        clock: Callable[[], float],
        failed: Callable[[Exception], None],
        units: dict[int, int],
    ) -> None:
        self.target, self.clock, self.units = target, clock, units
        self._rows = {key for key, dim in units.items() if dim == 0}
        self._failed = weakref.WeakMethod(failed)
        self.seconds = 0.0
        self.closely = False
        self.marker: Tensor | None = None
        self._markers: list[Tensor] = []
        self._inside, self._left, self._closures = False, False, 0
        self._optimizer: torch.optim.Optimizer | None = None
        self._deferred: Callable[[], None] | None = None
        self._before: Before | None = None
        self._handles: list[Any] = []
        self._marking: Any = None
        self._last: list[weakref.ref[Tensor]] = []
        self._missed = 0
        self._parted = False
        self._root: Any = None
        self._listening: Callable[[], None] | None = None
        self._pending: Tensor | None = None
        try:
            self._root = target.outer.register_forward_pre_hook(self._begin, with_kwargs=True)
        except RuntimeError:  # a scripted module takes no hooks
            self._missed = MISSED

    def __deepcopy__(self, memo: dict[int, Any]) -> "Sensors":
        """A copy of the model, such as a moving average, carries hooks that do nothing."""
        return _silent()

    def __reduce__(self) -> tuple[Callable[[], "Sensors"], tuple[()]]:
        return _silent, ()

    def failed(self, error: Exception) -> None:
        """Hand on the error of a hook, unless nobody is left to take it."""
        take = self._failed()
        if take is not None:
            take(error)

    # --- observing ------------------------------------------------------------------------------------------------

    def arm(self, closely: bool, fresh: bool) -> None:
        """Observe from now on.

        Args:
            closely: whether to see which modules run, too.
            fresh: whether the optimizer has just stepped, so that gradients should be zeroed now.
        """
        self._renew()
        self.closely = closely
        self.now = Observation(fresh=fresh, version=self.target.version)
        if self._markers:  # one after the other: gradients of a part of a model may be zeroed
            self._markers.append(self._markers.pop(0))
            self.marker = self._markers[-1]
        if closely and not self.target.compiles:
            self.now.samples, self.now.drops = Samples(), Drops()
        self._when_allowed(self._hook)

    def _hook(self) -> None:
        if self._listening is None:
            self._listening = before_backward(_heard_by(self))
        if not self._handles:
            if self._missed < MISSED:
                self._handles.append(self.target.outer.register_forward_hook(self._end))
            for optimizer in self.target.optimizers:
                if hasattr(optimizer, "register_step_pre_hook"):
                    self._handles.append(optimizer.register_step_pre_hook(self._pre))
                    self._handles.append(optimizer.register_step_post_hook(self._post))
            if self.closely and self._missed < MISSED:
                self._handles += [module.register_forward_pre_hook(self._runs) for module in self.target.hookable]
        if self._missed and not self._parted and len(self.target.optimizers) == 1:  # else each may have its own loss
            self._handles += [module.register_forward_hook(self._part) for module in self.target.parts]
            self._parted = True

    def disarm(self) -> None:
        """Remove all hooks but the one that stays."""
        self._renew()
        self.now = None
        self._when_allowed(self._unhook)

    def _unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._parted = False
        if self._listening is not None:
            self._listening()
            self._listening = self._pending = None

    def _when_allowed(self, change: Callable[[], None]) -> None:
        """Change hooks now; within a hook of an optimizer's step, which goes through them, at the next forward pass."""
        self._deferred = change if _among_hooks() else None
        if self._deferred is None:
            change()

    def settle(self) -> None:
        """Take up a step that is made, before its own hook comes: `Doctor.step` may be called by another one."""
        if self._before is not None and self._optimizer is not None and _among_hooks() == "after":
            self._post(self._optimizer, (), {})

    def _renew(self) -> None:
        if self._marking is not None:  # first: if Ctrl-C interrupts the rest, the next observation adds a hook again
            self._marking.remove()
            self._marking = None
        if self.now is not None:
            if self.now.updates and self._missed < MISSED:
                self._missed = 0 if self.now.forwards else self._missed + 1
            self.now.release()
        self._before, self._inside = None, False

    def leave(self) -> None:
        """Remove every hook."""
        self.disarm()
        self._left = True
        if self._root is not None and self._deferred is None:
            self._root.remove()

    def last_inputs(self) -> list[Tensor]:
        """Tensors of the last call of the model that still exist."""
        return [tensor for reference in self._last if (tensor := reference()) is not None]

    # --- hooks ----------------------------------------------------------------------------------------------------

    def _begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if torch.compiler.is_compiling() or self.silent or not torch.is_grad_enabled() or _within():
            return
        try:
            if self._deferred is not None:
                self._when_allowed(self._deferred)
                if self._left:
                    self.leave()
            values = (*args, *kwargs.values())
            self._last = [weakref.ref(value) for value in values if isinstance(value, Tensor)]
            if self.now is not None:
                self._observe(args, kwargs)
        except Exception as error:  # the training must go on
            self.failed(error)

    @guarded
    def _observe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        assert self.now is not None
        training = self.target.model.training
        versions = [(value, value._version) for value in _tensors((args, kwargs)) if not value.is_inference()]
        self.now.forwards.append(Forward((args, kwargs), draws_now(self.target.device), training, versions))
        self.now.forwards[-1].weights = self.target.rewritten
        self.now.rates = self.target.rates()
        self.now.running = True
        self.now.calls += 1
        for earlier in self.now.forwards[:-1]:  # only one is repeated, so no more batches are kept
            if not earlier.gradients:
                earlier.drop_batch()
        if len(self.now.forwards) > KEPT:
            self.now.forwards.pop(0).release()

    @guarded
    def _end(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self.now is None or not torch.is_grad_enabled() or not self.now.forwards or _within():
            return
        self.now.running = False
        forward = self.now.forwards[-1]
        forward.rewrites = self.target.rewritten != forward.weights
        forward.outputs = [
            value for value in pytree.tree_leaves(output) if isinstance(value, Tensor) and value.requires_grad
        ][:8]
        if not forward.outputs and hasattr(output, "__dict__"):
            forward.outputs = [
                value for value in vars(output).values() if isinstance(value, Tensor) and value.requires_grad
            ][:8]
        forward.made = [value._version for value in forward.outputs]
        forward.draws_more = draws_in(forward, self.target.device)
        for place, tensor in enumerate(forward.outputs):
            tensor.register_hook(self._reached(self.now, forward, place))  # type: ignore[no-untyped-call]

    @guarded
    def _part(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """A layer of a model that is not called itself: the last one gives what the loss is computed from."""
        if self.now is None or self.now.forwards or not torch.is_grad_enabled() or _within():
            return
        now, made = self.now, [value for value in _tensors(output) if value.requires_grad][:8]
        draws = now.parts[0].draws if now.parts else draws_now(self.target.device)
        call = Forward(None, draws, module.training, [], made, [value._version for value in made])
        now.parts.append(call)
        if len(now.parts) > KEPT:
            now.parts.pop(0).release()
        for place, tensor in enumerate(made):
            tensor.register_hook(self._came_back(now, call, place))  # type: ignore[no-untyped-call]

    def _came_back(self, now: Observation, call: Forward, place: int) -> Callable[[Tensor], None]:
        def came_back(gradient: Tensor) -> None:
            if now is self.now:
                call.gradients[place] = gradient.detach()

        return came_back

    @guarded
    def _runs(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self.now is not None and not torch.is_grad_enabled() and self.now.running:
            self.now.ran_apart.add(id(module))
        if self.now is not None and torch.is_grad_enabled():
            self.now.ran.add(id(module))
            if self.now.forwards and (data := data_for(module, args)) is not None:
                fed = self.now.forwards[-1].fed
                if len(fed) < KEPT and all(each is not module for each, _ in fed):
                    fed.append((module, facts_of(data)))
            if self.now.samples is not None and self.now.samples.made:
                self.now.samples.use(args)

    @guarded
    def differentiates(self, root: Tensor) -> None:
        """A backward pass is about to begin, maybe of another model in another thread."""
        assert self.now is not None
        made = [output for call in self.now.forwards or self.now.parts for output in call.outputs]
        path = path_between(root, made)
        if path:
            self.now.compared = read(path, made) or self.now.compared
            self.now.left_out = left_out(path)
            self._pending = root

    def _reached(self, now: Observation, forward: Forward, place: int) -> Callable[[Tensor], None]:
        def reached(gradient: Tensor) -> None:
            if now is self.now:
                self._backward(now, forward, place, gradient)

        return reached

    @guarded
    def _backward(self, now: Observation, forward: Forward, place: int, gradient: Tensor) -> None:
        if (task := running()) != now.task:
            now.task, now.adds = task, self.target.sharded or adds_gradients(self.target.trained())
            if now.adds:
                now.root, self._pending = self._pending, None
                self._pass_begins(now, again=bool(forward.gradients))
        if not now.adds:
            return
        known = forward.gradients.get(place)  # of another backward pass through the same output
        forward.gradients[place] = gradient.detach() if known is None else known + gradient.detach()
        for other in now.forwards:
            if other is not forward:
                other.drop_batch()

    def _pass_begins(self, now: Observation, again: bool) -> None:
        """A backward pass has reached an output of the model, `again` where one did before it.

        Passes whose gradients were zeroed, since their batch was skipped, are not counted.
        """
        if now.backwards and not now.stepped and self._markers and all(map(_is_zeroed, self._markers)):
            now.backwards = 0
        there = self.marker.grad if self.marker is not None else None
        if now.came is None and now.fresh and there is not None and dense(there):
            now.kept, now.left = there, there.detach().clone()
        if now.came is None and self.marker is not None and self.marker.requires_grad:
            now.came = torch.zeros_like(self.marker)
            self._marking = self.marker.register_hook(self._arrives(now))  # type: ignore[no-untyped-call]
        at_end(lambda: self._pass_ends(now, again))

    def _arrives(self, now: Observation) -> Callable[[Tensor], None]:
        def arrives(gradient: Tensor) -> None:
            if now is self.now and now.came is not None:
                now.came += gradient.detach()

        return arrives

    @guarded
    def _pass_ends(self, now: Observation, again: bool) -> None:
        """The end of a backward pass, before anything is clipped or unscaled."""
        if now is not self.now:
            return
        now.backwards += not again
        if self._inside and self._optimizer is not None:  # in a closure: the step follows it
            self._closures += 1
            now.in_step += self._closures == 2
            self._prepare(self._optimizer)
        if now.left is not None and now.came is not None and self.marker is not None:
            summed = self.marker.grad
            size, new = (float(torch.linalg.vector_norm(tensor.float())) for tensor in (now.left, now.came))
            now.not_zeroed = (
                summed is not None
                and summed is now.kept  # zeroing by None makes a new tensor, zeroing in place does not
                and size > 1e-3 * new > 0
                and torch.allclose(summed, now.left + now.came, rtol=1e-3, atol=1e-3 * size / summed.numel() ** 0.5)
            )
        there = [(id(param), param.grad) for _, _, param in self.target.stepped() if param.grad is not None]
        gradients = {
            key: gradient.detach() for key, gradient in there if dense(gradient) and gradient.is_floating_point()
        }
        if gradients:
            norms = torch._foreach_norm(list(gradients.values()), 2)
            now.raw = list(gradients), torch.stack([norm.float() for norm in norms])

    @guarded
    def _pre(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self.now is None:
            return
        self._inside, self._closures = True, 0
        self.now.turned = not self.now.stepped and _is_turned(self.marker, self.now.came)  # else more came since
        if id(optimizer) in self.now.stepped:
            self.now.begin_anew(id(optimizer))
        if self.now.rates and hasattr(optimizer.step, "_wrapped_by_lr_sched") and not self.now.updates:
            self.now.moved = self.now.rates != self.target.rates()
        self.now.scale = _scale_of_scaler()
        self._prepare(optimizer)

    def _prepare(self, optimizer: torch.optim.Optimizer) -> None:
        """Keep what an optimizer is about to change."""
        assert self.now is not None
        self._optimizer = optimizer
        params = params_of(optimizer, self.target.names)
        for _, param, _ in params:
            (self.now.lacking if param.grad is None else self.now.had).add(id(param))
        self._before = Before(params, optimizer, self.units)
        if self.marker is None or not self.marker.requires_grad:
            self._markers = _markers([param for _, param, _ in self._before.params if id(param) in self.target.names])
            self.marker = self._markers[0] if self._markers else None
        if self.closely:
            self.now.twins += list(twins_in(self._before, self._rows, self.target.owners))

    @guarded
    def _post(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._inside, self._optimizer = False, None
        if self.now is not None and self._before is not None and not self.now.in_step:
            keys, norms = self.now.raw or ([], torch.zeros(0))
            self.now.stepped[id(optimizer)] = self.now.backwards
            facts = self._before.after(dict(zip(keys, norms.tolist(), strict=True)), self.now.scale)
            if self.now.turned:
                facts.turned, facts.descent = True, -facts.descent
            self.now.updates.append(facts)
            self.no_limit = self._before.no_limit
            self._before = None


def _heard_by(sensors: Sensors) -> Callable[[Tensor | None], None]:
    """What hears of backward passes for these, and does not keep them alive."""
    heard = weakref.WeakMethod(sensors.differentiates)

    def listener(root: Tensor | None) -> None:
        take = heard()
        if take is not None and root is not None:
            take(root)

    return listener


def _among_hooks() -> str:
    """Whether an optimizer calls this by one of its own hooks: "before" or "after" its step."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "wrapper" and frame.f_globals.get("__name__") == "torch.optim.optimizer":
            hook, optimizer = frame.f_locals.get("post_hook"), frame.f_locals.get("self")
            if hook is None:
                return "before"
            return "after" if hook in getattr(optimizer, "_optimizer_step_post_hooks", {}).values() else ""
        frame = frame.f_back
    return ""


def _scale_of_scaler() -> float:
    """The factor of the gradient scaler that steps an optimizer now; 1 where none does."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "step" and isinstance(scaler := frame.f_locals.get("self"), torch.amp.GradScaler):
            return float(scaler.get_scale())
        frame = frame.f_back
    return 1.0


def _markers(params: list[Tensor]) -> list[Tensor]:
    """Small parameters that get a gradient: the smallest, and those of the first and of the last layer."""
    reached = [param for param in params if param.grad is not None and bool(param.grad.any())]
    small = min(reached, key=lambda param: param.numel(), default=None)
    ends = [param for param in (*reached[:1], *reached[-1:]) if param is not small and param.numel() <= MARKED]
    return [] if small is None else [small, *ends]


def _is_turned(param: Tensor | None, came: Tensor | None) -> bool:
    """Whether the gradient of a parameter is what came to it in backward passes with the other sign."""
    if param is None or came is None or not dense(param.grad) or param.is_complex():
        return False
    assert param.grad is not None
    own, other = param.grad.detach().flatten().float(), came.flatten().float()
    sizes = float(torch.linalg.vector_norm(own)) * float(torch.linalg.vector_norm(other))
    return 0 < sizes < math.inf and float(own @ other) < -0.999 * sizes


def _is_zeroed(param: Tensor) -> bool:
    return param.grad is None or (dense(param.grad) and not bool(param.grad.any()))


def _within() -> bool:
    """Whether a model runs within a backward pass (checkpointing) or a transformation of torch.func."""
    return running() != -1 or in_transform()


def _tensors(tree: Any) -> list[Tensor]:
    return [value for value in pytree.tree_leaves(tree) if isinstance(value, Tensor)]


def _silent() -> Sensors:
    """Sensors of a copy of a watched model: no observation, no target."""
    sensors = Sensors.__new__(Sensors)
    sensors.silent = True
    return sensors
